/* Statements of a task: ctx.db:query, ctx.db:fetch and ctx:select.
 * SPDX-License-Identifier: Apache-2.0 */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/bind/db.h"
#include "core/bind/json.h"
#include "core/bind/plan.h"
#include "core/bind/task.h"
#include "core/graphql/writer.h"
#include "core/vm/data.h"

/* Statements that are remembered as prepared; more of them run unprepared. */
#define STATEMENTS_MAX 4000

struct lun_bind_statement {
    struct lun_pg_statement statement;
    char name[40];
    char sql[];
};

/* A shape that Lua keeps with the selection it belongs to. */
struct lun_bind_shape {
    struct lun_arena arena;
    struct lun_shape *shape;
    bool single;
};

/* Results ------------------------------------------------------------------ */

static void push_row(lua_State *L, const PGresult *result, int row)
{
    int columns = PQnfields(result);
    lua_createtable(L, columns, 0);
    for (int i = 0; i < columns; i++) {
        if (PQgetisnull(result, row, i))
            lun_bind_json_push_null(L);
        else
            lua_pushlstring(L, PQgetvalue(result, row, i),
                            (size_t)PQgetlength(result, row, i));
        lua_rawseti(L, -2, i + 1);
    }
}

static void push_rows(lua_State *L, const PGresult *result)
{
    int rows = PQntuples(result);
    lua_createtable(L, rows, 2);
    for (int i = 0; i < rows; i++) {
        push_row(L, result, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushstring(L, PQcmdStatus((PGresult *)result));
    lua_setfield(L, -2, "tag");
    lua_pushinteger(L, atoi(PQcmdTuples((PGresult *)result)));
    lua_setfield(L, -2, "n");
}

/* Pushes {json = text} for the rows of a selection; false when they do not fit
 * its shape. */
static bool push_selection(lua_State *L, const struct lun_bind_shape *select,
                           const PGresult *result)
{
    struct lun_buf json;
    int rc = 0;
    lun_buf_init(&json);
    if (!select->single)
        rc = lun_graphql_write_rows(&json, select->shape, result);
    else if (PQntuples(result))
        rc = lun_graphql_write_row(&json, select->shape, result, 0);
    else
        lun_buf_push_str(&json, "null");
    bool ok = !rc && !json.failed;
    if (ok) {
        lua_createtable(L, 0, 1);
        lua_pushlstring(L, json.data, json.len);
        lua_setfield(L, -2, "json");
    }
    lun_buf_release(&json);
    return ok;
}

/* Pushes {encoded = data of a list of rows, n = count}; null is false there. */
static void push_data(lua_State *L, const PGresult *result)
{
    struct lun_buf data;
    int rows = PQntuples(result), columns = PQnfields(result);
    lun_buf_init(&data);
    lun_vm_data_put_list(&data, (uint32_t)rows);
    for (int row = 0; row < rows; row++) {
        lun_vm_data_put_list(&data, (uint32_t)columns);
        for (int i = 0; i < columns; i++) {
            if (PQgetisnull(result, row, i))
                lun_vm_data_put_false(&data);
            else
                lun_vm_data_put_text(&data, PQgetvalue(result, row, i),
                                     (size_t)PQgetlength(result, row, i));
        }
    }
    lua_createtable(L, 0, 2);
    lua_pushlstring(L, data.failed ? "" : data.data, data.failed ? 0 : data.len);
    lua_setfield(L, -2, "encoded");
    lua_pushinteger(L, rows);
    lua_setfield(L, -2, "n");
    lun_buf_release(&data);
}

static void on_result(void *context, const PGresult *result,
                      const struct lun_pg_error *error)
{
    struct lun_bind_task *task = context;
    lua_State *co = task->co;
    const struct lun_bind_shape *select = task->select;
    task->select = NULL;
    if (task->once)
        lun_bind_statement_free(task->once);
    task->once = NULL;
    if (task->gone && task->call_count) {
        lun_bind_task_end_gone(task);
    } else if (error) {
        task->db_code = error->code;
        task->in_doubt = error->lost && !error->before_send;
        (void)lun_bind_db_push_error(co, error);
        lun_bind_task_resume(task, 2);
    } else if (!select) {
        if (task->fetch)
            push_data(co, result);
        else
            push_rows(co, result);
        lun_bind_task_resume(task, 1);
    } else if (push_selection(co, select, result)) {
        lun_bind_task_resume(task, 1);
    } else {
        lun_bind_task_end_with_lua(
            task, "a selection does not have the shape of its plan");
    }
}

/* Statements --------------------------------------------------------------- */

void lun_bind_statement_free(struct lun_bind_statement *statement)
{
    free(statement);
}

static struct lun_bind_statement *make_statement(const char *sql, size_t len,
                                                 int params, bool reads,
                                                 bool text)
{
    struct lun_bind_statement *made = calloc(1, sizeof(*made) + len + 1);
    if (!made)
        return NULL;
    memcpy(made->sql, sql, len);
    made->statement.name = made->name;
    made->statement.sql = made->sql;
    made->statement.param_count = params;
    made->statement.read_only = reads;
    made->statement.text_results = text;
    return made;
}

static struct lun_pg_statement *find_statement(struct lun_bind_task *task,
                                               const char *sql, size_t len,
                                               int params, bool text)
{
    struct lun_map *map = &task->writer->statements[task->reads][text];
    struct lun_bind_statement *found = lun_map_get(map, sql, len);
    if (found)
        return &found->statement;
    found = make_statement(sql, len, params, task->reads, text);
    if (!found)
        return NULL;
    if (map->count < STATEMENTS_MAX &&
        lun_map_put(map, sql, len, found, NULL)) {
        snprintf(found->name, sizeof(found->name), "w%016llx%016llx",
                 (unsigned long long)lun_map_hash(1, sql, len),
                 (unsigned long long)lun_map_hash(2, sql, len));
        return &found->statement;
    }
    task->once = found;
    return &found->statement;
}

static const char *param_text(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? "t" : "f";
    case LUA_TNUMBER:
    case LUA_TSTRING:
        return lua_tostring(L, index);
    case LUA_TNIL:
        return NULL;
    default:
        if (!lun_bind_json_is_null(L, index))
            luaL_error(L, "a statement has a parameter that is a %s",
                       luaL_typename(L, index));
        return NULL;
    }
}

static void dispatch(struct lun_bind_task *task,
                 const struct lun_pg_statement *statement,
                 const struct lun_pg_params *params)
{
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    task->waiting = task->sent = true;
    if (task->session)
        lun_pg_session_query(task->session, statement, params,
                             config->deadline_ns, on_result, task);
    else
        lun_pg_pool_query(config->pool, statement, params, config->deadline_ns,
                          on_result, task);
}

/* Sends SQL at stack index 2 with the parameters at index 3, and yields. */
static int run_statement(lua_State *L, struct lun_bind_task *task, bool text)
{
    size_t len;
    const char *sql = luaL_checklstring(L, 2, &len);
    int count = lua_istable(L, 3) ? (int)lua_objlen(L, 3) : 0;
    /* The values stay on the coroutine's stack while they are copied. */
    const char **values =
        lua_newuserdata(L, ((size_t)count + 1) * sizeof(*values));
    luaL_checkstack(L, count + 1, "too many parameters");
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 3, i + 1);
        values[i] = param_text(L, -1);
    }
    struct lun_pg_statement *statement =
        find_statement(task, sql, len, count, text);
    if (!statement)
        return luaL_error(L, "out of memory");
    struct lun_pg_params params = {.count = count, .values = values};
    dispatch(task, statement, &params);
    return lua_yield(L, 0);
}

