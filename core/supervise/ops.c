/*
 * core/supervise/ops.c - /metrics, /livez, /readyz and releases on the ops
 * port. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/ops.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/http/server.h"

#define GRACE_MS 200
#define CONNECTIONS 64

struct lun_ops {
    struct lun_http_server *server;
    struct lun_ops_hooks hooks;
    void (*closed)(void *context);
    void *context;
};

static void respond(struct lun_http_request *request, int status,
                    const char *type, const char *body, size_t len)
{
    const struct lun_http_header headers[] = {{"content-type", type},
                                              {"cache-control", "no-store"}};
    lun_http_respond(request, status, headers, 2, body, len);
}

static void respond_text(struct lun_http_request *request, int status,
                         const char *text)
{
    respond(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void answer_metrics(struct lun_ops *ops,
                           struct lun_http_request *request)
{
    struct lun_buf text;
    lun_buf_init(&text);
    ops->hooks.metrics(ops->hooks.context, &text);
    if (text.failed) {
        respond_text(request, 503, "out of memory\n");
    } else {
        respond(request, 200, "text/plain; version=0.0.4; charset=utf-8",
                text.data, text.len);
    }
    lun_buf_release(&text);
}

static void answer_ready(struct lun_ops *ops, struct lun_http_request *request)
{
    struct lun_buf why;
    lun_buf_init(&why);
    if (ops->hooks.is_ready(ops->hooks.context, &why)) {
        respond_text(request, 200, "ready\n");
    } else {
        lun_buf_push_byte(&why, '\n');
        const char *text = lun_buf_str(&why);
        respond_text(request, 503, text != NULL ? text : "not ready\n");
    }
    lun_buf_release(&why);
}

static void handle(struct lun_http_request *request, void *context)
{
    struct lun_ops *ops = context;
    if (ops->hooks.route(ops->hooks.context, request)) {
        return;
    }
    if (request->method != LUN_HTTP_GET && request->method != LUN_HTTP_HEAD) {
        const struct lun_http_header headers[] = {{"allow", "GET, HEAD"}};
        lun_http_respond(request, 405, headers, 1, "", 0);
    } else if (strcmp(request->path, "/livez") == 0) {
        respond_text(request, 200, "alive\n");
    } else if (strcmp(request->path, "/readyz") == 0) {
        answer_ready(ops, request);
    } else if (strcmp(request->path, "/metrics") == 0) {
        answer_metrics(ops, request);
    } else {
        respond_text(request, 404, "not found\n");
    }
}

int lun_ops_open(uv_loop_t *loop, const struct lun_ops_options *options,
                 struct lun_ops **out, struct lun_err *err)
{
    struct lun_ops *ops = calloc(1, sizeof *ops);
    if (ops == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    ops->hooks = options->hooks;
    struct lun_http_config config = {
        .fd = options->fd,
        .tls = options->tls,
        .limits = {.connections = CONNECTIONS,
                   .body_bytes = options->body_bytes},
        .handler = handle,
        .context = ops,
    };
    int code = lun_http_server_open(loop, &config, &ops->server, err);
    if (code != 0) {
        free(ops);
        return code;
    }
    *out = ops;
    return 0;
}

static void on_drained(void *context)
{
    struct lun_ops *ops = context;
    void (*closed)(void *context) = ops->closed;
    void *closed_context = ops->context;
    free(ops);
    closed(closed_context);
}

void lun_ops_close(struct lun_ops *ops, void (*closed)(void *context),
                   void *context)
{
    ops->closed = closed;
    ops->context = context;
    lun_http_server_drain(ops->server, GRACE_MS, on_drained, ops);
}
