/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the trusted Lua of an app's VM (lua/lunette/guest) has besides Lua: the
 * global `require` for "lunette.guest.*", and the global table `host`:
 *
 * host.fail(text)    refuses: unless caught, the call ends with LUN_EREFUSED.
 * host.refused(e)    → text of what host.fail raised, else nil
 * host.log(level, text, fields)  a line in the log ("debug" ... "error");
 *                    fields: names and texts
 * host.now()         → milliseconds since 1970, with fraction
 * host.cpu()         → seconds of CPU that the request has used in the app
 * host.cost(what, n) counts "statements", "rows" or "outgoing"; over the limit
 *                    the call ends there, and nothing in the app can stop that
 * host.state()       → table of the running call, empty at its start: calls of
 *                    one VM take turns, between any two instructions, so what
 *                    belongs to one call is kept here and never in a local of
 *                    a module. nil outside of calls.
 * host.where(skip)   → "sales:app.lua:14: ", the place in the app's files that
 *                    led here, or "" (skip: levels, default 0)
 * host.compile(text, chunk) → function with the app's environment, or nil and
 *                    the error; text only
 * host.app, host.release         names
 * host.limits        table of the limits (struct lun_vm_limits)
 * host.modules       what lunette.guest.modules takes
 * host.decimals      arithmetic on texts (core/vm/decimals.h)
 *
 * A call that is stopped ends wherever it is and nothing in it runs any more:
 * no state that outlives the call may be left half done by Lua of the guest.
 * `native` is for lunette.guest.boot and lunette.guest.sandbox only;
 * `native.ask` asks the host (LUN_VM_ASKS), through any number of the app's own
 * coroutines and pcalls.
 */
#include <lauxlib.h>
#include <lualib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/telemetry/log.h"
#include "core/vm/data.h"
#include "core/vm/decimals.h"
#include "core/vm/internal.h"

#define FIELDS_MAX 16
#define LOG_TEXT_MAX 4096
#define SOURCE_MAX ((size_t)256 * 1024)
#define TEXT_MAX ((size_t)64 * 1024)
#define CHUNK_OF_GUEST "lunette/"
#define CHUNK_OF_MODULE "modules/" /* an app's chunks are "name:file" */

static const char app_key;

struct lun_vm_app *lun_vm_host_app(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&app_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    struct lun_vm_app *app = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return app;
}

/* Asking ------------------------------------------------------------------ */

static struct lun_vm_call *running_call(lua_State *L)
{
    struct lun_vm_call *call = lun_vm_host_app(L)->running;
    if (!call)
        luaL_error(L, "no call is running");
    return call;
}

/* native.ask(op) → true and the answer, or false and the refusal. */
static int l_ask(lua_State *L)
{
    struct lun_err err = {0};
    struct lun_vm_call *call = running_call(L);
    if (call->loading)
        return luaL_error(L, "this is not possible while the app is loaded");
    lun_buf_clear(&call->data);
    if (lun_vm_data_write(L, 1, call->app->limits.crossing_bytes, &call->data,
                          &err)) {
        lua_pushboolean(L, 0);
        lua_pushstring(L, err.message);
        return 2;
    }
    call->pending = LUN_VM_PENDING_ASK;
    return lua_yield(L, 0);
}

static int l_cost(lua_State *L)
{
    static const char *const names[] = {"statements", "rows", "outgoing", NULL};
    struct lun_vm_call *call = running_call(L);
    struct lun_vm_spent *spent = call->spent;
    const struct lun_vm_limits *limits = &call->app->limits;
    int what = luaL_checkoption(L, 1, NULL, names);
    double amount = luaL_checknumber(L, 2);
    luaL_argcheck(L, amount >= 0 && amount < 1e15, 2, "not a count");
    uint64_t *used[] = {&spent->statements, &spent->rows,
                        &spent->outgoing_bytes};
    uint64_t max[] = {limits->statements, limits->rows, limits->outgoing_bytes};
    *used[what] += (uint64_t)amount;
    if (*used[what] <= max[what])
        return 0;
    call->pending = LUN_VM_PENDING_FAULT;
    call->fault_limit = names[what];
    return lua_yield(L, 0);
}

/* Refusing ---------------------------------------------------------------- */

static int l_fail(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    luaL_checkstring(L, 1);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, app->refusals);
    lua_setmetatable(L, -2);
    return lua_error(L);
}

static int l_refused(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    if (!lua_istable(L, 1) || !lua_getmetatable(L, 1))
        return 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, app->refusals);
    if (!lua_rawequal(L, -1, -2))
        return 0;
    lua_rawgeti(L, 1, 1);
    return 1;
}

