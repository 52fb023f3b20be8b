/*
 * modules/http/multi.h - transfers of libcurl on a libuv loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One of these is one pool of connections: what must not share connections has
 * one of its own.
 */
#pragma once

#include <curl/curl.h>
#include <uv.h>

struct lun_fetch_multi; /* opaque */

/* `transfer` is no longer with the multi; it may be added again at once. */
typedef void (*lun_fetch_done_cb)(void *context, CURLcode code);

/* Belongs to the caller; stays where it is while it is under way. */
struct lun_fetch_transfer {
    CURL *easy;
    lun_fetch_done_cb done;
    void *context;
};

/* At most `connections` at once, idle ones included; further transfers wait.
 * NULL when memory ran out. */
struct lun_fetch_multi *lun_fetch_multi_new(uv_loop_t *loop,
                                            unsigned connections);
/* Begins; `done` is never called before this returns. 0 or LUN_EMEMORY. */
int lun_fetch_multi_add(struct lun_fetch_multi *multi,
                        struct lun_fetch_transfer *transfer);
/* Ends it at once, without `done`. Not from a callback of libcurl. */
void lun_fetch_multi_remove(struct lun_fetch_multi *multi,
                            struct lun_fetch_transfer *transfer);
/* Closes all connections and frees; nothing may be under way. `closed` comes
 * when nothing of it is left on the loop. */
void lun_fetch_multi_close(struct lun_fetch_multi *multi,
                           void (*closed)(void *context), void *context);
