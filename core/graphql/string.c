/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/string.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex4(const char **at, const char *end, uint32_t *out)
{
    uint32_t value = 0;
    if (end - *at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit((*at)[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint32_t)digit;
    }
    *at += 4;
    *out = value;
    return true;
}

/* After "u{". */
static bool braced(const char **at, const char *end, uint32_t *out)
{
    const char *start = *at;
    uint32_t value = 0;
    for (; *at < end && **at != '}'; ++*at) {
        int digit = hex_digit(**at);
        if (digit < 0 || value > 0x10ffff)
            return false;
        value = value << 4 | (uint32_t)digit;
    }
    if (*at == end || *at == start || value > 0x10ffff ||
        (value >= 0xd800 && value <= 0xdfff))
        return false;
    ++*at;
    *out = value;
    return true;
}

/* After "u": one scalar value, or a pair of surrogates. */
static bool fixed(const char **at, const char *end, uint32_t *out)
{
    uint32_t low;
    if (!hex4(at, end, out) || (*out >= 0xdc00 && *out <= 0xdfff))
        return false;
    if (*out < 0xd800 || *out > 0xdbff)
        return true;
    if (end - *at < 2 || (*at)[0] != '\\' || (*at)[1] != 'u')
        return false;
    *at += 2;
    if (!hex4(at, end, &low) || low < 0xdc00 || low > 0xdfff)
        return false;
    *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

bool lun_graphql_string_escape(const char **at, const char *end,
                               uint32_t *point)
{
    static const char from[] = "\"\\/bfnrt";
    static const char into[] = "\"\\/\b\f\n\r\t";
    if (*at == end)
        return false;
    char c = *(*at)++;
    if (c == 'u') {
        if (*at == end || **at != '{')
            return fixed(at, end, point);
        ++*at;
        return braced(at, end, point);
    }
    const char *found = c ? strchr(from, c) : NULL;
    if (!found)
        return false;
    *point = (unsigned char)into[found - from];
    return true;
}

static char *push_point(char *to, uint32_t point)
{
    if (point < 0x80) {
        *to++ = (char)point;
        return to;
    }
    if (point < 0x800) {
        *to++ = (char)(0xc0 | point >> 6);
    } else {
        if (point < 0x10000) {
            *to++ = (char)(0xe0 | point >> 12);
        } else {
            *to++ = (char)(0xf0 | point >> 18);
            *to++ = (char)(0x80 | (point >> 12 & 63));
        }
        *to++ = (char)(0x80 | (point >> 6 & 63));
    }
    *to++ = (char)(0x80 | (point & 63));
    return to;
}

/* No escape is shorter than what it stands for. */
size_t lun_graphql_string_unescape(const char *text, size_t len, char *to)
{
    const char *at = text;
    const char *end = text + len;
    char *start = to;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((slash ? slash : end) - at);
        memcpy(to, at, plain);
        to += plain;
        at += plain;
        if (!slash)
            break;
        uint32_t point = 0xfffd;
        at++;
        if (!lun_graphql_string_escape(&at, end, &point))
            break;
        to = push_point(to, point);
    }
    return (size_t)(to - start);
}

struct line {
    const char *start;
    const char *end;  /* before the line terminator */
    const char *next; /* start of the next line, NULL after the last */
    size_t indent;
};

static struct line read_line(const char *at, const char *end)
{
    struct line line = {.start = at};
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    line.indent = (size_t)(at - line.start);
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    line.end = at;
    if (at < end)
        line.next = at + (*at == '\r' && at + 1 < end && at[1] == '\n' ? 2 : 1);
    return line;
}

static bool is_blank(const struct line *line)
{
    return line->start + line->indent == line->end;
}

/* The last line is the first to lack a next one, also when it is empty. */
static size_t common_indent(const char *text, const char *end)
{
    size_t common = SIZE_MAX;
    struct line line = read_line(text, end);
    while (line.next) {
        line = read_line(line.next, end);
        if (!is_blank(&line) && line.indent < common)
            common = line.indent;
    }
    return common;
}

static char *copy_unescaped(const char *at, const char *end, char *to)
{
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        const char *stop = slash ? slash : end;
        memcpy(to, at, (size_t)(stop - at));
        to += stop - at;
        at = stop;
        if (!slash)
            break;
        if (end - at >= 4 && !memcmp(at, "\\\"\"\"", 4))
            at++;
        else
            *to++ = *at++;
        /* What follows a kept or dropped backslash is copied as it is. */
    }
    return to;
}

size_t lun_graphql_string_dedent(const char *text, size_t len, char *to)
{
    const char *end = text + len;
    size_t common = common_indent(text, end);
    char *start = to;
    char *used = to; /* behind the last line that is not blank */
    bool some = false;
    const char *at = text;
    while (at) {
        struct line line = read_line(at, end);
        bool blank = is_blank(&line);
        size_t drop = at == text ? 0 : common;
        size_t size = (size_t)(line.end - line.start);
        if (some)
            *to++ = '\n';
        if (some || !blank)
            to = copy_unescaped(line.start + (drop < size ? drop : size),
                                line.end, to);
        if (!blank) {
            some = true;
            used = to;
        }
        at = line.next;
    }
    return (size_t)(used - start);
}
