/*
 * core/supervise/workers.c - the worker processes, seen from the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/workers.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/config/console.h"
#include "core/supervise/worker_process.h"
#include "core/net/listener.h"
#include "core/telemetry/apps.h"
#include "core/telemetry/metrics.h"

#define FIRST_DELAY_MS 10
#define SLOWEST_MS 5000
#define STEADY_NS                                                              \
    10000000000u /* alive so long: the next death is a first one */
#define TICK_MS 1000
#define RETIRING_MAX 4
#define RETIRE_SLACK_MS 2000      /* past drain_ms, before it is killed */
#define SUCCESSOR_NS 60000000000u /* to serve */

struct retiring {
    struct lun_worker_process *process;
    uint64_t kill_ns;
};

/* A slot. */
struct worker {
    struct lun_workers *owner;
    unsigned slot;
    int listen_fd;
    enum lun_worker_state state;
    struct lun_worker_process *process;   /* NULL when down */
    struct lun_worker_process *successor; /* starts beside it */
    struct retiring retiring[RETIRING_MAX];
    unsigned open;  /* processes that are not off the loop yet */
    bool second;    /* the next process takes the second slot of the metrics */
    bool stuck;     /* `process` was ended by the watchdog */
    bool condemned; /* `process` was killed by us for another reason */
    uv_timer_t timer; /* to the next start */
    int delay_ms;
    unsigned restarts;
    uint64_t beat; /* last one seen, and when */
    uint64_t beat_ns;
};

struct lun_workers {
    struct lun_workers_options options;
    char set_path[4096];
    int tls_fd;
    bool closing;
    bool replacing;
    bool replace_again;
    unsigned replace_slot;
    uv_timer_t watchdog; /* beats; later the end of the grace */
    unsigned open_handles;
    void (*closed)(void *context);
    void *context;
    struct worker worker[];
};

static void start(struct worker *worker);
static void settle(struct lun_workers *workers);
static void replace_next(struct lun_workers *workers);

/* --- sockets ------------------------------------------------------------ */

static void close_sockets(struct lun_workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        if (workers->worker[i].listen_fd >= 0) {
            (void)close(workers->worker[i].listen_fd);
            workers->worker[i].listen_fd = -1;
        }
    }
}

/* A supervisor that was killed leaves workers that drain: their sockets are
 * closed within moments. */
static int probe(const char *host, int port, struct lun_err *err)
{
    int code = LUN_EIO;
    for (int tries = 0; tries < 20 && code == LUN_EIO; tries++) {
        if (tries > 0) {
            (void)usleep(50000);
        }
        code = port == 0 ? 0 : lun_net_listener_probe(host, port, err);
    }
    return code;
}

static int bind_all(struct lun_workers *workers, const char *host, int *port,
                    struct lun_err *err)
{
    int code = probe(host, *port, err);
    for (unsigned i = 0; i < workers->options.count && code == 0; i++) {
        code = lun_net_listener_bind(host, *port, &workers->worker[i].listen_fd,
                                     port, err);
    }
    return code;
}

/* --- the end of a process ----------------------------------------------- */

static void on_start_timer(uv_timer_t *timer)
{
    start(timer->data);
}

static void plan_start(struct worker *worker, uint64_t lived_ns)
{
    if (lived_ns > STEADY_NS) {
        worker->delay_ms = FIRST_DELAY_MS;
    }
    (void)uv_timer_start(&worker->timer, on_start_timer,
                         (uint64_t)worker->delay_ms, 0);
    int next = worker->delay_ms == FIRST_DELAY_MS ? 200 : worker->delay_ms * 2;
    worker->delay_ms = next < SLOWEST_MS ? next : SLOWEST_MS;
}

static bool forget_retiring(struct worker *worker,
                            const struct lun_worker_process *process)
{
    for (int i = 0; i < RETIRING_MAX; i++) {
        if (worker->retiring[i].process == process) {
            worker->retiring[i].process = NULL;
            return true;
        }
    }
    return false;
}

static void end_replacing(struct lun_workers *workers, const char *error)
{
    const struct lun_workers_hooks *hooks = &workers->options.hooks;
    bool again = workers->replace_again && error == NULL;
    workers->replacing = false;
    workers->replace_again = false;
    if (again) {
        lun_workers_replace(workers);
        return;
    }
    hooks->on_replaced(hooks->context, error);
}

