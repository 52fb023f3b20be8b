/*
 * core/telemetry/apps.h - what each app does, and which one is at work.
 * SPDX-License-Identifier: Apache-2.0
 *
 * In the shared memory of the metrics, each worker has a table with a row for
 * each release of an app that it has a VM of. The supervisor shows it
 * (/metrics), and after a crash it tells which app, release and request the
 * worker was at. All but the last part is for the thread of the loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

struct lun_metrics;
struct lun_app_metrics; /* one row of the calling process's table */

enum {
    LUN_APP_NAME = 64, /* room for names; longer ones are cut */
    LUN_APP_RELEASE = 96,
    LUN_APP_REQUEST = 64
};

enum lun_app_metric {
#define LUN_APP(name, kind, prometheus, labels, scale, help) LUN_APP_##name,
#include "core/telemetry/apps.def"
#undef LUN_APP
    LUN_APP_METRIC_COUNT
};

/*
 * The row of one release ("sales@1.0.0+1a2b3c4d") of `app`, made when needed,
 * for as long as its VM lives; lun_app_metrics_give ends that. Never NULL: when
 * all rows are in use, further apps share the row "other".
 */
struct lun_app_metrics *lun_app_metrics_take(const char *app,
                                             const char *release);
/* `row` may be NULL. Its counters stay until the row is needed. */
void lun_app_metrics_give(struct lun_app_metrics *row);
void lun_app_metrics_add(struct lun_app_metrics *row,
                         enum lun_app_metric metric, uint64_t amount);
void lun_app_metrics_set(struct lun_app_metrics *row,
                         enum lun_app_metric metric, uint64_t value);
/* Counts a call that `limit` ("cpu", "memory", ...) stopped, and its error. */
void lun_app_metrics_stopped(struct lun_app_metrics *row, const char *limit);

/* Marks what runs now on the loop: code of the app, for `request` (cut at 63
 * bytes), until it leaves or another enters. */
void lun_app_metrics_enter(struct lun_app_metrics *row, const char *request);
void lun_app_metrics_leave(void);

/* Seen from the supervisor ------------------------------------------------- */

struct lun_app_running {
    char app[LUN_APP_NAME];
    char release[LUN_APP_RELEASE];
    char request[LUN_APP_REQUEST];
    uint64_t since_ns; /* monotonic clock */
};

/* What the worker of `slot` runs, or ran when it died; false: no app. */
bool lun_app_metrics_running(struct lun_metrics *metrics, unsigned slot,
                             struct lun_app_running *out);
/* What all workers counted for a release ("sales@1.0.0+1a2b3c4d"). */
uint64_t lun_app_metrics_sum(struct lun_metrics *metrics, const char *release,
                             enum lun_app_metric metric);
/* Forgets it, before a successor starts. */
void lun_app_metrics_forget(struct lun_metrics *metrics, unsigned slot);
/* Appends the rows of all slots as Prometheus text. */
void lun_app_metrics_render(struct lun_metrics *metrics, struct lun_buf *out);
/* Appends {app="...",release="..."}, escaped. */
void lun_app_metrics_push_labels(const char *app, const char *release,
                                 struct lun_buf *out);
