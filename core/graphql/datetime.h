/*
 * core/graphql/datetime.h - dates and times as ISO 8601 writes them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The proleptic Gregorian calendar, without time zones other than offsets and
 * without leap seconds. No libc calls: the writer of results uses it too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most bytes that one of the format functions writes. */
#define LUN_DATETIME_SIZE 40

/* Days since 1970-01-01 of a date, which must exist. */
int64_t lun_datetime_days(int64_t year, unsigned month, unsigned day);

/*
 * Any ISO 8601 date, or date and time: calendar, week and ordinal dates, cut
 * after the year or month too, extended or basic; fractions of the last part;
 * offsets, UTC without one; 24:00 as the end of a day. Result in milliseconds
 * since 1970, smaller parts cut off, years 1 to 9999.
 */
bool lun_datetime_parse(const char *text, size_t len, int64_t *unix_ms);
/* A date alone, in days since 1970. */
bool lun_datetime_parse_date(const char *text, size_t len, int64_t *days);
/* A time of day alone, in microseconds; no offset. */
bool lun_datetime_parse_time(const char *text, size_t len, int64_t *micros);

/* "2016-07-31T23:59:01.000Z"; years outside 0 to 9999 as in JavaScript:
 * "+010000-", "-000043-". Each returns the bytes written, no NUL. */
size_t lun_datetime_format(char *to, int64_t unix_ms);
/* "2016-07-31" */
size_t lun_datetime_format_date(char *to, int64_t days);
/* "23:59:01", with .mmm or .mmmmmm when there is a fraction. */
size_t lun_datetime_format_time(char *to, int64_t micros);
