/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "core/http/coding.h"

#define GZIP LUN_HTTP_CODING_BIT(LUN_HTTP_GZIP)
#define BOTH (GZIP | LUN_HTTP_CODING_BIT(LUN_HTTP_BROTLI))

static void expect(const char *accept, unsigned offered,
                   enum lun_http_coding coding)
{
    if (lun_http_coding_pick(accept, offered) != coding)
        fail_msg("'%s' gave %d", accept, lun_http_coding_pick(accept, offered));
}

static void picks_what_the_client_likes_best(void **state)
{
    (void)state;
    expect(NULL, BOTH, LUN_HTTP_IDENTITY);
    expect("", BOTH, LUN_HTTP_IDENTITY);
    expect("gzip", BOTH, LUN_HTTP_GZIP);
    expect("GZip", BOTH, LUN_HTTP_GZIP);
    expect("x-gzip", BOTH, LUN_HTTP_GZIP);
    expect("br", BOTH, LUN_HTTP_BROTLI);
    expect("br", GZIP, LUN_HTTP_IDENTITY);
    expect("gzip, deflate, br, zstd", BOTH, LUN_HTTP_BROTLI);
    expect("gzip, deflate, br, zstd", GZIP, LUN_HTTP_GZIP);
    expect("gzip;q=1, br;q=0.9", BOTH, LUN_HTTP_GZIP);
    expect("gzip;q=0.8;x=y , br ; Q=0.81", BOTH, LUN_HTTP_BROTLI);
    expect("*", BOTH, LUN_HTTP_BROTLI);
    expect("*;q=0.5, gzip", BOTH, LUN_HTTP_GZIP);
    expect("*, br;q=0", BOTH, LUN_HTTP_GZIP);
    expect(", ,gzip,,", BOTH, LUN_HTTP_GZIP);
}

static void leaves_bodies_alone_where_that_is_liked_better(void **state)
{
    (void)state;
    expect("gzip;q=0", BOTH, LUN_HTTP_IDENTITY);
    expect("gzip;q=0.000", BOTH, LUN_HTTP_IDENTITY);
    expect("*;q=0", BOTH, LUN_HTTP_IDENTITY);
    expect("identity", BOTH, LUN_HTTP_IDENTITY);
    expect("gzip;q=0.5, identity;q=0.6", BOTH, LUN_HTTP_IDENTITY);
    expect("identity;q=0.5, gzip;q=0.5", BOTH, LUN_HTTP_GZIP);
    expect("gzipped", BOTH, LUN_HTTP_IDENTITY);
    expect("g", BOTH, LUN_HTTP_IDENTITY);
    expect("gzip", 0, LUN_HTTP_IDENTITY);
}

static void survives_qualities_that_are_none(void **state)
{
    (void)state;
    expect("gzip;q=", BOTH, LUN_HTTP_GZIP);
    expect("gzip;q", BOTH, LUN_HTTP_GZIP);
    expect("gzip;", BOTH, LUN_HTTP_GZIP);
    expect("gzip;q=9", BOTH, LUN_HTTP_GZIP);
    expect("gzip;q=1.9999999999, br;q=0.9999999", BOTH, LUN_HTTP_GZIP);
    expect("gzip;q=-1", BOTH, LUN_HTTP_GZIP);
    expect(";q=1,gzip", BOTH, LUN_HTTP_GZIP);
}

static void names_codings(void **state)
{
    (void)state;
    assert_string_equal(lun_http_coding_name(LUN_HTTP_GZIP), "gzip");
    assert_string_equal(lun_http_coding_name(LUN_HTTP_BROTLI), "br");
    assert_null(lun_http_coding_name(LUN_HTTP_IDENTITY));
}

static void finds_its_tag_in_a_list(void **state)
{
    (void)state;
    static const char tag[] = "W/\"abc\"";
    assert_false(lun_http_coding_has_tag(NULL, tag));
    assert_false(lun_http_coding_has_tag("", tag));
    assert_true(lun_http_coding_has_tag("W/\"abc\"", tag));
    assert_true(lun_http_coding_has_tag("\"abc\"", tag));
    assert_true(lun_http_coding_has_tag(" \"x\", W/\"y\" ,W/\"abc\"", tag));
    assert_true(lun_http_coding_has_tag("\"a,b\", \"abc\"", tag));
    assert_true(lun_http_coding_has_tag("*", tag));
    assert_true(lun_http_coding_has_tag(" * ", tag));
    assert_true(lun_http_coding_has_tag("W/\"abc\"", "\"abc\""));
    assert_false(lun_http_coding_has_tag("\"ab\"", tag));
    assert_false(lun_http_coding_has_tag("\"abcd\"", tag));
    assert_false(lun_http_coding_has_tag("abc", tag));
    assert_false(lun_http_coding_has_tag("\"abc", tag));
    assert_false(lun_http_coding_has_tag("*x", tag));
    assert_false(lun_http_coding_has_tag("W/", tag));
}

static void packs_what_others_unpack(void **state)
{
    (void)state;
    struct lun_http_gzip *gzip = lun_http_gzip_new();
    assert_non_null(gzip);
    for (size_t len = 1000; len < 3000000; len *= 3) {
        char *text = malloc(len);
        unsigned char *back = malloc(len + 1);
        struct lun_buf out;
        lun_buf_init(&out);
        lun_buf_push(&out, "x", 1);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('a' + i * i % 7 + i / 100 % 11);
        assert_true(lun_http_gzip_pack(gzip, text, len, &out));
        assert_true(out.len < len);
        assert_int_equal(out.data[0], 'x');
        struct libdeflate_decompressor *reader =
            libdeflate_alloc_decompressor();
        size_t got = 0;
        assert_int_equal(libdeflate_gzip_decompress(reader, out.data + 1,
                                                    out.len - 1, back, len + 1,
                                                    &got),
                         LIBDEFLATE_SUCCESS);
        assert_int_equal(got, len);
        assert_memory_equal(back, text, len);
        libdeflate_free_decompressor(reader);
        lun_buf_release(&out);
        free(text);
        free(back);
    }
    lun_http_gzip_free(gzip);
}

static void leaves_alone_what_would_grow(void **state)
{
    (void)state;
    struct lun_http_gzip *gzip = lun_http_gzip_new();
    struct lun_buf out;
    unsigned char noise[2000];
    unsigned x = 1;
    lun_buf_init(&out);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (unsigned char)((x = x * 1664525 + 1013904223) >> 24);
    assert_false(lun_http_gzip_pack(gzip, (char *)noise, sizeof(noise), &out));
    assert_false(lun_http_gzip_pack(gzip, "ab", 2, &out));
    assert_false(lun_http_gzip_pack(gzip, "", 0, &out));
    assert_false(lun_http_gzip_pack(NULL, "aaaaaaaaa", 9, &out));
    assert_int_equal(out.len, 0);
    lun_buf_release(&out);
    lun_http_gzip_free(gzip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_what_the_client_likes_best),
        cmocka_unit_test(leaves_bodies_alone_where_that_is_liked_better),
        cmocka_unit_test(survives_qualities_that_are_none),
        cmocka_unit_test(names_codings),
        cmocka_unit_test(finds_its_tag_in_a_list),
        cmocka_unit_test(packs_what_others_unpack),
        cmocka_unit_test(leaves_alone_what_would_grow),
    };
    return cmocka_run_group_tests_name("http/coding", tests, NULL, NULL);
}
