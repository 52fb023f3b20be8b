/*
 * core/http/coding.h - content codings and validators of answers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * RFC 9110: Accept-Encoding (12.5.3), If-None-Match (13.1.2).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

enum lun_http_coding { LUN_HTTP_IDENTITY, LUN_HTTP_GZIP, LUN_HTTP_BROTLI };

/* A set of codings. */
#define LUN_HTTP_CODING_BIT(coding) (1u << (coding))

/* The best of the set `offered` for an Accept-Encoding (NULL: none came): the
 * higher quality wins, then the smaller form. Identity is always offered. */
enum lun_http_coding lun_http_coding_pick(const char *accept, unsigned offered);
/* "gzip", "br"; NULL for identity. */
const char *lun_http_coding_name(enum lun_http_coding coding);

/* Whether If-None-Match (NULL: none came) names `tag`, by weak comparison. */
bool lun_http_coding_has_tag(const char *if_none_match, const char *tag);

struct lun_http_gzip; /* memory of a compressor, for one thread */

/* NULL when memory ran out. */
struct lun_http_gzip *lun_http_gzip_new(void);
void lun_http_gzip_free(struct lun_http_gzip *gzip);
/* Appends `data` packed, for speed rather than size; false, and nothing
 * appended, when that is not smaller or memory ran out. */
bool lun_http_gzip_pack(struct lun_http_gzip *gzip, const char *data,
                        size_t len, struct lun_buf *out);
