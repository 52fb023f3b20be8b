/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/stream.h"

#include <string.h>
#include <strings.h>

#include "core/http/exchange.h"
#include "core/http/grammar.h"
#include "core/http/steps.h"

/* What a field takes in HTTP/1.1 beside name and value: ": " and the line end;
 * so the limits mean the same in both versions. */
#define FIELD_EXTRA 4
/* The same for "METHOD TARGET HTTP/1.1". */
#define LINE_EXTRA 12

static bool is_open(const struct lun_http_parser *parser)
{
    return parser->state < LUN_HTTP_AT_BODY;
}

void lun_http_stream_begin(struct lun_http_exchange *exchange)
{
    struct lun_http_parser *parser = &exchange->parser;
    parser->state = LUN_HTTP_AT_FIELD_START;
    parser->line_bytes = LINE_EXTRA;
}

/* Copies a text with a NUL behind it; false when memory ran out. */
static bool keep(struct lun_http_parser *parser, const char *text, size_t len,
                 size_t *at)
{
    if (!lun_buf_reserve(&parser->head, len + 1)) {
        lun_http_refuse(parser, 503, "out of memory", NULL);
        return false;
    }
    *at = parser->head.len;
    memcpy(parser->head.data + parser->head.len, text, len);
    parser->head.len += len;
    lun_http_push(parser, '\0');
    return true;
}

static bool all_of(const char *text, size_t len, enum lun_http_grammar set)
{
    for (size_t i = 0; i < len; i++) {
        if (!lun_http_grammar_is(text[i], set))
            return false;
    }
    return true;
}

/* Pseudo fields */

static void take_method(struct lun_http_parser *parser, const char *value,
                        size_t len)
{
    if (!keep(parser, value, len, &parser->method_at))
        return;
    int status = lun_http_line_find_method(
        lun_http_text(parser, parser->method_at), &parser->method);
    if (status == 405)
        lun_http_refuse(parser, 405, "method not allowed", NULL);
    else if (status)
        lun_http_refuse(parser, 501, "unknown method", NULL);
}

/* That "*" is for OPTIONS only nghttp2 has checked. */
static void take_path(struct lun_http_parser *parser, const char *value,
                      size_t len)
{
    bool any = len == 1 && value[0] == '*';
    if (len == 0 || (value[0] != '/' && !any) ||
        !all_of(value, len, LUN_HTTP_TARGET))
        lun_http_refuse(parser, 400, "malformed request target", NULL);
    else if (keep(parser, value, len, &parser->path_at) &&
             !lun_http_line_split(parser))
        lun_http_refuse(parser, 400, "malformed percent-encoding", NULL);
}

static void take_authority(struct lun_http_parser *parser, const char *value,
                           size_t len)
{
    if (!lun_http_grammar_is_authority(value, len))
        lun_http_refuse(parser, 400, "malformed authority", NULL);
    else if (keep(parser, value, len, &parser->authority_at))
        parser->authority_len = len;
}

static void take_scheme(struct lun_http_parser *parser, const char *value,
                        size_t len)
{
    bool known = (len == 4 && strncasecmp(value, "http", 4) == 0) ||
                 (len == 5 && strncasecmp(value, "https", 5) == 0);
    if (!known)
        lun_http_refuse(parser, 400, "scheme not served", NULL);
}

static void take_pseudo(struct lun_http_parser *parser, const char *name,
                        size_t name_len, const char *value, size_t value_len)
{
    parser->line_bytes += value_len;
    if (parser->line_bytes > parser->limits->request_line)
        lun_http_refuse(parser, 414, "request line too long", NULL);
    else if (name_len == 7 && memcmp(name, ":method", 7) == 0)
        take_method(parser, value, value_len);
    else if (name_len == 5 && memcmp(name, ":path", 5) == 0)
        take_path(parser, value, value_len);
    else if (name_len == 7 && memcmp(name, ":scheme", 7) == 0)
        take_scheme(parser, value, value_len);
    else if (name_len == 10 && memcmp(name, ":authority", 10) == 0)
        take_authority(parser, value, value_len);
}

/* Other fields */

static bool count_field(struct lun_http_parser *parser, size_t len)
{
    unsigned count = parser->field_count + parser->trailer_count;
    parser->header_bytes += len + FIELD_EXTRA;
    if (parser->header_bytes > parser->limits->header_bytes)
        lun_http_refuse(parser, 431, "headers too large", NULL);
    else if (count >= LUN_HTTP_PARSER_FIELDS ||
             count >= parser->limits->header_count)
        lun_http_refuse(parser, 431, "too many headers", NULL);
    return parser->state != LUN_HTTP_AT_BAD;
}

static bool add_field(struct lun_http_parser *parser, const char *name,
                      size_t name_len, const char *value, size_t value_len)
{
    if (!keep(parser, name, name_len, &parser->name_at) ||
        !keep(parser, value, value_len, &parser->value_at))
        return false;
    unsigned index = parser->field_count++;
    parser->fields[index].name = (uint32_t)parser->name_at;
    parser->fields[index].value = (uint32_t)parser->value_at;
    return true;
}

