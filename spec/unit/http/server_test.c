/*
 * spec/unit/http/server_test.c - a server and its clients on one thread.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Clients are plain sockets; each wait for them turns the server's loop.
 */
#include "spec/unit/support.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/http/server.h"
#include "core/net/listener.h"
#include "spec/unit/http/support/malloc.h"

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

static void on_abort(struct lun_http_request *request)
{
    assert_ptr_equal(request->user, now);
    now->aborted++;
}

/* Answers "<method> <path> <body>"; big answers for /big?<bytes>. */
static void on_request(struct lun_http_request *request, void *context)
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

static void error_body(int status, const char *reason, struct lun_buf *out)
{
    lun_buf_printf(out, "{\"s\":%d,\"r\":\"%s\"}", status, reason);
}

static size_t error_headers(void *context, const struct lun_http_header **out)
{
    static const struct lun_http_header release = {"lunette-release", "a@1"};
    assert_ptr_equal(context, now);
    *out = &release;
    return 1;
}

static void on_drained(void *context)
{
    ((struct fixture *)context)->drained = true;
}

static struct fixture *start(const struct lun_http_limits *limits)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct lun_http_config config = {.handler = on_request,
                                     .context = f,
                                     .error_body = error_body,
                                     .error_headers = error_headers};
    struct lun_err err;
    assert_non_null(f);
    now = f;
    if (limits)
        config.limits = *limits;
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(lun_net_listener_bind("127.0.0.1", 0, &config.fd,
                                           &f->port, &err),
                     0);
    assert_int_equal(
        lun_http_server_open(&f->loop, &config, &f->server, &err), 0);
    return f;
}

static void stop(struct fixture *f)
{
    if (!f->drained)
        lun_http_server_drain(f->server, 0, on_drained, f);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->drained);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
}

/* The client's side */

static int dial(struct fixture *f)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)f->port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    return fd;
}

static void turn(struct fixture *f)
{
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    usleep(200);
}

static void turns(struct fixture *f, int count)
{
    while (count--)
        turn(f);
}

static void say(struct fixture *f, int fd, const char *text)
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
static bool hear(struct fixture *f, int fd, const char *until)
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

static unsigned count_of(const char *word)
{
    unsigned count = 0;
    for (const char *at = heard; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

static bool starts(const char *text)
{
    return strncmp(heard, text, strlen(text)) == 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(fields, body) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n" body

/* Answers */

static void answers_a_request_and_keeps_the_connection(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    for (int i = 0; i < 3; i++) {
        say(f, fd, POST("Content-Length: 3\r\n", "abc"));
        assert_true(hear(f, fd, "POST / abc"));
        assert_true(starts("HTTP/1.1 200 OK\r\ndate: "));
        assert_non_null(strstr(heard, "\r\ncontent-length: 10\r\n"));
        assert_null(strstr(heard, "connection:"));
    }
    close(fd);
    stop(f);
}

static void answers_wherever_the_request_is_cut(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static const char raw[] = POST("Transfer-Encoding: chunked\r\n",
                                   "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n");
    int fd = dial(f);
    for (size_t cut = 1; cut < sizeof(raw) - 1; cut++) {
        char front[sizeof(raw)];
        memcpy(front, raw, cut);
        front[cut] = '\0';
        say(f, fd, front);
        turns(f, 2);
        say(f, fd, raw + cut);
        assert_true(hear(f, fd, "POST / abc"));
        assert_int_equal(count_of("HTTP/1.1 200"), 1);
    }
    close(fd);
    stop(f);
}

static void answers_pipelined_requests_in_order(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, GET("/wait") GET("/2") GET("/wait") GET("/4"));
    turns(f, 5);
    assert_int_equal(f->handled, 4);
    assert_int_equal(f->waiting_count, 2);
    lun_http_respond(f->waiting[1], 200, NULL, 0, "three", 5);
    turns(f, 5);
    assert_int_equal(recv(fd, heard, 1, MSG_DONTWAIT), -1);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "one", 3);
    assert_true(hear(f, fd, "GET /4"));
    const char *one = strstr(heard, "one"), *two = strstr(heard, "GET /2");
    const char *three = strstr(heard, "three"), *four = strstr(heard, "GET /4");
    assert_true(one && two && three && four);
    assert_true(one < two && two < three && three < four);
    close(fd);
    stop(f);
}

static void holds_back_what_is_pipelined_beyond_the_limit(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.pipelined = 3};
    struct fixture *f = start(&limits);
    unsigned connections, requests;
    int fd = dial(f);
    for (int i = 0; i < 10; i++)
        say(f, fd, GET("/wait"));
    turns(f, 10);
    assert_int_equal(f->handled, 3);
    lun_http_server_stats(f->server, &connections, &requests);
    assert_int_equal(connections, 1);
    assert_int_equal(requests, 3);
    for (unsigned i = 0; i < 10; i++) {
        assert_true(f->waiting_count > i);
        lun_http_respond(f->waiting[i], 200, NULL, 0, "x", 1);
        turns(f, 3);
    }
    assert_int_equal(f->handled, 10);
    assert_true(hear(f, fd, "x"));
    assert_int_equal(count_of("HTTP/1.1 200"), 10);
    say(f, fd, GET("/after"));
    assert_true(hear(f, fd, "GET /after"));
    close(fd);
    stop(f);
}

