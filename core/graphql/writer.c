/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/writer.h"

#include <stdint.h>
#include <string.h>

#include "core/base/error.h"
#include "core/graphql/datetime.h"
#include "core/graphql/digits.h"

#define SAFE_INTEGER (INT64_C(1) << 53)
#define EPOCH_2000_DAYS 10957 /* 1970-01-01 to 2000-01-01 */
#define EPOCH_2000_MS INT64_C(946684800000)
#define DAY_US INT64_C(86400000000)
#define NUMERIC_NEGATIVE 0x4000
#define NUMERIC_NAN 0xC000
#define NUMERIC_INFINITY 0xD000
#define NUMERIC_MINUS_INFINITY 0xF000

/* One value of a row or record; len -1 is NULL. */
struct cell {
    const char *data;
    int len;
};

/* Bytes still to be read of a binary array or record. */
struct reader {
    const unsigned char *at;
    size_t left;
};

static uint16_t load16(const void *data)
{
    uint16_t value;
    memcpy(&value, data, sizeof(value));
    return __builtin_bswap16(value);
}

static uint32_t load32(const void *data)
{
    uint32_t value;
    memcpy(&value, data, sizeof(value));
    return __builtin_bswap32(value);
}

static uint64_t load64(const void *data)
{
    uint64_t value;
    memcpy(&value, data, sizeof(value));
    return __builtin_bswap64(value);
}

/* Room for `more` bytes; the common case without a call. */
static inline bool reserve(struct lun_buf *out, size_t more)
{
    if (__builtin_expect(out->cap - out->len >= more && !out->failed, 1))
        return true;
    return lun_buf_reserve(out, more);
}

static inline void push(struct lun_buf *out, const void *data, size_t len)
{
    if (!reserve(out, len))
        return;
    memcpy(out->data + out->len, data, len);
    out->len += len;
}

static inline void push_byte(struct lun_buf *out, char byte)
{
    if (!reserve(out, 1))
        return;
    out->data[out->len++] = byte;
}

static int write_null(struct lun_buf *out)
{
    push(out, "null", 4);
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
    if (!reserve(out, count))
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
        *value = (int32_t)load32(data);
    else if (len == 8)
        *value = (int64_t)load64(data);
    else if (len == 2)
        *value = (int16_t)load16(data);
    else
        return false;
    return true;
}

static int write_bool(struct lun_buf *out, const char *data, int len)
{
    if (len != 1)
        return LUN_EINTERNAL;
    if (*data)
        push(out, "true", 4);
    else
        push(out, "false", 5);
    return 0;
}

