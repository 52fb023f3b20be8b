/*
 * core/http/exchange.h - a request, its memory and its answer.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exchanges are pooled, so that a request needs no allocation of its own. One
 * that the handler still works on when its connection goes is either aborted
 * (the handler said how) or becomes an orphan: it lives on without connection
 * until it is answered.
 */
#pragma once

#include <stdbool.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/http/parser.h"
#include "core/http/server.h"

struct lun_http_conn;
struct lun_http_pool;

struct lun_http_exchange {
    struct lun_http_request request; /* first: handlers hold its address */
    struct lun_http_parser parser;
    struct lun_arena arena;
    struct lun_buf answer;
    struct lun_http_pool *pool;     /* NULL once the server has gone */
    struct lun_http_conn *conn;     /* NULL for an orphan */
    struct lun_http_exchange *next; /* in the queue, the pool, the orphans */
    struct lun_http_exchange *prev; /* among orphans and streams only */
    size_t held;                    /* bytes charged to the pool */
    bool answered;
    bool continued; /* 100 Continue was sent */
    /* Of an HTTP/2 stream only */
    bool handled;      /* given to the handler */
    bool complete;     /* the peer will send no more of it */
    int32_t stream;    /* its number; 0: HTTP/1 */
    uint64_t deadline; /* of its head or body, in the loop's milliseconds */
    size_t sent;       /* bytes of the answer put into frames */
};

/* Part of a server. */
struct lun_http_pool {
    const struct lun_http_limits *limits;
    struct lun_http_exchange *spare;
    unsigned spare_count;
    struct lun_http_exchange *orphans;
    size_t held; /* bytes of bodies and answers in memory */
};

void lun_http_pool_init(struct lun_http_pool *pool,
                        const struct lun_http_limits *limits);
/* Orphans are cut loose and free themselves when they are answered. */
void lun_http_pool_release(struct lun_http_pool *pool);

/* NULL when memory ran out. */
struct lun_http_exchange *lun_http_exchange_take(struct lun_http_pool *pool,
                                                 struct lun_http_conn *conn);
void lun_http_exchange_give(struct lun_http_exchange *exchange);
/* Charges what body and answer take by now; false when all together are more
 * than the server may hold. */
bool lun_http_exchange_charge(struct lun_http_exchange *exchange);
/* Takes an unanswered exchange off its connection. */
void lun_http_exchange_orphan(struct lun_http_exchange *exchange);
/* An orphan was answered: nobody will read it. */
void lun_http_exchange_bury(struct lun_http_exchange *exchange);
