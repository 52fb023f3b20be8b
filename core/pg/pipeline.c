/*
 * core/pg/pipeline.c - statements into libpq's pipeline, answers out of it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * libpq answers in order: for each statement a result and a NULL (twice when a
 * Parse went with it), for each Sync one PGRES_PIPELINE_SYNC. A result of a
 * write counts only when its Sync has come: an earlier OK can still be rolled
 * back. Reads share a Sync and are answered at once, for nothing that follows
 * can change what they saw.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/pg/internal.h"

#define RING_FIRST 64
#define CHORE_NS (5000 * LUN_PG_MS)
#define NAME_SIZE 24

static struct lun_pg_slot *slot_at(const struct lun_pg_connection *c,
                                   uint64_t position)
{
    return &c->slots[position & (c->size - 1)];
}

/* --- sending --- */

static bool grow(struct lun_pg_connection *c)
{
    size_t size = c->size ? c->size * 2 : RING_FIRST;
    struct lun_pg_slot *slots = calloc(size, sizeof(*slots));
    if (!slots)
        return false;
    for (uint64_t i = c->head; i < c->tail; i++)
        slots[i & (size - 1)] = *slot_at(c, i);
    free(c->slots);
    c->slots = slots;
    c->size = size;
    return true;
}

/* "l1f2e3d4c_1a": nobody else on this server, even behind a pooler, uses our
 * prefix. */
