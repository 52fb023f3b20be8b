/*
 * core/pg/pool.c - the pool: its queue, deadlines, readiness and end.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Work of one loop turn is collected and handed out at its end: by the check
 * handle for what sockets brought, by the prepare handle for the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/pg/internal.h"

#define HOOKS 4
#define PARAMS_MAX 65535
#define LIFETIME_MS (30 * 60 * 1000)
#define RESULT_BYTES ((size_t)64 << 20)

/* --- the end of a loop turn --- */

static void deliver_done(struct lun_pg_pool *pool)
{
    struct lun_pg_error no_memory;
    for (unsigned n = pool->done.count; n > 0 && pool->done.first; n--) {
        struct lun_pg_request *r = pool->done.first;
        struct lun_pg_error *error = r->error;
        r->error = NULL;
        if (!error)
            lun_pg_error_make(&no_memory, LUN_EMEMORY, "out of memory");
        lun_pg_request_fail(pool, r, error ? error : &no_memory);
        free(error);
    }
}

static void do_nothing(uv_idle_t *idle)
{
    (void)idle;
}

void lun_pg_pool_wake(struct lun_pg_pool *pool)
{
    if (!pool->hooks_closed)
        (void)uv_idle_start(&pool->idle, do_nothing);
}

static void end_turn(struct lun_pg_pool *pool)
{
    if (pool->done.first)
        deliver_done(pool);
    if (!pool->closing)
        lun_pg_dispatch(pool);
    if (pool->closing)
        lun_pg_pool_close_step(pool);
}

static void on_prepare(uv_prepare_t *prepare)
{
    end_turn(prepare->data);
}

static void on_check(uv_check_t *check)
{
    struct lun_pg_pool *pool = check->data;
    if (uv_is_active((uv_handle_t *)&pool->idle))
        uv_idle_stop(&pool->idle);
    end_turn(pool);
}

/* --- deadlines --- */

static void on_timer(uv_timer_t *timer);

void lun_pg_pool_arm(struct lun_pg_pool *pool, uint64_t when_ns)
{
    if (when_ns >= pool->armed_ns || pool->hooks_closed)
        return;
    uint64_t now = lun_clock_monotonic_ns();
    uint64_t ms = when_ns > now ? (when_ns - now) / LUN_PG_MS + 1 : 0;
    pool->armed_ns = when_ns;
    (void)uv_timer_start(&pool->timer, on_timer, ms, 0);
}

static void expire(struct lun_pg_pool *pool, struct lun_pg_request *r,
                   bool before_send)
{
    struct lun_pg_error error;
    lun_pg_error_make(&error, LUN_EDEADLINE, "the deadline has passed");
    error.before_send = before_send;
    lun_pg_request_fail_later(pool, r, &error);
}

