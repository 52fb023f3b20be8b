/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/request.h"

#include <ctype.h>
#include <lauxlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/error.h"
#include "modules/http/grant.h"

#define SECOND 1000000000.0
#define HEADER_BYTES ((size_t)64 * 1024)
#define DEFAULT_RETRIES 2

static const struct method {
    const char *name;
    bool idempotent;
} METHODS[] = {
    {"GET", true},    {"HEAD", true},   {"POST", false},   {"PUT", true},
    {"PATCH", false}, {"DELETE", true}, {"OPTIONS", true},
};

/* What the connection and libcurl decide, not the app. */
static const char *const RESERVED[] = {
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "accept-encoding",
    "http2-settings",
};

struct reader {
    lua_State *L;
    int table; /* index of what is read */
    const struct lun_fetch_grant *grant;
    struct lun_fetch_request *out;
    struct lun_err *err;
};

static int bad(const struct reader *r, const char *what)
{
    return lun_error_set(r->err, LUN_EBAD_INPUT, "%s", what);
}

static int no_memory(const struct reader *r)
{
    return lun_error_set(r->err, LUN_EMEMORY, "out of memory");
}

/* A copy of the text at the top, which is popped; NULL when it is none. */
static char *take_text(const struct reader *r, size_t *len)
{
    char *copy = NULL;
    if (lua_type(r->L, -1) == LUA_TSTRING) {
        const char *text = lua_tolstring(r->L, -1, len);
        copy = lun_arena_strndup(&r->out->arena, text, *len);
    }
    lua_pop(r->L, 1);
    return copy;
}

static int read_method(const struct reader *r)
{
    size_t len;
    lua_getfield(r->L, r->table, "method");
    const char *text = take_text(r, &len);
    for (size_t i = 0; text && i < sizeof(METHODS) / sizeof(*METHODS); i++) {
        if (!strcasecmp(METHODS[i].name, text) && strlen(text) == len) {
            r->out->method = METHODS[i].name;
            r->out->idempotent = METHODS[i].idempotent;
            return 0;
        }
    }
    return bad(r, "the method must be GET, HEAD, POST, PUT, PATCH, DELETE or"
                  " OPTIONS");
}

static int read_url(const struct reader *r)
{
    size_t len;
    lua_getfield(r->L, r->table, "url");
    r->out->url = take_text(r, &len);
    if (!r->out->url)
        return bad(r, "the URL must be a text");
    if (strlen(r->out->url) != len)
        return bad(r, "the URL holds a control character or a backslash");
    return 0;
}

/* Headers ------------------------------------------------------------------ */

static bool is_name(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) &&
            (!text[i] || !strchr("!#$%&'*+-.^_`|~", text[i])))
            return false;
    return len > 0;
}

static bool is_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') ||
            text[i] == 0x7f)
            return false;
    return true;
}

static bool is_reserved(const char *name)
{
    for (size_t i = 0; i < sizeof(RESERVED) / sizeof(*RESERVED); i++)
        if (!strcasecmp(RESERVED[i], name))
            return true;
    return !strncasecmp(name, "proxy-", 6);
}

/* The pair at the top, which is popped. */
static int read_header(const struct reader *r, struct lun_fetch_header *out,
                       size_t *bytes)
{
    size_t name_len = 0, value_len = 0;
    if (!lua_istable(r->L, -1)) {
        lua_pop(r->L, 1);
        return bad(r, "a header must be a name and a value");
    }
    lua_rawgeti(r->L, -1, 1);
    out->name = take_text(r, &name_len);
    lua_rawgeti(r->L, -1, 2);
    out->value = take_text(r, &value_len);
    lua_pop(r->L, 1);
    if (!out->name || !out->value)
        return bad(r, "a header must be a name and a value");
    if (!is_name(out->name, name_len))
        return bad(r, "the name of a header holds a character that it may"
                      " not hold");
    if (!is_value(out->value, value_len))
        return lun_error_set(r->err, LUN_EBAD_INPUT,
                             "the header '%.60s' holds a line end or another"
                             " control character",
                             out->name);
    if (is_reserved(out->name))
        return lun_error_set(r->err, LUN_EBAD_INPUT,
                             "the header '%.60s' is set by the host",
                             out->name);
    *bytes += name_len + value_len;
    return *bytes > HEADER_BYTES ? bad(r, "the headers are too large") : 0;
}

