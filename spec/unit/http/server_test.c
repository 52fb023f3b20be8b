/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/http/support/wire.h"

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
    say(f, fd,
        "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/2"));
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
    assert_non_null(
        strstr(heard, "{\"s\":400,\"r\":\"malformed request line\"}"));
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
    };
    return cmocka_run_group_tests_name("http/server", tests, NULL, NULL);
}