static void on_successor_exit(struct worker *worker)
{
    char error[80];
    worker->successor = NULL;
    if (!worker->owner->closing) {
        (void)snprintf(error, sizeof error,
                       "the successor of worker %u did not start",
                       worker->slot);
        end_replacing(worker->owner, error);
    }
}

static void say_end(const struct lun_worker_death *death)
{
    lun_console_say("worker %u ended (%s %d), starting it again", death->slot,
                    death->signal != 0 ? "signal" : "status",
                    death->signal != 0 ? death->signal : death->status);
}

/* A successor that is on its way takes the place at once. */
static void fill_place(struct worker *worker, uint64_t lived_ns)
{
    worker->state = LUN_WORKER_DOWN;
    worker->process = worker->successor;
    worker->successor = NULL;
    if (worker->process != NULL) {
        worker->state = LUN_WORKER_STARTING;
    } else if (!worker->owner->closing) {
        plan_start(worker, lived_ns);
    }
}

static void on_process_exit(void *context, struct lun_worker_process *process,
                            int status, int signal)
{
    struct worker *worker = context;
    struct lun_workers *workers = worker->owner;
    struct lun_worker_death death = {
        .slot = worker->slot,
        .metrics_slot = lun_worker_process_metrics(process),
        .pid = lun_worker_process_pid(process),
        .signal = signal,
        .status = status,
        .was_ready = worker->state == LUN_WORKER_READY,
        .expected = workers->closing || worker->condemned,
        .stuck = worker->stuck,
    };
    if (process == worker->successor) {
        on_successor_exit(worker);
    } else if (process == worker->process) {
        uint64_t lived =
            lun_clock_monotonic_ns() - lun_worker_process_started(process);
        worker->stuck = worker->condemned = false;
        worker->restarts += !workers->closing;
        if (!workers->closing) {
            say_end(&death);
        }
        bool awaited = workers->replacing &&
                       workers->replace_slot == worker->slot &&
                       worker->state == LUN_WORKER_STARTING;
        fill_place(worker, lived);
        if (!workers->closing) {
            workers->options.hooks.on_gone(workers->options.hooks.context,
                                           &death);
        }
        if (awaited && worker->process == NULL) {
            end_replacing(workers, "a new worker did not start");
        }
    } else {
        (void)forget_retiring(worker, process);
    }
    lun_metrics_clear_gauges(workers->options.metrics, death.metrics_slot);
}

static void on_closed(void *context)
{
    struct worker *worker = context;
    worker->open--;
    settle(worker->owner);
}

/* --- a process at work -------------------------------------------------- */

/* The process stops to accept, answers what it has begun, and ends. */
static void retire(struct worker *worker, struct lun_worker_process *process)
{
    const struct lun_host_control drain = {.kind = LUN_HOST_CONTROL_DRAIN};
    struct retiring *place = &worker->retiring[0];
    for (int i = 0; i < RETIRING_MAX; i++) {
        struct retiring *one = &worker->retiring[i];
        if (one->process == NULL) {
            place = one;
            break;
        }
        place = one->kill_ns < place->kill_ns ? one : place;
    }
    if (place->process != NULL) {
        lun_worker_process_kill(place->process, SIGKILL);
    }
    place->process = process;
    place->kill_ns =
        lun_clock_monotonic_ns() +
        (uint64_t)(worker->owner->options.drain_ms + RETIRE_SLACK_MS) * 1000000;
    (void)lun_worker_process_send(process, &drain);
}

static void take_over(struct worker *worker)
{
    const struct lun_workers_hooks *hooks = &worker->owner->options.hooks;
    struct lun_worker_process *old = worker->process;
    struct lun_worker_death death = {
        .slot = worker->slot,
        .pid = lun_worker_process_pid(old),
        .metrics_slot = lun_worker_process_metrics(old),
        .was_ready = worker->state == LUN_WORKER_READY,
        .expected = true,
    };
    worker->process = worker->successor;
    worker->successor = NULL;
    worker->stuck = worker->condemned = false;
    worker->state = LUN_WORKER_STARTING;
    hooks->on_gone(hooks->context, &death);
    retire(worker, old);
}

