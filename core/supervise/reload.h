/*
 * core/supervise/reload.h - from saved, pushed and older files to served
 * releases. SPDX-License-Identifier: Apache-2.0
 *
 *   IDLE -> LOADING     a loader process compiles the release set, changes the
 *                       tables, keeps the releases in the database and writes
 *                       the set to the data folder
 *        -> PREPARING   every worker that serves loads it beside its own
 *        -> CLAIMING    the next row of lunette.release_set says that all nodes
 *                       serve it (core/supervise/epoch.h)
 *        -> COMMITTING  all workers switch
 *        -> IDLE
 *
 * A failure before the row is there leaves the old set serving everywhere. What
 * comes meanwhile waits: pushes and the like in their order, then switches of
 * other nodes, then saves.
 *
 * What the loader is asked for is one JSON object:
 *   {"do":"load"}                      the apps folder over what is served
 *   {"do":"follow"}                    what the database says
 *   {"do":"push","app","files":[{"path","text"}],"confirm":DIGEST,"note",...}
 *   {"do":"rollback","app","to":VERSION or HASH,...}
 *   {"do":"list","app"}
 * with "login" and "roles" of who asks, "set" (file of what is served) and
 * "warm" (the apps of the set that workers have beside it).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/buf.h"

struct lun_config;
struct lun_err;
struct lun_loadout;
struct lun_metrics;
struct lun_reload; /* opaque */
struct lun_workers;

struct lun_reload_hooks {
    void *context;
    /* The first set is there; `path` is its file. */
    void (*on_first)(void *context, const char *id, const char *path);
    /* A load came to its end, well or not; status has changed. */
    void (*on_change)(void *context);
    /* The first load failed and there is no older set to serve. */
    void (*on_hopeless)(void *context);
};

struct lun_reload_options {
    uv_loop_t *loop;
    const struct lun_config *config;
    const char *config_path; /* for the loader */
    const char *data;        /* data folder */
    struct lun_metrics *metrics;
    struct lun_reload_hooks hooks;
};

int lun_reload_open(const struct lun_reload_options *options,
                    struct lun_reload **out, struct lun_err *err);
/* Takes part in the barrier from now on. */
void lun_reload_set_workers(struct lun_reload *reload,
                            struct lun_workers *workers);
/* Something was saved at `since_ns` (monotonic): loads now, or once more after
 * the load under way. */
void lun_reload_request(struct lun_reload *reload, uint64_t since_ns);

/* `status` is that of the HTTP answer, `body` its JSON; both live during the
 * call. */
typedef void (*lun_reload_answer_cb)(void *context, int status,
                                     const struct lun_buf *body);
/* Runs a job (see above) when its turn comes. It is copied. `cb` is called
 * once, not before this returns. */
void lun_reload_ask(struct lun_reload *reload, const struct lun_buf *job,
                    lun_reload_answer_cb cb, void *context);

/* To be called from the hooks of the workers. */
void lun_reload_worker_ready(struct lun_reload *reload, unsigned slot,
                             const char *set);
void lun_reload_worker_reply(struct lun_reload *reload, unsigned slot,
                             const char *id, const char *error);
void lun_reload_worker_gone(struct lun_reload *reload, unsigned slot);

/* Nothing is under way and nothing waits. */
bool lun_reload_is_idle(const struct lun_reload *reload);
/* Id of the set that is served, "" before the first. */
const char *lun_reload_current(const struct lun_reload *reload);
/* Its releases. */
const struct lun_loadout *lun_reload_loadout(const struct lun_reload *reload);
/* Its row in lunette.release_set; 0 when there is none. */
uint64_t lun_reload_epoch(const struct lun_reload *reload);
/* Why a release was taken back last; NULL: none was since the start. */
const char *lun_reload_taken_back(const struct lun_reload *reload);
/* What went wrong last, as a JSON value; NULL after a good load. */
const char *lun_reload_last_error(const struct lun_reload *reload);
/* Good and failed loads since the start. */
void lun_reload_counts(const struct lun_reload *reload, uint64_t *good,
                       uint64_t *failed);

/* Ends a loader under way; frees when its handles are closed. */
void lun_reload_close(struct lun_reload *reload, void (*closed)(void *context),
                      void *context);
