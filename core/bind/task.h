/*
 * core/bind/task.h - a coroutine of the system VM at work for a root field: the
 * inside of core/bind/write.h.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The coroutine is suspended while a statement or a function of an app is under
 * way, never for both. It belongs to one try: a transaction that begins again
 * gets a new one.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <uv.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/bind/write.h"
#include "core/graphql/exec.h"

/* Functions of apps that wait for one another (a mutation, a hook of what it
 * writes, a hook of what that writes...). */
enum { LUN_BIND_CALLS_MAX = 8 };

struct lun_bind_app;
struct lun_bind_statement;
struct lun_bind_shape;
struct lun_bind_module_ask;
struct lun_vm_call;

struct lun_bind_writer {
    lua_State *L;
    uv_loop_t *loop;
    int run; /* lunette.orm.write.run and .all */
    int run_all;
    int methods; /* metatable of ctx and ctx.db */
    unsigned sessions_of_app; /* that mutations of one app may hold */
    /* SQL -> lun_bind_statement; apart are those outside transactions and
     * those with results in text format. */
    struct lun_map statements[2][2];
};

struct lun_bind_running {
    struct lun_vm_call *call;
    size_t app; /* which of the request's apps */
    struct lun_bind_module_ask *asking; /* NULL: asks nothing of a module */
};

struct lun_bind_task {
    struct lun_bind_writer *writer;
    struct lun_exec *exec;
    size_t index;
    struct lun_bind_request *request;
    struct lun_bind_task *prev, *next; /* of the request's */
    struct lun_bind_app *app; /* of a mutation by an app; core/bind/turn.h */
    bool at_work;             /* counts among those of the app */
    void (*go)(struct lun_bind_task *task); /* waits for its turn; else NULL */
    struct lun_bind_task *next_turn;
    struct lun_pg_session *session; /* NULL without a transaction */
    lua_State *co;                  /* NULL between tries */
    int co_ref;
    bool waiting; /* a statement or a call of the coroutine is under way */
    bool sent;    /* of these: a statement */
    bool gone;    /* nobody waits for the answer */
    uint64_t resumed_ns; /* when the coroutine began to run */
    const struct lun_bind_shape *select; /* its rows become JSON, not tables */
    bool fetch; /* its rows become data that crosses, not tables */
    struct lun_bind_statement *once;     /* statement that is not remembered */
    struct lun_bind_running calls[LUN_BIND_CALLS_MAX]; /* the last one runs */
    size_t call_count;
    int db_code; /* cause of the last statement that failed, 0: none */
    bool committing;
    bool reads;    /* a field of a query: no transaction, no changes */
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

/* --- task.c: the coroutine --- */

/* Starts the coroutine of a try; may end the task. */
void lun_bind_task_start(struct lun_bind_task *task);
/* Goes on with the `args` values on top of the coroutine's stack; may end the
 * task. */
void lun_bind_task_resume(struct lun_bind_task *task, int args);
/* The task behind `ctx` or `ctx.db` at `index`; raises when it is over or waits
 * for something. */
struct lun_bind_task *lun_bind_task_check(lua_State *L, int index);
/* Lets go of the coroutine and of the calls that it waits for. */
void lun_bind_task_drop(struct lun_bind_task *task);

/* --- write.c: the transaction around it --- */

/* The coroutine returned what the field is: commits, where there is something
 * to commit. */
void lun_bind_task_commit(struct lun_bind_task *task);
/* Begins again when the cause of the failure allows it. */
bool lun_bind_task_retry(struct lun_bind_task *task, int code);
/* Gives everything back, then tells the execution. */
void lun_bind_task_end(struct lun_bind_task *task,
                       const struct lun_plan_error *error);
void lun_bind_task_end_with_pg(struct lun_bind_task *task,
                               const struct lun_pg_error *pg);
/* Ends a task that nobody waits for. */
void lun_bind_task_end_gone(struct lun_bind_task *task);
/* A defect: the message goes to the log only. */
void lun_bind_task_end_with_lua(struct lun_bind_task *task,
                                const char *message);

/* --- statement.c, call.c: what `ctx` offers --- */

/* Adds `pause` to the methods of contexts. */
void lun_bind_task_open(lua_State *L);
/* Add their functions to the table on top of the stack: the methods of `ctx`
 * and `ctx.db`. */
void lun_bind_statement_open(lua_State *L);
void lun_bind_call_open(lua_State *L);

void lun_bind_statement_free(struct lun_bind_statement *statement);
/* Gives up the calls under way. */
void lun_bind_call_cancel_all(struct lun_bind_task *task);