static void on_ready(struct worker *worker, const char *set)
{
    struct lun_workers *workers = worker->owner;
    const struct lun_workers_hooks *hooks = &workers->options.hooks;
    worker->state = LUN_WORKER_READY;
    worker->beat = 0;
    hooks->on_ready(hooks->context, worker->slot, set);
    if (workers->replacing && workers->replace_slot == worker->slot) {
        workers->replace_slot++;
        replace_next(workers);
    }
}

static void on_message(void *context, struct lun_worker_process *process,
                       const struct lun_host_control *message)
{
    struct worker *worker = context;
    const struct lun_workers_hooks *hooks = &worker->owner->options.hooks;
    bool ready = message->kind == LUN_HOST_CONTROL_READY;
    if (process == worker->successor && ready) {
        take_over(worker);
    }
    if (process != worker->process) {
        return;
    }
    if (ready && worker->state == LUN_WORKER_STARTING) {
        on_ready(worker, message->id);
    } else if (message->kind == LUN_HOST_CONTROL_ENDED) {
        hooks->on_app_ended(hooks->context, worker->slot, message);
    } else if (message->kind == LUN_HOST_CONTROL_REPLY) {
        hooks->on_reply(hooks->context, worker->slot, message->id,
                        message->error);
    }
}

static void fill_options(struct worker *worker,
                         struct lun_worker_process_options *out)
{
    struct lun_workers *workers = worker->owner;
    *out = (struct lun_worker_process_options){
        .loop = workers->options.loop,
        .config_path = workers->options.config_path,
        .data = workers->options.data,
        .set_path = workers->set_path,
        .slot = worker->slot,
        .metrics_slot =
            worker->slot + (worker->second ? workers->options.count : 0),
        .listen_fd = worker->listen_fd,
        .metrics_fd = workers->options.metrics_fd,
        .tls_fd = workers->tls_fd,
        .hooks = {worker, on_message, on_process_exit, on_closed},
    };
}

/* An old process may still be at work in the slot. */
static struct lun_worker_process *spawn(struct worker *worker)
{
    struct lun_worker_process_options options;
    struct lun_worker_process *process;
    struct lun_err err;
    if (worker->process != NULL) {
        worker->second =
            lun_worker_process_metrics(worker->process) == worker->slot;
    }
    fill_options(worker, &options);
    lun_app_metrics_forget(worker->owner->options.metrics,
                           options.metrics_slot);
    if (lun_worker_process_start(&options, &process, &err) != 0) {
        lun_console_complain("%s", err.message);
        return NULL;
    }
    worker->open++;
    return process;
}

static void start(struct worker *worker)
{
    /* Without a set: lun_workers_start or lun_workers_replace comes later. */
    if (worker->owner->closing || worker->process != NULL ||
        worker->owner->set_path[0] == '\0') {
        return;
    }
    worker->process = spawn(worker);
    if (worker->process == NULL) {
        plan_start(worker, 0);
        return;
    }
    worker->state = LUN_WORKER_STARTING;
}

/* --- new processes without a gap ---------------------------------------- */

static void replace_next(struct lun_workers *workers)
{
    while (workers->replace_slot < workers->options.count) {
        struct worker *worker = &workers->worker[workers->replace_slot];
        if (worker->process == NULL) {
            (void)uv_timer_stop(&worker->timer);
            start(worker);
            if (worker->process != NULL) {
                return; /* goes on when it is ready */
            }
        } else {
            worker->successor = spawn(worker);
            if (worker->successor != NULL) {
                return;
            }
        }
        end_replacing(workers, "a new worker cannot be started");
        return;
    }
    end_replacing(workers, NULL);
}

void lun_workers_replace(struct lun_workers *workers)
{
    if (workers->closing) {
        return;
    }
    if (workers->replacing) {
        workers->replace_again = true;
        return;
    }
    workers->replacing = true;
    workers->replace_slot = 0;
    replace_next(workers);
}

bool lun_workers_replacing(const struct lun_workers *workers)
{
    return workers->replacing;
}

/* --- the watchdog ------------------------------------------------------- */

/* A worker that never beat has not asked to be watched. SIGABRT first: who
 * debugs may want to see where it stood. */
