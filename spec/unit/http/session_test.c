/*
 * spec/unit/http/session_test.c - requests and answers over HTTP/2.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/http/support/frames.h"

/* Answers */

static void answers_a_request(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    post(p, 1, "/x?y=1", "abc");
    AWAIT(p, stream(p, 1)->ended);
    assert_int_equal(stream(p, 1)->status, 200);
    assert_string_equal(stream(p, 1)->body, "POST /x abc");
    assert_non_null(strstr(stream(p, 1)->fields, "content-length: 11\n"));
    assert_non_null(strstr(stream(p, 1)->fields, "content-type: text/plain\n"));
    assert_non_null(strstr(stream(p, 1)->fields, "date: "));
    assert_null(strstr(stream(p, 1)->fields, "connection"));
    assert_int_equal(stream(p, 1)->reset, -1);
    hang_up(p);
    stop(f);
}

static void says_its_limits(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.streams = 7, .header_bytes = 5000};
    struct fixture *f = start(&limits);
    struct peer *p = dial2(f);
    assert_int_equal(p->setting[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS], 7);
    assert_int_equal(p->setting[NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE], 5000);
    assert_int_equal(p->setting[NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES], 1);
    hang_up(p);
    stop(f);
}

static void answers_in_any_order(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    get(p, 1, "/wait");
    get(p, 3, "/wait");
    get(p, 5, "/5");
    AWAIT(p, stream(p, 5)->ended);
    assert_int_equal(f->waiting_count, 2);
    lun_http_respond(f->waiting[1], 200, NULL, 0, "three", 5);
    AWAIT(p, stream(p, 3)->ended);
    assert_false(stream(p, 1)->ended);
    lun_http_respond(f->waiting[0], 201, NULL, 0, "one", 3);
    AWAIT(p, stream(p, 1)->ended);
    assert_int_equal(stream(p, 1)->status, 201);
    assert_string_equal(stream(p, 1)->body, "one");
    assert_string_equal(stream(p, 3)->body, "three");
    hang_up(p);
    stop(f);
}

