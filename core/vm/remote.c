/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/clock.h"
#include "core/telemetry/apps.h"
#include "core/vm/frame.h"
#include "core/vm/internal.h"

#define LOAD_MS 10000
#define WATCH_MS 250
#define LATE_NS                                                                \
    UINT64_C(1000000000) /* past its wall time: the process hangs              \
                          */
#define FIRST_DELAY_MS 100
#define SLOWEST_MS 5000
#define STEADY_NS UINT64_C(10000000000)
#define READ_BYTES 65536

struct lun_vm_remote {
    struct lun_vm_app *app; /* NULL: closed */
    uv_loop_t *loop;
    struct lun_buf
        open; /* the frame that opens the app, for the next process */
    size_t frame_max;
    uv_pipe_t pipe;
    uv_timer_t timer; /* looks at calls; starts anew */
    unsigned handles;
    bool connected;
    uint64_t retry_ns; /* not started again before */
    pid_t pid;
    uint64_t started_ns;
    unsigned delay_ms;
    uint32_t next_id;
    struct lun_vm_call *calls; /* under way */
    struct lun_buf in;
    char bytes[READ_BYTES];
};

static const struct lun_vm_remote_host *host;

void lun_vm_remote_set_host(const struct lun_vm_remote_host *given)
{
    host = given;
}

bool lun_vm_remote_has_host(void)
{
    return host != NULL;
}

/* Calls -------------------------------------------------------------------- */

static void add(struct lun_vm_remote *remote, struct lun_vm_call *call)
{
    call->next = remote->calls;
    remote->calls = call;
}

static void take_out(struct lun_vm_remote *remote,
                     const struct lun_vm_call *call)
{
    struct lun_vm_call **at = &remote->calls;
    while (*at && *at != call)
        at = &(*at)->next;
    if (*at)
        *at = call->next;
}

static struct lun_vm_call *find(const struct lun_vm_remote *remote, uint32_t id)
{
    struct lun_vm_call *call = remote->calls;
    while (call && call->id != id)
        call = call->next;
    return call;
}

static void drop(struct lun_vm_call *call)
{
    struct lun_vm_app *app = call->app;
    lun_buf_release(&call->data);
    lun_buf_release(&call->message);
    free(call->entry);
    free(call);
    lun_vm_app_unref(app);
}

static void fail(struct lun_vm_remote *remote, struct lun_vm_call *call,
                 const struct lun_vm_fault *fault)
{
    struct lun_vm_app *app = call->app;
    take_out(remote, call);
    if (fault->code == LUN_EBUDGET)
        lun_app_metrics_stopped(app->metrics, fault->limit);
    else if (fault->code != LUN_EREFUSED)
        lun_app_metrics_add(app->metrics, LUN_APP_ERRORS, 1);
    call->delivering = true;
    call->cb(call->context, call, LUN_VM_FAILED, NULL, 0, fault);
    drop(call);
}

static void fail_all(struct lun_vm_remote *remote, const char *message)
{
    const struct lun_vm_fault fault = {.code = LUN_EUNAVAILABLE,
                                       .message = message};
    while (remote->calls)
        fail(remote, remote->calls, &fault);
}

/* The process -------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
    struct lun_vm_remote *remote = handle->data;
    remote->handles--;
    if (remote->app || remote->handles)
        return;
    lun_buf_release(&remote->open);
    lun_buf_release(&remote->in);
    free(remote);
}

static void disconnect(struct lun_vm_remote *remote)
{
    if (!remote->connected)
        return;
    remote->connected = false;
    lun_buf_clear(&remote->in);
    uv_close((uv_handle_t *)&remote->pipe, on_closed);
}

/* A call may be given up by what its failure leads to, so the app is held. */
static void on_end(struct lun_vm_remote *remote)
{
    struct lun_vm_app *app = remote->app;
    if (!remote->connected || !app)
        return;
    const char *request = remote->calls ? remote->calls->spent->request : "";
    disconnect(remote);
    uint64_t lived = lun_clock_monotonic_ns() - remote->started_ns;
    if (lived > STEADY_NS)
        remote->delay_ms = FIRST_DELAY_MS;
    remote->retry_ns =
        lun_clock_monotonic_ns() + remote->delay_ms * UINT64_C(1000000);
    remote->delay_ms =
        remote->delay_ms * 2 < SLOWEST_MS ? remote->delay_ms * 2 : SLOWEST_MS;
    host->ended(app->name, app->release, remote->pid, request);
    lun_vm_app_ref(app);
    lun_app_metrics_set(app->metrics, LUN_APP_MEMORY, 0);
    app->heap.used = 0;
    fail_all(remote, "the process of the app has ended");
    lun_vm_app_unref(app);
}

/* Sending ------------------------------------------------------------------ */

