/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <string.h>

#include "core/base/error.h"
#include "core/config/role_limits.h"

static struct lun_graphql_limits all;

static struct lun_role_limits *read_limits(const char *text)
{
    struct lun_role_limits *limits;
    struct lun_err err;
    lun_graphql_limits_init(&all);
    if (lun_role_limits_open(text, &all, &limits, &err))
        fail_msg("%s", err.message);
    return limits;
}

static struct lun_graphql_limits of(const struct lun_role_limits *limits,
                                    const char *a, const char *b)
{
    const char *const roles[] = {a, b, NULL};
    struct lun_graphql_limits found;
    lun_role_limits_find(limits, roles, &found);
    return found;
}

static void gives_roles_their_own_limits(void **state)
{
    (void)state;
    struct lun_role_limits *limits = read_limits(
        " public depth=5  nodes=1k,\tsales.user nodes=2m , guest depth=7,");
    assert_int_equal(of(limits, "public", NULL).depth, 5);
    assert_int_equal(of(limits, "public", NULL).nodes, 1024);
    assert_int_equal(of(limits, "public", NULL).aliases, all.aliases);
    assert_int_equal(of(limits, "sales.user", NULL).nodes, 2 << 20);
    assert_int_equal(of(limits, "sales.user", NULL).depth, all.depth);
    assert_int_equal(of(limits, "other", NULL).depth, all.depth);
    assert_int_equal(of(limits, NULL, NULL).depth, all.depth);
    lun_role_limits_close(limits);
}

static void takes_the_largest_of_several_roles(void **state)
{
    (void)state;
    struct lun_role_limits *limits =
        read_limits("public depth=5 nodes=10, guest depth=7 nodes=9");
    assert_int_equal(of(limits, "public", "guest").depth, 7);
    assert_int_equal(of(limits, "guest", "public").nodes, 10);
    assert_int_equal(of(limits, "public", "other").depth, all.depth);
    assert_int_equal(of(limits, "other", "public").nodes, all.nodes);
    lun_role_limits_close(limits);
}

static void needs_nothing_when_no_role_is_named(void **state)
{
    (void)state;
    assert_null(read_limits(""));
    assert_null(read_limits(" , \t"));
    lun_role_limits_close(NULL);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"public", "'public' is not 'ROLE NAME=VALUE ...'"},
        {"depth=5", "'depth=5' is not 'ROLE NAME=VALUE ...'"},
        {"public depth", "'depth' is not NAME=VALUE"},
        {"public deep=5", "'deep' is no limit that a role can have"},
        {"public batch=5", "'batch' is no limit that a role can have"},
        {"public depth=", "'' is not a number"},
        {"public depth=-1", "'-1' is not a number"},
        {"public depth=5x", "'5x' is not a number"},
        {"public depth=5kk", "'5kk' is not a number"},
        {"public depth=99999999999999999999", "is not a number"},
        {"public depth=99999999999999999g", "is not a number"},
        {"a depth=1, b", "'b' is not 'ROLE NAME=VALUE ...'"},
    };
    struct lun_role_limits *limits;
    struct lun_err err;
    lun_graphql_limits_init(&all);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            lun_role_limits_open(cases[i][0], &all, &limits, &err),
            LUN_ECONFIG);
        if (!strstr(err.message, cases[i][1]))
            fail_msg("%s: %s", cases[i][0], err.message);
        assert_null(limits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_roles_their_own_limits),
        cmocka_unit_test(takes_the_largest_of_several_roles),
        cmocka_unit_test(needs_nothing_when_no_role_is_named),
        cmocka_unit_test(says_what_is_wrong),
    };
    return cmocka_run_group_tests_name("host/role_limits", tests, NULL, NULL);
}
