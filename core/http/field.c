/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "core/http/grammar.h"
#include "core/http/steps.h"

/* Fields whose repetition would leave open which one counts. */
enum once {
    ONCE_HOST = 1,
    ONCE_LENGTH = 2,
    ONCE_CODING = 4,
    ONCE_EXPECT = 8,
    ONCE_TYPE = 16,
    ONCE_AUTHORIZATION = 32,
    ONCE_ORIGIN = 64
};

const char *lun_http_field_start(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    (void)end;
    if (*at == '\r') {
        parser->state = LUN_HTTP_AT_FIELDS_LF;
        return at + 1;
    }
    if (*at == ' ' || *at == '\t')
        return lun_http_refuse(parser, 400, "folded header", at);
    unsigned count = parser->field_count + parser->trailer_count;
    if (count >= LUN_HTTP_PARSER_FIELDS ||
        count >= parser->limits->header_count)
        return lun_http_refuse(parser, 431, "too many headers", at);
    parser->name_at = parser->head.len;
    parser->state = LUN_HTTP_AT_FIELD_NAME;
    return at;
}

const char *lun_http_field_name(struct lun_http_parser *parser, const char *at,
                                const char *end)
{
    unsigned char lower = 0;
    while (at < end && (lower = lun_http_grammar_token[(unsigned char)*at])) {
        lun_http_push(parser, (char)lower);
        at++;
    }
    if (at == end)
        return at;
    if (*at != ':' || parser->head.len == parser->name_at)
        return lun_http_refuse(parser, 400, "malformed header name", at);
    lun_http_push(parser, '\0');
    parser->value_at = parser->head.len;
    parser->state = LUN_HTTP_AT_FIELD_SPACE;
    return at + 1;
}

const char *lun_http_field_space(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    if (at < end)
        parser->state = LUN_HTTP_AT_FIELD_VALUE;
    return at;
}

const char *lun_http_field_value(struct lun_http_parser *parser, const char *at,
                                 const char *end)
{
    const char *start = at;
    while (at < end && lun_http_grammar_is(*at, LUN_HTTP_VALUE))
        at++;
    memcpy(parser->head.data + parser->head.len, start, (size_t)(at - start));
    parser->head.len += (size_t)(at - start);
    if (at == end)
        return at;
    if (*at != '\r')
        return lun_http_refuse(parser, 400, "malformed header value", at);
    parser->state = LUN_HTTP_AT_FIELD_LF;
    return at + 1;
}

/* False when a field that may come once came before. */
static bool first(struct lun_http_parser *parser, enum once field)
{
    if (parser->seen & field)
        return false;
    parser->seen |= field;
    return true;
}

static bool take_length(struct lun_http_parser *parser, const char *value)
{
    size_t len = strlen(value);
    if (len == 0 || len > 18 || strspn(value, "0123456789") != len ||
        !first(parser, ONCE_LENGTH))
        return false;
    for (; *value; value++)
        parser->left = parser->left * 10 + (uint64_t)(*value - '0');
    return true;
}

static bool take_host(struct lun_http_parser *parser, const char *value)
{
    parser->host_at = parser->value_at;
    return lun_http_grammar_is_authority(value, strlen(value)) &&
           first(parser, ONCE_HOST);
}

static void take_connection(struct lun_http_parser *parser, const char *value)
{
    if (lun_http_grammar_has_token(value, "close"))
        parser->wants_close = true;
    if (lun_http_grammar_has_token(value, "keep-alive"))
        parser->wants_keep_alive = true;
}

static void take_coding(struct lun_http_parser *parser, const char *value)
{
    if (!first(parser, ONCE_CODING))
        lun_http_refuse(parser, 400, "repeated transfer-encoding", NULL);
    else if (strcasecmp(value, "chunked") != 0)
        lun_http_refuse(parser, 501, "transfer-encoding not served", NULL);
    parser->chunked = true;
}

static void take_expect(struct lun_http_parser *parser, const char *value)
{
    if (!first(parser, ONCE_EXPECT) || strcasecmp(value, "100-continue") != 0)
        lun_http_refuse(parser, 417, "expectation not met", NULL);
    parser->expects_continue = true;
}

