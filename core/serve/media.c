/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/media.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/arena.h"
#include "core/base/error.h"

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\t')
        at++;
    return at;
}

static bool is_name(const char *at, size_t len, const char *name)
{
    return strlen(name) == len && !strncasecmp(at, name, len);
}

/* Quality of the media range that ends at `end`, 1 when none is given. */
static double quality(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at != ';')
            continue;
        const char *name = skip_space(at + 1);
        if ((*name == 'q' || *name == 'Q') && name[1] == '=')
            return strtod(name + 2, NULL);
    }
    return 1;
}

static const char *end_of_range(const char *at)
{
    bool quoted = false;
    for (; *at && (quoted || *at != ','); at++) {
        if (*at == '"')
            quoted = !quoted;
        else if (quoted && *at == '\\' && at[1])
            at++;
    }
    return at;
}

enum lun_media_answer lun_media_accept(const char *accept)
{
    double json = 0, graphql = 0, any = 0;
    if (!accept || !*skip_space(accept))
        return LUN_MEDIA_JSON;
    for (const char *at = accept; *at;) {
        at = skip_space(at);
        const char *end = end_of_range(at);
        size_t len = strcspn(at, ";, \t");
        double q = quality(at, end);
        if (is_name(at, len, "application/graphql-response+json"))
            graphql = q;
        else if (is_name(at, len, "application/json"))
            json = q;
        else if ((is_name(at, len, "*/*") ||
                  is_name(at, len, "application/*")) &&
                 q > any)
            any = q;
        at = *end ? end + 1 : end;
    }
    if (graphql > 0 && graphql >= json)
        return LUN_MEDIA_GRAPHQL;
    if (json > 0 || any > 0)
        return LUN_MEDIA_JSON;
    return LUN_MEDIA_NONE;
}

bool lun_media_is_json(const char *content_type)
{
    if (!content_type)
        return false;
    const char *at = skip_space(content_type);
    size_t len = strcspn(at, "; \t");
    if (!is_name(at, len, "application/json"))
        return false;
    for (at += len; *(at = skip_space(at)) == ';';) {
        at = skip_space(at + 1);
        size_t name = strcspn(at, "=; \t");
        if (!is_name(at, name, "charset")) {
            at = at + strcspn(at, ";");
            continue;
        }
        if (at[name] != '=')
            return false;
        at += name + 1;
        bool quoted = *at == '"';
        at += quoted;
        size_t value = strcspn(at, quoted ? "\"" : "; \t");
        if (!is_name(at, value, "utf-8"))
            return false;
        at += value + quoted;
    }
    return *at == '\0';
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

static int decode(struct lun_arena *arena, const char *at, size_t len,
                  const char **text, size_t *out_len, struct lun_err *err)
{
    char *copy = lun_arena_alloc(arena, len + 1), *to = copy;
    if (!copy)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    for (size_t i = 0; i < len; i++) {
        if (at[i] != '%') {
            *to++ = at[i] == '+' ? ' ' : at[i];
            continue;
        }
        int high = i + 2 < len ? hex(at[i + 1]) : -1;
        int low = high >= 0 ? hex(at[i + 2]) : -1;
        if (low < 0)
            return lun_error_set(err, LUN_EBAD_INPUT,
                                 "the URL has a bad percent escape");
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    *to = '\0';
    *text = copy;
    *out_len = (size_t)(to - copy);
    return 0;
}

int lun_media_parameter(struct lun_arena *arena, const char *query,
                        const char *name, const char **text, size_t *len,
                        struct lun_err *err)
{
    size_t name_len = strlen(name);
    *text = NULL;
    *len = 0;
    for (const char *at = query; *at;) {
        size_t pair = strcspn(at, "&");
        if (pair > name_len && at[name_len] == '=' &&
            !strncmp(at, name, name_len)) {
            if (*text)
                return lun_error_set(err, LUN_EBAD_INPUT,
                                     "parameter '%s' comes twice", name);
            int rc = decode(arena, at + name_len + 1, pair - name_len - 1, text,
                            len, err);
            if (rc)
                return rc;
        }
        at += pair;
        at += *at == '&';
    }
    return 0;
}