/* db:query(sql, params) -> rows | nil, err */
static int db_query(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    task->fetch = false;
    return run_statement(L, task, true);
}

/* db:fetch(sql, params) -> {encoded = text, n = rows} | nil, err: rows for
 * ctx:answer, which never become values of this VM */
static int db_fetch(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    task->fetch = true;
    return run_statement(L, task, true);
}

static int free_shape(lua_State *L)
{
    struct lun_bind_shape *kept = lua_touserdata(L, 1);
    lun_arena_release(&kept->arena);
    return 0;
}

/* The shape of the RESULT table at `index`, kept in it as `shape`. */
static const struct lun_bind_shape *shape_of(lua_State *L, int index)
{
    lua_getfield(L, index, "shape");
    struct lun_bind_shape *kept = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (kept)
        return kept;
    kept = lua_newuserdata(L, sizeof(*kept));
    lun_arena_init(&kept->arena, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, free_shape);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    kept->shape = lun_bind_plan_shape(L, index, &kept->arena, &kept->single);
    lua_setfield(L, index, "shape");
    return kept;
}

/* ctx:select(sql, params, RESULT) -> {json = text} | nil, err */
static int ctx_select(lua_State *L)
{
    struct lun_bind_task *task = lun_bind_task_check(L, 1);
    luaL_checktype(L, 4, LUA_TTABLE);
    task->select = shape_of(L, 4);
    return run_statement(L, task, false);
}

void lun_bind_statement_open(lua_State *L)
{
    lua_pushcfunction(L, ctx_select);
    lua_setfield(L, -2, "select");
    lua_pushcfunction(L, db_query);
    lua_setfield(L, -2, "query");
    lua_pushcfunction(L, db_fetch);
    lua_setfield(L, -2, "fetch");
}
