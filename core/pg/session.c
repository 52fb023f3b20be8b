/*
 * core/pg/session.c - connections lent for transactions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "core/base/error.h"
#include "core/pg/internal.h"

void lun_pg_session_lend(struct lun_pg_pool *pool, struct lun_pg_connection *c,
                         struct lun_pg_request *taker)
{
    struct lun_pg_session *session = calloc(1, sizeof(*session));
    if (!session) {
        struct lun_pg_error error;
        lun_pg_error_make(&error, LUN_EMEMORY, "out of memory");
        error.before_send = true;
        lun_pg_request_fail_later(pool, taker, &error);
        return;
    }
    session->pool = pool;
    pool->sessions++;
    lun_pg_connection_lend(c, session);
    /* Whatever its owner does in the callback, the loop shall not sleep on. */
    lun_pg_pool_wake(pool);
    taker->cb.session(taker->context, session, NULL);
    lun_pg_request_free(pool, taker);
}

static void refuse_later(struct lun_pg_session *session,
                         struct lun_pg_request *r, bool sent, const char *why)
{
    struct lun_pg_error error;
    lun_pg_error_make(&error, LUN_EUNAVAILABLE, "%s", why);
    error.before_send = !sent;
    error.lost = true;
    lun_pg_request_fail_later(session->pool, r, &error);
}

static void enqueue(struct lun_pg_session *session, struct lun_pg_request *r,
                    uint64_t deadline_ns, lun_pg_result_cb cb, void *context)
{
    struct lun_pg_pool *pool = session->pool;
    r->session = session;
    r->in_transaction = session->in_transaction;
    r->cb.result = cb;
    r->context = context;
    r->deadline_ns = deadline_ns ? deadline_ns : UINT64_MAX;
    if (!session->connection) {
        refuse_later(session, r, false, "the connection was lost");
        return;
    }
    lun_pg_list_push(&pool->private, r);
    lun_pg_pool_arm(pool, r->deadline_ns);
}

static void no_memory(lun_pg_result_cb cb, void *context)
{
    struct lun_pg_error error;
    lun_pg_error_make(&error, LUN_EMEMORY, "out of memory");
    error.before_send = true;
    cb(context, NULL, &error);
}

void lun_pg_session_query(struct lun_pg_session *session,
                          const struct lun_pg_statement *statement,
                          const struct lun_pg_params *params,
                          uint64_t deadline_ns, lun_pg_result_cb cb,
                          void *context)
{
    struct lun_pg_pool *pool = session->pool;
    struct lun_pg_request *r =
        lun_pg_request_new(pool, LUN_PG_QUERY, params, statement->sql);
    if (r)
        r->known = lun_pg_known_get(pool, statement->name);
    if (!r || !r->known) {
        if (r)
            lun_pg_request_free(pool, r);
        no_memory(cb, context);
        return;
    }
    r->read_only = statement->read_only;
    r->text_results = statement->text_results;
    enqueue(session, r, deadline_ns, cb, context);
}

/* What the text does to the transaction: a lost "commit" leaves the outcome
 * open, what is lost inside a transaction is certainly undone. */
static void note_transaction(struct lun_pg_session *session,
                             struct lun_pg_request *r, const char *sql)
{
    r->commits = lun_pg_sql_commits(sql);
    if (lun_pg_sql_starts_with(sql, "begin") ||
        lun_pg_sql_starts_with(sql, "start"))
        r->in_transaction = session->in_transaction = true;
    else if (r->commits)
        session->in_transaction = false;
}

void lun_pg_session_exec(struct lun_pg_session *session, const char *sql,
                         uint64_t deadline_ns, lun_pg_result_cb cb,
                         void *context)
{
    struct lun_pg_request *r =
        lun_pg_request_new(session->pool, LUN_PG_EXEC, NULL, sql);
    if (!r) {
        no_memory(cb, context);
        return;
    }
    enqueue(session, r, deadline_ns, cb, context);
    note_transaction(session, r, sql);
}

/* Ends what its owner has left behind. */
static void fail_rest(struct lun_pg_session *session)
{
    struct lun_pg_request *next;
    for (struct lun_pg_request *r = session->pool->private.first; r; r = next) {
        next = r->next;
        if (r->session == session)
            refuse_later(session, r, false, "the session was given back");
    }
    struct lun_pg_connection *c = session->connection;
    for (uint64_t i = c ? c->head : 0; c && i < c->tail; i++) {
        struct lun_pg_request *r = c->slots[i & (c->size - 1)].request;
        if (r && r->session == session)
            refuse_later(session, r, true, "the session was given back");
    }
}

void lun_pg_session_give(struct lun_pg_session *session)
{
    struct lun_pg_pool *pool = session->pool;
    struct lun_pg_connection *c = session->connection;
    fail_rest(session);
    if (c)
        lun_pg_connection_unlend(c);
    free(session);
    pool->sessions--;
    lun_pg_pool_wake(pool);
}
