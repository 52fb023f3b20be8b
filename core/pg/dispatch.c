/*
 * core/pg/dispatch.c - hands waiting requests to connections, once a loop turn.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Requests wait in the pool, not in pipelines: whichever connection is free
 * first takes what it can do in about LUN_PG_GROUP_NS as one group. So cheap
 * reads share a Sync and a send, and none stands behind an expensive one for
 * longer than its group.
 */
#include "core/base/error.h"
#include "core/pg/internal.h"

static bool is_free(const struct lun_pg_connection *c)
{
    return c->state == LUN_PG_READY && lun_pg_pipeline_is_idle(c) && !c->retire;
}

static struct lun_pg_connection *free_connection(struct lun_pg_pool *pool,
                                                 unsigned *count)
{
    struct lun_pg_connection *first = NULL;
    *count = 0;
    for (unsigned i = 0; i < pool->size; i++) {
        struct lun_pg_connection *c = &pool->connections[i];
        if (!is_free(c))
            continue;
        if (!first)
            first = c;
        ++*count;
    }
    return first;
}

/* A busy connection may get one more group, so that its backend finds it when
 * the first is done; but nobody waits behind a lock or a disk. */
static struct lun_pg_connection *busy_connection(struct lun_pg_pool *pool)
{
    struct lun_pg_connection *best = NULL;
    for (unsigned i = 0; i < pool->size; i++) {
        struct lun_pg_connection *c = &pool->connections[i];
        if (c->state != LUN_PG_READY || c->writes > 0 || c->retire ||
            c->drop_count > LUN_PG_DROPS_MAX || c->groups >= LUN_PG_GROUPS)
            continue;
        if (!best || c->tail - c->head < best->tail - best->head)
            best = c;
    }
    return best;
}

/* Connections that writes and owners hold; one is kept for reads. */
static bool may_hold_one_more(const struct lun_pg_pool *pool)
{
    unsigned held = pool->lent;
    for (unsigned i = 0; i < pool->size; i++)
        held += pool->connections[i].state == LUN_PG_READY &&
                pool->connections[i].writes > 0;
    return held + 1 < pool->size || held == 0;
}

static bool send_read(struct lun_pg_pool *pool, struct lun_pg_connection *c)
{
    struct lun_pg_request *r = pool->reads.first;
    lun_pg_list_remove(r);
    return lun_pg_pipeline_send(c, r) && c->pq;
}

/* Sends one group: its share of what waits, or more when that is little work.
 */
static void fill(struct lun_pg_pool *pool, struct lun_pg_connection *c,
                 unsigned share)
{
    uint64_t tail = c->tail;
    uint64_t spent = 0;
    unsigned count = 0;
    bool alone = pool->reads.first->alone;
    do {
        spent += pool->reads.first->known->cost_ns;
        if (!send_read(pool, c))
            return;
        count++;
    } while (
        !alone && pool->reads.first && count < pool->depth &&
        (count < share ? spent < LUN_PG_GROUP_NS : spent < LUN_PG_SPREAD_NS) &&
        !pool->reads.first->alone);
    if (c->tail != tail)
        lun_pg_pipeline_sync(c);
}

static unsigned share_of(const struct lun_pg_pool *pool, unsigned free)
{
    return (pool->reads.count + free - 1) / free;
}

static bool send_reads(struct lun_pg_pool *pool)
{
    unsigned free = 0;
    const struct lun_pg_request *r = pool->reads.first;
    if (!r)
        return false;
    struct lun_pg_connection *c = free_connection(pool, &free);
    bool again = r->lost || r->ended;
    /* Who waits for a connection of his own must find one idle. */
    if (!c && !again && !(pool->takers.first && may_hold_one_more(pool)))
        c = busy_connection(pool);
    if (!c)
        return false;
    /* Whoever cut the last connection under it has perhaps cut this one. */
    if (again && !lun_pg_connection_check(c))
        return true;
    fill(pool, c, share_of(pool, free ? free : 1));
    return true;
}

static bool send_write(struct lun_pg_pool *pool)
{
    unsigned free = 0;
    struct lun_pg_request *r = pool->writes.first;
    if (!r)
        return false;
    struct lun_pg_connection *c = free_connection(pool, &free);
    bool again = r->lost || r->ended;
    if (!c && !again)
        c = busy_connection(pool);
    if (!c)
        return false;
    if (again && !lun_pg_connection_check(c))
        return true;
    lun_pg_list_remove(r);
    if (lun_pg_pipeline_send(c, r) && r->connection)
        lun_pg_pipeline_sync(c);
    return true;
}

static bool lend(struct lun_pg_pool *pool)
{
    unsigned free = 0;
    struct lun_pg_request *taker = pool->takers.first;
    struct lun_pg_connection *c = taker ? free_connection(pool, &free) : NULL;
    if (!c)
        return false;
    lun_pg_list_remove(taker);
    lun_pg_session_lend(pool, c, taker);
    return true;
}

/* Writes and lent connections share what reads leave, by turns. */
static bool hold_one(struct lun_pg_pool *pool)
{
    if (!may_hold_one_more(pool))
        return false;
    pool->takers_turn = !pool->takers_turn;
    if (pool->takers_turn)
        return lend(pool) || send_write(pool);
    return send_write(pool) || lend(pool);
}

static void send_private(struct lun_pg_pool *pool)
{
    struct lun_pg_request *r;
    while ((r = pool->private.first)) {
        struct lun_pg_connection *c = r->session->connection;
        lun_pg_list_remove(r);
        if (c) {
            if (lun_pg_pipeline_send(c, r) && r->connection)
                lun_pg_pipeline_sync(c);
            continue;
        }
        struct lun_pg_error error;
        lun_pg_error_make(&error, LUN_EUNAVAILABLE, "the connection was lost");
        error.before_send = error.lost = true;
        lun_pg_request_fail_later(pool, r, &error);
    }
}

static void send_chores(struct lun_pg_pool *pool)
{
    pool->has_chores = false;
    for (unsigned i = 0; i < pool->size; i++) {
        struct lun_pg_connection *c = &pool->connections[i];
        if (c->state == LUN_PG_READY && c->rollback) {
            c->rollback = false;
            lun_pg_pipeline_chore(c, "rollback");
        }
        if (c->state == LUN_PG_READY && c->drop_count > 0) {
            if (lun_pg_pipeline_is_idle(c))
                lun_pg_pipeline_drop(c);
            else
                pool->has_chores = true;
        }
        /* It was idle when it got too old: no answer will remind us. */
        if (c->state == LUN_PG_READY && c->retire && lun_pg_pipeline_is_idle(c))
            lun_pg_connection_drain(c);
    }
}

void lun_pg_dispatch(struct lun_pg_pool *pool)
{
    if (pool->has_chores)
        send_chores(pool);
    /* A single connection goes to reads every second time; of more, one is
     * always theirs. */
    if (pool->size == 1 && pool->reads_turn && send_reads(pool))
        pool->reads_turn = false;
    while (hold_one(pool))
        pool->reads_turn = true;
    if (pool->private.first)
        send_private(pool);
    while (send_reads(pool))
        ;
}
