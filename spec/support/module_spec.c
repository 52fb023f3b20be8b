/*
 * spec/support/module_spec.c - runs the specs of a core module.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: module_spec modules/NAME/spec/FILE_spec.lua | modules/NAME/README.md
 *
 * Of a page it runs the blocks of Lua; `expression --> value` is checked. A
 * spec sees the standard libraries and
 *   grant(name, json, fn)  the module, granted with these options; fn answers
 *                          what it asks
 *   null                  the word of apps
 *   sql(statement)        rows of texts, false for null, of a real PostgreSQL
 *   log_open(path)        the server's log goes there, until log_close()
 *   test(sentence, fn), equal(actual, expected), fails(text, fn)
 * Prints what failed, and "N passed, N failed".
 */
#include <lauxlib.h>
#include <libpq-fe.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/telemetry/log.h"
#include "core/vm/app.h"
#include "core/vm/decimals.h"
#include "core/vm/module.h"
#include "core/vm/modules.h"

/* Keeps every value whose address C may hold. */
static void keep(lua_State *L)
{
    (void)luaL_ref(L, LUA_REGISTRYINDEX);
}

/* push_module(name, options) -> what lunette.guest.modules takes */
static int push_module(lua_State *L)
{
    struct lun_err err;
    const char *name = luaL_checkstring(L, 1);
    const struct lun_vm_grant one = {.module = lun_module_find(name),
                                     .name = name,
                                     .options = luaL_checkstring(L, 2)};
    const struct lun_vm_app_config config = {.name = "spec",
                                             .release = "spec@1.0.0+0",
                                             .modules_dir = "modules",
                                             .grants = &one,
                                             .grant_count = 1};
    lua_getfield(L, LUA_REGISTRYINDEX, "lunette.modules");
    keep(L);
    if (lun_vm_modules_push(L, &config, &err))
        return luaL_error(L, "%s", err.message);
    return 1;
}

static int sql(lua_State *L)
{
    static PGconn *conn;
    const char *conninfo = getenv("LUNETTE_TEST_CONNINFO");
    if (!conn)
        conn = PQconnectdb(conninfo ? conninfo : "");
    PGresult *result = PQexec(conn, luaL_checkstring(L, 1));
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        lua_pushstring(L, PQerrorMessage(conn));
        PQclear(result);
        return lua_error(L);
    }
    lua_newtable(L);
    for (int row = 0; row < PQntuples(result); row++) {
        lua_newtable(L);
        for (int column = 0; column < PQnfields(result); column++) {
            if (PQgetisnull(result, row, column))
                lua_pushboolean(L, 0);
            else
                lua_pushstring(L, PQgetvalue(result, row, column));
            lua_rawseti(L, -2, column + 1);
        }
        lua_rawseti(L, -2, row + 1);
    }
    PQclear(result);
    return 1;
}

static int log_open(lua_State *L)
{
    struct lun_err err;
    if (lun_log_open(luaL_checkstring(L, 1), LUN_LOG_DEBUG, 0, &err))
        return luaL_error(L, "%s", err.message);
    return 0;
}

static int log_close(lua_State *L)
{
    (void)L;
    lun_log_close();
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: module_spec FILE\n");
        return 2;
    }
    lua_State *L = luaL_newstate();
    if (!L)
        return 1;
    luaL_openlibs(L);
    lua_register(L, "push_module", push_module);
    lua_register(L, "sql", sql);
    lua_register(L, "log_open", log_open);
    lua_register(L, "log_close", log_close);
    lua_newtable(L);
    lun_vm_decimals_push(L);
    lua_setfield(L, -2, "decimals");
    lua_setglobal(L, "host");
    if (luaL_loadfile(L, "spec/support/module_spec.lua")) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    lua_pushstring(L, argv[1]);
    if (lua_pcall(L, 1, 1, 0)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    int code = lua_toboolean(L, -1);
    lua_close(L);
    return code;
}
