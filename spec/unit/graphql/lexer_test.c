/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/graphql/error.h"
#include "core/graphql/lexer.h"
#include "core/graphql/limits.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct lun_arena arena;
static struct lun_graphql_limits limits;

static int setup(void **state)
{
    (void)state;
    lun_arena_init(&arena, 0);
    lun_graphql_limits_init(&limits);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lun_arena_release(&arena);
    return 0;
}

/* A copy without room behind it, so that the sanitizer sees over-reading. */
static int lex_bytes(const char *text, size_t len,
                     struct lun_graphql_tokens *tokens,
                     struct lun_graphql_error *error)
{
    char *copy = lun_arena_alloc(&arena, len + 64);
    char *exact = malloc(len ? len : 1);
    memcpy(exact, text, len);
    struct lun_graphql_tokens first;
    int rc = lun_graphql_lex(&arena, exact, len, &limits, &first, error);
    free(exact);
    memcpy(copy, text, len);
    assert_int_equal(lun_graphql_lex(&arena, copy, len, &limits, tokens, error),
                     rc);
    if (!rc)
        assert_memory_equal(first.hash, tokens->hash, sizeof(first.hash));
    return rc;
}

static int lex(const char *text, struct lun_graphql_tokens *tokens,
               struct lun_graphql_error *error)
{
    return lex_bytes(text, strlen(text), tokens, error);
}

static void lists_all_kinds_of_tokens(void **state)
{
    (void)state;
    static const enum lun_graphql_kind kinds[] = {
        LUN_GRAPHQL_BANG,      LUN_GRAPHQL_DOLLAR,      LUN_GRAPHQL_AMP,
        LUN_GRAPHQL_PAREN_L,   LUN_GRAPHQL_PAREN_R,     LUN_GRAPHQL_SPREAD,
        LUN_GRAPHQL_COLON,     LUN_GRAPHQL_EQUALS,      LUN_GRAPHQL_AT,
        LUN_GRAPHQL_BRACKET_L, LUN_GRAPHQL_BRACKET_R,   LUN_GRAPHQL_BRACE_L,
        LUN_GRAPHQL_PIPE,      LUN_GRAPHQL_BRACE_R,     LUN_GRAPHQL_NAME,
        LUN_GRAPHQL_INT,       LUN_GRAPHQL_FLOAT,       LUN_GRAPHQL_STRING,
        LUN_GRAPHQL_STRING,    LUN_GRAPHQL_BLOCK_STRING};
    struct lun_graphql_tokens tokens;
    struct lun_graphql_error error;
    assert_int_equal(lex("\xef\xbb\xbf!$&()...:=@[]{|}_aZ9 -12,-0.5e+3\"x\"\"\""
                         "\n\"\"\"y\"\"\"#end",
                         &tokens, &error),
                     0);
    assert_int_equal(tokens.count, COUNT(kinds));
    for (size_t i = 0; i < COUNT(kinds); i++)
        assert_int_equal(tokens.items[i].kind, kinds[i]);
    assert_int_equal(tokens.items[COUNT(kinds)].kind, LUN_GRAPHQL_END);
    assert_int_equal(tokens.literal_count, 5);
    assert_int_equal(tokens.literals[0], 15);
}

static void reads_a_document_without_tokens(void **state)
{
    (void)state;
    struct lun_graphql_tokens tokens;
    struct lun_graphql_error error;
    assert_int_equal(lex("", &tokens, &error), 0);
    assert_int_equal(tokens.count, 0);
    assert_int_equal(lex(" ,\t\r\n # only this", &tokens, &error), 0);
    assert_int_equal(tokens.count, 0);
    assert_int_equal(tokens.items[0].kind, LUN_GRAPHQL_END);
}