static void server_name(const struct lun_pg_pool *pool, uint32_t serial,
                        char out[NAME_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t len = strlen(pool->prefix);
    memcpy(out, pool->prefix, len);
    do {
        out[len++] = digits[serial & 15];
        serial >>= 4;
    } while (serial > 0);
    out[len] = '\0';
}

static bool send_statement(struct lun_pg_connection *c,
                           struct lun_pg_request *r, struct lun_pg_slot *slot)
{
    struct lun_pg_pool *pool = c->pool;
    struct lun_pg_prepared *prepared = &r->known->prepared[c->index];
    bool fresh = prepared->epoch != c->epoch;
    char name[NAME_SIZE];
    if (fresh)
        prepared->serial = ++pool->serial;
    server_name(pool, prepared->serial, name);
    if (fresh) {
        if (!PQsendPrepare(c->pq, name, r->sql, 0, NULL))
            return false;
        prepared->epoch = c->epoch;
        slot->serial = prepared->serial;
        slot->phase = LUN_PG_PREPARING;
        pool->stats.prepared++;
    }
    return PQsendQueryPrepared(c->pq, name, r->count, r->values, r->lengths,
                               r->formats, r->text_results ? 0 : 1) != 0;
}

bool lun_pg_pipeline_send(struct lun_pg_connection *c, struct lun_pg_request *r)
{
    struct lun_pg_pool *pool = c->pool;
    if (c->tail - c->head == c->size && !grow(c)) {
        struct lun_pg_error error;
        lun_pg_error_make(&error, LUN_EMEMORY, "out of memory");
        error.before_send = true;
        lun_pg_request_fail_later(pool, r, &error);
        return true;
    }
    if (lun_pg_pipeline_is_idle(c))
        c->last_ns = lun_clock_monotonic_ns();
    struct lun_pg_slot *slot = slot_at(c, c->tail);
    *slot = (struct lun_pg_slot){
        .request = r, .phase = LUN_PG_RUNNING, .is_write = !r->read_only};
    r->connection = c;
    r->position = c->tail++;
    c->writes += slot->is_write;
    pool->stats.statements++;
    bool sent = r->kind == LUN_PG_QUERY
                    ? send_statement(c, r, slot)
                    : PQsendQueryParams(c->pq, r->sql, 0, NULL, NULL, NULL,
                                        NULL, 1) != 0;
    if (!sent)
        lun_pg_connection_lose(c, PQerrorMessage(c->pq), LUN_PG_BROKE);
    return sent;
}

void lun_pg_pipeline_sync(struct lun_pg_connection *c)
{
    slot_at(c, c->tail - 1)->ends_group = true;
    c->groups++;
    if (!PQpipelineSync(c->pq))
        lun_pg_connection_lose(c, PQerrorMessage(c->pq), LUN_PG_BROKE);
    else
        lun_pg_pipeline_flush(c);
}

void lun_pg_pipeline_flush(struct lun_pg_connection *c)
{
    int left = PQflush(c->pq);
    if (left < 0)
        lun_pg_connection_lose(c, PQerrorMessage(c->pq), LUN_PG_BROKE);
    else
        lun_pg_connection_watch_write(c, left > 0);
}

static void send_chore(struct lun_pg_connection *c, const char *sql)
{
    struct lun_pg_request *r =
        lun_pg_request_new(c->pool, LUN_PG_CHORE, NULL, sql);
    if (!r) {
        lun_pg_connection_lose(c, "out of memory", LUN_PG_BROKE);
        return;
    }
    r->deadline_ns = lun_clock_monotonic_ns() + CHORE_NS;
    lun_pg_pool_arm(c->pool, r->deadline_ns);
    (void)lun_pg_pipeline_send(c, r);
}

void lun_pg_pipeline_chore(struct lun_pg_connection *c, const char *sql)
{
    send_chore(c, sql);
    if (c->pq)
        lun_pg_pipeline_sync(c);
}

void lun_pg_pipeline_drop(struct lun_pg_connection *c)
{
    char sql[sizeof("deallocate ") + NAME_SIZE] = "deallocate ";
    while (c->pq && c->drop_count > 0) {
        server_name(c->pool, c->drops[--c->drop_count],
                    sql + strlen("deallocate "));
        lun_pg_pipeline_chore(c, sql);
    }
}

/* --- what is prepared --- */

static void unprepare(struct lun_pg_connection *c, struct lun_pg_known *known,
                      bool drop)
{
    struct lun_pg_prepared *prepared = &known->prepared[c->index];
    if (prepared->epoch != c->epoch)
        return;
    prepared->epoch = 0;
    if (drop)
        lun_pg_connection_push_drop(c, prepared->serial);
}

/* The server has refused the statement as it is prepared. A change of the types
 * in the database (0A000) has made it useless on every connection. */
static void forget(struct lun_pg_connection *c, struct lun_pg_known *known,
                   const struct lun_pg_error *error)
{
    struct lun_pg_pool *pool = c->pool;
    if (strcmp(error->sqlstate, "0A000") != 0) {
        unprepare(c, known, false);
        return;
    }
    for (unsigned i = 0; i < pool->size; i++)
        unprepare(&pool->connections[i], known, true);
}

/* The time since the last answer was spent on this statement. */
static void charge(struct lun_pg_connection *c, struct lun_pg_known *known)
{
    int64_t spent = (int64_t)(c->now_ns - c->last_ns);
    c->last_ns = c->now_ns;
    if (spent > INT32_MAX)
        spent = INT32_MAX;
    int64_t mean = known->cost_ns;
    known->cost_ns = (uint32_t)(mean + (spent - mean) / 8);
}

/* --- answers --- */

static bool says_rollback(const struct lun_pg_request *r,
                          const PGresult *result)
{
    return r->commits && !strcmp(PQcmdStatus((PGresult *)result), "ROLLBACK");
}

static void answer(struct lun_pg_pool *pool, struct lun_pg_request *r,
                   const PGresult *result)
{
    struct lun_pg_error error;
    if (says_rollback(r, result)) {
        lun_pg_error_failed_commit(&error);
        lun_pg_request_fail(pool, r, &error);
        return;
    }
    if (r->kind != LUN_PG_CHORE)
        r->cb.result(r->context, result, NULL);
    lun_pg_request_free(pool, r);
}

/* Whether the request runs once more by itself after this error. It had no
 * effect: its transaction is gone. */
static bool runs_again(struct lun_pg_connection *c, struct lun_pg_request *r,
                       const struct lun_pg_error *error, bool fresh)
{
    if (r->kind != LUN_PG_QUERY || c->pool->closing)
        return false;
    if (error->code == LUN_ESTALE_PLAN && !fresh) {
        forget(c, r->known, error);
        if (r->retried_plan || r->in_transaction)
            return false;
        return r->retried_plan = true;
    }
    if (r->session || (strcmp(error->sqlstate, "25006") != 0 &&
                       !(c->cancelled && !strcmp(error->sqlstate, "57014"))))
        return false;
    return r->lost++ < LUN_PG_LOST_MAX;
}

static void refuse(struct lun_pg_connection *c, struct lun_pg_request *r,
                   const PGresult *result, bool fresh, bool later)
{
    struct lun_pg_error error;
    lun_pg_error_from_result(&error, result);
    if (!strcmp(error.sqlstate, "25006")) {
        /* Perhaps a failover left us on a standby. */
        c->retire = true;
    }
    if (runs_again(c, r, &error, fresh)) {
        lun_pg_pool_requeue(c->pool, r);
        return;
    }
    if (error.code == LUN_ESTALE_PLAN && (fresh || r->retried_plan))
        error.code = LUN_EINTERNAL;
    if (later)
        lun_pg_request_fail_later(c->pool, r, &error);
    else
        lun_pg_request_fail(c->pool, r, &error);
}

static void refuse_size(struct lun_pg_connection *c, struct lun_pg_request *r)
{
    struct lun_pg_error error;
    lun_pg_error_make(&error, LUN_ERESULT, "a result of more than %zu bytes",
                      c->pool->result_bytes);
    lun_pg_request_fail(c->pool, r, &error);
}

/* The request has left its slot. */
static void conclude(struct lun_pg_connection *c, struct lun_pg_request *r,
                     const PGresult *result, bool fresh)
{
    if (PQresultStatus(result) == PGRES_FATAL_ERROR)
        refuse(c, r, result, fresh, false);
    else if (r->read_only && PQresultMemorySize(result) > c->pool->result_bytes)
        refuse_size(c, r);
    else
        answer(c->pool, r, result);
}

/* Takes the oldest slot out. */
static struct lun_pg_slot pop(struct lun_pg_connection *c)
{
    struct lun_pg_slot slot = *slot_at(c, c->head);
    c->head++;
    c->writes -= slot.is_write;
    c->groups -= slot.ends_group;
    if (slot.request)
        slot.request->connection = NULL;
    return slot;
}

static bool waits_for_sync(const struct lun_pg_request *r)
{
    return !r->read_only || r->session;
}

/* Owns `result`. */
static void on_answer(struct lun_pg_connection *c, struct lun_pg_slot *slot,
                      PGresult *result)
{
    struct lun_pg_request *r = slot->request;
    if (r && r->known)
        charge(c, r->known);
    c->last_ns = c->now_ns;
    if (PQresultMemorySize(result) > LUN_PG_KEEP_BYTES)
        c->retire = true;
    if (r && waits_for_sync(r)) {
        PQclear(slot->held);
        slot->held = result;
        return;
    }
    if (r) {
        lun_pg_request_detach(r);
        conclude(c, r, result, slot->serial != 0);
    }
    PQclear(result);
}

/* A neighbour's error kept this one from running. */
static void on_aborted(struct lun_pg_connection *c, struct lun_pg_slot *slot)
{
    struct lun_pg_request *r = slot->request;
    if (slot->serial && r)
        unprepare(c, r->known, false);
    if (slot->phase == LUN_PG_PREPARING || slot->failed || !r)
        return;
    r->alone = true;
    lun_pg_pool_requeue(c->pool, r);
}

/* Owns `result`; false when the connection was lost. */
static bool on_result(struct lun_pg_connection *c, struct lun_pg_slot *slot,
                      PGresult *result)
{
    slot->answered = true;
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
        if (slot->phase == LUN_PG_PREPARING)
            break;
        /* fall through */
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        on_answer(c, slot, result);
        return c->pq != NULL;
    case PGRES_FATAL_ERROR:
        if (slot->phase == LUN_PG_PREPARING) {
            slot->failed = true;
            if (slot->request)
                unprepare(c, slot->request->known, false);
        }
        on_answer(c, slot, result);
        return c->pq != NULL;
    case PGRES_PIPELINE_ABORTED:
        on_aborted(c, slot);
        break;
    default: /* COPY has no place here */
        PQclear(result);
        lun_pg_connection_lose(c, "an unexpected kind of result", LUN_PG_BROKE);
        return false;
    }
    PQclear(result);
    return true;
}

