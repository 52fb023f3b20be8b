/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/serve/media.h"

static void picks_the_type_by_accept(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum lun_media_answer answer;
    } rows[] = {
        {NULL, LUN_MEDIA_JSON},
        {"", LUN_MEDIA_JSON},
        {"*/*", LUN_MEDIA_JSON},
        {"application/*", LUN_MEDIA_JSON},
        {"application/json", LUN_MEDIA_JSON},
        {"application/graphql-response+json", LUN_MEDIA_GRAPHQL},
        {"application/graphql-response+json, application/json",
         LUN_MEDIA_GRAPHQL},
        {"application/json, application/graphql-response+json;q=0.5",
         LUN_MEDIA_JSON},
        {"Application/GraphQL-Response+JSON; charset=utf-8",
         LUN_MEDIA_GRAPHQL},
        {"application/graphql-response+json;q=0, */*;q=0.1", LUN_MEDIA_JSON},
        {"text/html, application/xhtml+xml, */*;q=0.8", LUN_MEDIA_JSON},
        {"text/plain;x=\"a,application/json\"", LUN_MEDIA_NONE},
        {"text/html", LUN_MEDIA_NONE},
        {"application/json;q=0", LUN_MEDIA_NONE},
        {",,,", LUN_MEDIA_NONE},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (lun_media_accept(rows[i].accept) != rows[i].answer)
            print_error("wrong for '%s'\n", rows[i].accept);
        assert_int_equal(lun_media_accept(rows[i].accept), rows[i].answer);
    }
}

static void takes_json_in_utf8_only(void **state)
{
    (void)state;
    static const char *const good[] = {
        "application/json", "Application/JSON", "application/json;charset=utf-8",
        "application/json; charset=\"UTF-8\"", "application/json ; x=y",
        "application/json; x=y; charset=utf-8"};
    static const char *const bad[] = {
        "", "text/plain", "application/json5", "application/jsonx",
        "application/json; charset=utf-16", "application/json; charset",
        "application/x-www-form-urlencoded", "multipart/form-data",
        "application/json, text/plain", "application/json garbage"};
    assert_false(lun_media_is_json(NULL));
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(lun_media_is_json(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (lun_media_is_json(bad[i]))
            print_error("accepted '%s'\n", bad[i]);
        assert_false(lun_media_is_json(bad[i]));
    }
}

static int find(struct lun_arena *arena, const char *query, const char *name,
                const char **text)
{
    size_t len;
    struct lun_err err;
    return lun_media_parameter(arena, query, name, text, &len, &err);
}

static void decodes_parameters_of_the_url(void **state)
{
    (void)state;
    struct lun_arena arena;
    const char *text;
    lun_arena_init(&arena, 0);
    assert_int_equal(find(&arena, "a=1&query=%7Ba%7D+b&x", "query", &text), 0);
    assert_string_equal(text, "{a} b");
    assert_int_equal(find(&arena, "queryx=1&xquery=2", "query", &text), 0);
    assert_null(text);
    assert_int_equal(find(&arena, "query=", "query", &text), 0);
    assert_string_equal(text, "");
    assert_int_equal(find(&arena, "query=%41%42", "query", &text), 0);
    assert_string_equal(text, "AB");
    lun_arena_release(&arena);
}

static void refuses_bad_escapes_and_repeated_parameters(void **state)
{
    (void)state;
    struct lun_arena arena;
    const char *text;
    lun_arena_init(&arena, 0);
    assert_int_equal(find(&arena, "query=%", "query", &text), LUN_EBAD_INPUT);
    assert_int_equal(find(&arena, "query=%4", "query", &text), LUN_EBAD_INPUT);
    assert_int_equal(find(&arena, "query=%zz", "query", &text), LUN_EBAD_INPUT);
    assert_int_equal(find(&arena, "query=a&query=b", "query", &text),
                     LUN_EBAD_INPUT);
    lun_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_the_type_by_accept),
        cmocka_unit_test(takes_json_in_utf8_only),
        cmocka_unit_test(decodes_parameters_of_the_url),
        cmocka_unit_test(refuses_bad_escapes_and_repeated_parameters),
    };
    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
