/*
 * core/supervise/epoch.h - which release set all nodes serve: the last row of
 * lunette.release_set.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A node that switches inserts the next epoch; of two that race one wins. The
 * others see it when they look, which they do all the time: not every database
 * and not every proxy before it knows LISTEN.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

struct lun_config;
struct lun_epoch; /* opaque */
struct lun_err;

/* The row that a switch adds. Texts are copied. */
struct lun_epoch_claim {
    uint64_t after;   /* the epoch that it was made from */
    const char *id;   /* of the set */
    const char *apps; /* {"app":"full hash"} */
    const char *policy;
    const char *by;
    const char *why;
};

/* 0: the row is there. LUN_ECONFLICT: another node was first. Else the database
 * has not answered; if the row is there all the same, looking will tell. */
typedef void (*lun_epoch_claim_cb)(void *context, int code);

/* `moved` tells the last epoch each time it was looked at. */
int lun_epoch_open(uv_loop_t *loop, const struct lun_config *config,
                   void (*moved)(void *context, uint64_t epoch), void *context,
                   struct lun_epoch **out, struct lun_err *err);
/* Looks from now on; before the first load there is no table to look at. */
void lun_epoch_watch(struct lun_epoch *epoch);
/* One at a time; `cb` is never called before this returns. */
void lun_epoch_claim(struct lun_epoch *epoch,
                     const struct lun_epoch_claim *claim, lun_epoch_claim_cb cb,
                     void *context);
void lun_epoch_close(struct lun_epoch *epoch, void (*closed)(void *context),
                     void *context);
