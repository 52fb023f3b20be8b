/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/serve/params.h"

static struct lun_arena arena;

static int set_up(void **state)
{
    (void)state;
    lun_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lun_arena_release(&arena);
    return 0;
}

static const char *read_json(const char *text, struct lun_params *out)
{
    struct lun_json *node;
    struct lun_err err;
    assert_int_equal(
        lun_json_parse(&arena, text, strlen(text), 20, 1000, &node, &err), 0);
    return lun_params_from_json(node, out);
}

static void reads_a_request(void **state)
{
    (void)state;
    struct lun_params p;
    assert_null(read_json("{\"query\":\"{a}\",\"operationName\":\"A\","
                          "\"variables\":{\"x\":1},\"extensions\":{\"y\":2},"
                          "\"more\":3}",
                          &p));
    assert_string_equal(p.query, "{a}");
    assert_int_equal(p.query_len, 3);
    assert_string_equal(p.operation, "A");
    assert_non_null(lun_json_get(p.variables, "x"));
    assert_null(p.hash);
    assert_null(read_json("{\"query\":\"{a}\",\"operationName\":\"\","
                          "\"variables\":null,\"extensions\":null}",
                          &p));
    assert_null(p.operation);
    assert_null(p.variables);
}

static void reads_a_request_by_its_hash(void **state)
{
    (void)state;
    struct lun_params p;
    assert_null(read_json("{\"extensions\":{\"persistedQuery\":{\"version\":1,"
                          "\"sha256Hash\":\"abc\"}}}",
                          &p));
    assert_null(p.query);
    assert_string_equal(p.hash, "abc");
    assert_null(read_json("{\"query\":null,\"extensions\":{\"persistedQuery\":{"
                          "\"version\":1,\"sha256Hash\":\"abc\"}}}",
                          &p));
    assert_null(p.query);
    assert_null(
        read_json("{\"query\":\"{a}\",\"extensions\":{\"persistedQuery\":{"
                  "\"version\":1,\"sha256Hash\":\"abc\"}}}",
                  &p));
    assert_string_equal(p.query, "{a}");
    assert_string_equal(p.hash, "abc");
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "parameter 'query' is missing or not a string"},
        {"{\"query\":1}", "parameter 'query' is missing or not a string"},
        {"{\"query\":null}", "parameter 'query' is missing or not a string"},
        {"{\"query\":1,\"extensions\":{\"persistedQuery\":{\"version\":1,"
         "\"sha256Hash\":\"a\"}}}",
         "parameter 'query' is missing or not a string"},
        {"{\"query\":\"\",\"operationName\":1}",
         "parameter 'operationName' must be a string"},
        {"{\"query\":\"\",\"variables\":[]}",
         "parameter 'variables' must be an object"},
        {"{\"query\":\"\",\"extensions\":\"x\"}",
         "parameter 'extensions' must be an object"},
        {"{\"extensions\":{\"persistedQuery\":1}}",
         "extension 'persistedQuery' must be an object"},
        {"{\"extensions\":{\"persistedQuery\":{\"sha256Hash\":\"a\"}}}",
         "Unsupported persisted query version"},
        {"{\"extensions\":{\"persistedQuery\":{\"version\":2,"
         "\"sha256Hash\":\"a\"}}}",
         "Unsupported persisted query version"},
        {"{\"extensions\":{\"persistedQuery\":{\"version\":1}}}",
         "extension 'persistedQuery' needs 'sha256Hash', a string"},
        {"{\"extensions\":{\"persistedQuery\":{\"version\":1,"
         "\"sha256Hash\":\"\"}}}",
         "extension 'persistedQuery' needs 'sha256Hash', a string"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lun_params p;
        const char *wrong = read_json(cases[i][0], &p);
        assert_non_null(wrong);
        assert_string_equal(wrong, cases[i][1]);
    }
}

static void reads_urls(void **state)
{
    (void)state;
    struct lun_params p;
    assert_null(lun_params_from_url(
        &arena, "query=%7Ba%7D&operationName=A&variables=%7B%22x%22%3A1%7D&z=1",
        &p));
    assert_string_equal(p.query, "{a}");
    assert_string_equal(p.operation, "A");
    assert_non_null(lun_json_get(p.variables, "x"));
    assert_null(lun_params_from_url(
        &arena,
        "extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22"
        "sha256Hash%22%3A%22abc%22%7D%7D",
        &p));
    assert_null(p.query);
    assert_string_equal(p.hash, "abc");
    assert_non_null(lun_params_from_url(&arena, "", &p));
    assert_non_null(lun_params_from_url(&arena, "query=a&query=b", &p));
    assert_non_null(lun_params_from_url(&arena, "query=%7", &p));
    assert_non_null(lun_params_from_url(&arena, "query=a&variables=x", &p));
    assert_non_null(
        lun_params_from_url(&arena, "query=a&variables=%5B%5D", &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_a_request, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_a_request_by_its_hash, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(says_what_is_wrong, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_urls, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("host/params", tests, NULL, NULL);
}
