/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/write.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/bind/framework.h"
#include "core/bind/json.h"
#include "core/bind/plan.h"
#include "core/graphql/exec.h"
#include "core/graphql/writer.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

/* Statements that are remembered as prepared; more of them run unprepared. */
#define STATEMENTS_MAX 4000
#define RETRY_FIRST_MS 5

struct known_statement {
    struct lun_pg_statement statement;
    char name[40];
    char sql[];
};

struct lun_bind_writer {
    lua_State *L;
    uv_loop_t *loop;
    struct lun_map statements; /* SQL -> known_statement */
};

/* A shape that Lua keeps with the selection it belongs to. */
struct kept_shape {
    struct lun_arena arena;
    struct lun_shape *shape;
    bool single;
};

struct write {
    struct lun_bind_writer *writer;
    struct lun_exec *exec;
    size_t index;
    int service;
    const char *const *roles;
    struct lun_pg_session *session;
    lua_State *co; /* NULL between tries */
    int co_ref;
    bool waiting; /* a statement of the coroutine is under way */
    const struct kept_shape *select; /* its rows become JSON, not tables */
    struct known_statement *once;    /* statement that is not remembered */
    int db_code; /* cause of the last statement that failed, 0: none */
    bool committing;
    bool single;   /* one statement changes everything: no transaction */
    bool in_doubt; /* the last statement was lost after it had been sent */
    unsigned tries;
    struct lun_buf json; /* the value, once it is known */
    bool all;            /* every field of the mutation, in one transaction */
    size_t failed;       /* then: which one did */
    size_t json_count;
    struct lun_buf *jsons; /* then: the values, by field */
    uv_timer_t timer;
};

static void begin(struct write *write);

/* Ending ------------------------------------------------------------------ */

static void drop_coroutine(struct write *write)
{
    if (!write->co)
        return;
    luaL_unref(write->writer->L, LUA_REGISTRYINDEX, write->co_ref);
    write->co = NULL;
}

static void free_jsons(struct lun_buf *jsons, size_t count)
{
    for (size_t i = 0; jsons && i < count; i++)
        lun_buf_release(&jsons[i]);
    free(jsons);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct write *write = handle->data;
    lun_buf_release(&write->json);
    free_jsons(write->jsons, write->json_count);
    free(write->once);
    free(write);
}

/* Gives everything back, then tells the execution. */
static void end(struct write *write, const struct lun_plan_error *error)
{
    struct lun_exec *exec = write->exec;
    size_t index = write->index;
    drop_coroutine(write);
    if (write->session)
        lun_pg_session_give(write->session);
    write->session = NULL;
    struct lun_buf json = write->json;
    lun_buf_init(&write->json);
    struct lun_buf *jsons = write->jsons;
    size_t count = write->json_count;
    write->jsons = NULL;
    uv_close((uv_handle_t *)&write->timer, on_timer_closed);
    if (write->all)
        lun_exec_written_all(exec, jsons, write->failed, error);
    else
        lun_exec_written(exec, index, json.data, json.len, error);
    free_jsons(jsons, count);
    lun_buf_release(&json);
}

static void end_with_pg(struct write *write, const struct lun_pg_error *pg)
{
    const struct lun_exec_config *config = lun_exec_config_of(write->exec);
    struct lun_plan_error error = {0};
    int code = pg->code;
    /* Nobody knows whether a COMMIT that got no answer took effect. */
    if ((write->committing || write->single) && pg->lost && !pg->before_send)
        code = LUN_EOUTCOME_UNKNOWN;
    error.code = code;
    error.message = lun_error_info(code)->message;
    config->report(pg, &error, config->context);
    end(write, &error);
}

static void end_with_lua(struct write *write, const char *message)
{
    const struct lun_exec_config *config = lun_exec_config_of(write->exec);
    struct lun_plan_error error = {.code = LUN_EINTERNAL};
    struct lun_pg_error pg = {.code = LUN_EINTERNAL};
    snprintf(pg.message, sizeof(pg.message), "%s", message);
    error.message = lun_error_info(LUN_EINTERNAL)->message;
    config->report(&pg, &error, config->context);
    end(write, &error);
}

/* Trying again ------------------------------------------------------------ */

static void on_retry(uv_timer_t *timer)
{
    begin(timer->data);
}

