/*
 * core/config/datadir.h - the folder with everything that lunette keeps.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   lunette.pid    the supervisor's pid; locked while it runs
 *   status.json    what `lunette status` shows
 *   worker.conf    the settings as workers read them
 *   keys/          signing keys of tokens
 *   sets/          compiled release sets, current.json leads to the one served
 *   quarantine/    apps that must not run, one file each
 *   log/           requests, PostgreSQL, nats-server, the detached supervisor
 *   postgres/      the private cluster (or a link to it)
 *   nats/          store of the private nats-server
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct lun_err;

struct lun_datadir {
    char path[PATH_MAX]; /* absolute */
    int lock;            /* descriptor of the held lock, or -1 */
};

/* Finds the folder; with `create` makes it and its folders (mode 0700). */
int lun_datadir_open(const char *path, bool create, struct lun_datadir *out,
                     struct lun_err *err);
/* Lets go of the lock. */
void lun_datadir_close(struct lun_datadir *dir);

/* Writes "<folder>/<name>" to `out`; an error when it does not fit. */
int lun_datadir_join(const struct lun_datadir *dir, const char *name,
                     char out[PATH_MAX], struct lun_err *err);

/* Takes the lock for this process and records its pid; the error names the
 * process that has it. */
int lun_datadir_lock(struct lun_datadir *dir, struct lun_err *err);
/* Pid of the supervisor that runs on the folder, 0 when none does. */
pid_t lun_datadir_owner(const struct lun_datadir *dir);
