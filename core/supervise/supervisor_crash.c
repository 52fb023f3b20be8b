/*
 * core/supervise/supervisor_crash.c - workers that died, apps in quarantine.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/supervisor_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/serve/control.h"
#include "core/supervise/crashes.h"
#include "core/config/datadir.h"
#include "core/serve/loadout.h"
#include "core/supervise/quarantine.h"
#include "core/supervise/reload.h"
#include "core/supervise/workers.h"
#include "core/telemetry/log.h"

/* --- the list ----------------------------------------------------------- */

static void publish(struct lun_supervisor *self)
{
    lun_quarantine_publish(self->metrics, self->quarantine->entry,
                           self->quarantine->count);
}

/* Reads the folder: somebody has taken a file away, or we have made one. */
static void read_again(struct lun_supervisor *self)
{
    struct lun_quarantine *now = calloc(1, sizeof *now);
    if (now == NULL) {
        return;
    }
    lun_quarantine_read(self->dir, now);
    for (size_t i = 0; i < self->quarantine->count; i++) {
        const struct lun_quarantine_entry *old = &self->quarantine->entry[i];
        if (lun_quarantine_of(now, old->app) == NULL) {
            lun_console_say("%s is out of quarantine", old->app);
            lun_log_write(LUN_LOG_INFO, "out of quarantine",
                          (struct lun_log_field[]){{"app", old->app}}, 1);
            lun_crashes_forgive(self->crashes, old->app);
        }
    }
    free(self->quarantine);
    self->quarantine = now;
    publish(self);
}

static void on_folder(uv_fs_event_t *event, const char *name, int events,
                      int status)
{
    struct lun_supervisor *self = event->data;
    (void)name;
    (void)events;
    if (status == 0 && !self->stopping) {
        read_again(self);
        lun_supervisor_write_status(self);
    }
}

