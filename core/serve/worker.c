/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/worker.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/error.h"
#include "core/serve/app_spawner.h"
#include "core/config/config.h"
#include "core/serve/control.h"
#include "core/serve/release.h"
#include "core/serve/service.h"
#include "core/serve/worker_user.h"
#include "core/loop/beat.h"
#include "core/loop/flush.h"
#include "core/os/harden.h"
#include "core/os/process.h"
#include "core/pg/pool.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

#define MEASURE_MS 500
#define CLOSING_TURNS 16

struct worker {
    uv_loop_t loop;
    struct lun_service *service;
    uv_pipe_t control;
    uv_signal_t term;
    uv_timer_t measure;
    struct lun_loop_beat beat;
    struct lun_loop_flush flush;
    struct lun_host_control_reader reader;
    char preparing[72]; /* id of the set */
    char input[LUN_HOST_CONTROL_LINE];
    bool said_ready;
    bool draining;
};

/* Ending ------------------------------------------------------------------- */

static void on_drained(void *context)
{
    struct worker *worker = context;
    worker->service = NULL;
    uv_stop(&worker->loop);
}

static void drain(struct worker *worker, bool replaced)
{
    if (worker->draining)
        return;
    worker->draining = true;
    uv_timer_stop(&worker->measure);
    lun_service_drain(worker->service, replaced, on_drained, worker);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    drain(signal->data, false);
}

/* Talking to the supervisor ------------------------------------------------ */

static void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write->data);
    free(write);
}

/* Sends and releases `line`. */
static void say(struct worker *worker, struct lun_buf *line)
{
    uv_write_t *write = malloc(sizeof(*write));
    if (!write || line->failed) {
        free(write);
        lun_buf_release(line);
        return;
    }
    uv_buf_t buf = uv_buf_init(line->data, (unsigned)line->len);
    write->data = line->data;
    if (uv_write(write, (uv_stream_t *)&worker->control, &buf, 1, on_written))
        on_written(write, 0);
}

static void say_ready(struct worker *worker)
{
    struct lun_buf line;
    lun_buf_init(&line);
    lun_host_control_ready(worker->service->current->id, &line);
    say(worker, &line);
    worker->said_ready = true;
}

static void reply(struct worker *worker, const char *id, int rc,
                  const struct lun_err *err)
{
    struct lun_buf line;
    lun_buf_init(&line);
    lun_host_control_reply(id, rc ? err->message : NULL, &line);
    say(worker, &line);
}

/* The prepare that is under way; there is one at a time. */
static void on_prepared(void *context, const struct lun_err *err)
{
    struct worker *worker = context;
    reply(worker, worker->preparing, err != NULL, err);
}

