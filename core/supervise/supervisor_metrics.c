/*
 * core/supervise/supervisor_metrics.c - what the supervisor shows on the ops
 * port. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/supervisor_parts.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/config/datadir.h"
#include "core/serve/loadout.h"
#include "core/supervise/proc.h"
#include "core/supervise/release_route.h"
#include "core/supervise/reload.h"
#include "core/supervise/workers.h"
#include "core/telemetry/metrics.h"
bool lun_supervisor_is_ready(void *context, struct lun_buf *why)
{
    const struct lun_supervisor *self = context;
    if (self->stopping) {
        lun_buf_push_str(why, "stopping");
        return false;
    }
    for (unsigned i = 0; i < lun_workers_count(self->workers); i++) {
        struct lun_worker_info info;
        lun_workers_info(self->workers, i, &info);
        if (info.state != LUN_WORKER_READY) {
            lun_buf_printf(why, "worker %u is not ready", i);
            return false;
        }
        if (lun_metrics_read(self->metrics, info.metrics_slot,
                             LUN_METRIC_DB_UP) == 0) {
            lun_buf_printf(why, "worker %u has no database", i);
            return false;
        }
    }
    return true;
}

static void push_processes(const struct lun_supervisor *self,
                           struct lun_buf *out)
{
    lun_proc_heads(out);
    lun_proc_render("supervisor", getpid(), out);
    for (unsigned i = 0; i < lun_workers_count(self->workers); i++) {
        struct lun_worker_info info;
        char name[16];
        lun_workers_info(self->workers, i, &info);
        (void)snprintf(name, sizeof name, "%u", i);
        lun_proc_render(name, info.pid, out);
    }
}

static void push_releases(const struct lun_supervisor *self,
                          struct lun_buf *out)
{
    const struct lun_loadout *loadout = lun_reload_loadout(self->reload);
    uint64_t good;
    uint64_t failed;
    lun_buf_push_str(out, "# HELP lunette_release_info Releases served.\n"
                          "# TYPE lunette_release_info gauge\n");
    for (size_t i = 0; i < loadout->count; i++) {
        lun_buf_printf(out,
                       "lunette_release_info{app=\"%s\",version=\"%s\","
                       "hash=\"%s\"} 1\n",
                       loadout->releases[i].app, loadout->releases[i].version,
                       loadout->releases[i].hash);
    }
    lun_reload_counts(self->reload, &good, &failed);
    lun_buf_printf(out,
                   "# HELP lunette_loads_total Loads of the apps.\n"
                   "# TYPE lunette_loads_total counter\n"
                   "lunette_loads_total{result=\"good\"} %llu\n"
                   "lunette_loads_total{result=\"failed\"} %llu\n",
                   (unsigned long long)good, (unsigned long long)failed);
}

static void push_restarts(const struct lun_supervisor *self,
                          struct lun_buf *out)
{
    lun_buf_push_str(out, "# HELP lunette_worker_restarts_total Times a worker "
                          "was replaced.\n"
                          "# TYPE lunette_worker_restarts_total counter\n");
    for (unsigned i = 0; i < lun_workers_count(self->workers); i++) {
        struct lun_worker_info info;
        lun_workers_info(self->workers, i, &info);
        lun_buf_printf(out, "lunette_worker_restarts_total{worker=\"%u\"} %u\n",
                       i, info.restarts);
    }
}

void lun_supervisor_push_metrics(void *context, struct lun_buf *out)
{
    const struct lun_supervisor *self = context;
    lun_metrics_render(self->metrics, out);
    push_restarts(self, out);
    push_processes(self, out);
    push_releases(self, out);
    lun_supervisor_push_crashes(self, out);
}

bool lun_supervisor_route(void *context, struct lun_http_request *request)
{
    const struct lun_supervisor *self = context;
    struct lun_release_route route = {
        .reload = self->stopping ? NULL : self->reload,
        .config = self->config,
        .data = self->dir->path,
    };
    return lun_release_route(&route, request);
}
