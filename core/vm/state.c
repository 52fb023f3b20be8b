/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/state.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "core/base/error.h"

lua_State *lun_vm_system_new(const char *lua_dir, struct lun_err *err)
{
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/?.lua;%s/?/init.lua", lua_dir,
                       lua_dir);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        lun_error_set(err, LUN_ECONFIG, "the path '%s' is too long", lua_dir);
        return NULL;
    }
    lua_State *L = luaL_newstate();
    if (!L) {
        lun_error_set(err, LUN_EMEMORY, "out of memory");
        return NULL;
    }
    luaL_openlibs(L);
    lua_getglobal(L, "package");
    lua_pushstring(L, path);
    lua_setfield(L, -2, "path");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_pop(L, 1);
    return L;
}

static int traceback(lua_State *L)
{
    const char *message = lua_tostring(L, 1);
    luaL_traceback(L, L, message ? message : "(error without a message)", 1);
    return 1;
}

int lun_vm_call(lua_State *L, int args, int results, struct lun_err *err)
{
    int handler = lua_gettop(L) - args;
    lua_pushcfunction(L, traceback);
    lua_insert(L, handler);
    int rc = lua_pcall(L, args, results, handler);
    lua_remove(L, handler);
    if (!rc)
        return 0;
    const char *message = lua_tostring(L, -1);
    lun_error_set(err, rc == LUA_ERRMEM ? LUN_EMEMORY : LUN_EINTERNAL, "%s",
                  message ? message : "unknown Lua error");
    lua_pop(L, 1);
    return err ? err->code : LUN_EINTERNAL;
}
