/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/http/pool.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "modules/http/fetch.h"
#include "modules/http/multi.h"

#define SWEEP_MS 15000
#define IDLE_NS 60000000000ULL

/* Clients ------------------------------------------------------------------ */

static void on_multi_closed(void *context)
{
    lun_fetch_pool_closed(context);
}

static void client_free(struct lun_fetch_pool *pool,
                        struct lun_fetch_client *client)
{
    if (client->multi) {
        pool->handles++;
        lun_fetch_multi_close(client->multi, on_multi_closed, pool);
    }
    lun_fetch_grant_release(&client->grant);
    free(client->app);
    free(client->options);
    free(client);
}

static struct lun_fetch_client *client_new(const struct lun_fetch_pool *pool,
                                           const char *app, const char *options,
                                           struct lun_err *err)
{
    struct lun_fetch_client *client = calloc(1, sizeof(*client));
    if (!client) {
        lun_error_set(err, LUN_EMEMORY, "out of memory");
        return NULL;
    }
    client->app = strdup(app);
    client->options = strdup(options);
    int rc = lun_fetch_grant_read(&client->grant, options, err);
    /* Not before it is needed: it takes memory and time. */
    if (!rc && client->app && client->options &&
        !curl_global_init(CURL_GLOBAL_DEFAULT))
        client->multi =
            lun_fetch_multi_new(pool->loop, client->grant.connections);
    if (client->multi)
        return client;
    if (!rc)
        lun_error_set(err, LUN_EMEMORY, "out of memory");
    lun_fetch_grant_release(&client->grant);
    free(client->app);
    free(client->options);
    free(client);
    return NULL;
}

int lun_fetch_pool_take(struct lun_fetch_pool *pool, const char *app,
                        const char *options, struct lun_fetch_client **out,
                        struct lun_err *err)
{
    struct lun_fetch_client *client = pool->clients;
    while (client &&
           (strcmp(client->app, app) || strcmp(client->options, options)))
        client = client->next;
    if (!client) {
        struct lun_err why;
        client = client_new(pool, app, options, &why);
        if (!client)
            return lun_error_set(err, why.code, "%s", why.message);
        client->next = pool->clients;
        pool->clients = client;
    }
    client->running++;
    *out = client;
    return 0;
}

void lun_fetch_pool_give(struct lun_fetch_client *client)
{
    if (!--client->running)
        client->idle_since = lun_clock_monotonic_ns();
}

static void on_sweep(uv_timer_t *timer)
{
    struct lun_fetch_pool *pool = timer->data;
    uint64_t now = lun_clock_monotonic_ns();
    struct lun_fetch_client **at = &pool->clients;
    while (*at) {
        struct lun_fetch_client *client = *at;
        if (client->running || now - client->idle_since < IDLE_NS) {
            at = &client->next;
        } else {
            *at = client->next;
            client_free(pool, client);
        }
    }
}

/* Life --------------------------------------------------------------------- */

struct lun_fetch_pool *lun_fetch_pool_new(uv_loop_t *loop)
{
    struct lun_fetch_pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return NULL;
    pool->L = luaL_newstate();
    if (!pool->L) {
        free(pool);
        return NULL;
    }
    pool->loop = loop;
    pool->handles = 1;
    uv_timer_init(loop, &pool->sweep);
    pool->sweep.data = pool;
    uv_timer_start(&pool->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    uv_unref((uv_handle_t *)&pool->sweep);
    return pool;
}

void lun_fetch_pool_closed(struct lun_fetch_pool *pool)
{
    if (--pool->handles || !pool->stopping)
        return;
    void (*closed)(void *) = pool->closed;
    void *context = pool->context;
    lua_close(pool->L);
    free(pool);
    closed(context);
}

static void on_sweep_closed(uv_handle_t *handle)
{
    lun_fetch_pool_closed(handle->data);
}

void lun_fetch_pool_stop(struct lun_fetch_pool *pool,
                         void (*closed)(void *context), void *context)
{
    pool->stopping = true;
    pool->closed = closed;
    pool->context = context;
    while (pool->fetches)
        lun_fetch_cancel(pool->fetches, "the worker ends");
    while (pool->clients) {
        struct lun_fetch_client *client = pool->clients;
        pool->clients = client->next;
        client_free(pool, client);
    }
    uv_close((uv_handle_t *)&pool->sweep, on_sweep_closed);
}
