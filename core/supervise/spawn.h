/*
 * core/supervise/spawn.h - starts children of the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A child gets a session of its own, so that Ctrl-C reaches the supervisor only
 * and children end in the order it chooses, and a signal from the kernel when
 * the supervisor is killed. That needs a few calls between fork and exec, which
 * the program makes itself: `lunette __run USER SIGNAL PARENT PROGRAM ...`.
 */
#pragma once

#include <signal.h>
#include <uv.h>

struct lun_err;
struct lun_process_user;

struct lun_spawn {
    const char *const *argv;             /* ends with NULL; argv[0] is a path */
    const struct lun_process_user *user; /* NULL: as we are */
    int death_signal;                    /* when the supervisor dies */
    int out;                             /* for stdout and stderr; -1: ours */
    uv_exit_cb on_exit;
};

/* Starts a child; `process->data` is left alone. */
int lun_spawn_start(uv_loop_t *loop, const struct lun_spawn *spawn,
                    uv_process_t *process, struct lun_err *err);

/* The `__run` command: becomes the program; returns only on failure. */
int lun_spawn_run(int argc, char **argv);
