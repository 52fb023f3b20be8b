/* Functions of apps that a task calls: ctx:call, ctx:answer, ctx:refuse,
 * ctx:spend.
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/call.h"

#include <lauxlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/bind/apps.h"
#include "core/bind/module_ask.h"
#include "core/bind/task.h"
#include "core/telemetry/apps.h"
#include "core/telemetry/quarantine.h"
#include "core/vm/app.h"
#include "core/vm/data.h"

static void on_event(void *context, struct lun_vm_call *call,
                     enum lun_vm_event event, const char *data, size_t len,
                     const struct lun_vm_fault *fault);

static struct lun_bind_running *top_of(struct lun_bind_task *task)
{
    return &task->calls[task->call_count - 1];
}

static struct lun_vm_app *app_of(const struct lun_bind_task *task,
                                 const struct lun_bind_running *running)
{
    return task->request->apps->items[running->app]->vm;
}

void lun_bind_call_cancel_all(struct lun_bind_task *task)
{
    while (task->call_count) {
        struct lun_bind_running *running = top_of(task);
        if (running->asking)
            lun_bind_module_ask_forget(running->asking);
        lun_vm_call_cancel(running->call);
        task->call_count--;
    }
}

/* From the app ------------------------------------------------------------- */

/* Data that crosses into the system VM. */
struct crossing {
    const char *data;
    size_t len;
    struct lun_err err;
};

/* (lightuserdata crossing) -> value */
static int read_value(lua_State *L)
{
    struct crossing *crossing = lua_touserdata(L, 1);
    if (lun_vm_data_read(L, crossing->data, crossing->len, &crossing->err))
        return luaL_error(L, "%s", crossing->err.message);
    return 1;
}

/* Moves the value to the top of the coroutine's stack. */
static bool push_value(struct lun_bind_task *task, const char *data, size_t len)
{
    lua_State *L = task->writer->L;
    struct crossing crossing = {.data = data, .len = len};
    lua_pushcfunction(L, read_value);
    lua_pushlightuserdata(L, &crossing);
    bool ok = !lua_pcall(L, 1, 1, 0);
    lua_xmove(L, task->co, 1);
    return ok;
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text ? text : "");
    lua_setfield(L, -2, name);
}

static void push_fault(lua_State *L, int code, const char *limit, uint64_t max,
                       const char *message)
{
    lua_createtable(L, 0, 4);
    set_text(L, "code", lun_error_info(code)->name);
    set_text(L, "message", message);
    if (!limit)
        return;
    set_text(L, "limit", limit);
    lua_pushnumber(L, (lua_Number)max);
    lua_setfield(L, -2, "max");
}

/* The app's call is over: its last event goes to the coroutine. */
static void finish(struct lun_bind_task *task, enum lun_vm_event event,
                   const char *data, size_t len,
                   const struct lun_vm_fault *fault)
{
    lua_State *co = task->co;
    task->call_count--;
    if (event == LUN_VM_FAILED) {
        lua_pushliteral(co, "failed");
        push_fault(co, fault->code, fault->limit, fault->max, fault->message);
    } else {
        lua_pushliteral(co, "returned");
        if (!push_value(task, data, len)) {
            lun_bind_task_end_with_lua(task, lua_tostring(co, -1));
            return;
        }
    }
    lun_bind_task_resume(task, 2);
}

static void on_module(void *context, bool refused, const char *data, size_t len)
{
    struct lun_bind_task *task = context;
    struct lun_bind_running *running = top_of(task);
    running->asking = NULL;
    if (refused)
        lun_vm_call_refuse(running->call, data);
    else
        lun_vm_call_answer(running->call, data, len);
}

/* What is asked of a module never sees the framework. The value is at the top
 * of the coroutine's stack; it is popped. */
static bool ask_module(struct lun_bind_task *task)
{
    struct lun_bind_running *running = top_of(task);
    struct lun_bind_module_order order = {
        .app = task->request->apps->items[running->app],
        .modules = task->request->modules,
        .spent = &task->request->spent[running->app],
        .traceparent = task->request->traceparent,
        .deadline_ns = lun_exec_config_of(task->exec)->deadline_ns,
        .cb = on_module,
        .context = task,
    };
    lua_State *co = task->co;
    bool is_module = false;
    if (lua_istable(co, -1)) {
        lua_getfield(co, -1, "op");
        const char *op = lua_tostring(co, -1);
        is_module = op && !strcmp(op, "module");
        lua_pop(co, 1);
    }
    if (!is_module)
        return false;
    const char *problem =
        order.modules ? lun_bind_module_ask(&order, co, &running->asking)
                      : "modules that reach outside do not work in tests";
    lua_settop(co, 0);
    if (problem)
        lun_vm_call_refuse(running->call, problem);
    return true;
}

