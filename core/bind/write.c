/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/write.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/bind/framework.h"
#include "core/bind/task.h"
#include "core/bind/turn.h"
#include "core/telemetry/metrics.h"

#define RETRY_FIRST_MS 5

static void begin(struct lun_bind_task *task);

/* Ending ------------------------------------------------------------------ */

static void free_jsons(struct lun_buf *jsons, size_t count)
{
    for (size_t i = 0; jsons && i < count; i++)
        lun_buf_release(&jsons[i]);
    free(jsons);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct lun_bind_task *task = handle->data;
    lun_buf_release(&task->json);
    free_jsons(task->jsons, task->json_count);
    if (task->once)
        lun_bind_statement_free(task->once);
    free(task);
}

static void link_task(struct lun_bind_task *task)
{
    struct lun_bind_request *request = task->request;
    task->next = request->tasks;
    if (task->next)
        task->next->prev = task;
    request->tasks = task;
}

static void unlink_task(struct lun_bind_task *task)
{
    if (task->next)
        task->next->prev = task->prev;
    if (task->prev)
        task->prev->next = task->next;
    else
        task->request->tasks = task->next;
}

static void give_session(struct lun_bind_task *task)
{
    if (task->session)
        lun_pg_session_give(task->session);
    task->session = NULL;
    lun_bind_turn_leave(task);
}

void lun_bind_task_end(struct lun_bind_task *task,
                       const struct lun_plan_error *error)
{
    struct lun_exec *exec = task->exec;
    size_t index = task->index, failed = task->failed;
    bool all = task->all;
    lun_bind_task_drop(task);
    give_session(task);
    unlink_task(task);
    struct lun_buf json = task->json;
    lun_buf_init(&task->json);
    struct lun_buf *jsons = task->jsons;
    size_t count = task->json_count;
    task->jsons = NULL;
    uv_close((uv_handle_t *)&task->timer, on_timer_closed);
    if (all)
        lun_exec_written_all(exec, jsons, failed, error);
    else
        lun_exec_written(exec, index, json.data, json.len, error);
    free_jsons(jsons, count);
    lun_buf_release(&json);
}

void lun_bind_task_end_with_pg(struct lun_bind_task *task,
                               const struct lun_pg_error *pg)
{
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    struct lun_plan_error error = {0};
    int code = pg->code;
    /* Nobody knows whether a COMMIT that got no answer took effect. */
    if ((task->committing || task->single) && pg->lost && !pg->before_send)
        code = LUN_EOUTCOME_UNKNOWN;
    error.code = code;
    error.message = lun_error_info(code)->message;
    config->report(pg, &error, config->context);
    lun_bind_task_end(task, &error);
}

void lun_bind_task_end_with_lua(struct lun_bind_task *task, const char *message)
{
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    struct lun_plan_error error = {.code = LUN_EINTERNAL};
    struct lun_pg_error pg = {.code = LUN_EINTERNAL};
    snprintf(pg.message, sizeof(pg.message), "%s", message);
    error.message = lun_error_info(LUN_EINTERNAL)->message;
    config->report(&pg, &error, config->context);
    lun_bind_task_end(task, &error);
}

void lun_bind_task_end_gone(struct lun_bind_task *task)
{
    const struct lun_plan_error error = {.code = LUN_EUNAVAILABLE,
                                         .message = "the client has gone"};
    lun_bind_task_end(task, &error);
}

static void on_abandoned(uv_timer_t *timer)
{
    struct lun_bind_task *task = timer->data;
    if (task->go || (task->call_count && task->waiting && !task->sent))
        lun_bind_task_end_gone(task);
}

void lun_bind_write_abandon(struct lun_bind_request *request)
{
    for (struct lun_bind_task *task = request->tasks; task; task = task->next) {
        task->gone = true;
        if (task->call_count || task->go)
            uv_timer_start(&task->timer, on_abandoned, 0, 0);
    }
}

/* Trying again ------------------------------------------------------------ */

static void on_retry(uv_timer_t *timer)
{
    begin(timer->data);
}

/* A failed transaction that nobody has seen may run again: serialization
 * failures and deadlocks up to five times, a connection lost before COMMIT
 * once, with a growing, random pause (within the deadline). */
bool lun_bind_task_retry(struct lun_bind_task *task, int code)
{
    uint64_t deadline = lun_exec_config_of(task->exec)->deadline_ns;
    uint8_t noise;
    if ((int)task->tries >= lun_error_info(code)->retry || task->committing ||
        (task->single && task->in_doubt))
        return false;
    lun_random_bytes(&noise, 1);
    uint64_t pause = (uint64_t)RETRY_FIRST_MS << task->tries;
    pause += pause * noise / 256;
    if (lun_clock_monotonic_ns() + pause * 1000000 > deadline)
        return false;
    task->tries++;
    lun_bind_task_drop(task);
    lun_buf_clear(&task->json);
    give_session(task);
    uv_timer_start(&task->timer, on_retry, pause, 0);
    return true;
}

/* Committing -------------------------------------------------------------- */

static void on_commit(void *context, const PGresult *result,
                      const struct lun_pg_error *error)
{
    struct lun_bind_task *task = context;
    if (error) {
        int code = error->code;
        if (!error->lost)
            task->committing = false;
        if (!lun_bind_task_retry(task, code))
            lun_bind_task_end_with_pg(task, error);
        return;
    }
    /* COMMIT of a failed transaction answers OK; only the tag tells. */
    if (strcmp(PQcmdStatus((PGresult *)result), "COMMIT")) {
        lun_bind_task_end_with_lua(
            task, "the transaction had failed before its COMMIT");
        return;
    }
    lun_bind_task_end(task, NULL);
}

