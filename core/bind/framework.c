/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/framework.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/random.h"
#include "core/bind/ast.h"
#include "core/bind/host_module.h"
#include "core/bind/json.h"
#include "core/bind/plan.h"
#include "core/graphql/plan.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/vm/state.h"

struct lun_framework {
    lua_State *L;
    int service_module; /* lunette.service */
};

static int require_service(lua_State *L)
{
    lun_bind_host_module_open(L);
    lua_pushthread(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "lunette.main");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunette.service");
    lua_call(L, 1, 1);
    return 1;
}

int lun_framework_open(const char *lua_dir, struct lun_framework **out,
                       struct lun_err *err)
{
    struct lun_framework *framework = calloc(1, sizeof(*framework));
    if (!framework)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    lua_State *L = framework->L = lun_vm_system_new(lua_dir, err);
    if (!L) {
        free(framework);
        return err ? err->code : LUN_EMEMORY;
    }
    lua_pushcfunction(L, require_service);
    int rc = lun_vm_call(L, 0, 1, err);
    if (rc) {
        lun_framework_close(framework);
        return rc;
    }
    framework->service_module = luaL_ref(L, LUA_REGISTRYINDEX);
    *out = framework;
    return 0;
}

void lun_framework_close(struct lun_framework *framework)
{
    if (!framework)
        return;
    lua_close(framework->L);
    free(framework);
}

lua_State *lun_framework_state(struct lun_framework *framework)
{
    return framework->L;
}

size_t lun_framework_memory(const struct lun_framework *framework)
{
    return (size_t)lua_gc(framework->L, LUA_GCCOUNT, 0) * 1024 +
           (size_t)lua_gc(framework->L, LUA_GCCOUNTB, 0);
}

/* Pushes lunette.service.<name>. */
static void push_function(struct lun_framework *framework, const char *name)
{
    lua_State *L = framework->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, framework->service_module);
    lua_getfield(L, -1, name);
    lua_remove(L, -2);
}

int lun_framework_load(struct lun_framework *framework, const char *json,
                       size_t len, bool strict, int *service,
                       struct lun_err *err)
{
    lua_State *L = framework->L;
    push_function(framework, "load");
    lua_pushlstring(L, json, len);
    lua_pushboolean(L, strict);
    int rc = lun_vm_call(L, 2, 1, err);
    if (!rc)
        *service = luaL_ref(L, LUA_REGISTRYINDEX);
    return rc;
}

void lun_framework_unload(struct lun_framework *framework, int service)
{
    luaL_unref(framework->L, LUA_REGISTRYINDEX, service);
    /* A set that was replaced is worth a whole collection: it holds the types
     * and models of all apps. */
    lua_gc(framework->L, LUA_GCCOLLECT, 0);
}

/* Calls lunette.service.<name>(service) for one result on the stack. */
static int ask(struct lun_framework *framework, int service, const char *name,
               struct lun_err *err)
{
    push_function(framework, name);
    lua_rawgeti(framework->L, LUA_REGISTRYINDEX, service);
    return lun_vm_call(framework->L, 1, 1, err);
}

static int ask_text(struct lun_framework *framework, int service,
                    const char *name, char *out, size_t size,
                    struct lun_err *err)
{
    int rc = ask(framework, service, name, err);
    if (rc)
        return rc;
    const char *text = lua_tostring(framework->L, -1);
    snprintf(out, size, "%s", text ? text : "");
    lua_pop(framework->L, 1);
    return 0;
}

int lun_framework_id(struct lun_framework *framework, int service, char *out,
                     size_t size, struct lun_err *err)
{
    return ask_text(framework, service, "id", out, size, err);
}

int lun_framework_release(struct lun_framework *framework, int service,
                          char *out, size_t size, struct lun_err *err)
{
    return ask_text(framework, service, "release", out, size, err);
}

bool lun_framework_has_users(struct lun_framework *framework, int service)
{
    if (ask(framework, service, "has_users", NULL))
        return false;
    bool has = lua_toboolean(framework->L, -1);
    lua_pop(framework->L, 1);
    return has;
}

int lun_framework_push_apps(struct lun_framework *framework, int service,
                            struct lun_err *err)
{
    return ask(framework, service, "apps", err);
}