/* A failed transaction that nobody has seen may run again: serialization
 * failures and deadlocks up to five times, a connection lost before COMMIT
 * once, with a growing, random pause (within the deadline). */
static bool retry(struct write *write, int code)
{
    uint64_t deadline = lun_exec_config_of(write->exec)->deadline_ns;
    uint8_t noise;
    if ((int)write->tries >= lun_error_info(code)->retry || write->committing ||
        (write->single && write->in_doubt))
        return false;
    lun_random_bytes(&noise, 1);
    uint64_t pause = (uint64_t)RETRY_FIRST_MS << write->tries;
    pause += pause * noise / 256;
    if (lun_clock_monotonic_ns() + pause * 1000000 > deadline)
        return false;
    write->tries++;
    drop_coroutine(write);
    lun_buf_clear(&write->json);
    if (write->session)
        lun_pg_session_give(write->session);
    write->session = NULL;
    uv_timer_start(&write->timer, on_retry, pause, 0);
    return true;
}

/* Committing -------------------------------------------------------------- */

static void on_commit(void *context, const PGresult *result,
                      const struct lun_pg_error *error)
{
    struct write *write = context;
    if (error) {
        int code = error->code;
        if (!error->lost)
            write->committing = false;
        if (!retry(write, code))
            end_with_pg(write, error);
        return;
    }
    /* COMMIT of a failed transaction answers OK; only the tag tells. */
    if (strcmp(PQcmdStatus((PGresult *)result), "COMMIT")) {
        end_with_lua(write, "the transaction had failed before its COMMIT");
        return;
    }
    end(write, NULL);
}

static void commit(struct write *write)
{
    write->committing = true;
    lun_pg_session_exec(write->session, "commit",
                        lun_exec_config_of(write->exec)->deadline_ns, on_commit,
                        write);
}

/* Running the coroutine ---------------------------------------------------- */

static int code_of_extension(const char *extension)
{
    for (int code = 1; extension && code < LUN_ERROR_COUNT; code++)
        if (!strcmp(lun_error_info(code)->graphql, extension))
            return code;
    return LUN_EINTERNAL;
}

static void fail_from_table(struct write *write, lua_State *co)
{
    struct lun_plan_error error = {0};
    lua_getfield(co, -1, "ext");
    lua_getfield(co, -2, "message");
    lua_getfield(co, -3, "code");
    error.extension = lua_tostring(co, -3);
    error.message = lua_tostring(co, -2);
    error.opencrud = (int)lua_tointeger(co, -1);
    error.code = code_of_extension(error.extension);
    if (!error.extension || !error.message) {
        end_with_lua(write, error.message ? error.message
                                          : "a write failed without a reason");
        return;
    }
    /* The texts belong to the coroutine, which goes now. */
    struct lun_arena *arena = lun_exec_config_of(write->exec)->arena;
    error.message =
        lun_arena_strndup(arena, error.message, strlen(error.message));
    error.extension = lun_error_info(error.code)->graphql;
    if (!error.message)
        error.message = lun_error_info(error.code)->message;
    end(write, &error);
}

/* What the host judges itself: causes without a meaning for the client. */
static void fail_from_database(struct write *write, lua_State *co)
{
    struct lun_pg_error pg = {.code = write->db_code, .lost = write->in_doubt};
    lua_getfield(co, -1, "message");
    snprintf(pg.message, sizeof(pg.message), "%s",
             lua_isstring(co, -1) ? lua_tostring(co, -1) : "");
    end_with_pg(write, &pg);
}

static bool is_judged_by_client(lua_State *co)
{
    bool has;
    lua_getfield(co, -1, "ext");
    has = lua_isstring(co, -1);
    lua_pop(co, 1);
    return has;
}

/* The answers of all writes, {{json=...}, ...}, in the order of the fields. */
static bool take_answers(struct write *write, lua_State *co)
{
    const struct lun_plan *plan = lun_exec_config_of(write->exec)->plan;
    int number = 0;
    for (size_t i = 0; i < plan->field_count; i++) {
        size_t len;
        if (plan->fields[i].kind != LUN_PLAN_WRITE)
            continue;
        lua_rawgeti(co, 1, ++number);
        if (!lua_istable(co, -1))
            return false;
        lua_getfield(co, -1, "json");
        const char *json = lua_tolstring(co, -1, &len);
        lun_buf_clear(&write->jsons[i]);
        if (json)
            lun_buf_push(&write->jsons[i], json, len);
        if (!json || write->jsons[i].failed)
            return false;
        lua_pop(co, 2);
    }
    return true;
}