static void answers_wherever_the_bytes_are_cut(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial_bare(f);
    /* The frames of one request, then byte by byte. */
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct peer recorder = {.f = f, .fd = pair[0]};
    frame(&recorder, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    head(&b, "POST", "/cut");
    send_block(&recorder, 1, &b, 0);
    frame(&recorder, NGHTTP2_DATA, END_STREAM, 1, "abc", 3);
    static char raw[1000] = PREFACE;
    ssize_t len = recv(pair[1], raw + 24, sizeof(raw) - 24, 0);
    assert_true(len > 60);
    for (ssize_t i = 0; i < len + 24; i++) {
        put(p, raw + i, 1);
        step(p);
    }
    AWAIT(p, stream(p, 1)->ended);
    assert_string_equal(stream(p, 1)->body, "POST /cut abc");
    close(pair[0]);
    close(pair[1]);
    hang_up(p);
    stop(f);
}

static void speaks_http_1_with_all_others(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    int fd = dial(f);
    say(f, fd, "P");
    turns(f, 3);
    say(f, fd, "OST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    assert_true(hear(f, fd, "POST / x"));
    /* The preface counts at the beginning only. */
    say(f, fd, PREFACE);
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 505 "));
    close(fd);
    fd = dial(f);
    say(f, fd, "PRI * HTTP/2.0\r\n\r\nXX");
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 505 "));
    close(fd);
    fd = dial(f);
    say(f, fd, "PR");
    turns(f, 3);
    close(fd);
    turns(f, 3);
    stop(f);
}

static void sends_no_body_to_head(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial2(f);
    head(&b, "HEAD", "/x");
    send_block(p, 1, &b, END_STREAM);
    AWAIT(p, stream(p, 1)->ended);
    assert_int_equal(stream(p, 1)->status, 200);
    assert_int_equal(stream(p, 1)->len, 0);
    assert_non_null(strstr(stream(p, 1)->fields, "content-length: 8\n"));
    get(p, 3, "/wait");
    AWAIT(p, f->waiting_count == 1);
    lun_http_respond(f->waiting[0], 304, NULL, 0, NULL, 0);
    AWAIT(p, stream(p, 3)->ended);
    assert_int_equal(stream(p, 3)->status, 304);
    assert_null(strstr(stream(p, 3)->fields, "content-length"));
    hang_up(p);
    stop(f);
}

static void turns_answers_that_cannot_be_sent_into_500(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    struct lun_http_header many[60];
    get(p, 1, "/wait");
    get(p, 3, "/wait");
    AWAIT(p, f->waiting_count == 2);
    many[0] = (struct lun_http_header){"x", "a\r\nb: c"};
    lun_http_respond(f->waiting[0], 200, many, 1, "x", 1);
    for (int i = 0; i < 60; i++)
        many[i] = (struct lun_http_header){"x", "y"};
    lun_http_respond(f->waiting[1], 200, many, 60, "x", 1);
    AWAIT(p, stream(p, 1)->ended && stream(p, 3)->ended);
    assert_int_equal(stream(p, 1)->status, 500);
    assert_int_equal(stream(p, 3)->status, 500);
    hang_up(p);
    stop(f);
}

static void says_continue_to_those_who_wait_for_it(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial2(f);
    head(&b, "POST", "/x");
    field(&b, "expect", "100-continue");
    field(&b, "content-length", "2");
    send_block(p, 1, &b, 0);
    AWAIT(p, stream(p, 1)->status == 100);
    frame(p, NGHTTP2_DATA, END_STREAM, 1, "ab", 2);
    AWAIT(p, stream(p, 1)->ended);
    assert_int_equal(stream(p, 1)->status, 200);
    assert_string_equal(stream(p, 1)->body, "POST /x ab");
    hang_up(p);
    stop(f);
}

/* Requests */

static struct lun_http_request *ask(struct peer *p, int id,
                                    const struct block *b)
{
    unsigned before = p->f->waiting_count;
    send_block(p, id, b, END_STREAM);
    AWAIT(p, p->f->waiting_count == before + 1);
    return p->f->waiting[before];
}

static void gives_requests_the_form_of_http_1(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial2(f);
    b.len = 0;
    field(&b, ":path", "/wait?q=%20");
    field(&b, ":authority", "example.com:80");
    field(&b, ":scheme", "http");
    field(&b, ":method", "OPTIONS");
    field(&b, "cookie", "a=1");
    field(&b, "x-y", "z");
    field(&b, "cookie", "b=2");
    field(&b, "cookie", "c=3");
    struct lun_http_request *request = ask(p, 1, &b);
    assert_int_equal(request->method, LUN_HTTP_OPTIONS);
    assert_string_equal(request->method_text, "OPTIONS");
    assert_string_equal(request->path, "/wait");
    assert_string_equal(request->query, "q=%20");
    assert_int_equal(request->header_count, 3);
    assert_string_equal(lun_http_header_get(request, "host"), "example.com:80");
    assert_string_equal(lun_http_header_get(request, "cookie"),
                        "a=1; b=2; c=3");
    assert_string_equal(lun_http_header_get(request, "x-y"), "z");
    assert_string_equal(request->body, "");
    lun_http_respond(request, 200, NULL, 0, "", 0);
    AWAIT(p, stream(p, 1)->ended);
    hang_up(p);
    stop(f);
}

static void drops_trailers(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial2(f);
    head(&b, "POST", "/x");
    send_block(p, 1, &b, 0);
    frame(p, NGHTTP2_DATA, 0, 1, "ab", 2);
    b.len = 0;
    field(&b, "x-sum", "1");
    send_block(p, 1, &b, END_STREAM);
    AWAIT(p, stream(p, 1)->ended);
    assert_string_equal(stream(p, 1)->body, "POST /x ab");
    hang_up(p);
    stop(f);
}

struct refused {
    const char *method, *path, *name, *value;
    int status;
};

static void refuses_as_http_1_does(void **state)
{
    (void)state;
    static const struct refused cases[] = {
        {"FOO", "/", NULL, NULL, 501},
        {"TRACE", "/", NULL, NULL, 405},
        {"GET", "/%zz", NULL, NULL, 400},
        {"GET", "/%00", NULL, NULL, 400},
        {"GET", "/a#b", NULL, NULL, 400},
        {"GET", "/", "host", "b", 400},
        {"GET", "/", "content-length", "2000000", 413},
        {"GET", "/", "expect", "tea", 417},
    };
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial2(f);
    for (int i = 0; i < (int)(sizeof(cases) / sizeof(cases[0])); i++) {
        int id = 2 * i + 1;
        head(&b, cases[i].method, cases[i].path);
        if (cases[i].name)
            field(&b, cases[i].name, cases[i].value);
        send_block(p, id, &b, 0);
        AWAIT(p, stream(p, id)->ended && stream(p, id)->reset >= 0);
        assert_int_equal(stream(p, id)->status, cases[i].status);
        assert_int_equal(stream(p, id)->reset, NGHTTP2_NO_ERROR);
        assert_non_null(strstr(stream(p, id)->body, "\"r\":"));
        assert_non_null(strstr(stream(p, id)->fields, "lunette-release: a@1"));
    }
    /* Fields that may come once. */
    static const char *const twice[] = {"authorization", "content-type",
                                        "origin"};
    for (int i = 0; i < 3; i++) {
        int id = 101 + 2 * i;
        head(&b, "GET", "/");
        field(&b, twice[i], "x");
        field(&b, twice[i], "y");
        send_block(p, id, &b, END_STREAM);
        AWAIT(p, stream(p, id)->ended);
        assert_int_equal(stream(p, id)->status, 400);
    }
    assert_int_equal(f->handled, 0);
    post(p, 201, "/fine", "x");
    AWAIT(p, stream(p, 201)->ended);
    assert_int_equal(stream(p, 201)->status, 200);
    hang_up(p);
    stop(f);
}

static void needs_an_authority(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    static struct block b;
    static const char *const bad[] = {"", "a b", "u@a", "a:99999"};
    struct peer *p = dial2(f);
    int id = 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++, id += 2) {
        b.len = 0;
        field(&b, ":method", "GET");
        field(&b, ":scheme", "http");
        field(&b, ":path", "/");
        field(&b, ":authority", bad[i]);
        send_block(p, id, &b, END_STREAM);
        AWAIT(p, stream(p, id)->ended || stream(p, id)->reset >= 0);
        assert_true(stream(p, id)->status == 400 || stream(p, id)->reset > 0);
    }
    b.len = 0;
    field(&b, ":method", "GET");
    field(&b, ":scheme", "http");
    field(&b, ":path", "/wait");
    field(&b, "host", "only");
    struct lun_http_request *request = ask(p, id, &b);
    assert_string_equal(lun_http_header_get(request, "host"), "only");
    assert_int_equal(request->header_count, 1);
    lun_http_respond(request, 200, NULL, 0, "", 0);
    hang_up(p);
    stop(f);
}

static void resets_streams_that_break_the_protocol(void **state)
{
    (void)state;
    static const char *const names[] = {
        "Upper", "connection", "te", "transfer-encoding", "x y", "value"};
    static const char *const values[] = {"x",       "close", "gzip",
                                         "chunked", "x",     "a\001b"};
    struct fixture *f = start(NULL);
    static struct block b;
    struct peer *p = dial2(f);
    for (int i = 0; i < 6; i++) {
        int id = 2 * i + 1;
        head(&b, "GET", "/");
        field(&b, names[i], values[i]);
        send_block(p, id, &b, END_STREAM);
        AWAIT(p, stream(p, id)->reset >= 0);
        assert_int_equal(stream(p, id)->reset, NGHTTP2_PROTOCOL_ERROR);
    }
    assert_int_equal(f->handled, 0);
    get(p, 101, "/fine");
    AWAIT(p, stream(p, 101)->ended);
    hang_up(p);
    stop(f);
}

/* Sizes and counts */

static void limits_the_head(void **state)
{
    (void)state;
    struct lun_http_limits limits = {
        .request_line = 512, .header_bytes = 3000, .header_count = 10};
    struct fixture *f = start(&limits);
    static struct block b;
    static char text[40000];
    struct peer *p = dial2(f);
    memset(text, 'x', 600);
    text[0] = '/';
    get(p, 1, text);
    AWAIT(p, stream(p, 1)->ended);
    assert_int_equal(stream(p, 1)->status, 414);
    memset(text, 'x', 3500);
    head(&b, "GET", "/");
    field(&b, "x", text);
    send_block(p, 3, &b, END_STREAM);
    AWAIT(p, stream(p, 3)->ended);
    assert_int_equal(stream(p, 3)->status, 431);
    head(&b, "GET", "/");
    for (int i = 0; i < 11; i++)
        field(&b, "x", "y");
    send_block(p, 5, &b, END_STREAM);
    AWAIT(p, stream(p, 5)->ended);
    assert_int_equal(stream(p, 5)->status, 431);
    /* Far beyond it, in CONTINUATION frames. */
    memset(text, 'x', 39000);
    head(&b, "GET", "/");
    field(&b, "x", text);
    send_block(p, 7, &b, END_STREAM);
    AWAIT(p, stream(p, 7)->ended);
    assert_int_equal(stream(p, 7)->status, 431);
    /* Trailers count, too. */
    head(&b, "POST", "/");
    send_block(p, 9, &b, 0);
    b.len = 0;
    for (int i = 0; i < 11; i++)
        field(&b, "x", "y");
    send_block(p, 9, &b, END_STREAM);
    AWAIT(p, stream(p, 9)->ended);
    assert_int_equal(stream(p, 9)->status, 431);
    assert_int_equal(f->handled, 0);
    hang_up(p);
    stop(f);
}

static void limits_the_body(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.body_bytes = 1000};
    struct fixture *f = start(&limits);
    static struct block b;
    static char text[1002];
    struct peer *p = dial2(f);
    memset(text, 'x', 1001);
    post(p, 1, "/", text);
    AWAIT(p, stream(p, 1)->ended);
    assert_int_equal(stream(p, 1)->status, 413);
    text[1000] = '\0';
    post(p, 3, "/", text);
    AWAIT(p, stream(p, 3)->ended);
    assert_int_equal(stream(p, 3)->status, 200);
    /* One that never ends: refused, then reset without an error. */
    head(&b, "POST", "/");
    send_block(p, 5, &b, 0);
    frame(p, NGHTTP2_DATA, 0, 5, text, 600);
    frame(p, NGHTTP2_DATA, 0, 5, text, 600);
    AWAIT(p, stream(p, 5)->reset >= 0);
    assert_int_equal(stream(p, 5)->status, 413);
    assert_int_equal(stream(p, 5)->reset, NGHTTP2_NO_ERROR);
    assert_int_equal(f->handled, 1);
    hang_up(p);
    stop(f);
}