static void check_beat(struct worker *worker)
{
    const struct lun_workers_options *options = &worker->owner->options;
    uint64_t now = lun_clock_monotonic_ns();
    uint64_t beat = lun_metrics_read(
        options->metrics, lun_worker_process_metrics(worker->process),
        LUN_METRIC_HEARTBEAT);
    if (beat == 0 || beat != worker->beat) {
        worker->beat = beat;
        worker->beat_ns = now;
        return;
    }
    if (worker->stuck) {
        lun_worker_process_kill(worker->process, SIGKILL);
    } else if (now - worker->beat_ns >= (uint64_t)options->stuck_ms * 1000000) {
        lun_console_say("worker %u has not moved for %.1f s, replacing it",
                        worker->slot, (double)(now - worker->beat_ns) / 1e9);
        worker->stuck = true;
        lun_worker_process_kill(worker->process, SIGABRT);
    }
}

static void check_retiring(struct worker *worker, uint64_t now)
{
    for (int i = 0; i < RETIRING_MAX; i++) {
        const struct retiring *one = &worker->retiring[i];
        if (one->process != NULL && now >= one->kill_ns) {
            lun_worker_process_kill(one->process, SIGKILL);
        }
    }
    if (worker->successor != NULL &&
        now - lun_worker_process_started(worker->successor) > SUCCESSOR_NS) {
        lun_worker_process_kill(worker->successor, SIGKILL);
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    struct lun_workers *workers = timer->data;
    for (unsigned i = 0; i < workers->options.count; i++) {
        struct worker *worker = &workers->worker[i];
        check_retiring(worker, lun_clock_monotonic_ns());
        if (worker->state == LUN_WORKER_READY) {
            check_beat(worker);
        }
    }
}

/* --- all of them -------------------------------------------------------- */

int lun_workers_open(const struct lun_workers_options *options,
                     const char *host, int *port, const int *listen_fds,
                     struct lun_workers **out, struct lun_err *err)
{
    struct lun_workers *workers =
        calloc(1, sizeof *workers + options->count * sizeof workers->worker[0]);
    if (workers == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    workers->options = *options;
    workers->tls_fd = -1;
    for (unsigned i = 0; i < options->count; i++) {
        workers->worker[i].owner = workers;
        workers->worker[i].slot = i;
        workers->worker[i].listen_fd = listen_fds != NULL ? listen_fds[i] : -1;
        workers->worker[i].delay_ms = FIRST_DELAY_MS;
    }
    int code = listen_fds != NULL ? 0 : bind_all(workers, host, port, err);
    if (code != 0) {
        close_sockets(workers);
        free(workers);
        return code;
    }
    for (unsigned i = 0; i < options->count; i++) {
        (void)uv_timer_init(options->loop, &workers->worker[i].timer);
        workers->worker[i].timer.data = &workers->worker[i];
    }
    (void)uv_timer_init(options->loop, &workers->watchdog);
    workers->watchdog.data = workers;
    (void)uv_timer_start(&workers->watchdog, on_watchdog, TICK_MS, TICK_MS);
    *out = workers;
    return 0;
}

void lun_workers_set_current(struct lun_workers *workers, const char *set_path)
{
    (void)snprintf(workers->set_path, sizeof workers->set_path, "%s", set_path);
}

void lun_workers_start(struct lun_workers *workers, const char *set_path)
{
    lun_workers_set_current(workers, set_path);
    for (unsigned i = 0; i < workers->options.count; i++) {
        start(&workers->worker[i]);
    }
}

bool lun_workers_send(struct lun_workers *workers, unsigned slot,
                      const struct lun_host_control *message)
{
    struct worker *worker = &workers->worker[slot];
    return worker->process != NULL &&
           lun_worker_process_send(worker->process, message);
}

void lun_workers_set_tls(struct lun_workers *workers, int fd)
{
    workers->tls_fd = fd;
}

void lun_workers_renew(struct lun_workers *workers)
{
    const struct lun_host_control renew = {.kind = LUN_HOST_CONTROL_RENEW};
    for (unsigned i = 0; i < workers->options.count; i++) {
        (void)lun_workers_send(workers, i, &renew);
    }
}

unsigned lun_workers_count(const struct lun_workers *workers)
{
    return workers->options.count;
}

void lun_workers_info(const struct lun_workers *workers, unsigned slot,
                      struct lun_worker_info *out)
{
    const struct worker *worker = &workers->worker[slot];
    const struct lun_worker_process *process = worker->process;
    *out = (struct lun_worker_info){
        .slot = slot,
        .state = worker->state,
        .pid = process != NULL ? lun_worker_process_pid(process) : 0,
        .metrics_slot =
            process != NULL ? lun_worker_process_metrics(process) : slot,
        .restarts = worker->restarts,
    };
    for (int i = 0; i < RETIRING_MAX; i++) {
        out->retiring += worker->retiring[i].process != NULL;
    }
}

bool lun_workers_all_ready(const struct lun_workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        if (workers->worker[i].state != LUN_WORKER_READY) {
            return false;
        }
    }
    return true;
}

/* --- from one supervisor to the next ------------------------------------ */

void lun_workers_each(const struct lun_workers *workers,
                      lun_workers_process_cb cb, void *context)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        const struct worker *worker = &workers->worker[i];
        if (worker->process != NULL) {
            cb(context, i, lun_worker_process_pid(worker->process),
               lun_worker_process_control(worker->process), false);
        }
        for (int j = 0; j < RETIRING_MAX; j++) {
            const struct lun_worker_process *old = worker->retiring[j].process;
            if (old != NULL) {
                cb(context, i, lun_worker_process_pid(old),
                   lun_worker_process_control(old), true);
            }
        }
    }
}

