/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/easy.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "modules/http/grant.h"

#define AGENT "lunette/" LUNETTE_VERSION
#define BUFFER (32L * 1024)

/* Connections -------------------------------------------------------------- */

/* The address that is connected to, whatever the name resolved to before. */
static curl_socket_t on_socket(void *context, curlsocktype purpose,
                               struct curl_sockaddr *address)
{
    struct lun_fetch_try *attempt = context;
    (void)purpose;
    if (lun_fetch_grant_address(attempt->grant, attempt->app,
                                attempt->target->host, &address->addr,
                                &attempt->refused))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}

/* Further authorities stand beside those of the system. */
static CURLcode on_tls(CURL *easy, void *tls, void *context)
{
    struct lun_fetch_try *attempt = context;
    (void)easy;
    if (SSL_CTX_load_verify_file(tls, attempt->grant->ca) == 1)
        return CURLE_OK;
    lun_error_set(&attempt->refused, LUN_ECONFIG,
                  "the file '%s' of the option 'ca' cannot be read as"
                  " certificates",
                  attempt->grant->ca);
    return CURLE_SSL_CACERT_BADFILE;
}

static void set_connection(CURL *easy, struct lun_fetch_try *attempt)
{
    const struct lun_fetch_grant *grant = attempt->grant;
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_CURLU, attempt->target->url);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, attempt);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(grant->connect_ns / 1000000));
    /* No proxy of the environment: it would connect where we may not. */
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A name that does not resolve in time must not hold up the loop. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 60L);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, 600L);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, attempt->text);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (grant->ca) {
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
        curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, attempt);
    }
}

/* Headers ------------------------------------------------------------------ */

static bool add(struct lun_fetch_try *attempt, const char *name,
                const char *value)
{
    char line[1024];
    char *text = line;
    size_t size = strlen(name) + strlen(value) + 3;
    if (size > sizeof(line) && !(text = malloc(size)))
        return false;
    /* libcurl sends a header without a value only when it ends with ';'. */
    if (*value)
        snprintf(text, size, "%s: %s", name, value);
    else
        snprintf(text, size, "%s;", name);
    struct curl_slist *list = curl_slist_append(attempt->headers, text);
    if (text != line)
        free(text);
    if (list)
        attempt->headers = list;
    return list;
}

/* Takes away what libcurl would add by itself. */
static bool without(struct lun_fetch_try *attempt, const char *line)
{
    struct curl_slist *list = curl_slist_append(attempt->headers, line);
    if (list)
        attempt->headers = list;
    return list;
}

/* What another origin may see: nothing that could be a secret. */
static bool is_harmless(const char *name)
{
    static const char *const LIST[] = {"accept", "accept-language",
                                       "content-type", "content-language",
                                       "user-agent"};
    for (size_t i = 0; i < sizeof(LIST) / sizeof(*LIST); i++)
        if (!strcasecmp(LIST[i], name))
            return true;
    return false;
}

static bool add_headers(struct lun_fetch_try *attempt)
{
    const struct lun_fetch_request *request = attempt->request;
    bool ok = true;
    for (size_t i = 0; ok && i < request->header_count; i++) {
        const struct lun_fetch_header *header = &request->headers[i];
        if (attempt->elsewhere && !is_harmless(header->name))
            continue;
        if (!attempt->with_body && !strncasecmp(header->name, "content-", 8))
            continue;
        ok = add(attempt, header->name, header->value);
    }
    if (ok && !lun_fetch_request_header(request, "user-agent"))
        ok = add(attempt, "User-Agent", AGENT);
    if (ok && attempt->traceparent[0] &&
        (attempt->elsewhere ||
         !lun_fetch_request_header(request, "traceparent")))
        ok = add(attempt, "traceparent", attempt->traceparent);
    if (ok && !lun_fetch_request_header(request, "content-type"))
        ok = without(attempt, "Content-Type:");
    return ok && without(attempt, "Expect:");
}

/* Method and body ---------------------------------------------------------- */

static void set_method(CURL *easy, const struct lun_fetch_try *attempt)
{
    const struct lun_fetch_request *request = attempt->request;
    bool takes_body = !strcmp(attempt->method, "POST") ||
                      !strcmp(attempt->method, "PUT") ||
                      !strcmp(attempt->method, "PATCH");
    const char *body = attempt->with_body ? request->body : NULL;
    if (body || takes_body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(body ? request->body_len : 0));
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body ? body : "");
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, attempt->method);
    } else if (!strcmp(attempt->method, "HEAD")) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else {
        curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, attempt->method);
    }
}

int lun_fetch_easy_set(CURL *easy, struct lun_fetch_try *attempt)
{
    attempt->text[0] = '\0';
    attempt->refused.code = 0;
    attempt->headers = NULL;
    set_connection(easy, attempt);
    set_method(easy, attempt);
    if (!add_headers(attempt))
        return LUN_EMEMORY;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, attempt->headers);
    curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br");
    curl_easy_setopt(easy, CURLOPT_HTTP_TRANSFER_DECODING, 1L);
    /* HEAD has the length of a body, but not the body. */
    if (strcmp(attempt->method, "HEAD"))
        curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                         (curl_off_t)attempt->grant->max_response);
    return 0;
}

size_t lun_fetch_easy_bytes(const struct lun_fetch_try *attempt)
{
    const struct lun_fetch_request *request = attempt->request;
    size_t bytes = strlen(request->url) + 128; /* what the host adds */
    for (size_t i = 0; i < request->header_count; i++)
        bytes += strlen(request->headers[i].name) +
                 strlen(request->headers[i].value) + 4;
    return bytes + (attempt->with_body ? request->body_len : 0);
}
