/*
 * core/graphql/string.h - what stands between the quotes of a string literal.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads one escape; `*at` stands after the backslash and is moved behind it.
 * False when it is none or means no Unicode scalar value. */
bool lun_graphql_string_escape(const char **at, const char *end,
                               uint32_t *point);
/* Resolves the escapes of a checked string; `to` has room for `len` bytes.
 * Returns the bytes written. */
size_t lun_graphql_string_unescape(const char *text, size_t len, char *to);
/* Content of a block string: \""" resolved, common indent and blank first and
 * last lines removed, lines ended by LF. `to` has room for `len` bytes. */
size_t lun_graphql_string_dedent(const char *text, size_t len, char *to);