static void on_event(void *context, struct lun_vm_call *call,
                     enum lun_vm_event event, const char *data, size_t len,
                     const struct lun_vm_fault *fault)
{
    struct lun_bind_task *task = context;
    lua_State *co = task->co;
    (void)call;
    if (event != LUN_VM_ASKS) {
        finish(task, event, data, len, fault);
        return;
    }
    /* The stack of a suspended coroutine holds what it yielded: nothing. */
    if (!push_value(task, data, len)) {
        lua_settop(co, 0);
        lun_vm_call_refuse(call, "what was asked cannot be read");
    } else if (!ask_module(task)) {
        lua_pushliteral(co, "asks");
        lua_insert(co, -2);
        lun_bind_task_resume(task, 2);
    }
}

/* To the app --------------------------------------------------------------- */

/* Writes the value at `index` for `app`; false and a fault on the stack when it
 * is too large. */
static bool write_value(lua_State *L, int index, struct lun_vm_app *app,
                        struct lun_buf *out)
{
    const struct lun_vm_limits *limits = lun_vm_app_limits(app);
    struct lun_err err;
    lun_buf_init(out);
    if (!lun_vm_data_write(L, index, limits->crossing_bytes, out, &err))
        return true;
    lun_buf_release(out);
    lun_app_metrics_stopped(lun_vm_app_metrics(app), "value");
    lua_pushliteral(L, "failed");
    push_fault(L, LUN_EBUDGET, "value", limits->crossing_bytes,
               err.message);
    return false;
}

static int find_app(const struct lun_bind_task *task, const char *name)
{
    const struct lun_bind_apps *apps = task->request->apps;
    for (size_t i = 0; apps && i < apps->count; i++)
        if (!strcmp(lun_vm_app_name(apps->items[i]->vm), name))
            return (int)i;
    return -1;
}

/* Pushes the fault of an app that must not run. */
static bool is_quarantined(lua_State *L, const struct lun_vm_app *app)
{
    char reason[LUN_QUARANTINE_REASON];
    if (!lun_quarantine_find(lun_vm_app_name(app), lun_vm_app_release(app),
                             reason))
        return false;
    lua_pushliteral(L, "failed");
    push_fault(L, LUN_EQUARANTINED, NULL, 0, reason);
    return true;
}

static int wait(lua_State *L, struct lun_bind_task *task)
{
    task->waiting = true;
    return lua_yield(L, 0);
}

/* ctx:call(app, entry, value) -> "asks", what | "returned", result |
 * "failed", {code=, message=, limit=, max=} */
static int ctx_call(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    const char *name = luaL_checkstring(L, 2);
    const char *entry = luaL_checkstring(L, 3);
    struct lun_buf data;
    int at = find_app(task, name);
    if (at < 0)
        return luaL_error(L, "the app '%s' has no functions here", name);
    if (task->call_count == LUN_BIND_CALLS_MAX) {
        lua_pushliteral(L, "failed");
        push_fault(L, LUN_EBUDGET, "calls", LUN_BIND_CALLS_MAX,
                   "functions of apps call each other too deeply");
        return 2;
    }
    if (is_quarantined(L, task->request->apps->items[at]->vm))
        return 2;
    struct lun_bind_running *running = &task->calls[task->call_count];
    *running = (struct lun_bind_running){.app = (size_t)at};
    struct lun_vm_app *app = app_of(task, running);
    if (!write_value(L, 4, app, &data))
        return 2;
    running->call =
        lun_vm_call_start(app, &task->request->spent[at], entry, data.data,
                          data.len, on_event, task);
    lun_buf_release(&data);
    if (!running->call)
        return luaL_error(L, "out of memory");
    task->call_count++;
    return wait(L, task);
}

static struct lun_bind_task *check_running(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    if (!task->call_count)
        luaL_error(L, "no function of an app is at work");
    return task;
}

/* As write_value for what db:fetch encoded. */
static bool write_encoded(lua_State *L, int index, struct lun_vm_app *app,
                          struct lun_buf *out)
{
    size_t len, max = lun_vm_app_limits(app)->crossing_bytes;
    lua_getfield(L, index, "encoded");
    const char *data = luaL_checklstring(L, -1, &len);
    lun_buf_init(out);
    if (len <= max) {
        lun_buf_push(out, data, len);
        return true;
    }
    lun_app_metrics_stopped(lun_vm_app_metrics(app), "value");
    lua_pushliteral(L, "failed");
    push_fault(L, LUN_EBUDGET, "value", max, "too much was read");
    return false;
}

