/*
 * spec/unit/http/parser_test.c - what is read, what is refused, cut anywhere.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/parser.h"
#include "spec/unit/http/support/malloc.h"

#define H "Host: a\r\n"
#define CHUNKED "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n"

static const struct lun_http_limits limits = {
    .request_line = 256,
    .header_bytes = 512,
    .header_count = 10,
    .body_bytes = 1000,
};

struct example {
    const char *name;
    const char *raw;
    size_t len; /* 0: strlen(raw) */
    /* What reading gives: "400" or "GET /path ?query host=a body 'text' keep".
     */
    const char *result;
};

/* What reading `raw` in pieces of `cut` and then `step` bytes gives, and how
 * many bytes belonged to the request. */
static void read_in_pieces(const char *raw, size_t len, size_t cut, size_t step,
                           char *out, size_t size, size_t *used)
{
    struct lun_http_parser parser;
    struct lun_http_request request;
    struct lun_arena arena;
    size_t at = 0;
    lun_arena_init(&arena, 0);
    lun_http_parser_init(&parser, &limits);
    while (at < len && lun_http_parser_phase(&parser) < LUN_HTTP_PHASE_DONE) {
        size_t piece = at < cut ? cut - at : step;
        if (piece > len - at)
            piece = len - at;
        /* A copy of its own, so that a sanitizer sees each step too far. */
        char *copy = malloc(piece);
        assert_non_null(copy);
        memcpy(copy, raw + at, piece);
        at += lun_http_parser_feed(&parser, copy, piece);
        free(copy);
    }
    *used = at;
    enum lun_http_parser_phase phase = lun_http_parser_phase(&parser);
    if (phase == LUN_HTTP_PHASE_BAD) {
        snprintf(out, size, "%d", parser.status);
        assert_non_null(parser.reason);
    } else if (phase == LUN_HTTP_PHASE_DONE) {
        assert_true(lun_http_parser_request(&parser, &arena, &request));
        int n = snprintf(out, size, "%s %s ?%s", request.method_text,
                         request.path, request.query);
        for (size_t i = 0; i < request.header_count; i++)
            n += snprintf(out + n, size - (size_t)n, " %s=%s",
                          request.headers[i].name, request.headers[i].value);
        snprintf(out + n, size - (size_t)n, " '%s' %s", request.body,
                 parser.keep_alive ? "keep" : "close");
        assert_int_equal(strlen(request.body), request.body_len);
    } else {
        snprintf(out, size, "%s",
                 phase == LUN_HTTP_PHASE_BODY ? "more body" : "more head");
    }
    lun_arena_release(&arena);
    lun_http_parser_release(&parser);
}

static void reads_as_said_wherever_it_is_cut(void **state)
{
    const struct example *example = *state;
    char whole[8192], cut[8192];
    size_t used, used_cut;
    size_t len = example->len ? example->len : strlen(example->raw);
    read_in_pieces(example->raw, len, len, 1, whole, sizeof(whole), &used);
    assert_string_equal(whole, example->result);
    for (size_t at = 0; at <= len; at++) {
        read_in_pieces(example->raw, len, at, len, cut, sizeof(cut), &used_cut);
        assert_string_equal(cut, whole);
        assert_int_equal(used_cut, used);
    }
    read_in_pieces(example->raw, len, 0, 1, cut, sizeof(cut), &used_cut);
    assert_string_equal(cut, whole);
    assert_int_equal(used_cut, used);
}

#define GET_WITH(fields) "GET / HTTP/1.1\r\n" fields "\r\n"
#define BYTES(text) text, sizeof(text) - 1