static void answers_hundreds_at_once(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.pipelined = 1000};
    struct fixture *f = start(&limits);
    char raw[20000] = "";
    int fd = dial(f);
    for (int i = 0; i < 300; i++)
        strcat(raw, GET("/x"));
    strcat(raw, GET("/last"));
    say(f, fd, raw);
    assert_true(hear(f, fd, "GET /last"));
    assert_int_equal(count_of("HTTP/1.1 200"), 301);
    close(fd);
    stop(f);
}

/* An answer made outside the poll must not wait for the next event, and the
 * loop must sleep again when it is out. */
static void wakes_the_loop_for_an_answer_and_only_then(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, GET("/wait"));
    turns(f, 5);
    assert_int_not_equal(uv_backend_timeout(&f->loop), 0);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "x", 1);
    assert_int_equal(uv_backend_timeout(&f->loop), 0);
    assert_true(hear(f, fd, "x"));
    turns(f, 2);
    assert_int_not_equal(uv_backend_timeout(&f->loop), 0);
    close(fd);
    stop(f);
}

static void sends_no_body_to_head(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, "HEAD /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(hear(f, fd, NULL));
    assert_non_null(strstr(heard, "content-length: 8\r\n"));
    assert_string_equal(strstr(heard, "\r\n\r\n"), "\r\n\r\n");
    close(fd);
    stop(f);
}

static void closes_when_the_request_says_so(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/2"));
    assert_true(hear(f, fd, NULL));
    assert_non_null(strstr(heard, "connection: close\r\n"));
    assert_int_equal(count_of("HTTP/1.1 "), 1);
    close(fd);
    fd = dial(f);
    say(f, fd, "GET /1 HTTP/1.0\r\n\r\n");
    assert_true(hear(f, fd, NULL));
    close(fd);
    fd = dial(f);
    say(f, fd, "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(hear(f, fd, "GET /1"));
    assert_non_null(strstr(heard, "connection: keep-alive\r\n"));
    close(fd);
    stop(f);
}

static void sends_big_answers_to_slow_readers_whole(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    size_t total = 0;
    say(f, fd,
        "GET /big?20000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (;;) {
        (void)uv_run(&f->loop, UV_RUN_NOWAIT);
        ssize_t got = recv(fd, heard, sizeof(heard), MSG_DONTWAIT);
        if (got == 0)
            break;
        if (got > 0)
            total += (size_t)got;
        else
            assert_int_equal(errno, EAGAIN);
    }
    assert_in_range(total, 20000000, 20000400);
    close(fd);
    stop(f);
}

static void answers_a_client_that_stopped_sending(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, GET("/wait"));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turns(f, 5);
    assert_int_equal(f->waiting_count, 1);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "late", 4);
    assert_true(hear(f, fd, NULL));
    assert_non_null(strstr(heard, "late"));
    assert_non_null(strstr(heard, "connection: close"));
    close(fd);
    stop(f);
}

/* 100 Continue */

#define EXPECT POST("Expect: 100-continue\r\nContent-Length: 3\r\n", "")