static void accepts_numbers_of_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum lun_graphql_kind kind;
    } numbers[] = {{"0", LUN_GRAPHQL_INT},        {"-0", LUN_GRAPHQL_INT},
                   {"9", LUN_GRAPHQL_INT},        {"-123", LUN_GRAPHQL_INT},
                   {"0.0", LUN_GRAPHQL_FLOAT},    {"-4.123", LUN_GRAPHQL_FLOAT},
                   {"123e4", LUN_GRAPHQL_FLOAT},  {"1E-4", LUN_GRAPHQL_FLOAT},
                   {"0.1e+09", LUN_GRAPHQL_FLOAT}};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct lun_graphql_tokens tokens;
        struct lun_json value;
        assert_int_equal(lex(numbers[i].text, &tokens, NULL), 0);
        assert_int_equal(tokens.count, 1);
        assert_int_equal(tokens.items[0].kind, numbers[i].kind);
        assert_int_equal(lun_graphql_literal_value(&arena, &tokens, 0, &value),
                         0);
        assert_int_equal(value.type, LUN_JSON_NUMBER);
        assert_string_equal(value.text, numbers[i].text);
    }
}

static void refuses_what_is_no_token(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
        unsigned line;
        unsigned column;
    } bad[] = {
        {"{ a % }", "unexpected character, found '%'", 1, 5},
        {"{\n  \xc3\xa4\n}", "unexpected character, found '\xc3\xa4'", 2, 3},
        {"\x01", "unexpected character, found character U+0001", 1, 1},
        {"..", "unexpected character, found '.'", 1, 1},
        {".. .", "unexpected character, found '.'", 1, 1},
        {"00", "unexpected digit after 0, found '0'", 1, 2},
        {"-01", "unexpected digit after 0, found '1'", 1, 3},
        {"-", "expected a digit but found the end of the document", 1, 2},
        {"-a", "expected a digit but found 'a'", 1, 2},
        {"+1", "unexpected character, found '+'", 1, 1},
        {"1.", "expected a digit but found the end of the document", 1, 3},
        {"1.e1", "expected a digit but found 'e'", 1, 3},
        {".5", "unexpected character, found '.'", 1, 1},
        {"1e", "expected a digit but found the end of the document", 1, 3},
        {"1e+", "expected a digit but found the end of the document", 1, 4},
        {"1x", "expected its end but found 'x'", 1, 2},
        {"1_", "expected its end but found '_'", 1, 2},
        {"0xF", "expected its end but found 'x'", 1, 2},
        {"1.5.6", "expected its end but found '.'", 1, 4},
        {"1...", "expected a digit but found '.'", 1, 3},
        {"\"", "string without end", 1, 1},
        {"a \"b\nc\"", "string without end", 1, 3},
        {"\"b\rc\"", "string without end", 1, 1},
        {"\"\\", "invalid escape in a string", 1, 2},
        {"\"ab\\x\"", "invalid escape in a string", 1, 4},
        {"\"\\u12\"", "invalid escape in a string", 1, 2},
        {"\"\\u{}\"", "invalid escape in a string", 1, 2},
        {"\"\\u{110000}\"", "invalid escape in a string", 1, 2},
        {"\"\\u{FFFFFFFFFFFFFFFFFFFFFF}\"", "invalid escape", 1, 2},
        {"\"\\u{D800}\"", "invalid escape in a string", 1, 2},
        {"\"\\u{12\"", "invalid escape in a string", 1, 2},
        {"\"\\uD83D\"", "invalid escape in a string", 1, 2},
        {"\"\\uDE00\"", "invalid escape in a string", 1, 2},
        {"\"\\uD83Dx\"", "invalid escape in a string", 1, 2},
        {"\"\\uD83D\\u0041\"", "invalid escape in a string", 1, 2},
        {"\"\"\"", "block string without end", 1, 1},
        {"\"\"\"a\"\"", "block string without end", 1, 1},
        {"\"\"\"\\\"\"\"", "block string without end", 1, 1},
        {"a\r\nb\rc\n \"\"\"", "block string without end", 4, 2},
        {"\xff", "not valid UTF-8", 0, 0},
        {"\"\xed\xa0\x80\"", "not valid UTF-8", 0, 0},
        {"#\xc0\x80", "not valid UTF-8", 0, 0}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct lun_graphql_tokens tokens;
        struct lun_graphql_error error = {0};
        assert_int_equal(lex(bad[i].text, &tokens, &error), LUN_ESYNTAX);
        if (!strstr(error.base.message, bad[i].message))
            fail_msg("'%s' gives: %s", bad[i].text, error.base.message);
        assert_int_equal(error.line, bad[i].line);
        assert_int_equal(error.column, bad[i].column);
        assert_int_equal(lex(bad[i].text, &tokens, NULL), LUN_ESYNTAX);
    }
}

