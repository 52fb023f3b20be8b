/*
 * core/serve/probation.h - new releases in their first minute.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Counts what calls of a new release's functions come to, in all workers of
 * this node (core/telemetry/apps.h), and says when too many of them fail.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

struct lun_err;
struct lun_metrics;
struct lun_probation; /* opaque */

/* Of one release: the policy's `rollback`. */
struct lun_probation_limits {
    char app[64];
    char hash[16];
    char release[192]; /* "sales@1.0.0+1a2b3c4d" */
    double errors;     /* share of the calls that may fail */
    uint64_t requests; /* calls that are needed to judge */
    int64_t within_ms; /* how long it is watched */
};

/* `why` lives during the call; the release is not watched any more. */
typedef void (*lun_probation_cb)(void *context,
                                 const struct lun_probation_limits *limits,
                                 const char *why);

int lun_probation_open(uv_loop_t *loop, struct lun_metrics *metrics,
                       lun_probation_cb failed, void *context,
                       struct lun_probation **out, struct lun_err *err);
/* Watches these releases from now on, and no others. Call it before they serve:
 * what was counted for them before does not count. */
void lun_probation_begin(struct lun_probation *trial,
                         const struct lun_probation_limits *limits,
                         size_t count);
void lun_probation_close(struct lun_probation *trial,
                         void (*closed)(void *context), void *context);