static void push_names(lua_State *L, const char *const *names)
{
    lua_newtable(L);
    for (int i = 0; names && names[i]; i++) {
        lua_pushstring(L, names[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

int lun_framework_roles(struct lun_framework *framework, int service,
                        struct lun_arena *arena, const char *const *names,
                        const char *const **out, struct lun_err *err)
{
    lua_State *L = framework->L;
    lun_metrics_add(LUN_METRIC_LUA_CALLS, 1);
    push_function(framework, "roles");
    lua_rawgeti(L, LUA_REGISTRYINDEX, service);
    push_names(L, names);
    int rc = lun_vm_call(L, 2, 1, err);
    if (rc)
        return rc;
    size_t count = lua_objlen(L, -1);
    const char **list = lun_arena_calloc(arena, count + 1, sizeof(*list));
    for (size_t i = 0; list && i < count; i++) {
        size_t len;
        lua_rawgeti(L, -1, (int)i + 1);
        const char *name = lua_tolstring(L, -1, &len);
        list[i] = lun_arena_strndup(arena, name, len);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    if (!list)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    *out = list;
    return 0;
}

/* (lightuserdata request) -> request table for Lua */
static int push_request(lua_State *L)
{
    const struct lun_framework_request *request = lua_touserdata(L, 1);
    lua_createtable(L, 0, 6);
    lun_bind_ast_push(L, request->arena, request->tokens, request->document);
    lua_setfield(L, -2, "doc");
    lua_pushstring(L, request->operation_name);
    lua_setfield(L, -2, "operation_name");
    if (request->variables)
        lun_bind_json_push(L, request->variables);
    else
        lua_newtable(L);
    lua_setfield(L, -2, "variables");
    lua_newtable(L);
    for (int i = 0; request->roles && request->roles[i]; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, request->roles[i]);
    }
    lua_setfield(L, -2, "roles");
    lua_pushstring(L, request->user);
    lua_setfield(L, -2, "user");
    lua_pushboolean(L, request->get);
    lua_setfield(L, -2, "get");
    return 1;
}

static char *copy_field(lua_State *L, const char *name,
                        struct lun_arena *arena)
{
    size_t len;
    lua_getfield(L, -1, name);
    const char *text =
        lua_isstring(L, -1) ? lua_tolstring(L, -1, &len) : NULL;
    char *copy = text ? lun_arena_strndup(arena, text, len) : NULL;
    lua_pop(L, 1);
    return copy;
}

static unsigned get_number(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    unsigned value = (unsigned)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

static int code_of(const char *extension)
{
    for (int code = 1; extension && code < LUN_ERROR_COUNT; code++)
        if (!strcmp(lun_error_info(code)->graphql, extension))
            return code;
    return LUN_EINVALID;
}

/* The list of errors on top of the stack. */
static void read_errors(lua_State *L, struct lun_arena *arena,
                        struct lun_plan_error **errors, size_t *count)
{
    *count = lua_istable(L, -1) ? lua_objlen(L, -1) : 0;
    *errors = lun_arena_calloc(arena, *count + 1, sizeof(**errors));
    if (!*errors) {
        *count = 0;
        return;
    }
    for (size_t i = 0; i < *count; i++) {
        struct lun_plan_error *error = &(*errors)[i];
        lua_rawgeti(L, -1, (int)i + 1);
        error->message = copy_field(L, "message", arena);
        error->extension = copy_field(L, "ext", arena);
        error->code = code_of(error->extension);
        error->opencrud = (int)get_number(L, "code");
        error->limit = copy_field(L, "limit", arena);
        error->max = get_number(L, "max");
        error->line = get_number(L, "line");
        error->column = get_number(L, "col");
        if (!error->message)
            error->message = lun_error_info(error->code)->message;
        lua_pop(L, 1);
    }
}

static int internal(struct lun_arena *arena, const struct lun_err *err,
                    struct lun_plan_error **errors, size_t *count)
{
    *errors = lun_arena_calloc(arena, 1, sizeof(**errors));
    *count = *errors ? 1 : 0;
    if (*errors) {
        (*errors)->code = LUN_EINTERNAL;
        (*errors)->message = lun_error_info(LUN_EINTERNAL)->message;
        lun_random_hex((*errors)->error_id, 8);
        struct lun_log_field fields[] = {{"error_id", (*errors)->error_id},
                                         {"detail", err->message}};
        lun_log_write(LUN_LOG_ERROR, "an operation could not be compiled",
                      fields, 2);
    }
    return LUN_EINTERNAL;
}

int lun_framework_compile(struct lun_framework *framework, int service,
                          const struct lun_framework_request *request,
                          struct lun_plan **plan,
                          struct lun_plan_error **errors, size_t *count)
{
    lua_State *L = framework->L;
    struct lun_err err = {0};
    int top = lua_gettop(L);
    lun_metrics_add(LUN_METRIC_LUA_CALLS, 1);
    push_function(framework, "compile");
    lua_rawgeti(L, LUA_REGISTRYINDEX, service);
    lua_pushcfunction(L, push_request);
    lua_pushlightuserdata(L, (void *)request);
    int rc = lun_vm_call(L, 1, 1, &err);
    if (!rc)
        rc = lun_vm_call(L, 2, 2, &err);
    if (!rc && lua_istable(L, -2)) {
        *plan = lun_bind_plan_new(L, -2, &err);
        rc = *plan ? 0 : LUN_EINTERNAL;
    } else if (!rc) {
        read_errors(L, request->arena, errors, count);
        lua_settop(L, top);
        return *count ? (*errors)[0].code : LUN_EINTERNAL;
    }
    lua_settop(L, top);
    return rc ? internal(request->arena, &err, errors, count) : 0;
}
