/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/supervise/log_tail.h"

/* What came, each line in brackets; `most` lines are enough. */
struct seen {
    struct lun_buf lines;
    size_t count;
    size_t most;
};

static char folder[] = "/tmp/lunette-tail-XXXXXX";
static char path[64];
static char aside[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/lunette-tail-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/log", folder);
    (void)snprintf(aside, sizeof aside, "%s/log.1", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(aside);
    return rmdir(folder);
}

static void append(const char *file, const char *text)
{
    FILE *out = fopen(file, "a");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

static bool take(void *context, const char *line, size_t len)
{
    struct seen *seen = context;
    lun_buf_printf(&seen->lines, "[%.*s]", (int)len, line);
    return ++seen->count < seen->most;
}

static const char *back(struct lun_log_tail *tail, size_t most)
{
    static struct seen seen;
    lun_buf_release(&seen.lines);
    seen = (struct seen){.most = most};
    lun_log_tail_back(tail, take, &seen);
    return seen.lines.len > 0 ? lun_buf_str(&seen.lines) : "";
}

static const char *poll_lines(struct lun_log_tail *tail)
{
    static struct seen seen;
    lun_buf_release(&seen.lines);
    seen = (struct seen){.most = SIZE_MAX};
    lun_log_tail_poll(tail, take, &seen);
    return seen.lines.len > 0 ? lun_buf_str(&seen.lines) : "";
}

static void gives_the_newest_lines_first_then_those_set_aside(void **state)
{
    (void)state;
    append(aside, "one\ntwo\n");
    append(path, "three\n\nfour\nhal");
    struct lun_log_tail *tail = lun_log_tail_open(path);
    assert_string_equal(back(tail, 100), "[four][three][two][one]");
    assert_string_equal(poll_lines(tail), "");
    append(path, "f\nfive\n");
    assert_string_equal(poll_lines(tail), "[half][five]");
    lun_log_tail_close(tail);
}

static void ends_the_search_when_it_is_enough(void **state)
{
    (void)state;
    append(aside, "one\n");
    append(path, "two\nthree\nfour\n");
    struct lun_log_tail *tail = lun_log_tail_open(path);
    assert_string_equal(back(tail, 2), "[four][three]");
    assert_string_equal(poll_lines(tail), "");
    lun_log_tail_close(tail);
}

static void finds_lines_across_the_cuts_of_its_chunks(void **state)
{
    (void)state;
    struct seen seen = {.most = SIZE_MAX};
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    /* Longer than two chunks, lines of all lengths. */
    for (int i = 0; i < 3000; i++) {
        assert_true(fprintf(out, "%d %*s\n", i, i % 500, "") > 0);
    }
    assert_int_equal(fclose(out), 0);
    struct lun_log_tail *tail = lun_log_tail_open(path);
    lun_log_tail_back(tail, take, &seen);
    lun_log_tail_close(tail);
    assert_int_equal(seen.count, 3000);
    const char *at = lun_buf_str(&seen.lines);
    for (int i = 2999; i >= 0; i--) {
        char wanted[16];
        (void)snprintf(wanted, sizeof wanted, "[%d ", i);
        assert_memory_equal(at, wanted, strlen(wanted));
        at = strchr(at, ']') + 1;
    }
    lun_buf_release(&seen.lines);
}

static void follows_into_the_new_file_and_drains_the_old_one(void **state)
{
    (void)state;
    append(path, "one\n");
    struct lun_log_tail *tail = lun_log_tail_open(path);
    (void)back(tail, 100);
    append(path, "two\n");
    assert_int_equal(rename(path, aside), 0);
    append(path, "three\n");
    assert_string_equal(poll_lines(tail), "[two][three]");
    append(aside, "late\n");
    append(path, "four\n");
    assert_string_equal(poll_lines(tail), "[late][four]");
    lun_log_tail_close(tail);
}

static void begins_again_in_a_file_that_was_emptied_or_came_late(void **state)
{
    (void)state;
    struct lun_log_tail *tail = lun_log_tail_open(path);
    assert_string_equal(back(tail, 100), "");
    append(path, "a long first line\n");
    assert_string_equal(poll_lines(tail), "[a long first line]");
    assert_int_equal(truncate(path, 0), 0);
    append(path, "new\n");
    assert_string_equal(poll_lines(tail), "[new]");
    lun_log_tail_close(tail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            gives_the_newest_lines_first_then_those_set_aside, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(ends_the_search_when_it_is_enough,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            finds_lines_across_the_cuts_of_its_chunks, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            follows_into_the_new_file_and_drains_the_old_one, make_folder,
            remove_folder),
        cmocka_unit_test_setup_teardown(
            begins_again_in_a_file_that_was_emptied_or_came_late, make_folder,
            remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
