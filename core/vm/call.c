/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/call.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/telemetry/apps.h"
#include "core/vm/data.h"
#include "core/vm/internal.h"
#include "core/vm/modules.h"
#include "core/vm/remote.h"

#define TRACEBACK_MAX 20
#define OUT_OF_MEMORY "not enough memory"
/* What the host may take beyond the cap, to write down a fault. */
#define RESERVE ((size_t)256 * 1024)

/* Faults ------------------------------------------------------------------ */

static enum lun_vm_step fault(struct lun_vm_call *call, int code,
                              const char *limit)
{
    call->code = code;
    call->fault_limit = limit;
    return LUN_VM_STEP_FAILED;
}

static uint64_t max_of(const struct lun_vm_call *call)
{
    const struct lun_vm_limits *limits = &call->app->limits;
    const struct {
        const char *name;
        uint64_t max;
    } rows[] = {
        {"cpu", limits->cpu_ns / 1000000},
        {"wall", limits->wall_ns / 1000000},
        {"memory", limits->memory_bytes},
        {"statements", limits->statements},
        {"rows", limits->rows},
        {"outgoing", limits->outgoing_bytes},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (call->fault_limit && !strcmp(rows[i].name, call->fault_limit))
            return rows[i].max;
    return 0;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t size = strlen(end);
    return len >= size && !memcmp(text + len - size, end, size);
}

/* A text with NULs is cut at the first. */
static void take_message(struct lun_vm_call *call, const char *text, size_t len)
{
    len = len < LUN_VM_MESSAGE_MAX ? len : LUN_VM_MESSAGE_MAX;
    lun_buf_clear(&call->message);
    lun_buf_push(&call->message, text, strnlen(text, len));
}

/* True when the error on top is what host.fail raises; takes its text. */
static bool take_refusal(struct lun_vm_call *call, lua_State *L)
{
    if (!lua_istable(L, -1) || !lua_getmetatable(L, -1))
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->app->refusals);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (!same)
        return false;
    size_t len;
    lua_rawgeti(L, -1, 1);
    const char *text = lua_tolstring(L, -1, &len);
    take_message(call, text ? text : "", text ? len : 0);
    return true;
}

/* Where the app was, innermost first. Pushes nothing on the stack of `co`,
 * which may have no room left. */
static void add_traceback(struct lun_buf *out, lua_State *co)
{
    lua_Debug ar;
    int shown = 0;
    for (int level = 0; lua_getstack(co, level, &ar); level++) {
        lua_getinfo(co, "Snl", &ar);
        if (*ar.what == 'C' || lun_vm_host_is_guest(ar.short_src))
            continue;
        if (++shown > TRACEBACK_MAX) {
            lun_buf_push_str(out, "\n\t...");
            return;
        }
        if (shown == 1)
            lun_buf_push_str(out, "\nstack traceback:");
        lun_buf_printf(out, "\n\t%s:", ar.short_src);
        /* Unknown in the innermost; the message says it. */
        if (ar.currentline > 0)
            lun_buf_printf(out, "%d:", ar.currentline);
        lun_buf_push_str(out, " in ");
        if (ar.name)
            lun_buf_printf(out, "'%.60s'", ar.name);
        else
            lun_buf_printf(out, "the function at line %d", ar.linedefined);
    }
}

static enum lun_vm_step out_of_memory(struct lun_vm_call *call)
{
    call->app->heap.refused = true;
    take_message(call, OUT_OF_MEMORY, strlen(OUT_OF_MEMORY));
    return fault(call, LUN_EBUDGET, "memory");
}

/* The error on top of `co`, whose stack is still as it was when it was raised.
 * Nothing of the app runs here: no __tostring. */
static enum lun_vm_step fault_of_error(struct lun_vm_call *call, lua_State *co,
                                       int status)
{
    lua_State *L = call->app->L;
    size_t len;
    if (status == LUA_ERRMEM)
        return out_of_memory(call);
    call->app->heap.cap += RESERVE;
    if (L != co)
        lua_xmove(co, L, 1);
    if (take_refusal(call, L))
        return fault(call, LUN_EREFUSED, NULL);
    if (lua_type(L, -1) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, -1, &len);
        if (ends_with(text, len, OUT_OF_MEMORY))
            return out_of_memory(call);
        take_message(call, text, len);
    } else {
        lun_buf_printf(&call->message, "(the error is a %s)",
                       luaL_typename(L, -1));
    }
    if (L != co)
        add_traceback(&call->message, co);
    return fault(call, LUN_EINTERNAL, NULL);
}