static int write_integer(struct lun_buf *out, const char *data, int len)
{
    int64_t value;
    if (!load_integer(data, len, &value))
        return LUN_EINTERNAL;
    bool quoted = value > SAFE_INTEGER || value < -SAFE_INTEGER;
    if (quoted)
        push_byte(out, '"');
    if (value < 0)
        push_byte(out, '-');
    push_unsigned(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
    if (quoted)
        push_byte(out, '"');
    return 0;
}

static int write_float(struct lun_buf *out, const char *data, int len)
{
    double value;
    if (len == 8) {
        uint64_t bits = load64(data);
        memcpy(&value, &bits, sizeof(value));
    } else if (len == 4) {
        uint32_t bits = load32(data);
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
    return index >= 0 && index < n->count ? load16(n->digits + index * 2) : 0;
}

static void push_numeric(struct lun_buf *out, const struct numeric *n)
{
    char text[4];
    push_unsigned(out, numeric_group(n, n->weight > 0 ? n->weight : 0));
    for (int power = n->weight - 1; power >= 0; power--) {
        lun_digits_four(text, numeric_group(n, power));
        push(out, text, 4);
    }
    if (n->scale > 0)
        push_byte(out, '.');
    int power = -1;
    for (int left = n->scale; left > 0; left -= 4) {
        lun_digits_four(text, numeric_group(n, power--));
        push(out, text, left < 4 ? (size_t)left : 4);
    }
}

static int write_special_numeric(struct lun_buf *out, unsigned sign)
{
    if (sign == NUMERIC_NAN)
        push(out, "\"NaN\"", 5);
    else if (sign == NUMERIC_INFINITY)
        push(out, "\"Infinity\"", 10);
    else if (sign == NUMERIC_MINUS_INFINITY)
        push(out, "\"-Infinity\"", 11);
    else
        return LUN_EINTERNAL;
    return 0;
}

static int write_numeric(struct lun_buf *out, const char *data, int len)
{
    if (len < 8)
        return LUN_EINTERNAL;
    struct numeric n = {.digits = (const unsigned char *)data + 8,
                        .count = load16(data),
                        .weight = (int16_t)load16(data + 2),
                        .scale = load16(data + 6)};
    unsigned sign = load16(data + 4);
    if (sign != 0 && sign != NUMERIC_NEGATIVE)
        return write_special_numeric(out, sign);
    if (len != 8 + n.count * 2)
        return LUN_EINTERNAL;
    for (int i = 0; i < n.count; i++)
        if (load16(n.digits + i * 2) > 9999)
            return LUN_EINTERNAL;
    push_byte(out, '"');
    if (sign == NUMERIC_NEGATIVE)
        push_byte(out, '-');
    push_numeric(out, &n);
    push_byte(out, '"');
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
    push_byte(out, '"');
    for (;;) {
        if (!reserve(out, left + 16))
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
    push_byte(out, '"');
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
    if (!reserve(out, 38))
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
        push(out, "\"-infinity\"", 11);
    else
        push(out, "\"infinity\"", 10);
    return 0;
}

static int write_timestamptz(struct lun_buf *out, const char *data, int len)
{
    if (len != 8)
        return LUN_EINTERNAL;
    int64_t micros = (int64_t)load64(data);
    if (micros == INT64_MAX || micros == INT64_MIN)
        return write_infinity(out, micros < 0);
    if (!reserve(out, LUN_DATETIME_SIZE + 2))
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
    int32_t days = (int32_t)load32(data);
    if (days == INT32_MAX || days == INT32_MIN)
        return write_infinity(out, days < 0);
    if (!reserve(out, LUN_DATETIME_SIZE + 2))
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
    int64_t micros = (int64_t)load64(data);
    if (micros < 0 || micros > DAY_US)
        return LUN_EINTERNAL;
    if (!reserve(out, LUN_DATETIME_SIZE + 2))
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
    push(out, data + 1, (size_t)len - 1);
    return 0;
}

static int write_scalar(struct lun_buf *out, enum lun_ctype type,
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

static bool take32(struct reader *r, int32_t *value)
{
    if (r->left < 4)
        return false;
    *value = (int32_t)load32(r->at);
    r->at += 4;
    r->left -= 4;
    return true;
}

/* A length and as many bytes. */
static bool take_cell(struct reader *r, struct cell *cell)
{
    int32_t len;
    if (!take32(r, &len) || len < -1 || (len > 0 && (size_t)len > r->left))
        return false;
    cell->data = (const char *)r->at;
    cell->len = len;
    if (len > 0) {
        r->at += len;
        r->left -= (size_t)len;
    }
    return true;
}

/* Items of a binary array of one dimension or none; -1 when it is not one. */
static int32_t open_array(struct reader *r, const char *data, int len)
{
    int32_t dimensions;
    int32_t flags;
    int32_t type;
    int32_t count;
    int32_t base;
    *r = (struct reader){(const unsigned char *)data, (size_t)len};
    if (!take32(r, &dimensions) || !take32(r, &flags) || !take32(r, &type))
        return -1;
    if (dimensions == 0)
        return 0;
    if (dimensions != 1 || !take32(r, &count) || !take32(r, &base) || count < 0)
        return -1;
    return count;
}

static int write_list(struct lun_buf *out, enum lun_ctype type,
                      const char *data, int len)
{
    struct reader r;
    struct cell cell;
    if (len < 0)
        return write_null(out);
    int32_t count = open_array(&r, data, len);
    if (count < 0)
        return LUN_EINTERNAL;
    push_byte(out, '[');
    for (int32_t i = 0; i < count; i++) {
        if (!take_cell(&r, &cell))
            return LUN_EINTERNAL;
        if (i)
            push_byte(out, ',');
        int rc = write_scalar(out, type, cell.data, cell.len);
        if (rc)
            return rc;
    }
    push_byte(out, ']');
    return 0;
}

static int write_object(struct lun_buf *out, const struct lun_shape *shape,
                        const struct cell *cells);

/* A binary record: number of fields, then type, length and bytes of each. */
static int write_record(struct lun_buf *out, const struct lun_shape *shape,
                        const char *data, int len)
{
    struct reader r = {(const unsigned char *)data, (size_t)len};
    struct cell cells[shape->columns + 1];
    int32_t count;
    int32_t type;
    if (!take32(&r, &count) || count < shape->columns)
        return LUN_EINTERNAL;
    for (int i = 0; i < shape->columns; i++)
        if (!take32(&r, &type) || !take_cell(&r, &cells[i]))
            return LUN_EINTERNAL;
    return write_object(out, shape, cells);
}

static int write_records(struct lun_buf *out, const struct lun_shape *shape,
                         const struct cell *column)
{
    struct reader r;
    struct cell cell;
    int32_t count = 0;
    if (column->len >= 0)
        count = open_array(&r, column->data, column->len);
    if (count < 0)
        return LUN_EINTERNAL;
    push_byte(out, '[');
    for (int32_t i = 0; i < count; i++) {
        if (!take_cell(&r, &cell))
            return LUN_EINTERNAL;
        if (i)
            push_byte(out, ',');
        int rc = cell.len < 0 ? write_null(out)
                              : write_record(out, shape, cell.data, cell.len);
        if (rc)
            return rc;
    }
    push_byte(out, ']');
    return 0;
}

static int write_field(struct lun_buf *out, const struct lun_shape_field *field,
                       const struct cell *cells)
{
    const struct cell *cell;
    switch (field->kind) {
    case LUN_SHAPE_COLUMN:
        cell = &cells[field->col];
        if (field->list)
            return write_list(out, field->type, cell->data, cell->len);
        return write_scalar(out, field->type, cell->data, cell->len);
    case LUN_SHAPE_CONST:
        push(out, field->json, field->json_len);
        return 0;
    case LUN_SHAPE_OBJECT:
        if (field->present >= 0 && cells[field->present].len < 0)
            return write_null(out);
        return write_object(out, field->of, cells);
    case LUN_SHAPE_RECORD:
        cell = &cells[field->col];
        if (cell->len < 0)
            return write_null(out);
        return write_record(out, field->of, cell->data, cell->len);
    case LUN_SHAPE_RECORDS:
        return write_records(out, field->of, &cells[field->col]);
    case LUN_SHAPE_ROWS:
    case LUN_SHAPE_MORE:
        break; /* of pages: write_part */
    }
    return LUN_EINTERNAL;
}

/* Keys are padded so that they can be copied in steps of a fixed size. */
static void push_key(struct lun_buf *out, const struct lun_shape_field *field)
{
    if (!reserve(out, field->key_len + LUN_SHAPE_KEY_STEP))
        return;
    char *to = out->data + out->len;
    for (size_t at = 0; at < field->key_len; at += LUN_SHAPE_KEY_STEP)
        memcpy(to + at, field->key + at, LUN_SHAPE_KEY_STEP);
    out->len += field->key_len;
}

static int write_object(struct lun_buf *out, const struct lun_shape *shape,
                        const struct cell *cells)
{
    if (!shape->count)
        push_byte(out, '{');
    for (size_t i = 0; i < shape->count; i++) {
        const struct lun_shape_field *field = &shape->fields[i];
        push_key(out, field);
        int rc = write_field(out, field, cells);
        if (rc)
            return rc;
    }
    push_byte(out, '}');
    return 0;
}

static int write_row(struct lun_buf *out, const struct lun_shape *shape,
                     const PGresult *result, int row)
{
    struct cell cells[shape->columns + 1];
    for (int i = 0; i < shape->columns; i++) {
        cells[i].data = PQgetvalue(result, row, i);
        cells[i].len = PQgetlength(result, row, i);
        /* Only an empty value may be NULL; the question costs a call. */
        if (!cells[i].len && PQgetisnull(result, row, i))
            cells[i].len = -1;
    }
    return write_object(out, shape, cells);
}

static int finish(const struct lun_buf *out, int rc)
{
    return !rc && out->failed ? LUN_EMEMORY : rc;
}

int lun_graphql_write_value(struct lun_buf *out, enum lun_ctype type, bool list,
                            const char *data, int len)
{
    return finish(out, list ? write_list(out, type, data, len)
                            : write_scalar(out, type, data, len));
}

int lun_graphql_write_row(struct lun_buf *out, const struct lun_shape *shape,
                          const PGresult *result, int row)
{
    if (row < 0 || row >= PQntuples(result) ||
        shape->columns > PQnfields(result))
        return LUN_EINTERNAL;
    return finish(out, write_row(out, shape, result, row));
}

static int write_rows(struct lun_buf *out, const struct lun_shape *shape,
                      const PGresult *result, int rows)
{
    int rc = shape->columns > PQnfields(result) ? LUN_EINTERNAL : 0;
    push_byte(out, '[');
    for (int row = 0; !rc && row < rows; row++) {
        if (row)
            push_byte(out, ',');
        rc = write_row(out, shape, result, row);
    }
    push_byte(out, ']');
    return rc;
}

int lun_graphql_write_rows(struct lun_buf *out, const struct lun_shape *shape,
                           const PGresult *result)
{
    return finish(out, write_rows(out, shape, result, PQntuples(result)));
}

static int write_page(struct lun_buf *out, const struct lun_shape *shape,
                      const PGresult *result);

static int write_part(struct lun_buf *out, const struct lun_shape_field *field,
                      const PGresult *result)
{
    int rows = PQntuples(result);
    switch (field->kind) {
    case LUN_SHAPE_ROWS:
        return write_rows(out, field->of, result,
                          rows < field->limit ? rows : field->limit);
    case LUN_SHAPE_MORE:
        lun_buf_push_str(out, rows > field->limit ? "true" : "false");
        return 0;
    case LUN_SHAPE_OBJECT:
        return write_page(out, field->of, result);
    case LUN_SHAPE_CONST:
        push(out, field->json, field->json_len);
        return 0;
    default:
        return LUN_EINTERNAL;
    }
}

static int write_page(struct lun_buf *out, const struct lun_shape *shape,
                      const PGresult *result)
{
    if (!shape->count)
        push_byte(out, '{');
    for (size_t i = 0; i < shape->count; i++) {
        push_key(out, &shape->fields[i]);
        int rc = write_part(out, &shape->fields[i], result);
        if (rc)
            return rc;
    }
    push_byte(out, '}');
    return 0;
}

int lun_graphql_write_page(struct lun_buf *out, const struct lun_shape *shape,
                           const PGresult *result)
{
    return finish(out, write_page(out, shape, result));
}