static void takes_bodies_larger_than_the_windows(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.body_bytes = 3 << 20};
    struct fixture *f = start(&limits);
    static struct block b;
    static char text[16384];
    struct peer *p = dial2(f);
    head(&b, "POST", "/wait");
    send_block(p, 1, &b, 0);
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 128; i++) {
        frame(p, NGHTTP2_DATA, i == 127 ? END_STREAM : 0, 1, text,
              sizeof(text));
        step(p);
    }
    AWAIT(p, f->waiting_count == 1);
    assert_int_equal(f->waiting[0]->body_len, 128 * sizeof(text));
    lun_http_respond(f->waiting[0], 200, NULL, 0, "", 0);
    AWAIT(p, stream(p, 1)->ended);
    hang_up(p);
    stop(f);
}

static void refuses_streams_above_the_limit(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.streams = 3};
    struct fixture *f = start(&limits);
    struct peer *p = dial_bare(f);
    put(p, PREFACE, strlen(PREFACE));
    frame(p, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    AWAIT(p, p->settings);
    /* Not yet acknowledged: the client could not know. */
    for (int id = 1; id <= 7; id += 2)
        get(p, id, "/wait");
    AWAIT(p, stream(p, 7)->reset == NGHTTP2_REFUSED_STREAM);
    assert_int_equal(f->waiting_count, 3);
    lun_http_respond(f->waiting[1], 200, NULL, 0, "x", 1);
    AWAIT(p, stream(p, 3)->ended);
    get(p, 9, "/wait");
    AWAIT(p, f->waiting_count == 4);
    hang_up(p);
    turns(f, 5);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "x", 1);
    lun_http_respond(f->waiting[2], 200, NULL, 0, "x", 1);
    lun_http_respond(f->waiting[3], 200, NULL, 0, "x", 1);
    stop(f);
}