int lun_supervisor_crash_open(struct lun_supervisor *self, struct lun_err *err)
{
    char folder[PATH_MAX];
    self->crashes = lun_crashes_new();
    self->quarantine = calloc(1, sizeof *self->quarantine);
    if (self->crashes == NULL || self->quarantine == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    int code = lun_quarantine_folder(self->dir, folder, err);
    if (code != 0) {
        return code;
    }
    lun_quarantine_read(self->dir, self->quarantine);
    publish(self);
    for (size_t i = 0; i < self->quarantine->count; i++) {
        const struct lun_quarantine_entry *entry = &self->quarantine->entry[i];
        lun_console_say("%s is in quarantine since %s: %s", entry->release,
                        self->quarantine->since[i], entry->reason);
    }
    (void)uv_fs_event_init(&self->loop, &self->quarantine_event);
    self->quarantine_event.data = self;
    self->quarantine_event_open = true;
    (void)uv_fs_event_start(&self->quarantine_event, on_folder, folder, 0);
    return 0;
}

void lun_supervisor_crash_close(struct lun_supervisor *self)
{
    if (self->quarantine_event_open) {
        uv_close((uv_handle_t *)&self->quarantine_event, NULL);
    }
}

/* --- a death ------------------------------------------------------------ */

static void note_time(char out[32])
{
    time_t now = time(NULL);
    struct tm parts;
    (void)gmtime_r(&now, &parts);
    (void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

static void report(const struct lun_crash *crash, const char *how)
{
    char worker[16];
    (void)snprintf(worker, sizeof worker, "%u", crash->slot);
    if (crash->at.app[0] == '\0') {
        lun_log_write(
            LUN_LOG_ERROR, "worker ended",
            (struct lun_log_field[]){{"worker", worker}, {"detail", how}}, 2);
        return;
    }
    lun_console_complain("worker %u ended %s at code of %s (request %s)",
                         crash->slot, how, crash->at.release,
                         crash->at.request);
    lun_log_write(LUN_LOG_ERROR, "worker ended",
                  (struct lun_log_field[]){{"worker", worker},
                                           {"detail", how},
                                           {"app", crash->at.app},
                                           {"release", crash->at.release},
                                           {"request", crash->at.request}},
                  5);
}

static void put_in_quarantine(struct lun_supervisor *self,
                              const struct lun_crash *crash, const char *how,
                              unsigned times)
{
    struct lun_quarantine_entry entry;
    struct lun_err err;
    memset(&entry, 0, sizeof entry);
    memcpy(entry.app, crash->at.app, sizeof entry.app);
    memcpy(entry.release, crash->at.release, sizeof entry.release);
    (void)snprintf(entry.reason, sizeof entry.reason,
                   "a worker ended %u times within %lld s at its code, last %s",
                   times, (long long)(self->config->quarantine_ms / 1000), how);
    if (lun_quarantine_add(self->dir, &entry, &err) != 0) {
        lun_console_complain("%s", err.message);
        return;
    }
    lun_console_complain("%s is in quarantine: %s; a new release, or "
                         "'lunette quarantine free %s', lets it out",
                         entry.release, entry.reason, entry.app);
    lun_log_write(LUN_LOG_ERROR, "in quarantine",
                  (struct lun_log_field[]){{"app", entry.app},
                                           {"release", entry.release},
                                           {"detail", entry.reason}},
                  3);
    read_again(self);
}

static void take_crash(struct lun_supervisor *self, struct lun_crash crash)
{
    char how[64];
    crash.at_ns = lun_clock_monotonic_ns();
    note_time(crash.time);
    lun_crash_describe(&crash, how, sizeof how);
    report(&crash, how);
    unsigned times = lun_crashes_add(
        self->crashes, &crash, (uint64_t)self->config->quarantine_ms * 1000000);
    if (self->config->quarantine_crashes > 0 &&
        times >= (unsigned)self->config->quarantine_crashes &&
        lun_quarantine_of(self->quarantine, crash.at.app) == NULL) {
        put_in_quarantine(self, &crash, how, times);
    }
}

void lun_supervisor_on_death(struct lun_supervisor *self,
                             const struct lun_worker_death *death)
{
    struct lun_crash crash = {
        .slot = death->slot,
        .pid = death->pid,
        .signal = death->signal,
        .status = death->status,
        .stuck = death->stuck,
    };
    (void)lun_app_metrics_running(self->metrics, death->metrics_slot,
                                  &crash.at);
    take_crash(self, crash);
}

void lun_supervisor_on_app_ended(void *context, unsigned slot,
                                 const struct lun_host_control *message)
{
    struct lun_supervisor *self = context;
    struct lun_crash crash = {
        .slot = slot,
        .pid = (pid_t)strtol(message->pid, NULL, 10),
        .isolated = true,
    };
    (void)snprintf(crash.at.app, sizeof crash.at.app, "%.63s", message->id);
    (void)snprintf(crash.at.release, sizeof crash.at.release, "%.95s",
                   message->set);
    (void)snprintf(crash.at.request, sizeof crash.at.request, "%.63s",
                   message->error);
    if (!self->stopping) {
        take_crash(self, crash);
        lun_supervisor_write_status(self);
    }
}

/* --- a new release ------------------------------------------------------ */

static bool is_served(const struct lun_loadout *loadout, const char *release)
{
    char text[512];
    for (size_t i = 0; i < loadout->count; i++) {
        const struct lun_loadout_app *app = &loadout->releases[i];
        (void)snprintf(text, sizeof text, "%s@%s+%s", app->app, app->version,
                       app->hash);
        if (strncmp(text, release, LUN_APP_RELEASE - 1) == 0) {
            return true;
        }
    }
    return false;
}

void lun_supervisor_free_replaced(struct lun_supervisor *self)
{
    const struct lun_loadout *loadout = lun_reload_loadout(self->reload);
    bool changed = false;
    for (size_t i = 0; i < self->quarantine->count; i++) {
        const struct lun_quarantine_entry *entry = &self->quarantine->entry[i];
        if (!is_served(loadout, entry->release)) {
            changed |= lun_quarantine_remove(self->dir, entry->app, NULL) == 0;
        }
    }
    if (changed) {
        read_again(self);
    }
}

/* --- /metrics ----------------------------------------------------------- */

void lun_supervisor_push_crashes(const struct lun_supervisor *self,
                                 struct lun_buf *out)
{
    lun_crashes_push_metrics(self->crashes, out);
    lun_buf_push_str(out, "# HELP lunette_app_quarantined Releases whose calls "
                          "are refused.\n"
                          "# TYPE lunette_app_quarantined gauge\n");
    for (size_t i = 0; i < self->quarantine->count; i++) {
        const struct lun_quarantine_entry *entry = &self->quarantine->entry[i];
        lun_buf_push_str(out, "lunette_app_quarantined");
        lun_app_metrics_push_labels(entry->app, entry->release, out);
        lun_buf_push_str(out, " 1\n");
    }
}
