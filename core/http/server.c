/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/http/conn.h"
#include "core/http/service.h"

#define BACKLOG 1024
#define QUIET_MS 500

static const struct lun_http_limits defaults = {
    .request_line = 8 << 10,
    .header_bytes = 16 << 10,
    .header_count = 100,
    .body_bytes = 1 << 20,
    .connections = 10000,
    .pipelined = 64,
    .streams = 128,
    .write_backlog = 4 << 20,
    .header_ms = 10000,
    .body_ms = 30000,
    .idle_ms = 75000,
    .write_ms = 30000,
    .held_bytes = (size_t)128 << 20,
};

static void fill_limits(struct lun_http_limits *limits)
{
#define FILL(name) limits->name = limits->name ? limits->name : defaults.name
    FILL(request_line);
    FILL(header_bytes);
    FILL(header_count);
    FILL(body_bytes);
    FILL(connections);
    FILL(pipelined);
    FILL(streams);
    FILL(write_backlog);
    FILL(header_ms);
    FILL(body_ms);
    FILL(idle_ms);
    FILL(write_ms);
    FILL(held_bytes);
#undef FILL
}

/* Often enough that no deadline is late by more than a quarter of itself. */
static uint64_t sweep_interval(const struct lun_http_server *server)
{
    const struct lun_http_limits *limits = &server->config.limits;
    unsigned least = limits->header_ms;
    if (limits->body_ms < least)
        least = limits->body_ms;
    if (limits->idle_ms < least)
        least = limits->idle_ms;
    if (limits->write_ms < least)
        least = limits->write_ms;
    if (server->draining || least < 40)
        return 10;
    return least > 2000 ? 500 : least / 4;
}

const struct lun_http_date *
lun_http_service_date(struct lun_http_server *server)
{
    lun_http_response_date(&server->date, lun_clock_unix_ms());
    return &server->date;
}

/* Ending */

static void on_handle_closed(uv_handle_t *handle)
{
    struct lun_http_server *server = handle->data;
    if (--server->open_handles)
        return;
    void (*closed)(void *context) = server->closed;
    void *context = server->closed_context;
    lun_http_pool_release(&server->pool);
    free(server);
    if (closed)
        closed(context);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void end_when_empty(struct lun_http_server *server)
{
    if (!server->draining || server->conn_count)
        return;
    close_handle((uv_handle_t *)&server->listener);
    close_handle((uv_handle_t *)&server->check);
    close_handle((uv_handle_t *)&server->idle);
    close_handle((uv_handle_t *)&server->sweep);
}

void lun_http_service_forget(struct lun_http_server *server)
{
    server->conn_count--;
    if (!server->conn_count && !server->starved)
        (void)uv_timer_stop(&server->sweep);
    end_when_empty(server);
}

/* Running */

static void accept_one(struct lun_http_server *server);

static void on_sweep(uv_timer_t *timer)
{
    struct lun_http_server *server = timer->data;
    uint64_t now = uv_now(server->loop);
    struct lun_http_conn *conn = server->conns;
    while (conn) {
        struct lun_http_conn *next = conn->next;
        lun_http_conn_sweep(conn, now);
        conn = next;
    }
    if (server->starved && !server->draining)
        accept_one(server);
}

static void start_sweep(struct lun_http_server *server)
{
    uint64_t interval = sweep_interval(server);
    (void)uv_timer_start(&server->sweep, on_sweep, interval, interval);
}

static void accept_one(struct lun_http_server *server)
{
    server->starved = lun_http_conn_open(server) != 0;
    if (!uv_is_active((uv_handle_t *)&server->sweep))
        start_sweep(server);
}

/* Errors need no answer: when descriptors run out (EMFILE), libuv closes what
 * it cannot accept with a spare one of its own and asks again. */
static void on_connection(uv_stream_t *stream, int status)
{
    if (status == 0)
        accept_one(stream->data);
}

static void on_check(uv_check_t *check)
{
    struct lun_http_server *server = check->data;
    struct lun_http_conn *conn = server->dirty;
    if (!conn)
        return;
    server->dirty = NULL;
    (void)uv_idle_stop(&server->idle);
    while (conn) {
        struct lun_http_conn *next = conn->next_dirty;
        lun_http_conn_flush(conn);
        conn = next;
    }
}

/* Opening */

static void init_handles(struct lun_http_server *server)
{
    (void)uv_tcp_init(server->loop, &server->listener);
    (void)uv_check_init(server->loop, &server->check);
    (void)uv_idle_init(server->loop, &server->idle);
    (void)uv_timer_init(server->loop, &server->sweep);
    server->listener.data = server;
    server->check.data = server;
    server->idle.data = server;
    server->sweep.data = server;
    server->open_handles = 4;
    uv_unref((uv_handle_t *)&server->check);
    (void)uv_check_start(&server->check, on_check);
}

static void ignore_sigpipe(void)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) != 0 || action.sa_handler != SIG_DFL)
        return;
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

static int listen_on(struct lun_http_server *server)
{
    int code = uv_tcp_open(&server->listener, server->config.fd);
    if (code) {
        (void)close(server->config.fd);
        return code;
    }
    return uv_listen((uv_stream_t *)&server->listener, BACKLOG, on_connection);
}

int lun_http_server_open(uv_loop_t *loop, const struct lun_http_config *config,
                         struct lun_http_server **out, struct lun_err *err)
{
    struct lun_http_server *server = calloc(1, sizeof(*server));
    if (!server) {
        (void)close(config->fd);
        return lun_error_set(err, LUN_EMEMORY, "no memory for a server");
    }
    server->config = *config;
    server->loop = loop;
    fill_limits(&server->config.limits);
    lun_http_pool_init(&server->pool, &server->config.limits);
    ignore_sigpipe();
    init_handles(server);
    int code = listen_on(server);
    if (code) {
        server->draining = true;
        end_when_empty(server);
        return lun_error_set(err, LUN_EIO, "cannot serve on socket %d: %s",
                             config->fd, uv_strerror(code));
    }
    *out = server;
    return 0;
}

static void drain(struct lun_http_server *server, unsigned grace_ms,
                  unsigned quiet, void (*closed)(void *context), void *context)
{
    uint64_t now = uv_now(server->loop);
    server->draining = true;
    server->closed = closed;
    server->closed_context = context;
    server->notice_at = now + quiet / 2;
    server->quiet_at = now + quiet;
    server->abort_at = now + grace_ms;
    close_handle((uv_handle_t *)&server->listener);
    if (server->conn_count)
        start_sweep(server);
    end_when_empty(server);
}

void lun_http_server_drain(struct lun_http_server *server, unsigned grace_ms,
                           void (*closed)(void *context), void *context)
{
    unsigned quiet = grace_ms / 4 < QUIET_MS ? grace_ms / 4 : QUIET_MS;
    drain(server, grace_ms, quiet, closed, context);
}

void lun_http_server_retire(struct lun_http_server *server, unsigned grace_ms,
                            void (*closed)(void *context), void *context)
{
    drain(server, grace_ms, grace_ms / 2, closed, context);
}

void lun_http_server_stats(const struct lun_http_server *server,
                           unsigned *connections, unsigned *requests)
{
    *connections = server->conn_count;
    *requests = server->request_count;
}

const char *lun_http_header_get(const struct lun_http_request *request,
                                const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}
