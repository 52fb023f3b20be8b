/*
 * core/pg/pool.h - connections to PostgreSQL on one loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Two ways to work: lun_pg_pool_query sends single statements (reads, or one
 * autocommitted write) over shared pipelines, one Sync per loop turn;
 * lun_pg_pool_take lends a connection for a transaction. Statements are
 * prepared per connection on first use. Results are binary. A lost connection
 * is made again in the background with back-off; waiting requests end by their
 * deadline.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct lun_err;
struct lun_pg_pool;    /* opaque */
struct lun_pg_session; /* opaque: a connection lent to one owner */

/* What went wrong, mapped by the table of causes. */
struct lun_pg_error {
    int code;            /* enum lun_error_code */
    char sqlstate[6];    /* "" when libpq gave none */
    bool before_send;    /* the statement never reached the server */
    bool lost;           /* the connection broke while it was under way */
    char message[256];   /* for the log only, never for a client */
    char constraint[64]; /* names the server gave, "" when none */
    char schema[64];
    char table[64];
    char column[64];
};

/* A statement; its memory belongs to the caller and outlives its use.
 * `name` is unique per SQL text: it is what the pool remembers as prepared; ""
 * is the unnamed statement, parsed each time and never remembered. */
struct lun_pg_statement {
    const char *name;
    const char *sql;
    int param_count;
    bool read_only;    /* may be sent again alone when a neighbour failed */
    bool text_results; /* results in text format instead of binary */
};

/* Parameters in text format unless formats[i] == 1; NULL values[i] is NULL. */
struct lun_pg_params {
    int count;
    const char *const *values;
    const int *lengths; /* may be NULL when all are text */
    const int *formats; /* may be NULL when all are text */
};

struct lun_pg_config {
    const char *conninfo;    /* libpq connection string */
    unsigned size;           /* connections, default 4; all but one of them
                                may be lent or run writes */
    unsigned waiting;        /* requests that may wait, default 1024 */
    unsigned pipeline_depth; /* statements that share a Sync, default 64 */
    unsigned statement_ms;   /* statement_timeout, default 5000 */
    unsigned connect_ms;     /* default 3000 */
    size_t result_bytes;     /* of one read, default 64 MB */
    unsigned lifetime_ms;    /* a connection is made again after this and up
                                to half as much; default 30 minutes */
    const char *application; /* application_name */
};

struct lun_pg_stats {
    unsigned connections; /* usable now */
    unsigned busy;        /* with work under way or lent */
    unsigned waiting;
    uint64_t statements;
    uint64_t prepared;
    uint64_t reconnects;
    uint64_t errors;
};

/* `result` is valid during the call only; `error` is NULL on success. */
typedef void (*lun_pg_result_cb)(void *context, const PGresult *result,
                                 const struct lun_pg_error *error);
/* `session` is NULL when `error` is set. */
typedef void (*lun_pg_session_cb)(void *context, struct lun_pg_session *session,
                                  const struct lun_pg_error *error);

/* Opens; connecting goes on in the background. */
int lun_pg_pool_open(uv_loop_t *loop, const struct lun_pg_config *config,
                     struct lun_pg_pool **out, struct lun_err *err);
/* Ends what is under way with UNAVAILABLE (OUTCOME_UNKNOWN for a write that was
 * sent), closes, then calls `closed`: once all sessions are given back. */
void lun_pg_pool_close(struct lun_pg_pool *pool, void (*closed)(void *context),
                       void *context);
/* True when at least one connection is usable. */
bool lun_pg_pool_ready(const struct lun_pg_pool *pool);
/* Calls back at each change of readiness. */
void lun_pg_pool_on_ready(struct lun_pg_pool *pool,
                          void (*cb)(void *context, bool ready), void *context);
/* Why nothing is usable, as libpq said it last; "" when something is. */
const char *lun_pg_pool_problem(const struct lun_pg_pool *pool);
void lun_pg_pool_stats(const struct lun_pg_pool *pool,
                       struct lun_pg_stats *out);
/* What one read may return (LUN_ERESULT). */
size_t lun_pg_pool_result_bytes(const struct lun_pg_pool *pool);

/*
 * Runs one statement on any connection. Parameters are copied. The callback is
 * always called, never before this returns (but when no memory is left at all).
 * `deadline_ns` is monotonic time; 0 is none. A statement that is not read_only
 * is a transaction of its own; when it ends with DEADLINE and not before_send,
 * it may still be committed.
 */
void lun_pg_pool_query(struct lun_pg_pool *pool,
                       const struct lun_pg_statement *statement,
                       const struct lun_pg_params *params, uint64_t deadline_ns,
                       lun_pg_result_cb cb, void *context);

/* Lends a connection that nobody else uses until it is given back. */
void lun_pg_pool_take(struct lun_pg_pool *pool, uint64_t deadline_ns,
                      lun_pg_session_cb cb, void *context);
/* One statement on a lent connection, with its own Sync. More may be asked for
 * before the first is answered: they run in order, so "begin" and the first
 * statement need one round trip. */
void lun_pg_session_query(struct lun_pg_session *session,
                          const struct lun_pg_statement *statement,
                          const struct lun_pg_params *params,
                          uint64_t deadline_ns, lun_pg_result_cb cb,
                          void *context);
/* Ad-hoc SQL without parameters ("begin", "commit"); not prepared. */
void lun_pg_session_exec(struct lun_pg_session *session, const char *sql,
                         uint64_t deadline_ns, lun_pg_result_cb cb,
                         void *context);
/* Gives it back; an open transaction is rolled back first. What is still under
 * way is cancelled and ends with UNAVAILABLE. */
void lun_pg_session_give(struct lun_pg_session *session);

/* Forgets a statement everywhere: its owner has dropped the plan. */
void lun_pg_pool_forget(struct lun_pg_pool *pool, const char *name);
