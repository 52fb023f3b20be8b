/*
 * core/graphql/digits.h - decimal digits, several at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdint.h>
#include <string.h>

/* Two digits of a value below 100; returns where they end. */
static inline char *lun_digits_two(char *to, unsigned value)
{
    static const char pairs[] =
        "00010203040506070809101112131415161718192021222324"
        "25262728293031323334353637383940414243444546474849"
        "50515253545556575859606162636465666768697071727374"
        "75767778798081828384858687888990919293949596979899";
    memcpy(to, pairs + value * 2, 2);
    return to + 2;
}

/* Four digits of a value below 10^4. */
static inline char *lun_digits_four(char *to, unsigned value)
{
    lun_digits_two(to, value / 100);
    return lun_digits_two(to + 2, value % 100);
}

/* Eight digits of a value below 10^8. */
static inline char *lun_digits_eight(char *to, uint32_t value)
{
    lun_digits_four(to, value / 10000);
    return lun_digits_four(to + 4, value % 10000);
}
