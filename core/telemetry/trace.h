/*
 * core/telemetry/trace.h - W3C trace context (version 00) of a request.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

struct lun_trace {
    char trace_id[33];  /* 32 lower-case hex digits */
    char span_id[17];   /* of this process's own span */
    char parent_id[17]; /* the caller's span; "" when this starts the trace */
    bool sampled;
};

/*
 * Continues the trace of `traceparent` (may be NULL) with a span of its own;
 * a missing or malformed header starts a new trace, as the standard asks.
 */
void lun_trace_begin(struct lun_trace *trace, const char *traceparent);
/* The header for calls to others: 55 characters and a NUL. */
void lun_trace_header(const struct lun_trace *trace, char out[56]);