void lun_http_stream_field(struct lun_http_exchange *exchange, const char *name,
                           size_t name_len, const char *value, size_t value_len)
{
    struct lun_http_parser *parser = &exchange->parser;
    if (!is_open(parser))
        return;
    if (name_len && name[0] == ':')
        take_pseudo(parser, name, name_len, value, value_len);
    else if (!count_field(parser, name_len + value_len))
        return;
    else if (!all_of(value, value_len, LUN_HTTP_VALUE))
        lun_http_refuse(parser, 400, "malformed header value", NULL);
    else if (add_field(parser, name, name_len, value, value_len))
        lun_http_field_take(parser, name_len);
}

void lun_http_stream_trailer(struct lun_http_exchange *exchange,
                             size_t name_len, size_t value_len)
{
    struct lun_http_parser *parser = &exchange->parser;
    if (parser->state == LUN_HTTP_AT_BAD)
        return;
    if (count_field(parser, name_len + value_len))
        parser->trailer_count++;
}

static bool is_cookie(const struct lun_http_parser *parser, unsigned field)
{
    return strcmp(lun_http_text(parser, parser->fields[field].name),
                  "cookie") == 0;
}

/* Appends the cookies to the head as one text; 0 when memory ran out. */
static size_t write_cookies(struct lun_http_parser *parser)
{
    struct lun_buf *head = &parser->head;
    size_t at = head->len;
    for (unsigned i = 0; i < parser->field_count; i++) {
        if (!is_cookie(parser, i))
            continue;
        size_t value = parser->fields[i].value;
        size_t len = strlen(lun_http_text(parser, value));
        if (!lun_buf_reserve(head, len + 3))
            return 0;
        if (head->len > at)
            lun_buf_push(head, "; ", 2);
        lun_buf_push(head, lun_http_text(parser, value), len);
    }
    lun_http_push(parser, '\0');
    return at;
}

/* HTTP/2 lets a client cut its cookies into many fields (RFC 9113, 8.2.3);
 * handlers see one. */
static void join_cookies(struct lun_http_parser *parser)
{
    unsigned count = 0;
    unsigned kept = 0;
    for (unsigned i = 0; i < parser->field_count; i++)
        count += is_cookie(parser, i);
    if (count < 2)
        return;
    size_t joined = write_cookies(parser);
    if (!joined) {
        lun_http_refuse(parser, 503, "out of memory", NULL);
        return;
    }
    for (unsigned i = 0; i < parser->field_count; i++) {
        bool cookie = is_cookie(parser, i);
        if (cookie && !count)
            continue;
        parser->fields[kept] = parser->fields[i];
        if (cookie) {
            parser->fields[kept].value = (uint32_t)joined;
            count = 0;
        }
        kept++;
    }
    parser->field_count = kept;
}

/* Handlers find the authority under the name that it has in HTTP/1.1. */
static void add_host(struct lun_http_parser *parser)
{
    if (parser->field_count == LUN_HTTP_PARSER_FIELDS)
        lun_http_refuse(parser, 431, "too many headers", NULL);
    else if (keep(parser, "host", 4, &parser->name_at)) {
        unsigned index = parser->field_count++;
        parser->fields[index].name = (uint32_t)parser->name_at;
        parser->fields[index].value = (uint32_t)parser->authority_at;
    }
}

static void take_host(struct lun_http_parser *parser)
{
    if (!parser->host_at && !parser->authority_len) {
        lun_http_refuse(parser, 400, "no authority", NULL);
    } else if (!parser->host_at) {
        add_host(parser);
    } else if (parser->authority_len &&
               strcasecmp(lun_http_text(parser, parser->host_at),
                          lun_http_text(parser, parser->authority_at)) != 0) {
        lun_http_refuse(parser, 400, "host and authority differ", NULL);
    }
}

void lun_http_stream_head_end(struct lun_http_exchange *exchange)
{
    struct lun_http_parser *parser = &exchange->parser;
    if (is_open(parser))
        take_host(parser);
    if (is_open(parser))
        join_cookies(parser);
    if (!is_open(parser))
        return;
    if (parser->left > parser->limits->body_bytes)
        lun_http_refuse(parser, 413, "body too large", NULL);
    else
        parser->state = LUN_HTTP_AT_BODY;
}

/* Body */

void lun_http_stream_body(struct lun_http_exchange *exchange, const char *data,
                          size_t len)
{
    struct lun_http_parser *parser = &exchange->parser;
    if (parser->state != LUN_HTTP_AT_BODY)
        return;
    if (len > parser->limits->body_bytes - parser->body.len) {
        lun_http_refuse(parser, 413, "body too large", NULL);
        return;
    }
    lun_buf_push(&parser->body, data, len);
    if (parser->body.failed)
        lun_http_refuse(parser, 503, "out of memory", NULL);
}

void lun_http_stream_end(struct lun_http_exchange *exchange)
{
    struct lun_http_parser *parser = &exchange->parser;
    if (parser->state == LUN_HTTP_AT_BAD)
        return;
    if (lun_buf_str(&parser->body))
        parser->state = LUN_HTTP_AT_DONE;
    else
        lun_http_refuse(parser, 503, "out of memory", NULL);
}
