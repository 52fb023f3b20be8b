/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/value.h"

#include <stdint.h>
#include <string.h>

#include "core/base/error.h"
#include "core/graphql/datetime.h"
#include "core/graphql/digits.h"
#include "core/graphql/put.h"
#include "core/graphql/writer.h"

#define SAFE_INTEGER (INT64_C(1) << 53)
#define EPOCH_2000_DAYS 10957 /* 1970-01-01 to 2000-01-01 */
#define EPOCH_2000_MS INT64_C(946684800000)
#define DAY_US INT64_C(86400000000)
#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_NAN 0xC000
#define NUMERIC_INFINITY 0xD000
#define NUMERIC_MINUS_INFINITY 0xF000

static int write_null(struct lun_buf *out)
{
    lun_put(out, "null", 4);
    return 0;
}

/* 1233 / 4096 is a little more than log10(2). */
static unsigned count_digits(uint64_t value)
{
    static const uint64_t tens[] = {0,
                                    UINT64_C(10),
                                    UINT64_C(100),
                                    UINT64_C(1000),
                                    UINT64_C(10000),
                                    UINT64_C(100000),
                                    UINT64_C(1000000),
                                    UINT64_C(10000000),
                                    UINT64_C(100000000),
                                    UINT64_C(1000000000),
                                    UINT64_C(10000000000),
                                    UINT64_C(100000000000),
                                    UINT64_C(1000000000000),
                                    UINT64_C(10000000000000),
                                    UINT64_C(100000000000000),
                                    UINT64_C(1000000000000000),
                                    UINT64_C(10000000000000000),
                                    UINT64_C(100000000000000000),
                                    UINT64_C(1000000000000000000),
                                    UINT64_C(10000000000000000000)};
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    unsigned guess = bits * 1233 >> 12;
    return guess + (value >= tens[guess]);
}

static void push_unsigned(struct lun_buf *out, uint64_t value)
{
    unsigned count = value ? count_digits(value) : 1;
    if (!lun_put_reserve(out, count))
        return;
    char *at = out->data + out->len + count;
    out->len += count;
    while (value >= 100) {
        at -= 2;
        lun_digits_two(at, (unsigned)(value % 100));
        value /= 100;
    }
    if (value >= 10)
        lun_digits_two(at - 2, (unsigned)value);
    else
        at[-1] = (char)('0' + value);
}

static bool load_integer(const char *data, int len, int64_t *value)
{
    if (len == 4)
        *value = (int32_t)lun_put_load32(data);
    else if (len == 8)
        *value = (int64_t)lun_put_load64(data);
    else if (len == 2)
        *value = (int16_t)lun_put_load16(data);
    else
        return false;
    return true;
}

static int write_bool(struct lun_buf *out, const char *data, int len)
{
    if (len != 1)
        return LUN_EINTERNAL;
    if (*data)
        lun_put(out, "true", 4);
    else
        lun_put(out, "false", 5);
    return 0;
}

