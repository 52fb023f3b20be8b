/*
 * spec/unit/bind/read_test.c - reads from text to response: parsed, compiled by
 * the framework, run on PostgreSQL, written from its binary results.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lauxlib.h>
#include <lua.h>

#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/bind/framework.h"
#include "core/graphql/error.h"
#include "core/graphql/exec.h"
#include "core/graphql/lexer.h"
#include "core/graphql/limits.h"
#include "core/graphql/parser.h"
#include "core/graphql/plan.h"
#include "spec/unit/pg/support.h"

static struct lun_framework *framework;
static struct lun_pg_pool *pool;
static int service;
static char body[8192];
static int answers;

static const char TABLES[] =
    "create schema test;"
    "create table test.author (id uuid primary key, name text, age int,"
    " big bigint, score float8, price numeric(18,4), active boolean,"
    " born date, alarm time, seen timestamptz(3), meta jsonb, tags text[],"
    " role text, best uuid);"
    "create table test.book (id uuid primary key, title text, pages int,"
    " author uuid);"
    "insert into test.author values"
    " ('00000000-0000-7000-8000-000000000001', 'Ann \"A\"', 7,"
    "  9007199254740993, 1.5, 10.5, true, '2020-02-29', '13:45',"
    "  '2016-07-31 23:59:01.5+00', '{\"a\": [1]}', '{x,\"y z\"}', 'ADMIN',"
    "  '00000000-0000-7000-8000-00000000000b'),"
    " ('00000000-0000-7000-8000-000000000002', null, null, 5, null, null,"
    "  null, null, null, null, null, '{}', null, null);"
    "insert into test.book values"
    " ('00000000-0000-7000-8000-00000000000a', 'One', 100,"
    "  '00000000-0000-7000-8000-000000000001'),"
    " ('00000000-0000-7000-8000-00000000000b', 'Two', 200,"
    "  '00000000-0000-7000-8000-000000000001'),"
    " ('00000000-0000-7000-8000-00000000000c', 'Three', 50, null);";

static const char MAKE_SET[] =
    "package.path = package.path .. ';' .. SPEC .. 'lua/?.lua'\n"
    "return host.json_encode(require('support.sets').from_datamodel([[\n"
    "type Author { name: String age: Int big: Long score: Float\n"
    "  price: Decimal active: Boolean born: Date alarm: Time seen: DateTime\n"
    "  meta: Json tags: [String] role: Role\n"
    "  best: Book @relation(name: \"Best\", link: INLINE)\n"
    "  books: [Book] @relation(name: \"Wrote\") }\n"
    "type Book { title: String pages: Int\n"
    "  author: Author @relation(name: \"Wrote\") }\n"
    "enum Role { ADMIN READER } ]], { id_type = 'uuid' }))";

/* --- the framework --- */

static int spec_length(void)
{
    return (int)(strlen(__FILE__) - strlen("unit/bind/read_test.c"));
}

static void load_service(void)
{
    struct lun_err err;
    lua_State *L = lun_framework_state(framework);
    lua_pushlstring(L, __FILE__, (size_t)spec_length());
    lua_setglobal(L, "SPEC");
    if (luaL_dostring(L, MAKE_SET))
        fail_msg("%s", lua_tostring(L, -1));
    size_t len;
    const char *json = lua_tolstring(L, -1, &len);
    if (lun_framework_load(framework, json, len, true, &service, &err))
        fail_msg("%s", err.message);
    lua_pop(L, 1);
}

static int make_all(void **state)
{
    struct lun_err err;
    char lua_dir[512];
    snprintf(lua_dir, sizeof(lua_dir), "%.*s../lua", spec_length(), __FILE__);
    if (start_server(state) || make_loop(state))
        return -1;
    (void)sql(TABLES);
    if (lun_framework_open(lua_dir, &framework, &err))
        fail_msg("%s", err.message);
    load_service();
    pool = ready_pool(2);
    return 0;
}

static int end_all(void **state)
{
    close_pool(pool);
    lun_framework_close(framework);
    return end_loop(state) || stop_server(state);
}

