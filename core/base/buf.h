/*
 * core/base/buf.h - a growable byte buffer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * When memory runs out a push sets `failed` and does nothing from then on, so a
 * writer may push many times and check once.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct lun_buf {
    char *data; /* NULL when empty; not NUL-terminated unless said */
    size_t len;
    size_t cap;
    bool failed;
};

void lun_buf_init(struct lun_buf *buf);
/* len = 0, memory kept, failed reset. */
void lun_buf_clear(struct lun_buf *buf);
void lun_buf_release(struct lun_buf *buf);

/* Makes room for `more` bytes after len; for lun_buf_reserve. */
bool lun_buf_grow(struct lun_buf *buf, size_t more);

/* Room for `more` bytes after len; false when memory ran out. */
static inline bool lun_buf_reserve(struct lun_buf *buf, size_t more)
{
    return (!buf->failed && more <= buf->cap - buf->len) ||
           lun_buf_grow(buf, more);
}

static inline void lun_buf_push(struct lun_buf *buf, const void *data,
                                size_t len)
{
    if (!len || !lun_buf_reserve(buf, len))
        return;
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
}

static inline void lun_buf_push_byte(struct lun_buf *buf, char byte)
{
    if (lun_buf_reserve(buf, 1))
        buf->data[buf->len++] = byte;
}

/* `text` is NUL-terminated. */
static inline void lun_buf_push_str(struct lun_buf *buf, const char *text)
{
    lun_buf_push(buf, text, strlen(text));
}

void lun_buf_push_int(struct lun_buf *buf, int64_t number);
void lun_buf_printf(struct lun_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* `text` as a JSON string with its quotes (RFC 8259); invalid UTF-8 becomes
 * U+FFFD. */
void lun_buf_push_json_string(struct lun_buf *buf, const char *text,
                              size_t len);
/* Ends the content with a NUL that len does not count; NULL when failed. */
const char *lun_buf_str(struct lun_buf *buf);
/* Drops `count` bytes from the front. */
void lun_buf_consume(struct lun_buf *buf, size_t count);
