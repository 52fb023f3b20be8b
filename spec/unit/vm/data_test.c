/* SPDX-License-Identifier: Apache-2.0 */
#include <lauxlib.h>

#include "spec/unit/vm/support.h"

static lua_State *L;

static int make_state(void **state)
{
    (void)state;
    L = lun_vm_system_new("/nowhere", NULL);
    return luaL_dostring(L,
                         "function same(a, b)\n"
                         "  if type(a) ~= 'table' or type(b) ~= 'table' then\n"
                         "    return a == b or (a ~= a and b ~= b) end\n"
                         "  for k, v in pairs(a) do\n"
                         "    if not same(v, b[k]) then return false end end\n"
                         "  for k in pairs(b) do\n"
                         "    if a[k] == nil then return false end end\n"
                         "  return true\n"
                         "end");
}

static int end_state(void **state)
{
    (void)state;
    lua_close(L);
    return 0;
}

/* Pushes the value of an expression. */
static void push(const char *expression)
{
    lua_pushfstring(L, "return %s", expression);
    if (luaL_dostring(L, lua_tostring(L, -1)))
        fail_msg("%s", lua_tostring(L, -1));
    lua_remove(L, -2);
}

static void comes_back(const char *expression)
{
    struct lun_buf bytes;
    struct lun_err err = {0};
    lun_buf_init(&bytes);
    lua_getglobal(L, "same");
    push(expression);
    if (lun_vm_data_write(L, -1, 1 << 20, &bytes, &err))
        fail_msg("%s: %s", expression, err.message);
    assert_int_equal(lun_vm_data_read(L, bytes.data, bytes.len, &err), 0);
    assert_int_equal(lua_pcall(L, 2, 1, 0), 0);
    if (!lua_toboolean(L, -1))
        fail_msg("%s came back as something else", expression);
    lua_settop(L, 0);
    lun_buf_release(&bytes);
}

static void is_refused(const char *expression, const char *why)
{
    struct lun_buf bytes;
    struct lun_err err = {0};
    lun_buf_init(&bytes);
    lun_buf_push_str(&bytes, "before");
    push(expression);
    int top = lua_gettop(L);
    assert_int_equal(lun_vm_data_write(L, -1, 1000, &bytes, &err),
                     LUN_EBAD_INPUT);
    assert_string_equal(err.message, why);
    assert_int_equal(lua_gettop(L), top);
    assert_int_equal(bytes.len, 6);
    lua_settop(L, 0);
    lun_buf_release(&bytes);
}

static void every_kind_of_value_comes_back(void **state)
{
    (void)state;
    static const char *const values[] = {
        "nil",
        "true",
        "false",
        "0",
        "-0.5",
        "2^53",
        "1/0",
        "0/0",
        "''",
        "'a\\0b'",
        "('x'):rep(70000)",
        "{}",
        "{ 1, 2, 3 }",
        "{ 1, nil, 3 }",
        "{ a = 1, ['b c'] = { true } }",
        "{ 1, 2, n = 2 }",
        "{ { { { 'deep' } } } }",
        "{ [1] = 'a', [2] = 'b', x = { y = {} } }",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        comes_back(values[i]);
}

static void what_is_no_data_is_refused(void **state)
{
    (void)state;
    is_refused("print", "a function cannot leave the app");
    is_refused("{ { print } }", "a function cannot leave the app");
    is_refused("coroutine.create(print)", "a coroutine cannot leave the app");
    is_refused("io.stdout",
               "a value that is no plain data cannot leave the app");
    is_refused("1LL", "a value that is no plain data cannot leave the app");
    is_refused("setmetatable({}, {})",
               "a table with a metatable cannot leave the app");
    is_refused("{ [1.5] = 1 }", "a table with a key that is neither a name nor "
                                "1..n cannot leave the app");
    is_refused("{ [true] = 1 }", "a table with a key that is neither a name "
                                 "nor 1..n cannot leave the app");
    is_refused("{ [0] = 1 }", "a table with a key that is neither a name nor "
                              "1..n cannot leave the app");
    is_refused("{ [{}] = 1 }", "a table with a key that is neither a name nor "
                               "1..n cannot leave the app");
    is_refused("{ [1000] = 1 }", "a list with many holes cannot leave the app");
    is_refused("(function() local t = {} t[1] = t return t end)()",
               "a value that nests too deeply (or holds itself) cannot leave "
               "the app");
    is_refused("('x'):rep(1000)", "a value is larger than may leave the app");
    is_refused("(function() local t = {} for i = 1, 300 do t[i] = i end "
               "return t end)()",
               "a value is larger than may leave the app");
}

static void no_metamethod_runs(void **state)
{
    (void)state;
    is_refused("setmetatable({}, { __index = error, __pairs = error, "
               "__len = error })",
               "a table with a metatable cannot leave the app");
}

static void read_fails(const char *bytes, size_t len)
{
    struct lun_err err = {0};
    int top = lua_gettop(L);
    assert_int_equal(lun_vm_data_read(L, bytes, len, &err), LUN_EBAD_INPUT);
    assert_int_equal(lua_gettop(L), top);
}

static void bytes_that_are_no_value_are_refused(void **state)
{
    (void)state;
    char deep[1000];
    read_fails("", 0);
    read_fails("x", 1);
    read_fails("nn", 2);
    read_fails("d1234567", 8);
    read_fails("s\xff\xff\xff\xff", 5);
    read_fails("s\x05\0\0\0abcd", 9);
    read_fails("a\xff\xff\xff\x7f\0\0\0\0nn", 11);
    read_fails("a\0\0\0\0\xff\xff\xff\x7f", 9);
    read_fails("a\1\0\0\0\0\0\0\0", 9);
    read_fails("a\0\0\0\0\1\0\0\0nnnnnnn", 16);
    for (size_t i = 0; i + 9 <= sizeof(deep); i += 9)
        memcpy(deep + i, "a\1\0\0\0\0\0\0\0", 9);
    read_fails(deep, sizeof(deep));
}

static void every_cut_of_a_value_is_refused(void **state)
{
    (void)state;
    struct lun_buf bytes;
    lun_buf_init(&bytes);
    push("{ 1, 'two', { three = 3, list = { true, false } }, 'four' }");
    assert_int_equal(lun_vm_data_write(L, -1, 1000, &bytes, NULL), 0);
    lua_settop(L, 0);
    for (size_t len = 0; len < bytes.len; len++)
        read_fails(bytes.data, len);
    lun_buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_comes_back),
        cmocka_unit_test(what_is_no_data_is_refused),
        cmocka_unit_test(no_metamethod_runs),
        cmocka_unit_test(bytes_that_are_no_value_are_refused),
        cmocka_unit_test(every_cut_of_a_value_is_refused),
    };
    return cmocka_run_group_tests(tests, make_state, end_state);
}
