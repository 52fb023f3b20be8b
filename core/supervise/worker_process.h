/*
 * core/supervise/worker_process.h - one worker process and the socket to it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Started, or taken over from the program that this one replaced. It frees
 * itself when the process has ended and everything of it is off the loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "core/serve/control.h"

struct lun_err;
struct lun_worker_process; /* opaque */

struct lun_worker_process_hooks {
    void *context;
    void (*on_message)(void *context, struct lun_worker_process *process,
                       const struct lun_host_control *message);
    /* It has ended; the last call. `signal` 0: with `status`. */
    void (*on_exit)(void *context, struct lun_worker_process *process,
                    int status, int signal);
    /* After on_exit: it is off the loop; the memory goes after it. */
    void (*on_closed)(void *context);
};

struct lun_worker_process_options {
    uv_loop_t *loop;
    const char *config_path;
    const char *data;
    const char *set_path; /* what it loads */
    unsigned slot;
    unsigned metrics_slot; /* of its own while it lives */
    int listen_fd;
    int metrics_fd;
    int tls_fd; /* -1: none */
    struct lun_worker_process_hooks hooks;
};

int lun_worker_process_start(const struct lun_worker_process_options *options,
                             struct lun_worker_process **out,
                             struct lun_err *err);
/* A child that is there already; `control_fd` is owned from then on. Only
 * `loop`, `slot` and `hooks` of the options are needed. */
int lun_worker_process_adopt(const struct lun_worker_process_options *options,
                             pid_t pid, int control_fd,
                             struct lun_worker_process **out,
                             struct lun_err *err);

pid_t lun_worker_process_pid(const struct lun_worker_process *process);
unsigned lun_worker_process_metrics(const struct lun_worker_process *process);
/* When it was started (monotonic). */
uint64_t lun_worker_process_started(const struct lun_worker_process *process);
/* The supervisor's end of the socket; -1 when it is closed. */
int lun_worker_process_control(const struct lun_worker_process *process);
/* False when there is no socket any more. */
bool lun_worker_process_send(struct lun_worker_process *process,
                             const struct lun_host_control *message);
void lun_worker_process_kill(struct lun_worker_process *process, int signal);
