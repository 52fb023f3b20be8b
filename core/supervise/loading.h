/*
 * core/supervise/loading.h - the loader process, one at a time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * `lunette __load CONFIG PARENT` reads what it is to do from its stdin and
 * prints its report (core/serve/loadout.h) on stdout.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct lun_err;
struct lun_loading; /* opaque */

/* How it ended. */
struct lun_loading_end {
    const char *report; /* valid during the call */
    size_t len;
    bool killed; /* by lun_loading_kill or at its deadline */
    int64_t status;
    int signal;
};

typedef void (*lun_loading_cb)(void *context,
                               const struct lun_loading_end *end);

int lun_loading_open(uv_loop_t *loop, const char *config_path,
                     lun_loading_cb cb, void *context, struct lun_loading **out,
                     struct lun_err *err);
/* Starts one that is killed after `limit_ms`; `cb` is called once, never
 * before this returns. Only when none is at work. `job` is copied. */
void lun_loading_start(struct lun_loading *loading, const char *job, size_t len,
                       int64_t limit_ms);
/* Ends it; `cb` says so. */
void lun_loading_kill(struct lun_loading *loading);
/* How long the one at work has been; 0 when there is none. */
uint64_t lun_loading_age_ns(const struct lun_loading *loading);
/* Ends what is at work without `cb`, then calls `closed` and frees. */
void lun_loading_close(struct lun_loading *loading,
                       void (*closed)(void *context), void *context);