/* Which field write number `number` of the coroutine is. */
static size_t field_of(const struct write *write, int number)
{
    const struct lun_plan *plan = lun_exec_config_of(write->exec)->plan;
    for (size_t i = 0; i < plan->field_count; i++)
        if (plan->fields[i].kind == LUN_PLAN_WRITE && --number <= 0)
            return i;
    return 0;
}

/* The coroutine returned: {json=...}, or nil and a reason. */
static void returned(struct write *write)
{
    lua_State *co = write->co;
    if (write->all && lua_gettop(co) >= 3)
        write->failed = field_of(write, (int)lua_tointeger(co, 3));
    lua_settop(co, 2);
    if (write->all && lua_istable(co, 1)) {
        if (take_answers(write, co))
            commit(write);
        else
            end_with_lua(write, "a transaction returned no values");
        return;
    }
    if (lua_istable(co, 1)) {
        size_t len;
        lua_getfield(co, 1, "json");
        const char *json = lua_tolstring(co, -1, &len);
        if (json)
            lun_buf_push(&write->json, json, len);
        if (!json || write->json.failed)
            end_with_lua(write, "a write returned no value");
        else if (write->single)
            end(write, NULL);
        else
            commit(write);
        return;
    }
    if (!lua_istable(co, 2)) {
        end_with_lua(write, "a write returned nothing");
        return;
    }
    if (is_judged_by_client(co))
        fail_from_table(write, co);
    else if (!write->db_code || !retry(write, write->db_code))
        fail_from_database(write, co);
}

static void resume(struct write *write, int args)
{
    lua_State *co = write->co;
    write->waiting = false;
    int rc = lua_resume(co, args);
    if (rc == LUA_YIELD && write->waiting)
        return;
    if (rc == 0) {
        returned(write);
        return;
    }
    if (rc == LUA_YIELD) {
        end_with_lua(write, "a write yielded without a statement");
        return;
    }
    const char *message = lua_tostring(co, -1);
    luaL_traceback(write->writer->L, co, message, 0);
    lun_log_printf(LUN_LOG_ERROR, "%s", lua_tostring(write->writer->L, -1));
    lua_pop(write->writer->L, 1);
    end_with_lua(write, message ? message : "unknown Lua error");
}

/* Results of statements ---------------------------------------------------- */

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (!text[0])
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void push_error(lua_State *L, const struct lun_pg_error *error)
{
    lua_pushnil(L);
    lua_createtable(L, 0, 8);
    set_text(L, "code", error->sqlstate);
    set_text(L, "class", lun_error_info(error->code)->name);
    set_text(L, "message", error->message);
    set_text(L, "constraint", error->constraint);
    set_text(L, "schema", error->schema);
    set_text(L, "table", error->table);
    set_text(L, "column", error->column);
}

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
static bool push_selection(lua_State *L, const struct kept_shape *select,
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

static void on_result(void *context, const PGresult *result,
                      const struct lun_pg_error *error)
{
    struct write *write = context;
    lua_State *co = write->co;
    const struct kept_shape *select = write->select;
    write->select = NULL;
    free(write->once);
    write->once = NULL;
    if (error) {
        write->db_code = error->code;
        write->in_doubt = error->lost && !error->before_send;
        push_error(co, error);
        resume(write, 2);
    } else if (!select) {
        push_rows(co, result);
        resume(write, 1);
    } else if (push_selection(co, select, result)) {
        resume(write, 1);
    } else {
        end_with_lua(write, "a selection does not have the shape of its plan");
    }
}

/* What the coroutine calls --------------------------------------------------
 */

/* The write behind ctx or ctx.db; raises when it is over. */
static struct write *check_write(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "write");
    struct write *write = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!write || write->co != L)
        luaL_error(L, "this transaction is over");
    if (write->waiting)
        luaL_error(L, "a statement of this transaction is under way");
    return write;
}

