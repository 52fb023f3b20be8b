/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/budget.h"
#include "spec/unit/vm/support.h"

static void code_of_apps_is_compiled(void **state)
{
    (void)state;
    (void)run_body("return 1");
    assert_true(lun_vm_budget_compiles());
}

static void returns_what_the_function_returns(void **state)
{
    (void)state;
    struct outcome outcome = run_body("return 'hello ' .. 6 * 7");
    assert_int_equal(outcome.code, 0);
    assert_string_equal(outcome.text, "hello 42");
}

static void asks_inside_coroutines_inside_pcall(void **state)
{
    (void)state;
    struct outcome outcome =
        run_body("local function ask(n) return #find('Lead', {n = n}) + n end\n"
                 "local gen = coroutine.wrap(function()\n"
                 "  for i = 1, 3 do\n"
                 "    local ok, e = pcall(function()\n"
                 "      local co = coroutine.create(function()\n"
                 "        return as_app(function() return ask(i) end)\n"
                 "      end)\n"
                 "      local _, v = coroutine.resume(co)\n"
                 "      coroutine.yield(v)\n"
                 "    end)\n"
                 "    if not ok then error(e) end\n"
                 "  end\n"
                 "end)\n"
                 "return gen() + gen() + gen()");
    assert_string_equal(outcome.text, "6");
    assert_int_equal(outcome.asks, 3);
}

static void stops_an_endless_loop_at_its_cpu_budget(void **state)
{
    (void)state;
    struct outcome outcome = run_body("while true do end");
    assert_int_equal(outcome.code, LUN_EBUDGET);
    assert_string_equal(outcome.limit, "cpu");
    assert_int_equal(outcome.max, 100);
}

static void stops_at_the_memory_cap_and_the_vm_goes_on(void **state)
{
    (void)state;
    struct outcome outcome =
        run_body("local t = {} for i = 1, 1e9 do t[i] = {i} end");
    assert_int_equal(outcome.code, LUN_EBUDGET);
    assert_string_equal(outcome.limit, "memory");
}

static void a_refusal_is_told_to_the_caller(void **state)
{
    (void)state;
    struct outcome outcome = run_body("fail('no credit')");
    assert_int_equal(outcome.code, LUN_EREFUSED);
    assert_string_equal(outcome.text, "no credit");
}

static void an_error_names_file_and_line(void **state)
{
    (void)state;
    struct outcome outcome = run_body("local x = nil\nreturn x.y");
    assert_int_equal(outcome.code, LUN_EINTERNAL);
    assert_non_null(strstr(outcome.text, "sales:app.lua:3:"));
    assert_non_null(strstr(outcome.text, "traceback"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_of_apps_is_compiled),
        cmocka_unit_test(returns_what_the_function_returns),
        cmocka_unit_test(asks_inside_coroutines_inside_pcall),
        cmocka_unit_test(stops_an_endless_loop_at_its_cpu_budget),
        cmocka_unit_test(stops_at_the_memory_cap_and_the_vm_goes_on),
        cmocka_unit_test(a_refusal_is_told_to_the_caller),
        cmocka_unit_test(an_error_names_file_and_line),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
