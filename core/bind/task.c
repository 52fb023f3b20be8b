/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/task.h"

#include <lauxlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/bind/apps.h"
#include "core/bind/json.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/vm/app.h"

#define PAUSE_AFTER_NS ((uint64_t)2000000)

/* How it ended ------------------------------------------------------------- */

static int code_of_extension(const char *extension)
{
    for (int code = 1; extension && code < LUN_ERROR_COUNT; code++)
        if (!strcmp(lun_error_info(code)->graphql, extension))
            return code;
    return LUN_EINTERNAL;
}

/* A copy of string `name` of the table at the top, NULL without it. */
static const char *copy_text(struct lun_bind_task *task, lua_State *co,
                             const char *name)
{
    size_t len;
    lua_getfield(co, -1, name);
    const char *text = lua_tolstring(co, -1, &len);
    if (text)
        text = lun_arena_strndup(lun_exec_config_of(task->exec)->arena, text,
                                 len);
    lua_pop(co, 1);
    return text;
}

static size_t number_of(lua_State *co, const char *name)
{
    lua_getfield(co, -1, name);
    double number = lua_tonumber(co, -1);
    lua_pop(co, 1);
    return number > 0 && number < 1e18 ? (size_t)number : 0;
}

/* The release of an app in the set that the request began with. */
static const char *release_of(const struct lun_bind_task *task,
                              const char *app)
{
    const struct lun_bind_apps *apps = task->request->apps;
    for (size_t i = 0; app && i < apps->count; i++)
        if (!strcmp(lun_vm_app_name(apps->items[i]->vm), app))
            return lun_vm_app_release(apps->items[i]->vm);
    return NULL;
}

/* `detail` of the reason is for the log: a person finds it by the error_id. */
static void fail_from_table(struct lun_bind_task *task, lua_State *co)
{
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    struct lun_plan_error error = {0};
    lua_settop(co, 2);
    const char *extension = copy_text(task, co, "ext");
    error.message = copy_text(task, co, "message");
    if (!extension || !error.message) {
        lun_bind_task_end_with_lua(task, error.message
                                             ? error.message
                                             : "a write failed without a "
                                               "reason");
        return;
    }
    error.code = code_of_extension(extension);
    error.extension = lun_error_info(error.code)->graphql;
    error.opencrud = (int)number_of(co, "code");
    error.limit = copy_text(task, co, "limit");
    error.max = number_of(co, "max");
    error.app = copy_text(task, co, "app");
    error.reason = copy_text(task, co, "reason");
    error.release = release_of(task, error.app);
    error.detail = copy_text(task, co, "detail");
    if (error.detail) {
        struct lun_pg_error pg = {.code = error.code};
        config->report(&pg, &error, config->context);
    }
    lun_bind_task_end(task, &error);
}

/* What the host judges itself: causes without a meaning for the client. */
static void fail_from_database(struct lun_bind_task *task, lua_State *co)
{
    struct lun_pg_error pg = {.code = task->db_code, .lost = task->in_doubt};
    lua_getfield(co, 2, "message");
    const char *message = lua_tostring(co, -1);
    strncpy(pg.message, message ? message : "", sizeof(pg.message) - 1);
    lun_bind_task_end_with_pg(task, &pg);
}

static bool is_judged_by_client(lua_State *co)
{
    lua_getfield(co, 2, "ext");
    bool has = lua_isstring(co, -1);
    lua_pop(co, 1);
    return has;
}

/* The member `json` of the table at `index`. */
static bool take_json(lua_State *co, int index, struct lun_buf *out)
{
    size_t len;
    lun_buf_clear(out);
    if (!lua_istable(co, index))
        return false;
    lua_getfield(co, index, "json");
    const char *json = lua_tolstring(co, -1, &len);
    if (json)
        lun_buf_push(out, json, len);
    lua_pop(co, 1);
    return json && !out->failed;
}

/* The answers of all writes, {{json=...}, ...}, in the order of the fields. */
static bool take_answers(struct lun_bind_task *task, lua_State *co)
{
    const struct lun_plan *plan = lun_exec_config_of(task->exec)->plan;
    int number = 0;
    for (size_t i = 0; i < plan->field_count; i++) {
        if (plan->fields[i].kind != LUN_PLAN_WRITE)
            continue;
        lua_rawgeti(co, 1, ++number);
        if (!take_json(co, lua_gettop(co), &task->jsons[i]))
            return false;
        lua_pop(co, 1);
    }
    return true;
}

/* Which field write number `number` of the coroutine is. */
static size_t field_of(const struct lun_bind_task *task, int number)
{
    const struct lun_plan *plan = lun_exec_config_of(task->exec)->plan;
    for (size_t i = 0; i < plan->field_count; i++)
        if (plan->fields[i].kind == LUN_PLAN_WRITE && --number <= 0)
            return i;
    return 0;
}

/* The coroutine returned: {json=...}, or nil and a reason. */
static void returned(struct lun_bind_task *task)
{
    lua_State *co = task->co;
    if (task->all && lua_gettop(co) >= 3)
        task->failed = field_of(task, (int)lua_tointeger(co, 3));
    lua_settop(co, 2);
    if (lua_istable(co, 1)) {
        if (task->all ? take_answers(task, co) : take_json(co, 1, &task->json))
            lun_bind_task_commit(task);
        else
            lun_bind_task_end_with_lua(task, "a field returned no value");
        return;
    }
    if (!lua_istable(co, 2))
        lun_bind_task_end_with_lua(task, "a field returned nothing");
    else if (is_judged_by_client(co))
        fail_from_table(task, co);
    else if (!task->db_code || !lun_bind_task_retry(task, task->db_code))
        fail_from_database(task, co);
}

