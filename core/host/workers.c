/*
 * core/host/workers.c - the worker processes, seen from the supervisor.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/host/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/host/console.h"
#include "core/net/listener.h"
#include "core/os/process.h"
#include "core/telemetry/metrics.h"

#define FIRST_DELAY_MS 10
#define SLOWEST_MS 5000
#define STEADY_NS                                                              \
    10000000000u /* alive so long: the next death is a first one */
#define BEAT_CHECK_MS 1000
#define BEATS_MISSED 8

struct worker {
    struct lun_workers *owner;
    unsigned slot;
    int listen_fd;
    enum lun_worker_state state;
    uv_process_t process;
    uv_pipe_t control;
    bool process_open;
    bool control_open;
    uv_timer_t timer; /* to the next start */
    uint64_t started_ns;
    int delay_ms;
    unsigned restarts;
    struct lun_host_control_reader reader;
    char bytes[4096];
    uint64_t beat; /* last one seen */
    int missed;
};

struct lun_workers {
    struct lun_workers_options options;
    char set_path[4096];
    bool closing;
    uv_timer_t watchdog; /* beats; later the end of the grace */
    int64_t grace_ms;
    unsigned open_handles;
    void (*closed)(void *context);
    void *context;
    struct worker worker[];
};

static void start(struct worker *worker);
static void settle(struct lun_workers *workers);

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

/* --- one process -------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct worker *worker = handle->data;
    if (handle == (uv_handle_t *)&worker->process) {
        worker->process_open = false;
    } else if (handle == (uv_handle_t *)&worker->control) {
        worker->control_open = false;
    }
    settle(worker->owner);
}

static void close_control(struct worker *worker)
{
    if (worker->control_open &&
        !uv_is_closing((uv_handle_t *)&worker->control)) {
        uv_close((uv_handle_t *)&worker->control, on_handle_closed);
    }
}

static void on_start_timer(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    if (worker->process_open || worker->control_open) {
        (void)uv_timer_start(timer, on_start_timer, FIRST_DELAY_MS, 0);
        return;
    }
    start(worker);
}

static void plan_start(struct worker *worker)
{
    if (lun_clock_monotonic_ns() - worker->started_ns > STEADY_NS) {
        worker->delay_ms = FIRST_DELAY_MS;
    }
    (void)uv_timer_start(&worker->timer, on_start_timer,
                         (uint64_t)worker->delay_ms, 0);
    int next = worker->delay_ms == FIRST_DELAY_MS ? 200 : worker->delay_ms * 2;
    worker->delay_ms = next < SLOWEST_MS ? next : SLOWEST_MS;
}

static void on_worker_exit(uv_process_t *process, int64_t status, int signal)
{
    struct worker *worker = process->data;
    struct lun_workers *workers = worker->owner;
    bool was_ready = worker->state == LUN_WORKER_READY;
    bool expected = workers->closing || worker->state == LUN_WORKER_DRAINING;
    worker->state = LUN_WORKER_DOWN;
    uv_close((uv_handle_t *)process, on_handle_closed);
    close_control(worker);
    if (!expected) {
        lun_console_say("worker %u ended (%s %d), starting it again",
                        worker->slot, signal != 0 ? "signal" : "status",
                        signal != 0 ? signal : (int)status);
        worker->restarts++;
    }
    if (!workers->closing) {
        plan_start(worker);
        workers->options.hooks.on_gone(workers->options.hooks.context,
                                       worker->slot, was_ready);
    }
}

static void on_message(void *context, const struct lun_host_control *message)
{
    struct worker *worker = context;
    const struct lun_workers_hooks *hooks = &worker->owner->options.hooks;
    if (message->kind == LUN_HOST_CONTROL_READY) {
        if (worker->state == LUN_WORKER_STARTING) {
            worker->state = LUN_WORKER_READY;
        }
        hooks->on_ready(hooks->context, worker->slot, message->id);
    } else if (message->kind == LUN_HOST_CONTROL_REPLY) {
        hooks->on_reply(hooks->context, worker->slot, message->id,
                        message->error);
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct worker *worker = handle->data;
    (void)size;
    *out = uv_buf_init(worker->bytes, sizeof worker->bytes);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct worker *worker = stream->data;
    struct lun_err err;
    if (got < 0) {
        close_control(worker); /* its exit will be reported, too */
        return;
    }
    if (lun_host_control_feed(&worker->reader, bytes->base, (size_t)got,
                              on_message, worker, &err) != 0) {
        lun_console_complain("worker %u: %s", worker->slot, err.message);
        (void)uv_process_kill(&worker->process, SIGKILL);
    }
}