int lun_workers_socket(const struct lun_workers *workers, unsigned slot)
{
    return workers->worker[slot].listen_fd;
}

int lun_workers_adopt(struct lun_workers *workers, unsigned slot, pid_t pid,
                      int control_fd, bool retiring, struct lun_err *err)
{
    struct worker *worker = &workers->worker[slot];
    struct lun_worker_process_options options;
    struct lun_worker_process *process;
    fill_options(worker, &options);
    int code =
        lun_worker_process_adopt(&options, pid, control_fd, &process, err);
    if (code != 0) {
        return code;
    }
    worker->open++;
    if (retiring || worker->process != NULL) {
        retire(worker, process);
    } else {
        worker->process = process;
        worker->state = LUN_WORKER_READY;
    }
    return 0;
}

/* --- the end ------------------------------------------------------------ */

static void signal_all(struct worker *worker, int signal)
{
    if (worker->process != NULL) {
        lun_worker_process_kill(worker->process, signal);
    }
    if (worker->successor != NULL) {
        lun_worker_process_kill(worker->successor, signal);
    }
    for (int i = 0; i < RETIRING_MAX; i++) {
        if (worker->retiring[i].process != NULL) {
            lun_worker_process_kill(worker->retiring[i].process, signal);
        }
    }
}

void lun_workers_kill_one(struct lun_workers *workers, unsigned slot)
{
    struct worker *worker = &workers->worker[slot];
    if (worker->process != NULL) {
        worker->condemned = true;
        lun_worker_process_kill(worker->process, SIGKILL);
    }
}

void lun_workers_kill(struct lun_workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        signal_all(&workers->worker[i], SIGKILL);
    }
}

static void on_grace_over(uv_timer_t *timer)
{
    lun_workers_kill(timer->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct lun_workers *workers = handle->data;
    if (--workers->open_handles > 0) {
        return;
    }
    void (*closed)(void *context) = workers->closed;
    void *context = workers->context;
    free(workers);
    closed(context);
}

/* Ends the closing when no process is left. */
static void settle(struct lun_workers *workers)
{
    if (!workers->closing || uv_is_closing((uv_handle_t *)&workers->watchdog)) {
        return;
    }
    for (unsigned i = 0; i < workers->options.count; i++) {
        if (workers->worker[i].open > 0) {
            return;
        }
    }
    workers->open_handles = workers->options.count + 1;
    for (unsigned i = 0; i < workers->options.count; i++) {
        workers->worker[i].timer.data = workers;
        uv_close((uv_handle_t *)&workers->worker[i].timer, on_timer_closed);
    }
    uv_close((uv_handle_t *)&workers->watchdog, on_timer_closed);
}

void lun_workers_close(struct lun_workers *workers, int64_t grace_ms,
                       void (*closed)(void *context), void *context)
{
    workers->closing = true;
    workers->closed = closed;
    workers->context = context;
    close_sockets(workers);
    for (unsigned i = 0; i < workers->options.count; i++) {
        struct worker *worker = &workers->worker[i];
        (void)uv_timer_stop(&worker->timer);
        if (worker->process != NULL) {
            worker->state = LUN_WORKER_DRAINING;
        }
        signal_all(worker, SIGTERM);
    }
    (void)uv_timer_start(&workers->watchdog, on_grace_over, (uint64_t)grace_ms,
                         500);
    settle(workers);
}
