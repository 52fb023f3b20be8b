/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of spec/sandbox/generate.lua, which never end of themselves: each
 * must be stopped by a limit, soon after its CPU time is used up, and leave a
 * VM that works. `--count N` and `--seed N` run others than those of the suite
 * (spec/sandbox/generated); `--show N` prints one.
 */
#include <lauxlib.h>

#include "core/vm/budget.h"
#include "core/vm/internal.h"
#include "spec/unit/vm/support.h"

#define BUDGET_NS UINT64_C(10000000)
#define SLICE_NS UINT64_C(2000000)
/* What a program may take beyond its budget. */
#define GRACE_NS UINT64_C(100000000)
#define PROGRAMS_OF_A_VM 8

static int count = 300, seed = 1, failures;
static uint64_t worst_ns, total_ns;
static int worst_seed;
static int by_limit[3]; /* cpu, memory, other */
static lua_State *generator;

static void load_generator(void)
{
    char path[1200];
    generator = lun_vm_system_new(lua_dir(), NULL);
    snprintf(path, sizeof(path), "%s/../spec/sandbox/generate.lua", lua_dir());
    if (luaL_dofile(generator, path))
        fail_msg("%s", lua_tostring(generator, -1));
}

/* Stays on the stack of the generator. */
static const char *program(int number)
{
    lua_settop(generator, 1);
    lua_pushvalue(generator, 1);
    lua_pushinteger(generator, number);
    if (lua_pcall(generator, 1, 1, 0))
        fail_msg("%s", lua_tostring(generator, -1));
    return lua_tostring(generator, -1);
}

static struct lun_vm_app *open_programs(int first)
{
    struct lun_buf text;
    struct lun_vm_app *app = NULL;
    struct lun_err err = {0};
    struct lun_vm_limits limits = usual_limits();
    limits.cpu_ns = BUDGET_NS;
    limits.slice_ns = SLICE_NS;
    limits.statements = 1000000;
    lun_buf_init(&text);
    lun_buf_push_str(&text, "query \"probe\" { run = function() "
                            "return 'alive' end }\n");
    for (int i = 0; i < PROGRAMS_OF_A_VM; i++)
        lun_buf_printf(&text, "query \"p%d\" { run = function()\n%s\nend }\n",
                       first + i, program(first + i));
    if (open_named("sales", lun_buf_str(&text), limits, &app, &err))
        fail_msg("programs from %d: %s", first, err.message);
    lun_buf_release(&text);
    return app;
}

static void complain(int number, const char *what,
                     const struct outcome *outcome)
{
    failures++;
    print_message("program %d %s: code %d, limit '%s', %.1f ms: %.200s\n",
                  number, what, outcome->code, outcome->limit,
                  (double)outcome->spent.cpu_ns / 1e6, outcome->text);
}

static void note(int number, const struct outcome *outcome)
{
    uint64_t used = outcome->spent.cpu_ns;
    bool cpu = !strcmp(outcome->limit, "cpu");
    bool memory = !strcmp(outcome->limit, "memory");
    by_limit[cpu ? 0 : memory ? 1 : 2]++;
    total_ns += used;
    if (used > worst_ns) {
        worst_ns = used;
        worst_seed = number;
    }
    if (outcome->code != LUN_EBUDGET)
        complain(number, "was not stopped", outcome);
    else if (used > BUDGET_NS + GRACE_NS)
        complain(number, "was stopped late", outcome);
}

static void run_programs(int first, int programs)
{
    struct lun_vm_app *app = NULL;
    for (int i = 0; i < programs; i++) {
        char entry[32];
        if (i % PROGRAMS_OF_A_VM == 0) {
            if (app)
                lun_vm_app_unref(app);
            app = open_programs(first + i);
        }
        snprintf(entry, sizeof(entry), "query:p%d", first + i);
        struct outcome outcome = call_entry(app, entry);
        note(first + i, &outcome);
        struct outcome probe = call_entry(app, "query:probe");
        if (strcmp(probe.text, "alive") != 0)
            complain(first + i, "left a broken VM", &probe);
    }
    lun_vm_app_unref(app);
}

static void every_program_is_stopped_and_the_vm_goes_on(void **state)
{
    (void)state;
    load_generator();
    run_programs(seed, count);
    lua_close(generator);
    print_message("%d programs: %d stopped by cpu, %d by memory, %d otherwise; "
                  "CPU on average %.1f ms, at most %.1f ms (program %d) of "
                  "%.0f ms; compiler %s\n",
                  count, by_limit[0], by_limit[1], by_limit[2],
                  (double)total_ns / count / 1e6, (double)worst_ns / 1e6,
                  worst_seed, (double)BUDGET_NS / 1e6,
                  lun_vm_budget_compiles() ? "on" : "off");
    assert_int_equal(failures, 0);
}

static int show(int number)
{
    load_generator();
    puts(program(number));
    lua_close(generator);
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        int value = (int)strtol(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--show"))
            return show(value);
        if (!strcmp(argv[i], "--count"))
            count = value;
        if (!strcmp(argv[i], "--seed"))
            seed = value;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_program_is_stopped_and_the_vm_goes_on),
    };
    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
