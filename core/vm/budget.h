/*
 * core/vm/budget.h - how long the code of apps runs at a stretch.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct lun_vm_app;

/* Exit status of a worker that could not stop a call (stuck_ns of the app's
 * limits); lun_app_metrics_running tells which. */
enum { LUN_VM_STUCK_STATUS = 86 };

/* Makes `L` interruptible; before any Lua ran in it. The first time in a
 * process this tries whether compiled code can be interrupted, which takes 15
 * ms. */
void lun_vm_budget_install(lua_State *L);
/* In a child after fork, which has no timer yet. */
void lun_vm_budget_forked(void);
/* Whether the code of apps is compiled; known once a state was installed. */
bool lun_vm_budget_compiles(void);

/* LuaJIT's global_State of `L`; NULL: nobody knows where it is. */
char *lun_vm_budget_global(lua_State *L);

/* CPU time of this thread. */
uint64_t lun_vm_budget_cpu_ns(void);
/* Of it, since the slice began. */
uint64_t lun_vm_budget_slice_cpu_ns(void);
/* Between these, the coroutine at work in the app's state is suspended after
 * `slice_ns`, as by lua_yield without values. */
void lun_vm_budget_enter(struct lun_vm_app *app, uint64_t slice_ns);
void lun_vm_budget_leave(void);
/* True when the slice is over. */
bool lun_vm_budget_due(void);
/* On the monotonic clock. */
uint64_t lun_vm_budget_end_ns(void);
/* It is over now, if there is one. */
void lun_vm_budget_end_slice(void);
