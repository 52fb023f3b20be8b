/*
 * modules/mail/lane.h - a thread that sends the mails of one app at a time.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker has a few: the server of one app that does not answer holds up the
 * mails of that app, not those of others.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "core/base/buf.h"

struct lun_mail_item;
struct lun_mail_lane;

/* On the loop: an item that has its outcome (the callee's from then on), or
 * NULL when the lane is free again. */
typedef void (*lun_mail_lane_cb)(struct lun_mail_lane *lane,
                                 struct lun_mail_item *item);

struct lun_mail_lane {
    lun_mail_lane_cb cb;
    void *context; /* the caller's */
    bool running;
    char app[128]; /* whose mails are under way */

    /* The rest is the lane's own; `mutex` guards what the thread sees. */
    uv_async_t told;
    uv_thread_t thread;
    uv_mutex_t mutex;
    const atomic_bool *stop;
    struct lun_mail_item *waiting;
    struct lun_mail_item *current;
    struct lun_mail_item *done;
    bool finished;
    void (*closed)(struct lun_mail_lane *lane);
};

/* `stop` ends what is under way once it is true. False when that failed. */
bool lun_mail_lane_open(struct lun_mail_lane *lane, uv_loop_t *loop,
                        const atomic_bool *stop, lun_mail_lane_cb cb,
                        void *context);
/* Takes a list of items of one app; not while it runs. False, and the items
 * stay the caller's, when there is no thread to be had. */
bool lun_mail_lane_start(struct lun_mail_lane *lane,
                         struct lun_mail_item *items);
/* Appends the ids of what is not sent yet, each with a comma before it unless
 * `out` has one byte. */
void lun_mail_lane_push_ids(struct lun_mail_lane *lane, struct lun_buf *out);
/* Not while it runs. */
void lun_mail_lane_close(struct lun_mail_lane *lane,
                         void (*closed)(struct lun_mail_lane *lane));
