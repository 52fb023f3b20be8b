/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/time/zone.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER "/usr/share/zoneinfo/"
#define FILE_MAX 65536
#define ZONES_MAX 1024
#define DAY 86400

/* A change of every year: the nth weekday of a month, or a day of the year. */
struct rule {
    char kind; /* 'M', 'J' or '0' */
    int month, week, day;
    int32_t second; /* of that day, local */
};

struct lun_time_zone {
    struct lun_time_zone *next;
    char *name;
    size_t count; /* changes, by time */
    int64_t *times;
    uint8_t *types;
    size_t type_count;
    struct lun_time_offset *offsets;
    bool yearly; /* what follows the last change */
    bool summer; /* it has summer time */
    struct lun_time_offset standard, daylight;
    struct rule begins, ends;
};

static struct lun_time_zone *zones;
static size_t zone_count;

/* Days since 1970 of a civil date. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

static int64_t year_of(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    return year + era * 400 + ((5 * of_year + 2) / 153 >= 10);
}

/* The footer: "CET-1CEST,M3.5.0,M10.5.0/3" ----------------------------------
 */

static bool read_name(const char **at, char out[16])
{
    size_t len = 0;
    bool quoted = **at == '<';
    *at += quoted;
    while (quoted ? **at && **at != '>' : isalpha((unsigned char)**at)) {
        if (len < 15)
            out[len++] = **at;
        (*at)++;
    }
    out[len] = '\0';
    if (quoted && **at == '>')
        (*at)++;
    return len > 0;
}

static int read_number(const char **at)
{
    int value = 0;
    while (isdigit((unsigned char)**at) && value < 100000)
        value = value * 10 + (*(*at)++ - '0');
    return value;
}

/* "-1", "+05:30", "26:00:00" in seconds. */
static int32_t read_clock(const char **at)
{
    int sign = **at == '-' ? -1 : 1;
    int32_t seconds;
    if (**at == '-' || **at == '+')
        (*at)++;
    seconds = read_number(at) * 3600;
    for (int unit = 60; unit && **at == ':'; unit /= 60) {
        (*at)++;
        seconds += read_number(at) * unit;
    }
    return sign * seconds;
}

static bool read_rule(const char **at, struct rule *rule)
{
    if (*(*at)++ != ',')
        return false;
    rule->second = 2 * 3600;
    rule->kind = **at == 'M' || **at == 'J' ? *(*at)++ : '0';
    rule->day = read_number(at);
    if (rule->kind == 'M') {
        rule->month = rule->day;
        if (*(*at)++ != '.')
            return false;
        rule->week = read_number(at);
        if (*(*at)++ != '.')
            return false;
        rule->day = read_number(at);
        if (rule->month < 1 || rule->month > 12 || rule->week < 1 ||
            rule->week > 5 || rule->day > 6)
            return false;
    }
    if (**at == '/') {
        (*at)++;
        rule->second = read_clock(at);
    }
    return true;
}

static void read_footer(struct lun_time_zone *zone, const char *at)
{
    if (!read_name(&at, zone->standard.name))
        return;
    zone->standard.seconds = -read_clock(&at);
    zone->yearly = true;
    if (!read_name(&at, zone->daylight.name))
        return;
    zone->daylight.seconds = zone->standard.seconds + 3600;
    if (*at && *at != ',')
        zone->daylight.seconds = -read_clock(&at);
    zone->summer = read_rule(&at, &zone->begins) && read_rule(&at, &zone->ends);
}

