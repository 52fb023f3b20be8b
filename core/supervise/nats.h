/*
 * core/supervise/nats.h - the private nats-server.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Started where the program is installed: JetStream with its store in the data
 * folder, on a free loopback port, with a password of its own. Events will use
 * it; nothing does yet, so a machine without it lacks nothing.
 */
#pragma once

#include <sys/types.h>
#include <uv.h>

struct lun_datadir;
struct lun_nats; /* opaque */

/* NULL when there is no nats-server or it cannot be started, which is said. */
struct lun_nats *lun_nats_open(uv_loop_t *loop, const struct lun_datadir *dir);
/* The server that the program before has started (core/supervise/handover.h).
 */
struct lun_nats *lun_nats_adopt(uv_loop_t *loop, const struct lun_datadir *dir,
                                pid_t pid, int port);
pid_t lun_nats_pid(const struct lun_nats *nats);
int lun_nats_port(const struct lun_nats *nats);
/* Ends it, then calls `closed`; frees. */
void lun_nats_close(struct lun_nats *nats, void (*closed)(void *context),
                    void *context);
