/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/json.h"
#include "core/graphql/error.h"
#include "core/graphql/limits.h"
#include "core/graphql/parser.h"

static struct lun_arena arena;
static struct lun_graphql_limits limits;
static struct lun_graphql_tokens tokens;
static struct lun_graphql_document *doc;
static struct lun_graphql_error error;
static struct lun_buf text;

static int setup(void **state)
{
    (void)state;
    lun_arena_init(&arena, 0);
    lun_buf_init(&text);
    lun_graphql_limits_init(&limits);
    doc = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lun_arena_release(&arena);
    lun_buf_release(&text);
    return 0;
}

static int check_bytes(const char *bytes, size_t len)
{
    memset(&error, 0, sizeof(error));
    int rc = lun_graphql_lex(&arena, bytes, len, &limits, &tokens, &error);
    if (!rc)
        rc = lun_graphql_parse(&arena, &tokens, &limits, &doc, &error);
    return rc ? rc : lun_graphql_limits_check(doc, &limits, &arena, &error);
}

static int check(const char *document)
{
    return check_bytes(document, strlen(document));
}

static void assert_limit(const char *document, const char *limit)
{
    int rc = check(document);
    if (rc != LUN_ELIMIT)
        fail_msg("%d %s", rc, error.base.message);
    assert_string_equal(error.limit, limit);
    assert_true(error.value > error.max);
}

/* `part` may hold up to two %d, which get the index. */
static const char *repeat(const char *before, const char *part, int count,
                          const char *after)
{
    char one[512];
    lun_buf_clear(&text);
    lun_buf_push_str(&text, before);
    for (int i = 0; i < count; i++) {
        size_t used = 0;
        for (const char *at = part; *at && used < sizeof(one) - 12; at++) {
            if (at[0] == '%')
                used += (size_t)snprintf(one + used, 12, "%d", i);
            else
                one[used++] = *at;
        }
        lun_buf_push(&text, one, used);
    }
    lun_buf_push_str(&text, after);
    return lun_buf_str(&text);
}

static void lets_ordinary_documents_pass(void **state)
{
    (void)state;
    assert_int_equal(check("{a}"), 0);
    assert_int_equal(check("query Q($a:Int){a{b{...F c @include(if:$a)}}}"
                           "fragment F on T{d e:f{g}}"),
                     0);
}

static void lets_the_introspection_of_tools_pass(void **state)
{
    (void)state;
    assert_int_equal(
        check("query IntrospectionQuery{__schema{queryType{name}mutationType"
              "{name}subscriptionType{name}types{...FullType}directives{name "
              "description locations args(includeDeprecated:true){...Input}}}}"
              "fragment FullType on __Type{kind name description fields("
              "includeDeprecated:true){name description args{...Input}type{..."
              "Ref}isDeprecated deprecationReason}inputFields{...Input}"
              "interfaces{...Ref}enumValues(includeDeprecated:true){name}"
              "possibleTypes{...Ref}}"
              "fragment Input on __InputValue{name type{...Ref}defaultValue}"
              "fragment Ref on __Type{kind name ofType{kind name ofType{kind "
              "name ofType{kind name ofType{kind name ofType{kind name ofType"
              "{kind name ofType{kind name ofType{kind name ofType{kind name}"
              "}}}}}}}}}"),
        0);
}

static void counts_depth_through_fragments(void **state)
{
    (void)state;
    limits.depth = 4;
    assert_int_equal(check("{a{b{c{d}}}}"), 0);
    assert_int_equal(check("{a{...{...{b{...F}}}}}fragment F on T{c{d}}"), 0);
    assert_limit("{a{b{c{d{e}}}}}", "depth");
    assert_string_equal(error.base.message,
                        "document has more than 4 levels of fields");
    assert_int_equal(error.line, 1);
    assert_int_equal(error.column, 1);
    assert_limit("{a{b{...F}}}fragment F on T{c{...G}}fragment G on T{d{e}}",
                 "depth");
    assert_limit("{a}fragment F on T{a{b{c{d{e}}}}}", "depth");
}

static void measures_cycles_once(void **state)
{
    (void)state;
    assert_int_equal(check("query{...F} fragment F on Query{__typename ...F}"),
                     0);
    assert_int_equal(check("{...A}fragment A on Q{a{...B}}"
                           "fragment B on Q{b{...C}}"
                           "fragment C on Q{c{...A ...B ...C ...D}}"),
                     0);
}

