/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/telemetry/apps.h"
#include "core/vm/internal.h"

/* A call that is ready may run this long before it has to wait its turn. */
#define READY_NS ((uint64_t)1000000)
/* A request of another app needs some turns of the loop, and each waits for the
 * greedy: these get the full slice only over this many turns. */
#define SLICED_SHARE 4

/*
 * A call that begins or was answered runs right after the events of the turn
 * and before answers and statements leave, so that what is quick waits for
 * nobody's slice but one that is under way. What has used up a slice goes on at
 * the beginning of the next turn.
 */
struct lun_vm_scheduler {
    uv_loop_t *loop;
    uv_check_t check; /* runs what is ready */
    uv_idle_t idle;   /* runs the rest; keeps the loop from sleeping */
    unsigned refs;
    int open; /* handles */
    struct lun_vm_scheduler *next;
    struct lun_vm_app *first; /* with calls that can go on */
    struct lun_vm_app *last;
};

static _Thread_local struct lun_vm_scheduler *schedulers;

/* Queues ------------------------------------------------------------------ */

static void on_check(uv_check_t *check);
static void on_idle(uv_idle_t *idle);

static void list_app(struct lun_vm_scheduler *scheduler, struct lun_vm_app *app)
{
    if (app->listed)
        return;
    if (!scheduler->first) {
        /* libuv calls what was started last first. */
        uv_check_start(&scheduler->check, on_check);
        uv_idle_start(&scheduler->idle, on_idle);
    }
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

static struct lun_vm_call *take_call(struct lun_vm_queue *queue)
{
    struct lun_vm_call *call = queue->first;
    if (!call)
        return NULL;
    queue->first = call->next;
    if (!queue->first)
        queue->last = NULL;
    call->queued = false;
    call->next = NULL;
    return call;
}

static void add(struct lun_vm_queue *queue, struct lun_vm_call *call)
{
    call->queued = true;
    call->next = NULL;
    if (queue->last)
        queue->last->next = call;
    else
        queue->first = call;
    queue->last = call;
    list_app(call->app->scheduler, call->app);
}

void lun_vm_scheduler_add(struct lun_vm_call *call)
{
    if (!call->queued)
        add(&call->app->ready, call);
}

void lun_vm_scheduler_collect(struct lun_vm_app *app)
{
    app->collecting = true;
    list_app(app->scheduler, app);
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

/* `slice_ns` for all calls of the queue together; each runs for `most_ns`. */
static void run_queue(struct lun_vm_app *app, struct lun_vm_queue *queue,
                      uint64_t slice_ns, uint64_t most_ns)
{
    uint64_t now = lun_clock_monotonic_ns();
    uint64_t end = now + slice_ns;
    struct lun_vm_call *call;
    if (app->collecting) {
        collect(app, now + app->limits.slice_ns / SLICED_SHARE);
        /* A call would meet the memory of the one before. */
        if (app->collecting)
            return;
        now = lun_clock_monotonic_ns();
    }
    while (now < end && (call = take_call(queue))) {
        if (call->cancelled) {
            lun_vm_call_drop(call);
            continue;
        }
        enum lun_vm_step step =
            lun_vm_call_run(call, end - now < most_ns ? end - now : most_ns);
        if (step == LUN_VM_STEP_SLICED)
            add(&app->sliced, call);
        else
            lun_vm_call_deliver(call, step);
        now = lun_clock_monotonic_ns();
    }
}

static void run_ready(struct lun_vm_app *app)
{
    run_queue(app, &app->ready, app->limits.slice_ns, READY_NS);
}

static void run_sliced(struct lun_vm_app *app)
{
    uint64_t slice_ns = app->limits.slice_ns / SLICED_SHARE;
    run_queue(app, &app->sliced, slice_ns, slice_ns);
}

/* Runs all apps that are listed now, once. */
static void run_all(struct lun_vm_scheduler *scheduler,
                    void (*run)(struct lun_vm_app *app))
{
    struct lun_vm_app *last = scheduler->last, *app;
    while ((app = take_app(scheduler))) {
        bool done = app == last;
        run(app);
        if (app->ready.first || app->sliced.first || app->collecting)
            list_app(scheduler, app);
        lun_vm_app_unref(app);
        if (done)
            break;
    }
    if (!scheduler->first) {
        uv_check_stop(&scheduler->check);
        uv_idle_stop(&scheduler->idle);
    }
}

static void on_check(uv_check_t *check)
{
    run_all(check->data, run_ready);
}

static void on_idle(uv_idle_t *idle)
{
    run_all(idle->data, run_sliced);
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
