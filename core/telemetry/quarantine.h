/*
 * core/telemetry/quarantine.h - which releases of apps must not run.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table in the shared memory of the metrics: the supervisor writes it,
 * workers ask it before each call of an app's function, so that it holds at
 * once on all of them and for their successors.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/telemetry/apps.h"

enum {
    LUN_QUARANTINE_REASON = 192, /* room for the reason */
    LUN_QUARANTINE_MAX = 64      /* releases at once */
};

struct lun_quarantine_entry {
    char app[LUN_APP_NAME];
    char release[LUN_APP_RELEASE]; /* "sales@1.0.0+1a2b3c4d" */
    char reason[LUN_QUARANTINE_REASON];
};

/* Whether calls of this release must be refused (LUN_EQUARANTINED), and why. */
bool lun_quarantine_find(const char *app, const char *release,
                         char reason[LUN_QUARANTINE_REASON]);

/* Replaces the table; the supervisor's. */
void lun_quarantine_publish(struct lun_metrics *metrics,
                            const struct lun_quarantine_entry *entries,
                            size_t count);
