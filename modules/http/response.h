/*
 * modules/http/response.h - what comes back, within its limits.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <curl/curl.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

struct lun_fetch_response {
    struct lun_buf headers; /* name NUL value NUL, names in lower case */
    struct lun_buf body;    /* unpacked */
    size_t header_bytes;    /* also of answers before the last */
    size_t max_body;
    bool in_head;
    const char *too_large; /* what was, or NULL */
    bool no_memory;
};

/* Makes `easy` write to `response`. */
void lun_fetch_response_attach(struct lun_fetch_response *response, CURL *easy);
/* Forgets what has come, for another try. */
void lun_fetch_response_clear(struct lun_fetch_response *response);
void lun_fetch_response_release(struct lun_fetch_response *response);
/* Pushes { status, url, headers, body }; may raise a memory error. */
void lun_fetch_response_push(const struct lun_fetch_response *response,
                             long status, const char *url, lua_State *L);
