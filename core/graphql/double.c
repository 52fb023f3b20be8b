/*
 * The shortest decimal digits of a double by the Schubfach method: Raffaello
 * Giulietti, "The Schubfach way to render doubles" (2020). Names follow the
 * paper: x = c * 2^q, the result is d * 10^k.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "core/graphql/digits.h"
#include "core/graphql/double_powers.h"
#include "core/graphql/writer.h"

#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1075 /* of c * 2^q with an integer c */

struct decimal {
    uint64_t digits;
    int exponent;
};

/* The high words of g * cp; the lowest bit keeps that something was cut off. */
static uint64_t round_to_odd(const uint64_t g[2], uint64_t cp)
{
    __extension__ typedef unsigned __int128 wide;
    wide low = (wide)g[1] * cp;
    wide high = (wide)g[0] * cp + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static struct decimal shortest(uint64_t c, int q, bool closer)
{
    const uint64_t odd = c & 1;
    const int k = (q * 1262611 - (closer ? 524031 : 0)) >> 22;
    const int h = q + ((-k * 1741647) >> 19) + 1;
    const uint64_t *g = powers[-k + 292];
    const uint64_t lower =
        round_to_odd(g, (4 * c - 2 + (uint64_t)closer) << h) + odd;
    const uint64_t vb = round_to_odd(g, (4 * c) << h);
    const uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - odd;
    const uint64_t s = vb / 4;
    if (s >= 10) {
        const uint64_t sp = s / 10;
        const bool up_inside = lower <= 40 * sp;
        const bool wp_inside = 40 * sp + 40 <= upper;
        if (up_inside != wp_inside)
            return (struct decimal){sp + wp_inside, k + 1};
    }
    const bool u_inside = lower <= 4 * s;
    const bool w_inside = 4 * s + 4 <= upper;
    if (u_inside != w_inside)
        return (struct decimal){s + w_inside, k};
    const uint64_t middle = 4 * s + 2;
    const bool up = vb > middle || (vb == middle && (s & 1));
    return (struct decimal){s + up, k};
}

static struct decimal to_decimal(uint64_t mantissa, int exponent)
{
    if (!exponent)
        return shortest(mantissa, 1 - EXPONENT_BIAS, false);
    uint64_t c = mantissa | UINT64_C(1) << MANTISSA_BITS;
    int q = exponent - EXPONENT_BIAS;
    /* An integer below 2^53 is its own shortest form. */
    if (q <= 0 && q > -MANTISSA_BITS - 1 && !(c & ((UINT64_C(1) << -q) - 1)))
        return (struct decimal){c >> -q, 0};
    return shortest(c, q, !mantissa && exponent > 1);
}

static char *push_exponent(char *to, int exponent)
{
    *to++ = 'e';
    *to++ = exponent < 0 ? '-' : '+';
    unsigned value = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (value >= 100)
        *to++ = (char)('0' + value / 100);
    if (value >= 10)
        *to++ = (char)('0' + value / 10 % 10);
    *to++ = (char)('0' + value % 10);
    return to;
}

static char *push_zeros(char *to, int count)
{
    memset(to, '0', (size_t)count);
    return to + count;
}

static char *push_bytes(char *to, const char *bytes, int count)
{
    memcpy(to, bytes, (size_t)count);
    return to + count;
}

/* `count` digits and the place of the point, as ECMAScript's Number::toString
 * lays them out. */
static char *lay_out(char *to, const char *digits, int count, int point)
{
    if (point > 21 || point < -5) {
        *to++ = digits[0];
        if (count > 1) {
            *to++ = '.';
            to = push_bytes(to, digits + 1, count - 1);
        }
        return push_exponent(to, point - 1);
    }
    if (point <= 0) {
        to = push_bytes(to, "0.", 2);
        to = push_zeros(to, -point);
        return push_bytes(to, digits, count);
    }
    if (point >= count) {
        to = push_bytes(to, digits, count);
        return push_zeros(to, point - count);
    }
    to = push_bytes(to, digits, point);
    *to++ = '.';
    return push_bytes(to, digits + point, count - point);
}

/* The 20 digits of any value but 0; returns how many there are from `*first`,
 * the first that is not 0. */
static int push_all_digits(char *to, uint64_t value, int *first)
{
    uint64_t upper = value / 100000000;
    lun_digits_four(to, (unsigned)(upper / 100000000));
    lun_digits_eight(to + 4, (uint32_t)(upper % 100000000));
    lun_digits_eight(to + 12, (uint32_t)(value % 100000000));
    int at = 0;
    while (to[at] == '0')
        at++;
    *first = at;
    return 20 - at;
}

void lun_graphql_write_double(struct lun_buf *out, double x)
{
    uint64_t bits;
    char digits[20];
    int first;
    memcpy(&bits, &x, sizeof(bits));
    uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    int exponent = (int)(bits >> MANTISSA_BITS & 0x7ff);
    if (exponent == 0x7ff) {
        lun_buf_push(out, "null", 4);
        return;
    }
    if (!exponent && !mantissa) {
        lun_buf_push_byte(out, '0');
        return;
    }
    if (!lun_buf_reserve(out, 40))
        return;
    struct decimal d = to_decimal(mantissa, exponent);
    int count = push_all_digits(digits, d.digits, &first);
    int point = count + d.exponent;
    while (digits[first + count - 1] == '0')
        count--;
    char *to = out->data + out->len;
    if (bits >> 63)
        *to++ = '-';
    to = lay_out(to, digits + first, count, point);
    out->len = (size_t)(to - out->data);
}
