/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/exchange.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_MAX 128
#define KEPT_ANSWER ((size_t)32768)
/* What a handler may put into the arena of one request. */
#define ARENA_LIMIT ((size_t)64 << 20)

void lun_http_pool_init(struct lun_http_pool *pool,
                        const struct lun_http_limits *limits)
{
    memset(pool, 0, sizeof(*pool));
    pool->limits = limits;
}

static void destroy(struct lun_http_exchange *exchange)
{
    lun_http_parser_release(&exchange->parser);
    lun_arena_release(&exchange->arena);
    lun_buf_release(&exchange->answer);
    free(exchange);
}

void lun_http_pool_release(struct lun_http_pool *pool)
{
    while (pool->spare) {
        struct lun_http_exchange *next = pool->spare->next;
        destroy(pool->spare);
        pool->spare = next;
    }
    for (struct lun_http_exchange *at = pool->orphans; at; at = at->next)
        at->pool = NULL;
}

static struct lun_http_exchange *create(struct lun_http_pool *pool)
{
    struct lun_http_exchange *exchange = calloc(1, sizeof(*exchange));
    if (!exchange)
        return NULL;
    lun_http_parser_init(&exchange->parser, pool->limits);
    lun_arena_init(&exchange->arena, ARENA_LIMIT);
    lun_buf_init(&exchange->answer);
    exchange->pool = pool;
    return exchange;
}

struct lun_http_exchange *lun_http_exchange_take(struct lun_http_pool *pool,
                                                 struct lun_http_conn *conn)
{
    struct lun_http_exchange *exchange = pool->spare;
    if (exchange) {
        pool->spare = exchange->next;
        pool->spare_count--;
    } else if (!(exchange = create(pool))) {
        return NULL;
    }
    exchange->conn = conn;
    exchange->next = NULL;
    exchange->answered = false;
    exchange->continued = false;
    exchange->handled = false;
    exchange->complete = false;
    exchange->stream = 0;
    exchange->sent = 0;
    return exchange;
}

void lun_http_exchange_give(struct lun_http_exchange *exchange)
{
    struct lun_http_pool *pool = exchange->pool;
    if (pool) {
        pool->held -= exchange->held;
        exchange->held = 0;
    }
    if (!pool || pool->spare_count >= SPARE_MAX) {
        destroy(exchange);
        return;
    }
    lun_http_parser_clear(&exchange->parser);
    lun_arena_clear(&exchange->arena);
    if (exchange->answer.cap > KEPT_ANSWER)
        lun_buf_release(&exchange->answer);
    lun_buf_clear(&exchange->answer);
    exchange->next = pool->spare;
    pool->spare = exchange;
    pool->spare_count++;
}

bool lun_http_exchange_charge(struct lun_http_exchange *exchange)
{
    size_t now = exchange->parser.body.cap + exchange->answer.cap;
    exchange->pool->held += now - exchange->held;
    exchange->held = now;
    return exchange->pool->held <= exchange->pool->limits->held_bytes;
}

void lun_http_exchange_orphan(struct lun_http_exchange *exchange)
{
    struct lun_http_pool *pool = exchange->pool;
    /* The address stood in the connection, which goes now. */
    exchange->request.peer = "";
    exchange->conn = NULL;
    exchange->prev = NULL;
    exchange->next = pool->orphans;
    if (pool->orphans)
        pool->orphans->prev = exchange;
    pool->orphans = exchange;
    if (exchange->request.on_gone)
        exchange->request.on_gone(&exchange->request);
}

void lun_http_exchange_bury(struct lun_http_exchange *exchange)
{
    struct lun_http_pool *pool = exchange->pool;
    if (pool) {
        if (exchange->prev)
            exchange->prev->next = exchange->next;
        else
            pool->orphans = exchange->next;
        if (exchange->next)
            exchange->next->prev = exchange->prev;
    }
    lun_http_exchange_give(exchange);
}
