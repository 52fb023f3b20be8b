/*
 * core/http/steps.h - the inside of the parser, shared by its files.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "core/http/parser.h"

/* What the next byte belongs to; the order tells request line, fields and body
 * apart. */
enum lun_http_state {
    LUN_HTTP_AT_START,
    LUN_HTTP_AT_START_LF,
    LUN_HTTP_AT_METHOD,
    LUN_HTTP_AT_TARGET,
    LUN_HTTP_AT_VERSION,
    LUN_HTTP_AT_LINE_LF,
    LUN_HTTP_AT_FIELD_START,
    LUN_HTTP_AT_FIELD_NAME,
    LUN_HTTP_AT_FIELD_SPACE,
    LUN_HTTP_AT_FIELD_VALUE,
    LUN_HTTP_AT_FIELD_LF,
    LUN_HTTP_AT_FIELDS_LF,
    LUN_HTTP_AT_BODY,
    LUN_HTTP_AT_CHUNK_SIZE,
    LUN_HTTP_AT_CHUNK_EXTENSION,
    LUN_HTTP_AT_CHUNK_QUOTED,
    LUN_HTTP_AT_CHUNK_LF,
    LUN_HTTP_AT_CHUNK_DATA,
    LUN_HTTP_AT_CHUNK_DATA_CR,
    LUN_HTTP_AT_CHUNK_DATA_LF,
    LUN_HTTP_AT_DONE,
    LUN_HTTP_AT_BAD
};

/*
 * Reads on from `at` within one state and returns how far it came; called with
 * at least one byte. Copies to the head no more bytes than it reads and one,
 * for which there is room.
 */
typedef const char *lun_http_step(struct lun_http_parser *parser,
                                  const char *at, const char *end);

/* core/http/line.c */
/* 0 and the method of `name`, or the status that refuses it. */
int lun_http_line_find_method(const char *name, enum lun_http_method *method);
/* Cuts the target at `path_at` into path and query; false when its
 * percent-encoding is malformed. */
bool lun_http_line_split(struct lun_http_parser *parser);
lun_http_step lun_http_line_start;
lun_http_step lun_http_line_start_lf;
lun_http_step lun_http_line_method;
lun_http_step lun_http_line_target;
lun_http_step lun_http_line_version;
lun_http_step lun_http_line_end;
/* core/http/field.c */
/* Heeds what the field at `name_at` and `value_at` means for the request. */
void lun_http_field_take(struct lun_http_parser *parser, size_t name_len);
lun_http_step lun_http_field_start;
lun_http_step lun_http_field_name;
lun_http_step lun_http_field_space;
lun_http_step lun_http_field_value;
lun_http_step lun_http_field_end;
lun_http_step lun_http_field_head_end;
/* core/http/body.c */
lun_http_step lun_http_body_plain;
lun_http_step lun_http_body_chunk_size;
lun_http_step lun_http_body_chunk_extension;
lun_http_step lun_http_body_chunk_quoted;
lun_http_step lun_http_body_chunk_lf;
lun_http_step lun_http_body_chunk_data;
lun_http_step lun_http_body_chunk_data_cr;
lun_http_step lun_http_body_chunk_data_lf;

/* Ends the reading with an answer; returns `at`. */
static inline const char *lun_http_refuse(struct lun_http_parser *parser,
                                          int status, const char *reason,
                                          const char *at)
{
    parser->state = LUN_HTTP_AT_BAD;
    parser->status = status;
    parser->reason = reason;
    return at;
}

static inline void lun_http_push(struct lun_http_parser *parser, char byte)
{
    parser->head.data[parser->head.len++] = byte;
}

/* The text at `offset` of the head. */
static inline const char *lun_http_text(const struct lun_http_parser *parser,
                                        size_t offset)
{
    return parser->head.data + offset;
}
