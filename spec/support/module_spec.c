/*
 * spec/support/module_spec.c - runs the specs of a core module.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: module_spec modules/NAME/spec/FILE_spec.lua
 * The spec sees the standard libraries and
 *   grant(name, options)   the module as an app gets it that was granted it
 * with these options (JSON text) null                   the word of apps
 *   sql(statement)         rows of texts (or false for null) of the specs'
 *                          PostgreSQL
 *   log_open(path), log_close()   the log of the server goes to a file
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

static const char harness[] =
    "local passed, failed = 0, 0\n"
    "local function show(v) return type(v) == 'string'"
    "  and ('%q'):format(v) or tostring(v) end\n"
    "local function same(a, b)\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
    "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
    "  for k in pairs(b) do if a[k] == nil then return false end end\n"
    "  return true\n"
    "end\n"
    "local function text(v, depth)\n"
    "  if type(v) ~= 'table' or depth > 4 then return show(v) end\n"
    "  local out = {}\n"
    "  for k, x in pairs(v) do\n"
    "    out[#out + 1] = show(k) .. ' = ' .. text(x, depth + 1)\n"
    "  end\n"
    "  table.sort(out)\n"
    "  return '{ ' .. table.concat(out, ', ') .. ' }'\n"
    "end\n"
    "function equal(actual, expected)\n"
    "  if not same(actual, expected) then error(('expected %s, got %s')\n"
    "    :format(text(expected, 0), text(actual, 0)), 2) end\n"
    "end\n"
    "function fails(wanted, fn)\n"
    "  local ok, message = pcall(fn)\n"
    "  if ok then error('expected an error: ' .. wanted, 2) end\n"
    "  if not tostring(message):find(wanted, 1, true) then\n"
    "    error(('expected the error %q, got %q'):format(wanted,\n"
    "      tostring(message)), 2)\n"
    "  end\n"
    "end\n"
    "function test(sentence, fn)\n"
    "  local ok, message = xpcall(fn, debug.traceback)\n"
    "  if ok then passed = passed + 1 return end\n"
    "  failed = failed + 1\n"
    "  print('FAILED ' .. sentence .. '\\n' .. tostring(message))\n"
    "end\n"
    "package.path = 'lua/?.lua'\n"
    "null = {}\n"
    "function host.where()\n"
    "  for level = 2, 20 do\n"
    "    local info = debug.getinfo(level, 'Sl')\n"
    "    if info and info.source:find('_spec.lua$') then\n"
    "      return info.short_src .. ':' .. info.currentline .. ': '\n"
    "    end\n"
    "  end\n"
    "  return ''\n"
    "end\n"
    "return function()\n"
    "  print(('%d passed, %d failed'):format(passed, failed))\n"
    "  return failed > 0 or passed == 0\n"
    "end\n";

static const char opener[] =
    "local modules, granted, name = ...\n"
    "local globals = {}\n"
    "for _, key in ipairs({ 'error', 'ipairs', 'next', 'pairs', 'pcall',\n"
    "  'select', 'setmetatable', 'getmetatable', 'tonumber', 'tostring',\n"
    "  'type', 'unpack', 'string', 'table', 'math', 'rawget', 'rawset',\n"
    "  'rawequal', 'assert' }) do\n"
    "  globals[key] = _G[key]\n"
    "end\n"
    "local function ask() error('there is no loop in this spec', 0) end\n"
    "local decimals = require('lunette.guest.decimals')\n"
    "return modules.new(granted, ask, globals,\n"
    "  { decimals = decimals, null = null })(name)\n";

/* Keeps every value whose address C may hold. */
static void keep(lua_State *L)
{
    (void)luaL_ref(L, LUA_REGISTRYINDEX);
}

static int grant(lua_State *L)
{
    struct lun_err err;
    const char *name = luaL_checkstring(L, 1);
    const struct lun_vm_grant one = {.module = lun_module_find(name),
                                     .name = name,
                                     .options = luaL_optstring(L, 2, "")};
    const struct lun_vm_app_config config = {.name = "spec",
                                             .release = "spec@1.0.0+0",
                                             .modules_dir = "modules",
                                             .grants = &one,
                                             .grant_count = 1};
    lua_getfield(L, LUA_REGISTRYINDEX, "lunette.modules");
    keep(L);
    if (luaL_loadstring(L, opener))
        return lua_error(L);
    if (luaL_loadfile(L, "lua/lunette/guest/modules.lua"))
        return lua_error(L);
    lua_call(L, 0, 1);
    if (lun_vm_modules_push(L, &config, &err))
        return luaL_error(L, "%s", err.message);
    lua_pushstring(L, name);
    lua_call(L, 3, 1);
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
    lua_register(L, "grant", grant);
    lua_register(L, "sql", sql);
    lua_register(L, "log_open", log_open);
    lua_register(L, "log_close", log_close);
    lua_newtable(L);
    lun_vm_decimals_push(L);
    lua_setfield(L, -2, "decimals");
    lua_setglobal(L, "host");
    if (luaL_loadstring(L, harness) || lua_pcall(L, 0, 1, 0) ||
        luaL_loadfile(L, argv[1]) || lua_pcall(L, 0, 0, 0) ||
        lua_pcall(L, 0, 1, 0)) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        return 1;
    }
    int code = lua_toboolean(L, -1);
    lua_close(L);
    return code;
}
