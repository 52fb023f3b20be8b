/*
 * core/base/utf8.h - checks of text from outside.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Valid UTF-8 (RFC 3629: no surrogates, no overlong forms)? */
bool lun_utf8_valid(const char *text, size_t len);
/* Bytes of the valid sequence that `text` begins with; 0 when it is not one. */
size_t lun_utf8_width(const char *text, size_t len);
/* Bytes at the front that stand for themselves in a JSON string: ASCII without
 * control characters, '"' and '\\'. */
size_t lun_utf8_plain(const char *text, size_t len);
/* Code points in valid UTF-8. */
size_t lun_utf8_length(const char *text, size_t len);
