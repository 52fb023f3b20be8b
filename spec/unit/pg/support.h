/*
 * spec/unit/pg/support.h - a private server, a loop and outcomes for the specs
 * of core/pg.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/pg/blocking.h"
#include "core/pg/pool.h"
#include "spec/unit/support.h"

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

static char cluster[64];
static char conninfo[256];
static uv_loop_t loop;

/* --- the server --- */

static inline int server(const char *verb, const char *rest)
{
    /* The script stands beside this file, wherever the program runs. */
    int spec = (int)(strlen(__FILE__) - strlen("unit/pg/support.h"));
    char command[512];
    snprintf(command, sizeof(command),
             "%.*ssupport/postgres %s %s %s >/dev/null 2>&1", spec, __FILE__,
             verb, cluster, rest);
    return system(command);
}

static inline int start_server(void **state)
{
    (void)state;
    snprintf(cluster, sizeof(cluster), "/tmp/lunette-pg-%d", (int)getpid());
    snprintf(conninfo, sizeof(conninfo),
             "host=%s/run dbname=postgres user=postgres", cluster);
    return server("start", "");
}

static inline int stop_server(void **state)
{
    (void)state;
    return server("stop", "");
}

/* Runs SQL on a connection of its own; the first value, or "". */
static inline const char *sql(const char *text)
{
    static char value[256];
    struct lun_pg_blocking *conn;
    struct lun_pg_error error;
    struct lun_err err;
    PGresult *result;
    if (lun_pg_blocking_open(conninfo, &conn, &err) != 0)
        fail_msg("%s", err.message);
    if (lun_pg_blocking_query(conn, text, NULL, &result, &error) != 0)
        fail_msg("%s: %s", text, error.message);
    snprintf(value, sizeof(value), "%s",
             PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    lun_pg_blocking_close(conn);
    return value;
}

/* --- outcomes --- */

struct outcome {
    int calls;
    int code;
    int rows;
    char sqlstate[6];
    bool lost;
    bool before_send;
    char constraint[64];
    char table[64];
    char message[256];
    char text[64]; /* first value */
    size_t length; /* of the first value */
    bool is_null;
    uint64_t at;
    struct lun_pg_session *session;
};

static inline void set_error(struct outcome *o,
                             const struct lun_pg_error *error)
{
    o->code = error->code;
    o->lost = error->lost;
    o->before_send = error->before_send;
    memcpy(o->sqlstate, error->sqlstate, sizeof(o->sqlstate));
    memcpy(o->constraint, error->constraint, sizeof(o->constraint));
    memcpy(o->table, error->table, sizeof(o->table));
    memcpy(o->message, error->message, sizeof(o->message));
}

static inline void on_result(void *context, const PGresult *result,
                             const struct lun_pg_error *error)
{
    struct outcome *o = context;
    o->calls++;
    o->at = lun_clock_monotonic_ns();
    o->code = LUN_OK;
    if (error) {
        set_error(o, error);
        return;
    }
    o->rows = PQntuples(result);
    if (o->rows == 0 || PQnfields(result) == 0)
        return;
    o->is_null = PQgetisnull(result, 0, 0);
    o->length = (size_t)PQgetlength(result, 0, 0);
    size_t len = o->length < 63 ? o->length : 63;
    memcpy(o->text, PQgetvalue(result, 0, 0), len);
    o->text[len] = '\0';
}

static inline void on_session(void *context, struct lun_pg_session *session,
                              const struct lun_pg_error *error)
{
    struct outcome *o = context;
    o->calls++;
    o->at = lun_clock_monotonic_ns();
    o->session = session;
    o->code = LUN_OK;
    if (error)
        set_error(o, error);
}

/* --- the loop --- */

static bool timed_out;

static inline void on_guard(uv_timer_t *timer)
{
    (void)timer;
    timed_out = true;
}

/* Runs the loop until `value` reaches `want`, at most `ms`. */
static inline bool run_until(const int *value, int want, unsigned ms)
{
    uv_timer_t guard;
    timed_out = false;
    uv_timer_init(&loop, &guard);
    uv_timer_start(&guard, on_guard, ms, 0);
    while (*value < want && !timed_out)
        uv_run(&loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&guard, NULL);
    uv_run(&loop, UV_RUN_NOWAIT);
    return *value >= want;
}

static inline void run_for(unsigned ms)
{
    static const int never;
    (void)run_until(&never, 1, ms);
}

static inline void wait_for(const struct outcome *o)
{
    if (!run_until(&o->calls, 1, 15000))
        fail_msg("no callback came");
}

/* --- pools --- */

static inline struct lun_pg_pool *open_pool(const struct lun_pg_config *config)
{
    struct lun_pg_config full = *config;
    struct lun_pg_pool *pool;
    struct lun_err err;
    if (!full.conninfo)
        full.conninfo = conninfo;
    if (lun_pg_pool_open(&loop, &full, &pool, &err) != 0)
        fail_msg("%s", err.message);
    return pool;
}

static inline bool wait_ready(struct lun_pg_pool *pool, unsigned connections)
{
    struct lun_pg_stats stats;
    uint64_t until = lun_clock_monotonic_ns() + 10 * SECOND;
    do {
        run_for(5);
        lun_pg_pool_stats(pool, &stats);
    } while (stats.connections < connections &&
             lun_clock_monotonic_ns() < until);
    return stats.connections >= connections;
}

static inline struct lun_pg_pool *ready_pool(unsigned size)
{
    struct lun_pg_config config = {.size = size};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_true(wait_ready(pool, size));
    return pool;
}

static inline void on_closed(void *context)
{
    ++*(int *)context;
}

static inline void close_pool(struct lun_pg_pool *pool)
{
    int closed = 0;
    lun_pg_pool_close(pool, on_closed, &closed);
    assert_true(run_until(&closed, 1, 10000));
}

static inline int make_loop(void **state)
{
    (void)state;
    return uv_loop_init(&loop);
}

/* Nothing may be left on the loop; a failed case leaves its pool there. */
static inline int end_loop(void **state)
{
    (void)state;
    uint64_t until = lun_clock_monotonic_ns() + 12 * SECOND;
    while (uv_run(&loop, UV_RUN_NOWAIT) && lun_clock_monotonic_ns() < until)
        usleep(1000);
    return uv_loop_close(&loop);
}

/* --- statements --- */

static inline uint64_t in_ms(uint64_t ms)
{
    return lun_clock_monotonic_ns() + ms * MS;
}

/* The SQL is its own name. */
static inline struct lun_pg_statement statement(const char *text, bool read)
{
    return (struct lun_pg_statement){
        .name = text, .sql = text, .read_only = read};
}

static inline void query(struct lun_pg_pool *pool,
                         const struct lun_pg_statement *s, const char *value,
                         struct outcome *o)
{
    const char *values[] = {value};
    struct lun_pg_params params = {.count = value ? 1 : 0, .values = values};
    lun_pg_pool_query(pool, s, &params, in_ms(10000), on_result, o);
}

static inline struct outcome ask(struct lun_pg_pool *pool, const char *text,
                                 bool read)
{
    struct lun_pg_statement s = statement(text, read);
    struct outcome o = {0};
    query(pool, &s, NULL, &o);
    wait_for(&o);
    return o;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_loop, end_loop)
