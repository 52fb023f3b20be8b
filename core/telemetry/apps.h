/*
 * core/telemetry/apps.h - what each app does, and which one is at work.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In the shared memory of the metrics, a table of apps for each worker: the
 * supervisor shows it (/metrics, `lunette top`), and after a crash it tells which
 * app, release and request the worker was at.
 */
#pragma once

#include <stdint.h>

enum lun_app_metric {
    LUN_APP_REQUESTS,   /* calls of its functions */
    LUN_APP_ERRORS,     /* that ended with a fault of the app's */
    LUN_APP_STOPPED,    /* of these: by a budget */
    LUN_APP_CPU_NS,     /* spent in its VM */
    LUN_APP_MEMORY,     /* gauge: bytes of its VMs */
    LUN_APP_STATEMENTS, /* of the database */
    LUN_APP_OUTGOING,   /* bytes sent by modules */
    LUN_APP_METRIC_COUNT
};

struct lun_app_metrics; /* one row of the calling process's table */

/* The row of `app`, made when needed; never NULL: when the table is full, all
 * further apps share the row "other". */
struct lun_app_metrics *lun_app_metrics_find(const char *app);
void lun_app_metrics_add(struct lun_app_metrics *row, enum lun_app_metric metric,
                         uint64_t amount);
void lun_app_metrics_set(struct lun_app_metrics *row, enum lun_app_metric metric,
                         uint64_t value);

/* Marks what runs now; `release` and `request` are copied (cheaply: they are cut
 * at 95 and 63 bytes). Cleared with lun_app_metrics_leave. */
void lun_app_metrics_enter(struct lun_app_metrics *row, const char *release,
                           const char *request);
void lun_app_metrics_leave(struct lun_app_metrics *row);
