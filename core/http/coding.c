/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/coding.h"

#include <libdeflate.h>
#include <string.h>
#include <strings.h>

/* Level 1 of libdeflate packs better than 3 of zlib in less than half of its
 * time; higher levels of either cost more than the network they save. */
#define LEVEL 1

/* Accept-Encoding */

static const struct {
    const char *name;
    enum lun_http_coding coding;
} names[] = {
    {"identity", LUN_HTTP_IDENTITY},
    {"gzip", LUN_HTTP_GZIP},
    {"x-gzip", LUN_HTTP_GZIP},
    {"br", LUN_HTTP_BROTLI},
};
#define CODINGS 3

/* "0.375" in thousandths; 1000 for what is no quality. */
static int read_quality(const char *at, const char *end)
{
    int value = 0;
    int scale = 1000;
    if (at == end || (*at != '0' && *at != '1'))
        return 1000;
    value = (*at++ - '0') * 1000;
    if (at < end && *at == '.')
        at++;
    for (; at < end && *at >= '0' && *at <= '9' && scale > 1; at++) {
        scale /= 10;
        value += (*at - '0') * scale;
    }
    return value > 1000 ? 1000 : value;
}

/* The quality of the element that ends at `end`. */
static int quality_of(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != ';')
            continue;
        const char *name = at + 1;
        name += strspn(name, " \t");
        if (end - name > 2 && (*name == 'q' || *name == 'Q') && name[1] == '=')
            return read_quality(name + 2, end);
    }
    return 1000;
}

/* Notes the quality of one element; -1 in `qualities` is "not named". */
static void take_element(const char *at, const char *end, int *qualities,
                         int *any)
{
    size_t len = strcspn(at, ";, \t");
    int quality = quality_of(at, end);
    if (len == 1 && *at == '*')
        *any = quality;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].name) == len &&
            strncasecmp(at, names[i].name, len) == 0)
            qualities[names[i].coding] = quality;
    }
}

enum lun_http_coding lun_http_coding_pick(const char *accept, unsigned offered)
{
    int qualities[CODINGS] = {-1, -1, -1};
    int any = -1;
    if (!accept)
        return LUN_HTTP_IDENTITY;
    for (const char *at = accept + strspn(accept, " \t,"); *at;
         at += strspn(at, " \t,")) {
        const char *end = at + strcspn(at, ",");
        take_element(at, end, qualities, &any);
        at = end;
    }
    enum lun_http_coding best = LUN_HTTP_IDENTITY;
    int most = 0;
    for (int i = CODINGS - 1; i > 0; i--) {
        int quality = qualities[i] < 0 ? any : qualities[i];
        if ((offered & LUN_HTTP_CODING_BIT(i)) && quality > most) {
            most = quality;
            best = (enum lun_http_coding)i;
        }
    }
    return qualities[LUN_HTTP_IDENTITY] > most ? LUN_HTTP_IDENTITY : best;
}

const char *lun_http_coding_name(enum lun_http_coding coding)
{
    return coding == LUN_HTTP_GZIP     ? "gzip"
           : coding == LUN_HTTP_BROTLI ? "br"
                                       : NULL;
}

/* If-None-Match */

static const char *skip_weak(const char *tag)
{
    return tag[0] == 'W' && tag[1] == '/' ? tag + 2 : tag;
}

bool lun_http_coding_has_tag(const char *if_none_match, const char *tag)
{
    const char *ours = skip_weak(tag);
    size_t len = strlen(ours);
    if (!if_none_match)
        return false;
    const char *at = if_none_match + strspn(if_none_match, " \t,");
    if (*at == '*')
        return at[1 + strspn(at + 1, " \t")] == '\0';
    while (*at) {
        at = skip_weak(at);
        if (*at != '"')
            return false;
        const char *end = strchr(at + 1, '"');
        if (!end)
            return false;
        end++;
        if ((size_t)(end - at) == len && memcmp(at, ours, len) == 0)
            return true;
        at = end + strspn(end, " \t,");
    }
    return false;
}

/* gzip */

struct lun_http_gzip *lun_http_gzip_new(void)
{
    return (struct lun_http_gzip *)libdeflate_alloc_compressor(LEVEL);
}

void lun_http_gzip_free(struct lun_http_gzip *gzip)
{
    libdeflate_free_compressor((struct libdeflate_compressor *)gzip);
}

bool lun_http_gzip_pack(struct lun_http_gzip *gzip, const char *data,
                        size_t len, struct lun_buf *out)
{
    struct libdeflate_compressor *compressor =
        (struct libdeflate_compressor *)gzip;
    if (!gzip || !len || !lun_buf_reserve(out, len))
        return false;
    /* No room for more than the plain form has: then it returns 0. */
    size_t packed = libdeflate_gzip_compress(compressor, data, len,
                                             out->data + out->len, len - 1);
    out->len += packed;
    return packed > 0;
}