void lun_bind_task_commit(struct lun_bind_task *task)
{
    if (task->reads || task->single) {
        lun_bind_task_end(task, NULL);
        return;
    }
    task->committing = true;
    lun_pg_session_exec(task->session, "commit",
                        lun_exec_config_of(task->exec)->deadline_ns, on_commit,
                        task);
}

/* Starting ---------------------------------------------------------------- */

static void on_begin(void *context, const PGresult *result,
                     const struct lun_pg_error *error)
{
    struct lun_bind_task *task = context;
    (void)result;
    if (!error)
        lun_bind_task_start(task);
    else if (!lun_bind_task_retry(task, error->code))
        lun_bind_task_end_with_pg(task, error);
}

static void on_session(void *context, struct lun_pg_session *session,
                       const struct lun_pg_error *error)
{
    struct lun_bind_task *task = context;
    if (error) {
        lun_bind_task_end_with_pg(task, error);
        return;
    }
    task->session = session;
    if (task->single) {
        lun_bind_task_start(task);
        return;
    }
    lun_pg_session_exec(session, "begin",
                        lun_exec_config_of(task->exec)->deadline_ns, on_begin,
                        task);
}

static void take_session(struct lun_bind_task *task)
{
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    lun_pg_pool_take(config->pool, config->deadline_ns, on_session, task);
}

static void begin(struct lun_bind_task *task)
{
    if (task->reads)
        lun_bind_task_start(task);
    else if (lun_bind_turn_enter(task, take_session))
        take_session(task);
}

/* Does the plan of the write say that it needs no transaction? */
static bool is_single(struct lun_bind_task *task)
{
    lua_State *L = task->writer->L;
    const struct lun_exec_config *config = lun_exec_config_of(task->exec);
    if (task->all || task->reads || config->once)
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, config->plan->fields[task->index].write);
    lua_getfield(L, -1, "single");
    bool single = lua_toboolean(L, -1);
    lua_pop(L, 2);
    return single;
}

static void fail_start(struct lun_exec *exec, size_t index, bool all)
{
    struct lun_plan_error error = {.code = LUN_EMEMORY};
    error.message = lun_error_info(LUN_EMEMORY)->message;
    if (all)
        lun_exec_written_all(exec, NULL, index, &error);
    else
        lun_exec_written(exec, index, NULL, 0, &error);
}

void lun_bind_write_start(struct lun_bind_writer *writer,
                          struct lun_bind_request *request,
                          struct lun_exec *exec, size_t index)
{
    const struct lun_plan *plan = lun_exec_config_of(exec)->plan;
    struct lun_bind_task *task = calloc(1, sizeof(*task));
    struct lun_buf *jsons =
        plan->transaction ? calloc(plan->field_count, sizeof(*jsons)) : NULL;
    if (plan->mutation)
        lun_metrics_add(LUN_METRIC_WRITES_LUA, 1);
    if (!task || (plan->transaction && !jsons)) {
        free(task);
        free(jsons);
        fail_start(exec, index, plan->transaction);
        return;
    }
    for (size_t i = 0; jsons && i < plan->field_count; i++)
        lun_buf_init(&jsons[i]);
    task->all = plan->transaction;
    task->jsons = jsons;
    task->json_count = plan->field_count;
    task->writer = writer;
    task->exec = exec;
    task->index = index;
    task->request = request;
    task->reads = !plan->mutation;
    task->single = is_single(task);
    if (plan->mutation)
        task->app = lun_bind_turn_app(task);
    uv_timer_init(writer->loop, &task->timer);
    task->timer.data = task;
    link_task(task);
    begin(task);
}

/* Keeps `run` and `all` of lunette.orm.write, and the methods of contexts. */
static int find_runs(lua_State *L)
{
    struct lun_bind_writer *writer = lua_touserdata(L, 1);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunette.orm.write");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "run");
    writer->run = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_getfield(L, -1, "all");
    writer->run_all = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    lua_newtable(L);
    lun_bind_task_open(L);
    lun_bind_statement_open(L);
    lun_bind_call_open(L);
    lua_setfield(L, -2, "__index");
    writer->methods = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

struct lun_bind_writer *lun_bind_writer_new(struct lun_framework *framework,
                                            uv_loop_t *loop, unsigned sessions)
{
    struct lun_bind_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return NULL;
    writer->L = lun_framework_state(framework);
    writer->loop = loop;
    /* One is never lent, and one of the others is left to the other apps. */
    writer->sessions_of_app = sessions > 3 ? sessions - 2 : 1;
    for (int i = 0; i < 4; i++)
        lun_map_init(&writer->statements[i / 2][i % 2]);
    if (!lua_cpcall(writer->L, find_runs, writer))
        return writer;
    lua_pop(writer->L, 1);
    lun_bind_writer_free(writer);
    return NULL;
}

static void free_statement(void *statement)
{
    lun_bind_statement_free(statement);
}

void lun_bind_writer_free(struct lun_bind_writer *writer)
{
    if (!writer)
        return;
    for (int i = 0; i < 4; i++)
        lun_map_release(&writer->statements[i / 2][i % 2], free_statement);
    free(writer);
}
