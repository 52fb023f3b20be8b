/*
 * core/bind/db.c - host.connect: a blocking database handle for the loader.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/bind/db.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/bind/json.h"
#include "core/pg/blocking.h"
#include "core/pg/pool.h"

#define TYPE "lunette.db"
#define PARAMS_MAX 65535

struct handle {
    struct lun_pg_blocking *connection; /* NULL when closed */
};

static struct lun_pg_blocking *check_handle(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, TYPE);
    if (handle->connection == NULL) {
        (void)luaL_error(L, "the database handle is closed");
    }
    return handle->connection;
}

/* --- errors ------------------------------------------------------------- */

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (text[0] != '\0') {
        lua_pushstring(L, text);
        lua_setfield(L, -2, name);
    }
}

int lun_bind_db_push_error(lua_State *L, const struct lun_pg_error *error)
{
    lua_pushnil(L);
    lua_createtable(L, 0, 7);
    set_text(L, "code", error->sqlstate);
    set_text(L, "class", lun_error_info(error->code)->name);
    set_text(L, "message", error->message);
    set_text(L, "constraint", error->constraint);
    set_text(L, "schema", error->schema);
    set_text(L, "table", error->table);
    set_text(L, "column", error->column);
    return 2;
}

/* --- parameters --------------------------------------------------------- */

/* Leaves the text of parameter `index` on the stack and returns it; it stays
 * valid while the value is there. NULL: the parameter is NULL. */
static const char *push_param(lua_State *L, int index)
{
    char text[40];
    lua_rawgeti(L, 3, index);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        return lua_tostring(L, -1);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, -1) ? "true" : "false";
    case LUA_TNUMBER: {
        double number = lua_tonumber(L, -1);
        bool whole = floor(number) == number && fabs(number) < 9e15;
        (void)snprintf(text, sizeof text, whole ? "%.0f" : "%.17g", number);
        lua_pop(L, 1);
        lua_pushstring(L, text);
        return lua_tostring(L, -1);
    }
    case LUA_TNIL:
        return NULL;
    default:
        if (!lun_bind_json_is_null(L, -1)) {
            (void)luaL_error(L, "parameter %d is a %s", index,
                             luaL_typename(L, -1));
        }
        return NULL;
    }
}

static int count_params(lua_State *L)
{
    if (lua_isnoneornil(L, 3)) {
        return 0;
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_getfield(L, 3, "n");
    size_t count =
        lua_isnumber(L, -1) ? (size_t)lua_tonumber(L, -1) : lua_objlen(L, 3);
    lua_pop(L, 1);
    if (count > PARAMS_MAX) {
        (void)luaL_error(L, "more than %d parameters", PARAMS_MAX);
    }
    return (int)count;
}

/* --- results ------------------------------------------------------------ */

static void push_value(lua_State *L, const PGresult *result, int row, int col)
{
    if (PQgetisnull(result, row, col)) {
        lun_bind_json_push_null(L);
    } else {
        lua_pushlstring(L, PQgetvalue(result, row, col),
                        (size_t)PQgetlength(result, row, col));
    }
}

/* The result stands as light userdata at index 1: building tables may run out
 * of memory, and the result must be freed all the same. */
static int build_rows(lua_State *L)
{
    PGresult *result = lua_touserdata(L, 1);
    int rows = PQntuples(result);
    int cols = PQnfields(result);
    lua_createtable(L, rows, 2);
    for (int row = 0; row < rows; row++) {
        lua_createtable(L, cols, 0);
        for (int col = 0; col < cols; col++) {
            push_value(L, result, row, col);
            lua_rawseti(L, -2, col + 1);
        }
        lua_rawseti(L, -2, row + 1);
    }
    lua_pushnumber(L, (lua_Number)strtod(PQcmdTuples(result), NULL));
    lua_setfield(L, -2, "n");
    lua_pushstring(L, PQcmdStatus(result));
    lua_setfield(L, -2, "tag");
    return 1;
}

static int push_rows(lua_State *L, PGresult *result)
{
    lua_pushcfunction(L, build_rows);
    lua_pushlightuserdata(L, result);
    int code = lua_pcall(L, 1, 1, 0);
    PQclear(result);
    return code != 0 ? lua_error(L) : 1;
}

/* --- methods ------------------------------------------------------------ */

static int db_query(lua_State *L)
{
    struct lun_pg_blocking *connection = check_handle(L);
    const char *sql = luaL_checkstring(L, 2);
    int count = count_params(L);
    luaL_checkstack(L, count + 10, "too many parameters");
    /* A userdata: freed by Lua however this ends. */
    const char **values =
        lua_newuserdata(L, (size_t)(count + 1) * sizeof *values);
    for (int i = 0; i < count; i++) {
        values[i] = push_param(L, i + 1);
    }
    struct lun_pg_params params = {.count = count, .values = values};
    struct lun_pg_error error;
    PGresult *result;
    memset(&error, 0, sizeof error);
    if (lun_pg_blocking_query(connection, sql, &params, &result, &error) != 0) {
        return lun_bind_db_push_error(L, &error);
    }
    return push_rows(L, result);
}

static int run_plain(lua_State *L, const char *sql)
{
    struct lun_pg_blocking *connection = check_handle(L);
    struct lun_pg_error error;
    PGresult *result;
    memset(&error, 0, sizeof error);
    if (lun_pg_blocking_query(connection, sql, NULL, &result, &error) != 0) {
        return lun_bind_db_push_error(L, &error);
    }
    PQclear(result);
    lua_pushboolean(L, 1);
    return 1;
}

static int db_begin(lua_State *L)
{
    return run_plain(L, "begin");
}

static int db_commit(lua_State *L)
{
    return run_plain(L, "commit");
}

/* Outside a transaction there is nothing to undo. */
static int db_rollback(lua_State *L)
{
    if (!lun_pg_blocking_in_transaction(check_handle(L))) {
        lua_pushboolean(L, 1);
        return 1;
    }
    return run_plain(L, "rollback");
}

static int db_close(lua_State *L)
{
    struct handle *handle = luaL_checkudata(L, 1, TYPE);
    if (handle->connection != NULL) {
        lun_pg_blocking_close(handle->connection);
        handle->connection = NULL;
    }
    return 0;
}

static int host_connect(lua_State *L)
{
    const char *conninfo = luaL_checkstring(L, 1);
    struct lun_err err;
    struct handle *handle = lua_newuserdata(L, sizeof *handle);
    handle->connection = NULL;
    luaL_getmetatable(L, TYPE);
    (void)lua_setmetatable(L, -2);
    if (lun_pg_blocking_open(conninfo, &handle->connection, &err) != 0) {
        handle->connection = NULL;
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    return 1;
}

void lun_bind_db_open(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"query", db_query},   {"begin", db_begin},
        {"commit", db_commit}, {"rollback", db_rollback},
        {"close", db_close},   {"__gc", db_close},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {{"connect", host_connect},
                                         {NULL, NULL}};
    (void)luaL_newmetatable(L, TYPE);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    luaL_register(L, NULL, methods);
    lua_pop(L, 1);
    luaL_register(L, "host", functions);
    lua_pop(L, 1);
}