static int spawn(struct worker *worker, int control_fd)
{
    struct lun_workers *workers = worker->owner;
    char slot[16];
    char parent[16];
    (void)snprintf(slot, sizeof slot, "%u", worker->slot);
    (void)snprintf(parent, sizeof parent, "%d", (int)getpid());
    char *args[] = {(char *)lun_process_self(),
                    "__worker",
                    (char *)workers->options.config_path,
                    (char *)workers->options.data,
                    slot,
                    parent,
                    workers->set_path,
                    NULL};
    uv_stdio_container_t stdio[6] = {{.flags = UV_IGNORE}};
    const int inherited[6] = {
        0, 1, 2, worker->listen_fd, control_fd, workers->options.metrics_fd};
    for (int i = 1; i < 6; i++) {
        stdio[i].flags = UV_INHERIT_FD;
        stdio[i].data.fd = inherited[i];
    }
    uv_process_options_t options = {
        .file = args[0],
        .args = args,
        .exit_cb = on_worker_exit,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 6,
    };
    worker->process.data = worker;
    int code = uv_spawn(workers->options.loop, &worker->process, &options);
    worker->process_open = true;
    if (code != 0) {
        lun_console_complain("cannot start worker %u: %s", worker->slot,
                             uv_strerror(code));
        uv_close((uv_handle_t *)&worker->process, on_handle_closed);
    }
    return code;
}

static void start(struct worker *worker)
{
    struct lun_workers *workers = worker->owner;
    int pair[2];
    if (workers->closing) {
        return;
    }
    worker->started_ns = lun_clock_monotonic_ns();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        lun_console_complain("cannot start worker %u: %s", worker->slot,
                             strerror(errno));
        plan_start(worker);
        return;
    }
    int code = spawn(worker, pair[1]);
    (void)close(pair[1]);
    if (code != 0) {
        (void)close(pair[0]);
        plan_start(worker);
        return;
    }
    worker->state = LUN_WORKER_STARTING;
    worker->reader.len = 0;
    worker->beat = 0;
    worker->missed = 0;
    (void)uv_pipe_init(workers->options.loop, &worker->control, 0);
    worker->control.data = worker;
    worker->control_open = true;
    if (uv_pipe_open(&worker->control, pair[0]) != 0 ||
        uv_read_start((uv_stream_t *)&worker->control, on_alloc, on_read) !=
            0) {
        (void)uv_process_kill(&worker->process, SIGKILL);
    }
}

/* --- the watchdog ------------------------------------------------------- */

/* A worker that never beat has not asked to be watched. */
static void check_beat(struct worker *worker)
{
    uint64_t beat = lun_metrics_read(worker->owner->options.metrics,
                                     worker->slot, LUN_METRIC_HEARTBEAT);
    bool still = beat != 0 && beat == worker->beat;
    worker->beat = beat;
    worker->missed = still ? worker->missed + 1 : 0;
    if (worker->missed >= BEATS_MISSED && worker->process_open) {
        lun_console_say("worker %u has not moved for %d s, replacing it",
                        worker->slot, BEATS_MISSED * BEAT_CHECK_MS / 1000);
        worker->missed = 0;
        (void)uv_process_kill(&worker->process, SIGKILL);
    }
}