struct sending {
    uv_write_t write;
    struct lun_buf bytes;
};

static void on_sent(uv_write_t *write, int status)
{
    struct sending *sending = write->data;
    (void)status; /* its reader sees a broken socket */
    lun_buf_release(&sending->bytes);
    free(sending);
}

static bool send_bytes(struct lun_vm_remote *remote, struct lun_buf *bytes)
{
    struct sending *sending = calloc(1, sizeof(*sending));
    if (!sending || bytes->failed) {
        lun_buf_release(bytes);
        free(sending);
        return false;
    }
    sending->bytes = *bytes;
    sending->write.data = sending;
    uv_buf_t buf = uv_buf_init(bytes->data, (unsigned)bytes->len);
    if (uv_write(&sending->write, (uv_stream_t *)&remote->pipe, &buf, 1,
                 on_sent)) {
        on_sent(&sending->write, -1);
        return false;
    }
    return true;
}

static bool send_frame(struct lun_vm_remote *remote,
                       enum lun_vm_frame_type type,
                       const struct lun_vm_call *call, const void *data,
                       size_t len)
{
    struct lun_buf bytes;
    struct lun_vm_frame frame = {.type = type, .id = call->id};
    if (type == LUN_VM_FRAME_CALL) {
        frame.cpu_ns = call->spent->cpu_ns;
        frame.number = call->deadline_ns;
        memcpy(frame.text, call->spent->request, sizeof(frame.text));
        frame.text[sizeof(frame.text) - 1] = '\0';
    }
    lun_buf_init(&bytes);
    lun_vm_frame_push(&bytes, &frame, data, len);
    return remote->connected && send_bytes(remote, &bytes);
}

/* Receiving ---------------------------------------------------------------- */

/* The names of limits that an app can reach in its VM. */
static const char *limit_named(const char *text)
{
    static const char *const names[] = {
        "cpu",      "memory", "wall",  "rows",          "statements",
        "outgoing", "value",  "depth", "crossing_bytes"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(names[i], text))
            return names[i];
    return "other";
}

static int code_of(int32_t code)
{
    switch (code) {
    case LUN_EBUDGET:
    case LUN_EDEADLINE:
    case LUN_EREFUSED:
    case LUN_EBAD_INPUT:
    case LUN_EMEMORY:
        return code;
    default:
        return LUN_EINTERNAL;
    }
}

/* What it says of its use is believed as far as it costs only itself. */
static void count(struct lun_vm_call *call, const struct lun_vm_frame *frame)
{
    struct lun_vm_app *app = call->app;
    if (frame->cpu_ns > call->spent->cpu_ns) {
        lun_app_metrics_add(app->metrics, LUN_APP_CPU_NS,
                            frame->cpu_ns - call->spent->cpu_ns);
        call->spent->cpu_ns = frame->cpu_ns;
    }
    app->heap.used = (size_t)frame->memory;
    lun_app_metrics_set(app->metrics, LUN_APP_MEMORY, frame->memory);
}

static void deliver(struct lun_vm_remote *remote, struct lun_vm_call *call,
                    const struct lun_vm_frame *frame, const char *data)
{
    size_t len = (size_t)frame->len;
    if (frame->type == LUN_VM_FRAME_ASKS) {
        call->asking = true;
        call->cb(call->context, call, LUN_VM_ASKS, data, len, NULL);
        return;
    }
    if (frame->type == LUN_VM_FRAME_RETURNED) {
        take_out(remote, call);
        call->delivering = true;
        call->cb(call->context, call, LUN_VM_RETURNED, data, len, NULL);
        drop(call);
        return;
    }
    lun_buf_push(&call->message, data,
                 len < LUN_VM_MESSAGE_MAX ? len : LUN_VM_MESSAGE_MAX);
    const char *message = lun_buf_str(&call->message);
    struct lun_vm_fault fault = {.code = code_of(frame->code),
                                 .max = frame->number,
                                 .message =
                                     message ? message : "out of memory"};
    if (fault.code == LUN_EBUDGET)
        fault.limit = limit_named(frame->text);
    fail(remote, call, &fault);
}

static bool take_frame(struct lun_vm_remote *remote,
                       const struct lun_vm_frame *frame, const char *data)
{
    if (frame->type == LUN_VM_FRAME_OPENED)
        return true;
    if (frame->type < LUN_VM_FRAME_RETURNED ||
        frame->type > LUN_VM_FRAME_ASKS || frame->len > remote->frame_max)
        return false;
    struct lun_vm_call *call = find(remote, frame->id);
    if (!call)
        return frame->id != 0; /* given up; 0: the files did not load again */
    if (call->asking)
        return false;
    count(call, frame);
    deliver(remote, call, frame, data);
    return true;
}

