/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/telemetry/apps.h"
#include "core/telemetry/metrics.h"

static struct lun_metrics *metrics;
static int fd;

static int make_memory(void **state)
{
    (void)state;
    return lun_metrics_create(2, &fd, &metrics, NULL) ||
           lun_metrics_attach(fd, 0, NULL);
}

static int give_memory(void **state)
{
    (void)state;
    lun_metrics_free(metrics);
    return close(fd);
}

static void assert_shown(const char *line, bool shown)
{
    struct lun_buf text;
    lun_buf_init(&text);
    lun_metrics_render(metrics, &text);
    const char *out = lun_buf_str(&text);
    assert_non_null(out);
    if ((strstr(out, line) != NULL) != shown) {
        fail_msg("%s: %s", shown ? "is missing" : "is there", line);
    }
    lun_buf_release(&text);
}

static void shows_what_a_release_of_an_app_did(void **state)
{
    (void)state;
    struct lun_app_metrics *row =
        lun_app_metrics_take("sales", "sales@1.0.0+aa");
    lun_app_metrics_add(row, LUN_APP_REQUESTS, 2);
    lun_app_metrics_add(row, LUN_APP_CPU_NS, 1500000000);
    lun_app_metrics_set(row, LUN_APP_MEMORY, 70000);
    lun_app_metrics_stopped(row, "memory");
    lun_app_metrics_stopped(row, "depth");
#define SALES "{worker=\"0\",app=\"sales\",release=\"sales@1.0.0+aa\""
    assert_shown("lunette_app_requests_total" SALES "} 2\n", true);
    assert_shown("lunette_app_cpu_seconds_total" SALES "} 1.500000000\n", true);
    assert_shown("lunette_app_memory_bytes" SALES "} 70000\n", true);
    assert_shown("lunette_app_errors_total" SALES "} 2\n", true);
    assert_shown("lunette_app_stopped_total" SALES ",limit=\"memory\"} 1\n",
                 true);
    assert_shown("lunette_app_stopped_total" SALES ",limit=\"other\"} 1\n",
                 true);
    assert_shown("# TYPE lunette_app_memory_bytes gauge\n", true);
    assert_shown("lunette_app_requests_total{worker=\"1\"", false);
    lun_app_metrics_give(row);
    assert_shown("lunette_app_memory_bytes" SALES "} 0\n", true);
    assert_shown("lunette_app_requests_total" SALES "} 2\n", true);
}

static void releases_of_an_app_have_rows_of_their_own(void **state)
{
    (void)state;
    struct lun_app_metrics *old = lun_app_metrics_take("a", "a@1+x");
    struct lun_app_metrics *same = lun_app_metrics_take("a", "a@1+x");
    struct lun_app_metrics *new = lun_app_metrics_take("a", "a@2+y");
    assert_ptr_equal(old, same);
    assert_ptr_not_equal(old, new);
}

static void sums_a_release_over_all_workers(void **state)
{
    (void)state;
    lun_app_metrics_add(lun_app_metrics_take("a", "a@1+x"), LUN_APP_REQUESTS,
                        3);
    lun_app_metrics_add(lun_app_metrics_take("a", "a@2+y"), LUN_APP_REQUESTS,
                        5);
    assert_int_equal(lun_metrics_attach(fd, 1, NULL), 0);
    lun_app_metrics_add(lun_app_metrics_take("a", "a@1+x"), LUN_APP_REQUESTS,
                        4);
    assert_int_equal(lun_app_metrics_sum(metrics, "a@1+x", LUN_APP_REQUESTS),
                     7);
    assert_int_equal(lun_app_metrics_sum(metrics, "a@2+y", LUN_APP_REQUESTS),
                     5);
    assert_int_equal(lun_app_metrics_sum(metrics, "a@1+x", LUN_APP_ERRORS), 0);
    assert_int_equal(lun_app_metrics_sum(metrics, "a@3+z", LUN_APP_REQUESTS),
                     0);
}

static void quotes_in_a_name_do_not_break_the_text(void **state)
{
    (void)state;
    (void)lun_app_metrics_take("a", "a@\"}\\\n");
    assert_shown("release=\"a@\\\"}\\\\\\n\"} 0\n", true);
}

static void rows_without_a_vm_are_used_again(void **state)
{
    (void)state;
    char release[32];
    struct lun_app_metrics *kept = lun_app_metrics_take("kept", "kept@1+x");
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(release, sizeof release, "busy@%d+x", i);
        struct lun_app_metrics *row = lun_app_metrics_take("busy", release);
        assert_ptr_not_equal(row, kept);
        lun_app_metrics_add(row, LUN_APP_REQUESTS, 7);
        lun_app_metrics_give(row);
    }
    assert_shown("app=\"kept\"", true);
    assert_shown("release=\"busy@999+x\"} 7\n", true);
    assert_shown("release=\"busy@0+x\"", false);
    assert_shown("app=\"other\"", false);
}