/* Flow control */

static void sends_what_the_windows_allow(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    get(p, 1, "/big?300000");
    AWAIT(p, stream(p, 1)->len == 65535);
    steps(p, 10);
    assert_int_equal(stream(p, 1)->len, 65535);
    window(p, 1, 1000000);
    steps(p, 10);
    assert_int_equal(stream(p, 1)->len, 65535);
    /* Another stream is held by the window of the connection only. */
    get(p, 3, "/small");
    steps(p, 10);
    assert_int_equal(stream(p, 3)->status, 200);
    assert_int_equal(stream(p, 3)->len, 0);
    window(p, 0, 1000000);
    AWAIT(p, stream(p, 1)->ended && stream(p, 3)->ended);
    assert_int_equal(stream(p, 1)->len, 300000);
    hang_up(p);
    stop(f);
}

static void holds_requests_back_while_answers_wait(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.write_backlog = 100000};
    struct fixture *f = start(&limits);
    unsigned connections, requests;
    struct peer *p = dial2(f);
    get(p, 1, "/big?300000");
    AWAIT(p, stream(p, 1)->len == 65535);
    get(p, 3, "/3");
    get(p, 5, "/5");
    get(p, 7, "/7");
    steps(p, 10);
    assert_int_equal(f->handled, 1);
    reset(p, 5);
    window(p, 0, 1000000);
    window(p, 1, 1000000);
    AWAIT(p, stream(p, 7)->ended);
    assert_true(stream(p, 3)->ended);
    assert_int_equal(f->handled, 3);
    /* A reset makes room, too. */
    get(p, 9, "/big?300000");
    AWAIT(p, stream(p, 9)->len > 0);
    get(p, 11, "/11");
    steps(p, 10);
    assert_int_equal(f->handled, 4);
    reset(p, 9);
    AWAIT(p, stream(p, 11)->ended);
    lun_http_server_stats(f->server, &connections, &requests);
    assert_int_equal(requests, 0);
    hang_up(p);
    stop(f);
}

