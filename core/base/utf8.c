/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Table 3-7 of the Unicode standard: the second byte has a narrower range after
 * E0, ED, F0 and F4. */
size_t lun_utf8_width(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    if (!len)
        return 0;
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    if (s[0] < 0xe0)
        return len >= 2 && is_tail(s[1]) ? 2 : 0;
    if (s[0] < 0xf0) {
        if (len < 3 || !is_tail(s[1]) || !is_tail(s[2]))
            return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f))
            return 0;
        return 3;
    }
    if (len < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
        return 0;
    if ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return 4;
}

bool lun_utf8_valid(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        uint64_t eight;
        if (len - at >= sizeof(eight)) {
            memcpy(&eight, text + at, sizeof(eight));
            if (!(eight & UINT64_C(0x8080808080808080))) {
                at += sizeof(eight);
                continue;
            }
        }
        size_t width = lun_utf8_width(text + at, len - at);
        if (!width)
            return false;
        at += width;
    }
    return true;
}

/* Whether one of eight bytes is below 0x20, above 0x7f, '"' or '\\'. A byte
 * above a real find may be taken for one, which costs a second look only. */
static bool has_special(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = eight ^ (ones * '"');
    uint64_t slash = eight ^ (ones * '\\');
    uint64_t found = (eight - ones * 0x20) | (quote - ones) | (slash - ones);
    return (eight | found) & (ones * 0x80);
}

size_t lun_utf8_plain(const char *text, size_t len)
{
    size_t at = 0;
    uint64_t eight;
    for (; len - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, text + at, sizeof(eight));
        if (has_special(eight))
            break;
    }
    while (at < len && (unsigned char)text[at] >= 0x20 &&
           (unsigned char)text[at] < 0x80 && text[at] != '"' &&
           text[at] != '\\')
        at++;
    return at;
}

size_t lun_utf8_length(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t at = 0; at < len; at++)
        count += !is_tail((unsigned char)text[at]);
    return count;
}
