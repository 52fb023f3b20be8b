/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/datetime.h"

#include <string.h>

#include "core/graphql/digits.h"

#define DAY_MS INT64_C(86400000)

struct cursor {
    const char *at;
    const char *end;
};

/* Years run from March, so that the leap day is the last of its year; see
 * Howard Hinnant, "chrono-compatible low-level date algorithms". */
int64_t lun_datetime_days(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year =
        (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 +
        (int64_t)day - 1;
    int64_t days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + days - 719468;
}

/* Moved up by whole eras, all dates of PostgreSQL are positive numbers of 32
 * bits, which divide faster. */
static void to_date(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    static const unsigned eras = 20;
    uint32_t shifted = (uint32_t)(days + 719468 + eras * 146097);
    uint32_t era = shifted / 146097;
    unsigned of_era = shifted % 146097;
    unsigned years =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * years + years / 4 - years / 100);
    unsigned from_march = (5 * of_year + 2) / 153;
    *day = of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = (int64_t)years + ((int64_t)era - eras) * 400 + (*month <= 2);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned month_length(int64_t year, unsigned month)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30,
                                            31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

static bool at_end(const struct cursor *c)
{
    return c->at == c->end;
}

static bool skip(struct cursor *c, char byte)
{
    if (at_end(c) || *c->at != byte)
        return false;
    c->at++;
    return true;
}

static size_t digits_ahead(const struct cursor *c)
{
    const char *at = c->at;
    while (at < c->end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - c->at);
}

/* The next `count` digits. */
static bool take(struct cursor *c, size_t count, unsigned *out)
{
    unsigned value = 0;
    if (digits_ahead(c) < count)
        return false;
    while (count--)
        value = value * 10 + (unsigned)(*c->at++ - '0');
    *out = value;
    return true;
}

/* Monday is 1. */
static int64_t weekday(int64_t days)
{
    int64_t since_monday = (days + 3) % 7;
    return (since_monday < 0 ? since_monday + 7 : since_monday) + 1;
}

/* Monday of week 1, the week that January 4 is in. */
static int64_t first_week(unsigned year)
{
    int64_t january4 = lun_datetime_days(year, 1, 4);
    return january4 - weekday(january4) + 1;
}

/* Behind the 'W'. */
static bool take_week(struct cursor *c, unsigned year, bool basic,
                      int64_t *days)
{
    unsigned week;
    unsigned day = 1;
    if (!take(c, 2, &week))
        return false;
    bool has_day = basic ? digits_ahead(c) > 0 : skip(c, '-');
    if (has_day && (!take(c, 1, &day) || day < 1 || day > 7))
        return false;
    int64_t monday = first_week(year) + (int64_t)(week - 1) * 7;
    *days = monday + (int64_t)day - 1;
    return week >= 1 && monday < first_week(year + 1);
}

static bool from_ordinal(unsigned year, unsigned ordinal, int64_t *days)
{
    *days = lun_datetime_days(year, 1, 1) + (int64_t)ordinal - 1;
    return ordinal >= 1 && ordinal <= (is_leap(year) ? 366u : 365u);
}

static bool from_calendar(unsigned year, unsigned month, unsigned day,
                          int64_t *days)
{
    if (month < 1 || month > 12 || day < 1 || day > month_length(year, month))
        return false;
    *days = lun_datetime_days(year, month, day);
    return true;
}

/* Behind a year and '-'. */
static bool take_extended(struct cursor *c, unsigned year, int64_t *days)
{
    unsigned month;
    unsigned day = 1;
    if (skip(c, 'W'))
        return take_week(c, year, false, days);
    if (digits_ahead(c) == 3)
        return take(c, 3, &day) && from_ordinal(year, day, days);
    if (digits_ahead(c) != 2 || !take(c, 2, &month))
        return false;
    if (skip(c, '-') && (digits_ahead(c) != 2 || !take(c, 2, &day)))
        return false;
    return from_calendar(year, month, day, days);
}

static bool take_date(struct cursor *c, bool *basic, int64_t *days)
{
    unsigned year;
    unsigned month;
    unsigned day;
    size_t run = digits_ahead(c);
    *basic = run == 7 || run == 8;
    if ((run != 4 && !*basic) || !take(c, 4, &year) || year == 0)
        return false;
    if (run == 8)
        return take(c, 2, &month) && take(c, 2, &day) &&
               from_calendar(year, month, day, days);
    if (run == 7)
        return take(c, 3, &day) && from_ordinal(year, day, days);
    if (skip(c, '-'))
        return take_extended(c, year, days);
    if (skip(c, 'W')) {
        *basic = true;
        return take_week(c, year, true, days);
    }
    return from_calendar(year, 1, 1, days);
}

/* A fraction of `unit` microseconds, if one stands here. Nine digits count. */
static bool take_fraction(struct cursor *c, int64_t unit, int64_t *micros)
{
    int64_t value = 0;
    int64_t scale = 1;
    if (!skip(c, '.') && !skip(c, ','))
        return true;
    size_t run = digits_ahead(c);
    for (size_t i = 0; i < run; i++) {
        if (i < 9) {
            value = value * 10 + (*c->at - '0');
            scale *= 10;
        }
        c->at++;
    }
    /* value < 10^9 and unit <= 3.6 * 10^9: the product fits. */
    *micros += value * unit / scale;
    return run > 0;
}

/* Minutes or seconds follow when ':' does, in basic form when digits do. */
static bool has_more(struct cursor *c, bool *basic, bool first)
{
    if (first && digits_ahead(c) > 0)
        *basic = true;
    return *basic ? digits_ahead(c) > 0 : skip(c, ':');
}

static bool take_time(struct cursor *c, int64_t *micros)
{
    static const int64_t minute_us = INT64_C(60000000);
    unsigned hour;
    unsigned minute = 0;
    unsigned second = 0;
    bool basic = false;
    int64_t unit = 60 * minute_us;
    if (!take(c, 2, &hour))
        return false;
    if (has_more(c, &basic, true)) {
        unit = minute_us;
        if (!take(c, 2, &minute))
            return false;
        if (has_more(c, &basic, false)) {
            unit = 1000000;
            if (!take(c, 2, &second))
                return false;
        }
    }
    if (hour > 24 || minute > 59 || second > 59)
        return false;
    *micros = (int64_t)hour * 60 * minute_us + (int64_t)minute * minute_us +
              (int64_t)second * 1000000;
    return take_fraction(c, unit, micros) && *micros <= 24 * 60 * minute_us;
}

/* Seconds east of UTC; 0 when no offset stands here. */
static bool take_offset(struct cursor *c, int64_t *seconds)
{
    unsigned hours;
    unsigned minutes = 0;
    unsigned rest = 0;
    *seconds = 0;
    if (at_end(c) || skip(c, 'Z') || skip(c, 'z'))
        return true;
    bool west = *c->at == '-';
    if (!west && *c->at != '+')
        return false;
    c->at++;
    if (!take(c, 2, &hours))
        return false;
    if (skip(c, ':')) {
        if (!take(c, 2, &minutes) || (skip(c, ':') && !take(c, 2, &rest)))
            return false;
    } else if (!at_end(c) && !take(c, 2, &minutes)) {
        return false;
    }
    if (hours > 23 || minutes > 59 || rest > 59)
        return false;
    *seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60 + (int64_t)rest;
    if (west)
        *seconds = -*seconds;
    return true;
}

bool lun_datetime_parse(const char *text, size_t len, int64_t *unix_ms)
{
    struct cursor c = {text, text + len};
    bool basic;
    int64_t days;
    int64_t micros = 0;
    int64_t offset = 0;
    if (!take_date(&c, &basic, &days))
        return false;
    if (skip(&c, 'T') || skip(&c, 't')) {
        if (!take_time(&c, &micros) || !take_offset(&c, &offset))
            return false;
    }
    int64_t ms = days * DAY_MS + micros / 1000 - offset * 1000;
    if (!at_end(&c) || ms < lun_datetime_days(1, 1, 1) * DAY_MS ||
        ms >= lun_datetime_days(10000, 1, 1) * DAY_MS)
        return false;
    *unix_ms = ms;
    return true;
}

bool lun_datetime_parse_date(const char *text, size_t len, int64_t *days)
{
    struct cursor c = {text, text + len};
    bool basic;
    int64_t found;
    if (!take_date(&c, &basic, &found) || !at_end(&c) ||
        found < lun_datetime_days(1, 1, 1) ||
        found >= lun_datetime_days(10000, 1, 1))
        return false;
    *days = found;
    return true;
}

bool lun_datetime_parse_time(const char *text, size_t len, int64_t *micros)
{
    struct cursor c = {text, text + len};
    int64_t found;
    if (!take_time(&c, &found) || !at_end(&c) || found >= DAY_MS * 1000)
        return false;
    *micros = found;
    return true;
}

static char *push_digits(char *to, unsigned value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + count;
}

static char *make_date(char *to, int64_t days)
{
    int64_t year;
    unsigned month;
    unsigned day;
    to_date(days, &year, &month, &day);
    if (year >= 0 && year <= 9999) {
        to = lun_digits_four(to, (unsigned)year);
    } else {
        unsigned far = (unsigned)(year < 0 ? -year : year);
        *to++ = year < 0 ? '-' : '+';
        to = push_digits(to, far, far > 999999 ? 7 : 6);
    }
    *to++ = '-';
    to = lun_digits_two(to, month);
    *to++ = '-';
    return lun_digits_two(to, day);
}

/* Rows of a list have few different days, and taking one apart costs more than
 * all else of a date. */
static char *push_date(char *to, int64_t days)
{
    static struct {
        int64_t days;
        size_t len; /* 0: empty */
        char text[16];
    } seen[64];
    size_t at = (size_t)((uint64_t)days % 64);
    if (!seen[at].len || seen[at].days != days) {
        seen[at].days = days;
        seen[at].len = (size_t)(make_date(seen[at].text, days) - seen[at].text);
    }
    memcpy(to, seen[at].text, seen[at].len);
    return to + seen[at].len;
}

static char *push_clock(char *to, unsigned seconds)
{
    to = lun_digits_two(to, seconds / 3600);
    *to++ = ':';
    to = lun_digits_two(to, seconds / 60 % 60);
    *to++ = ':';
    return lun_digits_two(to, seconds % 60);
}

size_t lun_datetime_format(char *to, int64_t unix_ms)
{
    int64_t days = unix_ms / DAY_MS;
    int64_t rest = unix_ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    char *at = push_date(to, days);
    *at++ = 'T';
    uint32_t of_day = (uint32_t)rest;
    at = push_clock(at, of_day / 1000);
    *at++ = '.';
    at = push_digits(at, of_day % 1000, 3);
    *at++ = 'Z';
    return (size_t)(at - to);
}

size_t lun_datetime_format_date(char *to, int64_t days)
{
    return (size_t)(push_date(to, days) - to);
}

size_t lun_datetime_format_time(char *to, int64_t micros)
{
    unsigned fraction = (unsigned)(micros % 1000000);
    char *at = push_clock(to, (unsigned)(micros / 1000000));
    if (fraction) {
        *at++ = '.';
        at = fraction % 1000 ? push_digits(at, fraction, 6)
                             : push_digits(at, fraction / 1000, 3);
    }
    return (size_t)(at - to);
}
