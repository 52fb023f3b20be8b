/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/scalar.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/graphql/datetime.h"
#include "core/graphql/error.h"

#define ID_MAX 25
#define SHOWN_MAX 100
#define JSON_DEPTH_MAX 200
#define JSON_NODES_MAX 1000000
#define DECIMAL_MAX 1000 /* digits, and the exponent */

struct input {
    const struct lun_json *value;
    const struct lun_scalar_options *options;
    struct lun_buf *out;
    struct lun_graphql_error *error;
};

/* `text`, at most SHOWN_MAX bytes of it, cut between characters. */
static int shown(size_t len, const char *text)
{
    if (len <= SHOWN_MAX)
        return (int)len;
    len = SHOWN_MAX;
    while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return (int)len;
}

/* Refuses with "<what>: <the input>". */
static int refuse(const struct input *in, const char *what)
{
    const struct lun_json *v = in->value;
    static const char *const fixed[] = {[LUN_JSON_NULL] = "null",
                                        [LUN_JSON_FALSE] = "false",
                                        [LUN_JSON_TRUE] = "true",
                                        [LUN_JSON_ARRAY] = "a list",
                                        [LUN_JSON_OBJECT] = "an object"};
    if (v->type == LUN_JSON_STRING)
        return lun_graphql_error_set(in->error, LUN_EBAD_INPUT, "%s: \"%.*s\"",
                                     what, shown(v->len, v->text), v->text);
    if (v->type == LUN_JSON_NUMBER)
        return lun_graphql_error_set(in->error, LUN_EBAD_INPUT, "%s: %.*s",
                                     what, shown(v->len, v->text), v->text);
    return lun_graphql_error_set(in->error, LUN_EBAD_INPUT, "%s: %s", what,
                                 fixed[v->type]);
}

