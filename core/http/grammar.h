/*
 * core/http/grammar.h - which bytes may stand where (RFC 9110, 9112, 3986).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum lun_http_grammar {
    LUN_HTTP_VALUE = 1,  /* in a field value: VCHAR, space, tab, obs-text */
    LUN_HTTP_TARGET = 2, /* in a request target: VCHAR without '#' */
    LUN_HTTP_NAME = 4,   /* in a host name: unreserved of RFC 3986 */
    LUN_HTTP_HEX = 8
};

/* Sets of enum lun_http_grammar by byte. */
extern const unsigned char lun_http_grammar_class[256];
/* The byte in lower case when a token may hold it, else 0. */
extern const unsigned char lun_http_grammar_token[256];

static inline bool lun_http_grammar_is(char byte, enum lun_http_grammar set)
{
    return (lun_http_grammar_class[(unsigned char)byte] & set) != 0;
}

/* The value of a hexadecimal digit, or -1. */
int lun_http_grammar_hex(char byte);

/* `name` or `[v6 address]`, with an optional `:port`. Sub-delimiters and
 * percent-encoding, which RFC 3986 would allow, are refused: no host of ours
 * needs them and two readers can disagree over them. */
bool lun_http_grammar_is_authority(const char *text, size_t len);

/* Every '%' of a path is followed by two hexadecimal digits, never by 00. */
bool lun_http_grammar_is_path(const char *text);

/* True when `list` (comma-separated) has the token `word` in any case. */
bool lun_http_grammar_has_token(const char *list, const char *word);
