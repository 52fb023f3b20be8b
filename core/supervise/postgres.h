/*
 * core/supervise/postgres.h - the private PostgreSQL cluster.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Made once in the data folder, started and stopped with the supervisor. It
 * listens on a socket in a folder that only its owner may enter, and on no
 * port. As root the server runs under the account "postgres".
 *
 * The postmaster is a child of the supervisor. One that an operator started
 * instead (pg_ctl restart) is watched as well; one that a killed supervisor
 * left behind is stopped first.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct lun_config;
struct lun_datadir;
struct lun_err;
struct lun_postgres; /* opaque */

#define LUN_POSTGRES_DATABASE "lunette"

struct lun_postgres_info {
    pid_t pid;            /* of the postmaster, 0 while it is down */
    const char *socket;   /* folder: psql -h FOLDER lunette */
    const char *app;      /* conninfo of the run-time role */
    const char *migrator; /* conninfo of the role that owns the tables */
};

/* Makes the cluster if there is none, starts it and waits until it answers.
 * Blocks; for the start of a supervisor. */
int lun_postgres_open(uv_loop_t *loop, const struct lun_config *config,
                      const struct lun_datadir *dir, struct lun_postgres **out,
                      struct lun_err *err);
/* The server that the program before has started (core/supervise/handover.h).
 */
int lun_postgres_adopt(uv_loop_t *loop, const struct lun_config *config,
                       const struct lun_datadir *dir, pid_t pid,
                       struct lun_postgres **out, struct lun_err *err);
void lun_postgres_info(const struct lun_postgres *postgres,
                       struct lun_postgres_info *out);
/* Stops the server (fast), then calls `closed` on the loop; frees. */
void lun_postgres_close(struct lun_postgres *postgres,
                        void (*closed)(void *context), void *context);

/* Stops what a killed supervisor left running on the folder. Blocks. */
void lun_postgres_stop_orphan(const struct lun_datadir *dir);
