/*
 * core/http/stream.h - the request of one HTTP/2 stream, field by field.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads into the parser of an exchange, so that a request looks the same
 * whichever version brought it. What RFC 9113 demands of names, pseudo fields
 * and their order nghttp2 has checked before; here are our limits and the rules
 * that HTTP/1.1 requests meet, too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct lun_http_exchange;

/* Before the first field. */
void lun_http_stream_begin(struct lun_http_exchange *exchange);
/* Takes one field, pseudo fields included. What is wrong with it shows in the
 * parser's phase (BAD); then further fields are ignored. */
void lun_http_stream_field(struct lun_http_exchange *exchange, const char *name,
                           size_t name_len, const char *value,
                           size_t value_len);
/* Counts a field of the trailer, which is dropped. */
void lun_http_stream_trailer(struct lun_http_exchange *exchange,
                             size_t name_len, size_t value_len);
/* All fields were taken. */
void lun_http_stream_head_end(struct lun_http_exchange *exchange);
void lun_http_stream_body(struct lun_http_exchange *exchange, const char *data,
                          size_t len);
/* The peer sends no more; the phase is DONE or BAD. */
void lun_http_stream_end(struct lun_http_exchange *exchange);