static void apps_beyond_the_table_share_a_row(void **state)
{
    (void)state;
    char name[32];
    struct lun_app_metrics *row = NULL;
    for (int i = 0; i < 70; i++) {
        (void)snprintf(name, sizeof name, "app%d", i);
        row = lun_app_metrics_take(name, name);
        lun_app_metrics_add(row, LUN_APP_REQUESTS, 1);
    }
    assert_shown("lunette_app_requests_total{worker=\"0\",app=\"other\","
                 "release=\"other\"} 7\n",
                 true);
    lun_app_metrics_give(row);
}

static void a_long_name_is_cut_and_found_again(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    struct lun_app_metrics *row = lun_app_metrics_take(name, name);
    assert_ptr_equal(row, lun_app_metrics_take(name, name));
}

static void what_a_dead_process_was_at_is_known(void **state)
{
    (void)state;
    struct lun_app_running running;
    char request[100];
    memset(request, 'r', sizeof request);
    request[sizeof request - 1] = '\0';
    assert_false(lun_app_metrics_running(metrics, 1, &running));
    pid_t child = fork();
    if (child == 0) {
        (void)lun_metrics_attach(fd, 1, NULL);
        struct lun_app_metrics *row =
            lun_app_metrics_take("sales", "sales@1.0.0+aa");
        lun_app_metrics_add(row, LUN_APP_REQUESTS, 3);
        lun_app_metrics_enter(row, request);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(lun_app_metrics_running(metrics, 1, &running));
    assert_string_equal(running.app, "sales");
    assert_string_equal(running.release, "sales@1.0.0+aa");
    assert_int_equal(strlen(running.request), LUN_APP_REQUEST - 1);
    assert_true(running.since_ns > 0);
    assert_false(lun_app_metrics_running(metrics, 0, &running));
    assert_false(lun_app_metrics_running(metrics, 4, &running));
    lun_app_metrics_forget(metrics, 1);
    assert_false(lun_app_metrics_running(metrics, 1, &running));
    /* A successor goes on counting. */
    assert_int_equal(lun_metrics_attach(fd, 1, NULL), 0);
    struct lun_app_metrics *row =
        lun_app_metrics_take("sales", "sales@1.0.0+aa");
    lun_app_metrics_add(row, LUN_APP_REQUESTS, 1);
    assert_shown("lunette_app_requests_total{worker=\"1\",app=\"sales\","
                 "release=\"sales@1.0.0+aa\"} 4\n",
                 true);
}

static void a_successor_and_its_predecessor_are_shown_as_one(void **state)
{
    (void)state;
    struct lun_app_metrics *row = lun_app_metrics_take("a", "a@1+x");
    lun_app_metrics_add(row, LUN_APP_REQUESTS, 3);
    assert_int_equal(lun_metrics_attach(fd, 2, NULL), 0);
    row = lun_app_metrics_take("a", "a@1+x");
    lun_app_metrics_add(row, LUN_APP_REQUESTS, 4);
    row = lun_app_metrics_take("a", "a@2+y");
    lun_app_metrics_add(row, LUN_APP_REQUESTS, 5);
    assert_shown("lunette_app_requests_total{worker=\"0\",app=\"a\","
                 "release=\"a@1+x\"} 7\n",
                 true);
    assert_shown("lunette_app_requests_total{worker=\"0\",app=\"a\","
                 "release=\"a@2+y\"} 5\n",
                 true);
    assert_shown("release=\"a@1+x\"} 4\n", false);
    assert_int_equal(lun_app_metrics_sum(metrics, "a@1+x", LUN_APP_REQUESTS),
                     7);
    assert_shown("worker=\"2\"", false);
}

static void nothing_runs_after_it_has_left(void **state)
{
    (void)state;
    struct lun_app_running running;
    struct lun_app_metrics *row = lun_app_metrics_take("a", "a@1+x");
    lun_app_metrics_enter(row, "first");
    assert_true(lun_app_metrics_running(metrics, 0, &running));
    assert_string_equal(running.request, "first");
    lun_app_metrics_leave();
    assert_false(lun_app_metrics_running(metrics, 0, &running));
}

#define TEST(name)                                                             \
    cmocka_unit_test_setup_teardown(name, make_memory, give_memory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shows_what_a_release_of_an_app_did),
        TEST(releases_of_an_app_have_rows_of_their_own),
        TEST(sums_a_release_over_all_workers),
        TEST(quotes_in_a_name_do_not_break_the_text),
        TEST(rows_without_a_vm_are_used_again),
        TEST(apps_beyond_the_table_share_a_row),
        TEST(a_long_name_is_cut_and_found_again),
        TEST(what_a_dead_process_was_at_is_known),
        TEST(a_successor_and_its_predecessor_are_shown_as_one),
        TEST(nothing_runs_after_it_has_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
