/*
 * core/pg/connection.c - the life of one connection.
 * SPDX-License-Identifier: Apache-2.0
 *
 * While nothing is usable one connection alone tries (the probe), so that a
 * server that comes up is not stormed; the others follow when it succeeds.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/random.h"
#include "core/pg/internal.h"
#include "core/telemetry/log.h"

#define BACKOFF_FIRST_MS 20
#define BACKOFF_DOUBLINGS 6
#define BACKOFF_MAX_MS 1000

static void on_timer(uv_timer_t *timer);

/* --- states --- */

#define BIT(state) (1u << (state))
#define ANY_TIME (BIT(LUN_PG_DOWN) | BIT(LUN_PG_CLOSED))

static const unsigned allowed[LUN_PG_STATES] = {
    [LUN_PG_DOWN] = BIT(LUN_PG_RESOLVING) | BIT(LUN_PG_CLOSED),
    [LUN_PG_RESOLVING] = BIT(LUN_PG_CONNECTING) | ANY_TIME,
    [LUN_PG_CONNECTING] = BIT(LUN_PG_READY) | ANY_TIME,
    [LUN_PG_READY] = BIT(LUN_PG_LENT) | BIT(LUN_PG_DRAINING) | ANY_TIME,
    [LUN_PG_LENT] = BIT(LUN_PG_READY) | BIT(LUN_PG_DRAINING) | ANY_TIME,
    [LUN_PG_DRAINING] = ANY_TIME,
    [LUN_PG_CLOSED] = 0,
};

static bool is_usable(enum lun_pg_state state)
{
    return state == LUN_PG_READY || state == LUN_PG_LENT;
}

static void move(struct lun_pg_connection *c, enum lun_pg_state state)
{
    struct lun_pg_pool *pool = c->pool;
    if (!(allowed[c->state] & BIT(state)))
        abort();
    pool->usable += is_usable(state);
    pool->usable -= is_usable(c->state);
    pool->lent += state == LUN_PG_LENT;
    pool->lent -= c->state == LUN_PG_LENT;
    c->state = state;
    if (pool->usable > 0) {
        pool->down_ns = 0;
    } else if (!pool->down_ns) {
        pool->down_ns = lun_clock_monotonic_ns();
        lun_pg_pool_arm(pool, pool->down_ns + LUN_PG_CIRCUIT_NS);
    }
}

/* --- the socket --- */

static void on_watch_closed(uv_handle_t *handle)
{
    struct lun_pg_watch *watch = handle->data;
    struct lun_pg_pool *pool = watch->pool;
    free(watch);
    pool->handles--;
    lun_pg_pool_close_step(pool);
}

static void watch_drop(struct lun_pg_connection *c)
{
    if (!c->watch)
        return;
    c->watch->connection = NULL;
    uv_close((uv_handle_t *)&c->watch->poll, on_watch_closed);
    c->watch = NULL;
}

static bool watch_new(struct lun_pg_connection *c, int fd)
{
    struct lun_pg_watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return false;
    if (uv_poll_init(c->pool->loop, &watch->poll, fd) != 0) {
        free(watch);
        return false;
    }
    watch->poll.data = watch;
    watch->connection = c;
    watch->pool = c->pool;
    watch->fd = fd;
    c->pool->handles++;
    c->watch = watch;
    return true;
}

static void on_socket(uv_poll_t *poll, int status, int events);

static bool watch(struct lun_pg_connection *c, int events)
{
    int fd = PQsocket(c->pq);
    if (c->watch && c->watch->fd != fd)
        watch_drop(c);
    if (fd < 0 || (!c->watch && !watch_new(c, fd)))
        return false;
    return uv_poll_start(&c->watch->poll, events, on_socket) == 0;
}

