/*
 * core/supervise/loading.c - the loader process, one at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/loading.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/os/process.h"

#define REPORT_MAX ((size_t)16 * 1024 * 1024)

struct lun_loading {
    uv_loop_t *loop;
    const char *config_path;
    lun_loading_cb cb;
    void *callback_context;
    uv_process_t process;
    uv_pipe_t in;
    uv_pipe_t out;
    uv_timer_t deadline;
    uv_write_t write;
    int handles; /* of the process at work that are not closed yet */
    uint64_t started_ns;
    bool killed;
    bool closing;
    int64_t status;
    int signal;
    struct lun_buf job;
    struct lun_buf report;
    char bytes[16384];
    void (*closed)(void *context);
    void *context;
};

static void on_timer_closed(uv_handle_t *handle)
{
    struct lun_loading *loading = handle->data;
    void (*closed)(void *context) = loading->closed;
    void *context = loading->context;
    lun_buf_release(&loading->job);
    lun_buf_release(&loading->report);
    free(loading);
    closed(context);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct lun_loading *loading = handle->data;
    if (--loading->handles > 0) {
        return;
    }
    (void)uv_timer_stop(&loading->deadline);
    if (loading->closing) {
        uv_close((uv_handle_t *)&loading->deadline, on_timer_closed);
        return;
    }
    /* `cb` may start the next one, which uses the same buffer. */
    struct lun_buf report = loading->report;
    lun_buf_init(&loading->report);
    const struct lun_loading_end end = {
        .report = report.data != NULL ? report.data : "",
        .len = report.len,
        .killed = loading->killed,
        .status = loading->status,
        .signal = loading->signal,
    };
    loading->cb(loading->callback_context, &end);
    lun_buf_release(&report);
}

static void on_exit_of(uv_process_t *process, int64_t status, int signal)
{
    struct lun_loading *loading = process->data;
    loading->status = status;
    loading->signal = signal;
    uv_close((uv_handle_t *)process, on_handle_closed);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct lun_loading *loading = handle->data;
    (void)size;
    *out = uv_buf_init(loading->bytes, sizeof loading->bytes);
}

static void on_report(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct lun_loading *loading = stream->data;
    if (got > 0 && loading->report.len + (size_t)got <= REPORT_MAX) {
        lun_buf_push(&loading->report, bytes->base, (size_t)got);
    } else if (got < 0) {
        uv_close((uv_handle_t *)stream, on_handle_closed);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    lun_loading_kill(timer->data);
}

/* The end of its stdin is where the job ends. */
static void on_written(uv_write_t *request, int status)
{
    struct lun_loading *loading = request->data;
    (void)status;
    if (!uv_is_closing((uv_handle_t *)&loading->in)) {
        uv_close((uv_handle_t *)&loading->in, on_handle_closed);
    }
}

static int spawn(struct lun_loading *loading)
{
    char parent[16];
    (void)snprintf(parent, sizeof parent, "%d", (int)getpid());
    char *args[] = {(char *)lun_process_self(), "__load",
                    (char *)loading->config_path, parent, NULL};
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE,
         .data.stream = (uv_stream_t *)&loading->in},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
         .data.stream = (uv_stream_t *)&loading->out},
        {.flags = UV_INHERIT_FD, .data.fd = 2},
    };
    uv_process_options_t options = {
        .file = args[0],
        .args = args,
        .exit_cb = on_exit_of,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = 3,
    };
    return uv_spawn(loading->loop, &loading->process, &options);
}

void lun_loading_start(struct lun_loading *loading, const char *job, size_t len,
                       int64_t limit_ms)
{
    loading->killed = false;
    loading->started_ns = lun_clock_monotonic_ns();
    loading->handles = 3;
    lun_buf_clear(&loading->report);
    lun_buf_clear(&loading->job);
    lun_buf_push(&loading->job, job, len);
    (void)uv_pipe_init(loading->loop, &loading->in, 0);
    (void)uv_pipe_init(loading->loop, &loading->out, 0);
    loading->in.data = loading->out.data = loading;
    loading->process.data = loading->write.data = loading;
    int code = loading->job.failed ? UV_ENOMEM : spawn(loading);
    if (code != 0) {
        loading->status = code;
        loading->signal = 0;
        if (loading->job.failed) { /* the handle was never begun */
            loading->handles = 2;
        } else {
            uv_close((uv_handle_t *)&loading->process, on_handle_closed);
        }
        uv_close((uv_handle_t *)&loading->in, on_handle_closed);
        uv_close((uv_handle_t *)&loading->out, on_handle_closed);
        return;
    }
    (void)uv_timer_start(&loading->deadline, on_deadline, (uint64_t)limit_ms,
                         0);
    (void)uv_read_start((uv_stream_t *)&loading->out, on_alloc, on_report);
    uv_buf_t bytes = uv_buf_init(loading->job.data, (unsigned)loading->job.len);
    if (uv_write(&loading->write, (uv_stream_t *)&loading->in, &bytes, 1,
                 on_written) != 0) {
        on_written(&loading->write, 0);
    }
}

void lun_loading_kill(struct lun_loading *loading)
{
    if (loading->handles > 0 &&
        !uv_is_closing((uv_handle_t *)&loading->process)) {
        loading->killed = true;
        (void)uv_process_kill(&loading->process, SIGKILL);
    }
}

uint64_t lun_loading_age_ns(const struct lun_loading *loading)
{
    return loading->handles > 0 ? lun_clock_monotonic_ns() - loading->started_ns
                                : 0;
}

int lun_loading_open(uv_loop_t *loop, const char *config_path,
                     lun_loading_cb cb, void *context, struct lun_loading **out,
                     struct lun_err *err)
{
    struct lun_loading *loading = calloc(1, sizeof *loading);
    if (loading == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    loading->loop = loop;
    loading->config_path = config_path;
    loading->cb = cb;
    loading->callback_context = context;
    (void)uv_timer_init(loop, &loading->deadline);
    loading->deadline.data = loading;
    *out = loading;
    return 0;
}

void lun_loading_close(struct lun_loading *loading,
                       void (*closed)(void *context), void *context)
{
    loading->closing = true;
    loading->closed = closed;
    loading->context = context;
    if (loading->handles == 0) {
        uv_close((uv_handle_t *)&loading->deadline, on_timer_closed);
    } else {
        lun_loading_kill(loading);
    }
}