static int refusal_text(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_rawgeti(L, 1, 1);
    return 1;
}

static void make_refusals(lua_State *L, struct lun_vm_app *app)
{
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, refusal_text);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    app->refusals = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Small ones -------------------------------------------------------------- */

static int log_level(const char *name)
{
    int level = lun_log_level_parse(name);
    return level < 0 || level >= LUN_LOG_NONE ? LUN_LOG_INFO : level;
}

static int l_log(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    struct lun_log_field fields[FIELDS_MAX + 3];
    size_t count = 0, len;
    const char *level = luaL_checkstring(L, 1);
    const char *text = luaL_checklstring(L, 2, &len);
    char shown[LOG_TEXT_MAX];
    snprintf(shown, sizeof(shown), "%s", text);
    fields[count++] = (struct lun_log_field){"app", app->name};
    fields[count++] = (struct lun_log_field){"release", app->release};
    if (app->running && app->running->spent->request[0])
        fields[count++] =
            (struct lun_log_field){"request", app->running->spent->request};
    lua_settop(L, 3);
    if (lua_istable(L, 3))
        lua_pushnil(L);
    while (lua_istable(L, 3) && lua_next(L, 3)) {
        if (count < FIELDS_MAX + 3 && lua_type(L, -2) == LUA_TSTRING &&
            lua_type(L, -1) == LUA_TSTRING && lua_objlen(L, -1) < LOG_TEXT_MAX)
            fields[count++] = (struct lun_log_field){lua_tostring(L, -2),
                                                     lua_tostring(L, -1)};
        lua_pop(L, 1);
    }
    lun_log_write((enum lun_log_level)log_level(level), shown, fields, count);
    return 0;
}

static int l_now(lua_State *L)
{
    lua_pushnumber(L, (double)(lun_clock_unix_ns() / 1000) / 1000.0);
    return 1;
}

static int l_cpu(lua_State *L)
{
    struct lun_vm_call *call = lun_vm_host_app(L)->running;
    uint64_t used = call ? call->spent->cpu_ns + lun_vm_budget_slice_cpu_ns()
                         : lun_vm_budget_cpu_ns();
    lua_pushnumber(L, (double)used / 1e9);
    return 1;
}

static int l_state(lua_State *L)
{
    struct lun_vm_call *call = lun_vm_host_app(L)->running;
    if (!call)
        return 0;
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->state);
    return 1;
}

bool lun_vm_host_is_guest(const char *chunk)
{
    return !strncmp(chunk, CHUNK_OF_GUEST, sizeof(CHUNK_OF_GUEST) - 1);
}

/* Pushes the place in the app's files, from `level` of the stack on. */
static void push_where(lua_State *L, int level)
{
    lua_Debug ar;
    for (; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "Sl", &ar);
        if (ar.currentline < 1 || lun_vm_host_is_guest(ar.short_src) ||
            !strncmp(ar.short_src, CHUNK_OF_MODULE,
                     sizeof(CHUNK_OF_MODULE) - 1))
            continue;
        lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
        return;
    }
    lua_pushliteral(L, "");
}

static int l_where(lua_State *L)
{
    push_where(L, (int)luaL_optinteger(L, 1, 0) + 1);
    return 1;
}

int lun_vm_host_error(lua_State *L, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    push_where(L, 0);
    lua_pushvfstring(L, format, args);
    va_end(args);
    lua_concat(L, 2);
    lua_error(L);
    abort(); /* lua_error does not return */
}

/* native.raise(text): an error at the place in the app's files. */
static int l_raise(lua_State *L)
{
    lun_vm_host_error(L, "%s", luaL_checkstring(L, 1));
}

static int l_compile(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    const char *chunk = luaL_optstring(L, 2, "input");
    if (len > TEXT_MAX) {
        lua_pushnil(L);
        lua_pushliteral(L, "the text is too long");
        return 2;
    }
    lua_pushfstring(L, "=%s", chunk);
    if (luaL_loadbufferx(L, text, len, lua_tostring(L, -1), "t")) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, app->environment);
    if (lua_istable(L, -1))
        lua_setfenv(L, -2);
    else
        lua_pop(L, 1);
    return 1;
}

/* native.metafield(table, name): that of a protected metatable, too. */
static int l_metafield(lua_State *L)
{
    lua_settop(L, 2);
    if (!lua_getmetatable(L, 1))
        return 0;
    lua_replace(L, 1);
    lua_rawget(L, 1);
    return 1;
}

static int l_seed(lua_State *L)
{
    uint32_t seed;
    lun_random_bytes(&seed, sizeof(seed));
    lua_pushnumber(L, seed);
    return 1;
}