static int read_headers(const struct reader *r)
{
    size_t bytes = 0;
    int rc = 0;
    lua_getfield(r->L, r->table, "headers");
    size_t count = lua_istable(r->L, -1) ? lua_objlen(r->L, -1) : 0;
    if (count > LUN_FETCH_HEADERS_MAX)
        rc = bad(r, "there are too many headers");
    else
        r->out->headers = lun_arena_calloc(&r->out->arena, count + 1,
                                           sizeof(*r->out->headers));
    if (!rc && !r->out->headers)
        rc = no_memory(r);
    for (size_t i = 0; !rc && i < count; i++) {
        lua_rawgeti(r->L, -1, (int)i + 1);
        rc = read_header(r, &r->out->headers[i], &bytes);
        r->out->header_count = i + 1;
    }
    lua_pop(r->L, 1);
    return rc;
}

/* The rest ----------------------------------------------------------------- */

static int read_body(const struct reader *r)
{
    lua_getfield(r->L, r->table, "body");
    if (lua_isnil(r->L, -1)) {
        lua_pop(r->L, 1);
        return 0;
    }
    r->out->body = take_text(r, &r->out->body_len);
    return r->out->body ? 0 : bad(r, "the body must be a text");
}

/* Sets `*out` only when the app gave a number. */
static int read_number(const struct reader *r, const char *name, double max,
                       const char *right, double *out)
{
    lua_getfield(r->L, r->table, name);
    int type = lua_type(r->L, -1);
    double value = lua_tonumber(r->L, -1);
    lua_pop(r->L, 1);
    if (type == LUA_TNIL)
        return 0;
    if (type != LUA_TNUMBER || !(value >= 0 && value <= max))
        return lun_error_set(r->err, LUN_EBAD_INPUT,
                             "the option '%s' must be %s", name, right);
    *out = value;
    return 0;
}

static int read_numbers(const struct reader *r)
{
    const struct lun_fetch_grant *grant = r->grant;
    double timeout = (double)grant->timeout_ns / SECOND;
    double retries = r->out->idempotent ? DEFAULT_RETRIES : 0;
    double redirects = 0;
    int rc = read_number(r, "timeout", 86400, "a number of seconds", &timeout);
    if (!rc)
        rc = read_number(r, "retries", 100, "a small number", &retries);
    if (!rc)
        rc = read_number(r, "redirects", 100, "a small number", &redirects);
    if (rc)
        return rc;
    r->out->timeout_ns = (uint64_t)(timeout * SECOND);
    if (r->out->timeout_ns > grant->timeout_ns)
        r->out->timeout_ns = grant->timeout_ns;
    r->out->retries =
        (unsigned)retries < grant->retries ? (unsigned)retries : grant->retries;
    r->out->redirects = (unsigned)redirects < grant->redirects
                            ? (unsigned)redirects
                            : grant->redirects;
    return 0;
}

int lun_fetch_request_read(lua_State *L, const struct lun_fetch_grant *grant,
                           const char *app, struct lun_fetch_request *out,
                           struct lun_err *err)
{
    struct reader reader = {L, lua_gettop(L), grant, out, err};
    *out = (struct lun_fetch_request){0};
    lun_arena_init(&out->arena, 0);
    if (!lua_istable(L, -1))
        return bad(&reader, "a request must be a table");
    luaL_checkstack(L, 8, NULL);
    int rc = read_method(&reader);
    if (!rc)
        rc = read_url(&reader);
    if (!rc)
        rc = read_headers(&reader);
    if (!rc)
        rc = read_body(&reader);
    if (!rc)
        rc = read_numbers(&reader);
    if (!rc)
        rc = lun_fetch_grant_method(grant, app, out->method, err);
    return rc;
}

void lun_fetch_request_release(struct lun_fetch_request *request)
{
    lun_arena_release(&request->arena);
}

const char *lun_fetch_request_header(const struct lun_fetch_request *request,
                                     const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (!strcasecmp(request->headers[i].name, name))
            return request->headers[i].value;
    return NULL;
}
