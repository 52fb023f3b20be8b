/*
 * core/host/ops.h - /metrics, /livez and /readyz on the ops port.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Served by the supervisor, so that they answer while workers hang.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "core/base/buf.h"

struct lun_err;
struct lun_ops; /* opaque */

struct lun_ops_hooks {
    void *context;
    /* True when requests are answered; else pushes why not. */
    bool (*is_ready)(void *context, struct lun_buf *why);
    /* Appends Prometheus text. */
    void (*metrics)(void *context, struct lun_buf *out);
};

/* Serves on listening socket `fd`, which it owns from then on. */
int lun_ops_open(uv_loop_t *loop, int fd, const struct lun_ops_hooks *hooks,
                 struct lun_ops **out, struct lun_err *err);
/* Answers what is under way, calls `closed`, frees. */
void lun_ops_close(struct lun_ops *ops, void (*closed)(void *context),
                   void *context);
