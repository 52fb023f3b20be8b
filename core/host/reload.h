/*
 * core/host/reload.h - from saved files to served releases.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   IDLE -> LOADING     a loader process compiles the release set, changes the
 *                       tables and writes the set to the data folder
 *        -> PREPARING   every worker that serves loads it beside its own
 *        -> COMMITTING  all could: all switch; one refused: all forget it
 *        -> IDLE
 *
 * A failure at any point leaves the old set serving. A change that comes
 * meanwhile starts another round afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/buf.h"

struct lun_config;
struct lun_err;
struct lun_loadout;
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
/* To be called from the hooks of the workers. */
void lun_reload_worker_ready(struct lun_reload *reload, unsigned slot,
                             const char *set);
void lun_reload_worker_reply(struct lun_reload *reload, unsigned slot,
                             const char *id, const char *error);
void lun_reload_worker_gone(struct lun_reload *reload, unsigned slot);

/* Id of the set that is served, "" before the first. */
const char *lun_reload_current(const struct lun_reload *reload);
/* Its releases. */
const struct lun_loadout *lun_reload_loadout(const struct lun_reload *reload);
/* What went wrong last, as a JSON value; NULL after a good load. */
const char *lun_reload_last_error(const struct lun_reload *reload);
/* Good and failed loads since the start. */
void lun_reload_counts(const struct lun_reload *reload, uint64_t *good,
                       uint64_t *failed);

/* Ends a loader under way; frees when its handles are closed. */
void lun_reload_close(struct lun_reload *reload, void (*closed)(void *context),
                      void *context);
