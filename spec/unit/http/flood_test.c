/*
 * spec/unit/http/flood_test.c - how HTTP/2 connections end, well or badly.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/http/support/frames.h"

#include "core/http/guard.h"
#include "spec/unit/http/support/malloc.h"

static const struct lun_http_limits hasty = {
    .header_ms = 60, .body_ms = 60, .idle_ms = 60, .write_ms = 60};

/* Floods */

static void expect_calm(struct peer *p)
{
    AWAIT(p, p->closed);
    assert_int_equal(p->goaway, NGHTTP2_ENHANCE_YOUR_CALM);
    /* Others are served. */
    struct peer *other = dial2(p->f);
    get(other, 1, "/other");
    AWAIT(other, stream(other, 1)->ended);
    hang_up(other);
    struct fixture *f = p->f;
    hang_up(p);
    stop(f);
}

static void calms_pings(void **state)
{
    (void)state;
    struct peer *p = dial2(start(NULL));
    for (int i = 0; i < 100; i++)
        frame(p, NGHTTP2_PING, 0, 0, "12345678", 8);
    AWAIT(p, p->pings == 100);
    for (int i = 0; i < 5000; i++)
        frame(p, NGHTTP2_PING, 0, 0, "12345678", 8);
    expect_calm(p);
}

static void calms_settings(void **state)
{
    (void)state;
    struct peer *p = dial2(start(NULL));
    for (int i = 0; i < 1000; i++)
        frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    expect_calm(p);
}

static void calms_empty_data(void **state)
{
    (void)state;
    static struct block b;
    struct peer *p = dial2(start(NULL));
    head(&b, "POST", "/");
    send_block(p, 1, &b, 0);
    for (int i = 0; i < 1000; i++)
        frame(p, NGHTTP2_DATA, 0, 1, NULL, 0);
    expect_calm(p);
}

static void calms_rapid_resets(void **state)
{
    (void)state;
    struct peer *p = dial2(start(NULL));
    p->f->watch_aborts = true;
    for (int id = 1; id < 600; id += 2) {
        get(p, id, "/quick");
        reset(p, id);
    }
    expect_calm(p);
}

/* Resets that the peer makes the server send (CVE-2025-8671). */
static void calms_made_resets(void **state)
{
    (void)state;
    struct peer *p = dial2(start(NULL));
    static struct block b;
    for (int id = 1; id < 600; id += 2) {
        head(&b, "POST", "/");
        field(&b, "content-length", "0");
        send_block(p, id, &b, 0);
        frame(p, NGHTTP2_DATA, END_STREAM, id, "x", 1);
        step(p); /* else they are too many at once */
    }
    expect_calm(p);
}

static void calms_empty_continuations(void **state)
{
    (void)state;
    static struct block b;
    struct peer *p = dial2(start(NULL));
    head(&b, "GET", "/");
    frame(p, NGHTTP2_HEADERS, END_STREAM, 1, b.data, b.len);
    for (int i = 0; i < 200; i++)
        frame(p, NGHTTP2_CONTINUATION, 0, 1, NULL, 0);
    expect_calm(p);
}

static void forgives_whoever_gets_answers(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    /* A cancelled request for each that is answered. */
    for (int id = 1; id < 1000; id += 4) {
        get(p, id, "/quick");
        AWAIT(p, stream(p, id)->ended);
        get(p, id + 2, "/quick");
        reset(p, id + 2);
    }
    get(p, 1001, "/last");
    AWAIT(p, stream(p, 1001)->ended);
    hang_up(p);
    stop(f);
}

/* Some clients reset each stream when they have all of it. */
static void takes_resets_of_what_was_answered(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    for (int id = 1; id < 3000; id += 2) {
        get(p, id, "/quick");
        AWAIT(p, stream(p, id)->ended);
        reset(p, id);
    }
    get(p, 3001, "/last");
    AWAIT(p, stream(p, 3001)->ended);
    assert_int_equal(p->goaway, -1);
    hang_up(p);
    stop(f);
}

