/*
 * modules/http/pool.h - what a worker keeps for outgoing requests.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each app, with the options it has at that time, is a client with connections
 * of its own: none is shared with another app, and none that was opened under
 * an old grant is used under a new one.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <uv.h>

#include "modules/http/grant.h"

struct lun_err;
struct lun_fetch; /* one request under way: modules/http/fetch.h */
struct lun_fetch_multi;

struct lun_fetch_client {
    struct lun_fetch_client *next;
    struct lun_fetch_multi *multi;
    struct lun_fetch_grant grant;
    char *app;
    char *options;
    unsigned running;    /* requests */
    uint64_t idle_since; /* when `running` became 0 */
};

struct lun_fetch_pool {
    uv_loop_t *loop;
    lua_State *L; /* reads and writes what crosses, runs nothing */
    struct lun_fetch_client *clients;
    struct lun_fetch *fetches;
    uv_timer_t sweep;
    unsigned handles; /* of libuv or of multis, not closed yet */
    bool stopping;
    void (*closed)(void *context);
    void *context;
};

/* NULL when memory ran out. */
struct lun_fetch_pool *lun_fetch_pool_new(uv_loop_t *loop);
/* Refuses what is under way, closes, frees; then `closed`. */
void lun_fetch_pool_stop(struct lun_fetch_pool *pool,
                         void (*closed)(void *context), void *context);

/* The client of `app` with `options`. LUN_ECONFIG when they cannot be read. */
int lun_fetch_pool_take(struct lun_fetch_pool *pool, const char *app,
                        const char *options, struct lun_fetch_client **out,
                        struct lun_err *err);
void lun_fetch_pool_give(struct lun_fetch_client *client);

/* A handle that was counted in `handles` is closed. */
void lun_fetch_pool_closed(struct lun_fetch_pool *pool);
