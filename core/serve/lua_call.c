/*
 * core/serve/lua_call.c - calls lua/lunette/loader.lua from the command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/lua_call.h"

#include <lauxlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/bind/host_module.h"
#include "core/bind/json.h"
#include "core/bind/loader.h"
#include "core/config/config.h"
#include "core/serve/app_tests.h"
#include "core/config/program.h"
#include "core/vm/state.h"

#define TESTS_MEMORY ((size_t)64 * 1024 * 1024)
#define TESTS_NODES 1000000

void lun_lua_push_option(struct lun_buf *options, const char *name,
                         const char *text)
{
    lun_buf_push_str(options, options->len > 0 ? ",\"" : "{\"");
    lun_buf_push_str(options, name);
    lun_buf_push_str(options, "\":");
    lun_buf_push_json_string(options, text, strlen(text));
}

/* Stack: function name, options as JSON -> text. */
static int call_loader(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunette.loader");
    lua_call(L, 1, 1);
    lua_pushvalue(L, 1);
    lua_gettable(L, -2);
    lua_pushcfunction(L, lun_bind_json_decode_lua);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int call(lua_State *L, const char *function,
                const struct lun_buf *options, struct lun_buf *out,
                struct lun_err *err)
{
    lua_pushcfunction(L, call_loader);
    lua_pushstring(L, function);
    lua_pushlstring(L, options->data, options->len);
    int code = lun_vm_call(L, 2, 1, err);
    if (code != 0) {
        return code;
    }
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (text == NULL) {
        return lun_error_set(err, LUN_EINTERNAL, "loader.%s gave no text",
                             function);
    }
    lun_buf_push(out, text, len);
    return out->failed ? lun_error_set(err, LUN_EMEMORY, "out of memory") : 0;
}

/* host.run_tests(conninfo, file of the set, tests as JSON) -> results as JSON,
 * see core/serve/app_tests.h | nil, message */
static int run_tests(lua_State *L)
{
    const struct lun_config *config = lua_touserdata(L, lua_upvalueindex(1));
    const char *conninfo = luaL_checkstring(L, 1);
    const char *set = luaL_checkstring(L, 2);
    size_t len;
    const char *text = luaL_checklstring(L, 3, &len);
    struct lun_arena arena;
    struct lun_json *tests;
    struct lun_buf out;
    struct lun_err err;
    lun_buf_init(&out);
    lun_arena_init(&arena, TESTS_MEMORY);
    int code = lun_json_parse(&arena, text, len, 8, TESTS_NODES, &tests, &err);
    if (code == 0) {
        code = lun_app_tests_run(config, conninfo, set, tests, &out, &err);
    }
    if (code == 0) {
        lua_pushlstring(L, out.data, out.len);
    } else {
        lua_pushnil(L);
        lua_pushstring(L, err.message);
    }
    lun_arena_release(&arena);
    lun_buf_release(&out);
    return code == 0 ? 1 : 2;
}

int lun_lua_call(const struct lun_config *config, const char *function,
                 const struct lun_buf *options, struct lun_buf *out,
                 struct lun_err *err)
{
    char folder[PATH_MAX];
    char modules[PATH_MAX];
    if (options->failed) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    int code = lun_program_lua_dir(config, folder, err);
    if (code == 0) {
        code = lun_program_modules_dir(config, modules, err);
    }
    if (code != 0) {
        return code;
    }
    lua_State *L = lun_vm_system_new(folder, err);
    if (L == NULL) {
        return err != NULL ? err->code : LUN_EMEMORY;
    }
    lun_bind_host_module_open(L);
    lun_bind_loader_open(L);
    lua_getglobal(L, "host");
    lua_pushstring(L, modules);
    lua_setfield(L, -2, "modules_dir");
    lua_pushlightuserdata(L, (void *)config);
    lua_pushcclosure(L, run_tests, 1);
    lua_setfield(L, -2, "run_tests");
    if (config->policy[0] != '\0') {
        lua_pushstring(L, config->policy);
        lua_setfield(L, -2, "policy_file");
    }
    lua_pop(L, 1);
    code = call(L, function, options, out, err);
    lua_close(L);
    return code;
}
