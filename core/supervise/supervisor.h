/*
 * core/supervise/supervisor.h - the process that looks after all the others.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Start: sockets, PostgreSQL, nats-server, loader, workers; end: the same
 * backwards, so that every request under way finds what it needs.
 *
 * SIGTERM and SIGINT drain and end; a second one ends at once. SIGHUP loads the
 * apps again.
 */
#pragma once

struct lun_config;
struct lun_datadir;
struct lun_handover;

/* Called once, when the first query would succeed. */
typedef void (*lun_supervisor_ready_cb)(void *context);

/* Runs until told to end; returns the exit code of the program. `config` is
 * changed to what is in force (absolute paths, ports, the database). The data
 * folder must be locked. */
int lun_supervisor_run(struct lun_config *config, struct lun_datadir *dir,
                       lun_supervisor_ready_cb ready, void *context);
/* Goes on where the program before left off (core/supervise/handover.h).
 * `handover` stays until it returns. */
int lun_supervisor_resume(struct lun_config *config, struct lun_datadir *dir,
                          const struct lun_handover *handover);
