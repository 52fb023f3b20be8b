/* SPDX-License-Identifier: Apache-2.0 */
#include <lauxlib.h>

#include "core/vm/internal.h"

/* States ------------------------------------------------------------------ */

/* Sets the state of the coroutine that is the first value of `owner`, which
 * waits for it. The table holds each coroutine from its start, so that this
 * needs no memory. */
static void set_state(struct lun_vm_app *app, lua_State *owner,
                      enum lun_vm_coroutine state)
{
    lua_State *L = app->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, app->coroutines);
    lua_pushvalue(owner, 1);
    lua_xmove(owner, L, 1);
    lua_pushinteger(L, state);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static enum lun_vm_coroutine get_state(lua_State *L, struct lun_vm_app *app,
                                       int index)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, app->coroutines);
    lua_pushvalue(L, index);
    lua_rawget(L, -2);
    int state = (int)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return state ? (enum lun_vm_coroutine)state : LUN_VM_COROUTINE_BUSY;
}

/* The trampoline ---------------------------------------------------------- */

int lun_vm_coroutine_enter(struct lun_vm_call *call)
{
    lua_State *from = call->threads[call->depth];
    int args = lua_gettop(from) - 1;
    lua_State *co = lua_tothread(from, 1);
    luaL_checkstack(co, args + 2, "resume");
    lua_xmove(from, co, args);
    /* It stays on the stack of `from`, which keeps it alive. */
    call->threads[++call->depth] = co;
    set_state(call->app, from, LUN_VM_COROUTINE_BUSY);
    return args;
}

int lun_vm_coroutine_leave(struct lun_vm_call *call, bool ok, bool dead)
{
    lua_State *co = call->threads[call->depth];
    lua_State *to = call->threads[call->depth - 1];
    int count = ok ? lua_gettop(co) : 1;
    luaL_checkstack(to, count + 2, "resume");
    set_state(call->app, to,
              dead ? LUN_VM_COROUTINE_DEAD : LUN_VM_COROUTINE_SUSPENDED);
    call->depth--;
    lua_pushboolean(to, ok);
    lua_xmove(co, to, count);
    return count + 1;
}

void lun_vm_coroutine_abandon(struct lun_vm_call *call)
{
    while (call->depth)
        set_state(call->app, call->threads[--call->depth],
                  LUN_VM_COROUTINE_DEAD);
}

/* Functions of the sandbox ------------------------------------------------ */

static int l_create(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, app->coroutines);
    lua_pushvalue(L, -2);
    lua_pushinteger(L, LUN_VM_COROUTINE_SUSPENDED);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    return 1;
}

static int fail(lua_State *L, const char *message)
{
    lua_pushboolean(L, 0);
    lua_pushstring(L, message);
    return 2;
}

static int l_resume(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    struct lun_vm_call *call = app->running;
    luaL_checktype(L, 1, LUA_TTHREAD);
    switch (get_state(L, app, 1)) {
    case LUN_VM_COROUTINE_SUSPENDED:
        break;
    case LUN_VM_COROUTINE_DEAD:
        return fail(L, "cannot resume dead coroutine");
    default:
        return fail(L, "cannot resume non-suspended coroutine");
    }
    if (!call || call->depth >= LUN_VM_NESTED)
        return fail(L, "coroutines nest too deeply");
    call->pending = LUN_VM_PENDING_RESUME;
    return lua_yield(L, lua_gettop(L));
}

static int l_yield(lua_State *L)
{
    struct lun_vm_call *call = lun_vm_host_app(L)->running;
    if (!call || !call->depth)
        return luaL_error(L, "attempt to yield from outside a coroutine");
    call->pending = LUN_VM_PENDING_YIELD;
    return lua_yield(L, lua_gettop(L));
}

static int l_status(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    luaL_checktype(L, 1, LUA_TTHREAD);
    const char *text = lua_tothread(L, 1) == L ? "running" : "normal";
    switch (get_state(L, app, 1)) {
    case LUN_VM_COROUTINE_SUSPENDED:
        text = "suspended";
        break;
    case LUN_VM_COROUTINE_DEAD:
        text = "dead";
        break;
    default:
        break;
    }
    lua_pushstring(L, text);
    return 1;
}

static int l_running(lua_State *L)
{
    struct lun_vm_call *call = lun_vm_host_app(L)->running;
    if (!call || !call->depth)
        return 0;
    lua_pushthread(L);
    return 1;
}

static int l_isyieldable(lua_State *L)
{
    struct lun_vm_call *call = lun_vm_host_app(L)->running;
    lua_pushboolean(L, call && call->depth);
    return 1;
}

void lun_vm_coroutine_push(lua_State *L, struct lun_vm_app *app)
{
    static const luaL_Reg functions[] = {
        {"create", l_create},   {"resume", l_resume},
        {"yield", l_yield},     {"status", l_status},
        {"running", l_running}, {"isyieldable", l_isyieldable},
        {NULL, NULL},
    };
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    app->coroutines = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    luaL_register(L, NULL, functions);
}
