/*
 * spec/unit/http/lifetime_test.c - how connections, requests and servers end.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/http/support/wire.h"

#include <sys/resource.h>

#include "spec/unit/http/support/malloc.h"

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
    while (connections == 2 && lun_clock_monotonic_ns() - begin < 8000000000) {
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
    return cmocka_run_group_tests_name("http/lifetime", tests, NULL, NULL);
}