static const struct example examples[] = {
    {"reads_a_request", "GET /a/b?c=d&e HTTP/1.1\r\nHost: a:80\r\n\r\n", 0,
     "GET /a/b ?c=d&e host=a:80 '' keep"},
    {"makes_names_lower_case_and_trims_values",
     GET_WITH(H "X-ABC:  \t v w \t \r\nEmpty:\r\n"), 0,
     "GET / ? host=a x-abc=v w empty= '' keep"},
    {"keeps_non_ascii_bytes_of_values", GET_WITH(H "X: \xc3\xa9\r\n"), 0,
     "GET / ? host=a x=\xc3\xa9 '' keep"},
    {"decodes_nothing", "GET /%2e%2E/%2525?%00%zz HTTP/1.1\r\n" H "\r\n", 0,
     "GET /%2e%2E/%2525 ?%00%zz host=a '' keep"},
    {"splits_at_the_first_question_mark", "GET /?a?b HTTP/1.1\r\n" H "\r\n", 0,
     "GET / ?a?b host=a '' keep"},
    {"reads_a_body", "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 0,
     "POST / ? host=a content-length=3 'abc' keep"},
    {"stops_at_the_end_of_the_body",
     "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET /evil HTTP/1.1",
     0, "POST / ? host=a content-length=3 'abc' keep"},
    {"reads_the_body_of_a_get", GET_WITH(H "Content-Length: 2\r\n") "xy", 0,
     "GET / ? host=a content-length=2 'xy' keep"},
    {"takes_a_missing_length_for_no_body", "POST / HTTP/1.1\r\n" H "\r\nabc", 0,
     "POST / ? host=a '' keep"},
    {"reads_chunks", CHUNKED "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nrest", 0,
     "POST / ? host=a transfer-encoding=chunked 'abc0123456789' keep"},
    {"takes_any_case_of_chunked",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: cHuNkEd\r\n\r\n0\r\n\r\n", 0,
     "POST / ? host=a transfer-encoding=cHuNkEd '' keep"},
    {"drops_chunk_extensions",
     CHUNKED "3;a=b;c;d=\"e f\"\r\nabc\r\n0;z\r\n\r\n", 0,
     "POST / ? host=a transfer-encoding=chunked 'abc' keep"},
    {"drops_trailers", CHUNKED "1\r\na\r\n0\r\nHost: evil\r\nX: y\r\n\r\n", 0,
     "POST / ? host=a transfer-encoding=chunked 'a' keep"},
    {"tolerates_one_empty_line_in_front", "\r\nGET / HTTP/1.1\r\n" H "\r\n", 0,
     "GET / ? host=a '' keep"},
    {"closes_when_asked", GET_WITH(H "Connection: x, Close\r\n"), 0,
     "GET / ? host=a connection=x, Close '' close"},
    {"closes_after_http_1_0", "GET / HTTP/1.0\r\n\r\n", 0, "GET / ? '' close"},
    {"keeps_http_1_0_when_asked",
     "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0,
     "GET / ? connection=keep-alive '' keep"},
    {"takes_the_absolute_form",
     "GET http://A:1/x?y HTTP/1.1\r\nHost: a:1\r\n\r\n", 0,
     "GET /x ?y host=a:1 '' keep"},
    {"takes_the_absolute_form_without_path",
     "GET https://a?y HTTP/1.1\r\n" H "\r\n", 0, "GET / ?y host=a '' keep"},
    {"takes_a_bare_absolute_form", "GET http://a HTTP/1.1\r\n" H "\r\n", 0,
     "GET / ? host=a '' keep"},
    {"takes_options_of_everything", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0,
     "OPTIONS * ? host=a '' keep"},
    {"takes_an_ipv6_host", GET_WITH("Host: [::1]:8080\r\n"), 0,
     "GET / ? host=[::1]:8080 '' keep"},
    {"passes_other_known_methods_on", "DELETE /x HTTP/1.1\r\n" H "\r\n", 0,
     "DELETE /x ? host=a '' keep"},
    {"passes_upgrades_as_ordinary_requests",
     GET_WITH(H "Connection: Upgrade\r\nUpgrade: h2c\r\n"), 0,
     "GET / ? host=a connection=Upgrade upgrade=h2c '' keep"},
    {"takes_a_length_with_leading_zeros", GET_WITH(H "Content-Length: 000\r\n"),
     0, "GET / ? host=a content-length=000 '' keep"},
    {"takes_a_padded_chunk_size", CHUNKED "00000001\r\na\r\n0\r\n\r\n", 0,
     "POST / ? host=a transfer-encoding=chunked 'a' keep"},
    {"waits_for_the_rest_of_the_head", "GET / HTTP/1.1\r\n" H "\r", 0,
     "more head"},
    {"waits_for_the_rest_of_the_body", GET_WITH(H "Content-Length: 3\r\n") "ab",
     0, "more body"},
    {"waits_for_the_end_of_the_trailers", CHUNKED "0\r\nX: y\r\n", 0,
     "more body"},

    {"refuses_bare_line_feeds", "GET / HTTP/1.1\nHost: a\n\n", 0, "400"},
    {"refuses_a_bare_line_feed_in_a_field", "GET / HTTP/1.1\r\nHost: a\n\r\n",
     0, "400"},
    {"refuses_a_bare_line_feed_at_the_end", "GET / HTTP/1.1\r\n" H "\n", 0,
     "400"},
    {"refuses_a_bare_carriage_return", "GET / HTTP/1.1\rHost: a\r\n\r\n", 0,
     "400"},
    {"refuses_a_bare_carriage_return_in_a_value", GET_WITH(H "X: a\rb\r\n"), 0,
     "400"},
    {"refuses_a_bare_carriage_return_at_the_end", "GET / HTTP/1.1\r\n" H "\rZ",
     0, "400"},
    {"refuses_two_empty_lines_in_front", "\r\n\r\nGET / HTTP/1.1\r\n", 0,
     "400"},
    {"refuses_a_line_feed_in_front", "\nGET / HTTP/1.1\r\n", 0, "400"},
    {"refuses_nul_in_a_value", BYTES(GET_WITH(H "X: a\0b\r\n")), "400"},
    {"refuses_nul_in_a_host", BYTES(GET_WITH("Host: a\0.b\r\n")), "400"},
    {"refuses_nul_in_a_target", BYTES("GET /\0 HTTP/1.1\r\n"), "400"},
    {"refuses_control_bytes_in_a_value", GET_WITH(H "X: a\x0b\r\n"), 0, "400"},
    {"refuses_delete_in_a_value", GET_WITH(H "X: a\x7f\r\n"), 0, "400"},
    {"refuses_space_before_a_colon", GET_WITH("Host : a\r\n"), 0, "400"},
    {"refuses_tab_before_a_colon", GET_WITH("Host\t: a\r\n"), 0, "400"},
    {"refuses_a_field_without_colon", GET_WITH(H "abc\r\n"), 0, "400"},
    {"refuses_an_empty_field_name", GET_WITH(": x\r\n" H), 0, "400"},
    {"refuses_non_ascii_in_a_field_name", GET_WITH("H\xc3\xa9: a\r\n" H), 0,
     "400"},
    {"refuses_folded_fields", GET_WITH(H "X: a\r\n b\r\n"), 0, "400"},
    {"refuses_space_before_the_first_field", GET_WITH(" X: a\r\n" H), 0, "400"},

    {"refuses_two_spaces_before_the_target", "GET  / HTTP/1.1\r\n", 0, "400"},
    {"refuses_a_tab_as_separator", "GET\t/ HTTP/1.1\r\n", 0, "400"},
    {"refuses_space_in_a_target", "GET /a b HTTP/1.1\r\n", 0, "400"},
    {"refuses_space_after_the_version", "GET / HTTP/1.1 \r\n", 0, "400"},
    {"refuses_space_before_the_method", " GET / HTTP/1.1\r\n", 0, "400"},
    {"refuses_a_missing_version", "GET /\r\n", 0, "400"},
    {"refuses_a_version_in_lower_case", "GET / http/1.1\r\n", 0, "400"},
    {"refuses_an_overlong_version", "GET / HTTP/4294967295.255\r\n", 0, "400"},
    {"refuses_version_2_by_name", "GET / HTTP/2.0\r\n", 0, "505"},
    {"refuses_version_1_2_by_name", "GET / HTTP/1.2\r\n", 0, "505"},
    {"refuses_version_0_9_by_name", "GET / HTTP/0.9\r\n", 0, "505"},
    {"refuses_the_http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0,
     "505"},
    {"refuses_tls", BYTES("\x16\x03\x01\x02\0\x01"), "400"},
    {"refuses_unknown_methods", "BREW / HTTP/1.1\r\n", 0, "501"},
    {"refuses_methods_in_lower_case", "get / HTTP/1.1\r\n", 0, "501"},
    {"refuses_endless_methods", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
     0, "501"},
    {"refuses_to_be_a_proxy", "CONNECT a:80 HTTP/1.1\r\n", 0, "405"},
    {"refuses_trace", "TRACE / HTTP/1.1\r\n", 0, "405"},
    {"refuses_a_fragment", "GET /#a HTTP/1.1\r\n", 0, "400"},
    {"refuses_non_ascii_in_a_target", "GET /\xc3\xa9 HTTP/1.1\r\n", 0, "400"},
    {"refuses_a_relative_target", "GET a HTTP/1.1\r\n", 0, "400"},
    {"refuses_an_asterisk_with_get", "GET * HTTP/1.1\r\n", 0, "400"},
    {"refuses_other_schemes", "GET ftp://a/ HTTP/1.1\r\n" H "\r\n", 0, "400"},
    {"refuses_user_names_in_a_target", "GET http://u@a/ HTTP/1.1\r\n", 0,
     "400"},
    {"refuses_a_target_without_host", "GET http:///x HTTP/1.1\r\n", 0, "400"},
    {"refuses_a_host_that_differs_from_the_target",
     "GET http://b/ HTTP/1.1\r\n" H "\r\n", 0, "400"},
    {"refuses_broken_percent_signs_in_a_path", "GET /%2 HTTP/1.1\r\n", 0,
     "400"},
    {"refuses_percent_00_in_a_path", "GET /a%00.js HTTP/1.1\r\n", 0, "400"},

    {"refuses_a_missing_host", "GET / HTTP/1.1\r\n\r\n", 0, "400"},
    {"refuses_two_hosts", GET_WITH(H H), 0, "400"},
    {"refuses_two_hosts_in_http_1_0", "GET / HTTP/1.0\r\n" H H "\r\n", 0,
     "400"},
    {"refuses_an_empty_host", GET_WITH("Host:\r\n"), 0, "400"},
    {"refuses_a_list_of_hosts", GET_WITH("Host: a, b\r\n"), 0, "400"},
    {"refuses_a_host_with_user", GET_WITH("Host: u@a\r\n"), 0, "400"},
    {"refuses_a_host_with_path", GET_WITH("Host: a/b\r\n"), 0, "400"},
    {"refuses_a_host_with_wild_port", GET_WITH("Host: a:99999\r\n"), 0, "400"},
    {"refuses_a_port_of_letters", GET_WITH("Host: a:http\r\n"), 0, "400"},
    {"refuses_an_open_bracket", GET_WITH("Host: [::1\r\n"), 0, "400"},

    {"refuses_two_lengths",
     GET_WITH(H "Content-Length: 1\r\nContent-Length: 2\r\n"), 0, "400"},
    {"refuses_the_same_length_twice",
     GET_WITH(H "Content-Length: 1\r\nContent-Length: 1\r\n"), 0, "400"},
    {"refuses_a_list_of_lengths", GET_WITH(H "Content-Length: 1, 1\r\n"), 0,
     "400"},
    {"refuses_a_signed_length", GET_WITH(H "Content-Length: +1\r\n"), 0, "400"},
    {"refuses_a_negative_length", GET_WITH(H "Content-Length: -1\r\n"), 0,
     "400"},
    {"refuses_a_hexadecimal_length", GET_WITH(H "Content-Length: 0x1\r\n"), 0,
     "400"},
    {"refuses_an_empty_length", GET_WITH(H "Content-Length: \r\n"), 0, "400"},
    {"refuses_a_length_with_space", GET_WITH(H "Content-Length: 1 1\r\n"), 0,
     "400"},
    {"refuses_a_length_beyond_64_bits",
     GET_WITH(H "Content-Length: 18446744073709551617\r\n"), 0, "400"},
    {"refuses_a_length_above_the_limit", GET_WITH(H "Content-Length: 1001\r\n"),
     0, "413"},
    {"refuses_length_and_chunks",
     "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: "
     "chunked\r\n\r\n",
     0, "400"},
    {"refuses_chunks_and_length",
     "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: "
     "0\r\n\r\n",
     0, "400"},
    {"refuses_chunks_in_http_1_0",
     "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0,
     "400"},
    {"refuses_two_codings",
     GET_WITH(H "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
     0, "400"},
    {"refuses_a_list_of_codings",
     GET_WITH(H "Transfer-Encoding: gzip, chunked\r\n"), 0, "501"},
    {"refuses_chunked_twice",
     GET_WITH(H "Transfer-Encoding: chunked, chunked\r\n"), 0, "501"},
    {"refuses_identity", GET_WITH(H "Transfer-Encoding: identity\r\n"), 0,
     "501"},
    {"refuses_chunked_with_parameters",
     GET_WITH(H "Transfer-Encoding: chunked;a=b\r\n"), 0, "501"},
    {"refuses_an_empty_coding", GET_WITH(H "Transfer-Encoding:\r\n"), 0, "501"},
    {"refuses_other_expectations", GET_WITH(H "Expect: 200-ok\r\n"), 0, "417"},
    {"refuses_two_content_types",
     GET_WITH(H "Content-Type: a/b\r\nContent-Type: c/d\r\n"), 0, "400"},
    {"refuses_two_authorizations",
     GET_WITH(H "Authorization: a\r\nAuthorization: b\r\n"), 0, "400"},

    {"refuses_an_empty_chunk_size", CHUNKED "\r\n\r\n", 0, "400"},
    {"refuses_a_chunk_size_with_0x", CHUNKED "0x1\r\na\r\n", 0, "400"},
    {"refuses_a_signed_chunk_size", CHUNKED "-1\r\na\r\n", 0, "400"},
    {"refuses_space_before_a_chunk_size", CHUNKED " 1\r\na\r\n", 0, "400"},
    {"refuses_space_after_a_chunk_size", CHUNKED "1 \r\na\r\n", 0, "400"},
    {"refuses_underscores_in_a_chunk_size", CHUNKED "0_2\r\nab\r\n", 0, "400"},
    {"refuses_a_chunk_size_beyond_64_bits",
     CHUNKED "10000000000000001\r\nZ\r\n0\r\n\r\n", 0, "400"},
    {"refuses_a_chunk_above_the_limit", CHUNKED "3e9\r\n", 0, "413"},
    {"refuses_chunks_above_the_limit_together", CHUNKED "1\r\na\r\n3e8\r\n", 0,
     "413"},
    {"refuses_a_chunk_longer_than_its_size", CHUNKED "1\r\nab\r\n0\r\n\r\n", 0,
     "400"},
    {"refuses_a_chunk_ended_by_line_feed", CHUNKED "1\r\na\n0\r\n\r\n", 0,
     "400"},
    {"refuses_a_chunk_line_ended_by_line_feed", CHUNKED "1\na\r\n0\r\n\r\n", 0,
     "400"},
    {"refuses_a_line_feed_in_an_extension", CHUNKED "1;a\nb\r\na\r\n", 0,
     "400"},
    {"refuses_a_carriage_return_in_an_extension",
     CHUNKED "5\r\r;ABCD\r\n34\r\nE\r\n0\r\n\r\n", 0, "400"},
    {"refuses_an_open_quote_in_an_extension", CHUNKED "1;a=\"b\r\na\r\n", 0,
     "400"},
    {"refuses_a_quoted_pair_in_an_extension",
     CHUNKED "1;a=\"\\b\"\r\na\r\n0\r\n\r\n", 0, "400"},
    {"refuses_folded_trailers", CHUNKED "0\r\nX: y\r\n z\r\n\r\n", 0, "400"},
    {"refuses_trailers_without_colon", CHUNKED "0\r\nGET / HTTP/1.1\r\n\r\n", 0,
     "400"},
};

/* Limits */

/* `prefix`, then `unit` `count` times: what reading gives. */
static void expect_flood(const char *prefix, const char *unit, int count,
                         const char *result)
{
    struct lun_buf raw;
    char out[8192];
    size_t used;
    lun_buf_init(&raw);
    lun_buf_push_str(&raw, prefix);
    for (int i = 0; i < count; i++)
        lun_buf_push_str(&raw, unit);
    read_in_pieces(raw.data, raw.len, raw.len, 1, out, sizeof(out), &used);
    assert_string_equal(out, result);
    read_in_pieces(raw.data, raw.len, 0, 7, out, sizeof(out), &used);
    assert_string_equal(out, result);
    lun_buf_release(&raw);
}

static void bounds_the_request_line(void **state)
{
    (void)state;
    expect_flood("GET /", "a", 300, "414");
    expect_flood("GET /?", "a", 100000, "414");
}

static void bounds_the_headers(void **state)
{
    (void)state;
    expect_flood(GET_WITH(""), "", 0, "400");
    expect_flood("GET / HTTP/1.1\r\nX: ", "a", 600, "431");
    expect_flood("GET / HTTP/1.1\r\nX: ", " ", 100000, "431");
    expect_flood("GET / HTTP/1.1\r\n", "a", 600, "431");
    expect_flood("GET / HTTP/1.1\r\n", "a: b\r\n", 11, "431");
    expect_flood("GET / HTTP/1.1\r\n", "a: b\r\n", 10, "more head");
}

static void bounds_the_host(void **state)
{
    (void)state;
    char raw[512], host[300], out[1024];
    size_t used;
    for (size_t len = 255; len <= 256; len++) {
        memset(host, 'a', len);
        host[len] = '\0';
        int size = snprintf(raw, sizeof(raw),
                            "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
        read_in_pieces(raw, (size_t)size, 0, 1, out, sizeof(out), &used);
        assert_int_equal(strcmp(out, "400") == 0, len > 255);
    }
}

static void bounds_the_trailers(void **state)
{
    (void)state;
    expect_flood(CHUNKED "0\r\n", "a: b\r\n", 20, "431");
    expect_flood(CHUNKED "0\r\nX: ", "a", 600, "431");
}

static void bounds_what_chunks_cost_beyond_their_bytes(void **state)
{
    (void)state;
    expect_flood(CHUNKED "1;", "a", 10000, "413");
    expect_flood(CHUNKED "1;a=\"", "a", 10000, "413");
    expect_flood(CHUNKED, "1;aaaaaaaaaaaaaaaaaaaaaaaa\r\nZ\r\n", 900, "413");
    expect_flood(CHUNKED, "1\r\nZ\r\n", 900, "more body");
}

/* Reuse and memory */

static void reads_the_next_request_after_clear(void **state)
{
    (void)state;
    struct lun_http_parser parser;
    struct lun_http_request request;
    struct lun_arena arena;
    static const char first[] = CHUNKED "1\r\na\r\n0\r\nX: y\r\n\r\n";
    static const char second[] = "GET /2 HTTP/1.1\r\n" H "\r\n";
    lun_arena_init(&arena, 0);
    lun_http_parser_init(&parser, &limits);
    lun_http_parser_feed(&parser, first, sizeof(first) - 1);
    assert_int_equal(lun_http_parser_phase(&parser), LUN_HTTP_PHASE_DONE);
    lun_http_parser_clear(&parser);
    assert_int_equal(lun_http_parser_phase(&parser), LUN_HTTP_PHASE_HEAD);
    lun_http_parser_feed(&parser, second, sizeof(second) - 1);
    assert_true(lun_http_parser_request(&parser, &arena, &request));
    assert_string_equal(request.path, "/2");
    assert_int_equal(request.header_count, 1);
    assert_int_equal(request.body_len, 0);
    lun_arena_release(&arena);
    lun_http_parser_release(&parser);
}

static void keeps_no_big_buffer_for_the_next_request(void **state)
{
    (void)state;
    static const struct lun_http_limits wide = {.request_line = 8192,
                                                .header_bytes = 65536,
                                                .header_count = 100,
                                                .body_bytes = 1 << 20};
    static char big[60000];
    struct lun_http_parser parser;
    lun_http_parser_init(&parser, &wide);
    memset(big, 'a', sizeof(big));
    static const char head[] = "POST / HTTP/1.1\r\n" H "X: ";
    static const char rest[] = "\r\nContent-Length: 60000\r\n\r\n";
    lun_http_parser_feed(&parser, head, sizeof(head) - 1);
    lun_http_parser_feed(&parser, big, sizeof(big));
    lun_http_parser_feed(&parser, rest, sizeof(rest) - 1);
    lun_http_parser_feed(&parser, big, sizeof(big));
    assert_int_equal(lun_http_parser_phase(&parser), LUN_HTTP_PHASE_DONE);
    lun_http_parser_clear(&parser);
    assert_true(parser.body.cap <= 16384);
    assert_true(parser.head.cap <= 16384);
    lun_http_parser_release(&parser);
}

static void says_when_100_continue_is_awaited(void **state)
{
    (void)state;
    struct lun_http_parser parser;
    static const char raw[] =
        "POST / HTTP/1.1\r\n" H
        "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    lun_http_parser_init(&parser, &limits);
    lun_http_parser_feed(&parser, raw, sizeof(raw) - 1);
    assert_int_equal(lun_http_parser_phase(&parser), LUN_HTTP_PHASE_BODY);
    assert_true(parser.expects_continue);
    lun_http_parser_release(&parser);
}

static void fails_one_request_when_memory_runs_out(void **state)
{
    (void)state;
#if FAIL_MALLOC
    static const char raw[] =
        "POST / HTTP/1.1\r\n" H "Content-Length: 600\r\n\r\n";
    char body[600];
    memset(body, 'x', sizeof(body));
    for (long n = 0; n < 8; n++) {
        struct lun_http_parser parser;
        lun_http_parser_init(&parser, &limits);
        fail_after = n;
        lun_http_parser_feed(&parser, raw, sizeof(raw) - 1);
        for (size_t i = 0; i < sizeof(body); i += 10)
            lun_http_parser_feed(&parser, body + i, 10);
        bool failed = fail_after == -1;
        fail_after = -1;
        assert_int_equal(lun_http_parser_phase(&parser),
                         failed ? LUN_HTTP_PHASE_BAD : LUN_HTTP_PHASE_DONE);
        if (failed)
            assert_int_equal(parser.status, 503);
        lun_http_parser_clear(&parser);
        assert_int_equal(lun_http_parser_feed(&parser, raw, sizeof(raw) - 1),
                         sizeof(raw) - 1);
        assert_int_equal(lun_http_parser_phase(&parser), LUN_HTTP_PHASE_BODY);
        lun_http_parser_release(&parser);
    }
#else
    skip();
#endif
}

int main(void)
{
    enum { COUNT = sizeof(examples) / sizeof(examples[0]) };
    enum { FIRST = 9 };
    struct CMUnitTest tests[COUNT + FIRST] = {
        cmocka_unit_test(bounds_the_request_line),
        cmocka_unit_test(bounds_the_headers),
        cmocka_unit_test(bounds_the_host),
        cmocka_unit_test(bounds_the_trailers),
        cmocka_unit_test(bounds_what_chunks_cost_beyond_their_bytes),
        cmocka_unit_test(reads_the_next_request_after_clear),
        cmocka_unit_test(keeps_no_big_buffer_for_the_next_request),
        cmocka_unit_test(says_when_100_continue_is_awaited),
        cmocka_unit_test(fails_one_request_when_memory_runs_out),
    };
    for (size_t i = 0; i < COUNT; i++)
        tests[FIRST + i] = (struct CMUnitTest){
            .name = examples[i].name,
            .test_func = reads_as_said_wherever_it_is_cut,
            .initial_state = (void *)(uintptr_t)&examples[i]};
    return cmocka_run_group_tests_name("http/parser", tests, NULL, NULL);
}