/* The NULL after a statement's results. */
static void on_end(struct lun_pg_connection *c, struct lun_pg_slot *slot)
{
    if (slot->phase == LUN_PG_PREPARING) {
        slot->phase = LUN_PG_RUNNING;
        slot->answered = false;
    } else if (slot->ends_group) {
        slot->phase = LUN_PG_SYNCING;
    } else {
        (void)pop(c);
    }
}

static bool on_sync(struct lun_pg_connection *c)
{
    if (slot_at(c, c->head)->phase != LUN_PG_SYNCING) {
        lun_pg_connection_lose(c, "an unexpected end of a group", LUN_PG_BROKE);
        return false;
    }
    struct lun_pg_slot slot = pop(c);
    if (lun_pg_pipeline_is_idle(c) && c->session)
        c->session->in_transaction = PQtransactionStatus(c->pq) != PQTRANS_IDLE;
    if (slot.request)
        conclude(c, slot.request, slot.held, slot.serial != 0);
    PQclear(slot.held);
    return c->pq != NULL;
}

/* One step of libpq's results; false when the connection was lost. */
static bool step(struct lun_pg_connection *c, unsigned *nulls)
{
    PGresult *result = PQgetResult(c->pq);
    struct lun_pg_slot *slot = slot_at(c, c->head);
    if (!result) {
        if (slot->answered && slot->phase != LUN_PG_SYNCING) {
            on_end(c, slot);
            *nulls = 0;
        }
        /* Never spin when libpq and we disagree. */
        if (++*nulls < 8)
            return true;
        lun_pg_connection_lose(c, "answers out of order", LUN_PG_BROKE);
        return false;
    }
    *nulls = 0;
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
        PQclear(result);
        return on_sync(c);
    }
    if (lun_pg_error_is_fatal(result)) {
        /* The server ends the session and has looked at nothing behind. */
        lun_pg_connection_lose(
            c, PQresultErrorMessage(result),
            lun_pg_error_is_shutdown(result) ? LUN_PG_ENDED : LUN_PG_REFUSED);
        PQclear(result);
        return false;
    }
    if (PQstatus(c->pq) == CONNECTION_BAD) {
        PQclear(result);
        lun_pg_connection_lose(c, PQerrorMessage(c->pq), LUN_PG_BROKE);
        return false;
    }
    return on_result(c, slot, result);
}

