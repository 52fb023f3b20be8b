/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/decimal.h"

#include <string.h>

#include "core/base/error.h"

__extension__ typedef unsigned __int128 uint128;

enum { MAX_TEXT = 200, MAX_EXPONENT = 1000 };

static uint128 power(int exponent)
{
    uint128 value = 1;
    while (exponent-- > 0)
        value *= 10;
    return value;
}

static uint128 limit(void)
{
    return power(LUN_DECIMAL_DIGITS);
}

static uint128 size_of(lun_int128 units)
{
    return units < 0 ? (uint128)-units : (uint128)units;
}

/* *value *= 10^exponent; false when it does not fit. */
static bool widen(uint128 *value, int exponent)
{
    if (!*value)
        return true;
    for (; exponent > 0; exponent--) {
        if (*value >= limit() / 10)
            return false;
        *value *= 10;
    }
    return true;
}

static int put(struct lun_decimal *out, bool negative, uint128 size, int scale)
{
    if (size >= limit() || scale < 0 || scale > LUN_DECIMAL_DIGITS)
        return LUN_ELIMIT;
    out->units = negative ? -(lun_int128)size : (lun_int128)size;
    out->scale = scale;
    return 0;
}

/* Text --------------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int parse_exponent(const char *at, const char *end, int *out)
{
    bool negative = at < end && *at == '-';
    int value = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    if (at == end)
        return LUN_EBAD_INPUT;
    for (; at < end; at++) {
        if (!is_digit(*at))
            return LUN_EBAD_INPUT;
        value = value < MAX_EXPONENT ? value * 10 + (*at - '0') : value;
    }
    *out = negative ? -value : value;
    return 0;
}

/* Digits behind the point beyond 38 are let go while they are zeros. */
static int fit(bool negative, uint128 size, int scale, struct lun_decimal *out)
{
    while (scale > LUN_DECIMAL_DIGITS && size % 10 == 0 && size) {
        size /= 10;
        scale--;
    }
    if (!size && scale > LUN_DECIMAL_DIGITS)
        scale = LUN_DECIMAL_DIGITS;
    if (scale < 0) {
        if (!widen(&size, -scale))
            return LUN_ELIMIT;
        scale = 0;
    }
    return put(out, negative, size, scale);
}

int lun_decimal_parse(const char *text, size_t len, struct lun_decimal *out)
{
    const char *at = text, *end = text + len;
    uint128 size = 0;
    int scale = 0, digits = 0, exponent = 0;
    bool point = false, full = false;
    bool negative = len && *at == '-';
    if (len > MAX_TEXT)
        return LUN_ELIMIT;
    if (len && (*at == '-' || *at == '+'))
        at++;
    for (; at < end && (is_digit(*at) || (*at == '.' && !point)); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        digits++;
        if (size >= limit() / 10)
            full = true;
        else
            size = size * 10 + (unsigned)(*at - '0');
        scale += point;
    }
    if (!digits)
        return LUN_EBAD_INPUT;
    if (at < end && (*at == 'e' || *at == 'E')) {
        if (parse_exponent(at + 1, end, &exponent))
            return LUN_EBAD_INPUT;
    } else if (at < end) {
        return LUN_EBAD_INPUT;
    }
    return full ? LUN_ELIMIT : fit(negative, size, scale - exponent, out);
}

size_t lun_decimal_format(const struct lun_decimal *a,
                          char out[LUN_DECIMAL_TEXT])
{
    char digits[LUN_DECIMAL_TEXT];
    int count = 0;
    char *at = out;
    uint128 size = size_of(a->units);
    while (size || count <= a->scale) {
        digits[count++] = (char)('0' + (int)(size % 10));
        size /= 10;
    }
    if (a->units < 0)
        *at++ = '-';
    while (count > 0) {
        if (count == a->scale)
            *at++ = '.';
        *at++ = digits[--count];
    }
    *at = '\0';
    return (size_t)(at - out);
}