static void asks_for_the_body_that_is_held_back(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, EXPECT);
    assert_true(hear(f, fd, "HTTP/1.1 100 Continue\r\n\r\n"));
    say(f, fd, "abc");
    assert_true(hear(f, fd, "POST / abc"));
    assert_int_equal(count_of("100 Continue"), 0);
    say(f, fd, EXPECT "abc");
    assert_true(hear(f, fd, "POST / abc"));
    assert_int_equal(count_of("100 Continue"), 0);
    say(f, fd, EXPECT "a");
    turns(f, 10);
    say(f, fd, "bc");
    assert_true(hear(f, fd, "POST / abc"));
    assert_int_equal(count_of("100 Continue"), 0);
    close(fd);
    stop(f);
}

static void asks_for_a_body_only_when_earlier_answers_are_out(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, GET("/wait") EXPECT);
    turns(f, 10);
    assert_int_equal(recv(fd, heard, 1, MSG_DONTWAIT), -1);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "one", 3);
    assert_true(hear(f, fd, "100 Continue\r\n\r\n"));
    assert_true(strstr(heard, "one") < strstr(heard, "100 Continue"));
    say(f, fd, "abc");
    assert_true(hear(f, fd, "POST / abc"));
    close(fd);
    stop(f);
}

static void refuses_a_body_too_large_before_it_is_sent(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd,
        POST("Expect: 100-continue\r\nContent-Length: 107374182400\r\n", ""));
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 413 "));
    assert_int_equal(count_of("100 Continue"), 0);
    close(fd);
    stop(f);
}

/* Errors */

static void answers_an_error_behind_the_answers_due(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, GET("/wait") "BROKEN\r\n\r\n" GET("/3"));
    turns(f, 5);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "one", 3);
    assert_true(hear(f, fd, NULL));
    assert_int_equal(count_of("HTTP/1.1 "), 2);
    assert_true(strstr(heard, "one") < strstr(heard, "HTTP/1.1 400 "));
    assert_non_null(strstr(heard, "{\"s\":400,\"r\":\"malformed request line\"}"));
    assert_non_null(strstr(heard, "content-type: application/json\r\n"));
    assert_non_null(strstr(heard, "lunette-release: a@1\r\n"));
    assert_int_equal(f->handled, 1);
    close(fd);
    stop(f);
}

static void error_reaches_a_client_that_is_still_sending(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static char flood[65537];
    memset(flood, 'x', sizeof(flood) - 1);
    int fd = dial(f);
    say(f, fd, POST("Content-Length: 9000000\r\n", ""));
    for (int i = 0; i < 100; i++)
        say(f, fd, flood);
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 413 "));
    close(fd);
    stop(f);
}

static void tells_the_methods_with_405(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 405 "));
    assert_non_null(strstr(heard, "allow: GET, HEAD, POST, OPTIONS\r\n"));
    close(fd);
    stop(f);
}

static void bounds_the_bodies_of_all_connections(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.held_bytes = 8192};
    struct fixture *f = start(&limits);
    static char half[3001];
    memset(half, 'x', sizeof(half) - 1);
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = dial(f);
        say(f, fds[i], POST("Content-Length: 6000\r\n", ""));
        say(f, fds[i], half);
        turns(f, 3);
    }
    assert_true(hear(f, fds[3], NULL));
    assert_true(starts("HTTP/1.1 503 "));
    assert_non_null(strstr(heard, "retry-after: 1\r\n"));
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    turns(f, 5);
    int fd = dial(f);
    say(f, fd, GET("/ok"));
    assert_true(hear(f, fd, "GET /ok"));
    close(fd);
    stop(f);
}

/* Times */

static const struct lun_http_limits hasty = {
    .header_ms = 60, .body_ms = 60, .idle_ms = 60, .write_ms = 60};

static void ends_slow_headers_with_408(void **state)
{
    (void)state;
    struct fixture *f = start(&hasty);
    int fd = dial(f);
    uint64_t begin = lun_clock_monotonic_ns();
    say(f, fd, "GET / HTTP/1.1\r\n");
    /* Dripping on does not help. */
    for (int i = 0; i < 30; i++) {
        (void)send(fd, "a", 1, MSG_NOSIGNAL);
        turns(f, 10);
    }
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 408 "));
    assert_true(lun_clock_monotonic_ns() - begin < 2000000000);
    close(fd);
    stop(f);
}