void lun_pg_connection_watch_write(struct lun_pg_connection *c, bool on)
{
    if (c->wants_write == on)
        return;
    c->wants_write = on;
    (void)watch(c, on ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

/* The watch goes first: libuv must not look at a descriptor that libpq has
 * closed and somebody else may have got. */
static void drop_socket(struct lun_pg_connection *c)
{
    watch_drop(c);
    if (c->resolve)
        lun_pg_resolve_abandon(c->resolve);
    c->resolve = NULL;
    PQfinish(c->pq);
    c->pq = NULL;
    uv_timer_stop(&c->timer);
}

/* --- connecting --- */

static uint64_t jitter_ms(uint64_t most)
{
    uint16_t random;
    lun_random_bytes(&random, sizeof(random));
    return most / 2 + most * random / UINT16_MAX / 2;
}

static void wait_ms(struct lun_pg_connection *c, uint64_t ms)
{
    /* The loop's time may lie behind; a timer must not fire early. */
    uv_update_time(c->pool->loop);
    (void)uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void remember_problem(struct lun_pg_pool *pool, const char *why)
{
    if (pool->problem != why)
        snprintf(pool->problem, sizeof(pool->problem), "%s", why);
    pool->problem[strcspn(pool->problem, "\n")] = '\0';
}

static void attempt_failed(struct lun_pg_connection *c, const char *why)
{
    struct lun_pg_pool *pool = c->pool;
    remember_problem(pool, why);
    drop_socket(c);
    move(c, LUN_PG_DOWN);
    if (c->failures == 0)
        lun_log_printf(LUN_LOG_WARN, "cannot connect to the database: %s",
                       pool->problem);
    unsigned doublings =
        c->failures < BACKOFF_DOUBLINGS ? c->failures : BACKOFF_DOUBLINGS;
    c->failures++;
    uint64_t most = BACKOFF_FIRST_MS << doublings;
    wait_ms(c, jitter_ms(most < BACKOFF_MAX_MS ? most : BACKOFF_MAX_MS));
}

/* Of what the server warns about only one thing matters: that it cuts all
 * sessions because somebody else's has crashed (57P02). */
static void on_notice(void *context, const PGresult *result)
{
    struct lun_pg_connection *c = context;
    c->told |= lun_pg_error_is_shutdown(result);
}

/* The server is there: all may connect. */
static void end_probe(struct lun_pg_pool *pool)
{
    pool->probing = false;
    for (unsigned i = 0; i < pool->size; i++)
        pool->connections[i].probing = false;
    for (unsigned i = 0; i < pool->size; i++)
        lun_pg_connection_attempt(&pool->connections[i]);
}

static void established(struct lun_pg_connection *c)
{
    struct lun_pg_pool *pool = c->pool;
    if (PQsetnonblocking(c->pq, 1) != 0 || !PQenterPipelineMode(c->pq)) {
        attempt_failed(c, PQerrorMessage(c->pq));
        return;
    }
    PQsetNoticeReceiver(c->pq, on_notice, c);
    PQsetErrorContextVisibility(c->pq, PQSHOW_CONTEXT_NEVER);
    uv_timer_stop(&c->timer);
    if (c->was_up) {
        pool->stats.reconnects++;
        if (pool->usable == 0)
            lun_log_printf(LUN_LOG_INFO, "connected to the database again");
    }
    c->was_up = true;
    c->failures = 0;
    c->epoch = ++pool->epoch;
    c->cancelled = c->retire = c->wants_write = c->told = false;
    c->expires_ns =
        lun_clock_monotonic_ns() +
        (pool->lifetime_ms + jitter_ms(pool->lifetime_ms) / 2) * LUN_PG_MS;
    c->rollback = false;
    c->drop_count = 0;
    pool->attempts[c->attempt_index] = 0;
    move(c, LUN_PG_READY);
    if (!watch(c, UV_READABLE)) {
        lun_pg_connection_lose(c, "cannot watch the socket", LUN_PG_ENDED);
        return;
    }
    if (pool->usable == 1)
        end_probe(pool);
    lun_pg_pool_usable(pool);
}

static void advance(struct lun_pg_connection *c)
{
    /* PQconnectPoll may close the socket and open another. */
    if (c->watch)
        uv_poll_stop(&c->watch->poll);
    PostgresPollingStatusType status = PQconnectPoll(c->pq);
    if (status == PGRES_POLLING_OK)
        established(c);
    else if (status == PGRES_POLLING_FAILED)
        attempt_failed(c, PQerrorMessage(c->pq));
    else if (!watch(c, status == PGRES_POLLING_READING ? UV_READABLE
                                                       : UV_WRITABLE))
        attempt_failed(c, "cannot watch the socket");
}

static void on_resolved(void *context, const char *const *keywords,
                        const char *const *values, const char *why)
{
    struct lun_pg_connection *c = context;
    c->resolve = NULL;
    if (!keywords) {
        attempt_failed(c, why);
        return;
    }
    c->pq = PQconnectStartParams(keywords, values, 0);
    if (!c->pq || PQstatus(c->pq) == CONNECTION_BAD) {
        attempt_failed(c, c->pq ? PQerrorMessage(c->pq) : "out of memory");
        return;
    }
    move(c, LUN_PG_CONNECTING);
    if (!watch(c, UV_WRITABLE))
        attempt_failed(c, "cannot watch the socket");
}

/* Milliseconds until one more attempt stays within the limit, else 0. */
static uint64_t attempt_delay_ms(const struct lun_pg_pool *pool)
{
    uint64_t oldest = pool->attempts[pool->attempt_next];
    uint64_t age = lun_clock_monotonic_ns() - oldest;
    if (!oldest || age >= 1000 * LUN_PG_MS)
        return 0;
    return (1000 * LUN_PG_MS - age) / LUN_PG_MS + 1;
}

void lun_pg_connection_attempt(struct lun_pg_connection *c)
{
    struct lun_pg_pool *pool = c->pool;
    if (c->state != LUN_PG_DOWN || pool->closing)
        return;
    if (pool->usable == 0 && pool->probing && !c->probing) {
        uv_timer_stop(&c->timer); /* the probe calls again */
        return;
    }
    uint64_t delay = attempt_delay_ms(pool);
    if (delay > 0) {
        wait_ms(c, delay);
        return;
    }
    if (pool->usable == 0)
        c->probing = pool->probing = true;
    c->attempt_index = pool->attempt_next;
    pool->attempts[c->attempt_index] = lun_clock_monotonic_ns();
    pool->attempt_next = (pool->attempt_next + 1) % LUN_PG_ATTEMPTS;
    move(c, LUN_PG_RESOLVING);
    wait_ms(c, pool->connect_ms);
    struct lun_pg_resolve *resolve;
    lun_pg_resolve_start(pool->loop, pool->target, on_resolved, c, &resolve);
    if (resolve)
        c->resolve = resolve;
}

/* --- losing --- */

void lun_pg_connection_lose(struct lun_pg_connection *c, const char *why,
                            enum lun_pg_end end)
{
    struct lun_pg_pool *pool = c->pool;
    bool wanted = c->state == LUN_PG_DRAINING;
    char text[sizeof(pool->problem)];
    snprintf(text, sizeof(text), "%s", why);
    text[strcspn(text, "\n")] = '\0';
    if (c->session) {
        c->session->connection = NULL;
        c->session = NULL;
    }
    drop_socket(c);
    move(c, LUN_PG_DOWN);
    if (pool->usable == 0 && pool->ready) {
        remember_problem(pool, text);
        lun_log_printf(LUN_LOG_WARN, "lost the database: %s", text);
    }
    /* Whoever cut this one has often cut its neighbours: wait a moment. */
    wait_ms(c, wanted ? 0 : jitter_ms(BACKOFF_FIRST_MS));
    lun_pg_pipeline_abandon(c, text, end);
    lun_pg_pool_usable(pool);
}

void lun_pg_connection_drain(struct lun_pg_connection *c)
{
    move(c, LUN_PG_DRAINING);
    wait_ms(c, lun_pg_pipeline_is_idle(c) ? 0 : LUN_PG_GRACE_MS);
    lun_pg_pool_usable(c->pool);
}

void lun_pg_connection_cancel(struct lun_pg_connection *c)
{
    c->cancelled = true;
    lun_pg_cancel_start(c->pq);
    wait_ms(c, LUN_PG_GRACE_MS);
}

void lun_pg_connection_watchdog(struct lun_pg_connection *c)
{
    if (c->pq && !uv_is_active((uv_handle_t *)&c->timer))
        wait_ms(c, LUN_PG_GRACE_MS);
}

/* A statement whose owner has gone is looked after here: it may be slow, or
 * the other side may have gone without a word. */
static void watchdog_fired(struct lun_pg_connection *c)
{
    if (lun_pg_pipeline_is_idle(c)) {
        if (c->state == LUN_PG_DRAINING)
            lun_pg_connection_lose(c, "it is made again", LUN_PG_ENDED);
        return;
    }
    const struct lun_pg_slot *head = &c->slots[c->head & (c->size - 1)];
    uint64_t quiet = lun_clock_monotonic_ns() - c->last_ns;
    if (head->request || quiet < LUN_PG_GRACE_MS * LUN_PG_MS) {
        wait_ms(c, LUN_PG_GRACE_MS);
    } else if (!c->cancelled) {
        lun_pg_connection_cancel(c);
        if (c->state == LUN_PG_READY)
            lun_pg_connection_drain(c);
    } else {
        lun_pg_connection_lose(c, "the server does not answer", LUN_PG_BROKE);
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct lun_pg_connection *c = timer->data;
    switch (c->state) {
    case LUN_PG_DOWN:
        lun_pg_connection_attempt(c);
        break;
    case LUN_PG_RESOLVING:
        attempt_failed(c, "the name was not resolved in time");
        break;
    case LUN_PG_CONNECTING:
        lun_pg_target_rotate(c->pool->target);
        attempt_failed(c, "no answer in time");
        break;
    case LUN_PG_READY:
    case LUN_PG_LENT:
    case LUN_PG_DRAINING:
        watchdog_fired(c);
        break;
    default:
        break;
    }
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct lun_pg_watch *watched = poll->data;
    struct lun_pg_connection *c = watched->connection;
    if (!c)
        return;
    if (c->state == LUN_PG_CONNECTING) {
        advance(c);
        return;
    }
    if (status == 0 && (events & UV_WRITABLE))
        lun_pg_pipeline_flush(c);
    if (c->pq && (status < 0 || (events & UV_READABLE)))
        lun_pg_pipeline_receive(c);
    /* libuv stops watching a socket with an error, but what came before the
     * error was perhaps all that could be read now. */
    if (status < 0 && c->pq && !uv_is_active((uv_handle_t *)poll) &&
        uv_poll_start(poll, UV_READABLE, on_socket) != 0)
        lun_pg_connection_lose(c, "cannot watch the socket", LUN_PG_BROKE);
}

bool lun_pg_connection_check(struct lun_pg_connection *c)
{
    struct pollfd socket = {.fd = PQsocket(c->pq), .events = POLLIN};
    if (lun_pg_pipeline_is_idle(c) && poll(&socket, 1, 0) != 0)
        lun_pg_pipeline_receive(c);
    return c->state == LUN_PG_READY;
}

/* --- lending --- */

void lun_pg_connection_lend(struct lun_pg_connection *c,
                            struct lun_pg_session *session)
{
    move(c, LUN_PG_LENT);
    c->session = session;
    session->connection = c;
}

void lun_pg_connection_unlend(struct lun_pg_connection *c)
{
    c->session = NULL;
    if (!c->cancelled && !c->retire && lun_pg_pipeline_is_idle(c)) {
        c->rollback = PQtransactionStatus(c->pq) != PQTRANS_IDLE;
        c->pool->has_chores |= c->rollback;
        move(c, LUN_PG_READY);
        return;
    }
    /* It serves nobody else, so a cancel can hit nobody else. */
    if (!c->cancelled && !lun_pg_pipeline_is_idle(c))
        lun_pg_connection_cancel(c);
    lun_pg_connection_drain(c);
}

void lun_pg_connection_push_drop(struct lun_pg_connection *c, uint32_t serial)
{
    if (c->drop_count == c->drop_room) {
        size_t room = c->drop_room ? c->drop_room * 2 : 16;
        uint32_t *drops = realloc(c->drops, room * sizeof(*drops));
        if (!drops)
            return; /* it stays prepared; nobody asks for it */
        c->drops = drops;
        c->drop_room = room;
    }
    c->drops[c->drop_count++] = serial;
    c->pool->has_chores = true;
}

void lun_pg_connection_drained(struct lun_pg_connection *c)
{
    if (c->state == LUN_PG_DRAINING) {
        lun_pg_connection_lose(c, "it is made again", LUN_PG_ENDED);
        return;
    }
    uv_timer_stop(&c->timer);
    if (c->state == LUN_PG_LENT || c->rollback)
        return;
    if (PQtransactionStatus(c->pq) != PQTRANS_IDLE)
        lun_pg_connection_lose(c, "a statement left a transaction open",
                               LUN_PG_ENDED);
    else if (c->retire)
        lun_pg_connection_drain(c);
}

/* --- the ends of its life --- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct lun_pg_connection *c = handle->data;
    c->pool->handles--;
    lun_pg_pool_close_step(c->pool);
}

int lun_pg_connection_init(struct lun_pg_pool *pool, unsigned index)
{
    struct lun_pg_connection *c = &pool->connections[index];
    c->pool = pool;
    c->index = index;
    c->state = LUN_PG_DOWN;
    int code = uv_timer_init(pool->loop, &c->timer);
    if (code != 0)
        return code;
    c->timer.data = c;
    pool->handles++;
    return 0;
}

void lun_pg_connection_close(struct lun_pg_connection *c)
{
    if (c->session) {
        c->session->connection = NULL;
        c->session = NULL;
    }
    drop_socket(c);
    move(c, LUN_PG_CLOSED);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    lun_pg_pipeline_abandon(c, "the pool is closed", LUN_PG_BROKE);
}
