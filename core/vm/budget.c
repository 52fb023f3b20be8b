/* SPDX-License-Identifier: Apache-2.0 */
#include <luajit.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/vm/internal.h"

#define HOOK_COUNT 1000

static _Thread_local struct {
    struct lun_vm_app *app;
    uint64_t end_ns; /* of the slice */
    uint64_t cpu_ns; /* at its start */
} running;

uint64_t lun_vm_budget_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t lun_vm_budget_slice_cpu_ns(void)
{
    return lun_vm_budget_cpu_ns() - running.cpu_ns;
}

bool lun_vm_budget_due(void)
{
    return running.app && lun_clock_monotonic_ns() >= running.end_ns;
}

static void on_count(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (lun_vm_budget_due() && lua_isyieldable(L))
        lua_yield(L, 0);
}

void lun_vm_budget_install(lua_State *L)
{
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_COUNT);
}

void lun_vm_budget_enter(struct lun_vm_app *app, uint64_t slice_ns)
{
    running.end_ns = lun_clock_monotonic_ns() + slice_ns;
    running.cpu_ns = lun_vm_budget_cpu_ns();
    running.app = app;
}

void lun_vm_budget_leave(void)
{
    running.app = NULL;
}