/* Rounding ----------------------------------------------------------------- */

int lun_decimal_mode_parse(const char *text)
{
    static const char *const names[] = {
        "half_up", "half_even", "half_down", "up", "down", "ceiling", "floor"};
    for (int mode = 0; mode < (int)(sizeof(names) / sizeof(*names)); mode++)
        if (!strcmp(text, names[mode]))
            return mode;
    return -1;
}

/* Whether `size`, which leaves `rest` of `whole`, becomes one more. */
static bool rounds_up(enum lun_decimal_mode mode, bool negative, uint128 size,
                      uint128 rest, uint128 whole)
{
    if (!rest)
        return false;
    int half = rest == whole - rest ? 0 : rest > whole - rest ? 1 : -1;
    switch (mode) {
    case LUN_DECIMAL_HALF_UP:
        return half >= 0;
    case LUN_DECIMAL_HALF_EVEN:
        return half > 0 || (half == 0 && size % 2 == 1);
    case LUN_DECIMAL_HALF_DOWN:
        return half > 0;
    case LUN_DECIMAL_UP:
        return true;
    case LUN_DECIMAL_DOWN:
        return false;
    case LUN_DECIMAL_CEILING:
        return !negative;
    case LUN_DECIMAL_FLOOR:
        return negative;
    }
    return false;
}

int lun_decimal_round(const struct lun_decimal *a, int scale,
                      enum lun_decimal_mode mode, struct lun_decimal *out)
{
    bool negative = a->units < 0;
    uint128 size = size_of(a->units);
    if (scale < 0 || scale > LUN_DECIMAL_DIGITS)
        return LUN_ELIMIT;
    if (scale >= a->scale) {
        if (!widen(&size, scale - a->scale))
            return LUN_ELIMIT;
        return put(out, negative, size, scale);
    }
    uint128 whole = power(a->scale - scale);
    uint128 rest = size % whole;
    size /= whole;
    size += rounds_up(mode, negative, size, rest, whole);
    return put(out, negative, size, scale);
}

/* Arithmetic --------------------------------------------------------------- */

/* Both with the greater scale. */
static int align(const struct lun_decimal *a, const struct lun_decimal *b,
                 struct lun_decimal *x, struct lun_decimal *y)
{
    int scale = a->scale > b->scale ? a->scale : b->scale;
    int code = lun_decimal_round(a, scale, LUN_DECIMAL_DOWN, x);
    return code ? code : lun_decimal_round(b, scale, LUN_DECIMAL_DOWN, y);
}

int lun_decimal_add(const struct lun_decimal *a, const struct lun_decimal *b,
                    struct lun_decimal *out)
{
    struct lun_decimal x, y;
    int code = align(a, b, &x, &y);
    if (code)
        return code;
    /* Two numbers below 10^38 sum up below 2^127. */
    lun_int128 sum = (lun_int128)((uint128)x.units + (uint128)y.units);
    bool overflow = (x.units < 0) == (y.units < 0) &&
                    size_of(x.units) >= limit() - size_of(y.units);
    return overflow ? LUN_ELIMIT : put(out, sum < 0, size_of(sum), x.scale);
}

int lun_decimal_subtract(const struct lun_decimal *a,
                         const struct lun_decimal *b, struct lun_decimal *out)
{
    const struct lun_decimal minus = {-b->units, b->scale};
    return lun_decimal_add(a, &minus, out);
}

int lun_decimal_multiply(const struct lun_decimal *a,
                         const struct lun_decimal *b, struct lun_decimal *out)
{
    uint128 x = size_of(a->units), y = size_of(b->units);
    bool negative = (a->units < 0) != (b->units < 0) && x && y;
    if (x && y && x > (limit() - 1) / y)
        return LUN_ELIMIT;
    return put(out, negative, x * y, a->scale + b->scale);
}

