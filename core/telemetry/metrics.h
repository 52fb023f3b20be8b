/*
 * core/telemetry/metrics.h - numbers that workers keep and the supervisor
 * shows. SPDX-License-Identifier: Apache-2.0
 *
 * The numbers live in shared memory: a file descriptor without a name that
 * workers inherit, with two slots per worker, so that a process and its
 * successor can live side by side: worker 1 of 4 has slot 1 and slot 5. They
 * are shown as one. A process writes its own slot only, so nothing locks; a
 * reader may see one number newer than its neighbour. Before a process
 * attaches, its numbers go to a private slot.
 */
#pragma once

#include <stdint.h>

#include "core/base/buf.h"

struct lun_err;
struct lun_metrics; /* opaque: the mapped memory */

enum lun_metric {
#define LUN_METRIC(name, kind, prometheus, labels, help) LUN_METRIC_##name,
#include "core/telemetry/metrics.def"
#undef LUN_METRIC
    LUN_METRIC_COUNT
};

/* Makes the memory for so many workers. `*fd` is what workers inherit (it has
 * close-on-exec set); both belong to the caller. */
int lun_metrics_create(unsigned workers, int *fd, struct lun_metrics **out,
                       struct lun_err *err);
/* Makes `slot` of the inherited memory this process's own. Gauges start again
 * at 0, counters go on. */
int lun_metrics_attach(int fd, unsigned slot, struct lun_err *err);
/* What is not true any more when the process of `slot` is gone. */
void lun_metrics_clear_gauges(struct lun_metrics *metrics, unsigned slot);
/* Unmaps what lun_metrics_create made; does not close its fd. */
void lun_metrics_free(struct lun_metrics *metrics);

/* The calling process's own numbers. */
void lun_metrics_add(enum lun_metric metric, uint64_t amount);
void lun_metrics_set(enum lun_metric metric, uint64_t value);
uint64_t lun_metrics_get(enum lun_metric metric);
/* Counts one answer: its class of status and how long it took. */
void lun_metrics_observe_request(int status, uint64_t duration_ns);

/* What `slot` holds; 0 when there is no such slot. */
uint64_t lun_metrics_read(const struct lun_metrics *metrics, unsigned slot,
                          enum lun_metric metric);
/* Appends all slots, those of apps (core/telemetry/apps.h) included, as
 * Prometheus text (exposition format 0.0.4). */
void lun_metrics_render(struct lun_metrics *metrics, struct lun_buf *out);
