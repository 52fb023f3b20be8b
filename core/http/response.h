/*
 * core/http/response.h - the bytes of an answer.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/http/server.h"

/* The Date field, made anew once a second. Starts zeroed. */
struct lun_http_date {
    char text[30]; /* "Sun, 06 Nov 1994 08:49:37 GMT" */
    int64_t second;
};

enum lun_http_connection {
    LUN_HTTP_CONNECTION_SILENT, /* what the version implies */
    LUN_HTTP_CONNECTION_CLOSE,
    LUN_HTTP_CONNECTION_KEEP
};

struct lun_http_response {
    int status;
    const struct lun_http_header *headers;
    size_t header_count;
    const char *body;
    size_t body_len;
    bool head_only; /* Content-Length as if there were a body, but none */
    enum lun_http_connection connection;
};

/* Brings `date` up to `unix_ms`. */
void lun_http_response_date(struct lun_http_date *date, int64_t unix_ms);
/* No header would break the framing (a control byte in it). */
bool lun_http_response_is_safe(const struct lun_http_response *response);
static inline bool
lun_http_response_has_body(const struct lun_http_response *response)
{
    return response->status != 204 && response->status != 304;
}
/* Appends the answer. A header that would break the framing (a control byte in
 * it) turns the whole answer into a 500 without body. */
void lun_http_response_write(const struct lun_http_response *response,
                             const struct lun_http_date *date,
                             struct lun_buf *out);
/* "Not Found"; never NULL. */
const char *lun_http_response_reason(int status);
