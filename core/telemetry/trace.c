/*
 * core/telemetry/trace.c - W3C trace context.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/telemetry/trace.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/random.h"

/* Lower-case hex only, not all zero. */
static bool take_hex(const char *text, size_t count, char *out)
{
    bool zero = true;
    for (size_t i = 0; i < count; i++) {
        char c = text[i];
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (!digit) {
            return false;
        }
        zero = zero && c == '0';
    }
    if (zero) {
        return false;
    }
    memcpy(out, text, count);
    out[count] = '\0';
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* version "-" trace id "-" parent id "-" flags; a later version may have more
 * after a further "-", which version 00 must not. */
static bool parse(const char *text, struct lun_trace *trace)
{
    size_t len = strlen(text);
    if (len < 55 || text[2] != '-' || text[35] != '-' || text[52] != '-') {
        return false;
    }
    if (hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0 ||
        memcmp(text, "ff", 2) == 0) {
        return false;
    }
    if (len > 55 && (memcmp(text, "00", 2) == 0 || text[55] != '-')) {
        return false;
    }
    int flags = hex_digit(text[54]);
    if (hex_digit(text[53]) < 0 || flags < 0) {
        return false;
    }
    char trace_id[33];
    char parent_id[17];
    if (!take_hex(text + 3, 32, trace_id) ||
        !take_hex(text + 36, 16, parent_id)) {
        return false;
    }
    memcpy(trace->trace_id, trace_id, sizeof trace_id);
    memcpy(trace->parent_id, parent_id, sizeof parent_id);
    trace->sampled = (flags & 1) != 0;
    return true;
}

void lun_trace_begin(struct lun_trace *trace, const char *traceparent)
{
    if (traceparent == NULL || !parse(traceparent, trace)) {
        lun_random_hex(trace->trace_id, 16);
        trace->parent_id[0] = '\0';
        trace->sampled = true;
    }
    lun_random_hex(trace->span_id, 8);
}

void lun_trace_header(const struct lun_trace *trace, char out[56])
{
    (void)snprintf(out, 56, "00-%s-%s-%s", trace->trace_id, trace->span_id,
                   trace->sampled ? "01" : "00");
}
