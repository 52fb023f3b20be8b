/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/grammar.h"
#include "core/http/steps.h"

/* Copies what `left` allows; false when memory ran out. */
static bool copy_body(struct lun_http_parser *parser, const char **at,
                      const char *end)
{
    size_t len = (size_t)(end - *at);
    if (len > parser->left)
        len = (size_t)parser->left;
    lun_buf_push(&parser->body, *at, len);
    if (parser->body.failed) {
        lun_http_refuse(parser, 503, "out of memory", NULL);
        return false;
    }
    parser->left -= len;
    *at += len;
    return true;
}

const char *lun_http_body_plain(struct lun_http_parser *parser, const char *at,
                                const char *end)
{
    if (copy_body(parser, &at, end) && parser->left == 0)
        parser->state = LUN_HTTP_AT_DONE;
    return at;
}

const char *lun_http_body_chunk_size(struct lun_http_parser *parser,
                                     const char *at, const char *end)
{
    for (; at < end && lun_http_grammar_is(*at, LUN_HTTP_HEX); at++) {
        if (++parser->digits > 15)
            return lun_http_refuse(parser, 400, "malformed chunk size", at);
        parser->left = parser->left * 16 + (uint64_t)lun_http_grammar_hex(*at);
    }
    if (at == end)
        return at;
    if (parser->digits == 0 || (*at != '\r' && *at != ';'))
        return lun_http_refuse(parser, 400, "malformed chunk size", at);
    if (parser->left > parser->limits->body_bytes - parser->body.len)
        return lun_http_refuse(parser, 413, "body too large", at);
    parser->state =
        *at == '\r' ? LUN_HTTP_AT_CHUNK_LF : LUN_HTTP_AT_CHUNK_EXTENSION;
    return at + 1;
}

const char *lun_http_body_chunk_extension(struct lun_http_parser *parser,
                                          const char *at, const char *end)
{
    while (at < end && (lun_http_grammar_token[(unsigned char)*at] ||
                        *at == '=' || *at == ';'))
        at++;
    if (at == end)
        return at;
    if (*at != '\r' && *at != '"')
        return lun_http_refuse(parser, 400, "malformed chunk extension", at);
    parser->state =
        *at == '\r' ? LUN_HTTP_AT_CHUNK_LF : LUN_HTTP_AT_CHUNK_QUOTED;
    return at + 1;
}

/* Without quoted pairs: nobody sends them, and readers differ over them. */
const char *lun_http_body_chunk_quoted(struct lun_http_parser *parser,
                                       const char *at, const char *end)
{
    while (at < end && lun_http_grammar_is(*at, LUN_HTTP_VALUE) && *at != '"' &&
           *at != '\\')
        at++;
    if (at == end)
        return at;
    if (*at != '"')
        return lun_http_refuse(parser, 400, "malformed chunk extension", at);
    parser->state = LUN_HTTP_AT_CHUNK_EXTENSION;
    return at + 1;
}

const char *lun_http_body_chunk_lf(struct lun_http_parser *parser,
                                   const char *at, const char *end)
{
    (void)end;
    if (*at != '\n')
        return lun_http_refuse(parser, 400, "bare carriage return", at);
    parser->in_trailer = parser->left == 0;
    parser->state =
        parser->in_trailer ? LUN_HTTP_AT_FIELD_START : LUN_HTTP_AT_CHUNK_DATA;
    return at + 1;
}

const char *lun_http_body_chunk_data(struct lun_http_parser *parser,
                                     const char *at, const char *end)
{
    if (copy_body(parser, &at, end) && parser->left == 0)
        parser->state = LUN_HTTP_AT_CHUNK_DATA_CR;
    return at;
}

const char *lun_http_body_chunk_data_cr(struct lun_http_parser *parser,
                                        const char *at, const char *end)
{
    (void)end;
    if (*at != '\r')
        return lun_http_refuse(parser, 400, "chunk longer than its size", at);
    parser->state = LUN_HTTP_AT_CHUNK_DATA_LF;
    return at + 1;
}

const char *lun_http_body_chunk_data_lf(struct lun_http_parser *parser,
                                        const char *at, const char *end)
{
    (void)end;
    if (*at != '\n')
        return lun_http_refuse(parser, 400, "bare carriage return", at);
    parser->digits = 0;
    parser->state = LUN_HTTP_AT_CHUNK_SIZE;
    return at + 1;
}
