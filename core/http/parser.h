/*
 * core/http/parser.h - reads one HTTP/1.1 request, fed in pieces of any size.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each byte is looked at once: it is checked and copied in the same step, so
 * where the input is cut never matters. Nothing is decoded. Strict where
 * RFC 9112 lets a recipient choose: one form of line end, of length and of
 * white space; chunk extensions and trailers are checked, bounded and dropped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/http/server.h"

/* More header fields than this are refused whatever the limits say. */
#define LUN_HTTP_PARSER_FIELDS 256

enum lun_http_parser_phase {
    LUN_HTTP_PHASE_HEAD, /* more of the request line or the fields is needed */
    LUN_HTTP_PHASE_BODY, /* the head is complete, the body is not */
    LUN_HTTP_PHASE_DONE,
    LUN_HTTP_PHASE_BAD /* status and reason say why; the connection must end */
};

struct lun_http_parser {
    const struct lun_http_limits *limits; /* every size set; not owned */
    /* Result */
    enum lun_http_method method;
    bool keep_alive;
    bool expects_continue; /* 100 Continue is awaited before the body */
    bool is_http10;
    int status;         /* when BAD: the answer to give */
    const char *reason; /* when BAD: static text */
    struct lun_buf body;
    /* Where the reading stands; private */
    struct lun_buf head; /* NUL-separated copies of method, target, fields */
    unsigned char state;
    bool blank_seen;
    bool in_trailer;
    bool chunked;
    bool wants_close;
    bool wants_keep_alive;
    unsigned seen; /* set of fields that may come once */
    char version[8];
    unsigned version_len;
    size_t method_at;
    size_t path_at;
    size_t query_at;
    size_t authority_at;
    size_t authority_len; /* 0 unless the target was in absolute form */
    size_t host_at;
    size_t name_at;
    size_t value_at;
    size_t line_bytes;
    size_t header_bytes;
    size_t framing_bytes; /* of chunk sizes and extensions */
    unsigned digits;      /* of the chunk size */
    uint64_t left;        /* bytes of the body or chunk still to come */
    unsigned field_count;
    unsigned trailer_count;
    struct {
        uint32_t name;
        uint32_t value;
    } fields[LUN_HTTP_PARSER_FIELDS]; /* offsets in head */
};

/* `limits` must outlive the parser. Takes no memory yet. */
void lun_http_parser_init(struct lun_http_parser *parser,
                          const struct lun_http_limits *limits);
/* Ready for the next request; keeps buffers of ordinary size. */
void lun_http_parser_clear(struct lun_http_parser *parser);
void lun_http_parser_release(struct lun_http_parser *parser);

/* Reads up to the end of the request; returns how many bytes it took. What
 * follows them belongs to the next request. */
size_t lun_http_parser_feed(struct lun_http_parser *parser, const char *data,
                            size_t len);
enum lun_http_parser_phase
lun_http_parser_phase(const struct lun_http_parser *parser);

/* When DONE: fills method to body_len of `request`, which then points into the
 * parser; the list of headers comes from `arena`. False: out of memory. */
bool lun_http_parser_request(struct lun_http_parser *parser,
                             struct lun_arena *arena,
                             struct lun_http_request *request);