static void ends_slow_bodies_with_408(void **state)
{
    (void)state;
    struct fixture *f = start(&hasty);
    int fd = dial(f);
    say(f, fd, POST("Content-Length: 10000\r\n", "{"));
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 408 "));
    close(fd);
    stop(f);
}

static void closes_idle_connections_without_a_word(void **state)
{
    (void)state;
    struct fixture *f = start(&hasty);
    int silent = dial(f);
    assert_true(hear(f, silent, NULL));
    assert_string_equal(heard, "");
    close(silent);
    int idle = dial(f);
    say(f, idle, GET("/1"));
    assert_true(hear(f, idle, NULL));
    assert_int_equal(count_of("HTTP/1.1 "), 1);
    close(idle);
    stop(f);
}

static void turn_for(struct fixture *f, uint64_t ms)
{
    uint64_t end = lun_clock_monotonic_ns() + ms * 1000000;
    while (lun_clock_monotonic_ns() < end)
        turn(f);
}

static void gives_each_request_its_own_time(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.header_ms = 600};
    struct fixture *f = start(&limits);
    int fd = dial(f);
    say(f, fd, "GET /x HTTP/1.1\r\n");
    turn_for(f, 400);
    say(f, fd, "Host: a\r\n\r\nGET /y HTTP/1.1\r\n");
    turn_for(f, 400);
    say(f, fd, "Host: a\r\n\r\n");
    assert_true(hear(f, fd, "GET /y"));
    close(fd);
    stop(f);
}

static void lets_the_handler_take_its_time(void **state)
{
    (void)state;
    struct fixture *f = start(&hasty);
    int fd = dial(f);
    say(f, fd, GET("/wait"));
    turns(f, 800);
    assert_int_equal(f->waiting_count, 1);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "late", 4);
    assert_true(hear(f, fd, "late"));
    close(fd);
    stop(f);
}

static void drops_clients_that_do_not_read(void **state)
{
    (void)state;
    struct fixture *f = start(&hasty);
    unsigned connections = 1, requests;
    int fd = dial(f);
    say(f, fd, GET("/big?30000000"));
    for (int i = 0; i < 5000 && connections; i++) {
        turn(f);
        if (f->handled)
            lun_http_server_stats(f->server, &connections, &requests);
    }
    assert_int_equal(connections, 0);
    close(fd);
    stop(f);
}

static void cuts_slow_readers_sooner_when_memory_is_held(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.held_bytes = 40000000};
    struct fixture *f = start(&limits);
    unsigned connections = 2, requests;
    uint64_t begin = lun_clock_monotonic_ns();
    int slow = dial(f), idle = dial(f);
    say(f, slow, GET("/big?30000000"));
    while (connections == 2 &&
           lun_clock_monotonic_ns() - begin < 8000000000) {
        turns(f, 10);
        lun_http_server_stats(f->server, &connections, &requests);
        if (!f->handled)
            connections = 2;
    }
    assert_int_equal(connections, 1);
    say(f, idle, GET("/ok"));
    assert_true(hear(f, idle, "GET /ok"));
    close(slow);
    close(idle);
    stop(f);
}

/* Connections that go */

static void survives_answering_a_client_that_closed(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    unsigned connections, requests;
    int fd = dial(f);
    say(f, fd, GET("/wait") GET("/wait") GET("/wait"));
    turns(f, 5);
    close(fd);
    for (unsigned i = 0; i < 3; i++) {
        turns(f, 5);
        lun_http_respond(f->waiting[i], 200, NULL, 0, "x", 1);
    }
    turns(f, 5);
    lun_http_server_stats(f->server, &connections, &requests);
    assert_int_equal(connections, 0);
    stop(f);
}

