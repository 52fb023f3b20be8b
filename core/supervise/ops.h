/*
 * core/supervise/ops.h - /metrics, /livez, /readyz and releases on the ops
 * port. SPDX-License-Identifier: Apache-2.0
 *
 * Served by the supervisor, so that they answer while workers hang.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "core/base/buf.h"

struct lun_err;
struct lun_http_request;
struct lun_net_tls;
struct lun_ops; /* opaque */

struct lun_ops_hooks {
    void *context;
    /* True when requests are answered; else pushes why not. */
    bool (*is_ready)(void *context, struct lun_buf *why);
    /* Appends Prometheus text. */
    void (*metrics)(void *context, struct lun_buf *out);
    /* Answers other paths; false when there is no such one. */
    bool (*route)(void *context, struct lun_http_request *request);
};

struct lun_ops_options {
    int fd;                  /* listening socket, which it owns from then on */
    struct lun_net_tls *tls; /* NULL: plain http; outlives it */
    size_t body_bytes;
    struct lun_ops_hooks hooks;
};

int lun_ops_open(uv_loop_t *loop, const struct lun_ops_options *options,
                 struct lun_ops **out, struct lun_err *err);
/* Answers what is under way, calls `closed`, frees. */
void lun_ops_close(struct lun_ops *ops, void (*closed)(void *context),
                   void *context);
