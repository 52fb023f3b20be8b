/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/graphql/error.h"
#include "core/graphql/limits.h"
#include "core/graphql/parser.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct lun_arena arena;
static struct lun_graphql_limits limits;
static struct lun_buf dump;
static char *source; /* of the last parse */

static int setup(void **state)
{
    (void)state;
    lun_arena_init(&arena, 0);
    lun_buf_init(&dump);
    lun_graphql_limits_init(&limits);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lun_arena_release(&arena);
    lun_buf_release(&dump);
    free(source);
    source = NULL;
    return 0;
}

/* A copy without room behind it, so that the sanitizer sees over-reading. */
static int parse(const char *text, struct lun_graphql_document **doc,
                 struct lun_graphql_error *error)
{
    struct lun_graphql_tokens tokens;
    assert_int_equal(
        lun_graphql_lex(&arena, text, strlen(text), &limits, &tokens, error),
        0);
    struct lun_graphql_tokens *kept = lun_arena_alloc(&arena, sizeof(tokens));
    *kept = tokens;
    return lun_graphql_parse(&arena, kept, &limits, doc, error);
}

/* The tree as text. Names stand for themselves, literals as #number. */
static void dump_name(struct lun_graphql_name name)
{
    lun_buf_push(&dump, name.text, name.len);
}

static void dump_arguments(const struct lun_graphql_argument *argument,
                           const char *brackets);

static void dump_value(const struct lun_graphql_value *v)
{
    switch (v->kind) {
    case LUN_GRAPHQL_VALUE_INT:
        lun_buf_printf(&dump, "int#%u", v->lit);
        break;
    case LUN_GRAPHQL_VALUE_FLOAT:
        lun_buf_printf(&dump, "float#%u", v->lit);
        break;
    case LUN_GRAPHQL_VALUE_STRING:
        lun_buf_printf(&dump, "string#%u", v->lit);
        break;
    case LUN_GRAPHQL_VALUE_BOOL:
        lun_buf_push_str(&dump, v->truth ? "TRUE" : "FALSE");
        break;
    case LUN_GRAPHQL_VALUE_NULL:
        lun_buf_push_str(&dump, "NULL");
        break;
    case LUN_GRAPHQL_VALUE_ENUM:
        lun_buf_push_str(&dump, "enum ");
        dump_name(v->text);
        break;
    case LUN_GRAPHQL_VALUE_VAR:
        lun_buf_push_str(&dump, "$");
        dump_name(v->text);
        break;
    case LUN_GRAPHQL_VALUE_LIST:
        lun_buf_push_str(&dump, "[");
        for (v = v->items; v; v = v->next) {
            dump_value(v);
            if (v->next)
                lun_buf_push_str(&dump, " ");
        }
        lun_buf_push_str(&dump, "]");
        break;
    case LUN_GRAPHQL_VALUE_OBJECT:
        dump_arguments(v->fields, "{}");
        if (!v->fields)
            lun_buf_push_str(&dump, "{}");
        break;
    }
}

static void dump_arguments(const struct lun_graphql_argument *argument,
                           const char *brackets)
{
    if (!argument)
        return;
    lun_buf_push_byte(&dump, brackets[0]);
    for (; argument; argument = argument->next) {
        dump_name(argument->name);
        lun_buf_push_str(&dump, "=");
        dump_value(argument->value);
        if (argument->next)
            lun_buf_push_str(&dump, " ");
    }
    lun_buf_push_byte(&dump, brackets[1]);
}

static void dump_directives(const struct lun_graphql_directive *directive)
{
    for (; directive; directive = directive->next) {
        lun_buf_push_str(&dump, "@");
        dump_name(directive->name);
        dump_arguments(directive->arguments, "()");
    }
}

static void dump_type(const struct lun_graphql_type *type)
{
    if (type->kind == LUN_GRAPHQL_TYPE_NAMED) {
        dump_name(type->name);
        return;
    }
    lun_buf_push_str(&dump,
                     type->kind == LUN_GRAPHQL_TYPE_LIST ? "list(" : "must(");
    dump_type(type->of);
    lun_buf_push_str(&dump, ")");
}