static void drain_notifications(PGconn *pq)
{
    PGnotify *notify;
    while ((notify = PQnotifies(pq)))
        PQfreemem(notify);
}

void lun_pg_pipeline_receive(struct lun_pg_connection *c)
{
    bool busy = !lun_pg_pipeline_is_idle(c);
    unsigned nulls = 0;
    bool alive = PQconsumeInput(c->pq) != 0;
    c->now_ns = lun_clock_monotonic_ns();
    if (c->now_ns > c->expires_ns && c->pool->usable > 1) {
        c->retire = true;
        c->pool->has_chores |= !busy;
    }
    while (!lun_pg_pipeline_is_idle(c) && !PQisBusy(c->pq))
        if (!step(c, &nulls))
            return;
    if (!busy)
        (void)PQisBusy(c->pq); /* reads what came without being asked */
    if (!alive || PQstatus(c->pq) == CONNECTION_BAD) {
        lun_pg_connection_lose(c, PQerrorMessage(c->pq), LUN_PG_BROKE);
        return;
    }
    drain_notifications(c->pq);
    if (busy && lun_pg_pipeline_is_idle(c))
        lun_pg_connection_drained(c);
}

/* --- the end of a connection --- */

/* Whether what the lost statement did may have been committed. */
static bool is_unknown(const struct lun_pg_request *r,
                       const struct lun_pg_slot *slot, enum lun_pg_end end)
{
    if (r->read_only || (end != LUN_PG_BROKE && !slot->held))
        return false;
    return r->commits || !r->in_transaction;
}

static bool may_go_elsewhere(const struct lun_pg_connection *c,
                             struct lun_pg_request *r, enum lun_pg_end end)
{
    if (r->session || c->pool->closing)
        return false;
    return end == LUN_PG_ENDED || c->told ? r->ended++ < LUN_PG_ENDED_MAX
                                          : r->lost++ < LUN_PG_LOST_MAX;
}

static void settle(struct lun_pg_connection *c, const struct lun_pg_slot *slot,
                   const char *why, enum lun_pg_end end)
{
    struct lun_pg_pool *pool = c->pool;
    struct lun_pg_request *r = slot->request;
    struct lun_pg_error error;
    if (r->kind == LUN_PG_CHORE) {
        lun_pg_request_free(pool, r);
    } else if (slot->held && PQresultStatus(slot->held) == PGRES_FATAL_ERROR) {
        refuse(c, r, slot->held, slot->serial != 0, true);
    } else if (is_unknown(r, slot, end)) {
        lun_pg_error_make(&error, LUN_EOUTCOME_UNKNOWN, "%s", why);
        error.lost = true;
        lun_pg_request_fail_later(pool, r, &error);
    } else if (may_go_elsewhere(c, r, end)) {
        lun_pg_pool_requeue(pool, r);
    } else {
        lun_pg_error_make(&error, LUN_EUNAVAILABLE, "%s", why);
        error.lost = true;
        lun_pg_request_fail_later(pool, r, &error);
    }
}

void lun_pg_pipeline_abandon(struct lun_pg_connection *c, const char *why,
                             enum lun_pg_end end)
{
    while (!lun_pg_pipeline_is_idle(c)) {
        struct lun_pg_slot slot = pop(c);
        if (slot.request)
            settle(c, &slot, why, end);
        PQclear(slot.held);
    }
    c->groups = 0;
}
