/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/telemetry/apps.h"
#include "core/vm/internal.h"

struct lun_vm_scheduler {
    uv_loop_t *loop;
    uv_check_t check; /* runs the calls, after the events of the turn */
    uv_idle_t idle;   /* while calls can go on, the loop must not sleep */
    unsigned refs;
    int open; /* handles */
    struct lun_vm_scheduler *next;
    struct lun_vm_app *first; /* with calls that can go on */
    struct lun_vm_app *last;
};

static _Thread_local struct lun_vm_scheduler *schedulers;

/* Queues ------------------------------------------------------------------ */

static void list_app(struct lun_vm_scheduler *scheduler, struct lun_vm_app *app)
{
    if (app->listed)
        return;
    app->listed = true;
    app->next = NULL;
    if (scheduler->last)
        scheduler->last->next = app;
    else
        scheduler->first = app;
    scheduler->last = app;
    lun_vm_app_ref(app);
}

static struct lun_vm_app *take_app(struct lun_vm_scheduler *scheduler)
{
    struct lun_vm_app *app = scheduler->first;
    if (!app)
        return NULL;
    scheduler->first = app->next;
    if (!scheduler->first)
        scheduler->last = NULL;
    app->listed = false;
    return app;
}

static struct lun_vm_call *take_call(struct lun_vm_app *app)
{
    struct lun_vm_call *call = app->first;
    if (!call)
        return NULL;
    app->first = call->next;
    if (!app->first)
        app->last = NULL;
    call->queued = false;
    call->next = NULL;
    return call;
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

void lun_vm_scheduler_add(struct lun_vm_call *call)
{
    struct lun_vm_app *app = call->app;
    if (call->queued)
        return;
    call->queued = true;
    call->next = NULL;
    if (app->last)
        app->last->next = call;
    else
        app->first = call;
    app->last = call;
    list_app(app->scheduler, app);
    uv_idle_start(&app->scheduler->idle, on_idle);
}

void lun_vm_scheduler_collect(struct lun_vm_app *app)
{
    app->collecting = true;
    list_app(app->scheduler, app);
    uv_idle_start(&app->scheduler->idle, on_idle);
}

/* A turn ------------------------------------------------------------------ */

/* What a call has left behind: its time is the app's. */
static void collect(struct lun_vm_app *app, uint64_t end_ns)
{
    uint64_t begin = lun_vm_budget_cpu_ns();
    app->collecting = !lun_vm_heap_collect(&app->heap, app->L, end_ns);
    lun_app_metrics_add(app->metrics, LUN_APP_CPU_NS,
                        lun_vm_budget_cpu_ns() - begin);
}

/* One slice for all calls of the app together. */
static void run_app(struct lun_vm_app *app)
{
    uint64_t now = lun_clock_monotonic_ns();
    uint64_t end = now + app->limits.slice_ns;
    struct lun_vm_call *call;
    if (app->collecting) {
        collect(app, end);
        now = lun_clock_monotonic_ns();
    }
    while (now < end && (call = take_call(app))) {
        if (call->cancelled) {
            lun_vm_call_drop(call);
            continue;
        }
        enum lun_vm_step step = lun_vm_call_run(call, end - now);
        if (step == LUN_VM_STEP_SLICED)
            lun_vm_scheduler_add(call);
        else
            lun_vm_call_deliver(call, step);
        now = lun_clock_monotonic_ns();
    }
}

static void on_check(uv_check_t *check)
{
    struct lun_vm_scheduler *scheduler = check->data;
    struct lun_vm_app *last = scheduler->last, *app;
    while ((app = take_app(scheduler))) {
        bool done = app == last;
        run_app(app);
        if (app->first || app->collecting)
            list_app(scheduler, app);
        lun_vm_app_unref(app);
        if (done)
            break;
    }
    if (!scheduler->first)
        uv_idle_stop(&scheduler->idle);
}

/* Life -------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct lun_vm_scheduler *scheduler = handle->data;
    if (!--scheduler->open)
        free(scheduler);
}

struct lun_vm_scheduler *lun_vm_scheduler_take(uv_loop_t *loop)
{
    struct lun_vm_scheduler *scheduler = schedulers;
    while (scheduler && scheduler->loop != loop)
        scheduler = scheduler->next;
    if (scheduler) {
        scheduler->refs++;
        return scheduler;
    }
    scheduler = calloc(1, sizeof(*scheduler));
    if (!scheduler)
        return NULL;
    scheduler->loop = loop;
    scheduler->refs = 1;
    scheduler->open = 2;
    scheduler->next = schedulers;
    schedulers = scheduler;
    uv_check_init(loop, &scheduler->check);
    uv_idle_init(loop, &scheduler->idle);
    scheduler->check.data = scheduler->idle.data = scheduler;
    uv_check_start(&scheduler->check, on_check);
    uv_unref((uv_handle_t *)&scheduler->check);
    return scheduler;
}

void lun_vm_scheduler_give(struct lun_vm_scheduler *scheduler)
{
    if (--scheduler->refs)
        return;
    struct lun_vm_scheduler **at = &schedulers;
    while (*at != scheduler)
        at = &(*at)->next;
    *at = scheduler->next;
    uv_close((uv_handle_t *)&scheduler->check, on_closed);
    uv_close((uv_handle_t *)&scheduler->idle, on_closed);
}