/* --- one request --- */

static void on_done(struct lun_exec *exec, int status,
                    const struct lun_plan_error *error, struct lun_buf *out,
                    void *context)
{
    (void)exec;
    (void)status;
    (void)error;
    (void)context;
    snprintf(body, sizeof(body), "%.*s", (int)out->len, out->data);
    answers++;
}

static void on_report(const struct lun_pg_error *pg,
                      struct lun_plan_error *error, void *context)
{
    (void)error;
    (void)context;
    fail_msg("%s", pg->message);
}

static struct lun_plan *compile(struct lun_arena *arena,
                                const struct lun_graphql_tokens *tokens,
                                const struct lun_json *variables)
{
    static const char *const roles[] = {"public", NULL};
    struct lun_graphql_limits limits;
    struct lun_graphql_document *document;
    struct lun_graphql_error error = {0};
    struct lun_plan_error *errors;
    struct lun_plan *plan = NULL;
    size_t count;
    lun_graphql_limits_init(&limits);
    assert_int_equal(
        lun_graphql_parse(arena, tokens, &limits, &document, &error), 0);
    struct lun_framework_request request = {.arena = arena,
                                            .tokens = tokens,
                                            .document = document,
                                            .variables = variables,
                                            .roles = roles};
    if (lun_framework_compile(framework, service, &request, &plan, &errors,
                              &count))
        fail_msg("%s", errors[0].message);
    return plan;
}

/* The response to `text`, or the message of what cannot be bound. */
static const char *answer_with(const char *text, const char *json)
{
    struct lun_arena arena;
    struct lun_graphql_limits limits;
    struct lun_graphql_tokens tokens;
    struct lun_graphql_error error = {0};
    struct lun_json *variables = NULL;
    struct lun_err err;
    struct lun_plan_error bad = {0};
    lun_arena_init(&arena, 0);
    lun_graphql_limits_init(&limits);
    if (json &&
        lun_json_parse(&arena, json, strlen(json), 64, 1000, &variables, &err))
        fail_msg("%s", err.message);
    assert_int_equal(
        lun_graphql_lex(&arena, text, strlen(text), &limits, &tokens, &error),
        0);
    struct lun_plan *plan = compile(&arena, &tokens, variables);
    struct lun_exec_config config = {
        .pool = pool,
        .arena = &arena,
        .plan = plan,
        .input = {.arena = &arena,
                  .tokens = &tokens,
                  .variables = variables,
                  .limits = &limits},
        .deadline_ns = in_ms(10000),
        .report = on_report,
        .done = on_done,
    };
    answers = 0;
    if (lun_exec_start(&config, &bad))
        snprintf(body, sizeof(body), "%d %s", bad.opencrud, bad.message);
    else
        assert_true(run_until(&answers, 1, 15000));
    lun_plan_unref(plan);
    lun_arena_release(&arena);
    return body;
}

static const char *answer(const char *text)
{
    return answer_with(text, NULL);
}

/* --- cases --- */

#define ANN "00000000-0000-7000-8000-000000000001"

static void writes_every_type(void **state)
{
    (void)state;
    assert_string_equal(
        answer("{ authors { name age big score price active born alarm seen"
               " meta tags role } }"),
        "{\"data\":{\"authors\":[{\"name\":\"Ann \\\"A\\\"\",\"age\":7,"
        "\"big\":\"9007199254740993\",\"score\":1.5,\"price\":\"10.5000\","
        "\"active\":true,\"born\":\"2020-02-29\",\"alarm\":\"13:45:00\","
        "\"seen\":\"2016-07-31T23:59:01.500Z\",\"meta\":{\"a\": [1]},"
        "\"tags\":[\"x\",\"y z\"],\"role\":\"ADMIN\"},"
        "{\"name\":null,\"age\":null,\"big\":5,\"score\":null,\"price\":null,"
        "\"active\":null,\"born\":null,\"alarm\":null,\"seen\":null,"
        "\"meta\":null,\"tags\":[],\"role\":null}]}}");
}

