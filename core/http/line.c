/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "core/http/grammar.h"
#include "core/http/steps.h"

#define METHOD_MAX 32

/* Old clients send an empty line after a body; one is tolerated. */
const char *lun_http_line_start(struct lun_http_parser *parser, const char *at,
                                const char *end)
{
    (void)end;
    if (*at == '\r' && !parser->blank_seen) {
        parser->blank_seen = true;
        parser->state = LUN_HTTP_AT_START_LF;
        return at + 1;
    }
    parser->state = LUN_HTTP_AT_METHOD;
    return at;
}

const char *lun_http_line_start_lf(struct lun_http_parser *parser,
                                   const char *at, const char *end)
{
    (void)end;
    if (*at != '\n')
        return lun_http_refuse(parser, 400, "bare carriage return", at);
    parser->state = LUN_HTTP_AT_START;
    return at + 1;
}

int lun_http_line_find_method(const char *name, enum lun_http_method *method)
{
    static const struct {
        const char *name;
        enum lun_http_method method;
        int status;
    } known[] = {
        {"GET", LUN_HTTP_GET, 0},       {"POST", LUN_HTTP_POST, 0},
        {"HEAD", LUN_HTTP_HEAD, 0},     {"OPTIONS", LUN_HTTP_OPTIONS, 0},
        {"PUT", LUN_HTTP_OTHER, 0},     {"PATCH", LUN_HTTP_OTHER, 0},
        {"DELETE", LUN_HTTP_OTHER, 0},  {"CONNECT", LUN_HTTP_OTHER, 405},
        {"TRACE", LUN_HTTP_OTHER, 405}, {"PRI", LUN_HTTP_OTHER, 505},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(name, known[i].name) != 0)
            continue;
        if (!known[i].status)
            *method = known[i].method;
        return known[i].status;
    }
    return 501;
}

static const char *take_method(struct lun_http_parser *parser, const char *at)
{
    int status =
        lun_http_line_find_method(parser->head.data, &parser->method);
    if (status)
        return lun_http_refuse(parser, status,
                               status == 505   ? "version not served"
                               : status == 501 ? "unknown method"
                                               : "method not allowed",
                               at);
    parser->state = LUN_HTTP_AT_TARGET;
    return at + 1;
}

const char *lun_http_line_method(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    while (at < end && lun_http_grammar_token[(unsigned char)*at]) {
        if (parser->head.len == METHOD_MAX)
            return lun_http_refuse(parser, 501, "unknown method", at);
        lun_http_push(parser, *at++);
    }
    if (at == end)
        return at;
    if (*at != ' ' || parser->head.len == 0)
        return lun_http_refuse(parser, 400, "malformed request line", at);
    lun_http_push(parser, '\0');
    parser->path_at = parser->head.len;
    return take_method(parser, at);
}

/* `http://authority/path`: notes the authority and makes the path begin with
 * '/', for which the authority gives way by one byte when there is none. */
static bool split_absolute(struct lun_http_parser *parser, char *target)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    if (!scheme)
        return false;
    char *authority = target + scheme;
    size_t len = strcspn(authority, "/?");
    if (!lun_http_grammar_is_authority(authority, len))
        return false;
    if (authority[len] != '/') {
        memmove(authority - 1, authority, len);
        authority--;
        authority[len] = '/';
    }
    parser->authority_at = (size_t)(authority - parser->head.data);
    parser->authority_len = len;
    parser->path_at = parser->authority_at + len;
    return true;
}

bool lun_http_line_split(struct lun_http_parser *parser)
{
    char *path = parser->head.data + parser->path_at;
    char *query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    else
        query = path + strlen(path);
    parser->query_at = (size_t)(query - parser->head.data);
    return lun_http_grammar_is_path(path);
}

static const char *take_target(struct lun_http_parser *parser, const char *at)
{
    char *target = parser->head.data + parser->path_at;
    bool any = strcmp(target, "*") == 0 && parser->method == LUN_HTTP_OPTIONS;
    if (target[0] != '/' && !any && !split_absolute(parser, target))
        return lun_http_refuse(parser, 400, "malformed request target", at);
    if (!lun_http_line_split(parser))
        return lun_http_refuse(parser, 400, "malformed percent-encoding", at);
    parser->state = LUN_HTTP_AT_VERSION;
    return at + 1;
}

const char *lun_http_line_target(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    const char *start = at;
    while (at < end && lun_http_grammar_is(*at, LUN_HTTP_TARGET))
        at++;
    memcpy(parser->head.data + parser->head.len, start, (size_t)(at - start));
    parser->head.len += (size_t)(at - start);
    if (at == end)
        return at;
    if (*at != ' ' || parser->head.len == parser->path_at)
        return lun_http_refuse(parser, 400, "malformed request line", at);
    lun_http_push(parser, '\0');
    return take_target(parser, at);
}

const char *lun_http_line_version(struct lun_http_parser *parser,
                                  const char *at, const char *end)
{
    const char *text = parser->version;
    while (at < end && *at != '\r') {
        if (parser->version_len == sizeof(parser->version))
            return lun_http_refuse(parser, 400, "malformed version", at);
        parser->version[parser->version_len++] = *at++;
    }
    if (at == end)
        return at;
    if (parser->version_len != sizeof(parser->version) ||
        memcmp(text, "HTTP/", 5) != 0 || text[5] < '0' || text[5] > '9' ||
        text[6] != '.' || text[7] < '0' || text[7] > '9')
        return lun_http_refuse(parser, 400, "malformed version", at);
    if (text[5] != '1' || text[7] > '1')
        return lun_http_refuse(parser, 505, "version not served", at);
    parser->is_http10 = text[7] == '0';
    parser->state = LUN_HTTP_AT_LINE_LF;
    return at + 1;
}

const char *lun_http_line_end(struct lun_http_parser *parser, const char *at,
                              const char *end)
{
    (void)end;
    if (*at != '\n')
        return lun_http_refuse(parser, 400, "bare carriage return", at);
    parser->state = LUN_HTTP_AT_FIELD_START;
    return at + 1;
}
