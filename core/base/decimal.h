/*
 * core/base/decimal.h - exact decimal numbers of up to 38 digits.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A 128-bit integer with a scale. Results are those of PostgreSQL's numeric as
 * long as they fit; what does not fit is an error, nothing is rounded silently.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum {
    LUN_DECIMAL_DIGITS = 38,
    LUN_DECIMAL_TEXT = 44 /* sign, zero, point, 38 digits, NUL */
};

__extension__ typedef __int128 lun_int128;

/* units / 10^scale; |units| < 10^38, 0 <= scale <= 38. */
struct lun_decimal {
    lun_int128 units;
    int scale;
};

enum lun_decimal_mode {
    LUN_DECIMAL_HALF_UP, /* half away from zero, as PostgreSQL's round */
    LUN_DECIMAL_HALF_EVEN,
    LUN_DECIMAL_HALF_DOWN,
    LUN_DECIMAL_UP,   /* away from zero */
    LUN_DECIMAL_DOWN, /* towards zero */
    LUN_DECIMAL_CEILING,
    LUN_DECIMAL_FLOOR
};

/* "half_up" ... "floor" -> mode, or -1. */
int lun_decimal_mode_parse(const char *text);

/* All return 0, LUN_EBAD_INPUT (no number, division by zero) or LUN_ELIMIT
 * (more than 38 digits); `*out` is written only on success and may be an
 * operand. */

/* "-12.50", ".5", "1e3"; nothing around it. */
int lun_decimal_parse(const char *text, size_t len, struct lun_decimal *out);
int lun_decimal_add(const struct lun_decimal *a, const struct lun_decimal *b,
                    struct lun_decimal *out);
int lun_decimal_subtract(const struct lun_decimal *a,
                         const struct lun_decimal *b, struct lun_decimal *out);
int lun_decimal_multiply(const struct lun_decimal *a,
                         const struct lun_decimal *b, struct lun_decimal *out);
/* With the scale that PostgreSQL gives: 16 significant digits or more. */
int lun_decimal_divide(const struct lun_decimal *a, const struct lun_decimal *b,
                       struct lun_decimal *out);
/* To `scale` digits behind the point. */
int lun_decimal_divide_to(const struct lun_decimal *a,
                          const struct lun_decimal *b, int scale,
                          enum lun_decimal_mode mode, struct lun_decimal *out);
/* The rest of the division, with the sign of `a`. */
int lun_decimal_modulo(const struct lun_decimal *a, const struct lun_decimal *b,
                       struct lun_decimal *out);
/* To `scale` digits behind the point (0 to 38), also to more of them. */
int lun_decimal_round(const struct lun_decimal *a, int scale,
                      enum lun_decimal_mode mode, struct lun_decimal *out);

/* -1, 0 or 1. */
int lun_decimal_compare(const struct lun_decimal *a,
                        const struct lun_decimal *b);
/* With all digits of the scale: "12.50"; returns the length. */
size_t lun_decimal_format(const struct lun_decimal *a,
                          char out[LUN_DECIMAL_TEXT]);