static void nests_lists_and_objects(void **state)
{
    (void)state;
    assert_string_equal(
        answer("{ authors { books(orderBy: pages_DESC) { title author { age"
               " books(first: 1) { __typename } } } best { title } } }"),
        "{\"data\":{\"authors\":[{\"books\":["
        "{\"title\":\"Two\",\"author\":{\"age\":7,"
        "\"books\":[{\"__typename\":\"Book\"}]}},"
        "{\"title\":\"One\",\"author\":{\"age\":7,"
        "\"books\":[{\"__typename\":\"Book\"}]}}],"
        "\"best\":{\"title\":\"Two\"}},{\"books\":[],\"best\":null}]}}");
}

static void finds_nodes_of_any_model(void **state)
{
    (void)state;
    assert_string_equal(
        answer("{ a: node(id: \"" ANN "\") { __typename ... on Author { age } }"
               " b: node(id: \"00000000-0000-7000-8000-00000000000c\")"
               " { ... on Book { title author { id } } }"
               " c: node(id: \"nobody\") { id }"
               " d: node(id: \"00000000-0000-7000-8000-0000000000ff\")"
               " { id } }"),
        "{\"data\":{\"a\":{\"__typename\":\"Author\",\"age\":7},"
        "\"b\":{\"title\":\"Three\",\"author\":null},\"c\":null,\"d\":null}}");
}

static void answers_connections(void **state)
{
    (void)state;
    assert_string_equal(
        answer("{ booksConnection(first: 1, orderBy: title_ASC) { pageInfo {"
               " hasNextPage hasPreviousPage } edges { node { title } cursor }"
               " aggregate { count } } }"),
        "{\"data\":{\"booksConnection\":{\"pageInfo\":{\"hasNextPage\":true,"
        "\"hasPreviousPage\":false},\"edges\":[{\"node\":{\"title\":\"One\"},"
        "\"cursor\":\"00000000-0000-7000-8000-00000000000a\"}],"
        "\"aggregate\":{\"count\":1}}}}");
}

static void leaves_malformed_ids_out(void **state)
{
    (void)state;
    assert_string_equal(
        answer("{ a: authors(where: { id_in: [\"x\", \"" ANN "\"] }) { age }"
               " b: authors(where: { id_not_in: [\"x\", \"" ANN "\"] }) { big }"
               " c: authors(where: { id: \"x\" }) { age }"
               " d: author(where: { id: \"x\" }) { age }"
               " e: authors(after: \"12\") { age } }"),
        "{\"data\":{\"a\":[{\"age\":7}],\"b\":[{\"big\":5}],\"c\":[],"
        "\"d\":null,\"e\":[]}}");
}

static void takes_values_from_variables(void **state)
{
    (void)state;
    assert_string_equal(
        answer_with("query ($w: BookWhereInput, $n: Int, $o: BookOrderByInput)"
                    " { books(where: $w, first: $n, orderBy: $o) { title } }",
                    "{\"w\": {\"OR\": [{\"title_in\": [\"One\", \"Two\"]},"
                    " {\"author\": null}], \"pages_gt\": 60}, \"n\": 1,"
                    " \"o\": \"pages_DESC\"}"),
        "{\"data\":{\"books\":[{\"title\":\"Two\"}]}}");
}

static void refuses_negative_counts(void **state)
{
    (void)state;
    assert_string_equal(answer("{ books(first: -1) { id } }"),
                        "3026 The 'first' argument must be non negative");
    assert_string_equal(answer("{ authors { books(skip: -1) { id } } }"),
                        "3028 The 'skip' argument must be non negative");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_type),
        cmocka_unit_test(nests_lists_and_objects),
        cmocka_unit_test(finds_nodes_of_any_model),
        cmocka_unit_test(answers_connections),
        cmocka_unit_test(leaves_malformed_ids_out),
        cmocka_unit_test(takes_values_from_variables),
        cmocka_unit_test(refuses_negative_counts),
    };
    return cmocka_run_group_tests(tests, make_all, end_all);
}
