/*
 * spec/unit/http/support/wire.h - a server and its clients on one thread.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Clients are plain sockets; each wait for them turns the server's loop.
 */
#pragma once

#include "spec/unit/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/http/server.h"
#include "core/net/listener.h"

#define WAITING_MAX 16

struct fixture {
    uv_loop_t loop;
    struct lun_http_server *server;
    int port;
    unsigned handled;
    unsigned aborted;
    bool drained;
    bool watch_aborts;
    /* Requests to /wait, for the test to answer. */
    struct lun_http_request *waiting[WAITING_MAX];
    unsigned waiting_count;
};

static struct fixture *now; /* the test's */

/* The server's side */

static inline void on_abort(struct lun_http_request *request)
{
    assert_ptr_equal(request->user, now);
    now->aborted++;
}

/* Answers "<method> <path> <body>"; big answers for /big?<bytes>. */
static inline void on_request(struct lun_http_request *request, void *context)
{
    struct fixture *f = context;
    struct lun_http_header type = {"content-type", "text/plain"};
    f->handled++;
    assert_string_equal(request->peer, "127.0.0.1");
    assert_true(request->started_ns > 0);
    if (strcmp(request->path, "/wait") == 0) {
        assert_true(f->waiting_count < WAITING_MAX);
        if (f->watch_aborts)
            request->on_abort = on_abort;
        request->user = f;
        f->waiting[f->waiting_count++] = request;
        return;
    }
    struct lun_buf body;
    lun_buf_init(&body);
    if (strcmp(request->path, "/big") == 0) {
        size_t size = (size_t)atol(request->query);
        if (lun_buf_reserve(&body, size)) {
            memset(body.data, 'x', size);
            body.len = size;
        }
    } else {
        lun_buf_printf(&body, "%s %s %s", request->method_text, request->path,
                       request->body);
    }
    lun_http_respond(request, body.failed ? 503 : 200, &type, 1, body.data,
                     body.len);
    lun_buf_release(&body);
}

static inline void error_body(void *context, int status, const char *reason,
                              struct lun_buf *out)
{
    assert_ptr_equal(context, now);
    lun_buf_printf(out, "{\"s\":%d,\"r\":\"%s\"}", status, reason);
}

static inline size_t error_headers(void *context,
                                   const struct lun_http_header **out)
{
    static const struct lun_http_header release = {"lunette-release", "a@1"};
    assert_ptr_equal(context, now);
    *out = &release;
    return 1;
}

static inline void on_drained(void *context)
{
    ((struct fixture *)context)->drained = true;
}

static inline struct fixture *start_with(const struct lun_http_limits *limits,
                                         struct lun_net_tls *tls)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct lun_http_config config = {.handler = on_request,
                                     .context = f,
                                     .tls = tls,
                                     .error_body = error_body,
                                     .error_headers = error_headers};
    struct lun_err err;
    assert_non_null(f);
    now = f;
    if (limits)
        config.limits = *limits;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(
        lun_net_listener_bind("127.0.0.1", 0, &config.fd, &f->port, &err), 0);
    assert_int_equal(lun_http_server_open(&f->loop, &config, &f->server, &err),
                     0);
    return f;
}

static inline struct fixture *start(const struct lun_http_limits *limits)
{
    return start_with(limits, NULL);
}

static inline void stop(struct fixture *f)
{
    if (!f->drained)
        lun_http_server_drain(f->server, 0, on_drained, f);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->drained);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
}

/* The client's side */

static inline int dial(struct fixture *f)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)f->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

static inline void turn(struct fixture *f)
{
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    usleep(200);
}

static inline void turns(struct fixture *f, int count)
{
    while (count--)
        turn(f);
}

static inline void turn_for(struct fixture *f, uint64_t ms)
{
    uint64_t end = lun_clock_monotonic_ns() + ms * 1000000;
    while (lun_clock_monotonic_ns() < end)
        turn(f);
}

static inline void say(struct fixture *f, int fd, const char *text)
{
    size_t len = strlen(text);
    while (len) {
        ssize_t done = send(fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done < 0) {
            assert_int_equal(errno, EAGAIN);
            turn(f);
            continue;
        }
        text += done;
        len -= (size_t)done;
    }
}

static char heard[1 << 16];

/* Reads into `heard` until it holds `until`, the end (until NULL), or two
 * seconds are over. True when what was awaited came. */
static inline bool hear(struct fixture *f, int fd, const char *until)
{
    size_t len = 0;
    uint64_t end = lun_clock_monotonic_ns() + 2000000000;
    heard[0] = '\0';
    while (lun_clock_monotonic_ns() < end) {
        turn(f);
        ssize_t got =
            recv(fd, heard + len, sizeof(heard) - 1 - len, MSG_DONTWAIT);
        if (got < 0) {
            if (errno != EAGAIN)
                return false;
            continue;
        }
        if (got == 0)
            return !until;
        len += (size_t)got;
        heard[len] = '\0';
        if (until && strstr(heard, until))
            return true;
    }
    return false;
}

static inline unsigned count_of(const char *word)
{
    unsigned count = 0;
    for (const char *at = heard; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

static inline bool starts(const char *text)
{
    return strncmp(heard, text, strlen(text)) == 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(fields, body) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n" body