/* ctx:answer(value, encoded) -> as of ctx:call; `encoded`: it is of db:fetch */
static int ctx_answer(lua_State *L)
{
    struct lun_bind_task *task = check_running(L);
    struct lun_bind_running *running = top_of(task);
    struct lun_vm_app *app = app_of(task, running);
    struct lun_buf data;
    lua_settop(L, 3);
    bool encoded = lua_toboolean(L, 3);
    lua_settop(L, 2);
    if (!(encoded ? write_encoded : write_value)(L, 2, app, &data)) {
        lun_vm_call_cancel(running->call);
        task->call_count--;
        return 2;
    }
    lun_vm_call_answer(running->call, data.data, data.len);
    lun_buf_release(&data);
    return wait(L, task);
}

/* ctx:refuse(message) -> as of ctx:call; the app sees an error */
static int ctx_refuse(lua_State *L)
{
    struct lun_bind_task *task = check_running(L);
    lun_vm_call_refuse(top_of(task)->call, luaL_checkstring(L, 2));
    return wait(L, task);
}

/* ctx:leave(): gives up the function that runs now */
static int ctx_leave(lua_State *L)
{
    struct lun_bind_task *task = check_running(L);
    lun_vm_call_cancel(top_of(task)->call);
    task->call_count--;
    return 0;
}

static bool add(uint64_t *spent, lua_State *L, int index, uint64_t max)
{
    double amount = luaL_checknumber(L, index);
    *spent += amount > 0 ? (uint64_t)amount : 0;
    return *spent <= max;
}

/* ctx:spend(statements, rows) -> nothing, or the limit that is exceeded and its
 * value; of the app whose function runs now */
static int ctx_spend(lua_State *L)
{
    struct lun_bind_task *task = check_running(L);
    struct lun_bind_running *running = top_of(task);
    struct lun_vm_spent *spent = &task->request->spent[running->app];
    const struct lun_vm_limits *limits = lun_vm_app_limits(app_of(task, running));
    struct lun_app_metrics *row = lun_vm_app_metrics(app_of(task, running));
    uint64_t before = spent->statements;
    bool within = add(&spent->statements, L, 2, limits->statements);
    lun_app_metrics_add(row, LUN_APP_STATEMENTS, spent->statements - before);
    if (!within) {
        lun_app_metrics_stopped(row, "statements");
        lua_pushliteral(L, "statements");
        lua_pushnumber(L, (lua_Number)limits->statements);
        return 2;
    }
    if (!add(&spent->rows, L, 3, limits->rows)) {
        lun_app_metrics_stopped(row, "rows");
        lua_pushliteral(L, "rows");
        lua_pushnumber(L, (lua_Number)limits->rows);
        return 2;
    }
    return 0;
}

/* ctx:rows_left() -> how many rows the running app may still read */
static int ctx_rows_left(lua_State *L)
{
    struct lun_bind_task *task = check_running(L);
    struct lun_bind_running *running = top_of(task);
    uint64_t used = task->request->spent[running->app].rows;
    uint64_t max = lun_vm_app_limits(app_of(task, running))->rows;
    lua_pushnumber(L, (lua_Number)(used < max ? max - used : 0));
    return 1;
}

/* ctx:release(app) -> "sales@1.0.0+1a2b3c4d" or nil */
static int ctx_release(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    int at = find_app(task, luaL_checkstring(L, 2));
    if (at < 0)
        return 0;
    lua_pushstring(L, lun_vm_app_release(task->request->apps->items[at]->vm));
    return 1;
}

/* ctx:blame(app): counts an error of the app that its VM did not see */
static int ctx_blame(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    int at = find_app(task, luaL_checkstring(L, 2));
    if (at >= 0)
        lun_app_metrics_add(
            lun_vm_app_metrics(task->request->apps->items[at]->vm),
            LUN_APP_ERRORS, 1);
    return 0;
}

void lun_bind_call_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"call", ctx_call},       {"answer", ctx_answer},
        {"refuse", ctx_refuse},   {"leave", ctx_leave},
        {"spend", ctx_spend},     {"rows_left", ctx_rows_left},
        {"release", ctx_release}, {"blame", ctx_blame},
        {NULL, NULL},
    };
    luaL_register(L, NULL, functions);
}
