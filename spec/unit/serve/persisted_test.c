/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/graphql/lexer.h"
#include "core/graphql/limits.h"
#include "core/serve/persisted.h"

static struct lun_graphql_limits limits;

static const char *hash_of(const char *text)
{
    static char hash[2][65];
    static int turn;
    char command[4096];
    char *out = hash[turn ^= 1];
    snprintf(command, sizeof(command), "printf '%%s' '%s' | sha256sum", text);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_int_equal(fread(out, 1, 64, pipe), 64);
    out[64] = '\0';
    (void)pclose(pipe);
    return out;
}

static struct lun_persisted *open_store(size_t bytes, const char *list)
{
    struct lun_persisted *store = NULL;
    struct lun_err err;
    lun_graphql_limits_init(&limits);
    if (lun_persisted_open(bytes, list, &limits, &store, &err))
        fail_msg("%s", err.message);
    return store;
}

static bool knows(struct lun_persisted *store, const char *hash,
                  const char *text)
{
    struct lun_document *found = lun_persisted_find(store, hash);
    if (!found)
        return false;
    assert_int_equal(found->len, strlen(text));
    assert_string_equal(found->text, text);
    lun_document_unref(found);
    return true;
}

static void compares_hashes(void **state)
{
    (void)state;
    const char *hash = hash_of("{a}");
    char upper[65];
    assert_true(lun_persisted_matches(hash, "{a}", 3));
    assert_false(lun_persisted_matches(hash, "{b}", 3));
    assert_false(lun_persisted_matches("", "{a}", 3));
    assert_false(lun_persisted_matches("abc", "{a}", 3));
    for (int i = 0; i < 65; i++)
        upper[i] = (char)(hash[i] >= 'a' ? hash[i] - 32 : hash[i]);
    assert_false(lun_persisted_matches(upper, "{a}", 3));
}

static void keeps_what_is_registered(void **state)
{
    (void)state;
    struct lun_persisted *store = open_store(100000, "");
    const char *hash = hash_of("{a}");
    assert_true(lun_persisted_is_on(store));
    assert_false(lun_persisted_is_strict(store));
    assert_false(knows(store, hash, "{a}"));
    lun_persisted_add(store, hash, "{a}", 3);
    lun_persisted_add(store, hash, "{a}", 3);
    assert_true(knows(store, hash, "{a}"));
    lun_persisted_add(store, "short", "{a}", 3);
    assert_false(knows(store, "short", "{a}"));
    assert_false(knows(store, "", ""));
    lun_persisted_close(store);
}

static void forgets_what_is_used_least(void **state)
{
    (void)state;
    struct lun_persisted *store = open_store(10 * 1256, "");
    char hash[65] = "", text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    for (int i = 0; i < 30; i++) {
        snprintf(hash, sizeof(hash), "%064d", i);
        lun_persisted_add(store, hash, text, 1000);
        assert_true(knows(store, hash, text));
        snprintf(hash, sizeof(hash), "%064d", 0);
        assert_true(knows(store, hash, text));
    }
    int kept = 0;
    for (int i = 1; i < 30; i++) {
        snprintf(hash, sizeof(hash), "%064d", i);
        bool known = knows(store, hash, text);
        assert_int_equal(known, i >= 21);
        kept += known;
    }
    assert_int_equal(kept, 9);
    lun_persisted_close(store);
}

static void lets_requests_finish_with_what_was_forgotten(void **state)
{
    (void)state;
    struct lun_persisted *store = open_store(300, "");
    char hash[65];
    snprintf(hash, sizeof(hash), "%064d", 1);
    lun_persisted_add(store, hash, "{one}", 5);
    struct lun_document *held = lun_persisted_find(store, hash);
    assert_non_null(held);
    snprintf(hash, sizeof(hash), "%064d", 2);
    lun_persisted_add(store, hash, "{two}", 5);
    snprintf(hash, sizeof(hash), "%064d", 1);
    assert_false(knows(store, hash, "{one}"));
    assert_string_equal(held->text, "{one}");
    lun_persisted_close(store);
    lun_document_unref(held);
}

static void takes_nothing_when_it_is_off(void **state)
{
    (void)state;
    struct lun_persisted *store = open_store(0, "");
    char hash[65];
    snprintf(hash, sizeof(hash), "%064d", 1);
    assert_false(lun_persisted_is_on(store));
    lun_persisted_add(store, hash, "{a}", 3);
    assert_false(knows(store, hash, "{a}"));
    lun_persisted_close(store);
    store = open_store(1000, "");
    static char text[2000];
    memset(text, 'x', sizeof(text));
    lun_persisted_add(store, hash, text, sizeof(text));
    assert_null(lun_persisted_find(store, hash));
    lun_persisted_close(store);
}

/* Allow lists */

static char folder[64];

