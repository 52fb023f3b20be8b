/*
 * modules/http/request.h - one request of an app, checked.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <curl/curl.h>
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

struct lun_err;
struct lun_fetch_grant;

enum { LUN_FETCH_HEADERS_MAX = 100, LUN_FETCH_URL_MAX = 16384 };

struct lun_fetch_header {
    const char *name; /* as written */
    const char *value;
};

struct lun_fetch_request {
    struct lun_arena arena;
    const char *method;
    bool idempotent;
    const char *url; /* as written */
    struct lun_fetch_header *headers;
    size_t header_count;
    const char *body; /* NULL: none */
    size_t body_len;
    uint64_t timeout_ns; /* of one try, within the grant */
    unsigned retries;    /* within the grant */
    unsigned redirects;  /* within the grant */
};

/* A checked URL. */
struct lun_fetch_target {
    CURLU *url;
    char scheme[8];
    char host[256]; /* lower case, without brackets and the last dot */
    unsigned port;
    char origin[288]; /* "https://api.example.com:8443", for messages */
};

/*
 * Reads { method, url, headers = { { name, value }, ... }, body, timeout,
 * retries, redirects } at the top of the stack. LUN_EBAD_INPUT, or
 * LUN_EFORBIDDEN with the missing grant. lun_fetch_request_release in either
 * case; may raise a memory error before it takes memory of its own.
 */
int lun_fetch_request_read(lua_State *L, const struct lun_fetch_grant *grant,
                           const char *app, struct lun_fetch_request *out,
                           struct lun_err *err);
void lun_fetch_request_release(struct lun_fetch_request *request);
const char *lun_fetch_request_header(const struct lun_fetch_request *request,
                                     const char *name);

/* Checks `url` against the grant; LUN_EBAD_INPUT, LUN_EFORBIDDEN, LUN_EMEMORY.
 * On success the caller frees `out->url` by lun_fetch_target_release. */
int lun_fetch_target_read(const char *url, const struct lun_fetch_grant *grant,
                          const char *app, struct lun_fetch_target *out,
                          struct lun_err *err);
void lun_fetch_target_release(struct lun_fetch_target *target);
