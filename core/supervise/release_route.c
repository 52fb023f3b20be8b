/*
 * core/supervise/release_route.c - releases on the ops port.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/release_route.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/config/config.h"
#include "core/serve/params.h"
#include "core/supervise/reload.h"
#include "core/serve/token.h"
#include "core/http/server.h"
#include "core/telemetry/log.h"

#define BODY_MEMORY ((size_t)256 * 1024 * 1024)
#define BODY_NODES 100000
#define APP_MAX 64

static void respond(struct lun_http_request *request, int status,
                    const char *body, size_t len)
{
    const struct lun_http_header headers[] = {
        {"content-type", "application/json; charset=utf-8"},
        {"cache-control", "no-store"},
        {"x-content-type-options", "nosniff"},
        {"www-authenticate", "Bearer"},
    };
    lun_http_respond(request, status, headers, status == 401 ? 4 : 3, body,
                     len);
}

static void refuse(struct lun_http_request *request, int status,
                   const char *message)
{
    struct lun_buf body;
    lun_buf_init(&body);
    lun_buf_push_str(&body, "{\"ok\":false,\"message\":");
    lun_buf_push_json_string(&body, message, strlen(message));
    lun_buf_push_str(&body, ",\"errors\":[{\"message\":");
    lun_buf_push_json_string(&body, message, strlen(message));
    lun_buf_push_str(&body, "}]}");
    respond(request, status, body.data, body.failed ? 0 : body.len);
    lun_buf_release(&body);
}

/* --- who asks ----------------------------------------------------------- */

static bool is_near(const struct lun_http_request *request)
{
    const char *peer = request->peer;
    if (strncmp(peer, "::ffff:", 7) == 0) {
        peer += 7;
    }
    return strncmp(peer, "127.", 4) == 0 || strcmp(peer, "::1") == 0;
}

/* The keys are read each time: they are rotated by a file. */
static int check_token(const struct lun_release_route *route,
                       const struct lun_http_request *request,
                       struct lun_token *token, struct lun_err *err)
{
    char folder[PATH_MAX];
    struct lun_token_keys *keys;
    const char *value = lun_http_header_get(request, "authorization");
    if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0) {
        return lun_error_set(err, LUN_EUNAUTHENTICATED, "a token is needed");
    }
    value += 7 + strspn(value + 7, " ");
    (void)snprintf(folder, sizeof folder, "%s/keys", route->data);
    int code =
        lun_token_keys_open(folder, route->config->token_audience, &keys, err);
    if (code != 0) {
        return code;
    }
    code = lun_token_verify(keys, value, strlen(value), lun_clock_unix_ms(),
                            token, err);
    lun_token_keys_close(keys);
    return code;
}

static bool admit(const struct lun_release_route *route,
                  struct lun_http_request *request, struct lun_token *token)
{
    struct lun_err err;
    if (!is_near(request) && !request->secure) {
        refuse(request, 403,
               "releases are taken from other machines over TLS only "
               "(settings tls_certificate and ops_tls)");
        return false;
    }
    int code = check_token(route, request, token, &err);
    if (code != 0) {
        lun_log_printf(LUN_LOG_INFO, "a token was refused: %s", err.message);
        refuse(request, code == LUN_EUNAUTHENTICATED ? 401 : 503,
               code == LUN_EUNAUTHENTICATED
                   ? "the token is missing, wrong or has expired"
                   : "tokens cannot be checked");
        return false;
    }
    return true;
}

/* --- jobs --------------------------------------------------------------- */

static void push_caller(const struct lun_token *token, struct lun_buf *job)
{
    lun_buf_push_str(job, ",\"login\":");
    lun_buf_push_json_string(job, token->subject, strlen(token->subject));
    lun_buf_push_str(job, ",\"roles\":[");
    for (size_t i = 0; i < token->role_count; i++) {
        lun_buf_push_str(job, i > 0 ? "," : "");
        lun_buf_push_json_string(job, token->roles[i], strlen(token->roles[i]));
    }
    lun_buf_push_byte(job, ']');
}

