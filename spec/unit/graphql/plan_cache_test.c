/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/graphql/plan.h"
#include "core/graphql/plan_cache.h"

static struct lun_arena arena;

static struct lun_json *parse(const char *text)
{
    struct lun_json *out = NULL;
    struct lun_err err;
    assert_int_equal(
        lun_json_parse(&arena, text, strlen(text), 32, 1000, &out, &err), 0);
    return out;
}

static int setup(void **state)
{
    lun_arena_init(&arena, 0);
    *state = lun_plan_cache_new(100000, 8);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    lun_plan_cache_free(*state);
    lun_arena_release(&arena);
    return 0;
}

static struct lun_plan *add(struct lun_plan_cache *cache, uint64_t document,
                            const char *variables, const char *value_var)
{
    struct lun_plan_key key = {.document = {document, document}};
    struct lun_plan *plan = lun_plan_new();
    plan->bytes = 1000;
    if (value_var) {
        plan->value_vars = lun_arena_alloc(&plan->arena, sizeof(char *));
        plan->value_vars[0] =
            lun_arena_strndup(&plan->arena, value_var, strlen(value_var));
        plan->value_var_count = 1;
    }
    lun_plan_cache_add(cache, &key, parse(variables), plan);
    lun_plan_unref(plan); /* the cache holds its own reference */
    return plan;
}

static struct lun_plan *find(struct lun_plan_cache *cache, uint64_t document,
                             const char *variables)
{
    struct lun_plan_key key = {.document = {document, document}};
    return lun_plan_cache_find(cache, &key, parse(variables));
}

static void finds_by_shape_and_not_by_value(void **state)
{
    struct lun_plan_cache *cache = *state;
    struct lun_plan *plan =
        add(cache, 1, "{\"where\":{\"id\":\"a\",\"n_in\":[1,2]}}", NULL);
    assert_ptr_equal(find(cache, 1, "{\"where\":{\"id\":\"b\",\"n_in\":[7]}}"),
                     plan);
    assert_null(find(cache, 2, "{\"where\":{\"id\":\"a\",\"n_in\":[1,2]}}"));
    assert_null(find(cache, 1, "{\"where\":{\"id\":null,\"n_in\":[1,2]}}"));
    assert_null(find(cache, 1, "{\"where\":{\"id\":1,\"n_in\":[1,2]}}"));
    assert_null(find(cache, 1, "{\"where\":{\"id\":\"a\",\"n_in\":[]}}"));
    assert_null(find(cache, 1, "{\"where\":{\"id\":\"a\",\"n_in\":[null]}}"));
    assert_null(find(cache, 1, "{\"where\":{\"id\":\"a\"}}"));
    assert_null(find(cache, 1, "{\"where\":{\"id_not\":\"a\",\"n_in\":[1]}}"));
}

static void tells_lists_of_objects_apart_by_each_item(void **state)
{
    struct lun_plan_cache *cache = *state;
    struct lun_plan *plan =
        add(cache, 1, "{\"OR\":[{\"a\":1},{\"b\":2}]}", NULL);
    assert_ptr_equal(find(cache, 1, "{\"OR\":[{\"a\":5},{\"b\":6}]}"), plan);
    assert_null(find(cache, 1, "{\"OR\":[{\"a\":1}]}"));
    assert_null(find(cache, 1, "{\"OR\":[{\"b\":1},{\"a\":2}]}"));
    assert_null(find(cache, 1, "{\"OR\":[{\"a\":1,\"b\":2}]}"));
    assert_null(find(cache, 1, "{\"OR\":{\"a\":1}}"));
}

static void tells_names_apart_that_run_into_each_other(void **state)
{
    struct lun_plan_cache *cache = *state;
    struct lun_plan *plan = add(cache, 1, "{\"a\":\"x\",\"b\":\"y\"}", NULL);
    assert_ptr_equal(find(cache, 1, "{\"a\":\"u\",\"b\":\"v\"}"), plan);
    assert_null(find(cache, 1, "{\"as\":{\"b\":\"x\"}}"));
    assert_null(find(cache, 1, "{\"asb\":\"x\"}"));
    /* Longer than what is hashed at once, up to the last byte. */
    char text[2000] = "{\"";
    memset(text + 2, 'n', 900);
    strcpy(text + 902, "\":\"x\"}");
    plan = add(cache, 2, text, NULL);
    assert_ptr_equal(find(cache, 2, text), plan);
    text[901] = 'm';
    assert_null(find(cache, 2, text));
    text[901] = 'n';
    text[2] = 'm';
    assert_null(find(cache, 2, text));
}