static void stops_the_billion_laughs(void **state)
{
    (void)state;
    lun_buf_push_str(&text, "query{...F30} fragment F0 on Query{__typename} ");
    for (int i = 0; i < 30; i++)
        lun_buf_printf(&text, "fragment F%d on Query{...F%d ...F%d} ", i + 1, i,
                       i);
    assert_limit(lun_buf_str(&text), "fields");
    /* The same with 100, beyond what a counter can hold. */
    lun_buf_clear(&text);
    for (int i = 100; i > 0; i--)
        lun_buf_printf(&text, "fragment F%d on Query{...F%d ...F%d} ", i, i - 1,
                       i - 1);
    lun_buf_push_str(&text, "{...F100} fragment F0 on Query{a{b}}");
    assert_limit(lun_buf_str(&text), "fields");
}

static void bounds_every_count(void **state)
{
    (void)state;
    assert_limit(repeat("{", "f% ", 101, "}"), "root_fields");
    assert_limit(repeat("{", "...{f% } ", 101, "}"), "root_fields");
    assert_limit(repeat("{...F}fragment F on Q{", "f% ", 101, "}"),
                 "root_fields");
    assert_limit(repeat("{a{", "b%:c ", 201, "}}"), "aliases");
    assert_limit(repeat("{a{", "b ", 2000, "}}"), "fields");
    assert_limit(repeat("{a", "@b", 9, "}"), "directives_on_one");
    assert_limit(repeat("query ", "@b", 9, "{a}"), "directives_on_one");
    assert_limit(repeat("query($a:Int ", "@b", 9, "){a}"), "directives_on_one");
    assert_limit(repeat("{a}fragment F on T", "@b", 9, "{a}"),
                 "directives_on_one");
    assert_limit(repeat("{a{", "b%@c ", 101, "}}"), "directives");
    assert_limit(repeat("", "query Q%{a}", 51, ""), "operations");
    assert_limit(repeat("{a}", "fragment F% on T{a}", 201, ""), "fragments");
    assert_limit(repeat("query(", "$v%:Int ", 201, "){a}"), "variables");
    assert_limit("{__schema{a}...F a:__schema{a}...F}fragment F on Q{b:__schema"
                 "{a}}",
                 "schemas");
}

static void bounds_all_operations_together(void **state)
{
    (void)state;
    char inner[1600] = "query Q%{a{";
    for (int i = 0; i < 200; i++)
        strcat(inner, "b ");
    strcat(inner, "}}");
    assert_int_equal(check(repeat("", inner, 19, "")), 0);
    assert_limit(repeat("", inner, 20, ""), "fields");
}

static void stops_introspection_that_runs_in_circles(void **state)
{
    (void)state;
    assert_limit("query{...__schema} fragment __schema on Query{__schema{types{"
                 "fields{type{fields{type{fields{type{name}}}}}}}}}",
                 "introspection");
    assert_limit("{__type(name:\"A\"){...F}}fragment F on __Type{fields{type{"
                 "...G}}}fragment G on __Type{interfaces{possibleTypes{name}}}",
                 "introspection");
    assert_int_equal(check("{fields{fields{fields{fields{a}}}}}"), 0);
    assert_int_equal(check("{__schema{types{fields{type{fields{name}}}}}}"), 0);
}

/* What tools that probe GraphQL servers send; names of limits say what cuts
 * each of them. */
static void stops_the_attacks_on_graphql_servers(void **state)
{
    (void)state;
    assert_limit(repeat("query( ", "$v%:Int ", 20000, " ){__typename}"),
                 "bytes");
    assert_limit(repeat("query( ", "$v%:I ", 5000, " ){__typename}"), "tokens");
    assert_limit(repeat("query{ ", "...{ ", 7000, " __typename"), "nesting");
    assert_limit(repeat("query{", ",,,,,,,,,,,,,,,,", 131072, " __typename}"),
                 "bytes");
    assert_limit(repeat("query{", "abcdefghijklmnop", 65536, "}"), "bytes");
    assert_limit(repeat("query{", "__schema{types{fields{type{ofType{name}}}}}",
                        3000, "}"),
                 "bytes");
    assert_limit(repeat("query{", "__schema{types{fields{type{ofType{name}}}}}",
                        900, "}"),
                 "root_fields");
    assert_limit(repeat("query{ __typename ", "@include(if:true) ", 2000, "}"),
                 "directives_on_one");
    assert_limit(repeat("query cop{ __typename ", "@aa", 10, " }"),
                 "directives_on_one");
    assert_limit(repeat("query{ ", "__typename ", 50000, " }"), "bytes");
    assert_limit(repeat("query{ ", "__typename ", 9000, " }"), "root_fields");
    assert_limit(repeat("", "{a", 7000, ""), "nesting");
    assert_limit(
        repeat("query{", "a%:__schema{types{name fields{name}}} ", 1000, "}"),
        "root_fields");
    assert_limit(repeat("query{__type(name:", "[", 10000, "){name}}"),
                 "nesting");
    assert_limit(repeat("query{", "nofield% ", 5000, "}"), "root_fields");
    assert_limit(repeat("", "query Q%{__typename} ", 4000, ""), "tokens");
}

