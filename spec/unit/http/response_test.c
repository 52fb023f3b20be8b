/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/http/response.h"

#define DATE "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static void expect(const struct lun_http_response *response, const char *text)
{
    struct lun_buf out;
    struct lun_http_date date = {.second = 0};
    lun_buf_init(&out);
    lun_http_response_date(&date, 784111777000);
    lun_http_response_write(response, &date, &out);
    assert_string_equal(lun_buf_str(&out), text);
    lun_buf_release(&out);
}

static void writes_status_headers_and_body(void **state)
{
    (void)state;
    struct lun_http_header headers[] = {{"content-type", "text/plain"},
                                        {"x-a", ""}};
    struct lun_http_response response = {.status = 404,
                                         .headers = headers,
                                         .header_count = 2,
                                         .body = "none",
                                         .body_len = 4};
    expect(&response, "HTTP/1.1 404 Not Found\r\n" DATE
                      "content-type: text/plain\r\nx-a: \r\n"
                      "content-length: 4\r\n\r\nnone");
}

static void writes_the_length_but_no_body_for_head(void **state)
{
    (void)state;
    struct lun_http_response response = {
        .status = 200, .body = "none", .body_len = 4, .head_only = true};
    expect(&response, "HTTP/1.1 200 OK\r\n" DATE "content-length: 4\r\n\r\n");
}

static void writes_neither_length_nor_body_for_204_and_304(void **state)
{
    (void)state;
    struct lun_http_response response = {
        .status = 204, .body = "none", .body_len = 4};
    expect(&response, "HTTP/1.1 204 No Content\r\n" DATE "\r\n");
    response.status = 304;
    expect(&response, "HTTP/1.1 304 Not Modified\r\n" DATE "\r\n");
}

static void says_what_becomes_of_the_connection(void **state)
{
    (void)state;
    struct lun_http_response response = {
        .status = 200, .connection = LUN_HTTP_CONNECTION_CLOSE};
    expect(&response, "HTTP/1.1 200 OK\r\n" DATE
                      "connection: close\r\ncontent-length: 0\r\n\r\n");
    response.connection = LUN_HTTP_CONNECTION_KEEP;
    expect(&response, "HTTP/1.1 200 OK\r\n" DATE
                      "connection: keep-alive\r\ncontent-length: 0\r\n\r\n");
}

static void refuses_to_split_the_answer_by_a_header(void **state)
{
    (void)state;
    static const struct lun_http_header bad[] = {
        {"x", "a\r\nset-cookie: b"},
        {"x", "a\nb"},
        {"x", "a\rb"},
        {"x", "a\x7f"},
        {"x\r\ny", "a"},
        {"", "a"},
        {"x y", "a"},
        {"x:", "a"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct lun_http_response response = {.status = 200,
                                             .headers = &bad[i],
                                             .header_count = 1,
                                             .body = "secret",
                                             .body_len = 6};
        expect(&response, "HTTP/1.1 500 Internal Server Error\r\n" DATE
                          "content-length: 0\r\n\r\n");
    }
}

static void names_a_status_it_does_not_know(void **state)
{
    (void)state;
    assert_string_equal(lun_http_response_reason(299), "Status");
    assert_string_equal(lun_http_response_reason(503), "Service Unavailable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_status_headers_and_body),
        cmocka_unit_test(writes_the_length_but_no_body_for_head),
        cmocka_unit_test(writes_neither_length_nor_body_for_204_and_304),
        cmocka_unit_test(says_what_becomes_of_the_connection),
        cmocka_unit_test(refuses_to_split_the_answer_by_a_header),
        cmocka_unit_test(names_a_status_it_does_not_know),
    };
    return cmocka_run_group_tests_name("http/response", tests, NULL, NULL);
}
