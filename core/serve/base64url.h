/*
 * core/serve/base64url.h - base64url without padding (RFC 4648, section 5).
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

/* Appends the text form of `len` bytes. */
void lun_base64url_push(struct lun_buf *out, const void *data, size_t len);
/* Appends the bytes of `len` characters. False for any other character, for
 * padding, and for bits that no encoder would set: one value has one text. */
bool lun_base64url_read(struct lun_buf *out, const char *text, size_t len);