static void sees_a_nul_byte_as_a_character(void **state)
{
    (void)state;
    struct lun_graphql_tokens tokens;
    struct lun_graphql_error error;
    assert_int_equal(lex_bytes("{a\0b}", 5, &tokens, &error), LUN_ESYNTAX);
    assert_non_null(strstr(error.base.message, "U+0000"));
    assert_int_equal(lex_bytes("\"a\0b\"", 5, &tokens, &error), 0);
    struct lun_json value;
    assert_int_equal(lun_graphql_literal_value(&arena, &tokens, 0, &value), 0);
    assert_int_equal(value.len, 3);
}

static void resolves_strings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *value;
    } strings[] = {
        {"\"\"", ""},
        {"\"simple\"", "simple"},
        {"\" white space \"", " white space "},
        {"\"quote \\\"\"", "quote \""},
        {"\"esc \\n\\r\\b\\t\\f\\/\\\\\"", "esc \n\r\b\t\f/\\"},
        {"\"\\u00e4\\u20AC\"", "\xc3\xa4\xe2\x82\xac"},
        {"\"\\u{e4}\\u{0020AC}\\u{1F600}\"",
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\\uD83D\\uDE00!\"", "\xf0\x9f\x98\x80!"},
        {"\"\xf0\x9f\x98\x80 # no comment\"", "\xf0\x9f\x98\x80 # no comment"},
        {"\"\"\"\"\"\"", ""},
        {"\"\"\"one line\"\"\"", "one line"},
        {"\"\"\"  first line keeps its indent\"\"\"",
         "  first line keeps its indent"},
        {"\"\"\"\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  "
         "\"\"\"",
         "Hello,\n  World!\n\nYours,\n  GraphQL."},
        {"\"\"\"a\n  b\r\n    c\r  d\"\"\"", "a\nb\n  c\nd"},
        {"\"\"\"\n\n  \n\t\n x\n \t\n\"\"\"", "x"},
        {"\"\"\"x\n        \n  y\"\"\"", "x\n      \ny"},
        {"\"\"\"\n\t\ta\n\t b\"\"\"", "a\nb"},
        {"\"\"\"raw \\n \\u0041 \\\\ \"\"\"", "raw \\n \\u0041 \\\\ "},
        {"\"\"\"say \\\"\"\" and \\\"\"\"\"\"\"", "say \"\"\" and \"\"\""},
        {"\"\"\" \n \"\"\"", ""}};
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct lun_graphql_tokens tokens;
        struct lun_graphql_error error;
        struct lun_json value;
        if (lex(strings[i].text, &tokens, &error))
            fail_msg("%s: %s", strings[i].text, error.base.message);
        assert_int_equal(tokens.count, 1);
        assert_int_equal(lun_graphql_literal_value(&arena, &tokens, 0, &value),
                         0);
        assert_int_equal(value.type, LUN_JSON_STRING);
        assert_string_equal(value.text, strings[i].value);
        assert_int_equal(value.len, strlen(strings[i].value));
    }
}

static void knows_only_the_literals_there_are(void **state)
{
    (void)state;
    struct lun_graphql_tokens tokens;
    struct lun_json value;
    assert_int_equal(lex("{a(b:1)}", &tokens, NULL), 0);
    assert_int_equal(lun_graphql_literal_value(&arena, &tokens, 1, &value),
                     LUN_EINTERNAL);
}

static bool same_hash(const char *a, const char *b)
{
    struct lun_graphql_tokens x;
    struct lun_graphql_tokens y;
    assert_int_equal(lex(a, &x, NULL), 0);
    assert_int_equal(lex(b, &y, NULL), 0);
    bool first = x.hash[0] == y.hash[0];
    bool second = x.hash[1] == y.hash[1];
    assert_int_equal(first, second);
    assert_true(x.hash[0] != x.hash[1]);
    return first;
}

