/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/cli/app_usage.h"

#define SECOND UINT64_C(1000000000)

static struct lun_usage read_text(const char *text, uint64_t second)
{
    struct lun_usage usage;
    assert_true(lun_usage_read(text, strlen(text), &usage));
    usage.at_ns = second * SECOND;
    return usage;
}

static const char before[] =
    "# HELP lunette_app_requests_total Calls.\n"
    "lunette_app_requests_total{worker=\"0\",app=\"a\",release=\"a@1.0.0+x\"} "
    "10\n"
    "lunette_app_requests_total{worker=\"1\",app=\"a\",release=\"a@1.0.0+x\"} "
    "20\n"
    "lunette_app_cpu_seconds_total{app=\"a\",release=\"a@1.0.0+x\"} 1.5\n"
    "lunette_http_responses_total{class=\"2xx\"} 100\n";
static const char after[] =
    "lunette_app_requests_total{worker=\"0\",app=\"a\",release=\"a@1.0.0+x\"} "
    "30\n"
    "lunette_app_requests_total{worker=\"1\",app=\"a\",release=\"a@1.0.0+x\"} "
    "40\n"
    "lunette_app_cpu_seconds_total{app=\"a\",release=\"a@1.0.0+x\"} 2.5\n"
    "lunette_app_memory_bytes{worker=\"0\",app=\"a\",release=\"a@1.0.0+x\"} "
    "100\n"
    "lunette_app_memory_bytes{worker=\"1\",app=\"a\",release=\"a@1.0.0+x\"} "
    "50\n"
    "lunette_app_stopped_total{app=\"b\",release=\"b@1.0.0+y\",limit=\"cpu\"} "
    "4\n"
    "lunette_app_code_compiled{worker=\"0\"} 1\n"
    "lunette_http_responses_total{class=\"2xx\"} 140\n"
    "lunette_http_responses_total{class=\"5xx\"} 10\n";

static void makes_rates_of_what_all_workers_counted(void **state)
{
    (void)state;
    struct lun_usage old = read_text(before, 10);
    struct lun_usage now = read_text(after, 12);
    lun_usage_rates(&now, &old);
    lun_usage_sort(&now);
    assert_int_equal(now.count, 2);
    assert_string_equal(now.apps[0].app, "a");
    assert_true(now.apps[0].requests == 20);
    assert_true(now.apps[0].cpu_seconds == 0.5);
    assert_true(now.apps[0].memory_bytes == 150);
    assert_true(now.apps[1].stopped == 2);
    assert_true(now.responses == 25);
    assert_true(now.failures == 5);
    lun_usage_release(&old);
    lun_usage_release(&now);
}

static void takes_a_counter_that_began_again_for_what_it_says(void **state)
{
    (void)state;
    struct lun_usage old = read_text(after, 10);
    struct lun_usage now = read_text(before, 11);
    lun_usage_rates(&now, &old);
    assert_true(now.apps[0].requests == 30);
    assert_true(now.responses == 100);
    lun_usage_release(&old);
    lun_usage_release(&now);
}

static void shows_as_many_rows_as_there_is_room_for(void **state)
{
    (void)state;
    struct lun_usage now = read_text(after, 1);
    struct lun_buf out;
    lun_buf_init(&out);
    assert_true(lun_usage_add(&now, "c", "c@1.0.0+z"));
    assert_true(lun_usage_add(&now, "c", "c@1.0.0+z"));
    lun_usage_push_table(&now, 2, false, &out);
    const char *text = lun_buf_str(&out);
    assert_non_null(strstr(text, "\na "));
    assert_non_null(strstr(text, "\nb "));
    assert_null(strstr(text, "\nc "));
    assert_non_null(strstr(text, "\nand 1 more\n"));
    lun_buf_release(&out);
    lun_usage_release(&now);
}

static void reads_nothing_from_text_that_is_no_metric(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\n\n",
        "x",
        "lunette_app_requests_total",
        "lunette_app_x{app=\"",
        "lunette_app_requests_total{app=\"a\"} 3\n",
        "{} 1 2 3"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct lun_usage usage = read_text(texts[i], 1);
        assert_int_equal(usage.count, 0);
        lun_usage_release(&usage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_rates_of_what_all_workers_counted),
        cmocka_unit_test(takes_a_counter_that_began_again_for_what_it_says),
        cmocka_unit_test(shows_as_many_rows_as_there_is_room_for),
        cmocka_unit_test(reads_nothing_from_text_that_is_no_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
