/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/telemetry/trace.h"

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static void a_header_continues_its_trace(void **state)
{
    (void)state;
    struct lun_trace trace;
    char header[56];
    lun_trace_begin(&trace, "00-" TRACE "-" SPAN "-01");
    assert_string_equal(trace.trace_id, TRACE);
    assert_string_equal(trace.parent_id, SPAN);
    assert_true(trace.sampled);
    assert_string_not_equal(trace.span_id, SPAN);
    lun_trace_header(&trace, header);
    assert_int_equal(strlen(header), 55);
    assert_memory_equal(header, "00-" TRACE "-", 36);
    assert_memory_equal(header + 36, trace.span_id, 16);
    lun_trace_begin(&trace, "00-" TRACE "-" SPAN "-00");
    assert_false(trace.sampled);
    lun_trace_begin(&trace, "cc-" TRACE "-" SPAN "-01-later");
    assert_string_equal(trace.trace_id, TRACE);
}

static void a_bad_header_starts_a_trace(void **state)
{
    (void)state;
    const char *const bad[] = {
        NULL,
        "",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-01-more",
        "00-" TRACE "-" SPAN "-0g",
        "ff-" TRACE "-" SPAN "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00_" TRACE "-" SPAN "-01",
        "cc-" TRACE "-" SPAN "-01x",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct lun_trace trace;
        lun_trace_begin(&trace, bad[i]);
        assert_string_not_equal(trace.trace_id, TRACE);
        assert_int_equal(strlen(trace.trace_id), 32);
        assert_int_equal(strlen(trace.span_id), 16);
        assert_string_equal(trace.parent_id, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_continues_its_trace),
        cmocka_unit_test(a_bad_header_starts_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