/* Require ----------------------------------------------------------------- */

static bool is_guest_name(const char *name)
{
    if (strncmp(name, "lunette.", 8) != 0 || strstr(name, ".."))
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.") ==
           strlen(name);
}

/* Pushes the chunk of the module `name`, or raises. */
static void load_module(lua_State *L, const char *dir, const char *name)
{
    static const char *const forms[] = {"%s/%s.lua", "%s/%s/init.lua"};
    char path[4096], chunk[256], relative[200];
    snprintf(relative, sizeof(relative), "%s", name);
    for (char *at = relative; *at; at++)
        *at = *at == '.' ? '/' : *at;
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), forms[i], dir, relative);
        FILE *file = fopen(path, "re");
        if (!file)
            continue;
        char *text = malloc(SOURCE_MAX);
        size_t len = text ? fread(text, 1, SOURCE_MAX, file) : 0;
        fclose(file);
        snprintf(chunk, sizeof(chunk), "=%s.lua", relative);
        int status = luaL_loadbufferx(L, text ? text : "", len, chunk, "t");
        free(text);
        if (status)
            lua_error(L);
        return;
    }
    luaL_error(L, "module '%s' not found", name);
}

static int l_require(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    const char *name = luaL_checkstring(L, 1);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_rawget(L, lua_upvalueindex(1));
    if (!lua_isnil(L, -1))
        return 1;
    if (!is_guest_name(name))
        return luaL_error(L, "module '%s' is not part of lunette", name);
    load_module(L, app->lua_dir, name);
    lua_call(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, lua_upvalueindex(1));
    return 1;
}

/* Installing -------------------------------------------------------------- */

static void push_limits(lua_State *L, const struct lun_vm_limits *limits)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"memory", (double)limits->memory_bytes},
        {"cpu_ms", (double)limits->cpu_ns / 1e6},
        {"wall_ms", (double)limits->wall_ns / 1e6},
        {"statements", (double)limits->statements},
        {"rows", (double)limits->rows},
        {"outgoing", (double)limits->outgoing_bytes},
        {"crossing", (double)limits->crossing_bytes},
    };
    lua_newtable(L);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        lua_pushnumber(L, rows[i].value);
        lua_setfield(L, -2, rows[i].name);
    }
}

static void open_libraries(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        {"", luaopen_base},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_MATHLIBNAME, luaopen_math},
        {LUA_BITLIBNAME, luaopen_bit},
        {NULL, NULL},
    };
    for (const luaL_Reg *at = libraries; at->func; at++) {
        lua_pushcfunction(L, at->func);
        lua_pushstring(L, at->name);
        lua_call(L, 1, 0);
    }
}

void lun_vm_host_install(lua_State *L, struct lun_vm_app *app)
{
    static const luaL_Reg functions[] = {
        {"fail", l_fail},   {"refused", l_refused}, {"log", l_log},
        {"now", l_now},     {"cpu", l_cpu},         {"cost", l_cost},
        {"state", l_state}, {"where", l_where},     {"compile", l_compile},
        {NULL, NULL},
    };
    static const luaL_Reg natives[] = {
        {"ask", l_ask},     {"metafield", l_metafield},
        {"raise", l_raise}, {"seed", l_seed},
        {NULL, NULL},
    };
    lua_pushlightuserdata(L, (void *)&app_key);
    lua_pushlightuserdata(L, app);
    lua_rawset(L, LUA_REGISTRYINDEX);
    open_libraries(L);
    make_refusals(L, app);
    lua_newtable(L);
    luaL_register(L, NULL, functions);
    lua_pushstring(L, app->name);
    lua_setfield(L, -2, "app");
    lua_pushstring(L, app->release);
    lua_setfield(L, -2, "release");
    push_limits(L, &app->limits);
    lua_setfield(L, -2, "limits");
    lun_vm_decimals_push(L);
    lua_setfield(L, -2, "decimals");
    /* For lunette.guest.decimals alone, which takes it out of here. */
    lua_pushcfunction(L, luaopen_ffi);
    lua_pushliteral(L, LUA_FFILIBNAME);
    lua_call(L, 1, 1);
    lua_setfield(L, -2, "ffi");
    lua_setglobal(L, "host");
    lua_newtable(L);
    lua_pushcclosure(L, l_require, 1);
    lua_setglobal(L, "require");
    lun_vm_coroutine_push(L, app);
    luaL_register(L, NULL, natives);
    lun_vm_pattern_install(L);
    lun_vm_strings_install(L);
    lua_setglobal(L, "native");
}