/* Running ----------------------------------------------------------------- */

static enum lun_vm_step begin(struct lun_vm_call *call, int *args)
{
    struct lun_vm_app *app = call->app;
    lua_State *L = app->L;
    lua_State *co = lua_newthread(L);
    call->threads[0] = co;
    call->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    call->state = luaL_ref(L, LUA_REGISTRYINDEX);
    call->started = true;
    lua_rawgeti(L, LUA_REGISTRYINDEX, app->entry);
    lua_pushstring(L, call->entry);
    if (lun_vm_data_read(L, call->data.data, call->data.len, NULL)) {
        take_message(call, "the argument is no data", 23);
        return fault(call, LUN_EINTERNAL, NULL);
    }
    lua_xmove(L, co, 3);
    *args = 2;
    return LUN_VM_STEP_SLICED;
}

static enum lun_vm_step resume_with_answer(struct lun_vm_call *call, int *args)
{
    lua_State *L = call->app->L, *co = call->threads[call->depth];
    call->answered = false;
    lua_pushboolean(L, !call->refused);
    if (call->refused) {
        lua_pushlstring(L, call->data.data ? call->data.data : "",
                        call->data.len);
    } else if (lun_vm_data_read(L, call->data.data, call->data.len, NULL)) {
        take_message(call, "the answer is no data", 21);
        return fault(call, LUN_EINTERNAL, NULL);
    }
    luaL_checkstack(co, 4, "answer");
    lua_xmove(L, co, 2);
    *args = 2;
    return LUN_VM_STEP_SLICED;
}

static enum lun_vm_step take_result(struct lun_vm_call *call, lua_State *co)
{
    struct lun_err err = {0};
    lun_buf_clear(&call->data);
    lua_settop(co, 1);
    if (!lun_vm_data_write(co, 1, call->app->limits.crossing_bytes, &call->data,
                           &err))
        return LUN_VM_STEP_RETURNED;
    take_message(call, err.message, strlen(err.message));
    return fault(call, LUN_EINTERNAL, NULL);
}

/* The coroutine on top gave control back of itself. */
static enum lun_vm_step on_pending(struct lun_vm_call *call, int *args)
{
    *args = 0;
    switch (call->pending) {
    case LUN_VM_PENDING_ASK:
        return LUN_VM_STEP_ASKS;
    case LUN_VM_PENDING_FAULT:
        return fault(call, LUN_EBUDGET, call->fault_limit);
    case LUN_VM_PENDING_RESUME:
        *args = lun_vm_coroutine_enter(call);
        break;
    case LUN_VM_PENDING_YIELD:
        *args = lun_vm_coroutine_leave(call, true, false);
        break;
    default:
        break;
    }
    return LUN_VM_STEP_SLICED;
}

/* One resume of the coroutine on top. `args` is the number of values for it. */
static enum lun_vm_step advance(struct lun_vm_call *call, int *args)
{
    lua_State *co = call->threads[call->depth];
    call->pending = LUN_VM_PREEMPTED;
    call->app->heap.thread = co;
    int status = lua_resume(co, *args);
    call->app->heap.thread = NULL;
    if (status == LUA_YIELD)
        return on_pending(call, args);
    if (!call->depth)
        return status ? fault_of_error(call, co, status)
                      : take_result(call, co);
    *args = lun_vm_coroutine_leave(call, !status, true);
    return LUN_VM_STEP_SLICED;
}

/* What was taken so fast that memory is short: within the call's own slices. */
static bool collect(struct lun_vm_call *call)
{
    struct lun_vm_app *app = call->app;
    return lun_vm_heap_collect(&app->heap, app->L, lun_vm_budget_end_ns());
}

