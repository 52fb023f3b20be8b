/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/wait.h>
#include <unistd.h>

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

static struct outcome run_silent(struct lun_vm_app *app, struct outcome *asking)
{
    asking->silent = true;
    start(asking, app, "query:main");
    while (!asking->asks && !asking->over)
        uv_run(&loop, UV_RUN_NOWAIT);
    return *asking;
}

static void a_refusal_by_the_host_is_an_error_where_the_app_asked(void **state)
{
    (void)state;
    struct lun_vm_app *app = open_body("local n = 1\nreturn #find('Lead', {})");
    struct outcome outcome = {0};
    run_silent(app, &outcome);
    lun_vm_call_refuse(outcome.call, "not today");
    wait_for(&outcome);
    assert_int_equal(outcome.code, LUN_EINTERNAL);
    assert_ptr_equal(strstr(outcome.text, "sales:app.lua:3: not today"),
                     outcome.text);
    lun_vm_app_unref(app);
}

static void a_cancelled_call_is_never_heard_of_again(void **state)
{
    (void)state;
    struct lun_vm_app *app = open_body("find('Lead', {}) return 'late'");
    struct outcome asking = {0}, queued = {0};
    run_silent(app, &asking);
    lun_vm_call_cancel(asking.call);
    start(&queued, app, "query:main");
    lun_vm_call_cancel(queued.call);
    for (int i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_false(asking.over);
    assert_int_equal(queued.asks, 0);
    assert_string_equal(call_entry(app, "query:probe").text, "alive");
    lun_vm_app_unref(app);
}

static void cancel_at_ask(void *context, struct lun_vm_call *call,
                          enum lun_vm_event event, const char *data, size_t len,
                          const struct lun_vm_fault *fault)
{
    (void)data;
    (void)len;
    (void)fault;
    ++*(int *)context;
    assert_int_equal(event, LUN_VM_ASKS);
    lun_vm_call_answer(call, "n", 1);
    lun_vm_call_cancel(call);
}

static void a_call_may_be_cancelled_in_its_own_event(void **state)
{
    (void)state;
    struct lun_vm_app *app = open_body("find('Lead', {}) return 'late'");
    struct lun_vm_spent spent = {0};
    int events = 0;
    struct lun_buf none = empty_table();
    assert_non_null(lun_vm_call_start(app, &spent, "query:main", none.data,
                                      none.len, cancel_at_ask, &events));
    lun_buf_release(&none);
    for (int i = 0; i < 5; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(events, 1);
    lun_vm_app_unref(app);
}

static void the_deadline_of_the_request_ends_a_call(void **state)
{
    (void)state;
    struct lun_vm_app *app = open_body("find('Lead', {}) return 'late'");
    struct outcome outcome = {0};
    outcome.spent.deadline_ns = lun_clock_monotonic_ns() + 30000000;
    run_silent(app, &outcome);
    while (lun_clock_monotonic_ns() < outcome.spent.deadline_ns)
        uv_run(&loop, UV_RUN_NOWAIT);
    answer_nothing(outcome.call);
    wait_for(&outcome);
    assert_int_equal(outcome.code, LUN_EDEADLINE);
    lun_vm_app_unref(app);
}

static void the_time_of_the_app_ends_a_call_that_burns_none(void **state)
{
    (void)state;
    struct lun_vm_limits limits = usual_limits();
    limits.wall_ns = UINT64_C(20000000);
    struct lun_vm_app *app =
        open_body_with("sales", "while true do find('Lead', {}) end", limits);
    struct outcome outcome = call_entry(app, "query:main");
    assert_int_equal(outcome.code, LUN_EBUDGET);
    assert_string_equal(outcome.limit, "wall");
    assert_true(outcome.asks > 0);
    lun_vm_app_unref(app);
}

static void what_the_host_counts_ends_a_call(void **state)
{
    (void)state;
    struct lun_vm_app *app = open_body("pcall(find, 'Lead', {}) return 'late'");
    struct outcome outcome = {0};
    run_silent(app, &outcome);
    outcome.spent.rows = 1001;
    answer_nothing(outcome.call);
    wait_for(&outcome);
    assert_int_equal(outcome.code, LUN_EBUDGET);
    assert_string_equal(outcome.limit, "rows");
    assert_int_equal(outcome.max, 1000);
    lun_vm_app_unref(app);
}

static void a_greedy_app_leaves_each_turn_to_the_others(void **state)
{
    (void)state;
    struct lun_vm_limits limits = usual_limits();
    limits.cpu_ns = UINT64_C(10000000000);
    limits.slice_ns = UINT64_C(2000000);
    struct lun_vm_app *greedy =
        open_body_with("greedy", "while true do end", limits);
    struct lun_vm_app *modest = open_body("return 'done'");
    struct outcome endless = {0};
    start(&endless, greedy, "query:main");
    for (int i = 0; i < 20; i++) {
        struct outcome short_one = {0};
        start(&short_one, modest, "query:main");
        int turns = 0;
        while (!short_one.over && ++turns < 100)
            uv_run(&loop, UV_RUN_NOWAIT);
        assert_true(turns <= 2);
        wait_for(&short_one);
    }
    assert_false(endless.over);
    lun_vm_call_cancel(endless.call);
    uv_run(&loop, UV_RUN_NOWAIT);
    lun_vm_app_unref(greedy);
    lun_vm_app_unref(modest);
}

static void calls_of_one_app_take_turns(void **state)
{
    (void)state;
    struct lun_vm_app *app = open_body("while true do end");
    struct outcome endless = {0};
    start(&endless, app, "query:main");
    uv_run(&loop, UV_RUN_NOWAIT);
    struct outcome probe = call_entry(app, "query:probe");
    assert_string_equal(probe.text, "alive");
    assert_false(endless.over);
    wait_for(&endless);
    assert_int_equal(endless.code, LUN_EBUDGET);
    lun_vm_app_unref(app);
}

static void nobody_resumes_the_coroutine_of_another_call(void **state)
{
    (void)state;
    struct lun_vm_app *app = NULL;
    struct lun_err err = {0};
    const char *text =
        "local kept\n"
        "query 'main' { run = function()\n"
        "  kept = coroutine.create(function() find('Lead', {}) end)\n"
        "  coroutine.resume(kept) end }\n"
        "query 'other' { run = function()\n"
        "  local ok, e = coroutine.resume(kept)\n"
        "  return coroutine.status(kept) .. ': ' .. tostring(e) end }\n";
    assert_int_equal(open_named("sales", text, usual_limits(), &app, &err), 0);
    struct outcome asking = {0};
    run_silent(app, &asking);
    assert_string_equal(call_entry(app, "query:other").text,
                        "normal: cannot resume non-suspended coroutine");
    lun_vm_call_cancel(asking.call);
    assert_string_equal(call_entry(app, "query:other").text,
                        "dead: cannot resume dead coroutine");
    lun_vm_app_unref(app);
}

static void an_error_of_memory_may_be_caught(void **state)
{
    (void)state;
    struct outcome outcome =
        run_body("local ok, e = pcall(string.rep, 'x', 1e9)\n"
                 "local l = {} for i = 1, 1000 do l[i] = { i } end\n"
                 "return tostring(ok) .. ' ' .. e .. ' ' .. #l");
    assert_string_equal(outcome.text,
                        "false sales:app.lua:2: not enough memory 1000");
}

static void errors_of_memory_in_interrupted_code_harm_nobody(void **state)
{
    (void)state;
    struct lun_vm_limits limits = usual_limits();
    limits.memory_bytes = (size_t)8 << 20;
    limits.slice_ns = UINT64_C(1000000);
    struct lun_vm_app *app =
        open_body_with("sales",
                       "while true do pcall(function()\n"
                       "  local s = 'x' while true do s = s .. s end end) end",
                       limits);
    for (int i = 0; i < 5; i++) {
        struct outcome first = {0}, second = {0};
        start(&first, app, "query:main");
        start(&second, app, "query:main");
        wait_for(&first);
        wait_for(&second);
        assert_int_equal(first.code, LUN_EBUDGET);
        assert_string_equal(call_entry(app, "query:probe").text, "alive");
    }
    lun_vm_app_unref(app);
}

static void garbage_does_not_count_as_memory(void **state)
{
    (void)state;
    struct lun_vm_limits limits = usual_limits();
    limits.cpu_ns = UINT64_C(20000000000);
    struct outcome outcome = run_body_with(
        "local live = {} for i = 1, 1e5 do live[i] = { i } end\n"
        "local s for i = 1, 200 do s = ('x'):rep(1e6) .. i end\n"
        "for i = 1, 1e6 do local t = { i, { i } } end return #s + #live",
        limits);
    assert_string_equal(outcome.text, "1100003");
}

static void what_is_no_data_stays_in_the_app(void **state)
{
    (void)state;
    struct outcome outcome = run_body("return print or function() end");
    assert_int_equal(outcome.code, LUN_EINTERNAL);
    outcome = run_body("local t = {} t.t = t return t");
    assert_int_equal(outcome.code, LUN_EINTERNAL);
    outcome = run_body("return ('x'):rep(2e6)");
    assert_int_equal(outcome.code, LUN_EINTERNAL);
}

static void no_library_can_be_changed(void **state)
{
    (void)state;
    assert_string_equal(
        run_body("local failed = 0\n"
                 "for _, try in ipairs {\n"
                 "  function() string.rep = nil end,\n"
                 "  function() rawset(table, 'concat', 1) end,\n"
                 "  function() setmetatable(math, nil) end,\n"
                 "  function() getmetatable('').__index = nil end,\n"
                 "  function() getmetatable(bit).__index.band = nil end } do\n"
                 "  if not pcall(try) then failed = failed + 1 end\n"
                 "end\n"
                 "return failed .. ('a'):rep(2)")
            .text,
        "5aa");
}

static int open_text(const char *text, struct lun_err *err)
{
    struct lun_vm_app *app = NULL;
    return open_named("sales", text, usual_limits(), &app, err);
}

static void a_bad_file_is_refused_with_its_line(void **state)
{
    (void)state;
    struct lun_err err = {0};
    assert_int_equal(open_text("local x = 1\nlocal = 2", &err), LUN_EINTERNAL);
    assert_non_null(strstr(err.message, "sales:app.lua:2:"));
    assert_int_equal(open_text("\n\nerror('no')", &err), LUN_EINTERNAL);
    assert_string_equal(err.message, "sales:app.lua:3: no");
    assert_int_not_equal(open_text("\x1bLJ\x02", &err), 0);
    assert_int_equal(open_text("while true do end", &err), LUN_EBUDGET);
    assert_int_equal(
        open_text("local t = {} while true do t[#t+1] = {} end", &err),
        LUN_EBUDGET);
}

static void a_stretch_that_nothing_stops_ends_the_worker(void **state)
{
    (void)state;
    struct lun_vm_limits limits = usual_limits();
    limits.stuck_ns = UINT64_C(20000000);
    struct lun_vm_app *app = open_body_with("sales", "return 1", limits);
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        /* Timers do not cross a fork: its own thread of Lua. */
        close(STDERR_FILENO);
        lun_vm_budget_forked();
        lun_vm_budget_enter(app, 1000000);
        for (volatile int i = 0;; i++)
            ;
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), LUN_VM_STUCK_STATUS);
    lun_vm_app_unref(app);
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
        cmocka_unit_test(a_refusal_by_the_host_is_an_error_where_the_app_asked),
        cmocka_unit_test(a_cancelled_call_is_never_heard_of_again),
        cmocka_unit_test(a_call_may_be_cancelled_in_its_own_event),
        cmocka_unit_test(the_deadline_of_the_request_ends_a_call),
        cmocka_unit_test(the_time_of_the_app_ends_a_call_that_burns_none),
        cmocka_unit_test(what_the_host_counts_ends_a_call),
        cmocka_unit_test(a_greedy_app_leaves_each_turn_to_the_others),
        cmocka_unit_test(calls_of_one_app_take_turns),
        cmocka_unit_test(nobody_resumes_the_coroutine_of_another_call),
        cmocka_unit_test(an_error_of_memory_may_be_caught),
        cmocka_unit_test(errors_of_memory_in_interrupted_code_harm_nobody),
        cmocka_unit_test(garbage_does_not_count_as_memory),
        cmocka_unit_test(what_is_no_data_stays_in_the_app),
        cmocka_unit_test(no_library_can_be_changed),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(a_stretch_that_nothing_stops_ends_the_worker),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