static struct known_statement *make_statement(const char *sql, size_t len,
                                              int params)
{
    struct known_statement *known = calloc(1, sizeof(*known) + len + 1);
    if (!known)
        return NULL;
    memcpy(known->sql, sql, len);
    known->statement.name = known->name;
    known->statement.sql = known->sql;
    known->statement.param_count = params;
    return known;
}

static struct lun_pg_statement *
find_statement(struct write *write, const char *sql, size_t len, int params)
{
    struct lun_map *map = &write->writer->statements;
    struct known_statement *known = lun_map_get(map, sql, len);
    if (known)
        return &known->statement;
    known = make_statement(sql, len, params);
    if (!known)
        return NULL;
    if (map->count < STATEMENTS_MAX &&
        lun_map_put(map, sql, len, known, NULL)) {
        snprintf(known->name, sizeof(known->name), "w%016llx%016llx",
                 (unsigned long long)lun_map_hash(1, sql, len),
                 (unsigned long long)lun_map_hash(2, sql, len));
        return &known->statement;
    }
    write->once = known;
    return &known->statement;
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

/* Sends SQL at stack index 2 with the parameters at index 3, and yields. */
static int run_statement(lua_State *L, struct write *write, bool text)
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
    struct lun_pg_statement *statement = find_statement(write, sql, len, count);
    if (!statement)
        return luaL_error(L, "out of memory");
    statement->text_results = text;
    struct lun_pg_params params = {.count = count, .values = values};
    write->waiting = true;
    lun_pg_session_query(write->session, statement, &params,
                         lun_exec_config_of(write->exec)->deadline_ns,
                         on_result, write);
    return lua_yield(L, 0);
}

/* db:query(sql, params) -> rows | nil, err */
static int db_query(lua_State *L)
{
    return run_statement(L, check_write(L, 1), true);
}

static int free_shape(lua_State *L)
{
    struct kept_shape *kept = lua_touserdata(L, 1);
    lun_arena_release(&kept->arena);
    return 0;
}

/* The shape of the RESULT table at `index`, kept in it as `shape`. */
static const struct kept_shape *shape_of(lua_State *L, int index)
{
    lua_getfield(L, index, "shape");
    struct kept_shape *kept = lua_touserdata(L, -1);
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
    struct write *write = check_write(L, 1);
    luaL_checktype(L, 4, LUA_TTABLE);
    write->select = shape_of(L, 4);
    return run_statement(L, write, false);
}

/* ctx:value(src): the text of a constant or of the caller's id; every other
 * value was bound to params before. */
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
static void push_once(struct write *write, lua_State *L, size_t field)
{
    const struct lun_exec_config *config = lun_exec_config_of(write->exec);
    if (!config->once)
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

static void push_context(struct write *write, lua_State *L, size_t field)
{
    const struct lun_exec_config *config = lun_exec_config_of(write->exec);
    lua_createtable(L, 0, 8);
    lua_pushlightuserdata(L, write);
    lua_setfield(L, -2, "write");
    lua_pushstring(L, config->input.user);
    lua_setfield(L, -2, "user");
    lua_newtable(L);
    for (int i = 0; write->roles && write->roles[i]; i++) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, write->roles[i]);
    }
    lua_setfield(L, -2, "roles");
    lua_rawgeti(L, LUA_REGISTRYINDEX, write->service);
    lua_setfield(L, -2, "service");
    push_params(L, lun_exec_params(write->exec, field));
    lua_setfield(L, -2, "params");
    push_once(write, L, field);
    lua_pushcfunction(L, ctx_select);
    lua_setfield(L, -2, "select");
    lua_createtable(L, 0, 2);
    lua_pushlightuserdata(L, write);
    lua_setfield(L, -2, "write");
    lua_pushcfunction(L, db_query);
    lua_setfield(L, -2, "query");
    lua_setfield(L, -2, "db");
}

/* Starting ------------------------------------------------------------------
 */

static int push_run(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunette.orm.write");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, lua_toboolean(L, 1) ? "all" : "run");
    return 1;
}

