/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/json.h"

static int parse(struct lun_arena *arena, const char *text,
                 struct lun_json **out, struct lun_err *err)
{
    return lun_json_parse(arena, text, strlen(text), 32, 1000, out, err);
}

static void writes_back_what_it_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "null", "true", "[]", "{}", "[1,-0,1.5e+10,123456789012345678901]",
        "{\"a\":{\"b\":[null,false,\"x\"]},\"c\":\"\"}",
        "\"\xc3\xa4\xf0\x9f\x98\x80\"", "\"\\u0000\\\"\\\\\\n\""};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct lun_arena arena;
        struct lun_json *root;
        struct lun_err err;
        struct lun_buf out;
        lun_arena_init(&arena, 0);
        lun_buf_init(&out);
        assert_int_equal(parse(&arena, texts[i], &root, &err), 0);
        lun_json_write(root, &out);
        assert_string_equal(lun_buf_str(&out), texts[i]);
        lun_buf_release(&out);
        lun_arena_release(&arena);
    }
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", " ", "nul", "tru", "01", "1.", ".5", "+1", "-", "1e", "[1,]",
        "[,1]", "[1", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}",
        "{\"a\":1,\"a\":2}", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
        "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\n\"", "\"\xff\"",
        "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "1 2", "[]x", "'a'", "NaN"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct lun_arena arena;
        struct lun_json *root = NULL;
        struct lun_err err;
        lun_arena_init(&arena, 0);
        int rc = parse(&arena, texts[i], &root, &err);
        if (rc != LUN_EBAD_INPUT)
            print_error("accepted: %s\n", texts[i]);
        assert_int_equal(rc, LUN_EBAD_INPUT);
        assert_null(root);
        lun_arena_release(&arena);
    }
}

static void stops_at_the_depth_and_the_number_of_values(void **state)
{
    (void)state;
    char deep[67] = {0};
    struct lun_arena arena;
    struct lun_json *root;
    struct lun_err err;
    memset(deep, '[', 33);
    memset(deep + 33, ']', 33);
    lun_arena_init(&arena, 0);
    assert_int_equal(parse(&arena, deep, &root, &err), LUN_ELIMIT);
    assert_int_equal(lun_json_parse(&arena, "[1,2,3]", 7, 8, 3, &root, &err),
                     LUN_ELIMIT);
    assert_int_equal(lun_json_parse(&arena, "[1,2,3]", 7, 8, 4, &root, &err),
                     0);
    lun_arena_release(&arena);
}

static void finds_duplicates_among_many_members(void **state)
{
    (void)state;
    struct lun_buf text;
    struct lun_arena arena;
    struct lun_json *root;
    struct lun_err err;
    lun_buf_init(&text);
    lun_arena_init(&arena, 0);
    for (int i = 0; i < 200; i++)
        lun_buf_printf(&text, "%c\"k%d\":%d", i ? ',' : '{', i, i);
    lun_buf_push_str(&text, "}");
    assert_int_equal(parse(&arena, lun_buf_str(&text), &root, &err), 0);
    assert_int_equal(root->count, 200);
    assert_string_equal(lun_json_get(root, "k150")->text, "150");
    text.len--;
    lun_buf_push_str(&text, ",\"k7\":1}");
    assert_int_equal(parse(&arena, lun_buf_str(&text), &root, &err),
                     LUN_EBAD_INPUT);
    lun_arena_release(&arena);
    lun_buf_release(&text);
}

static void unescapes_surrogate_pairs(void **state)
{
    (void)state;
    struct lun_arena arena;
    struct lun_json *root;
    struct lun_err err;
    lun_arena_init(&arena, 0);
    assert_int_equal(parse(&arena, "\"\\ud83d\\uDE00\\u00e4\"", &root, &err),
                     0);
    assert_string_equal(root->text, "\xf0\x9f\x98\x80\xc3\xa4");
    lun_arena_release(&arena);
}

static void fails_cleanly_when_the_arena_is_full(void **state)
{
    (void)state;
    for (size_t limit = 1; limit < 4000; limit += 13) {
        struct lun_arena arena;
        struct lun_json *root;
        struct lun_err err;
        lun_arena_init(&arena, limit);
        int rc = parse(&arena, "{\"a\":[1,2,{\"b\":\"text\"}],\"c\":true}",
                       &root, &err);
        assert_true(rc == 0 || rc == LUN_EMEMORY);
        lun_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_back_what_it_read),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(stops_at_the_depth_and_the_number_of_values),
        cmocka_unit_test(finds_duplicates_among_many_members),
        cmocka_unit_test(unescapes_surrogate_pairs),
        cmocka_unit_test(fails_cleanly_when_the_arena_is_full),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