static void refills_points_by_time(void **state)
{
    (void)state;
    struct lun_http_guard guard;
    lun_http_guard_init(&guard, 1000);
    assert_true(lun_http_guard_spend(&guard, 1000, 2000));
    assert_false(lun_http_guard_spend(&guard, 1000, 1));
    assert_false(lun_http_guard_spend(&guard, 1004, 1));
    assert_true(lun_http_guard_spend(&guard, 1005, 1));
    assert_false(lun_http_guard_spend(&guard, 1009, 1));
    assert_true(lun_http_guard_spend(&guard, 1010, 1));
    assert_true(lun_http_guard_spend(&guard, 100000000, 2000));
    assert_false(lun_http_guard_spend(&guard, 100000000, 1));
    lun_http_guard_earn(&guard, 5);
    assert_true(lun_http_guard_spend(&guard, 100000000, 5));
    lun_http_guard_earn(&guard, 1 << 20);
    assert_false(lun_http_guard_spend(&guard, 100000000, 2001));
}

/* Breaches of the protocol */

static void expect_goaway(struct peer *p, int reason)
{
    struct fixture *f = p->f;
    AWAIT(p, p->closed);
    assert_int_equal(p->goaway, reason);
    hang_up(p);
    stop(f);
}

static void ends_at_a_broken_header_block(void **state)
{
    (void)state;
    struct peer *p = dial2(start(NULL));
    /* A table size beyond the agreed one. */
    frame(p, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, 1,
          "\x3f\xe1\xff\xff\xff\x07\x82\x84\x86", 9);
    expect_goaway(p, NGHTTP2_COMPRESSION_ERROR);
}

static void ends_at_a_frame_that_is_too_large(void **state)
{
    (void)state;
    struct peer *p = dial2(start(NULL));
    put(p, "\xff\xff\xff\0\0\0\0\0\1", 9);
    expect_goaway(p, NGHTTP2_FRAME_SIZE_ERROR);
}

static void ends_at_data_beyond_the_window(void **state)
{
    (void)state;
    struct peer *p = dial2(start(NULL));
    window(p, 0, 0x7fffffff);
    expect_goaway(p, NGHTTP2_FLOW_CONTROL_ERROR);
}

static void ends_when_settings_do_not_come_first(void **state)
{
    (void)state;
    struct peer *p = dial_bare(start(NULL));
    put(p, PREFACE, strlen(PREFACE));
    frame(p, NGHTTP2_PING, 0, 0, "12345678", 8);
    expect_goaway(p, NGHTTP2_PROTOCOL_ERROR);
}

/* Times */

static void ends_idle_connections_with_a_word(void **state)
{
    (void)state;
    struct fixture *f = start(&hasty);
    struct peer *p = dial2(f);
    AWAIT(p, p->closed);
    assert_int_equal(p->goaway, NGHTTP2_NO_ERROR);
    hang_up(p);
    p = dial2(f);
    get(p, 1, "/1");
    AWAIT(p, p->closed);
    assert_true(stream(p, 1)->ended);
    assert_int_equal(p->goaway, NGHTTP2_NO_ERROR);
    hang_up(p);
    stop(f);
}

static void ends_slow_bodies_with_408(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.body_ms = 60};
    struct fixture *f = start(&limits);
    static struct block b;
    struct peer *p = dial2(f);
    head(&b, "POST", "/");
    send_block(p, 1, &b, 0);
    get(p, 3, "/wait");
    AWAIT(p, stream(p, 1)->ended && stream(p, 1)->reset >= 0);
    assert_int_equal(stream(p, 1)->status, 408);
    assert_int_equal(f->waiting_count, 1);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "", 0);
    AWAIT(p, stream(p, 3)->ended);
    hang_up(p);
    stop(f);
}

static void closes_when_headers_take_too_long(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.header_ms = 60};
    struct fixture *f = start(&limits);
    static struct block b;
    struct peer *p = dial2(f);
    head(&b, "GET", "/");
    frame(p, NGHTTP2_HEADERS, END_STREAM, 1, b.data, b.len);
    AWAIT(p, p->closed);
    hang_up(p);
    /* A preface that stops short. */
    p = dial_bare(f);
    put(p, PREFACE, 10);
    AWAIT(p, p->closed);
    hang_up(p);
    stop(f);
}