int lun_decimal_divide_to(const struct lun_decimal *a,
                          const struct lun_decimal *b, int scale,
                          enum lun_decimal_mode mode, struct lun_decimal *out)
{
    uint128 x = size_of(a->units), y = size_of(b->units);
    bool negative = (a->units < 0) != (b->units < 0) && x;
    if (!y)
        return LUN_EBAD_INPUT;
    if (scale < 0 || scale > LUN_DECIMAL_DIGITS)
        return LUN_ELIMIT;
    int digits = scale + b->scale - a->scale;
    /* Fewer digits than there are: the divisor grows instead. */
    uint128 size = x / y, rest = x % y;
    for (; digits > 0; digits--) {
        /* rest * 10 / y by adding, as rest * 10 may not fit. */
        uint128 sum = 0;
        unsigned digit = 0;
        for (int i = 0; i < 10; i++) {
            if (sum >= y - rest && rest) {
                sum -= y - rest;
                digit++;
            } else {
                sum += rest;
            }
        }
        if (size >= limit() / 10)
            return LUN_ELIMIT;
        size = size * 10 + digit;
        rest = sum;
    }
    if (digits < 0) {
        uint128 whole = power(-digits);
        uint128 low = size % whole;
        /* What is below counts only by being there. */
        size /= whole;
        size +=
            rounds_up(mode, negative, size, low * 2 + (rest > 0), whole * 2);
    } else {
        size += rounds_up(mode, negative, size, rest, y);
    }
    return put(out, negative, size, scale);
}

/* PostgreSQL keeps digits in groups of four; the first one, and its place. */
static int leading(const struct lun_decimal *a, int *group)
{
    uint128 size = size_of(a->units);
    int digits = 0;
    if (!size) {
        *group = 0;
        return 0;
    }
    for (uint128 rest = size; rest; rest /= 10)
        digits++;
    int place = digits - 1 - a->scale;
    int weight = place >= 0 ? place / 4 : -((3 - place) / 4);
    int shift = a->scale + 4 * weight;
    *group = (int)(shift >= 0 ? size / power(shift) : size * power(-shift));
    return weight;
}

int lun_decimal_divide(const struct lun_decimal *a, const struct lun_decimal *b,
                       struct lun_decimal *out)
{
    int x, y;
    int weight = leading(a, &x) - leading(b, &y);
    if (x <= y)
        weight--;
    int scale = 16 - 4 * weight;
    if (scale < a->scale)
        scale = a->scale;
    if (scale < b->scale)
        scale = b->scale;
    if (scale > LUN_DECIMAL_DIGITS)
        scale = LUN_DECIMAL_DIGITS;
    return lun_decimal_divide_to(a, b, scale, LUN_DECIMAL_HALF_UP, out);
}

int lun_decimal_modulo(const struct lun_decimal *a, const struct lun_decimal *b,
                       struct lun_decimal *out)
{
    struct lun_decimal x, y;
    if (!b->units)
        return LUN_EBAD_INPUT;
    int code = align(a, b, &x, &y);
    if (code)
        return code;
    return put(out, x.units < 0, size_of(x.units % y.units), x.scale);
}

int lun_decimal_compare(const struct lun_decimal *a,
                        const struct lun_decimal *b)
{
    int sign_a = (a->units > 0) - (a->units < 0);
    int sign_b = (b->units > 0) - (b->units < 0);
    if (sign_a != sign_b)
        return sign_a < sign_b ? -1 : 1;
    uint128 x = size_of(a->units), y = size_of(b->units);
    uint128 whole_x = x / power(a->scale), whole_y = y / power(b->scale);
    if (whole_x != whole_y)
        return whole_x < whole_y ? -sign_a : sign_a;
    x = x % power(a->scale) * power(LUN_DECIMAL_DIGITS - a->scale);
    y = y % power(b->scale) * power(LUN_DECIMAL_DIGITS - b->scale);
    return x == y ? 0 : x < y ? -sign_a : sign_a;
}
