/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/config/datadir.h"
#include "core/serve/loadout.h"
#include "core/os/file.h"
#include "core/os/process.h"

static char folder[] = "/tmp/lunette-data-XXXXXX";
static char path[64];
static struct lun_err err;

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/data", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const argv[] = {"rm", "-rf", folder, NULL};
    return lun_process_run(argv, NULL, "/dev/null", NULL);
}

static void nobody_else_may_look_into_it(void **state)
{
    (void)state;
    struct lun_datadir dir;
    struct stat info;
    char keys[PATH_MAX];
    assert_int_equal(lun_datadir_open(path, false, &dir, &err), LUN_ENOT_FOUND);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(lun_datadir_open(path, true, &dir, &err), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 067, 0);
    assert_int_equal(lun_datadir_join(&dir, "keys", keys, &err), 0);
    assert_int_equal(stat(keys, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void one_process_at_a_time_has_it(void **state)
{
    (void)state;
    struct lun_datadir mine;
    struct lun_datadir other;
    assert_int_equal(lun_datadir_open(path, true, &mine, &err), 0);
    assert_int_equal(lun_datadir_open(path, true, &other, &err), 0);
    assert_int_equal(lun_datadir_owner(&mine), 0);
    assert_int_equal(lun_datadir_lock(&mine, &err), 0);
    assert_int_equal(lun_datadir_owner(&other), getpid());
    assert_int_equal(lun_datadir_lock(&other, &err), LUN_ECONFLICT);
    assert_non_null(strstr(err.message, "is running on '"));
    lun_datadir_close(&mine);
    assert_int_equal(lun_datadir_owner(&other), 0);
    assert_int_equal(lun_datadir_lock(&other, &err), 0);
    lun_datadir_close(&other);
}

static void the_lock_of_a_killed_process_is_free(void **state)
{
    (void)state;
    struct lun_datadir dir;
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(lun_datadir_open(path, true, &dir, &err), 0);
    pid_t child = fork();
    if (child == 0) {
        byte = (char)lun_datadir_lock(&dir, NULL);
        (void)!write(ready[1], &byte, 1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 0);
    assert_int_equal(lun_datadir_owner(&dir), child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(lun_datadir_owner(&dir), 0);
    close(ready[0]);
    close(ready[1]);
}

static void a_good_report_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "{\"ok\":true,\"id\":\"ab\",\"file\":\"/s/ab.json\",\"releases\":["
        "{\"app\":\"base\",\"version\":\"1.0.0\",\"hash\":\"11\"},"
        "{\"app\":\"sales\",\"version\":\"1.2.0\",\"hash\":\"22\"}],"
        "\"warnings\":[{\"file\":\"a.lua\",\"line\":3,\"message\":\"hm\"}],"
        "\"steps\":[\"one\",\"two\"]}";
    struct lun_loadout now;
    struct lun_loadout before;
    struct lun_buf changes;
    memset(&before, 0, sizeof(before));
    lun_buf_init(&changes);
    assert_int_equal(lun_loadout_parse(text, strlen(text), &now, &err), 0);
    assert_true(now.ok);
    assert_string_equal(now.id, "ab");
    assert_string_equal(now.path, "/s/ab.json");
    assert_int_equal(now.count, 2);
    assert_string_equal(now.warnings.data, "a.lua:3: hm\n");
    assert_string_equal(now.steps.data, "one\ntwo\n");
    lun_loadout_changes(&now, &before, &changes);
    assert_string_equal(lun_buf_str(&changes), "base@1.0.0+11, sales@1.2.0+22");
    lun_buf_clear(&changes);
    lun_loadout_changes(&now, &now, &changes);
    assert_int_equal(changes.len, 0);
    lun_buf_release(&changes);
    lun_loadout_release(&now);
}

static void a_bad_report_keeps_its_errors(void **state)
{
    (void)state;
    static const char text[] = "{\"ok\":false,\"errors\":["
                               "{\"file\":\"a.lua\",\"line\":3,"
                               "\"message\":\"x\"},"
                               "{\"file\":\"b.lua\",\"message\":\"y\"},"
                               "{\"message\":\"z\"}]}";
    struct lun_loadout report;
    assert_int_equal(lun_loadout_parse(text, strlen(text), &report, &err), 0);
    assert_false(report.ok);
    assert_string_equal(report.errors.data, "a.lua:3: x\nb.lua: y\nz\n");
    assert_int_equal(report.errors_json.data[0], '[');
    lun_loadout_release(&report);
    assert_int_not_equal(lun_loadout_parse("{\"ok\":tru", 9, &report, &err), 0);
    assert_int_not_equal(lun_loadout_parse("{}", 2, &report, &err), 0);
    assert_int_not_equal(lun_loadout_parse("", 0, &report, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_else_may_look_into_it),
        cmocka_unit_test(one_process_at_a_time_has_it),
        cmocka_unit_test(the_lock_of_a_killed_process_is_free),
        cmocka_unit_test(a_good_report_is_read),
        cmocka_unit_test(a_bad_report_keeps_its_errors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
