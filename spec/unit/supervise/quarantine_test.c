/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/config/datadir.h"
#include "core/supervise/quarantine.h"
#include "core/os/file.h"

static struct lun_datadir dir;
static struct lun_quarantine found;

static int make_folder(void **state)
{
    (void)state;
    char folder[] = "/tmp/lunette-quarantine-XXXXXX";
    char path[PATH_MAX];
    memset(&dir, 0, sizeof dir);
    dir.lock = -1;
    (void)snprintf(dir.path, sizeof dir.path, "%s", mkdtemp(folder));
    return lun_quarantine_folder(&dir, path, NULL);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[PATH_MAX + 16];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir.path);
    return system(command);
}

static struct lun_quarantine_entry entry(const char *app)
{
    struct lun_quarantine_entry made = {.release = "x@1+a",
                                        .reason = "3 \"crashes\""};
    (void)snprintf(made.app, sizeof made.app, "%s", app);
    return made;
}

static void keeps_what_is_put_into_it(void **state)
{
    (void)state;
    struct lun_quarantine_entry b = entry("b");
    struct lun_quarantine_entry a = entry("a");
    assert_int_equal(lun_quarantine_add(&dir, &b, NULL), 0);
    assert_int_equal(lun_quarantine_add(&dir, &a, NULL), 0);
    assert_int_equal(lun_quarantine_add(&dir, &a, NULL), 0);
    lun_quarantine_read(&dir, &found);
    assert_int_equal(found.count, 2);
    assert_string_equal(found.entry[0].app, "a");
    assert_string_equal(found.entry[1].reason, "3 \"crashes\"");
    assert_int_equal(strlen(found.since[0]), 20);
    assert_ptr_equal(lun_quarantine_of(&found, "b"), &found.entry[1]);
    assert_null(lun_quarantine_of(&found, "c"));
}

static void lets_out_one_app(void **state)
{
    (void)state;
    struct lun_err err;
    struct lun_quarantine_entry a = entry("a");
    assert_int_equal(lun_quarantine_add(&dir, &a, NULL), 0);
    assert_int_equal(lun_quarantine_remove(&dir, "b", &err), LUN_ENOT_FOUND);
    assert_string_equal(err.message, "'b' is not in quarantine");
    assert_int_equal(lun_quarantine_remove(&dir, "a", &err), 0);
    lun_quarantine_read(&dir, &found);
    assert_int_equal(found.count, 0);
}

static void a_name_with_a_path_in_it_is_refused(void **state)
{
    (void)state;
    struct lun_err err;
    struct lun_quarantine_entry bad = entry("../keys/key");
    assert_int_equal(lun_quarantine_add(&dir, &bad, &err), LUN_EBAD_INPUT);
    assert_int_equal(lun_quarantine_remove(&dir, "../status", &err),
                     LUN_EBAD_INPUT);
    assert_int_equal(lun_quarantine_remove(&dir, "", &err), LUN_EBAD_INPUT);
}

static void write_file(const char *name, const char *text)
{
    char path[PATH_MAX];
    assert_int_equal(lun_datadir_join(&dir, name, path, NULL), 0);
    assert_int_equal(
        lun_file_write(path, 0600, text, strlen(text), false, NULL), 0);
}

static void files_that_are_none_of_ours_are_passed_over(void **state)
{
    (void)state;
    struct lun_quarantine_entry a = entry("a");
    assert_int_equal(lun_quarantine_add(&dir, &a, NULL), 0);
    write_file("quarantine/b.json", "{\"app\":\"b\"}");
    write_file("quarantine/c.json", "not json");
    write_file("quarantine/d.json", "{\"app\":\"a\",\"release\":\"x\","
                                    "\"reason\":\"\",\"since\":\"\"}");
    write_file("quarantine/.json", "{}");
    write_file("quarantine/note.txt", "hello");
    lun_quarantine_read(&dir, &found);
    assert_int_equal(found.count, 1);
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keeps_what_is_put_into_it),
        TEST(lets_out_one_app),
        TEST(a_name_with_a_path_in_it_is_refused),
        TEST(files_that_are_none_of_ours_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
