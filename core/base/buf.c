/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"

void lun_buf_init(struct lun_buf *buf)
{
    memset(buf, 0, sizeof(*buf));
}

void lun_buf_clear(struct lun_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}

void lun_buf_release(struct lun_buf *buf)
{
    free(buf->data);
    lun_buf_init(buf);
}

bool lun_buf_grow(struct lun_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    size_t need = buf->len + more;
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap < need && cap < SIZE_MAX / 2)
        cap *= 2;
    char *data = need < buf->len || cap < need ? NULL : realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

void lun_buf_push_int(struct lun_buf *buf, int64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0)
        lun_buf_push_byte(buf, '-');
    lun_buf_push(buf, digits + at, sizeof(digits) - at);
}

void lun_buf_printf(struct lun_buf *buf, const char *format, ...)
{
    va_list args;
    /* Most texts fit into what is there. */
    if (!lun_buf_reserve(buf, 64))
        return;
    size_t room = buf->cap - buf->len;
    va_start(args, format);
    int len = vsnprintf(buf->data + buf->len, room, format, args);
    va_end(args);
    if (len < 0) {
        buf->failed = true;
        return;
    }
    if ((size_t)len >= room) {
        if (!lun_buf_reserve(buf, (size_t)len + 1))
            return;
        va_start(args, format);
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
        va_end(args);
    }
    buf->len += (size_t)len;
}

static void push_escape(struct lun_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    switch (c) {
    case '"':
        lun_buf_push(buf, "\\\"", 2);
        break;
    case '\\':
        lun_buf_push(buf, "\\\\", 2);
        break;
    case '\n':
        lun_buf_push(buf, "\\n", 2);
        break;
    case '\r':
        lun_buf_push(buf, "\\r", 2);
        break;
    case '\t':
        lun_buf_push(buf, "\\t", 2);
        break;
    default: {
        char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        lun_buf_push(buf, text, sizeof(text));
    }
    }
}

void lun_buf_push_json_string(struct lun_buf *buf, const char *text, size_t len)
{
    if (!lun_buf_reserve(buf, len + 2))
        return;
    lun_buf_push_byte(buf, '"');
    size_t at = 0;
    while (at < len) {
        size_t plain = lun_utf8_plain(text + at, len - at);
        lun_buf_push(buf, text + at, plain);
        at += plain;
        if (at == len)
            break;
        unsigned char c = (unsigned char)text[at];
        if (c < 0x80) {
            push_escape(buf, c);
            at++;
            continue;
        }
        size_t width = lun_utf8_width(text + at, len - at);
        if (width)
            lun_buf_push(buf, text + at, width);
        else
            lun_buf_push(buf, "\xef\xbf\xbd", 3);
        at += width ? width : 1;
    }
    lun_buf_push_byte(buf, '"');
}

const char *lun_buf_str(struct lun_buf *buf)
{
    if (!lun_buf_reserve(buf, 1))
        return NULL;
    buf->data[buf->len] = '\0';
    return buf->data;
}

void lun_buf_consume(struct lun_buf *buf, size_t count)
{
    if (count >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->data, buf->data + count, buf->len - count);
    buf->len -= count;
}
