/*
 * core/serve/app_process.c - the process of an app with `isolation =
 * "process"`. SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/app_process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/loop/flush.h"
#include "core/os/harden.h"
#include "core/telemetry/log.h"
#include "core/vm/app.h"
#include "core/vm/call.h"
#include "core/vm/frame.h"

#define FRAME_MAX ((size_t)256 * 1024 * 1024)
#define OWN_MEMORY ((size_t)256 * 1024 * 1024) /* program, code, buffers */
#define FILES 32

struct one {
    struct process *process;
    uint32_t id;
    struct lun_vm_call *call;
    struct lun_vm_spent spent;
    struct one *next;
};

struct process {
    uv_loop_t loop;
    uv_pipe_t pipe;
    struct lun_loop_flush flush;
    struct lun_arena arena; /* what the app was opened from */
    struct lun_vm_app *app;
    struct one *calls;
    struct lun_buf in;
    char bytes[65536];
};

/* --- sending ------------------------------------------------------------ */

struct sending {
    uv_write_t write;
    struct lun_buf bytes;
};

static void on_sent(uv_write_t *write, int status)
{
    struct sending *sending = write->data;
    (void)status;
    lun_buf_release(&sending->bytes);
    free(sending);
}

static void send_frame(struct process *process, struct lun_vm_frame *frame,
                       const void *data, size_t len)
{
    struct sending *sending = calloc(1, sizeof *sending);
    if (sending == NULL) {
        uv_stop(&process->loop);
        return;
    }
    frame->memory = process->app != NULL ? lun_vm_app_memory(process->app) : 0;
    lun_vm_frame_push(&sending->bytes, frame, data, len);
    sending->write.data = sending;
    uv_buf_t buf =
        uv_buf_init(sending->bytes.data, (unsigned)sending->bytes.len);
    if (sending->bytes.failed ||
        uv_write(&sending->write, (uv_stream_t *)&process->pipe, &buf, 1,
                 on_sent) != 0) {
        on_sent(&sending->write, -1);
        uv_stop(&process->loop);
    }
}

/* --- calls -------------------------------------------------------------- */

static void forget(struct one *one)
{
    struct one **at = &one->process->calls;
    while (*at != NULL && *at != one) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = one->next;
    }
    free(one);
}

static struct one *find(const struct process *process, uint32_t id)
{
    struct one *one = process->calls;
    while (one != NULL && one->id != id) {
        one = one->next;
    }
    return one;
}

static void on_event(void *context, struct lun_vm_call *call,
                     enum lun_vm_event event, const char *data, size_t len,
                     const struct lun_vm_fault *fault)
{
    struct one *one = context;
    struct lun_vm_frame frame = {.id = one->id, .cpu_ns = one->spent.cpu_ns};
    (void)call;
    if (event == LUN_VM_ASKS) {
        frame.type = LUN_VM_FRAME_ASKS;
    } else if (event == LUN_VM_RETURNED) {
        frame.type = LUN_VM_FRAME_RETURNED;
    } else {
        frame.type = LUN_VM_FRAME_FAILED;
        frame.code = fault->code;
        frame.number = fault->max;
        (void)snprintf(frame.text, sizeof frame.text, "%s",
                       fault->limit != NULL ? fault->limit : "");
        data = fault->message;
        len = strlen(fault->message);
    }
    send_frame(one->process, &frame, data, len);
    if (event != LUN_VM_ASKS) {
        forget(one);
    }
}

static void start_call(struct process *process,
                       const struct lun_vm_frame *frame, const char *data)
{
    struct one *one = calloc(1, sizeof *one);
    const char *end = memchr(data, '\0', (size_t)frame->len);
    if (one == NULL || end == NULL || process->app == NULL) {
        free(one);
        uv_stop(&process->loop);
        return;
    }
    one->process = process;
    one->id = frame->id;
    one->spent.deadline_ns = frame->number;
    one->spent.cpu_ns = frame->cpu_ns;
    memcpy(one->spent.request, frame->text, sizeof one->spent.request);
    one->next = process->calls;
    process->calls = one;
    size_t skipped = (size_t)(end - data) + 1;
    one->call = lun_vm_call_start(process->app, &one->spent, data, end + 1,
                                  (size_t)frame->len - skipped, on_event, one);
    if (one->call == NULL) {
        uv_stop(&process->loop);
    }
}

static void go_on(struct process *process, const struct lun_vm_frame *frame,
                  const char *data)
{
    struct one *one = find(process, frame->id);
    if (one == NULL) {
        return; /* it has ended meanwhile */
    }
    if (frame->type == LUN_VM_FRAME_ANSWER) {
        lun_vm_call_answer(one->call, data, (size_t)frame->len);
    } else if (frame->type == LUN_VM_FRAME_CANCEL) {
        lun_vm_call_cancel(one->call);
        forget(one);
    } else {
        char *text = strndup(data, (size_t)frame->len);
        lun_vm_call_refuse(one->call, text != NULL ? text : "out of memory");
        free(text);
    }
}