static void on_message(void *context, const struct lun_host_control *message)
{
    struct worker *worker = context;
    struct lun_err err = {0};
    int rc;
    if (worker->draining)
        return;
    switch (message->kind) {
    case LUN_HOST_CONTROL_PREPARE:
        snprintf(worker->preparing, sizeof(worker->preparing), "%s",
                 message->id);
        lun_service_prepare(worker->service, message->id, message->set,
                            on_prepared, worker);
        break;
    case LUN_HOST_CONTROL_COMMIT:
        rc = lun_service_commit(worker->service, message->id, &err);
        reply(worker, message->id, rc, &err);
        break;
    case LUN_HOST_CONTROL_ABORT:
        lun_service_abort(worker->service);
        reply(worker, message->id, 0, &err);
        break;
    case LUN_HOST_CONTROL_RENEW:
        lun_service_renew(worker->service);
        break;
    case LUN_HOST_CONTROL_DRAIN:
        drain(worker, true);
        break;
    case LUN_HOST_CONTROL_READY:
    case LUN_HOST_CONTROL_REPLY:
    case LUN_HOST_CONTROL_ENDED:
        break;
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct worker *worker = handle->data;
    (void)size;
    *buf = uv_buf_init(worker->input, sizeof(worker->input));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct worker *worker = stream->data;
    struct lun_err err;
    if (count < 0) {
        (void)uv_read_stop(stream);
        drain(worker, false);
    } else if (lun_host_control_feed(&worker->reader, buf->base, (size_t)count,
                                     on_message, worker, &err)) {
        lun_log_printf(LUN_LOG_ERROR, "the supervisor is not understood: %s",
                       err.message);
        drain(worker, false);
    }
}

/* Working ------------------------------------------------------------------ */

static void on_measure(uv_timer_t *timer)
{
    struct worker *worker = timer->data;
    lun_service_measure(worker->service);
}

static void on_pool_ready(void *context, bool ready)
{
    struct worker *worker = context;
    lun_metrics_set(LUN_METRIC_DB_UP, ready);
    if (ready && !worker->said_ready)
        say_ready(worker);
}

static int open_handles(struct worker *worker)
{
    uv_loop_t *loop = &worker->loop;
    worker->control.data = worker->term.data = worker->measure.data = worker;
    int rc = uv_pipe_init(loop, &worker->control, 0);
    if (!rc)
        rc = uv_pipe_open(&worker->control, LUN_HOST_FD_CONTROL);
    if (!rc)
        rc = uv_read_start((uv_stream_t *)&worker->control, on_alloc, on_read);
    if (!rc)
        rc = uv_signal_init(loop, &worker->term);
    if (!rc)
        rc = uv_signal_start(&worker->term, on_signal, SIGTERM);
    if (!rc)
        rc = uv_timer_init(loop, &worker->measure);
    if (!rc)
        rc = uv_timer_start(&worker->measure, on_measure, MEASURE_MS,
                            MEASURE_MS);
    if (!rc)
        rc = lun_loop_beat_start(loop, &worker->beat);
    if (!rc)
        rc = lun_loop_flush_start(loop, &worker->flush);
    return rc;
}

/* Only what is the worker's own: parts that close in several steps (the merging
 * of reads) would find a handle closed under their feet. */
static void close_handles(struct worker *worker)
{
    lun_loop_beat_stop(&worker->beat);
    lun_loop_flush_stop(&worker->flush);
    uv_close((uv_handle_t *)&worker->control, NULL);
    uv_close((uv_handle_t *)&worker->term, NULL);
    uv_close((uv_handle_t *)&worker->measure, NULL);
    for (int turn = 0; turn < CLOSING_TURNS && uv_loop_alive(&worker->loop);
         turn++)
        (void)uv_run(&worker->loop, UV_RUN_NOWAIT);
}

static void run(struct worker *worker)
{
    lun_pg_pool_on_ready(worker->service->pool, on_pool_ready, worker);
    if (lun_pg_pool_ready(worker->service->pool))
        on_pool_ready(worker, true);
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    close_handles(worker);
    (void)uv_loop_close(&worker->loop);
    lun_log_close();
}

/* Giving up rights -------------------------------------------------------- */

/* There is one worker a process. */
static const struct lun_worker_options *own;
static struct worker *the_worker;

/* In a signal handler: no log. */
static void on_denied(int number, const char *name)
{
    char text[128];
    lun_metrics_add(LUN_METRIC_DENIED_CALLS, 1);
    int len =
        snprintf(text, sizeof(text), "worker %u: denied system call %d (%s)\n",
                 own->slot, number, name);
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0)
        return;
}

static void on_app_ended(const char *app, const char *release, int pid,
                         const char *request)
{
    struct lun_buf line;
    lun_buf_init(&line);
    lun_host_control_ended(app, release, pid, request, &line);
    say(the_worker, &line);
}

static int harden(struct lun_err *err)
{
    struct lun_err why;
    if (lun_app_spawner_start(own->config, on_app_ended, &why))
        lun_log_printf(LUN_LOG_WARN, "apps cannot be isolated: %s",
                       why.message);
    int rc = lun_worker_user_become(own->config->user, err);
    if (rc)
        return rc;
    /* After the change of user: that clears the signal. */
    if (!lun_process_die_with_parent(SIGTERM, own->parent))
        return lun_error_set(err, LUN_EUNAVAILABLE, "the supervisor is gone");
    lun_harden_process();
    if (lun_harden_filter_calls(LUN_HARDEN_WORKER, on_denied, &why))
        lun_log_printf(LUN_LOG_WARN, "%s", why.message);
    lun_metrics_set(LUN_METRIC_FILTERED, lun_harden_is_filtered());
    return 0;
}

int lun_worker_main(const struct lun_worker_options *options)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    struct lun_err err = {0};
    own = options;
    the_worker = worker;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (!worker || getppid() != options->parent) {
        free(worker);
        return 1;
    }
    (void)lun_metrics_attach(LUN_HOST_FD_METRICS, options->metrics_slot, &err);
    int rc = uv_loop_init(&worker->loop);
    if (!rc)
        rc = open_handles(worker);
    if (!rc)
        rc = lun_service_open(&worker->loop, options->config, options->data,
                              LUN_HOST_FD_LISTEN, options->set, harden,
                              &worker->service, &err);
    if (rc) {
        (void)fprintf(stderr, "worker %u cannot start: %s\n", options->slot,
                      err.message[0] ? err.message : "no event loop");
        free(worker);
        return 1;
    }
    run(worker);
    free(worker);
    return 0;
}