static enum lun_vm_step run_slice(struct lun_vm_call *call)
{
    enum lun_vm_step step = LUN_VM_STEP_SLICED;
    int args = call->args;
    if (call->app->heap.pressed) {
        if (!collect(call))
            return step;
        if (call->app->heap.used > call->app->heap.cap)
            return out_of_memory(call);
    }
    call->args = 0;
    if (!call->started)
        step = begin(call, &args);
    else if (call->answered)
        step = resume_with_answer(call, &args);
    while (step == LUN_VM_STEP_SLICED) {
        step = advance(call, &args);
        if (step == LUN_VM_STEP_SLICED && lun_vm_budget_due()) {
            call->args = args;
            break;
        }
    }
    return step;
}

struct run {
    struct lun_vm_call *call;
    enum lun_vm_step step;
};

static int run_protected(lua_State *L)
{
    struct run *run = lua_touserdata(L, 1);
    run->step = run_slice(run->call);
    return 0;
}

static enum lun_vm_step check_limits(struct lun_vm_call *call)
{
    const struct lun_vm_limits *limits = &call->app->limits;
    const struct lun_vm_spent *spent = call->spent;
    uint64_t now = lun_clock_monotonic_ns();
    if (spent->cpu_ns >= limits->cpu_ns)
        return fault(call, LUN_EBUDGET, "cpu");
    if (spent->statements > limits->statements)
        return fault(call, LUN_EBUDGET, "statements");
    if (spent->rows > limits->rows)
        return fault(call, LUN_EBUDGET, "rows");
    if (spent->outgoing_bytes > limits->outgoing_bytes)
        return fault(call, LUN_EBUDGET, "outgoing");
    if (now >= call->wall_ns)
        return fault(call, LUN_EBUDGET, "wall");
    if (now >= call->deadline_ns)
        return fault(call, LUN_EDEADLINE, NULL);
    return LUN_VM_STEP_SLICED;
}

enum lun_vm_step lun_vm_call_run(struct lun_vm_call *call, uint64_t slice_ns)
{
    struct lun_vm_app *app = call->app;
    struct run run = {call, check_limits(call)};
    if (run.step != LUN_VM_STEP_SLICED)
        return run.step;
    uint64_t left = app->limits.cpu_ns - call->spent->cpu_ns;
    app->heap.cap = app->limits.memory_bytes;
    app->running = call;
    lun_vm_modules_set_request(app->L, call->spent->request);
    lun_app_metrics_enter(app->metrics, call->spent->request);
    lun_vm_budget_enter(app, slice_ns < left ? slice_ns : left);
    int status = lua_cpcall(app->L, run_protected, &run);
    uint64_t cpu = lun_vm_budget_slice_cpu_ns();
    lun_vm_budget_leave();
    lun_app_metrics_leave();
    app->running = NULL;
    if (status)
        run.step = fault_of_error(call, app->L, status);
    lua_settop(app->L, 0);
    lun_vm_heap_tune(&app->heap, app->L);
    call->spent->cpu_ns += cpu;
    lun_app_metrics_add(app->metrics, LUN_APP_CPU_NS, cpu);
    if (run.step == LUN_VM_STEP_SLICED && check_limits(call))
        run.step = LUN_VM_STEP_FAILED;
    return run.step;
}

/* Events ------------------------------------------------------------------ */

static void explain(struct lun_vm_call *call)
{
    if (call->message.len)
        return;
    if (call->fault_limit)
        lun_buf_printf(&call->message, "stopped by the limit '%s' of the app",
                       call->fault_limit);
    else
        lun_buf_push_str(&call->message, lun_error_info(call->code)->message);
}

static void deliver_end(struct lun_vm_call *call, enum lun_vm_step step)
{
    struct lun_vm_app *app = call->app;
    struct lun_vm_fault told = {0};
    lun_app_metrics_set(app->metrics, LUN_APP_MEMORY, app->heap.used);
    if (step == LUN_VM_STEP_RETURNED) {
        call->cb(call->context, call, LUN_VM_RETURNED, call->data.data,
                 call->data.len, NULL);
        return;
    }
    explain(call);
    const char *message = lun_buf_str(&call->message);
    told.code = call->code;
    told.limit = call->code == LUN_EBUDGET ? call->fault_limit : NULL;
    told.max = max_of(call);
    told.message = message ? message : "out of memory";
    if (call->code == LUN_EBUDGET)
        lun_app_metrics_stopped(app->metrics, call->fault_limit);
    else if (call->code != LUN_EREFUSED)
        lun_app_metrics_add(app->metrics, LUN_APP_ERRORS, 1);
    call->cb(call->context, call, LUN_VM_FAILED, NULL, 0, &told);
}