static void on_watchdog(uv_timer_t *timer)
{
    struct lun_workers *workers = timer->data;
    for (unsigned i = 0; i < workers->options.count; i++) {
        if (workers->worker[i].state == LUN_WORKER_READY) {
            check_beat(&workers->worker[i]);
        }
    }
}

/* --- all of them -------------------------------------------------------- */

int lun_workers_open(const struct lun_workers_options *options,
                     const char *host, int *port, struct lun_workers **out,
                     struct lun_err *err)
{
    struct lun_workers *workers =
        calloc(1, sizeof *workers + options->count * sizeof workers->worker[0]);
    if (workers == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    workers->options = *options;
    for (unsigned i = 0; i < options->count; i++) {
        workers->worker[i].owner = workers;
        workers->worker[i].slot = i;
        workers->worker[i].listen_fd = -1;
        workers->worker[i].delay_ms = FIRST_DELAY_MS;
    }
    int code = bind_all(workers, host, port, err);
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
    (void)uv_timer_start(&workers->watchdog, on_watchdog, BEAT_CHECK_MS,
                         BEAT_CHECK_MS);
}

struct write {
    uv_write_t request;
    struct lun_buf text;
};

static void on_written(uv_write_t *request, int status)
{
    struct write *write = request->data;
    (void)status; /* a broken socket is seen by its reader */
    lun_buf_release(&write->text);
    free(write);
}

bool lun_workers_send(struct lun_workers *workers, unsigned slot,
                      const struct lun_host_control *message)
{
    struct worker *worker = &workers->worker[slot];
    if (!worker->control_open ||
        uv_is_closing((uv_handle_t *)&worker->control)) {
        return false;
    }
    struct write *write = calloc(1, sizeof *write);
    if (write == NULL) {
        return false;
    }
    lun_host_control_write(message, &write->text);
    write->request.data = write;
    uv_buf_t bytes = uv_buf_init(write->text.data, (unsigned)write->text.len);
    if (write->text.failed ||
        uv_write(&write->request, (uv_stream_t *)&worker->control, &bytes, 1,
                 on_written) != 0) {
        lun_buf_release(&write->text);
        free(write);
        return false;
    }
    return true;
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
    out->slot = slot;
    out->state = worker->state;
    out->pid = worker->state == LUN_WORKER_DOWN ? 0 : worker->process.pid;
    out->restarts = worker->restarts;
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

/* --- the end ------------------------------------------------------------ */

void lun_workers_kill_one(struct lun_workers *workers, unsigned slot)
{
    if (workers->worker[slot].state != LUN_WORKER_DOWN) {
        (void)uv_process_kill(&workers->worker[slot].process, SIGKILL);
    }
}

void lun_workers_kill(struct lun_workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        lun_workers_kill_one(workers, i);
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

/* Ends the closing when no process and no control socket is left. */
static void settle(struct lun_workers *workers)
{
    if (!workers->closing || uv_is_closing((uv_handle_t *)&workers->watchdog)) {
        return;
    }
    for (unsigned i = 0; i < workers->options.count; i++) {
        if (workers->worker[i].process_open ||
            workers->worker[i].control_open) {
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
    const struct lun_host_control drain = {.kind = LUN_HOST_CONTROL_DRAIN};
    workers->closing = true;
    workers->closed = closed;
    workers->context = context;
    close_sockets(workers);
    for (unsigned i = 0; i < workers->options.count; i++) {
        struct worker *worker = &workers->worker[i];
        (void)uv_timer_stop(&worker->timer);
        if (worker->state != LUN_WORKER_DOWN) {
            worker->state = LUN_WORKER_DRAINING;
            (void)lun_workers_send(workers, i, &drain);
            (void)uv_process_kill(&worker->process, SIGTERM);
        }
    }
    (void)uv_timer_start(&workers->watchdog, on_grace_over, (uint64_t)grace_ms,
                         500);
    settle(workers);
}
