/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "modules/http/grant.h"
#include "modules/http/request.h"

/* The URL is read once, by libcurl's own parser, and goes to libcurl as what
 * was read: there is no second reading that could find another host in it. */

static int bad_url(struct lun_err *err, const char *why)
{
    return lun_error_set(err, LUN_EBAD_INPUT, "the URL %s", why);
}

static int check_text(const char *url, struct lun_err *err)
{
    size_t len = strlen(url);
    if (len > LUN_FETCH_URL_MAX)
        return bad_url(err, "is too long");
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] < 0x20 || url[i] == 0x7f || url[i] == '\\')
            return bad_url(err, "holds a control character or a backslash");
    const char *mark = strstr(url, "://");
    if (!mark || mark[3] == '/')
        return bad_url(err, "must begin with https:// or http://");
    return 0;
}

static bool copy_part(CURLU *url, CURLUPart part, unsigned flags, char *out,
                      size_t size)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) || strlen(text) >= size) {
        curl_free(text);
        return false;
    }
    strcpy(out, text);
    curl_free(text);
    return true;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(url, part, &text, 0);
    curl_free(text);
    return code == CURLUE_OK;
}

/* Lower case, no brackets, no dot at the end: how grants are compared. */
static bool normal_host(char *host)
{
    size_t len = strlen(host);
    if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
        memmove(host, host + 1, len - 2);
        len -= 2;
    } else if (len > 1 && host[len - 1] == '.') {
        len--;
    }
    host[len] = '\0';
    for (char *at = host; *at; at++) {
        if ((unsigned char)*at >= 0x80 || strchr(" %<>\"`{}|^*", *at))
            return false;
        *at = (char)tolower((unsigned char)*at);
    }
    return len > 0;
}

static int read_parts(struct lun_fetch_target *target, struct lun_err *err)
{
    char port[8];
    if (!copy_part(target->url, CURLUPART_SCHEME, 0, target->scheme,
                   sizeof(target->scheme)) ||
        (strcmp(target->scheme, "https") && strcmp(target->scheme, "http")))
        return bad_url(err, "must begin with https:// or http://");
    if (has_part(target->url, CURLUPART_USER) ||
        has_part(target->url, CURLUPART_PASSWORD))
        return bad_url(err, "holds a user name or password; they go into the "
                            "header 'authorization'");
    if (has_part(target->url, CURLUPART_ZONEID))
        return bad_url(err, "names a network interface");
    if (!copy_part(target->url, CURLUPART_HOST, 0, target->host,
                   sizeof(target->host)) ||
        !normal_host(target->host))
        return bad_url(err, "has no usable host name; write a name outside of"
                            " ASCII in its xn-- form");
    if (!copy_part(target->url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port,
                   sizeof(port)))
        return bad_url(err, "has no usable port");
    target->port = (unsigned)strtoul(port, NULL, 10);
    return 0;
}

static void write_origin(struct lun_fetch_target *target)
{
    bool usual = target->port == (target->scheme[4] ? 443 : 80);
    bool six = strchr(target->host, ':');
    snprintf(target->origin, sizeof(target->origin), "%s://%s%s%s",
             target->scheme, six ? "[" : "", target->host, six ? "]" : "");
    if (!usual) {
        size_t len = strlen(target->origin);
        snprintf(target->origin + len, sizeof(target->origin) - len, ":%u",
                 target->port);
    }
}

int lun_fetch_target_read(const char *url, const struct lun_fetch_grant *grant,
                          const char *app, struct lun_fetch_target *out,
                          struct lun_err *err)
{
    struct lun_fetch_target target = {0};
    int rc = check_text(url, err);
    if (rc)
        return rc;
    target.url = curl_url();
    if (!target.url)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    CURLUcode code = curl_url_set(target.url, CURLUPART_URL, url,
                                  CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME);
    if (code)
        rc = bad_url(err, "is not valid");
    if (!rc)
        rc = read_parts(&target, err);
    if (!rc)
        rc = lun_fetch_grant_host(grant, app, target.scheme, target.host,
                                  target.port, err);
    if (rc) {
        curl_url_cleanup(target.url);
        return rc;
    }
    write_origin(&target);
    *out = target;
    return 0;
}

void lun_fetch_target_release(struct lun_fetch_target *target)
{
    curl_url_cleanup(target->url);
    target->url = NULL;
}
