/*
 * spec/fuzz/http_http2_fuzz.c - any frames, cut anywhere, leave a server whole.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says in pieces of which size the rest, frames behind a
 * preface, is read, and what the handler does: answer at once, later or never.
 * No socket is used: what the session wants to send is checked to be whole
 * frames, and dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/http/conn.h"
#include "core/http/service.h"
#include "core/http/session.h"
#include "core/net/listener.h"

#define LATER_MAX 64

static uv_loop_t loop;
static struct lun_http_server *server;
static struct lun_http_request *later[LATER_MAX];
static unsigned later_count;
static unsigned mode;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

/* What no accepted request may have. */
static void require_sane(const struct lun_http_request *request)
{
    const struct lun_http_limits *limits = &server->config.limits;
    const char *host = lun_http_header_get(request, "host");
    require(request->path[0] == '/' || strcmp(request->path, "*") == 0);
    require(host && *host);
    require(request->body[request->body_len] == '\0');
    require(request->body_len <= limits->body_bytes);
    require(request->header_count <= limits->header_count + 1);
    require(strlen(request->path) <= limits->request_line);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct lun_http_header *header = &request->headers[i];
        require(!strpbrk(header->value, "\r\n"));
        require(strcmp(header->name, "connection") != 0);
        require(strcmp(header->name, "transfer-encoding") != 0);
        require(header->name[0] && header->name[0] != ':');
        for (const char *at = header->name; *at; at++)
            require(*at < 'A' || *at > 'Z');
    }
}

static void answer(struct lun_http_request *request)
{
    static char text[70000];
    struct lun_http_header type = {"content-type", "text/plain"};
    size_t len = request->body_len * 100;
    lun_http_respond(request, 200, &type, 1, text,
                     len < sizeof(text) ? len : sizeof(text));
}

static void on_request(struct lun_http_request *request, void *context)
{
    (void)context;
    require_sane(request);
    if (mode == 0 || later_count == LATER_MAX)
        answer(request);
    else
        later[later_count++] = request;
}

static void open_server(void)
{
    struct lun_http_config config = {.handler = on_request,
                                     .limits = {.request_line = 256,
                                                .header_bytes = 1024,
                                                .header_count = 16,
                                                .body_bytes = 2000,
                                                .streams = 8,
                                                .write_backlog = 100000}};
    struct lun_err err;
    require(uv_loop_init(&loop) == 0);
    require(lun_net_listener_bind("127.0.0.1", 0, &config.fd, NULL, &err) == 0);
    require(lun_http_server_open(&loop, &config, &server, &err) == 0);
}

/* Whole frames with sane heads only. */
static void drain(struct lun_http_session *session)
{
    if (!lun_http_session_fill(session))
        return;
    const unsigned char *at = (const unsigned char *)session->out.data;
    size_t left = session->out.len;
    while (left) {
        require(left >= 9);
        size_t len = (size_t)at[0] << 16 | (size_t)at[1] << 8 | at[2];
        require(len <= 16384 && left >= 9 + len);
        at += 9 + len;
        left -= 9 + len;
    }
    (void)lun_http_session_sent(session);
}

static void answer_later(void)
{
    for (unsigned i = 0; i < later_count; i++)
        answer(later[i]);
    later_count = 0;
}

static void feed(struct lun_http_session *session, const char *text, size_t len,
                 size_t step)
{
    lun_http_session_feed(session, LUN_HTTP_SESSION_PREFACE,
                          sizeof(LUN_HTTP_SESSION_PREFACE) - 1);
    for (size_t at = 0; at < len; at += step) {
        lun_http_session_feed(session, text + at,
                              len - at < step ? len - at : step);
        drain(session);
        if (mode == 1)
            answer_later();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (!server)
        open_server();
    struct lun_http_conn conn = {.server = server, .peer = "127.0.0.1"};
    mode = data[0] % 3;
    struct lun_http_session *session = lun_http_session_open(&conn);
    require(session != NULL);
    conn.session = session;
    feed(session, (const char *)data + 1, size - 1, (size_t)data[0] / 3 + 1);
    if (data[0] & 64)
        lun_http_session_feed_end(session);
    if (data[0] & 32)
        answer_later();
    (void)lun_http_session_sweep(session, uv_now(&loop) + 100000);
    drain(session);
    lun_http_session_close(session);
    answer_later();
    server->dirty = NULL;
    require(server->request_count == 0);
    require(server->pool.orphans == NULL);
    require(server->pool.held == 0);
    return 0;
}