/* A large answer leaves in many sends; small ones pass it by. */
static void shares_the_connection(void **state)
{
    (void)state;
    struct fixture *f = start(NULL);
    struct peer *p = dial2(f);
    window(p, 0, 100000000);
    get(p, 1, "/big?2000000");
    window(p, 1, 10000000);
    AWAIT(p, stream(p, 1)->ended);
    assert_int_equal(stream(p, 1)->len, 2000000);
    hang_up(p);
    stop(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_a_request),
        cmocka_unit_test(says_its_limits),
        cmocka_unit_test(answers_in_any_order),
        cmocka_unit_test(answers_wherever_the_bytes_are_cut),
        cmocka_unit_test(speaks_http_1_with_all_others),
        cmocka_unit_test(sends_no_body_to_head),
        cmocka_unit_test(turns_answers_that_cannot_be_sent_into_500),
        cmocka_unit_test(says_continue_to_those_who_wait_for_it),
        cmocka_unit_test(gives_requests_the_form_of_http_1),
        cmocka_unit_test(drops_trailers),
        cmocka_unit_test(refuses_as_http_1_does),
        cmocka_unit_test(needs_an_authority),
        cmocka_unit_test(resets_streams_that_break_the_protocol),
        cmocka_unit_test(limits_the_head),
        cmocka_unit_test(limits_the_body),
        cmocka_unit_test(takes_bodies_larger_than_the_windows),
        cmocka_unit_test(refuses_streams_above_the_limit),
        cmocka_unit_test(sends_what_the_windows_allow),
        cmocka_unit_test(holds_requests_back_while_answers_wait),
        cmocka_unit_test(shares_the_connection),
    };
    return cmocka_run_group_tests_name("http/session", tests, NULL, NULL);
}
