/*
 * core/graphql/put.h - bytes into a buffer whose common case needs no call, and
 * big-endian numbers out of PostgreSQL's binary values.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/base/buf.h"

static inline uint16_t lun_put_load16(const void *data)
{
    uint16_t value;
    memcpy(&value, data, sizeof(value));
    return __builtin_bswap16(value);
}

static inline uint32_t lun_put_load32(const void *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof(value));
    return __builtin_bswap32(value);
}

static inline uint64_t lun_put_load64(const void *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof(value));
    return __builtin_bswap64(value);
}

/* Room for `more` bytes; the common case without a call. */
static inline bool lun_put_reserve(struct lun_buf *out, size_t more)
{
    if (__builtin_expect(out->cap - out->len >= more && !out->failed, 1))
        return true;
    return lun_buf_reserve(out, more);
}

static inline void lun_put(struct lun_buf *out, const void *data, size_t len)
{
    if (!lun_put_reserve(out, len))
        return;
    memcpy(out->data + out->len, data, len);
    out->len += len;
}

static inline void lun_put_byte(struct lun_buf *out, char byte)
{
    if (!lun_put_reserve(out, 1))
        return;
    out->data[out->len++] = byte;
}