static void tells_the_handler_when_the_client_has_gone(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    unsigned connections, requests;
    f->watch_aborts = true;
    int fd = dial(f);
    say(f, fd, GET("/wait") GET("/wait"));
    turns(f, 5);
    assert_int_equal(f->waiting_count, 2);
    assert_int_equal(
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(fd);
    turns(f, 5);
    assert_int_equal(f->aborted, 2);
    lun_http_server_stats(f->server, &connections, &requests);
    assert_int_equal(connections, 0);
    assert_int_equal(requests, 0);
    stop(f);
}

static void takes_answers_nobody_waits_for(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int fd = dial(f);
    say(f, fd, GET("/wait") GET("/wait") GET("/wait"));
    turns(f, 5);
    assert_int_equal(
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
    close(fd);
    turns(f, 5);
    /* Still a request, as long as it is not answered. */
    assert_string_equal(f->waiting[1]->peer, "");
    assert_string_equal(f->waiting[1]->path, "/wait");
    lun_http_respond(f->waiting[1], 200, NULL, 0, "x", 1);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "x", 1);
    struct lun_http_request *last = f->waiting[2];
    stop(f);
    lun_http_respond(last, 200, NULL, 0, "x", 1);
}

static void refuses_connections_above_the_limit(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.connections = 2};
    struct fixture *f = start(&limits);
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = dial(f);
        turns(f, 3);
    }
    say(f, fds[2], GET("/3"));
    assert_true(hear(f, fds[2], NULL));
    assert_true(starts("HTTP/1.1 503 "));
    close(fds[2]);
    say(f, fds[0], GET("/1"));
    assert_true(hear(f, fds[0], "GET /1"));
    close(fds[0]);
    turns(f, 5);
    fds[0] = dial(f);
    say(f, fds[0], GET("/4"));
    assert_true(hear(f, fds[0], "GET /4"));
    close(fds[0]);
    close(fds[1]);
    stop(f);
}

static void survives_running_out_of_descriptors(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct rlimit old, tight;
    int served = dial(f);
    say(f, served, GET("/1"));
    assert_true(hear(f, served, "GET /1"));
    int client = dial(f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    tight = old;
    tight.rlim_cur = (rlim_t)client + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    turns(f, 20);
    say(f, served, GET("/2"));
    bool heard_it = hear(f, served, "GET /2");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_true(heard_it);
    int fresh = dial(f);
    say(f, fresh, GET("/3"));
    assert_true(hear(f, fresh, "GET /3"));
    close(fresh);
    close(client);
    close(served);
    stop(f);
}

/* Draining */

static void drains_what_has_begun(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int busy = dial(f), idle = dial(f), half = dial(f);
    say(f, busy, GET("/wait"));
    say(f, idle, GET("/1"));
    assert_true(hear(f, idle, "GET /1"));
    say(f, half, "GET /half HTTP/1.1\r\nHost: a\r\n");
    turns(f, 5);
    lun_http_server_drain(f->server, 4000, on_drained, f);
    assert_false(f->drained);
    turns(f, 5);
    /* A request that was under way to an idle connection is served. */
    say(f, idle, GET("/2"));
    assert_true(hear(f, idle, NULL));
    assert_non_null(strstr(heard, "GET /2"));
    assert_non_null(strstr(heard, "connection: close"));
    close(idle);
    say(f, half, "\r\n");
    assert_true(hear(f, half, NULL));
    assert_non_null(strstr(heard, "GET /half"));
    close(half);
    assert_false(f->drained);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "late", 4);
    assert_true(hear(f, busy, NULL));
    assert_non_null(strstr(heard, "late"));
    assert_non_null(strstr(heard, "connection: close"));
    close(busy);
    stop(f);
}

static void drains_a_request_begun_behind_another(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, GET("/wait") "GET /half HTTP/1.1\r\n");
    turns(f, 5);
    lun_http_server_drain(f->server, 4000, on_drained, f);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "one", 3);
    assert_true(hear(f, fd, "one"));
    assert_null(strstr(heard, "connection: close"));
    say(f, fd, "Host: a\r\n\r\n");
    assert_true(hear(f, fd, NULL));
    assert_non_null(strstr(heard, "GET /half"));
    assert_non_null(strstr(heard, "connection: close"));
    close(fd);
    stop(f);
}

