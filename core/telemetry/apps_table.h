/*
 * core/telemetry/apps_table.h - the table of apps in the shared memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only for core/telemetry. One process writes a table; the supervisor reads it
 * at any time, so a name may be seen half written, but is always ended.
 */
#pragma once

#include <stdatomic.h>

#include "core/telemetry/apps.h"

enum { LUN_APPS_ROWS = 64 };

struct lun_app_metrics {
    char app[LUN_APP_NAME]; /* "" for a free row */
    char release[LUN_APP_RELEASE];
    uint32_t users;   /* VMs */
    uint64_t used_ns; /* when it was last taken */
    _Atomic uint64_t values[LUN_APP_METRIC_COUNT];
};

struct lun_apps_table {
    struct lun_app_metrics rows[LUN_APPS_ROWS]; /* the last one: "other" */
    char request[LUN_APP_REQUEST];
    _Atomic uint64_t since_ns;
    _Atomic uint32_t running; /* number of the row + 1; 0: no app */
};

/* Makes `table` the calling process's own; what a predecessor left: counters
 * go on, all else begins anew. */
void lun_apps_table_use(struct lun_apps_table *table);
/* The table of `slot`; NULL when there is no such slot. */
struct lun_apps_table *lun_apps_table_of(struct lun_metrics *metrics,
                                         unsigned slot);
unsigned lun_apps_table_workers(const struct lun_metrics *metrics);