/* When the request has waited long enough for any connection. */
static uint64_t circuit_ns(const struct lun_pg_pool *pool,
                           const struct lun_pg_request *r)
{
    if (pool->usable > 0)
        return UINT64_MAX;
    uint64_t since =
        r->queued_ns > pool->down_ns ? r->queued_ns : pool->down_ns;
    return since + LUN_PG_CIRCUIT_NS;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Ends what is overdue in `list`; returns when the next one will be. */
static uint64_t expire_list(struct lun_pg_pool *pool, struct lun_pg_list *list,
                            uint64_t now)
{
    uint64_t next_ns = UINT64_MAX;
    struct lun_pg_request *next;
    for (struct lun_pg_request *r = list->first; r; r = next) {
        next = r->next;
        uint64_t circuit =
            list == &pool->private ? UINT64_MAX : circuit_ns(pool, r);
        struct lun_pg_error error;
        if (r->deadline_ns <= now) {
            expire(pool, r, true);
        } else if (circuit <= now) {
            lun_pg_pool_unavailable(pool, &error);
            lun_pg_request_fail_later(pool, r, &error);
        } else {
            next_ns = earlier(next_ns, earlier(r->deadline_ns, circuit));
        }
    }
    return next_ns;
}

static uint64_t expire_slots(struct lun_pg_pool *pool,
                             struct lun_pg_connection *c, uint64_t now)
{
    uint64_t next_ns = UINT64_MAX;
    for (uint64_t i = c->head; i < c->tail; i++) {
        struct lun_pg_request *r = c->slots[i & (c->size - 1)].request;
        if (!r)
            continue;
        if (r->deadline_ns > now) {
            next_ns = earlier(next_ns, r->deadline_ns);
            continue;
        }
        expire(pool, r, false);
        lun_pg_connection_watchdog(c);
    }
    return next_ns;
}

static void on_timer(uv_timer_t *timer)
{
    struct lun_pg_pool *pool = timer->data;
    uint64_t now = lun_clock_monotonic_ns();
    uint64_t next = expire_list(pool, &pool->reads, now);
    next = earlier(next, expire_list(pool, &pool->writes, now));
    next = earlier(next, expire_list(pool, &pool->takers, now));
    next = earlier(next, expire_list(pool, &pool->private, now));
    for (unsigned i = 0; i < pool->size; i++)
        next = earlier(next, expire_slots(pool, &pool->connections[i], now));
    pool->armed_ns = UINT64_MAX;
    lun_pg_pool_arm(pool, next);
}

/* --- requests --- */

void lun_pg_pool_unavailable(const struct lun_pg_pool *pool,
                             struct lun_pg_error *error)
{
    lun_pg_error_make(error, LUN_EUNAVAILABLE, "no usable connection: %s",
                      pool->closing ? "the pool is closed" : pool->problem);
    error->before_send = true;
}

void lun_pg_pool_requeue(struct lun_pg_pool *pool, struct lun_pg_request *r)
{
    lun_pg_request_detach(r);
    lun_pg_list_push_front(r->session     ? &pool->private
                           : r->read_only ? &pool->reads
                                          : &pool->writes,
                           r);
    if (pool->usable == 0)
        lun_pg_pool_arm(pool, circuit_ns(pool, r));
    lun_pg_pool_arm(pool, r->deadline_ns);
    lun_pg_pool_wake(pool);
}

static unsigned waiting(const struct lun_pg_pool *pool)
{
    return pool->reads.count + pool->writes.count + pool->takers.count;
}

static void enqueue(struct lun_pg_pool *pool, struct lun_pg_list *list,
                    struct lun_pg_request *r, uint64_t deadline_ns)
{
    struct lun_pg_error error;
    r->deadline_ns = deadline_ns ? deadline_ns : UINT64_MAX;
    if (pool->closing) {
        lun_pg_pool_unavailable(pool, &error);
        lun_pg_request_fail_later(pool, r, &error);
        return;
    }
    if (waiting(pool) >= pool->waiting_max) {
        lun_pg_error_make(&error, LUN_EUNAVAILABLE,
                          "%u requests wait for the database already",
                          pool->waiting_max);
        error.before_send = true;
        lun_pg_request_fail_later(pool, r, &error);
        return;
    }
    lun_pg_list_push(list, r);
    if (pool->usable == 0) {
        r->queued_ns = lun_clock_monotonic_ns();
        lun_pg_pool_arm(pool, circuit_ns(pool, r));
    }
    lun_pg_pool_arm(pool, r->deadline_ns);
}

/* Without memory for the request there is nothing to call back from later. */
static void refuse_now(int code, const char *why, lun_pg_result_cb cb,
                       void *context)
{
    struct lun_pg_error error;
    lun_pg_error_make(&error, code, "%s", why);
    error.before_send = true;
    cb(context, NULL, &error);
}

/* The request without its parameters, which nobody will send. */
static void refuse_later(struct lun_pg_pool *pool, int code, const char *why,
                         lun_pg_result_cb cb, void *context)
{
    struct lun_pg_request *r =
        lun_pg_request_new(pool, LUN_PG_QUERY, NULL, NULL);
    if (!r) {
        refuse_now(code, why, cb, context);
        return;
    }
    struct lun_pg_error error;
    lun_pg_error_make(&error, code, "%s", why);
    error.before_send = true;
    r->cb.result = cb;
    r->context = context;
    lun_pg_request_fail_later(pool, r, &error);
}

void lun_pg_pool_query(struct lun_pg_pool *pool,
                       const struct lun_pg_statement *statement,
                       const struct lun_pg_params *params, uint64_t deadline_ns,
                       lun_pg_result_cb cb, void *context)
{
    if (params && params->count > PARAMS_MAX) {
        refuse_later(pool, LUN_EBAD_INPUT, "too many parameters", cb, context);
        return;
    }
    struct lun_pg_request *r =
        lun_pg_request_new(pool, LUN_PG_QUERY, params, statement->sql);
    if (r)
        r->known = lun_pg_known_get(pool, statement->name);
    if (!r || !r->known) {
        if (r)
            lun_pg_request_free(pool, r);
        refuse_later(pool, LUN_EMEMORY, "out of memory", cb, context);
        return;
    }
    r->cb.result = cb;
    r->context = context;
    r->read_only = statement->read_only;
    r->text_results = statement->text_results;
    enqueue(pool, r->read_only ? &pool->reads : &pool->writes, r, deadline_ns);
}

void lun_pg_pool_take(struct lun_pg_pool *pool, uint64_t deadline_ns,
                      lun_pg_session_cb cb, void *context)
{
    struct lun_pg_request *r =
        lun_pg_request_new(pool, LUN_PG_TAKE, NULL, NULL);
    if (!r) {
        struct lun_pg_error error;
        lun_pg_error_make(&error, LUN_EMEMORY, "out of memory");
        error.before_send = true;
        cb(context, NULL, &error);
        return;
    }
    r->cb.session = cb;
    r->context = context;
    enqueue(pool, &pool->takers, r, deadline_ns);
}

/* --- readiness and numbers --- */

bool lun_pg_pool_ready(const struct lun_pg_pool *pool)
{
    return pool->usable > 0;
}

void lun_pg_pool_on_ready(struct lun_pg_pool *pool,
                          void (*cb)(void *context, bool ready), void *context)
{
    pool->on_ready = cb;
    pool->on_ready_context = context;
}

void lun_pg_pool_usable(struct lun_pg_pool *pool)
{
    bool ready = pool->usable > 0;
    if (ready == pool->ready)
        return;
    pool->ready = ready;
    if (pool->on_ready)
        pool->on_ready(pool->on_ready_context, ready);
}

const char *lun_pg_pool_problem(const struct lun_pg_pool *pool)
{
    return pool->usable > 0 ? "" : pool->problem;
}

size_t lun_pg_pool_result_bytes(const struct lun_pg_pool *pool)
{
    return pool->result_bytes;
}

void lun_pg_pool_stats(const struct lun_pg_pool *pool, struct lun_pg_stats *out)
{
    *out = pool->stats;
    out->connections = pool->usable;
    out->waiting = waiting(pool);
    out->busy = 0;
    for (unsigned i = 0; i < pool->size; i++) {
        const struct lun_pg_connection *c = &pool->connections[i];
        out->busy +=
            c->state == LUN_PG_LENT || (c->pq && !lun_pg_pipeline_is_idle(c));
    }
}

/* --- open and close --- */

static void set_sizes(struct lun_pg_pool *pool,
                      const struct lun_pg_config *config)
{
    pool->waiting_max = config->waiting ? config->waiting : 1024;
    pool->depth = config->pipeline_depth ? config->pipeline_depth : 64;
    pool->connect_ms = config->connect_ms ? config->connect_ms : 3000;
    pool->result_bytes =
        config->result_bytes ? config->result_bytes : RESULT_BYTES;
    pool->lifetime_ms = config->lifetime_ms ? config->lifetime_ms : LIFETIME_MS;
}

static void init_hooks(struct lun_pg_pool *pool)
{
    uv_prepare_init(pool->loop, &pool->prepare);
    uv_check_init(pool->loop, &pool->check);
    uv_idle_init(pool->loop, &pool->idle);
    uv_timer_init(pool->loop, &pool->timer);
    pool->prepare.data = pool->check.data = pool;
    pool->idle.data = pool->timer.data = pool;
    pool->handles = HOOKS;
    uv_prepare_start(&pool->prepare, on_prepare);
    uv_check_start(&pool->check, on_check);
}

int lun_pg_pool_open(uv_loop_t *loop, const struct lun_pg_config *config,
                     struct lun_pg_pool **out, struct lun_err *err)
{
    struct lun_pg_config full = *config;
    struct lun_pg_target *target;
    if (!full.size)
        full.size = 4;
    if (!full.statement_ms)
        full.statement_ms = 5000;
    int code = lun_pg_target_new(&full, &target, err);
    if (code)
        return code;
    struct lun_pg_pool *pool =
        calloc(1, sizeof(*pool) + full.size * sizeof(pool->connections[0]));
    if (!pool) {
        lun_pg_target_free(target);
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    pool->loop = loop;
    pool->target = target;
    pool->size = full.size;
    pool->armed_ns = UINT64_MAX;
    pool->prefix[0] = 'l';
    lun_random_hex(pool->prefix + 1, 4);
    strcat(pool->prefix, "_");
    strcpy(pool->problem, "connecting");
    set_sizes(pool, &full);
    lun_map_init(&pool->known);
    init_hooks(pool);
    pool->down_ns = lun_clock_monotonic_ns();
    for (unsigned i = 0; i < pool->size; i++)
        lun_pg_connection_init(pool, i);
    lun_pg_connection_attempt(&pool->connections[0]);
    *out = pool;
    return 0;
}

static void fail_list(struct lun_pg_pool *pool, struct lun_pg_list *list)
{
    struct lun_pg_error error;
    lun_pg_pool_unavailable(pool, &error);
    while (list->first)
        lun_pg_request_fail_later(pool, list->first, &error);
}

void lun_pg_pool_close(struct lun_pg_pool *pool, void (*closed)(void *context),
                       void *context)
{
    pool->closing = true;
    pool->closed = closed;
    pool->closed_context = context;
    fail_list(pool, &pool->reads);
    fail_list(pool, &pool->writes);
    fail_list(pool, &pool->takers);
    fail_list(pool, &pool->private);
    for (unsigned i = 0; i < pool->size; i++)
        lun_pg_connection_close(&pool->connections[i]);
    lun_pg_pool_usable(pool);
    lun_pg_pool_wake(pool);
}

static void release(struct lun_pg_pool *pool)
{
    void (*closed)(void *context) = pool->closed;
    void *context = pool->closed_context;
    while (pool->oldest)
        lun_pg_pool_forget(pool, pool->oldest->name);
    for (unsigned i = 0; i < pool->size; i++) {
        free(pool->connections[i].slots);
        free(pool->connections[i].drops);
    }
    lun_pg_request_free_spare(pool);
    lun_map_release(&pool->known, NULL);
    lun_pg_target_free(pool->target);
    free(pool);
    if (closed)
        closed(context);
}

static void on_hook_closed(uv_handle_t *handle)
{
    struct lun_pg_pool *pool = handle->data;
    if (--pool->handles == 0)
        release(pool);
}

void lun_pg_pool_close_step(struct lun_pg_pool *pool)
{
    if (!pool->closing || pool->hooks_closed || pool->done.first ||
        pool->sessions > 0 || pool->handles > HOOKS)
        return;
    pool->hooks_closed = true;
    uv_close((uv_handle_t *)&pool->prepare, on_hook_closed);
    uv_close((uv_handle_t *)&pool->check, on_hook_closed);
    uv_close((uv_handle_t *)&pool->idle, on_hook_closed);
    uv_close((uv_handle_t *)&pool->timer, on_hook_closed);
}