/* Local seconds since 1970 of a rule in a year. */
static int64_t rule_time(const struct rule *rule, int64_t year)
{
    int64_t days;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (rule->kind == 'M') {
        int64_t first = days_of(year, rule->month, 1);
        int weekday = (int)(((first + 4) % 7 + 7) % 7);
        int length = rule->month == 2 ? 28 + leap
                     : rule->month == 4 || rule->month == 6 ||
                             rule->month == 9 || rule->month == 11
                         ? 30
                         : 31;
        int day = (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
        while (day >= length)
            day -= 7;
        days = first + day;
    } else {
        days = days_of(year, 1, 1) + rule->day;
        if (rule->kind == 'J')
            days -= !(leap && rule->day >= 60);
    }
    return days * DAY + rule->second;
}

static const struct lun_time_offset *yearly_at(const struct lun_time_zone *zone,
                                               int64_t time)
{
    if (!zone->summer)
        return &zone->standard;
    int64_t local = time + zone->standard.seconds;
    int64_t days = (local - (((local % DAY) + DAY) % DAY)) / DAY;
    int64_t year = year_of(days);
    int64_t from = rule_time(&zone->begins, year) - zone->standard.seconds;
    int64_t to = rule_time(&zone->ends, year) - zone->daylight.seconds;
    bool daylight =
        from < to ? time >= from && time < to : time >= from || time < to;
    return daylight ? &zone->daylight : &zone->standard;
}

/* The file ------------------------------------------------------------------
 */

static int64_t read_int(const uint8_t *at, int bytes)
{
    uint64_t value = at[0] & 0x80 ? ~UINT64_C(0) : 0;
    while (bytes-- > 0)
        value = value << 8 | *at++;
    return (int64_t)value;
}

struct header {
    size_t utc, standard, leap, times, types, chars;
};

static bool read_header(const uint8_t *at, size_t left, struct header *out)
{
    if (left < 44 || memcmp(at, "TZif", 4) != 0)
        return false;
    size_t *counts[] = {&out->utc,   &out->standard, &out->leap,
                        &out->times, &out->types,    &out->chars};
    for (int i = 0; i < 6; i++) {
        int64_t count = read_int(at + 20 + 4 * i, 4);
        if (count < 0 || count > FILE_MAX)
            return false;
        *counts[i] = (size_t)count;
    }
    return true;
}

static size_t body_size(const struct header *header, size_t time)
{
    return header->times * (time + 1) + header->types * 6 + header->chars +
           header->leap * (time + 4) + header->standard + header->utc;
}

static bool take_body(struct lun_time_zone *zone, const uint8_t *at,
                      const struct header *header)
{
    zone->count = header->times;
    zone->type_count = header->types;
    zone->times = calloc(header->times + 1, sizeof(*zone->times));
    zone->types = calloc(header->times + 1, sizeof(*zone->types));
    zone->offsets = calloc(header->types, sizeof(*zone->offsets));
    if (!zone->times || !zone->types || !zone->offsets)
        return false;
    const uint8_t *types = at + header->times * 8;
    const uint8_t *infos = types + header->times;
    const char *names = (const char *)infos + header->types * 6;
    for (size_t i = 0; i < header->times; i++) {
        zone->times[i] = read_int(at + 8 * i, 8);
        zone->types[i] = types[i];
        if (types[i] >= header->types)
            return false;
    }
    for (size_t i = 0; i < header->types; i++) {
        struct lun_time_offset *offset = &zone->offsets[i];
        size_t name = infos[6 * i + 5];
        if (name >= header->chars)
            return false;
        offset->seconds = (int32_t)read_int(infos + 6 * i, 4);
        snprintf(offset->name, sizeof(offset->name), "%.*s",
                 (int)(header->chars - name), names + name);
    }
    return true;
}

/* Of the two versions of the data the second one, with 64 bits. */
static bool take_file(struct lun_time_zone *zone, const uint8_t *at, size_t len)
{
    struct header header;
    const uint8_t *end = at + len;
    if (!read_header(at, len, &header) || at[4] < '2')
        return false;
    size_t first = 44 + body_size(&header, 4);
    if (first > len)
        return false;
    at += first;
    if (!read_header(at, (size_t)(end - at), &header) || !header.types ||
        44 + body_size(&header, 8) > (size_t)(end - at))
        return false;
    if (!take_body(zone, at + 44, &header))
        return false;
    at += 44 + body_size(&header, 8);
    const uint8_t *stop =
        at < end ? memchr(at + 1, '\n', (size_t)(end - at - 1)) : NULL;
    if (stop && *at == '\n') {
        char footer[128];
        snprintf(footer, sizeof(footer), "%.*s", (int)(stop - at - 1),
                 (const char *)at + 1);
        read_footer(zone, footer);
    }
    return true;
}

static void free_zone(struct lun_time_zone *zone)
{
    free(zone->name);
    free(zone->times);
    free(zone->types);
    free(zone->offsets);
    free(zone);
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);
    if (!len || len > 64 || !isalpha((unsigned char)name[0]))
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_+-/", *c))
            return false;
    return true;
}

static struct lun_time_zone *read_zone(const char *name)
{
    char path[128];
    snprintf(path, sizeof(path), FOLDER "%s", name);
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = file ? malloc(FILE_MAX) : NULL;
    struct lun_time_zone *zone = bytes ? calloc(1, sizeof(*zone)) : NULL;
    size_t len = zone ? fread(bytes, 1, FILE_MAX, file) : 0;
    if (zone)
        zone->name = strdup(name);
    if (zone && (!zone->name || !take_file(zone, bytes, len))) {
        free_zone(zone);
        zone = NULL;
    }
    free(bytes);
    if (file)
        fclose(file);
    return zone;
}

const struct lun_time_zone *lun_time_zone_find(const char *name)
{
    for (struct lun_time_zone *at = zones; at; at = at->next)
        if (!strcmp(at->name, name))
            return at;
    if (!is_name(name) || zone_count == ZONES_MAX)
        return NULL;
    struct lun_time_zone *zone = read_zone(name);
    if (zone) {
        zone->next = zones;
        zones = zone;
        zone_count++;
    }
    return zone;
}

void lun_time_zone_at(const struct lun_time_zone *zone, int64_t time,
                      struct lun_time_offset *out)
{
    size_t low = 0, high = zone->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->times[middle] <= time)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->count && zone->yearly)
        *out = *yearly_at(zone, time);
    else
        *out = zone->offsets[low ? zone->types[low - 1] : 0];
}