/* Pushes the contexts and the plans of all writes. */
static void push_all(struct write *write, lua_State *co)
{
    const struct lun_plan *plan = lun_exec_config_of(write->exec)->plan;
    int number = 0;
    lua_newtable(co);
    lua_newtable(co);
    for (size_t i = 0; i < plan->field_count; i++) {
        if (plan->fields[i].kind != LUN_PLAN_WRITE)
            continue;
        number++;
        push_context(write, co, i);
        lua_rawseti(co, -3, number);
        lua_rawgeti(co, LUA_REGISTRYINDEX, plan->fields[i].write);
        lua_rawseti(co, -2, number);
    }
}

static void start_coroutine(struct write *write)
{
    lua_State *L = write->writer->L;
    const struct lun_exec_config *config = lun_exec_config_of(write->exec);
    lun_metrics_add(LUN_METRIC_LUA_CALLS, 1);
    write->db_code = 0;
    write->in_doubt = false;
    write->co = lua_newthread(L);
    write->co_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_State *co = write->co;
    lua_pushcfunction(co, push_run);
    lua_pushboolean(co, write->all);
    if (lua_pcall(co, 1, 1, 0)) {
        end_with_lua(write, lua_tostring(co, -1));
        return;
    }
    if (write->all) {
        push_all(write, co);
    } else {
        push_context(write, co, write->index);
        lua_rawgeti(co, LUA_REGISTRYINDEX,
                    config->plan->fields[write->index].write);
    }
    resume(write, 2);
}

static void on_begin(void *context, const PGresult *result,
                     const struct lun_pg_error *error)
{
    struct write *write = context;
    (void)result;
    if (!error)
        start_coroutine(write);
    else if (!retry(write, error->code))
        end_with_pg(write, error);
}

static void on_session(void *context, struct lun_pg_session *session,
                       const struct lun_pg_error *error)
{
    struct write *write = context;
    if (error) {
        end_with_pg(write, error);
        return;
    }
    write->session = session;
    if (write->single) {
        start_coroutine(write);
        return;
    }
    lun_pg_session_exec(session, "begin",
                        lun_exec_config_of(write->exec)->deadline_ns, on_begin,
                        write);
}

static void begin(struct write *write)
{
    const struct lun_exec_config *config = lun_exec_config_of(write->exec);
    lun_pg_pool_take(config->pool, config->deadline_ns, on_session, write);
}

/* Does the plan of the write say that it needs no transaction? */
static bool is_single(struct write *write)
{
    lua_State *L = write->writer->L;
    const struct lun_exec_config *config = lun_exec_config_of(write->exec);
    if (write->all || config->once)
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, config->plan->fields[write->index].write);
    lua_getfield(L, -1, "single");
    bool single = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return single;
}

void lun_bind_write_start(struct lun_bind_writer *writer, int service,
                          const char *const *roles, struct lun_exec *exec,
                          size_t index)
{
    const struct lun_plan *plan = lun_exec_config_of(exec)->plan;
    struct write *write = calloc(1, sizeof(*write));
    struct lun_buf *jsons =
        plan->transaction ? calloc(plan->field_count, sizeof(*jsons)) : NULL;
    lun_metrics_add(LUN_METRIC_WRITES_LUA, 1);
    if (!write || (plan->transaction && !jsons)) {
        struct lun_plan_error error = {.code = LUN_EMEMORY};
        error.message = lun_error_info(LUN_EMEMORY)->message;
        free(write);
        free(jsons);
        if (plan->transaction)
            lun_exec_written_all(exec, NULL, index, &error);
        else
            lun_exec_written(exec, index, NULL, 0, &error);
        return;
    }
    for (size_t i = 0; jsons && i < plan->field_count; i++)
        lun_buf_init(&jsons[i]);
    write->all = plan->transaction;
    write->jsons = jsons;
    write->json_count = plan->field_count;
    write->writer = writer;
    write->exec = exec;
    write->index = index;
    write->service = service;
    write->roles = roles;
    write->single = is_single(write);
    uv_timer_init(writer->loop, &write->timer);
    write->timer.data = write;
    begin(write);
}

struct lun_bind_writer *lun_bind_writer_new(struct lun_framework *framework,
                                            uv_loop_t *loop)
{
    struct lun_bind_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return NULL;
    writer->L = lun_framework_state(framework);
    writer->loop = loop;
    lun_map_init(&writer->statements);
    return writer;
}

void lun_bind_writer_free(struct lun_bind_writer *writer)
{
    if (!writer)
        return;
    lun_map_release(&writer->statements, free);
    free(writer);
}