/* --- the app ------------------------------------------------------------ */

static void limit(int resource, rlim_t value)
{
    const struct rlimit both = {value, value};
    (void)setrlimit((__rlimit_resource_t)resource, &both);
}

static void on_denied(int number, const char *name)
{
    char text[96];
    int len = snprintf(text, sizeof text,
                       "process of an app: denied system call %d (%s)\n",
                       number, name);
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0) {
        return;
    }
}

/* Before the first line of the app is read. */
static void harden(const struct lun_vm_app_config *config)
{
    struct lun_err err;
#if !defined(__SANITIZE_ADDRESS__)
    limit(RLIMIT_AS, (rlim_t)(2 * config->limits.memory_bytes + OWN_MEMORY));
#else
    (void)config;
#endif
    limit(RLIMIT_NOFILE, FILES);
    lun_harden_process();
    if (lun_harden_filter_calls(LUN_HARDEN_APP, on_denied, &err) != 0) {
        lun_log_printf(LUN_LOG_WARN, "%s", err.message);
    }
}

static void open_app(struct process *process, const struct lun_vm_frame *frame,
                     const char *data)
{
    struct lun_vm_app_config config = {.loop = &process->loop};
    struct lun_vm_frame answer = {.type = LUN_VM_FRAME_OPENED};
    struct lun_err err;
    const char *text = "";
    int code = process->app != NULL
                   ? lun_error_set(&err, LUN_EINTERNAL, "it is open")
                   : lun_vm_frame_read_app(data, (size_t)frame->len,
                                           &process->arena, &config, &err);
    if (code == 0) {
        harden(&config);
        code = lun_vm_app_open(&config, &process->app, &err);
    }
    if (code != 0) {
        answer.type = LUN_VM_FRAME_FAILED;
        answer.code = code;
        text = err.message;
    }
    send_frame(process, &answer, text, strlen(text));
}

/* --- receiving ---------------------------------------------------------- */

static void take_frame(struct process *process,
                       const struct lun_vm_frame *frame, const char *data)
{
    switch (frame->type) {
    case LUN_VM_FRAME_OPEN:
        open_app(process, frame, data);
        break;
    case LUN_VM_FRAME_CALL:
        start_call(process, frame, data);
        break;
    case LUN_VM_FRAME_ANSWER:
    case LUN_VM_FRAME_REFUSE:
    case LUN_VM_FRAME_CANCEL:
        go_on(process, frame, data);
        break;
    default:
        uv_stop(&process->loop);
        break;
    }
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct process *process = handle->data;
    (void)size;
    *buf = uv_buf_init(process->bytes, sizeof process->bytes);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct process *process = stream->data;
    struct lun_vm_frame frame;
    const char *data;
    size_t done = 0;
    size_t size;
    if (got < 0) {
        uv_stop(&process->loop); /* the worker has ended, or gave us up */
        return;
    }
    lun_buf_push(&process->in, buf->base, (size_t)got);
    while ((size = lun_vm_frame_take(process->in.data + done,
                                     process->in.len - done, FRAME_MAX, &frame,
                                     &data)) > 0) {
        if (size == SIZE_MAX || process->in.failed) {
            uv_stop(&process->loop);
            return;
        }
        take_frame(process, &frame, data);
        done += size;
    }
    lun_buf_consume(&process->in, done);
}

/* --- the process -------------------------------------------------------- */

int lun_app_process_main(int argc, char **argv)
{
    struct process *process = calloc(1, sizeof *process);
    struct lun_err err;
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc != 4 || process == NULL || uv_loop_init(&process->loop) != 0) {
        free(process);
        return 1;
    }
    if (lun_log_open(argv[2], (enum lun_log_level)lun_log_level_parse(argv[3]),
                     0, &err) != 0) {
        (void)fprintf(stderr, "lunette: %s\n", err.message);
    }
    lun_arena_init(&process->arena, FRAME_MAX);
    (void)uv_pipe_init(&process->loop, &process->pipe, 0);
    process->pipe.data = process;
    if (lun_loop_flush_start(&process->loop, &process->flush) != 0 ||
        uv_pipe_open(&process->pipe, LUN_APP_PROCESS_FD) != 0 ||
        uv_read_start((uv_stream_t *)&process->pipe, on_alloc, on_read) != 0) {
        return 1;
    }
    (void)uv_run(&process->loop, UV_RUN_DEFAULT);
    lun_log_close();
    _exit(0); /* the VM and all of it go with the process */
}