/* What a field means for framing; picked by length, since most fields mean
 * nothing here. */
void lun_http_field_take(struct lun_http_parser *parser, size_t name_len)
{
    const char *name = lun_http_text(parser, parser->name_at);
    const char *value = lun_http_text(parser, parser->value_at);
    bool good = true;
    if (name_len == 4 && strcmp(name, "host") == 0)
        good = take_host(parser, value);
    else if (name_len == 6 && strcmp(name, "expect") == 0)
        take_expect(parser, value);
    else if (name_len == 6 && strcmp(name, "origin") == 0)
        good = first(parser, ONCE_ORIGIN);
    else if (name_len == 10 && strcmp(name, "connection") == 0)
        take_connection(parser, value);
    else if (name_len == 12 && strcmp(name, "content-type") == 0)
        good = first(parser, ONCE_TYPE);
    else if (name_len == 13 && strcmp(name, "authorization") == 0)
        good = first(parser, ONCE_AUTHORIZATION);
    else if (name_len == 14 && strcmp(name, "content-length") == 0)
        good = take_length(parser, value);
    else if (name_len == 17 && strcmp(name, "transfer-encoding") == 0)
        take_coding(parser, value);
    if (!good)
        lun_http_refuse(parser, 400, "repeated or malformed header", NULL);
}

const char *lun_http_field_end(struct lun_http_parser *parser, const char *at,
                               const char *end)
{
    (void)end;
    if (*at != '\n')
        return lun_http_refuse(parser, 400, "bare carriage return", at);
    struct lun_buf *head = &parser->head;
    while (head->len > parser->value_at && (head->data[head->len - 1] == ' ' ||
                                            head->data[head->len - 1] == '\t'))
        head->len--;
    lun_http_push(parser, '\0');
    parser->state = LUN_HTTP_AT_FIELD_START;
    if (parser->in_trailer) {
        parser->trailer_count++;
        head->len = parser->name_at;
        return at + 1;
    }
    unsigned index = parser->field_count++;
    parser->fields[index].name = (uint32_t)parser->name_at;
    parser->fields[index].value = (uint32_t)parser->value_at;
    lun_http_field_take(parser, parser->value_at - parser->name_at - 1);
    return at + 1;
}

/* The head as a whole: what its fields mean together. */
static const char *take_head(struct lun_http_parser *parser, const char *at)
{
    bool has_host = parser->seen & ONCE_HOST;
    if (!has_host && !parser->is_http10)
        return lun_http_refuse(parser, 400, "no host", at);
    if (has_host && parser->authority_len) {
        const char *host = lun_http_text(parser, parser->host_at);
        const char *authority = lun_http_text(parser, parser->authority_at);
        if (strlen(host) != parser->authority_len ||
            strncasecmp(host, authority, parser->authority_len) != 0)
            return lun_http_refuse(parser, 400, "host and target differ", at);
    }
    if (parser->chunked && parser->is_http10)
        return lun_http_refuse(parser, 400, "transfer-encoding in HTTP/1.0",
                               at);
    if (parser->chunked && (parser->seen & ONCE_LENGTH))
        return lun_http_refuse(parser, 400, "two lengths", at);
    if (parser->left > parser->limits->body_bytes)
        return lun_http_refuse(parser, 413, "body too large", at);
    parser->keep_alive = !parser->wants_close &&
                         (!parser->is_http10 || parser->wants_keep_alive);
    bool has_body = parser->chunked || parser->left > 0;
    parser->expects_continue &= has_body && !parser->is_http10;
    parser->state = parser->chunked ? LUN_HTTP_AT_CHUNK_SIZE
                    : has_body      ? LUN_HTTP_AT_BODY
                                    : LUN_HTTP_AT_DONE;
    return at + 1;
}

const char *lun_http_field_head_end(struct lun_http_parser *parser,
                                    const char *at, const char *end)
{
    (void)end;
    if (*at != '\n')
        return lun_http_refuse(parser, 400, "bare carriage return", at);
    if (!parser->in_trailer)
        return take_head(parser, at);
    parser->state = LUN_HTTP_AT_DONE;
    return at + 1;
}