static void drops_clients_that_keep_the_window_shut(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.write_ms = 60};
    struct fixture *f = start(&limits);
    struct peer *p = dial2(f);
    get(p, 1, "/big?1000000");
    AWAIT(p, stream(p, 1)->len == 65535);
    /* Crumbs do not help. */
    for (int i = 0; i < 400 && !p->closed; i++) {
        window(p, 0, 10);
        window(p, 1, 10);
        step(p);
    }
    assert_true(p->closed);
    hang_up(p);
    stop(f);
}

static void drops_clients_that_do_not_read(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.write_ms = 60};
    struct fixture *f = start(&limits);
    unsigned connections = 1, requests;
    struct peer *p = dial2(f);
    window(p, 0, 100000000);
    get(p, 1, "/big?30000000");
    window(p, 1, 100000000);
    for (int i = 0; i < 5000 && connections; i++) {
        turn(f);
        lun_http_server_stats(f->server, &connections, &requests);
    }
    assert_int_equal(connections, 0);
    hang_up(p);
    stop(f);
}

/* Streams that go */

static void tells_the_handler_of_a_reset(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    unsigned connections, requests;
    f->watch_aborts = true;
    struct peer *p = dial2(f);
    get(p, 1, "/wait");
    get(p, 3, "/wait");
    AWAIT(p, f->waiting_count == 2);
    reset(p, 1);
    AWAIT(p, f->aborted == 1);
    lun_http_respond(f->waiting[1], 200, NULL, 0, "x", 1);
    AWAIT(p, stream(p, 3)->ended);
    lun_http_server_stats(f->server, &connections, &requests);
    assert_int_equal(connections, 1);
    assert_int_equal(requests, 0);
    hang_up(p);
    stop(f);
}

static void takes_answers_nobody_waits_for(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    for (int id = 1; id < 9; id += 2)
        get(p, id, "/wait");
    AWAIT(p, f->waiting_count == 4);
    reset(p, 1);
    steps(p, 5);
    assert_string_equal(f->waiting[0]->path, "/wait");
    lun_http_respond(f->waiting[0], 200, NULL, 0, "x", 1);
    reset(p, 3);
    steps(p, 5);
    hang_up(p);
    turns(f, 5);
    lun_http_respond(f->waiting[1], 200, NULL, 0, "x", 1);
    lun_http_respond(f->waiting[2], 200, NULL, 0, "x", 1);
    struct lun_http_request *last = f->waiting[3];
    stop(f);
    lun_http_respond(last, 200, NULL, 0, "x", 1);
}

static void answers_clients_that_only_stopped_sending(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial2(f);
    get(p, 1, "/wait");
    head(&b, "POST", "/");
    send_block(p, 3, &b, 0);
    AWAIT(p, f->waiting_count == 1);
    assert_int_equal(shutdown(p->fd, SHUT_WR), 0);
    steps(p, 5);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "late", 4);
    AWAIT(p, p->closed);
    assert_string_equal(stream(p, 1)->body, "late");
    assert_int_equal(p->goaway, NGHTTP2_NO_ERROR);
    assert_int_equal(f->handled, 1);
    hang_up(p);
    stop(f);
}

/* Draining */

static void drains_what_has_begun(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    get(p, 1, "/wait");
    AWAIT(p, f->waiting_count == 1);
    lun_http_server_drain(f->server, 4000, on_drained, f);
    AWAIT(p, p->goaways == 1);
    assert_int_equal(p->goaway, NGHTTP2_NO_ERROR);
    /* The client could not know yet. */
    get(p, 3, "/3");
    AWAIT(p, stream(p, 3)->ended);
    AWAIT(p, p->goaways == 2);
    get(p, 5, "/5");
    steps(p, 5);
    assert_int_equal(f->handled, 2);
    assert_false(p->closed);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "late", 4);
    AWAIT(p, p->closed);
    assert_string_equal(stream(p, 1)->body, "late");
    hang_up(p);
    stop(f);
}

