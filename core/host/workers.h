/*
 * core/host/workers.h - the worker processes, seen from the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One slot is one listening socket and the process that serves it. The socket
 * stays open here, so what waits in its queue when a worker dies is answered by
 * its successor. A dead worker is replaced: the first time at once, then with
 * growing delays. One that stops to beat (core/loop/beat.h) is killed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "core/host/control.h"

struct lun_config;
struct lun_err;
struct lun_metrics;
struct lun_workers; /* opaque */

enum lun_worker_state {
    LUN_WORKER_DOWN, /* no process; one is about to be started */
    LUN_WORKER_STARTING,
    LUN_WORKER_READY,
    LUN_WORKER_DRAINING
};

struct lun_worker_info {
    unsigned slot;
    pid_t pid; /* 0 when down */
    enum lun_worker_state state;
    unsigned restarts;
};

struct lun_workers_hooks {
    void *context;
    /* A worker serves `set`. */
    void (*on_ready)(void *context, unsigned slot, const char *set);
    /* Its answer to prepare, commit or abort; `error` is "" when it worked. */
    void (*on_reply)(void *context, unsigned slot, const char *id,
                     const char *error);
    /* Its process is gone; `was_ready`: it had served. */
    void (*on_gone)(void *context, unsigned slot, bool was_ready);
};

struct lun_workers_options {
    uv_loop_t *loop;
    const char *config_path; /* what workers read; written before the start */
    const char *data;        /* data folder */
    const struct lun_metrics *metrics;
    int metrics_fd;
    unsigned count;
    struct lun_workers_hooks hooks;
};

/* Binds `options->count` sockets; `*port` gets the port. Starts nothing. */
int lun_workers_open(const struct lun_workers_options *options,
                     const char *host, int *port, struct lun_workers **out,
                     struct lun_err *err);
/* Starts a process in every slot with the set at `set_path`. */
void lun_workers_start(struct lun_workers *workers, const char *set_path);
/* What processes started from now on load. */
void lun_workers_set_current(struct lun_workers *workers, const char *set_path);
/* Sends a message to one worker; false when it has no control socket. */
bool lun_workers_send(struct lun_workers *workers, unsigned slot,
                      const struct lun_host_control *message);

/* Asks all to read again what they read from files of the settings. */
void lun_workers_renew(struct lun_workers *workers);

unsigned lun_workers_count(const struct lun_workers *workers);
void lun_workers_info(const struct lun_workers *workers, unsigned slot,
                      struct lun_worker_info *out);
bool lun_workers_all_ready(const struct lun_workers *workers);

/* Closes the sockets here, asks all to drain, kills what is left after
 * `grace_ms`, then calls `closed` and frees. */
void lun_workers_close(struct lun_workers *workers, int64_t grace_ms,
                       void (*closed)(void *context), void *context);
/* Kills one; it is replaced. */
void lun_workers_kill_one(struct lun_workers *workers, unsigned slot);
/* Kills at once what still runs (a second Ctrl-C). */
void lun_workers_kill(struct lun_workers *workers);
