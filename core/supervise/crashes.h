/*
 * core/supervise/crashes.h - which worker died of what, and whose code it was
 * at. SPDX-License-Identifier: Apache-2.0
 *
 * Keeps the last deaths, counts those of each release of an app, and says when
 * a release has had too many in too short a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"
#include "core/telemetry/apps.h"

struct lun_crashes; /* opaque */

struct lun_crash {
    char time[32]; /* UTC */
    uint64_t at_ns;
    unsigned slot;
    pid_t pid;
    int signal; /* 0: it ended with `status` */
    int status;
    bool stuck;    /* its loop stood still and the supervisor ended it */
    bool isolated; /* it was the process of an app, not the worker */
    struct lun_app_running at; /* app "": no app's code was running */
};

/* NULL when memory ran out. */
struct lun_crashes *lun_crashes_new(void);
void lun_crashes_free(struct lun_crashes *crashes);

/* Keeps a copy. Returns how often the release that it was at has crashed a
 * worker within `window_ns` before, this time included; 0 for none. */
unsigned lun_crashes_add(struct lun_crashes *crashes,
                         const struct lun_crash *crash, uint64_t window_ns);
/* What it does from now on is counted from 0: it was let out of quarantine. */
void lun_crashes_forgive(struct lun_crashes *crashes, const char *app);

/* "by signal 11 (SIGSEGV)", "with status 1", "standing still" */
void lun_crash_describe(const struct lun_crash *crash, char *out, size_t size);

/* A JSON list, the last first: see core/supervise/status.h. */
void lun_crashes_push_json(const struct lun_crashes *crashes,
                           struct lun_buf *out);
/* lunette_app_crashes_total. */
void lun_crashes_push_metrics(const struct lun_crashes *crashes,
                              struct lun_buf *out);
