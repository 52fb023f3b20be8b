/*
 * core/cli/client.c - the ops port of a server, asked from the command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/cli/client.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/config/config.h"
#include "core/config/datadir.h"
#include "core/serve/token.h"
#include "core/os/file.h"

#define STATUS_BYTES ((size_t)16 * 1024 * 1024)
#define ANSWER_BYTES ((size_t)64 * 1024 * 1024)
#define TOKEN_MS 300000
#define CONNECT_S 10L

/* Where a request goes. */
struct target {
    char url[PATH_MAX];
    struct lun_buf token;
    char ca[PATH_MAX];
    bool own; /* the server on the data folder, on this machine */
};

static int read_token(const char *path, struct lun_buf *out,
                      struct lun_err *err)
{
    int code = lun_file_read(path, LUN_TOKEN_BYTES, out, err);
    while (code == 0 && out->len > 0 &&
           (unsigned char)out->data[out->len - 1] <= ' ') {
        out->len--;
    }
    return code;
}

/* Whoever may read the keys may do everything anyhow. */
static int sign_token(const struct lun_config *config,
                      const struct lun_datadir *dir, struct lun_buf *out,
                      struct lun_err *err)
{
    struct lun_token token = {.subject = "admin"};
    struct lun_token_keys *keys;
    char folder[PATH_MAX];
    int code = lun_datadir_join(dir, "keys", folder, err);
    if (code == 0) {
        code = lun_token_keys_open(folder, config->token_audience, &keys, err);
    }
    if (code != 0) {
        return code;
    }
    code =
        lun_token_sign(keys, &token, lun_clock_unix_ms(), TOKEN_MS, out, err);
    lun_token_keys_close(keys);
    return code;
}

static int find_own(const struct lun_datadir *dir, struct target *target,
                    struct lun_config *running, struct lun_err *err)
{
    char path[PATH_MAX];
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *status;
    lun_buf_init(&text);
    lun_arena_init(&arena, STATUS_BYTES * 4);
    int code = lun_datadir_join(dir, "status.json", path, err);
    if (code == 0) {
        code = lun_file_read(path, STATUS_BYTES, &text, err);
    }
    if (code == 0) {
        code = lun_json_parse(&arena, text.data, text.len, 32, 1000000, &status,
                              err);
    }
    const struct lun_json *url =
        code == 0 ? lun_json_get(status, "ops_url") : NULL;
    if (url != NULL && url->text != NULL) {
        (void)snprintf(target->url, sizeof target->url, "%s", url->text);
    }
    if (code == 0) {
        code = lun_datadir_join(dir, "worker.conf", path, err);
    }
    if (code == 0) {
        code = lun_config_read_file(running, path, err);
    }
    lun_arena_release(&arena);
    lun_buf_release(&text);
    return code;
}

static int take_own(const struct lun_client *client, struct target *target,
                    struct lun_err *err)
{
    struct lun_datadir dir;
    struct lun_config running;
    const char *data = client->config->data;
    if (lun_datadir_open(data, false, &dir, err) != 0 ||
        lun_datadir_owner(&dir) == 0) {
        return lun_error_set(err, LUN_ENOT_FOUND,
                             "no server runs on the data folder '%s'; give "
                             "--data DIR or --%s URL",
                             data, "to");
    }
    int code = lun_config_init(&running, err);
    if (code == 0) {
        code = find_own(&dir, target, &running, err);
    }
    if (code == 0 && target->token.len == 0) {
        code = sign_token(&running, &dir, &target->token, err);
    }
    if (code == 0) {
        (void)snprintf(target->ca, sizeof target->ca, "%s",
                       running.tls_certificate);
    }
    target->own = true;
    lun_config_release(&running);
    return code;
}

static int find_target(const struct lun_client *client, struct target *target,
                       struct lun_err *err)
{
    const char *variable = getenv("LUNETTE_TOKEN");
    int code = 0;
    if (client->token_file != NULL) {
        code = read_token(client->token_file, &target->token, err);
    } else if (variable != NULL) {
        lun_buf_push_str(&target->token, variable);
    }
    if (code != 0) {
        return code;
    }
    if (client->server == NULL) {
        return take_own(client, target, err);
    }
    if (target->token.len == 0) {
        return lun_error_set(err, LUN_EUNAUTHENTICATED,
                             "another server needs a token: give --token FILE "
                             "or set LUNETTE_TOKEN");
    }
    (void)snprintf(target->url, sizeof target->url, "%s", client->server);
    size_t len = strlen(target->url);
    while (len > 0 && target->url[len - 1] == '/') {
        target->url[--len] = '\0';
    }
    return 0;
}

/* --- the request -------------------------------------------------------- */

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct lun_buf *answer = context;
    if (answer->len + size * count > ANSWER_BYTES) {
        return 0;
    }
    lun_buf_push(answer, bytes, size * count);
    return answer->failed ? 0 : size * count;
}

/* The certificate of the server on the data folder is known by its file; it
 * need not name the loopback address. */
static void set_trust(CURL *curl, const struct lun_client *client,
                      const struct target *target)
{
    if (client->ca_file != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
    } else if (target->own && target->ca[0] != '\0') {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, target->ca);
        (void)curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

static int perform(CURL *curl, const char *url, long *status,
                   struct lun_err *err)
{
    char reason[CURL_ERROR_SIZE] = "";
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        return lun_error_set(err, LUN_EUNAVAILABLE, "cannot ask %s: %s", url,
                             reason[0] != '\0' ? reason
                                               : curl_easy_strerror(code));
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
    return 0;
}

static int post(const struct lun_client *client, const struct target *target,
                const char *path, const struct lun_buf *body, long *status,
                struct lun_buf *answer, struct lun_err *err)
{
    struct lun_buf text;
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    lun_buf_init(&text);
    lun_buf_printf(&text, "Authorization: Bearer %.*s", (int)target->token.len,
                   target->token.data);
    headers = curl_slist_append(headers, lun_buf_str(&text));
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    lun_buf_clear(&text);
    lun_buf_printf(&text, "%s%s", target->url, path);
    const char *url = lun_buf_str(&text);
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, target->own ? "*" : NULL);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    set_trust(curl, client, target);
    if (body != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t)body->len);
    }
    int code = perform(curl, target->url, status, err);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    lun_buf_release(&text);
    return code;
}

int lun_client_ask(const struct lun_client *client, const char *path,
                   const struct lun_buf *body, long *status,
                   struct lun_buf *answer, struct lun_err *err)
{
    struct target target;
    memset(&target, 0, sizeof target);
    int code = find_target(client, &target, err);
    if (code == 0) {
        code = post(client, &target, path, body, status, answer, err);
    }
    lun_buf_release(&target.token);
    return code;
}