static bool push_text(const struct lun_json *body, const char *name, size_t max,
                      struct lun_buf *job)
{
    const struct lun_json *node = lun_json_get(body, name);
    if (node == NULL || node->type == LUN_JSON_NULL) {
        return true;
    }
    if (node->type != LUN_JSON_STRING || node->len > max) {
        return false;
    }
    lun_buf_printf(job, ",\"%s\":", name);
    lun_buf_push_json_string(job, node->text, node->len);
    return true;
}

static bool write_job(const struct lun_json *body, const char *what,
                      const struct lun_token *token, struct lun_buf *job)
{
    const struct lun_json *app = lun_json_get(body, "app");
    const struct lun_json *files = lun_json_get(body, "files");
    bool push = strcmp(what, "push") == 0;
    if (app == NULL || app->type != LUN_JSON_STRING || app->len == 0 ||
        (push && (files == NULL || files->type != LUN_JSON_ARRAY))) {
        return false;
    }
    lun_buf_printf(job, "{\"do\":\"%s\"", what);
    if (!push_text(body, "app", APP_MAX, job) ||
        !push_text(body, "to", 200, job) ||
        !push_text(body, "confirm", 200, job) ||
        !push_text(body, "note", 2000, job)) {
        return false;
    }
    if (push) {
        lun_buf_push_str(job, ",\"files\":");
        lun_json_write(files, job);
    }
    push_caller(token, job);
    lun_buf_push_byte(job, '}');
    return true;
}

static void on_answer(void *context, int status, const struct lun_buf *body)
{
    respond(context, status, body->data != NULL ? body->data : "", body->len);
}

static void take_body(struct lun_release_route *route,
                      struct lun_http_request *request, const char *what,
                      const struct lun_token *token)
{
    struct lun_arena arena;
    struct lun_json *body;
    struct lun_buf job;
    struct lun_err err;
    lun_buf_init(&job);
    lun_arena_init(&arena, BODY_MEMORY);
    if (lun_json_parse(&arena, request->body, request->body_len, 8, BODY_NODES,
                       &body, &err) != 0) {
        refuse(request, 400, err.message);
    } else if (body->type != LUN_JSON_OBJECT ||
               !write_job(body, what, token, &job)) {
        refuse(request, 400, "the body is not as docs/releases.md says");
    } else {
        lun_reload_ask(route->reload, &job, on_answer, request);
    }
    lun_arena_release(&arena);
    lun_buf_release(&job);
}

static void take_list(struct lun_release_route *route,
                      struct lun_http_request *request,
                      const struct lun_token *token)
{
    struct lun_buf job;
    const char *app =
        strncmp(request->query, "app=", 4) == 0 ? request->query + 4 : "";
    lun_buf_init(&job);
    lun_buf_push_str(&job, "{\"do\":\"list\",\"app\":");
    lun_buf_push_json_string(&job, app, strcspn(app, "&"));
    push_caller(token, &job);
    lun_buf_push_byte(&job, '}');
    lun_reload_ask(route->reload, &job, on_answer, request);
    lun_buf_release(&job);
}

bool lun_release_route(struct lun_release_route *route,
                       struct lun_http_request *request)
{
    struct lun_token token;
    bool list = strcmp(request->path, "/releases") == 0;
    if (!list && strcmp(request->path, "/push") != 0 &&
        strcmp(request->path, "/rollback") != 0) {
        return false;
    }
    if (request->method != (list ? LUN_HTTP_GET : LUN_HTTP_POST)) {
        refuse(request, 405, list ? "GET is needed" : "POST is needed");
    } else if (route->reload == NULL) {
        refuse(request, 503, "the server stops");
    } else if (admit(route, request, &token)) {
        if (list) {
            take_list(route, request, &token);
        } else {
            take_body(route, request, request->path + 1, &token);
        }
    }
    return true;
}
