/*
 * core/serve/base64url.c - base64url without padding.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/base64url.h"

#include <stdint.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void lun_base64url_push(struct lun_buf *out, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)bytes[i] << 16;
        group |= left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)bytes[i + 2] : 0;
        for (size_t j = 0; j <= left; j++) {
            lun_buf_push_byte(out, alphabet[(group >> (18 - 6 * j)) & 63]);
        }
    }
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool lun_base64url_read(struct lun_buf *out, const char *text, size_t len)
{
    uint32_t bits = 0;
    unsigned count = 0;
    if (len % 4 == 1) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (value < 0) {
            return false;
        }
        bits = (bits << 6) | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            lun_buf_push_byte(out, (char)((bits >> count) & 0xff));
        }
        bits &= (1u << count) - 1;
    }
    return bits == 0 && !out->failed;
}
