/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/supervise/watch.h"
#include "core/os/file.h"
#include "core/os/process.h"

static char folder[] = "/tmp/lunette-watch-XXXXXX";
static uv_loop_t loop;
static struct lun_watch *watch;
static uv_timer_t timer;
static int calls;

static const char *in_folder(const char *name)
{
    static char path[2][160];
    static int at;
    at = !at;
    snprintf(path[at], sizeof(path[at]), "%s/%s", folder, name);
    return path[at];
}

static void on_change(void *context, uint64_t since_ns)
{
    (void)context;
    assert_true(since_ns > 0);
    calls++;
}

static void on_timer(uv_timer_t *handle)
{
    uv_stop(handle->loop);
}

/* Calls within `ms`. */
static int calls_within(unsigned ms)
{
    calls = 0;
    uv_timer_start(&timer, on_timer, ms, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    return calls;
}

/* Calls until there was one and then none for a while: a busy machine may take
 * its time. */
static int calls_until_quiet(void)
{
    int total = 0;
    for (int turn = 0; turn < 200; turn++) {
        int more = calls_within(60);
        if (total && !more)
            break;
        total += more;
    }
    return total;
}

static int start(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || lun_file_mkdirs(in_folder("sales"), 0755, NULL))
        return -1;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    return lun_watch_open(&loop, folder, on_change, NULL, &watch, NULL);
}

static int stop(void **state)
{
    (void)state;
    const char *const argv[] = {"rm", "-rf", folder, NULL};
    lun_watch_close(watch);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) |
           lun_process_run(argv, NULL, "/dev/null", NULL);
}

static void save(const char *name)
{
    FILE *file = fopen(in_folder(name), "w");
    assert_non_null(file);
    fputs("text", file);
    fclose(file);
}

static void a_save_in_place_is_one_call(void **state)
{
    (void)state;
    save("sales/app.lua");
    assert_int_equal(calls_until_quiet(), 1);
    assert_int_equal(calls_within(60), 0);
}

static void a_save_by_rename_is_one_call(void **state)
{
    (void)state;
    save("sales/.app.lua.swp");
    save("sales/app.lua~");
    assert_int_equal(calls_within(60), 0);
    save("sales/.new");
    assert_int_equal(
        rename(in_folder("sales/.new"), in_folder("sales/app.lua")), 0);
    assert_int_equal(calls_until_quiet(), 1);
}

static void many_saves_at_once_are_few_calls(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        char name[32];
        snprintf(name, sizeof(name), "sales/m%d.lua", i);
        save(name);
    }
    assert_in_range(calls_until_quiet(), 1, 5);
}

static void new_folders_are_watched_with_what_is_in_them(void **state)
{
    (void)state;
    assert_int_equal(lun_file_mkdirs(in_folder("stock/data/deep"), 0755, NULL),
                     0);
    assert_in_range(calls_until_quiet(), 1, 5);
    save("stock/data/deep/x.csv");
    assert_in_range(calls_until_quiet(), 1, 5);
    assert_int_equal(rename(in_folder("stock"), in_folder("store")), 0);
    assert_in_range(calls_until_quiet(), 1, 5);
    save("store/data/deep/y.csv");
    assert_in_range(calls_until_quiet(), 1, 5);
}

static void removals_and_links_count(void **state)
{
    (void)state;
    assert_int_equal(symlink("app.lua", in_folder("sales/link.lua")), 0);
    assert_int_equal(calls_until_quiet(), 1);
    assert_int_equal(unlink(in_folder("sales/link.lua")), 0);
    assert_int_equal(calls_until_quiet(), 1);
}

static void a_file_that_is_still_being_written_waits(void **state)
{
    (void)state;
    int fd = open(in_folder("sales/slow.lua"), O_WRONLY | O_CREAT, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a", 1), 1);
    assert_int_equal(calls_within(60), 0);
    close(fd);
    assert_int_equal(calls_until_quiet(), 1);
}

static void another_folder_counts_with_all_below_it(void **state)
{
    char beside[] = "/tmp/lunette-watch-XXXXXX";
    char deep[64], file[80];
    const char *const argv[] = {"rm", "-rf", beside, NULL};
    (void)state;
    assert_non_null(mkdtemp(beside));
    assert_int_equal(lun_watch_add_folder(watch, beside, NULL), 0);
    snprintf(deep, sizeof(deep), "%s/csv", beside);
    snprintf(file, sizeof(file), "%s/csv.lua", deep);
    assert_int_equal(mkdir(deep, 0700), 0);
    assert_in_range(calls_until_quiet(), 1, 5);
    assert_int_equal(lun_file_write(file, 0600, "x", 1, false, NULL), 0);
    assert_in_range(calls_until_quiet(), 1, 5);
    assert_int_equal(lun_process_run(argv, NULL, "/dev/null", NULL), 0);
    assert_in_range(calls_until_quiet(), 1, 5);
}

static void one_file_elsewhere_counts_and_not_its_neighbours(void **state)
{
    char beside[] = "/tmp/lunette-watch-XXXXXX";
    char policy[64], other[64], link[64];
    (void)state;
    assert_non_null(mkdtemp(beside));
    snprintf(policy, sizeof(policy), "%s/policy.lua", beside);
    snprintf(other, sizeof(other), "%s/other.lua", beside);
    snprintf(link, sizeof(link), "%s/..data", beside);
    assert_int_equal(lun_watch_add_file(watch, policy, NULL), 0);
    assert_int_equal(lun_file_write(other, 0600, "x", 1, false, NULL), 0);
    assert_int_equal(calls_within(60), 0);
    assert_int_equal(lun_file_write(policy, 0600, "x", 1, false, NULL), 0);
    assert_int_equal(calls_until_quiet(), 1);
    assert_int_equal(rename(other, policy), 0);
    assert_int_equal(calls_until_quiet(), 1);
    assert_int_equal(unlink(policy), 0);
    assert_int_equal(calls_until_quiet(), 1);
    /* Mounted configuration: the file leads over a link that is swapped. */
    assert_int_equal(symlink("somewhere", link), 0);
    assert_int_equal(calls_until_quiet(), 1);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(calls_until_quiet(), 1);
    assert_int_equal(rmdir(beside), 0);
    assert_int_equal(lun_watch_add_file(watch, "/no/such/policy.lua", NULL),
                     LUN_EIO);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct lun_err err;
    struct lun_watch *none;
    assert_int_equal(lun_watch_open(&loop, in_folder("absent"), on_change, NULL,
                                    &none, &err),
                     LUN_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_save_in_place_is_one_call),
        cmocka_unit_test(a_save_by_rename_is_one_call),
        cmocka_unit_test(many_saves_at_once_are_few_calls),
        cmocka_unit_test(new_folders_are_watched_with_what_is_in_them),
        cmocka_unit_test(removals_and_links_count),
        cmocka_unit_test(a_file_that_is_still_being_written_waits),
        cmocka_unit_test(another_folder_counts_with_all_below_it),
        cmocka_unit_test(one_file_elsewhere_counts_and_not_its_neighbours),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
