/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/grammar.h"

#include <string.h>
#include <strings.h>

/* clang-format off */
const unsigned char lun_http_grammar_token[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 33, 0, 35, 36, 37, 38, 39, 0, 0, 42, 43, 0, 45, 46, 0,
    48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 0, 0, 0, 0, 0, 0,
    0, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,
    112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 0, 0, 0, 94, 95,
    96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,
    112, 113, 114, 115, 116, 117, 118, 119, 120, 121, 122, 0, 124, 0, 126, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
};

const unsigned char lun_http_grammar_class[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    1, 3, 3, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 7, 7, 3,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 3, 3, 3, 3, 3, 3,
    3, 15, 15, 15, 15, 15, 15, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 7,
    3, 15, 15, 15, 15, 15, 15, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 7, 0,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
};
/* clang-format on */

int lun_http_grammar_hex(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* Bytes of the host at the front of `text`; 0 when there is none. */
static size_t host_length(const char *text, size_t len)
{
    size_t at = 0;
    if (len && text[0] == '[') {
        at = 1;
        while (at < len && (lun_http_grammar_is(text[at], LUN_HTTP_HEX) ||
                            text[at] == ':' || text[at] == '.'))
            at++;
        return at > 1 && at < len && text[at] == ']' ? at + 1 : 0;
    }
    while (at < len && lun_http_grammar_is(text[at], LUN_HTTP_NAME))
        at++;
    return at;
}

bool lun_http_grammar_is_authority(const char *text, size_t len)
{
    size_t at = host_length(text, len);
    if (at == 0 || at > 255)
        return false;
    if (at == len)
        return true;
    if (text[at] != ':' || len - at > 6)
        return false;
    long port = 0;
    for (at++; at < len; at++) {
        if (text[at] < '0' || text[at] > '9')
            return false;
        port = port * 10 + (text[at] - '0');
    }
    return port <= 65535;
}

bool lun_http_grammar_is_path(const char *text)
{
    const char *at = text;
    while ((at = strchr(at, '%'))) {
        int high = lun_http_grammar_hex(at[1]);
        int low = high < 0 ? -1 : lun_http_grammar_hex(at[2]);
        if (low < 0 || high + low == 0)
            return false;
        at += 3;
    }
    return true;
}

bool lun_http_grammar_has_token(const char *list, const char *word)
{
    size_t len = strlen(word);
    const char *at = list;
    while (*at) {
        at += strspn(at, " \t,");
        size_t item = strcspn(at, " \t,");
        if (item == len && strncasecmp(at, word, len) == 0)
            return true;
        at += item;
    }
    return false;
}
