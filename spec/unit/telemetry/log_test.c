/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

static char folder[] = "/tmp/lunette-log-XXXXXX";
static char path[64];
static char text[65536];

static size_t read_log(const char *name)
{
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    return len;
}

static int make_folder(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/log", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char old[80];
    snprintf(old, sizeof(old), "%s.1", path);
    unlink(path);
    unlink(old);
    return rmdir(folder);
}

static struct lun_json *parse(struct lun_arena *arena, const char *line)
{
    struct lun_json *object;
    assert_int_equal(
        lun_json_parse(arena, line, strcspn(line, "\n"), 4, 100, &object, NULL),
        0);
    return object;
}

static void a_request_is_one_line_of_json(void **state)
{
    (void)state;
    struct lun_arena arena;
    lun_arena_init(&arena, 0);
    assert_int_equal(lun_log_open(path, LUN_LOG_INFO, 0, NULL), 0);
    struct lun_log_request request = {
        .status = 200,
        .duration_ns = 1234567,
        .trace_id = "abc",
        .release = "sales@1.0.0+1a2b3c4d",
        .method = "POST",
        .path = "/graphql\"\n\x01",
        .user = "ann",
        .bytes = 17,
    };
    lun_log_request(&request);
    assert_true(lun_log_flush());
    read_log(path);
    assert_string_equal(strchr(text, '\n'), "\n");
    struct lun_json *line = parse(&arena, text);
    assert_true(lun_json_is_string(lun_json_get(line, "level"), "info"));
    assert_true(lun_json_is_string(lun_json_get(line, "trace_id"), "abc"));
    assert_true(
        lun_json_is_string(lun_json_get(line, "path"), "/graphql\"\n\x01"));
    assert_string_equal(lun_json_get(line, "duration_us")->text, "1234");
    assert_string_equal(lun_json_get(line, "status")->text, "200");
    assert_null(lun_json_get(line, "operation"));
    assert_int_equal(lun_json_get(line, "time")->len, 24);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    lun_log_close();
    lun_arena_release(&arena);
}

static void lines_below_the_level_are_left_out(void **state)
{
    (void)state;
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(lun_log_open(path, LUN_LOG_WARN, 0, NULL), 0);
    lun_log_printf(LUN_LOG_INFO, "not %s", "this");
    lun_log_write(LUN_LOG_ERROR, "but this",
                  &(struct lun_log_field){"why", "because"}, 1);
    lun_log_close();
    read_log(path);
    assert_null(strstr(text, "not this"));
    assert_non_null(strstr(text, "\"msg\":\"but this\",\"why\":\"because\"}"));
    assert_int_equal(lun_log_level_parse("warn"), LUN_LOG_WARN);
    assert_int_equal(lun_log_level_parse("loud"), -1);
}

static void a_full_pipe_drops_and_counts_and_never_blocks(void **state)
{
    (void)state;
    int pair[2];
    char name[32];
    assert_int_equal(pipe(pair), 0);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", pair[1]);
    assert_int_equal(lun_log_open(name, LUN_LOG_INFO, 8192, NULL), 0);
    uint64_t before = lun_metrics_get(LUN_METRIC_LOG_DROPS);
    for (int i = 0; i < 5000; i++) {
        lun_log_printf(LUN_LOG_INFO, "line %d", i);
        if (i % 10 == 0)
            (void)lun_log_flush();
    }
    assert_false(lun_log_flush());
    assert_true(lun_metrics_get(LUN_METRIC_LOG_DROPS) > before);
    /* What went through is whole lines. */
    ssize_t got = read(pair[0], text, sizeof(text) - 1);
    assert_true(got > 0);
    text[got] = '\0';
    assert_memory_equal(text, "{\"time\"", 7);
    close(pair[0]);
    close(pair[1]);
    lun_log_close();
}

static void a_renamed_file_is_made_again(void **state)
{
    (void)state;
    char old[80];
    snprintf(old, sizeof(old), "%s.1", path);
    assert_int_equal(lun_log_open(path, LUN_LOG_INFO, 0, NULL), 0);
    lun_log_printf(LUN_LOG_INFO, "first");
    assert_true(lun_log_flush());
    assert_int_equal(rename(path, old), 0);
    usleep(1100000);
    lun_log_printf(LUN_LOG_INFO, "second");
    assert_true(lun_log_flush());
    read_log(path);
    assert_non_null(strstr(text, "second"));
    read_log(old);
    assert_null(strstr(text, "second"));
    lun_log_close();
}

static void a_sink_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    struct lun_err err;
    assert_int_equal(lun_log_open("/nowhere/log", LUN_LOG_INFO, 0, &err),
                     LUN_EIO);
    assert_string_equal(err.message, "cannot open log '/nowhere/log': No such "
                                     "file or directory");
    assert_int_equal(lun_log_open("none", LUN_LOG_INFO, 0, &err), 0);
    assert_false(lun_log_enabled(LUN_LOG_ERROR));
    lun_log_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_one_line_of_json),
        cmocka_unit_test(lines_below_the_level_are_left_out),
        cmocka_unit_test(a_full_pipe_drops_and_counts_and_never_blocks),
        cmocka_unit_test(a_renamed_file_is_made_again),
        cmocka_unit_test(a_sink_that_cannot_be_opened_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