static void drain_closes_idle_connections_soon(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f), *used = dial2(f);
    get(used, 1, "/1");
    AWAIT(used, stream(used, 1)->ended);
    lun_http_server_drain(f->server, 60000, on_drained, f);
    AWAIT(p, p->closed);
    AWAIT(used, used->closed);
    hang_up(p);
    hang_up(used);
    AWAIT((&(struct peer){.f = f, .fd = -1}), f->drained);
    stop(f);
}

static void drain_gives_up_after_its_grace(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    f->watch_aborts = true;
    struct peer *p = dial2(f);
    get(p, 1, "/wait");
    AWAIT(p, f->waiting_count == 1);
    lun_http_server_drain(f->server, 100, on_drained, f);
    (void)uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->drained);
    assert_int_equal(f->aborted, 1);
    hang_up(p);
    stop(f);
}

/* Memory */

static void survives_each_allocation_that_fails(void **state)
{
    (void)state;
#if FAIL_MALLOC
    for (long n = 0; n < 120; n++) {
        struct fixture *f = start(NULL);
        struct peer *p = dial_bare(f);
        turns(f, 3);
        put(p, PREFACE, strlen(PREFACE));
        frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
        get(p, 1, "/1");
        post(p, 3, "/3", "abc");
        get(p, 5, "/big?100000");
        fail_after = n;
        turns(f, 10);
        fail_after = -1;
        hang_up(p);
        p = dial2(f);
        get(p, 1, "/2");
        AWAIT(p, stream(p, 1)->ended);
        hang_up(p);
        stop(f);
    }
#else
    skip();
#endif
}

static void bounds_the_bodies_of_all_streams(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.held_bytes = 300000};
    struct fixture *f = start(&limits);
    static struct block b;
    static char text[16000];
    struct peer *p = dial2(f);
    int refused = 0;
    memset(text, 'x', sizeof(text));
    head(&b, "POST", "/");
    for (int id = 1; id < 80; id += 2) {
        send_block(p, id, &b, 0);
        frame(p, NGHTTP2_DATA, 0, id, text, sizeof(text));
        step(p);
    }
    steps(p, 10);
    for (int id = 1; id < 80; id += 2)
        refused += stream(p, id)->status == 503;
    assert_in_range(refused, 15, 35);
    hang_up(p);
    stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calms_pings),
        cmocka_unit_test(calms_settings),
        cmocka_unit_test(calms_empty_data),
        cmocka_unit_test(calms_rapid_resets),
        cmocka_unit_test(calms_made_resets),
        cmocka_unit_test(calms_empty_continuations),
        cmocka_unit_test(forgives_whoever_gets_answers),
        cmocka_unit_test(takes_resets_of_what_was_answered),
        cmocka_unit_test(refills_points_by_time),
        cmocka_unit_test(ends_at_a_broken_header_block),
        cmocka_unit_test(ends_at_a_frame_that_is_too_large),
        cmocka_unit_test(ends_at_data_beyond_the_window),
        cmocka_unit_test(ends_when_settings_do_not_come_first),
        cmocka_unit_test(ends_idle_connections_with_a_word),
        cmocka_unit_test(ends_slow_bodies_with_408),
        cmocka_unit_test(closes_when_headers_take_too_long),
        cmocka_unit_test(drops_clients_that_keep_the_window_shut),
        cmocka_unit_test(drops_clients_that_do_not_read),
        cmocka_unit_test(tells_the_handler_of_a_reset),
        cmocka_unit_test(takes_answers_nobody_waits_for),
        cmocka_unit_test(answers_clients_that_only_stopped_sending),
        cmocka_unit_test(drains_what_has_begun),
        cmocka_unit_test(drain_closes_idle_connections_soon),
        cmocka_unit_test(drain_gives_up_after_its_grace),
        cmocka_unit_test(survives_each_allocation_that_fails),
        cmocka_unit_test(bounds_the_bodies_of_all_streams),
    };
    return cmocka_run_group_tests_name("http/flood", tests, NULL, NULL);
}