static int write_integer(struct lun_buf *out, const char *data, int len)
{
    int64_t value;
    if (!load_integer(data, len, &value))
        return LUN_EINTERNAL;
    bool quoted = value > SAFE_INTEGER || value < -SAFE_INTEGER;
    if (quoted)
        lun_put_byte(out, '"');
    if (value < 0)
        lun_put_byte(out, '-');
    push_unsigned(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (quoted)
        lun_put_byte(out, '"');
    return 0;
}

static int write_float(struct lun_buf *out, const char *data, int len)
{
    double value;
    if (len == 8) {
        uint64_t bits = lun_put_load64(data);
        memcpy(&value, &bits, sizeof(value));
    } else if (len == 4) {
        uint32_t bits = lun_put_load32(data);
        float narrow;
        memcpy(&narrow, &bits, sizeof(narrow));
        value = (double)narrow;
    } else {
        return LUN_EINTERNAL;
    }
    lun_graphql_write_double(out, value);
    return 0;
}

/* Digits in base 10000; `weight` is the power of the first one. */
struct numeric {
    const unsigned char *digits;
    int count;
    int weight;
    int scale; /* decimal places to show */
};

/* The group for 10000^power, 0 where none is stored. */
static unsigned numeric_group(const struct numeric *n, int power)
{
    int index = n->weight - power;
    return index >= 0 && index < n->count
               ? lun_put_load16(n->digits + index * 2)
               : 0;
}

static void push_numeric(struct lun_buf *out, const struct numeric *n)
{
    char text[4];
    push_unsigned(out, numeric_group(n, n->weight > 0 ? n->weight : 0));
    for (int power = n->weight - 1; power >= 0; power--) {
        lun_digits_four(text, numeric_group(n, power));
        lun_put(out, text, 4);
    }
    if (n->scale > 0)
        lun_put_byte(out, '.');
    int power = -1;
    for (int left = n->scale; left > 0; left -= 4) {
        lun_digits_four(text, numeric_group(n, power--));
        lun_put(out, text, left < 4 ? (size_t)left : 4);
    }
}

static int write_special_numeric(struct lun_buf *out, unsigned sign)
{
    if (sign == NUMERIC_NAN)
        lun_put(out, "\"NaN\"", 5);
    else if (sign == NUMERIC_INFINITY)
        lun_put(out, "\"Infinity\"", 10);
    else if (sign == NUMERIC_MINUS_INFINITY)
        lun_put(out, "\"-Infinity\"", 11);
    else
        return LUN_EINTERNAL;
    return 0;
}

static int write_numeric(struct lun_buf *out, const char *data, int len)
{
    if (len < 8)
        return LUN_EINTERNAL;
    struct numeric n = {.digits = (const unsigned char *)data + 8,
                        .count = lun_put_load16(data),
                        .weight = (int16_t)lun_put_load16(data + 2),
                        .scale = lun_put_load16(data + 6)};
    unsigned sign = lun_put_load16(data + 4);
    if (sign != 0 && sign != NUMERIC_NEGATIVE)
        return write_special_numeric(out, sign);
    if (len != 8 + n.count * 2)
        return LUN_EINTERNAL;
    for (int i = 0; i < n.count; i++)
        if (lun_put_load16(n.digits + i * 2) > 9999)
            return LUN_EINTERNAL;
    lun_put_byte(out, '"');
    if (sign == NUMERIC_NEGATIVE)
        lun_put_byte(out, '-');
    push_numeric(out, &n);
    lun_put_byte(out, '"');
    return 0;
}

/* True when one of eight bytes is below 0x20, a quote or a backslash. The usual
 * trick: subtracting from a byte that is too small sets a high bit that was
 * clear. */
static bool needs_escape(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t quote = eight ^ (ones * '"');
    uint64_t slash = eight ^ (ones * '\\');
    uint64_t found = ((eight - ones * 0x20) & ~eight) |
                     ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return (found & highs) != 0;
}

static char *push_escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char short_forms[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    *to++ = '\\';
    if (c >= 0x20) {
        *to++ = (char)c;
    } else if (short_forms[c]) {
        *to++ = short_forms[c];
    } else {
        memcpy(to, "u00", 3);
        to[3] = hex[c >> 4];
        to[4] = hex[c & 15];
        to += 5;
    }
    return to;
}

/* Copies up to the first byte that needs an escape; returns how many. `to` has
 * room for eight bytes more than `len`. */
static size_t copy_plain(char *to, const char *data, size_t len)
{
    uint64_t eight;
    size_t at = 0;
    for (; len - at >= 8; at += 8) {
        memcpy(&eight, data + at, 8);
        if (needs_escape(eight))
            break;
        memcpy(to + at, &eight, 8);
    }
    /* The last bytes once more with the seven before them. */
    if (len >= 8 && len - at < 8) {
        memcpy(&eight, data + len - 8, 8);
        if (!needs_escape(eight)) {
            memcpy(to + len - 8, &eight, 8);
            return len;
        }
    }
    for (; at < len; at++) {
        if ((unsigned char)data[at] < 0x20 || data[at] == '"' ||
            data[at] == '\\')
            break;
        to[at] = data[at];
    }
    return at;
}

static int write_text(struct lun_buf *out, const char *data, int len)
{
    size_t left = (size_t)len;
    lun_put_byte(out, '"');
    for (;;) {
        if (!lun_put_reserve(out, left + 16))
            return LUN_EMEMORY;
        size_t plain = copy_plain(out->data + out->len, data, left);
        out->len += plain;
        if (plain == left)
            break;
        char *to =
            push_escape(out->data + out->len, (unsigned char)data[plain]);
        out->len = (size_t)(to - out->data);
        data += plain + 1;
        left -= plain + 1;
    }
    lun_put_byte(out, '"');
    return 0;
}

static char *push_hex(char *to, const char *data, int count)
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < count; i++) {
        unsigned char byte = (unsigned char)data[i];
        to[2 * i] = hex[byte >> 4];
        to[2 * i + 1] = hex[byte & 15];
    }
    return to + 2 * count;
}