static void dump_selections(const struct lun_graphql_selection *s)
{
    lun_buf_push_str(&dump, "{");
    for (; s; s = s->next) {
        if (s->kind != LUN_GRAPHQL_FIELD)
            lun_buf_push_str(&dump, "...");
        if (s->alias.text) {
            dump_name(s->alias);
            lun_buf_push_str(&dump, ":");
        }
        dump_name(s->name);
        if (s->on.text) {
            lun_buf_push_str(&dump, "on ");
            dump_name(s->on);
        }
        dump_arguments(s->arguments, "()");
        dump_directives(s->directives);
        if (s->selections)
            dump_selections(s->selections);
        if (s->next)
            lun_buf_push_str(&dump, " ");
    }
    lun_buf_push_str(&dump, "}");
}

static void dump_operation(const struct lun_graphql_operation *op)
{
    static const char *const kinds[] = {"query", "mutation", "subscription"};
    lun_buf_push_str(&dump, kinds[op->kind]);
    lun_buf_push_str(&dump, " ");
    dump_name(op->name);
    const struct lun_graphql_variable *variable = op->variables;
    for (; variable; variable = variable->next) {
        lun_buf_push_str(&dump, "$");
        dump_name(variable->name);
        lun_buf_push_str(&dump, ":");
        dump_type(variable->type);
        if (variable->initial) {
            lun_buf_push_str(&dump, "=");
            dump_value(variable->initial);
        }
        dump_directives(variable->directives);
    }
    dump_directives(op->directives);
    dump_selections(op->selections);
}

static const char *dump_document(const struct lun_graphql_document *doc)
{
    lun_buf_clear(&dump);
    const struct lun_graphql_operation *op = doc->operations;
    for (; op; op = op->next)
        dump_operation(op);
    const struct lun_graphql_fragment *f = doc->fragments;
    for (; f; f = f->next) {
        lun_buf_push_str(&dump, "fragment ");
        dump_name(f->name);
        lun_buf_push_str(&dump, " on ");
        dump_name(f->on);
        dump_directives(f->directives);
        dump_selections(f->selections);
    }
    return lun_buf_str(&dump);
}

static void reads_every_form_of_an_executable_document(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *tree;
    } documents[] = {
        {"{a}", "query {a}"},
        {"query{a}", "query {a}"},
        {"query Q{a b{c}}", "query Q{a b{c}}"},
        {"mutation M @x @y(z:1){a}", "mutation M@x@y(z=int#0){a}"},
        {"subscription{a}", "subscription {a}"},
        {"{x:a(b:1 c:[2 \"3\" [] [4.5]],d:{e:A f:{}} g:$h)@i(if:true){j}}",
         "query {x:a(b=int#0 c=[int#1 string#2 [] [float#3]] d={e=enum A f={}} "
         "g=$h)@i(if=TRUE){j}}"},
        {"{a(b:null c:false d:\"\"\"x\"\"\")}",
         "query {a(b=NULL c=FALSE d=string#0)}"},
        {"query($a:Int$b:[T!]!=[1{x:\"y\"}]@d,$c:[[T]]){a}",
         "query $a:Int$b:must(list(must(T)))=[int#0 "
         "{x=string#1}]@d$c:list(list("
         "T)){a}"},
        {"{...F ...@include(if:$x){a}...on T{b}...on @skip(if:false){c}}",
         NULL},
        {"{...F@a ...@b(c:$x){a}...on T@d{e}}",
         "query {...F@a ...@b(c=$x){a} ...on T@d{e}}"},
        {"fragment F on T@a{b ...G}query A{c}fragment G on U{d}query B{e}",
         "query A{c}query B{e}fragment F on T@a{b ...G}fragment G on U{d}"},
        {"{query mutation fragment on type null true}",
         "query {query mutation fragment on type null true}"},
        {"fragment fragment on on{on}", "fragment fragment on on{on}"},
        {"query query($query:query){query}", "query query$query:query{query}"},
        {"{a:a,,,b}", "query {a:a b}"},
        {"\"about\" query Q(\"the a\" $a:Int=1 \"the b\" $b:Int=2){a(b:3)}",
         "query Q$a:Int=int#2$b:Int=int#4{a(b=int#5)}"},
        {"\"\"\"about\"\"\" fragment F on T{a}", "fragment F on T{a}"}};
    for (size_t i = 0; i < COUNT(documents); i++) {
        struct lun_graphql_document *doc = NULL;
        struct lun_graphql_error error;
        int rc = parse(documents[i].text, &doc, &error);
        if (!documents[i].tree) {
            assert_int_equal(rc, LUN_ESYNTAX);
            continue;
        }
        if (rc)
            fail_msg("%s: %s", documents[i].text, error.base.message);
        assert_string_equal(dump_document(doc), documents[i].tree);
    }
}