static const char *field_name(const struct input *in)
{
    return in->options && in->options->name ? in->options->name : "value";
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

enum integer { INTEGER_OK, INTEGER_NOT, INTEGER_TOO_BIG };

static bool times_ten(uint64_t *value, unsigned digit)
{
    return !__builtin_mul_overflow(*value, 10, value) &&
           !__builtin_add_overflow(*value, digit, value);
}

/* Exponent of "e+12"; anything from 10^6 on is as good as 10^6. */
static long read_exponent(const char *at, const char *end)
{
    long value = 0;
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    for (; at < end && value < 1000000; at++)
        value = value * 10 + (*at - '0');
    return negative ? -value : value;
}

/* The magnitude of JSON number `text` when it has no fraction: 1, 1.0, 1e3. */
static enum integer read_magnitude(const char *at, const char *end,
                                   uint64_t *out)
{
    const char *exponent = at;
    const char *dot = NULL;
    for (; exponent < end && (*exponent | 32) != 'e'; exponent++)
        if (*exponent == '.')
            dot = exponent;
    long point = (long)((dot ? dot : exponent) - at);
    if (exponent < end)
        point += read_exponent(exponent + 1, end);
    uint64_t value = 0;
    for (; at < exponent; at++) {
        if (at == dot)
            continue;
        if (point-- > 0) {
            if (!times_ten(&value, (unsigned)(*at - '0')))
                return INTEGER_TOO_BIG;
        } else if (*at != '0') {
            return INTEGER_NOT;
        }
    }
    for (; value && point > 0; point--)
        if (!times_ten(&value, 0))
            return INTEGER_TOO_BIG;
    *out = value;
    return INTEGER_OK;
}

static enum integer read_integer(const char *text, size_t len, int64_t *out)
{
    const char *end = text + len;
    bool negative = len && *text == '-';
    uint64_t value;
    enum integer rc = read_magnitude(text + negative, end, &value);
    if (rc != INTEGER_OK)
        return rc;
    if (value > (uint64_t)INT64_MAX + negative)
        return INTEGER_TOO_BIG;
    *out = (int64_t)(negative ? 0 - value : value);
    return INTEGER_OK;
}

bool lun_scalar_integer(const struct lun_json *in, int64_t *out)
{
    return in->type == LUN_JSON_NUMBER &&
           read_integer(in->text, in->len, out) == INTEGER_OK;
}

static bool is_digits(const char *text, size_t len)
{
    size_t at = len && *text == '-';
    if (at == len)
        return false;
    for (; at < len; at++)
        if (!is_digit(text[at]))
            return false;
    return true;
}

static bool is_literal(const struct input *in)
{
    return in->options && in->options->literal;
}

static int push_integer(const struct input *in, int64_t value)
{
    const struct lun_scalar_options *o = in->options;
    if (o && o->has_min && value < o->min) {
        if (o->min == 0)
            lun_graphql_error_set(in->error, LUN_EBAD_INPUT,
                                  "The '%s' argument must be non negative",
                                  field_name(in));
        else
            lun_graphql_error_set(in->error, LUN_EBAD_INPUT,
                                  "The '%s' argument must be at least %lld",
                                  field_name(in), (long long)o->min);
        if (in->error)
            in->error->opencrud = o->min_error;
        return LUN_EBAD_INPUT;
    }
    lun_buf_push_int(in->out, value);
    return 0;
}

static int coerce_int4(const struct input *in)
{
    const struct lun_json *v = in->value;
    int64_t value;
    if (v->type != LUN_JSON_NUMBER ||
        (is_literal(in) && !is_digits(v->text, v->len)))
        return refuse(in, "Int cannot represent non-integer value");
    enum integer rc = read_integer(v->text, v->len, &value);
    if (rc == INTEGER_NOT)
        return refuse(in, "Int cannot represent non-integer value");
    if (rc != INTEGER_OK || value < INT32_MIN || value > INT32_MAX)
        return refuse(in,
                      "Int cannot represent non 32-bit signed integer value");
    return push_integer(in, value);
}

static int coerce_int8(const struct input *in)
{
    const struct lun_json *v = in->value;
    int64_t value;
    bool plain = (v->type == LUN_JSON_STRING || v->type == LUN_JSON_NUMBER) &&
                 is_digits(v->text, v->len);
    if (!plain && (v->type != LUN_JSON_NUMBER || is_literal(in)))
        return refuse(in, "Long cannot represent non-integer value");
    enum integer rc = read_integer(v->text, v->len, &value);
    if (rc == INTEGER_NOT)
        return refuse(in, "Long cannot represent non-integer value");
    if (rc != INTEGER_OK)
        return refuse(in,
                      "Long cannot represent non 64-bit signed integer value");
    return push_integer(in, value);
}

static int coerce_float8(const struct input *in)
{
    const struct lun_json *v = in->value;
    if (v->type != LUN_JSON_NUMBER)
        return refuse(in, "Float cannot represent non numeric value");
    double value = strtod(v->text, NULL);
    if (!isfinite(value))
        return refuse(in, "Float cannot represent value");
    /* PostgreSQL refuses what it would have to round to zero. */
    if (value == 0)
        lun_buf_push_byte(in->out, '0');
    else
        lun_buf_push(in->out, v->text, v->len);
    return 0;
}

/* -?digits[.digits][(e|E)[+-]digits], of bearable size. */
static bool is_decimal(const char *text, size_t len)
{
    const char *at = text;
    const char *end = text + len;
    if (len > DECIMAL_MAX)
        return false;
    if (at < end && *at == '-')
        at++;
    const char *digits = at;
    while (at < end && is_digit(*at))
        at++;
    if (at == digits)
        return false;
    if (at < end && *at == '.') {
        digits = ++at;
        while (at < end && is_digit(*at))
            at++;
        if (at == digits)
            return false;
    }
    if (at == end)
        return true;
    if ((*at | 32) != 'e')
        return false;
    const char *exponent = ++at;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    digits = at;
    while (at < end && is_digit(*at))
        at++;
    return at == end && at > digits &&
           labs(read_exponent(exponent, end)) <= DECIMAL_MAX;
}

static int coerce_numeric(const struct input *in)
{
    const struct lun_json *v = in->value;
    if ((v->type != LUN_JSON_NUMBER && v->type != LUN_JSON_STRING) ||
        !is_decimal(v->text, v->len))
        return refuse(in, "Decimal cannot represent value");
    lun_buf_push(in->out, v->text, v->len);
    return 0;
}

static int coerce_bool(const struct input *in)
{
    if (in->value->type != LUN_JSON_TRUE && in->value->type != LUN_JSON_FALSE)
        return refuse(in, "Boolean cannot represent a non boolean value");
    lun_buf_push_str(in->out,
                     in->value->type == LUN_JSON_TRUE ? "true" : "false");
    return 0;
}

static int push_text(const struct input *in, const char *text, size_t len)
{
    if (memchr(text, '\0', len))
        return lun_graphql_error_set(in->error, LUN_EBAD_INPUT,
                                     "%s must not contain a NUL character",
                                     field_name(in));
    lun_buf_push(in->out, text, len);
    return 0;
}

static int coerce_text(const struct input *in)
{
    const struct lun_json *v = in->value;
    size_t max = in->options ? in->options->max_length : 0;
    if (v->type != LUN_JSON_STRING)
        return refuse(in, "String cannot represent a non string value");
    if (max && v->len > max && lun_utf8_length(v->text, v->len) > max)
        return lun_graphql_error_set(in->error, LUN_EVALIDATION,
                                     "%s must have at most %zu characters",
                                     field_name(in), max);
    return push_text(in, v->text, v->len);
}

/* An integer may come as 7 or, in a variable, as 7.0. */
static int coerce_id(const struct input *in)
{
    const struct lun_json *v = in->value;
    int64_t value;
    if (v->type == LUN_JSON_STRING ||
        (v->type == LUN_JSON_NUMBER && is_digits(v->text, v->len)))
        return push_text(in, v->text, v->len);
    if (v->type != LUN_JSON_NUMBER || is_literal(in) ||
        read_integer(v->text, v->len, &value) != INTEGER_OK)
        return refuse(in, "ID cannot represent value");
    lun_buf_push_int(in->out, value);
    return 0;
}

static int coerce_stored_id(const struct input *in)
{
    size_t start = in->out->len;
    int rc = coerce_id(in);
    if (rc || in->out->failed)
        return rc;
    size_t len = in->out->len - start;
    if (!len || lun_utf8_length(in->out->data + start, len) <= ID_MAX)
        return 0;
    lun_graphql_error_set(in->error, LUN_EBAD_INPUT,
                          "Value for field %s is too long.", field_name(in));
    if (in->error)
        in->error->opencrud = 3007;
    return LUN_EBAD_INPUT;
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* 32 digits, with hyphens at all four places or at none. */
static bool to_uuid(const char *text, size_t len, char out[36])
{
    size_t used = 0;
    bool hyphens = len == 36;
    if (len != 36 && len != 32)
        return false;
    for (size_t at = 0; at < len; at++) {
        if (used == 8 || used == 13 || used == 18 || used == 23) {
            out[used++] = '-';
            if (hyphens && text[at++] != '-')
                return false;
        }
        if (!is_hex(text[at]))
            return false;
        out[used++] = (char)(is_digit(text[at]) ? text[at] : text[at] | 32);
    }
    return true;
}

static int coerce_uuid(const struct input *in)
{
    char uuid[36];
    if (in->value->type != LUN_JSON_STRING ||
        !to_uuid(in->value->text, in->value->len, uuid))
        return refuse(in, "UUID cannot represent value");
    lun_buf_push(in->out, uuid, sizeof(uuid));
    return 0;
}

static int coerce_timestamptz(const struct input *in)
{
    char text[LUN_DATETIME_SIZE];
    int64_t ms;
    if (in->value->type != LUN_JSON_STRING ||
        !lun_datetime_parse(in->value->text, in->value->len, &ms))
        return refuse(in, "DateTime cannot represent value");
    lun_buf_push(in->out, text, lun_datetime_format(text, ms));
    return 0;
}

static int coerce_date(const struct input *in)
{
    char text[LUN_DATETIME_SIZE];
    int64_t days;
    if (in->value->type != LUN_JSON_STRING ||
        !lun_datetime_parse_date(in->value->text, in->value->len, &days))
        return refuse(in, "Date cannot represent value");
    lun_buf_push(in->out, text, lun_datetime_format_date(text, days));
    return 0;
}

static int coerce_time(const struct input *in)
{
    char text[LUN_DATETIME_SIZE];
    int64_t micros;
    if (in->value->type != LUN_JSON_STRING ||
        !lun_datetime_parse_time(in->value->text, in->value->len, &micros))
        return refuse(in, "Time cannot represent value");
    lun_buf_push(in->out, text, lun_datetime_format_time(text, micros));
    return 0;
}

/* jsonb cannot hold U+0000. The reader of JSON has bounded the depth. */
static bool has_nul(const struct lun_json *node)
{
    if (node->key && memchr(node->key, '\0', node->key_len))
        return true;
    if (node->type == LUN_JSON_STRING)
        return memchr(node->text, '\0', node->len) != NULL;
    for (const struct lun_json *item = node->child; item; item = item->next)
        if (has_nul(item))
            return true;
    return false;
}

static int not_json(const struct input *in)
{
    return lun_graphql_error_set(in->error, LUN_EBAD_INPUT, "Not valid JSON");
}

static int coerce_json_text(const struct input *in)
{
    struct lun_arena arena;
    struct lun_json *node;
    lun_arena_init(&arena, 0);
    int rc = lun_json_parse(&arena, in->value->text, in->value->len,
                            JSON_DEPTH_MAX, JSON_NODES_MAX, &node, NULL);
    if (rc == LUN_EMEMORY)
        lun_graphql_error_set(in->error, rc, "out of memory");
    else if (rc || has_nul(node))
        rc = not_json(in);
    else
        lun_buf_push(in->out, in->value->text, in->value->len);
    lun_arena_release(&arena);
    return rc;
}

static int coerce_jsonb(const struct input *in)
{
    const struct lun_json *v = in->value;
    if (is_literal(in))
        return v->type == LUN_JSON_STRING ? coerce_json_text(in) : not_json(in);
    if ((v->type != LUN_JSON_OBJECT && v->type != LUN_JSON_ARRAY) || has_nul(v))
        return not_json(in);
    lun_json_write(v, in->out);
    return 0;
}

static int coerce_enum(const struct input *in)
{
    const struct lun_scalar_options *o = in->options;
    const struct lun_json *v = in->value;
    const char *type = o && o->type_name ? o->type_name : "enum";
    char what[128];
    if (v->type != LUN_JSON_STRING || is_literal(in)) {
        snprintf(what, sizeof(what),
                 "Enum \"%.60s\" cannot represent non-enum value", type);
        return refuse(in, what);
    }
    for (size_t i = 0; o && i < o->value_count; i++)
        if (strlen(o->values[i]) == v->len &&
            !memcmp(o->values[i], v->text, v->len)) {
            lun_buf_push(in->out, v->text, v->len);
            return 0;
        }
    return lun_graphql_error_set(in->error, LUN_EBAD_INPUT,
                                 "Value \"%.*s\" does not exist in \"%s\" enum",
                                 shown(v->len, v->text), v->text, type);
}

static const struct {
    const char *name; /* in plans */
    const char *sql;
    int (*coerce)(const struct input *in);
} types[LUN_SCALAR_COUNT] = {
    [LUN_SCALAR_TEXT] = {"text", "text", coerce_text},
    [LUN_SCALAR_ID_TEXT] = {"id_text", "text", coerce_stored_id},
    [LUN_SCALAR_TEXT_ID] = {"id", "text", coerce_id},
    [LUN_SCALAR_UUID] = {"uuid", "uuid", coerce_uuid},
    [LUN_SCALAR_INT4] = {"int4", "int4", coerce_int4},
    [LUN_SCALAR_INT8] = {"int8", "int8", coerce_int8},
    [LUN_SCALAR_FLOAT8] = {"float8", "float8", coerce_float8},
    [LUN_SCALAR_NUMERIC] = {"numeric", "numeric", coerce_numeric},
    [LUN_SCALAR_BOOL] = {"bool", "bool", coerce_bool},
    [LUN_SCALAR_TIMESTAMPTZ] = {"timestamptz", "timestamptz",
                                coerce_timestamptz},
    [LUN_SCALAR_DATE] = {"date", "date", coerce_date},
    [LUN_SCALAR_TIME] = {"time", "time", coerce_time},
    [LUN_SCALAR_JSONB] = {"jsonb", "jsonb", coerce_jsonb},
    [LUN_SCALAR_ENUM] = {"enum", "text", coerce_enum},
};

int lun_scalar_find(const char *name)
{
    for (int i = 0; i < LUN_SCALAR_COUNT; i++)
        if (!strcmp(types[i].name, name))
            return i;
    return -1;
}

const char *lun_scalar_sql(enum lun_scalar type)
{
    return types[type].sql;
}

int lun_scalar_coerce(enum lun_scalar type, const struct lun_json *in,
                      const struct lun_scalar_options *options,
                      struct lun_buf *out, struct lun_graphql_error *error)
{
    struct input input = {
        .value = in, .options = options, .out = out, .error = error};
    size_t start = out->len;
    int rc = in->type == LUN_JSON_NULL
                 ? refuse(&input, "a value was expected but found")
                 : types[type].coerce(&input);
    if (!rc && out->failed)
        rc = lun_graphql_error_set(error, LUN_EMEMORY, "out of memory");
    if (rc)
        out->len = start;
    return rc;
}

/* Puts a backslash before each quote and backslash from `start` on. */
static void escape_item(struct lun_buf *out, size_t start)
{
    size_t extra = 0;
    for (size_t at = start; at < out->len; at++)
        extra += out->data[at] == '"' || out->data[at] == '\\';
    if (!extra || !lun_buf_reserve(out, extra))
        return;
    size_t to = out->len + extra;
    size_t from = out->len;
    out->len = to;
    while (to > from) {
        char c = out->data[--from];
        out->data[--to] = c;
        if (c == '"' || c == '\\')
            out->data[--to] = '\\';
    }
}

void lun_scalar_array_open(struct lun_buf *out, size_t *count)
{
    *count = 0;
    lun_buf_push_byte(out, '{');
}

int lun_scalar_array_push(enum lun_scalar type, const struct lun_json *in,
                          const struct lun_scalar_options *options,
                          struct lun_buf *out, size_t *count,
                          struct lun_graphql_error *error)
{
    size_t start = out->len;
    if (*count == LUN_SCALAR_LIST_MAX) {
        int rc = lun_graphql_error_limit(error, "list", "items in a list",
                                         *count + 1, LUN_SCALAR_LIST_MAX);
        return rc;
    }
    if (*count)
        lun_buf_push_byte(out, ',');
    lun_buf_push_byte(out, '"');
    size_t text = out->len;
    int rc = lun_scalar_coerce(type, in, options, out, error);
    if (rc) {
        out->len = start;
        if (error)
            error->item = (int)*count;
        return rc;
    }
    escape_item(out, text);
    lun_buf_push_byte(out, '"');
    ++*count;
    return 0;
}

void lun_scalar_array_close(struct lun_buf *out)
{
    lun_buf_push_byte(out, '}');
}

int lun_scalar_array(enum lun_scalar type, const struct lun_json *in,
                     const struct lun_scalar_options *options,
                     struct lun_buf *out, struct lun_graphql_error *error)
{
    size_t start = out->len;
    size_t count;
    int rc = 0;
    lun_scalar_array_open(out, &count);
    if (in->type != LUN_JSON_ARRAY)
        rc = lun_scalar_array_push(type, in, options, out, &count, error);
    else
        for (const struct lun_json *item = in->child; !rc && item;
             item = item->next)
            rc = lun_scalar_array_push(type, item, options, out, &count, error);
    lun_scalar_array_close(out);
    if (!rc && out->failed)
        rc = lun_graphql_error_set(error, LUN_EMEMORY, "out of memory");
    if (rc)
        out->len = start;
    return rc;
}
