/*
 * core/supervise/workers.h - the worker processes, seen from the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One slot is one listening socket and the process that serves it. The socket
 * stays open here, so what waits in its queue when a worker dies is answered by
 * its successor. A dead worker is replaced: the first time at once, then with
 * growing delays. One that stops to beat (core/loop/beat.h) is killed. A slot
 * can be given a new process without a gap: the successor serves before the old
 * one is asked to drain.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "core/serve/control.h"

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
    unsigned metrics_slot; /* in the memory of the metrics */
    unsigned retiring;     /* old processes that finish what they have begun */
};

/* How a process of a slot came to its end. */
struct lun_worker_death {
    unsigned slot;
    unsigned metrics_slot;
    pid_t pid;
    int signal; /* 0: it ended with `status` */
    int status;
    bool was_ready; /* it had served */
    bool expected;  /* it was asked to, or replaced */
    bool stuck;     /* its loop stood still */
};

struct lun_workers_hooks {
    void *context;
    /* A worker serves `set`. */
    void (*on_ready)(void *context, unsigned slot, const char *set);
    /* Its answer to prepare, commit or abort; `error` is "" when it worked. */
    void (*on_reply)(void *context, unsigned slot, const char *id,
                     const char *error);
    /* The process of a slot is gone, or does not count any more. */
    void (*on_gone)(void *context, const struct lun_worker_death *death);
    /* The process of an isolated app of the worker has ended. */
    void (*on_app_ended)(void *context, unsigned slot,
                         const struct lun_host_control *message);
    /* All slots have new processes, or `error` says why not. */
    void (*on_replaced)(void *context, const char *error);
};

struct lun_workers_options {
    uv_loop_t *loop;
    const char *config_path; /* what workers read; written before the start */
    const char *data;        /* data folder */
    struct lun_metrics *metrics; /* with two slots for each worker: an old and
                                    a new process live side by side */
    int metrics_fd;
    unsigned count;
    int64_t stuck_ms; /* a loop that stands still so long is ended */
    int64_t drain_ms;
    struct lun_workers_hooks hooks;
};

/* Binds `options->count` sockets; `*port` gets the port. Starts nothing. With
 * `listen_fds` (may be NULL) takes these instead. */
int lun_workers_open(const struct lun_workers_options *options,
                     const char *host, int *port, const int *listen_fds,
                     struct lun_workers **out, struct lun_err *err);
/* Starts a process in every slot with the set at `set_path`. */
void lun_workers_start(struct lun_workers *workers, const char *set_path);
/* What processes started from now on load. */
void lun_workers_set_current(struct lun_workers *workers, const char *set_path);
/* Sends a message to one worker; false when it has no control socket. */
bool lun_workers_send(struct lun_workers *workers, unsigned slot,
                      const struct lun_host_control *message);
/* Gives every slot a new process, one after the other; on_replaced comes
 * later. While it is under way another call repeats it afterwards. */
void lun_workers_replace(struct lun_workers *workers);
bool lun_workers_replacing(const struct lun_workers *workers);

/* Processes started from now on inherit `fd` as LUN_HOST_FD_TLS; -1: not. */
void lun_workers_set_tls(struct lun_workers *workers, int fd);
/* Asks all to read again what they read from files of the settings. */
void lun_workers_renew(struct lun_workers *workers);

unsigned lun_workers_count(const struct lun_workers *workers);
void lun_workers_info(const struct lun_workers *workers, unsigned slot,
                      struct lun_worker_info *out);
bool lun_workers_all_ready(const struct lun_workers *workers);

/* For a supervisor that takes the place of this one
 * (core/supervise/handover.h): calls `cb` for each process, and the socket of
 * each slot. */
typedef void (*lun_workers_process_cb)(void *context, unsigned slot, pid_t pid,
                                       int control_fd, bool retiring);
void lun_workers_each(const struct lun_workers *workers,
                      lun_workers_process_cb cb, void *context);
int lun_workers_socket(const struct lun_workers *workers, unsigned slot);
/* The other side: a process of the old supervisor's. It counts as ready. */
int lun_workers_adopt(struct lun_workers *workers, unsigned slot, pid_t pid,
                      int control_fd, bool retiring, struct lun_err *err);

/* Closes the sockets here, asks all to drain, kills what is left after
 * `grace_ms`, then calls `closed` and frees. */
void lun_workers_close(struct lun_workers *workers, int64_t grace_ms,
                       void (*closed)(void *context), void *context);
/* Kills one; it is replaced. */
void lun_workers_kill_one(struct lun_workers *workers, unsigned slot);
/* Kills at once what still runs (a second Ctrl-C). */
void lun_workers_kill(struct lun_workers *workers);