static const char *save(const char *name, const char *text)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    char below[128];
    snprintf(folder, sizeof(folder), "/tmp/lunette-list-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(below, sizeof(below), "%s/below", folder);
    return mkdir(below, 0700);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r '%s'", folder);
    return system(command);
}

static bool allows(struct lun_persisted *store, const char *text)
{
    struct lun_arena arena;
    struct lun_graphql_tokens tokens;
    lun_arena_init(&arena, 0);
    assert_int_equal(
        lun_graphql_lex(&arena, text, strlen(text), &limits, &tokens, NULL), 0);
    bool allowed = lun_persisted_allows(store, &tokens);
    lun_arena_release(&arena);
    return allowed;
}

static void reads_a_folder_of_documents(void **state)
{
    (void)state;
    (void)save("one.graphql", "query One { items(first: 10) { id } }\n");
    (void)save("below/two.gql", "# two\nquery Two($x: Int) { a(x: $x) }");
    (void)save("below/three.json",
               "{\"format\":\"apollo-persisted-query-manifest\",\"version\":1,"
               "\"operations\":[{\"id\":\"three\",\"name\":\"T\","
               "\"type\":\"query\",\"body\":\"query T { b }\"}]}");
    (void)save("below/four.json", "{\"four\":\"query F { c(s: \\\"x\\\") }\"}");
    (void)save("readme.txt", "{ not a document");
    (void)save(".hidden.graphql", "\"");
    struct lun_persisted *store = open_store(1000, folder);
    assert_true(lun_persisted_is_strict(store));
    assert_true(allows(store, "query One { items(first: 10) { id } }"));
    assert_true(allows(store, "query One{items(first:10){id}}# more"));
    assert_true(allows(store, "query Two($x: Int), { a(x: $x) }"));
    assert_true(allows(store, "query T { b }"));
    assert_true(allows(store, "query F { c(s: \"x\") }"));
    /* Other literals are other documents. */
    assert_false(allows(store, "query One { items(first: 11) { id } }"));
    assert_false(allows(store, "query F { c(s: \"y\") }"));
    assert_false(allows(store, "query One { items(first: 10) { id name } }"));
    assert_false(allows(store, "{ b }"));
    assert_false(allows(store, ""));
    assert_true(knows(store, "three", "query T { b }"));
    assert_true(knows(store, "four", "query F { c(s: \"x\") }"));
    assert_true(knows(store, hash_of("query T { b }"), "query T { b }"));
    assert_false(knows(store, "five", ""));
    /* Nothing is registered beside the list. */
    char hash[65];
    snprintf(hash, sizeof(hash), "%064d", 1);
    lun_persisted_add(store, hash, "{a}", 3);
    assert_false(knows(store, hash, "{a}"));
    lun_persisted_close(store);
}

static void reads_one_file(void **state)
{
    (void)state;
    struct lun_persisted *store =
        open_store(0, save("list.json", "{\"a\":\"{a}\",\"again\":\"{ a }\"}"));
    assert_true(allows(store, "{a}"));
    assert_true(knows(store, "a", "{a}"));
    assert_true(knows(store, "again", "{ a }"));
    lun_persisted_close(store);
    store = open_store(0, save("list.graphql", "{b}"));
    assert_true(allows(store, "{b}"));
    assert_false(allows(store, "{a}"));
    lun_persisted_close(store);
}

static void names_the_file_that_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"a.graphql", "{\n a(s: \"", "a.graphql:2: "},
        {"a.json", "{", "a.json': "},
        {"b.json", "[]", "b.json' is neither a manifest"},
        {"c.json", "{\"a\":1}", "c.json' is neither a manifest"},
        {"d.json", "{\"operations\":[{\"id\":\"x\"}]}",
         "d.json' is neither a manifest"},
        {"e.json", "{\"operations\":[{\"body\":\"{a}\"}]}",
         "e.json' is neither a manifest"},
    };
    struct lun_persisted *store = NULL;
    struct lun_err err;
    lun_graphql_limits_init(&limits);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = save(cases[i][0], cases[i][1]);
        assert_int_equal(lun_persisted_open(0, path, &limits, &store, &err),
                         LUN_ECONFIG);
        if (!strstr(err.message, cases[i][2]) ||
            strncmp(err.message, "graphql_allow_list: ", 20) != 0)
            fail_msg("%s", err.message);
        (void)unlink(path);
    }
    assert_int_equal(
        lun_persisted_open(0, "/nowhere/list", &limits, &store, &err),
        LUN_ECONFIG);
    assert_null(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_hashes),
        cmocka_unit_test(keeps_what_is_registered),
        cmocka_unit_test(forgets_what_is_used_least),
        cmocka_unit_test(lets_requests_finish_with_what_was_forgotten),
        cmocka_unit_test(takes_nothing_when_it_is_off),
        cmocka_unit_test_setup_teardown(reads_a_folder_of_documents,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(reads_one_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(names_the_file_that_is_wrong,
                                        make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("host/persisted", tests, NULL, NULL);
}