/* Running ------------------------------------------------------------------ */

void lun_bind_task_resume(struct lun_bind_task *task, int args)
{
    lua_State *co = task->co, *L = task->writer->L;
    task->waiting = task->sent = false;
    task->resumed_ns = lun_clock_monotonic_ns();
    int rc = lua_resume(co, args);
    if (rc == LUA_YIELD && task->waiting)
        return;
    if (rc == 0) {
        returned(task);
        return;
    }
    if (rc == LUA_YIELD) {
        lun_bind_task_end_with_lua(task, "a field yielded without a reason");
        return;
    }
    const char *message = lua_tostring(co, -1);
    luaL_traceback(L, co, message, 0);
    lun_log_printf(LUN_LOG_ERROR, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    lun_bind_task_end_with_lua(task, message ? message : "unknown Lua error");
}

struct lun_bind_task *lun_bind_task_check(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "task");
    struct lun_bind_task *task = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!task || task->co != L)
        luaL_error(L, "this transaction is over");
    if (task->waiting)
        luaL_error(L, "a statement of this transaction is under way");
    return task;
}

static void on_pause_over(uv_timer_t *timer)
{
    lun_bind_task_resume(timer->data, 0);
}

/* ctx:pause(): lets others have their turn when this one has taken long */
static int ctx_pause(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    if (lun_clock_monotonic_ns() - task->resumed_ns < PAUSE_AFTER_NS)
        return 0;
    task->waiting = true;
    uv_timer_start(&task->timer, on_pause_over, 0, 0);
    return lua_yield(L, 0);
}

void lun_bind_task_open(lua_State *L)
{
    lua_pushcfunction(L, ctx_pause);
    lua_setfield(L, -2, "pause");
}

void lun_bind_task_drop(struct lun_bind_task *task)
{
    lun_bind_call_cancel_all(task);
    if (!task->co)
        return;
    luaL_unref(task->writer->L, LUA_REGISTRYINDEX, task->co_ref);
    task->co = NULL;
}

/* The context that Lua gets ------------------------------------------------ */

static void push_params(lua_State *L, const struct lun_pg_params *params)
{
    lua_createtable(L, params->count, 0);
    for (int i = 0; i < params->count; i++) {
        if (params->values[i])
            lua_pushstring(L, params->values[i]);
        else
            lun_bind_json_push_null(L);
        lua_rawseti(L, -2, i + 1);
    }
}

/* What makes the write safe to send again: ctx.once */
static void push_once(struct lun_bind_task *task, lua_State *L, size_t field)
{
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    if (!config->once || task->reads)
        return;
    lua_createtable(L, 0, 3);
    lua_pushstring(L, config->once->key);
    lua_setfield(L, -2, "key");
    lua_pushstring(L, config->plan->fields[field].key);
    lua_setfield(L, -2, "path");
    lua_pushlstring(L, config->once->body, config->once->body_len);
    lua_setfield(L, -2, "body");
    lua_setfield(L, -2, "once");
}

static void push_roles(struct lun_bind_task *task, lua_State *L)
{
    const char *const *roles = task->request->roles;
    lua_newtable(L);
    for (int i = 0; roles && roles[i]; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, roles[i]);
    }
    lua_setfield(L, -2, "roles");
}

static void push_context(struct lun_bind_task *task, lua_State *L, size_t field)
{
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    lua_createtable(L, 0, 16);
    lua_pushlightuserdata(L, task);
    lua_setfield(L, -2, "task");
    lua_pushstring(L, config->input.user);
    lua_setfield(L, -2, "user");
    lua_pushboolean(L, task->reads);
    lua_setfield(L, -2, "reads");
    lua_rawgeti(L, LUA_REGISTRYINDEX, task->request->service);
    lua_setfield(L, -2, "service");
    push_params(L, lun_exec_params(task->exec, field));
    lua_setfield(L, -2, "params");
    push_roles(task, L);
    push_once(task, L, field);
    /* One table is both: the database of the context is the context. */
    lua_rawgeti(L, LUA_REGISTRYINDEX, task->writer->methods);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "db");
}

/* Pushes the contexts and the plans of all writes. */
static void push_all(struct lun_bind_task *task, lua_State *co)
{
    const struct lun_plan *plan = lun_exec_config_of(task->exec)->plan;
    int number = 0;
    lua_newtable(co);
    lua_newtable(co);
    for (size_t i = 0; i < plan->field_count; i++) {
        if (plan->fields[i].kind != LUN_PLAN_WRITE)
            continue;
        number++;
        push_context(task, co, i);
        lua_rawseti(co, -3, number);
        lua_rawgeti(co, LUA_REGISTRYINDEX, plan->fields[i].write);
        lua_rawseti(co, -2, number);
    }
}

void lun_bind_task_start(struct lun_bind_task *task)
{
    lua_State *L = task->writer->L;
    const struct lun_plan *plan = lun_exec_config_of(task->exec)->plan;
    lun_metrics_add(LUN_METRIC_LUA_CALLS, 1);
    task->db_code = 0;
    task->in_doubt = false;
    lua_State *co = task->co = lua_newthread(L);
    task->co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_rawgeti(co, LUA_REGISTRYINDEX,
                task->all ? task->writer->run_all : task->writer->run);
    if (task->all) {
        push_all(task, co);
    } else {
        push_context(task, co, task->index);
        lua_rawgeti(co, LUA_REGISTRYINDEX, plan->fields[task->index].write);
    }
    lun_bind_task_resume(task, 2);
}