static int write_uuid(struct lun_buf *out, const char *data, int len)
{
    if (len != 16)
        return LUN_EINTERNAL;
    if (!lun_put_reserve(out, 38))
        return LUN_EMEMORY;
    char *to = out->data + out->len;
    *to++ = '"';
    to = push_hex(to, data, 4);
    *to++ = '-';
    to = push_hex(to, data + 4, 2);
    *to++ = '-';
    to = push_hex(to, data + 6, 2);
    *to++ = '-';
    to = push_hex(to, data + 8, 2);
    *to++ = '-';
    to = push_hex(to, data + 10, 6);
    *to = '"';
    out->len += 38;
    return 0;
}

static int write_infinity(struct lun_buf *out, bool negative)
{
    if (negative)
        lun_put(out, "\"-infinity\"", 11);
    else
        lun_put(out, "\"infinity\"", 10);
    return 0;
}

static int write_timestamptz(struct lun_buf *out, const char *data, int len)
{
    if (len != 8)
        return LUN_EINTERNAL;
    int64_t micros = (int64_t)lun_put_load64(data);
    if (micros == INT64_MAX || micros == INT64_MIN)
        return write_infinity(out, micros < 0);
    if (!lun_put_reserve(out, LUN_DATETIME_SIZE + 2))
        return LUN_EMEMORY;
    int64_t ms = micros / 1000 - (micros % 1000 < 0);
    char *to = out->data + out->len;
    *to = '"';
    size_t used = lun_datetime_format(to + 1, ms + EPOCH_2000_MS);
    to[used + 1] = '"';
    out->len += used + 2;
    return 0;
}

static int write_date(struct lun_buf *out, const char *data, int len)
{
    if (len != 4)
        return LUN_EINTERNAL;
    int32_t days = (int32_t)lun_put_load32(data);
    if (days == INT32_MAX || days == INT32_MIN)
        return write_infinity(out, days < 0);
    if (!lun_put_reserve(out, LUN_DATETIME_SIZE + 2))
        return LUN_EMEMORY;
    char *to = out->data + out->len;
    *to = '"';
    size_t used =
        lun_datetime_format_date(to + 1, (int64_t)days + EPOCH_2000_DAYS);
    to[used + 1] = '"';
    out->len += used + 2;
    return 0;
}

static int write_time(struct lun_buf *out, const char *data, int len)
{
    if (len != 8)
        return LUN_EINTERNAL;
    int64_t micros = (int64_t)lun_put_load64(data);
    if (micros < 0 || micros > DAY_US)
        return LUN_EINTERNAL;
    if (!lun_put_reserve(out, LUN_DATETIME_SIZE + 2))
        return LUN_EMEMORY;
    char *to = out->data + out->len;
    *to = '"';
    size_t used = lun_datetime_format_time(to + 1, micros);
    to[used + 1] = '"';
    out->len += used + 2;
    return 0;
}

/* A version byte, then the text. */
static int write_jsonb(struct lun_buf *out, const char *data, int len)
{
    if (len < 2 || data[0] != 1)
        return LUN_EINTERNAL;
    lun_put(out, data + 1, (size_t)len - 1);
    return 0;
}

int lun_graphql_write_scalar(struct lun_buf *out, enum lun_ctype type,
                             const char *data, int len)
{
    if (len < 0)
        return write_null(out);
    switch (type) {
    case LUN_CTYPE_BOOL:
        return write_bool(out, data, len);
    case LUN_CTYPE_INT4:
    case LUN_CTYPE_INT8:
        return write_integer(out, data, len);
    case LUN_CTYPE_FLOAT8:
        return write_float(out, data, len);
    case LUN_CTYPE_NUMERIC:
        return write_numeric(out, data, len);
    case LUN_CTYPE_TEXT:
        return write_text(out, data, len);
    case LUN_CTYPE_UUID:
        return write_uuid(out, data, len);
    case LUN_CTYPE_TIMESTAMPTZ:
        return write_timestamptz(out, data, len);
    case LUN_CTYPE_DATE:
        return write_date(out, data, len);
    case LUN_CTYPE_TIME:
        return write_time(out, data, len);
    case LUN_CTYPE_JSONB:
        return write_jsonb(out, data, len);
    case LUN_CTYPE_COUNT:
        break;
    }
    return LUN_EINTERNAL;
}
