/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/os/file.h"
#include "core/os/process.h"

static char folder[] = "/tmp/lunette-os-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[2][128];
    static int at;
    at = !at;
    snprintf(path[at], sizeof(path[at]), "%s/%s", folder, name);
    return path[at];
}

static void a_file_is_replaced_in_one_step(void **state)
{
    (void)state;
    struct lun_buf text;
    struct stat info;
    lun_buf_init(&text);
    const char *path = in_folder("a");
    assert_int_equal(lun_file_write(path, 0600, "one", 3, false, NULL), 0);
    assert_int_equal(lun_file_write(path, 0640, "three", 5, true, NULL), 0);
    assert_int_equal(lun_file_read(path, 5, &text, NULL), 0);
    assert_string_equal(lun_buf_str(&text), "three");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    lun_buf_release(&text);
}

static void what_is_no_small_file_is_refused(void **state)
{
    (void)state;
    struct lun_buf text;
    struct lun_err err;
    lun_buf_init(&text);
    assert_int_equal(
        lun_file_write(in_folder("b"), 0600, "12345", 5, false, NULL), 0);
    assert_int_equal(lun_file_read(in_folder("b"), 4, &text, &err), LUN_ELIMIT);
    assert_int_equal(lun_file_read(in_folder("none"), 4, &text, &err),
                     LUN_ENOT_FOUND);
    assert_int_equal(lun_file_read(folder, 4, &text, &err), LUN_EIO);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(lun_file_read(in_folder("fifo"), 4, &text, &err), LUN_EIO);
    assert_int_equal(
        lun_file_write(in_folder("no/c"), 0600, "", 0, false, &err),
        LUN_ENOT_FOUND);
    lun_buf_release(&text);
}

static void folders_are_made_with_those_above(void **state)
{
    (void)state;
    struct stat info;
    struct lun_err err;
    assert_int_equal(lun_file_mkdirs(in_folder("x/y//z/"), 0700, NULL), 0);
    assert_int_equal(lun_file_mkdirs(in_folder("x/y/z"), 0700, NULL), 0);
    assert_int_equal(stat(in_folder("x/y/z"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_true(lun_file_is_dir(in_folder("x/y")));
    assert_int_equal(
        lun_file_write(in_folder("file"), 0600, "", 0, false, NULL), 0);
    assert_int_equal(lun_file_mkdirs(in_folder("file/z"), 0700, &err), LUN_EIO);
}

static void a_program_runs_to_its_end(void **state)
{
    (void)state;
    struct lun_buf text;
    const char *const good[] = {"/bin/sh", "-c", "pwd; echo oops >&2; exit 7",
                                NULL};
    const char *const absent[] = {"/nowhere/program", NULL};
    const char *const killed[] = {"/bin/sh", "-c", "kill -9 $$", NULL};
    const char *log = in_folder("log");
    assert_int_equal(lun_process_run(good, NULL, log, NULL), 7);
    assert_int_equal(lun_process_run(absent, NULL, log, NULL), 127);
    assert_int_equal(lun_process_run(killed, NULL, log, NULL), 128 + SIGKILL);
    lun_buf_init(&text);
    assert_int_equal(lun_file_read(log, 4096, &text, NULL), 0);
    assert_memory_equal(lun_buf_str(&text), "/\noops\ncannot run", 17);
    lun_buf_release(&text);
}

static void the_dead_are_not_alive(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    for (int i = 0; i < 500 && lun_process_alive(child); i++)
        usleep(1000);
    assert_false(lun_process_alive(child)); /* not even as a zombie */
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(lun_process_alive(child));
    assert_false(lun_process_alive(0));
    assert_true(lun_process_alive(getpid()));
    assert_true(lun_process_self()[0] == '/');
}

static void users_are_found_by_name(void **state)
{
    (void)state;
    struct lun_process_user user;
    struct lun_err err;
    assert_int_equal(lun_process_user_find(NULL, &user, &err), 0);
    assert_int_equal(user.uid, geteuid());
    assert_int_equal(lun_process_user_find("no such user", &user, &err),
                     LUN_ENOT_FOUND);
    assert_true(lun_process_user_reaches(&user, folder));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    const char *const argv[] = {"rm", "-rf", folder, NULL};
    return lun_process_run(argv, NULL, "/dev/null", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_in_one_step),
        cmocka_unit_test(what_is_no_small_file_is_refused),
        cmocka_unit_test(folders_are_made_with_those_above),
        cmocka_unit_test(a_program_runs_to_its_end),
        cmocka_unit_test(the_dead_are_not_alive),
        cmocka_unit_test(users_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