static void hashes_documents_without_their_literals(void **state)
{
    (void)state;
    assert_true(same_hash("{a(b:1,c:\"x\")}", "{ a(b: 22 c: \"\") } # end"));
    assert_true(same_hash("{a(b:1.5)}", "\xef\xbb\xbf{a(b:-2e9)}"));
    assert_true(same_hash("{a(b:\"\"\"x\"\"\")}", "{a(b:\"\"\"y\"\"\")}"));
    assert_false(same_hash("{a(b:1)}", "{a(b:1.0)}"));
    assert_false(same_hash("{a(b:1)}", "{a(b:\"1\")}"));
    assert_false(same_hash("{a(b:1)}", "{a(b:$x)}"));
    assert_false(same_hash("{a(b:true)}", "{a(b:false)}"));
    assert_false(same_hash("{a(b:A)}", "{a(b:B)}"));
    assert_false(same_hash("{ab}", "{a b}"));
    assert_false(same_hash("{a bc}", "{ab c}"));
    assert_false(same_hash("{a}", "{a a}"));
    assert_false(same_hash("{a:b}", "{b:a}"));
    assert_false(same_hash("", "{"));
}

static void hashes_long_documents_to_the_end(void **state)
{
    (void)state;
    enum { LEN = 6000 };
    char a[LEN + 1];
    char b[LEN + 1];
    for (size_t at = 0; at < LEN; at += 97) {
        memset(a, 'n', LEN);
        for (size_t i = 13; i < LEN; i += 41)
            a[i] = ' ';
        a[LEN] = '\0';
        memcpy(b, a, sizeof(a));
        b[at] = b[at] == ' ' ? '_' : 'm';
        assert_false(same_hash(a, b));
    }
}

static void bounds_bytes_and_tokens(void **state)
{
    (void)state;
    struct lun_graphql_tokens tokens;
    struct lun_graphql_error error;
    limits.tokens = 9;
    assert_int_equal(lex("{a b c d e f}", &tokens, &error), 0);
    limits.tokens = 8;
    assert_int_equal(lex("{a b c d e f g h i}", &tokens, &error), LUN_ELIMIT);
    assert_string_equal(error.base.message, "document has more than 8 tokens");
    assert_string_equal(error.limit, "tokens");
    assert_int_equal(error.value, 9);
    assert_int_equal(error.max, 8);
    limits.bytes = 4;
    assert_int_equal(lex("{a b}", &tokens, &error), LUN_ELIMIT);
    assert_string_equal(error.limit, "bytes");
    assert_int_equal(error.value, 5);
}

static void takes_as_many_tokens_as_the_limit_allows(void **state)
{
    (void)state;
    struct lun_graphql_tokens tokens;
    struct lun_graphql_error error;
    enum { MANY = 15000 };
    char *text = malloc(MANY * 2 + 2);
    for (size_t i = 0; i < MANY + 1; i++)
        memcpy(text + i * 2, "7 ", 2);
    assert_int_equal(lex_bytes(text, MANY * 2, &tokens, &error), 0);
    assert_int_equal(tokens.count, MANY);
    assert_int_equal(tokens.literal_count, MANY);
    assert_int_equal(tokens.literals[MANY - 1], MANY - 1);
    assert_int_equal(lex_bytes(text, MANY * 2 + 2, &tokens, &error),
                     LUN_ELIMIT);
    free(text);
}

static void fails_cleanly_without_memory(void **state)
{
    (void)state;
    const char *text = "{a(b:\"c\")}";
    for (size_t bytes = 1; bytes < 400; bytes += 16) {
        struct lun_arena small;
        struct lun_graphql_tokens tokens;
        lun_arena_init(&small, bytes);
        int rc =
            lun_graphql_lex(&small, text, strlen(text), &limits, &tokens, NULL);
        assert_true(rc == 0 || rc == LUN_EMEMORY);
        lun_arena_release(&small);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(lists_all_kinds_of_tokens),
        TEST(reads_a_document_without_tokens),
        TEST(accepts_numbers_of_the_grammar),
        TEST(refuses_what_is_no_token),
        TEST(sees_a_nul_byte_as_a_character),
        TEST(resolves_strings),
        TEST(knows_only_the_literals_there_are),
        TEST(hashes_documents_without_their_literals),
        TEST(hashes_long_documents_to_the_end),
        TEST(bounds_bytes_and_tokens),
        TEST(takes_as_many_tokens_as_the_limit_allows),
        TEST(fails_cleanly_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