static void reads_a_large_block_string_in_linear_time(void **state)
{
    (void)state;
    struct lun_json value;
    limits.bytes = 64 << 20;
    repeat("query{a(b:\"\"\"", "\n      x", 2000000, "\"\"\"){c}}");
    assert_int_equal(check_bytes(text.data, text.len), 0);
    assert_int_equal(lun_graphql_literal_value(&arena, &tokens, 0, &value), 0);
    assert_int_equal(value.len, 2000000 * 2 - 1);
}

static int64_t first_of(void *context, const struct lun_graphql_window *window)
{
    const char *variable = context;
    struct lun_json value;
    int lit = window->lit;
    if (window->variable && variable)
        return strtoll(variable, NULL, 10);
    if (window->variable)
        lit = window->default_lit;
    if (lit < 0)
        return -1;
    assert_int_equal(
        lun_graphql_literal_value(&arena, &tokens, (size_t)lit, &value), 0);
    return strtoll(value.text, NULL, 10);
}

static int check_nodes(const char *document, const char *variable)
{
    struct lun_graphql_windows windows;
    assert_int_equal(check(document), 0);
    assert_int_equal(
        lun_graphql_limits_windows(doc, doc->operations, &arena, &windows), 0);
    return lun_graphql_limits_check_nodes(&windows, &limits, first_of,
                                          (void *)(uintptr_t)variable, &error);
}

static void multiplies_the_sizes_of_nested_pages(void **state)
{
    (void)state;
    const char *product =
        "query{users(first:100){posts(first:100){author{posts(first:100){"
        "author{id}}}}}}";
    assert_int_equal(check_nodes(product, NULL), LUN_ELIMIT);
    assert_string_equal(error.base.message,
                        "document asks for more than 500000 records");
    assert_int_equal(error.value, 100 + 2 * 10000 + 2 * 1000000);
    limits.nodes = error.value;
    assert_int_equal(check_nodes(product, NULL), 0);
    limits.nodes--;
    assert_int_equal(check_nodes(product, NULL), LUN_ELIMIT);
}

static void takes_page_sizes_from_variables_and_defaults(void **state)
{
    (void)state;
    const char *document = "query($n:Int=7){a(last:$n){...F}}"
                           "fragment F on T{b(first:$n){c}d(first:10){e}f}";
    limits.nodes = 7 + 7 * 7 + 7 * 10;
    assert_int_equal(check_nodes(document, NULL), 0);
    assert_int_equal(check_nodes(document, "8"), LUN_ELIMIT);
    assert_int_equal(check_nodes(document, "-1"), 0);
    assert_int_equal(check_nodes(document, "0"), 0);
    assert_int_equal(check_nodes("query($n:Int){a(first:$n){b}}", NULL), 0);
    assert_int_equal(check_nodes(document, "9223372036854775807"), LUN_ELIMIT);
    assert_int_equal(
        check_nodes("{a(first:null){b(where:{first:9}){c}}}", NULL), 0);
}

static void gives_up_on_windows_of_endless_cycles(void **state)
{
    (void)state;
    struct lun_graphql_windows windows;
    lun_buf_clear(&text);
    lun_buf_push_str(&text, "{...F0}");
    for (int i = 0; i < 60; i++) {
        lun_buf_printf(&text, "fragment F%d on T{a ", i);
        for (int j = 0; j < 60; j++)
            lun_buf_printf(&text, "...F%d ", j);
        lun_buf_push_str(&text, "}");
    }
    limits.fields = 1000000000;
    int rc = check(lun_buf_str(&text));
    assert_true(rc == 0 || rc == LUN_ELIMIT);
    assert_int_equal(
        lun_graphql_limits_windows(doc, doc->operations, &arena, &windows),
        LUN_ELIMIT);
}

static void finds_settings_by_name(void **state)
{
    (void)state;
    *lun_graphql_limits_find(&limits, "depth") = 7;
    assert_int_equal(limits.depth, 7);
    assert_ptr_equal(lun_graphql_limits_find(&limits, "batch"), &limits.batch);
    assert_null(lun_graphql_limits_find(&limits, "deep"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(lets_ordinary_documents_pass),
        TEST(lets_the_introspection_of_tools_pass),
        TEST(counts_depth_through_fragments),
        TEST(measures_cycles_once),
        TEST(stops_the_billion_laughs),
        TEST(bounds_every_count),
        TEST(bounds_all_operations_together),
        TEST(stops_introspection_that_runs_in_circles),
        TEST(stops_the_attacks_on_graphql_servers),
        TEST(reads_a_large_block_string_in_linear_time),
        TEST(multiplies_the_sizes_of_nested_pages),
        TEST(takes_page_sizes_from_variables_and_defaults),
        TEST(gives_up_on_windows_of_endless_cycles),
        TEST(finds_settings_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