/* Delivering may close the remote: the app is held meanwhile. */
static void take_frames(struct lun_vm_remote *remote)
{
    struct lun_vm_app *app = lun_vm_app_ref(remote->app);
    size_t done = 0;
    bool ok = true;
    while (ok && remote->connected) {
        struct lun_vm_frame frame;
        const char *data;
        size_t size =
            lun_vm_frame_take(remote->in.data + done, remote->in.len - done,
                              remote->frame_max, &frame, &data);
        if (!size)
            break;
        ok = size != SIZE_MAX && take_frame(remote, &frame, data);
        done += ok ? size : 0;
    }
    if (remote->connected && done)
        lun_buf_consume(&remote->in, done);
    if (!ok)
        on_end(remote);
    lun_vm_app_unref(app);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    struct lun_vm_remote *remote = handle->data;
    (void)size;
    *buf = uv_buf_init(remote->bytes, sizeof(remote->bytes));
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
    struct lun_vm_remote *remote = stream->data;
    if (!remote->app || !got)
        return;
    if (got > 0)
        lun_buf_push(&remote->in, buf->base, (size_t)got);
    if (got < 0 || remote->in.failed)
        on_end(remote);
    else
        take_frames(remote);
}

/* Starting ----------------------------------------------------------------- */

static int connect_pair(struct lun_vm_remote *remote, int *fd,
                        struct lun_err *err)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return lun_error_set(err, LUN_EIO, "no socket for the app: %s",
                             strerror(errno));
    remote->pid = host->spawn(pair[1]);
    (void)close(pair[1]);
    if (remote->pid < 0) {
        (void)close(pair[0]);
        return lun_error_set(err, LUN_EUNAVAILABLE,
                             "the process of the app cannot be started");
    }
    remote->started_ns = lun_clock_monotonic_ns();
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    *fd = pair[0];
    return 0;
}

static int watch(struct lun_vm_remote *remote, int fd, struct lun_err *err)
{
    (void)uv_pipe_init(remote->loop, &remote->pipe, 0);
    remote->pipe.data = remote;
    remote->handles++;
    remote->connected = true;
    int code = uv_pipe_open(&remote->pipe, fd);
    if (code)
        (void)close(fd);
    else
        code = uv_read_start((uv_stream_t *)&remote->pipe, on_alloc, on_read);
    if (!code)
        return 0;
    disconnect(remote);
    return lun_error_set(err, LUN_EIO, "no socket for the app: %s",
                         uv_strerror(code));
}

/* Calls that come meanwhile wait in the socket behind the frame. */
static bool start_again(struct lun_vm_remote *remote)
{
    struct lun_err err;
    struct lun_buf copy;
    int fd;
    if (connect_pair(remote, &fd, &err) || watch(remote, fd, &err))
        return false;
    lun_buf_init(&copy);
    lun_buf_push(&copy, remote->open.data, remote->open.len);
    return send_bytes(remote, &copy);
}

static bool is_late(const struct lun_vm_call *call, uint64_t now)
{
    return !call->asking && now > call->wall_ns &&
           now - call->wall_ns > LATE_NS;
}

static void on_timer(uv_timer_t *timer)
{
    struct lun_vm_remote *remote = timer->data;
    uint64_t now = lun_clock_monotonic_ns();
    for (struct lun_vm_call *call = remote->calls; call; call = call->next) {
        if (is_late(call, now)) {
            on_end(remote);
            return;
        }
    }
}

/* Waiting for the first answer blocks: the files are loaded at PREPARE. */
static int exchange(int fd, const struct lun_buf *open, struct lun_buf *in,
                    size_t max, struct lun_vm_frame *frame, const char **data)
{
    uint64_t end = lun_clock_monotonic_ns() + LOAD_MS * UINT64_C(1000000);
    size_t sent = 0;
    while (lun_clock_monotonic_ns() < end) {
        struct pollfd ask = {
            .fd = fd, .events = (short)(sent < open->len ? POLLOUT : POLLIN)};
        if (poll(&ask, 1, WATCH_MS) <= 0)
            continue;
        if (sent < open->len) {
            ssize_t count = write(fd, open->data + sent, open->len - sent);
            if (count < 0 && errno != EINTR && errno != EAGAIN)
                return LUN_EUNAVAILABLE;
            sent += count > 0 ? (size_t)count : 0;
            continue;
        }
        char bytes[4096];
        ssize_t count = read(fd, bytes, sizeof(bytes));
        if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
            return LUN_EUNAVAILABLE;
        lun_buf_push(in, bytes, count > 0 ? (size_t)count : 0);
        size_t size = lun_vm_frame_take(in->data, in->len, max, frame, data);
        if (size == SIZE_MAX || in->failed)
            return LUN_EUNAVAILABLE;
        if (size)
            return 0;
    }
    return LUN_EDEADLINE;
}

