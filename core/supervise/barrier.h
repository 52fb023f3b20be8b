/*
 * core/supervise/barrier.h - one release set on all workers of this node.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   REST -> PREPARING   every worker that serves loads the set beside its own
 *        -> PREPARED    all could; waits for the decision
 *        -> COMMITTING  all switch; the set before stays there, warm
 *        -> CATCHING    workers that started meanwhile with the set before
 *        -> REST        follow; so does one that starts late
 *
 * From the decision to commit on, the new set is the one that counts: a worker
 * that does not switch is replaced by one that starts with it. A worker never
 * has more than two sets: the one it serves and one beside it, prepared or
 * warm. To go back is the same two steps with the warm set, which nobody has to
 * load.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct lun_barrier; /* opaque */
struct lun_err;
struct lun_workers;

struct lun_barrier_hooks {
    void *context;
    /* The workers have prepared the set; `error` says which could not, or that
     * none has lived to, and then all have forgotten it. Never called before
     * lun_barrier_prepare returns, unless no worker serves. */
    void (*on_prepared)(void *context, const char *error);
    /* All workers serve it. */
    void (*on_committed)(void *context);
};

int lun_barrier_open(uv_loop_t *loop, int64_t limit_ms,
                     const struct lun_barrier_hooks *hooks,
                     struct lun_barrier **out, struct lun_err *err);
void lun_barrier_close(struct lun_barrier *barrier,
                       void (*closed)(void *context), void *context);

/* The workers have been started with this set. */
void lun_barrier_begin(struct lun_barrier *barrier, struct lun_workers *workers,
                       const char *id, const char *path);
void lun_barrier_prepare(struct lun_barrier *barrier, const char *id,
                         const char *path);
/* The decision, after a good on_prepared. */
void lun_barrier_commit(struct lun_barrier *barrier);
void lun_barrier_abort(struct lun_barrier *barrier);

/* From lun_barrier_prepare to the last worker's answer to commit, of the last
 * switch. */
uint64_t lun_barrier_took_ns(const struct lun_barrier *barrier);
/* The set that workers keep beside the one they serve; "" for none. */
const char *lun_barrier_warm(const struct lun_barrier *barrier);

/* To be called from the hooks of the workers. */
void lun_barrier_worker_ready(struct lun_barrier *barrier, unsigned slot,
                              const char *set);
void lun_barrier_worker_reply(struct lun_barrier *barrier, unsigned slot,
                              const char *error);
void lun_barrier_worker_gone(struct lun_barrier *barrier, unsigned slot);