void lun_vm_call_deliver(struct lun_vm_call *call, enum lun_vm_step step)
{
    call->delivering = true;
    if (step == LUN_VM_STEP_ASKS) {
        call->asking = true;
        call->cb(call->context, call, LUN_VM_ASKS, call->data.data,
                 call->data.len, NULL);
        call->delivering = false;
        if (call->cancelled && !call->queued)
            lun_vm_call_drop(call);
        return;
    }
    deliver_end(call, step);
    lun_vm_call_drop(call);
}

/* Life -------------------------------------------------------------------- */

struct lun_vm_call *lun_vm_call_new(struct lun_vm_app *app,
                                    struct lun_vm_spent *spent,
                                    const char *entry, const char *data,
                                    size_t len)
{
    struct lun_vm_call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    lun_buf_init(&call->data);
    lun_buf_init(&call->message);
    lun_buf_push(&call->data, data, len);
    call->entry = strdup(entry);
    if (!call->entry || call->data.failed) {
        lun_buf_release(&call->data);
        free(call->entry);
        free(call);
        return NULL;
    }
    call->app = lun_vm_app_ref(app);
    call->spent = spent;
    call->anchor = call->state = LUA_NOREF;
    call->deadline_ns = spent->deadline_ns ? spent->deadline_ns : UINT64_MAX;
    call->wall_ns = lun_clock_monotonic_ns() + app->limits.wall_ns;
    return call;
}

void lun_vm_call_drop(struct lun_vm_call *call)
{
    struct lun_vm_app *app = call->app;
    lun_vm_coroutine_abandon(call);
    luaL_unref(app->L, LUA_REGISTRYINDEX, call->anchor);
    luaL_unref(app->L, LUA_REGISTRYINDEX, call->state);
    if (app->heap.refused || app->heap.pressed)
        lun_vm_scheduler_collect(app);
    app->heap.refused = false;
    lun_buf_release(&call->data);
    lun_buf_release(&call->message);
    free(call->entry);
    free(call);
    lun_vm_app_unref(app);
}

struct lun_vm_call *lun_vm_call_start(struct lun_vm_app *app,
                                      struct lun_vm_spent *spent,
                                      const char *entry, const char *data,
                                      size_t len, lun_vm_call_cb cb,
                                      void *context)
{
    struct lun_vm_call *call = lun_vm_call_new(app, spent, entry, data, len);
    if (!call)
        return NULL;
    call->cb = cb;
    call->context = context;
    lun_app_metrics_add(app->metrics, LUN_APP_REQUESTS, 1);
    if (app->remote)
        lun_vm_remote_start(app->remote, call);
    else
        lun_vm_scheduler_add(call);
    return call;
}

static void go_on(struct lun_vm_call *call, const char *data, size_t len,
                  bool refused)
{
    if (!call->asking || call->cancelled)
        return;
    lun_buf_clear(&call->data);
    lun_buf_push(&call->data, data, len);
    call->asking = false;
    call->answered = true;
    call->refused = refused;
    lun_vm_scheduler_add(call);
}

void lun_vm_call_answer(struct lun_vm_call *call, const char *data, size_t len)
{
    if (call->app->remote)
        lun_vm_remote_answer(call->app->remote, call, data, len, false);
    else
        go_on(call, data, len, false);
}

void lun_vm_call_refuse(struct lun_vm_call *call, const char *message)
{
    size_t len = strlen(message);
    if (call->app->remote)
        lun_vm_remote_answer(call->app->remote, call, message, len, true);
    else
        go_on(call, message, len, true);
}

void lun_vm_call_cancel(struct lun_vm_call *call)
{
    if (call->app->remote) {
        lun_vm_remote_cancel(call->app->remote, call);
        return;
    }
    if (call->cancelled)
        return;
    call->cancelled = true;
    if (!call->queued && !call->delivering)
        lun_vm_call_drop(call);
}