static int load(struct lun_vm_remote *remote, int fd, struct lun_err *err)
{
    struct lun_buf in;
    struct lun_vm_frame frame;
    const char *data = "";
    lun_buf_init(&in);
    int code =
        exchange(fd, &remote->open, &in, remote->frame_max, &frame, &data);
    if (code)
        code = lun_error_set(
            err, code, "%s: the process of the app %s", remote->app->name,
            code == LUN_EDEADLINE ? "loads for too long"
                                  : "has ended while it loaded");
    else if (frame.type != LUN_VM_FRAME_OPENED)
        code = lun_error_set(err, code_of(frame.code), "%.*s", (int)frame.len,
                             data);
    else
        remote->app->heap.used = (size_t)frame.memory;
    lun_buf_release(&in);
    return code;
}

static int begin(struct lun_vm_remote *remote, struct lun_err *err)
{
    int fd = -1;
    int code = connect_pair(remote, &fd, err);
    if (code)
        return code;
    code = load(remote, fd, err);
    if (code)
        (void)close(fd);
    return code ? code : watch(remote, fd, err);
}

int lun_vm_remote_open(struct lun_vm_app *app,
                       const struct lun_vm_app_config *config,
                       struct lun_vm_remote **out, struct lun_err *err)
{
    struct lun_buf text;
    struct lun_vm_remote *remote = calloc(1, sizeof(*remote));
    if (!remote)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    remote->app = app;
    remote->loop = config->loop;
    remote->delay_ms = FIRST_DELAY_MS;
    remote->frame_max = config->limits.crossing_bytes + 2 * LUN_VM_MESSAGE_MAX;
    lun_buf_init(&remote->in);
    lun_buf_init(&remote->open);
    lun_buf_init(&text);
    lun_vm_frame_write_app(config, &text);
    const struct lun_vm_frame frame = {.type = LUN_VM_FRAME_OPEN};
    lun_vm_frame_push(&remote->open, &frame, text.data, text.len);
    bool whole = !text.failed && !remote->open.failed;
    lun_buf_release(&text);
    (void)uv_timer_init(remote->loop, &remote->timer);
    remote->timer.data = remote;
    remote->handles++;
    uv_unref((uv_handle_t *)&remote->timer);
    (void)uv_timer_start(&remote->timer, on_timer, WATCH_MS, WATCH_MS);
    int code = whole ? begin(remote, err)
                     : lun_error_set(err, LUN_EMEMORY, "out of memory");
    if (code)
        lun_vm_remote_close(remote);
    else
        *out = remote;
    return code;
}

void lun_vm_remote_close(struct lun_vm_remote *remote)
{
    disconnect(remote);
    remote->app = NULL;
    uv_close((uv_handle_t *)&remote->timer, on_closed);
}

/* What core/vm/call.c hands over ------------------------------------------- */

static void on_refused(uv_timer_t *timer)
{
    struct lun_vm_remote *remote = timer->data;
    (void)uv_timer_start(timer, on_timer, WATCH_MS, WATCH_MS);
    if (!remote->connected)
        fail_all(remote, "the process of the app has ended");
}

void lun_vm_remote_start(struct lun_vm_remote *remote, struct lun_vm_call *call)
{
    struct lun_buf data;
    call->id = ++remote->next_id ? remote->next_id : ++remote->next_id;
    add(remote, call);
    if (!remote->connected && lun_clock_monotonic_ns() >= remote->retry_ns)
        (void)start_again(remote);
    lun_buf_init(&data);
    lun_buf_push(&data, call->entry, strlen(call->entry) + 1);
    lun_buf_push(&data, call->data.data, call->data.len);
    lun_buf_release(&call->data);
    if (!remote->connected)
        (void)uv_timer_start(&remote->timer, on_refused, 0, 0);
    else if (data.failed ||
             !send_frame(remote, LUN_VM_FRAME_CALL, call, data.data, data.len))
        call->wall_ns = 0; /* the timer gives it up */
    lun_buf_release(&data);
}

void lun_vm_remote_answer(struct lun_vm_remote *remote,
                          struct lun_vm_call *call, const char *data,
                          size_t len, bool refused)
{
    if (!call->asking || call->cancelled)
        return;
    call->asking = false;
    if (!send_frame(remote, refused ? LUN_VM_FRAME_REFUSE : LUN_VM_FRAME_ANSWER,
                    call, data, len))
        call->wall_ns = 0;
}

void lun_vm_remote_cancel(struct lun_vm_remote *remote,
                          struct lun_vm_call *call)
{
    if (call->cancelled || call->delivering)
        return;
    call->cancelled = true;
    take_out(remote, call);
    (void)send_frame(remote, LUN_VM_FRAME_CANCEL, call, NULL, 0);
    drop(call);
}