static void drain_closes_idle_connections_soon(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    uint64_t begin = lun_clock_monotonic_ns();
    int idle = dial(f);
    say(f, idle, GET("/1"));
    assert_true(hear(f, idle, "GET /1"));
    lun_http_server_drain(f->server, 60000, on_drained, f);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->drained);
    assert_true(lun_clock_monotonic_ns() - begin < 1500000000);
    close(idle);
    stop(f);
}

static void drain_gives_up_after_its_grace(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    f->watch_aborts = true;
    int fd = dial(f);
    say(f, fd, GET("/wait"));
    turns(f, 5);
    lun_http_server_drain(f->server, 100, on_drained, f);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->drained);
    assert_int_equal(f->aborted, 1);
    close(fd);
    stop(f);
}

/* Memory */

static void survives_each_allocation_that_fails(void **state)
{
    (void)state;
#if FAIL_MALLOC
    for (long n = 0; n < 40; n++) {
        struct fixture *f = start(NULL);
        int fd = dial(f);
        turns(f, 3);
        say(f, fd, GET("/1") POST("Content-Length: 3\r\n", "abc") "X\r\n");
        fail_after = n;
        (void)hear(f, fd, NULL);
        fail_after = -1;
        close(fd);
        fd = dial(f);
        say(f, fd, GET("/2"));
        assert_true(hear(f, fd, "GET /2"));
        close(fd);
        stop(f);
    }
#else
    skip();
#endif
}

static void says_that_a_socket_cannot_be_served(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct lun_http_server *server = NULL;
    struct lun_http_config config = {.handler = on_request, .fd = -1};
    struct lun_err err;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(lun_http_server_open(&loop, &config, &server, &err),
                     LUN_EIO);
    assert_non_null(strstr(err.message, "cannot serve on socket -1: "));
    assert_null(server);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_request_and_keeps_the_connection),
        cmocka_unit_test(answers_wherever_the_request_is_cut),
        cmocka_unit_test(answers_pipelined_requests_in_order),
        cmocka_unit_test(holds_back_what_is_pipelined_beyond_the_limit),
        cmocka_unit_test(answers_hundreds_at_once),
        cmocka_unit_test(wakes_the_loop_for_an_answer_and_only_then),
        cmocka_unit_test(sends_no_body_to_head),
        cmocka_unit_test(closes_when_the_request_says_so),
        cmocka_unit_test(sends_big_answers_to_slow_readers_whole),
        cmocka_unit_test(answers_a_client_that_stopped_sending),
        cmocka_unit_test(asks_for_the_body_that_is_held_back),
        cmocka_unit_test(asks_for_a_body_only_when_earlier_answers_are_out),
        cmocka_unit_test(refuses_a_body_too_large_before_it_is_sent),
        cmocka_unit_test(answers_an_error_behind_the_answers_due),
        cmocka_unit_test(error_reaches_a_client_that_is_still_sending),
        cmocka_unit_test(tells_the_methods_with_405),
        cmocka_unit_test(bounds_the_bodies_of_all_connections),
        cmocka_unit_test(ends_slow_headers_with_408),
        cmocka_unit_test(ends_slow_bodies_with_408),
        cmocka_unit_test(closes_idle_connections_without_a_word),
        cmocka_unit_test(gives_each_request_its_own_time),
        cmocka_unit_test(lets_the_handler_take_its_time),
        cmocka_unit_test(drops_clients_that_do_not_read),
        cmocka_unit_test(cuts_slow_readers_sooner_when_memory_is_held),
        cmocka_unit_test(survives_answering_a_client_that_closed),
        cmocka_unit_test(tells_the_handler_when_the_client_has_gone),
        cmocka_unit_test(takes_answers_nobody_waits_for),
        cmocka_unit_test(refuses_connections_above_the_limit),
        cmocka_unit_test(survives_running_out_of_descriptors),
        cmocka_unit_test(drains_what_has_begun),
        cmocka_unit_test(drains_a_request_begun_behind_another),
        cmocka_unit_test(drain_closes_idle_connections_soon),
        cmocka_unit_test(drain_gives_up_after_its_grace),
        cmocka_unit_test(survives_each_allocation_that_fails),
        cmocka_unit_test(says_that_a_socket_cannot_be_served),
    };
    return cmocka_run_group_tests_name("http/server", tests, NULL, NULL);
}
