/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/probation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/telemetry/apps.h"

#define LOOK_MS 200

struct watched {
    struct lun_probation_limits limits;
    uint64_t calls;  /* before it served */
    uint64_t errors; /* likewise */
};

struct lun_probation {
    uv_timer_t timer;
    struct lun_metrics *metrics;
    lun_probation_cb failed;
    void *failed_context;
    struct watched *watched;
    size_t count;
    uint64_t began_ns;
    void (*closed)(void *context);
    void *context;
};

static uint64_t calls_of(const struct lun_probation *trial, const char *release)
{
    return lun_app_metrics_sum(trial->metrics, release, LUN_APP_REQUESTS);
}

static uint64_t errors_of(const struct lun_probation *trial,
                          const char *release)
{
    return lun_app_metrics_sum(trial->metrics, release, LUN_APP_ERRORS);
}

/* A worker's row may have been given to another release and back. */
static uint64_t since(uint64_t now, uint64_t before)
{
    return now >= before ? now - before : now;
}

/* True when it is good or has had its time. */
static bool passes(const struct lun_probation *trial,
                   const struct watched *watched, uint64_t ms, char *why,
                   size_t size)
{
    const struct lun_probation_limits *limits = &watched->limits;
    uint64_t calls = since(calls_of(trial, limits->release), watched->calls);
    uint64_t errors = since(errors_of(trial, limits->release), watched->errors);
    if (calls < limits->requests ||
        (double)errors <= limits->errors * (double)calls) {
        return true;
    }
    (void)snprintf(why, size,
                   "%" PRIu64 " of %" PRIu64
                   " calls of %s failed within %" PRIu64 ".%" PRIu64
                   " s (policy: at most %g %% of %" PRIu64 " and more)",
                   errors, calls, limits->release, ms / 1000, ms / 100 % 10,
                   limits->errors * 100, limits->requests);
    return false;
}

static void forget(struct lun_probation *trial, size_t index)
{
    trial->watched[index] = trial->watched[--trial->count];
}

static void on_timer(uv_timer_t *timer)
{
    struct lun_probation *trial = timer->data;
    uint64_t ms = (lun_clock_monotonic_ns() - trial->began_ns) / 1000000;
    char why[512];
    for (size_t i = 0; i < trial->count; i++) {
        if (!passes(trial, &trial->watched[i], ms, why, sizeof why)) {
            const struct lun_probation_limits limits = trial->watched[i].limits;
            forget(trial, i);
            trial->failed(trial->failed_context, &limits, why);
            return;
        }
        if (ms >= (uint64_t)trial->watched[i].limits.within_ms) {
            forget(trial, i--);
        }
    }
    if (trial->count == 0) {
        (void)uv_timer_stop(timer);
    }
}

void lun_probation_begin(struct lun_probation *trial,
                         const struct lun_probation_limits *limits,
                         size_t count)
{
    struct watched *watched =
        realloc(trial->watched, (count + 1) * sizeof *watched);
    trial->count = 0;
    (void)uv_timer_stop(&trial->timer);
    if (watched == NULL || count == 0) {
        trial->watched = watched != NULL ? watched : trial->watched;
        return;
    }
    trial->watched = watched;
    for (size_t i = 0; i < count; i++) {
        watched[i].limits = limits[i];
        watched[i].calls = calls_of(trial, limits[i].release);
        watched[i].errors = errors_of(trial, limits[i].release);
    }
    trial->count = count;
    trial->began_ns = lun_clock_monotonic_ns();
    (void)uv_timer_start(&trial->timer, on_timer, LOOK_MS, LOOK_MS);
}

int lun_probation_open(uv_loop_t *loop, struct lun_metrics *metrics,
                       lun_probation_cb failed, void *context,
                       struct lun_probation **out, struct lun_err *err)
{
    struct lun_probation *trial = calloc(1, sizeof *trial);
    if (trial == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    trial->metrics = metrics;
    trial->failed = failed;
    trial->failed_context = context;
    (void)uv_timer_init(loop, &trial->timer);
    trial->timer.data = trial;
    *out = trial;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct lun_probation *trial = handle->data;
    void (*closed)(void *context) = trial->closed;
    void *context = trial->context;
    free(trial->watched);
    free(trial);
    closed(context);
}

void lun_probation_close(struct lun_probation *trial,
                         void (*closed)(void *context), void *context)
{
    trial->closed = closed;
    trial->context = context;
    uv_close((uv_handle_t *)&trial->timer, on_closed);
}
