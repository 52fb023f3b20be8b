/*
 * core/serve/control.h - what supervisor and workers say to each other.
 * SPDX-License-Identifier: Apache-2.0
 *
 * JSON lines over one socketpair a worker.
 *
 *   supervisor -> worker
 *     {"do":"prepare","id":ID,"set":PATH}  load the set beside the current one
 *     {"do":"commit","id":ID}              switch to it
 *     {"do":"abort","id":ID}               forget it
 *     {"do":"renew"}                       read certificate and lists again
 *     {"do":"drain"}                       a successor accepts: finish, exit 0
 *   worker -> supervisor
 *     {"event":"ready","id":ID}            serves; ID is the set it runs
 *     {"event":"reply","id":ID,"ok":true}  to prepare, commit and abort: one
 *     {"event":"reply","id":ID,"error":M}  reply each, in their order
 *
 *     {"event":"ended","id":APP,"set":RELEASE,"error":REQUEST,"pid":"N"}
 *                                          the process of an app has ended
 *
 * A worker whose control socket ends has lost its supervisor and drains.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

struct lun_err;

/* File descriptors that a worker inherits. */
enum {
    LUN_HOST_FD_LISTEN = 3,
    LUN_HOST_FD_CONTROL = 4,
    LUN_HOST_FD_METRICS = 5,
    LUN_HOST_FD_TLS = 6 /* when they cannot read the files themselves */
};

#define LUN_HOST_TLS_PATH "/proc/self/fd/6"

#define LUN_HOST_CONTROL_LINE 8192 /* longest line, newline included */

enum lun_host_control_kind {
    LUN_HOST_CONTROL_PREPARE,
    LUN_HOST_CONTROL_COMMIT,
    LUN_HOST_CONTROL_ABORT,
    LUN_HOST_CONTROL_RENEW,
    LUN_HOST_CONTROL_DRAIN,
    LUN_HOST_CONTROL_READY,
    LUN_HOST_CONTROL_REPLY,
    LUN_HOST_CONTROL_ENDED
};

struct lun_host_control {
    enum lun_host_control_kind kind;
    char id[72];      /* of the set; "" for renew and drain */
    char set[4096];   /* prepare: path of the set */
    char error[1024]; /* reply: why not, "" when it worked */
    char pid[16];     /* ended */
};

/* Cuts a stream of bytes into lines; zero it before use. */
struct lun_host_control_reader {
    char data[LUN_HOST_CONTROL_LINE];
    size_t len;
};

typedef void (*lun_host_control_cb)(void *context,
                                    const struct lun_host_control *message);

/* Adds bytes and calls `cb` for each whole line. A line that is too long or
 * not understood is an error; the stream must then be given up. */
int lun_host_control_feed(struct lun_host_control_reader *reader,
                          const char *data, size_t len, lun_host_control_cb cb,
                          void *context, struct lun_err *err);

/* One line, without its newline. */
int lun_host_control_parse(const char *line, size_t len,
                           struct lun_host_control *out, struct lun_err *err);
/* Appends `message` as a line with its newline. */
void lun_host_control_write(const struct lun_host_control *message,
                            struct lun_buf *out);

/* What a worker sends. `error` is NULL when it worked. */
void lun_host_control_ready(const char *id, struct lun_buf *out);
void lun_host_control_ended(const char *app, const char *release, int pid,
                            const char *request, struct lun_buf *out);
void lun_host_control_reply(const char *id, const char *error,
                            struct lun_buf *out);