static void keeps_plans_of_deciding_values_apart(void **state)
{
    struct lun_plan_cache *cache = *state;
    struct lun_plan *up = add(cache, 1, "{\"o\":\"id_ASC\"}", "o");
    assert_null(find(cache, 1, "{\"o\":\"id_DESC\"}"));
    struct lun_plan *down = add(cache, 1, "{\"o\":\"id_DESC\"}", "o");
    assert_ptr_equal(find(cache, 1, "{\"o\":\"id_ASC\"}"), up);
    assert_ptr_equal(find(cache, 1, "{\"o\":\"id_DESC\"}"), down);
    assert_null(find(cache, 1, "{\"o\":true}"));
}

static void looks_at_deciding_values_inside_of_objects(void **state)
{
    struct lun_plan_cache *cache = *state;
    struct lun_plan *up =
        add(cache, 1, "{\"o\":[{\"a\":{\"n\":\"ASC\"}}],\"w\":{\"x\":1}}", "o");
    assert_ptr_equal(
        find(cache, 1, "{\"o\":[{\"a\":{\"n\":\"ASC\"}}],\"w\":{\"x\":2}}"),
        up);
    assert_null(
        find(cache, 1, "{\"o\":[{\"a\":{\"n\":\"DESC\"}}],\"w\":{\"x\":1}}"));
    assert_null(find(cache, 1, "{\"o\":[\"ASC\"],\"w\":{\"x\":1}}"));
}

static void tells_the_modes_of_filters_apart(void **state)
{
    struct lun_plan_cache *cache = *state;
    const char *const other[] = {"{\"w\":{\"mode\":\"default\",\"n\":\"a\"}}",
                                 "{\"w\":{\"mode\":\"x\",\"n\":\"a\"}}",
                                 "{\"w\":{\"mode\":null,\"n\":\"a\"}}"};
    struct lun_plan *plan =
        add(cache, 1, "{\"w\":{\"mode\":\"insensitive\",\"n\":\"a\"}}", NULL);
    assert_ptr_equal(
        find(cache, 1, "{\"w\":{\"mode\":\"insensitive\",\"n\":\"b\"}}"), plan);
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        assert_null(find(cache, 1, other[i]));
    plan = add(cache, 2, "{\"w\":{\"_mode\":\"insensitive\"}}", NULL);
    assert_null(find(cache, 2, "{\"w\":{\"_mode\":\"default\"}}"));
    /* what is not one of the modes is a text like any other */
    plan = add(cache, 3, "{\"w\":{\"mode\":\"fast\"}}", NULL);
    assert_ptr_equal(find(cache, 3, "{\"w\":{\"mode\":\"slow\"}}"), plan);
}

static void forgets_the_least_recently_used(void **state)
{
    struct lun_plan_cache *cache = *state;
    size_t entries, bytes;
    for (uint64_t i = 1; i <= 8; i++)
        add(cache, i, "{}", NULL);
    assert_non_null(find(cache, 1, "{}"));
    add(cache, 9, "{}", NULL);
    assert_non_null(find(cache, 1, "{}"));
    assert_null(find(cache, 2, "{}"));
    lun_plan_cache_stats(cache, &entries, &bytes);
    assert_int_equal(entries, 8);
    assert_int_equal(bytes, 8000);
}

static void keeps_a_plan_alive_while_it_is_used(void **state)
{
    struct lun_plan_cache *cache = *state;
    struct lun_plan *plan = add(cache, 1, "{}", NULL);
    lun_plan_ref(plan);
    for (uint64_t i = 2; i <= 20; i++)
        add(cache, i, "{}", NULL);
    assert_null(find(cache, 1, "{}"));
    assert_int_equal(plan->refs, 1);
    lun_plan_unref(plan);
}

static void does_not_take_what_is_too_big_or_depends_on_a_literal(void **state)
{
    struct lun_plan_cache *cache = *state;
    struct lun_plan_key key = {.document = {5, 5}};
    struct lun_plan *plan = lun_plan_new();
    plan->bytes = 200000;
    lun_plan_cache_add(cache, &key, NULL, plan);
    assert_null(find(cache, 5, "{}"));
    plan->bytes = 10;
    plan->uncached = true;
    lun_plan_cache_add(cache, &key, NULL, plan);
    assert_int_equal(plan->refs, 1);
    lun_plan_unref(plan);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(finds_by_shape_and_not_by_value),
        TEST(tells_lists_of_objects_apart_by_each_item),
        TEST(tells_names_apart_that_run_into_each_other),
        TEST(keeps_plans_of_deciding_values_apart),
        TEST(looks_at_deciding_values_inside_of_objects),
        TEST(tells_the_modes_of_filters_apart),
        TEST(forgets_the_least_recently_used),
        TEST(keeps_a_plan_alive_while_it_is_used),
        TEST(does_not_take_what_is_too_big_or_depends_on_a_literal),
    };
    return cmocka_run_group_tests_name("plan_cache", tests, NULL, NULL);
}