static void says_what_was_expected_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
        unsigned line;
        unsigned column;
    } bad[] = {
        {"",
         "expected an operation, a fragment or '{' but found the end of the "
         "document",
         1, 1},
        {"{", "expected a name but found the end of the document", 1, 2},
        {"{}", "expected a name but found '}'", 1, 2},
        {"}", "expected an operation, a fragment or '{' but found '}'", 1, 1},
        {"{a}}", "expected an operation, a fragment or '{' but found '}'", 1,
         4},
        {"{a(b}", "expected ':' but found '}'", 1, 5},
        {"{a(b:)}", "expected a value but found ')'", 1, 6},
        {"{a()}", "expected a name but found ')'", 1, 4},
        {"{\n  a(b: 1\n}", "expected a name but found '}'", 3, 1},
        {"{a(b:[1}", "expected a value but found '}'", 1, 8},
        {"{a(b:[1", "expected ']' but found the end of the document", 1, 8},
        {"{a(b:{c 1})}", "expected ':' but found '1'", 1, 9},
        {"{a(b:{1:2})}", "expected a name but found '1'", 1, 7},
        {"{a(b:$)}", "expected a name but found ')'", 1, 7},
        {"{a(b:@)}", "expected a value but found '@'", 1, 6},
        {"{a@}", "expected a name but found '}'", 1, 4},
        {"{a:}", "expected a name but found '}'", 1, 4},
        {"{a b:c:d}", "expected a name but found ':'", 1, 7},
        {"{\"a\"}", "expected a name but found a string", 1, 2},
        {"{1}", "expected a name but found '1'", 1, 2},
        {"{...}", "expected '{' but found '}'", 1, 5},
        {"{...on}", "expected a name but found '}'", 1, 7},
        {"{...on T}", "expected '{' but found '}'", 1, 9},
        {"query", "expected '{' but found the end of the document", 1, 6},
        {"query(){a}", "expected '$' but found ')'", 1, 7},
        {"query($a){a}", "expected ':' but found ')'", 1, 9},
        {"query($a:){a}", "expected a name but found ')'", 1, 10},
        {"query($a:[T){a}", "expected ']' but found ')'", 1, 12},
        {"query($a:T!!){a}", "expected '$' but found '!'", 1, 12},
        {"query($a:T=$b){a}", "a variable cannot stand in a constant value", 1,
         12},
        {"query($a:T=[{b:$c}]){a}",
         "a variable cannot stand in a constant value", 1, 16},
        {"query($a:T @d(e:$f)){a}",
         "a variable cannot stand in a constant value", 1, 17},
        {"fragment on on T{a}", "expected a fragment name but found 'on'", 1,
         10},
        {"fragment F T{a}", "expected 'on' but found 'T'", 1, 12},
        {"fragment F", "expected 'on' but found the end of the document", 1,
         11},
        {"fragment F on {a}", "expected a name but found '{'", 1, 15},
        {"fragment F on T", "expected '{' but found the end of the document", 1,
         16},
        {"fragment F($a:T) on T{a}", "expected 'on' but found '('", 1, 11},
        {"type T{a:B}", "type definitions cannot be executed", 1, 1},
        {"{a} extend type T{a:B}", "type definitions cannot be executed", 1, 5},
        {"querry{a}",
         "expected an operation, a fragment or '{' but found 'querry'", 1, 1},
        {"\"x\" {a}", "expected an operation or a fragment but found '{'", 1,
         5},
        {"\"x\"",
         "expected an operation or a fragment but found the end of the "
         "document",
         1, 4},
        {"{que\r", "expected a name but found the end of the document", 2, 1},
        {"{ \"\xc3\xa4\" }", "expected a name but found a string", 1, 3},
        {"{a(b:\"\xc3\xa4\") 1}", "expected a name but found '1'", 1, 11}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct lun_graphql_document *doc = NULL;
        struct lun_graphql_error error = {0};
        assert_int_equal(parse(bad[i].text, &doc, &error), LUN_ESYNTAX);
        assert_null(doc);
        if (strncmp(error.base.message, "syntax error: ", 14) != 0 ||
            strcmp(error.base.message + 14, bad[i].message) != 0)
            fail_msg("'%s' gives: %s", bad[i].text, error.base.message);
        assert_int_equal(error.line, bad[i].line);
        assert_int_equal(error.column, bad[i].column);
        assert_int_equal(parse(bad[i].text, &doc, NULL), LUN_ESYNTAX);
    }
}

