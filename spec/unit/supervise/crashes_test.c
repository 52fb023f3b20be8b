/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/supervise/crashes.h"

#define SECOND UINT64_C(1000000000)

static struct lun_crash crash(uint64_t second, const char *release)
{
    struct lun_crash made = {.time = "2026-01-01T00:00:00Z",
                             .at_ns = second * SECOND,
                             .slot = 1,
                             .pid = 42,
                             .signal = SIGSEGV};
    if (release != NULL) {
        (void)snprintf(made.at.app, sizeof made.at.app, "sales");
        (void)snprintf(made.at.release, sizeof made.at.release, "%s", release);
        (void)snprintf(made.at.request, sizeof made.at.request, "r\"1");
    }
    return made;
}

static unsigned add(struct lun_crashes *crashes, uint64_t second,
                    const char *release)
{
    struct lun_crash one = crash(second, release);
    return lun_crashes_add(crashes, &one, 60 * SECOND);
}

static void counts_what_one_release_did_within_the_time(void **state)
{
    (void)state;
    struct lun_crashes *crashes = lun_crashes_new();
    assert_int_equal(add(crashes, 100, "sales@1+a"), 1);
    assert_int_equal(add(crashes, 110, "sales@1+a"), 2);
    assert_int_equal(add(crashes, 111, "sales@1+b"), 1);
    assert_int_equal(add(crashes, 112, NULL), 0);
    assert_int_equal(add(crashes, 160, "sales@1+a"), 3);
    assert_int_equal(add(crashes, 165, "sales@1+a"), 3);
    assert_int_equal(add(crashes, 300, "sales@1+a"), 1);
    lun_crashes_free(crashes);
}

static void begins_anew_for_an_app_that_was_let_out(void **state)
{
    (void)state;
    struct lun_crashes *crashes = lun_crashes_new();
    (void)add(crashes, 100, "sales@1+a");
    (void)add(crashes, 101, "sales@1+a");
    lun_crashes_forgive(crashes, "sales");
    assert_int_equal(add(crashes, 102, "sales@1+a"), 1);
    lun_crashes_forgive(crashes, "crm");
    assert_int_equal(add(crashes, 103, "sales@1+a"), 2);
    lun_crashes_free(crashes);
}

static void shows_the_last_first(void **state)
{
    (void)state;
    struct lun_crashes *crashes = lun_crashes_new();
    struct lun_buf text;
    lun_buf_init(&text);
    lun_crashes_push_json(crashes, &text);
    assert_string_equal(lun_buf_str(&text), "[]");
    lun_buf_clear(&text);
    (void)add(crashes, 100, NULL);
    (void)add(crashes, 101, "sales@1+a");
    lun_crashes_push_json(crashes, &text);
    assert_string_equal(
        lun_buf_str(&text),
        "[{\"time\":\"2026-01-01T00:00:00Z\",\"worker\":1,\"pid\":42,"
        "\"signal\":\"SIGSEGV\",\"status\":null,\"stuck\":false,\"isolated\":"
        "false,"
        "\"app\":\"sales\",\"release\":\"sales@1+a\",\"request\":\"r\\\"1\"},"
        "{\"time\":\"2026-01-01T00:00:00Z\",\"worker\":1,\"pid\":42,"
        "\"signal\":\"SIGSEGV\",\"status\":null,\"stuck\":false,\"isolated\":"
        "false,"
        "\"app\":null,\"release\":null,\"request\":null}]");
    lun_buf_release(&text);
    lun_crashes_free(crashes);
}

static void keeps_counts_of_many_releases_within_bounds(void **state)
{
    (void)state;
    struct lun_crashes *crashes = lun_crashes_new();
    struct lun_buf text;
    char release[32];
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(release, sizeof release, "sales@%u+a", i);
        assert_int_equal(add(crashes, 1000 + i, release), 1);
    }
    lun_buf_init(&text);
    lun_crashes_push_metrics(crashes, &text);
    const char *out = lun_buf_str(&text);
    assert_non_null(strstr(out, "lunette_app_crashes_total{app=\"sales\","
                                "release=\"sales@999+a\"} 1\n"));
    assert_null(strstr(out, "\"sales@0+a\""));
    lun_buf_release(&text);
    lun_crashes_free(crashes);
}

static void says_how_a_worker_ended(void **state)
{
    (void)state;
    char text[64];
    struct lun_crash one = crash(1, NULL);
    lun_crash_describe(&one, text, sizeof text);
    assert_string_equal(text, "by signal 11 (SIGSEGV)");
    one.signal = 0;
    one.status = 3;
    lun_crash_describe(&one, text, sizeof text);
    assert_string_equal(text, "with status 3");
    one.stuck = true;
    lun_crash_describe(&one, text, sizeof text);
    assert_string_equal(text, "standing still");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_one_release_did_within_the_time),
        cmocka_unit_test(begins_anew_for_an_app_that_was_let_out),
        cmocka_unit_test(shows_the_last_first),
        cmocka_unit_test(keeps_counts_of_many_releases_within_bounds),
        cmocka_unit_test(says_how_a_worker_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
