/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/response.h"

#include <ctype.h>
#include <string.h>

#define HEADER_BYTES ((size_t)64 * 1024)

static size_t too_large(struct lun_fetch_response *response, const char *what)
{
    response->too_large = what;
    return 0; /* libcurl ends the transfer */
}

static void push_header(struct lun_fetch_response *response, const char *line,
                        size_t len)
{
    struct lun_buf *out = &response->headers;
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line || memchr(line, '\0', len))
        return;
    for (const char *at = line; at < colon; at++)
        lun_buf_push_byte(out, (char)tolower((unsigned char)*at));
    lun_buf_push_byte(out, '\0');
    const char *from = colon + 1, *to = line + len;
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    lun_buf_push(out, from, (size_t)(to - from));
    lun_buf_push_byte(out, '\0');
}

static size_t on_header(char *line, size_t one, size_t len, void *context)
{
    struct lun_fetch_response *response = context;
    (void)one;
    response->header_bytes += len;
    if (response->header_bytes > HEADER_BYTES)
        return too_large(response, "more than 64 KiB of headers");
    if (len > 5 && !memcmp(line, "HTTP/", 5)) {
        /* A status line: what came before was an interim answer. */
        lun_buf_clear(&response->headers);
        response->in_head = true;
    } else if (len && (*line == '\r' || *line == '\n')) {
        response->in_head = false; /* what follows the body is not kept */
    } else if (response->in_head) {
        push_header(response, line, len);
    }
    response->no_memory = response->headers.failed;
    return response->no_memory ? 0 : len;
}

static size_t on_body(char *data, size_t one, size_t len, void *context)
{
    struct lun_fetch_response *response = context;
    (void)one;
    if (len > response->max_body - response->body.len)
        return too_large(response, "a body larger than max_response");
    lun_buf_push(&response->body, data, len);
    response->no_memory = response->body.failed;
    return response->no_memory ? 0 : len;
}

void lun_fetch_response_attach(struct lun_fetch_response *response, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, response);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, response);
}

void lun_fetch_response_clear(struct lun_fetch_response *response)
{
    lun_buf_clear(&response->headers);
    lun_buf_clear(&response->body);
    response->header_bytes = 0;
    response->in_head = false;
    response->too_large = NULL;
    response->no_memory = false;
}

void lun_fetch_response_release(struct lun_fetch_response *response)
{
    lun_buf_release(&response->headers);
    lun_buf_release(&response->body);
}

/* To Lua ------------------------------------------------------------------- */

/* Sets one header in the table at the top: cookies are a list, others that come
 * again are joined as RFC 9110 5.3 says. */
static void set_header(lua_State *L, const char *name, const char *value)
{
    lua_getfield(L, -1, name);
    if (!strcmp(name, "set-cookie")) {
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_newtable(L);
        }
        lua_pushstring(L, value);
        lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
    } else if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushstring(L, value);
    } else {
        lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), value);
        lua_remove(L, -2);
    }
    lua_setfield(L, -2, name);
}

static void push_headers(const struct lun_buf *headers, lua_State *L)
{
    const char *at = headers->data, *end = at ? at + headers->len : at;
    lua_newtable(L);
    while (at < end) {
        const char *value = at + strlen(at) + 1;
        set_header(L, at, value);
        at = value + strlen(value) + 1;
    }
}

void lun_fetch_response_push(const struct lun_fetch_response *response,
                             long status, const char *url, lua_State *L)
{
    const struct lun_buf *body = &response->body;
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)status);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, url);
    lua_setfield(L, -2, "url");
    push_headers(&response->headers, L);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, body->len ? body->data : "", body->len);
    lua_setfield(L, -2, "body");
}