static void shortens_long_words_in_messages(void **state)
{
    (void)state;
    struct lun_graphql_document *doc;
    struct lun_graphql_error error;
    char text[4000];
    memset(text, 'q', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(parse(text, &doc, &error), LUN_ESYNTAX);
    assert_true(strlen(error.base.message) < 150);
}

static void places_nodes_by_line_and_column(void **state)
{
    (void)state;
    struct lun_graphql_document *doc;
    assert_int_equal(parse("query Q(\n  $a: [Int!]! = [\r\n 1]\n) {\n"
                           "  x: f(\"\"\"\xc3\xa4\n\"\"\" b: {c: $a}) @d {\r"
                           "    ...F ... on T { g } } }\n",
                           &doc, NULL),
                     LUN_ESYNTAX);
    assert_int_equal(parse("query Q(\n  $a: [Int!]! = [\r\n 1]\n) {\n"
                           "  x: f(s: \"\xc3\xa4\" b: {c: $a}) @d {\r"
                           "    ...F ... on T { g } } }\n fragment F on T{g}",
                           &doc, NULL),
                     0);
    const struct lun_graphql_operation *op = doc->operations;
    const struct lun_graphql_selection *x = op->selections;
    const struct lun_graphql_argument *b = x->arguments->next;
    const struct {
        struct lun_graphql_place place;
        unsigned line;
        unsigned column;
    } nodes[] = {{op->place, 1, 1},
                 {op->variables->place, 2, 3},
                 {op->variables->type->place, 2, 7},
                 {op->variables->type->of->of->place, 2, 8},
                 {op->variables->initial->items->place, 3, 2},
                 {x->place, 5, 3},
                 {x->arguments->place, 5, 8},
                 {x->arguments->value->place, 5, 11},
                 {b->place, 5, 15},
                 {b->value->place, 5, 18},
                 {b->value->fields->place, 5, 19},
                 {b->value->fields->value->place, 5, 22},
                 {x->directives->place, 5, 27},
                 {x->selections->place, 6, 5},
                 {x->selections->next->place, 6, 10},
                 {x->selections->next->selections->place, 6, 21},
                 {doc->fragments->place, 7, 2}};
    for (size_t i = 0; i < COUNT(nodes); i++) {
        assert_int_equal(nodes[i].place.line, nodes[i].line);
        assert_int_equal(nodes[i].place.column, nodes[i].column);
    }
}

static char *repeat(const char *before, const char *part, size_t count,
                    const char *after)
{
    struct lun_buf text;
    lun_buf_init(&text);
    lun_buf_push_str(&text, before);
    for (size_t i = 0; i < count; i++)
        lun_buf_push_str(&text, part);
    lun_buf_push_str(&text, after);
    char *copy = lun_arena_strndup(&arena, text.data, text.len);
    lun_buf_release(&text);
    return copy;
}

static void stops_at_the_bound_of_nesting(void **state)
{
    (void)state;
    struct lun_graphql_document *doc;
    struct lun_graphql_error error;
    assert_int_equal(parse(repeat("", "{a", 14000 / 2, ""), &doc, &error),
                     LUN_ELIMIT);
    assert_string_equal(error.base.message,
                        "document has more than 200 brackets open at once");
    assert_string_equal(error.limit, "nesting");
    assert_int_equal(error.column, 401);
    assert_int_equal(parse(repeat("{a(b:", "[", 14000, ""), &doc, &error),
                     LUN_ELIMIT);
    assert_int_equal(parse(repeat("{a(b:", "{c:", 4000, ""), &doc, &error),
                     LUN_ELIMIT);
    assert_int_equal(parse(repeat("{", "...{", 7000, ""), &doc, &error),
                     LUN_ELIMIT);
    assert_int_equal(parse(repeat("query($a:", "[", 14000, ""), &doc, &error),
                     LUN_ELIMIT);
    assert_int_equal(parse(repeat("query($a:T=", "[", 14000, ""), &doc, &error),
                     LUN_ELIMIT);
    char *nested = repeat("{a(b:", "[[]", 199, "");
    assert_int_equal(parse(nested, &doc, &error), LUN_ELIMIT);
    char *wide = repeat("{a(b:[", "[]", 5000, "])}");
    assert_int_equal(parse(wide, &doc, &error), 0);
}

static void finds_the_operation_of_a_request(void **state)
{
    (void)state;
    struct lun_graphql_document *doc;
    assert_int_equal(parse("query A{a} query B{b} query A{c}", &doc, NULL), 0);
    assert_null(lun_graphql_operation_find(doc, NULL, 0));
    assert_null(lun_graphql_operation_find(doc, "A", 1));
    assert_null(lun_graphql_operation_find(doc, "C", 1));
    assert_ptr_equal(lun_graphql_operation_find(doc, "B", 1),
                     doc->operations->next);
    assert_int_equal(parse("{a}", &doc, NULL), 0);
    assert_ptr_equal(lun_graphql_operation_find(doc, NULL, 0), doc->operations);
    assert_null(lun_graphql_operation_find(doc, "", 0));
    assert_int_equal(parse("fragment F on T{a}", &doc, NULL), 0);
    assert_null(lun_graphql_operation_find(doc, NULL, 0));
}

static void fails_cleanly_without_memory(void **state)
{
    (void)state;
    static const char text[] =
        "query Q($a:[Int!]=[1]){x:f(b:{c:[$a]})@d{...F ...on T{g}}}"
        "fragment F on T{g}";
    struct lun_graphql_tokens tokens;
    assert_int_equal(
        lun_graphql_lex(&arena, text, strlen(text), &limits, &tokens, NULL), 0);
    for (size_t bytes = 1; bytes < 4000; bytes += 16) {
        struct lun_arena small;
        struct lun_graphql_document *doc;
        struct lun_graphql_error error;
        lun_arena_init(&small, bytes);
        int rc = lun_graphql_parse(&small, &tokens, &limits, &doc, &error);
        assert_true(rc == 0 || rc == LUN_EMEMORY);
        lun_arena_release(&small);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_every_form_of_an_executable_document),
        TEST(says_what_was_expected_and_where),
        TEST(shortens_long_words_in_messages),
        TEST(places_nodes_by_line_and_column),
        TEST(stops_at_the_bound_of_nesting),
        TEST(finds_the_operation_of_a_request),
        TEST(fails_cleanly_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
