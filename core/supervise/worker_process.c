/*
 * core/supervise/worker_process.c - one worker process and the socket to it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/worker_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/config/console.h"
#include "core/os/process.h"

#define FDS (LUN_HOST_FD_TLS + 1)

struct lun_worker_process {
    struct lun_worker_process_options options;
    pid_t pid;
    uint64_t started_ns;
    bool ended;
    uv_process_t process; /* of our own children */
    uv_poll_t poll;       /* of those taken over: their pidfd */
    int pidfd;            /* -1: it is `process` */
    uv_pipe_t control;
    struct lun_host_control_reader reader;
    char bytes[4096];
    unsigned handles;
};

/* --- its end ------------------------------------------------------------ */

static void on_handle_closed(uv_handle_t *handle)
{
    struct lun_worker_process *process = handle->data;
    if (--process->handles > 0 || !process->ended) {
        return;
    }
    if (process->pidfd >= 0) {
        (void)close(process->pidfd);
    }
    const struct lun_worker_process_hooks hooks = process->options.hooks;
    free(process);
    hooks.on_closed(hooks.context);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle)) {
        uv_close(handle, on_handle_closed);
    }
}

/* The handle of the process stays open until the end was reported, so the last
 * handle to be closed comes after `ended`. */
static void end(struct lun_worker_process *process, int status, int signal)
{
    process->ended = true;
    process->options.hooks.on_exit(process->options.hooks.context, process,
                                   status, signal);
    close_handle((uv_handle_t *)&process->control);
    close_handle(process->pidfd >= 0 ? (uv_handle_t *)&process->poll
                                     : (uv_handle_t *)&process->process);
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
    end(child->data, (int)status, signal);
}

static void on_pidfd(uv_poll_t *poll, int failed, int events)
{
    struct lun_worker_process *process = poll->data;
    int status = 0;
    (void)failed;
    (void)events;
    if (waitpid(process->pid, &status, WNOHANG) == process->pid) {
        (void)uv_poll_stop(poll);
        end(process, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    }
}

/* --- the socket --------------------------------------------------------- */

static void on_message(void *context, const struct lun_host_control *message)
{
    struct lun_worker_process *process = context;
    process->options.hooks.on_message(process->options.hooks.context, process,
                                      message);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *out)
{
    struct lun_worker_process *process = handle->data;
    (void)size;
    *out = uv_buf_init(process->bytes, sizeof process->bytes);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct lun_worker_process *process = stream->data;
    struct lun_err err;
    if (got < 0) {
        close_handle((uv_handle_t *)stream); /* its exit will be reported */
        return;
    }
    if (lun_host_control_feed(&process->reader, bytes->base, (size_t)got,
                              on_message, process, &err) != 0) {
        lun_console_complain("worker %u: %s", process->options.slot,
                             err.message);
        lun_worker_process_kill(process, SIGKILL);
    }
}

static int open_control(struct lun_worker_process *process, int fd)
{
    (void)uv_pipe_init(process->options.loop, &process->control, 0);
    process->control.data = process;
    process->handles++;
    int code = uv_pipe_open(&process->control, fd);
    if (code != 0) {
        (void)close(fd);
        return code;
    }
    return uv_read_start((uv_stream_t *)&process->control, on_alloc, on_read);
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

bool lun_worker_process_send(struct lun_worker_process *process,
                             const struct lun_host_control *message)
{
    if (process->ended || uv_is_closing((uv_handle_t *)&process->control)) {
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
        uv_write(&write->request, (uv_stream_t *)&process->control, &bytes, 1,
                 on_written) != 0) {
        lun_buf_release(&write->text);
        free(write);
        return false;
    }
    return true;
}

/* --- its start ---------------------------------------------------------- */

static struct lun_worker_process *
make(const struct lun_worker_process_options *options)
{
    struct lun_worker_process *process = calloc(1, sizeof *process);
    if (process != NULL) {
        process->options = *options;
        process->pidfd = -1;
        process->started_ns = lun_clock_monotonic_ns();
        process->process.data = process;
        process->poll.data = process;
    }
    return process;
}

static int spawn(struct lun_worker_process *process, int control_fd)
{
    const struct lun_worker_process_options *options = &process->options;
    char slot[16];
    char metrics_slot[16];
    char parent[16];
    (void)snprintf(slot, sizeof slot, "%u", options->slot);
    (void)snprintf(metrics_slot, sizeof metrics_slot, "%u",
                   options->metrics_slot);
    (void)snprintf(parent, sizeof parent, "%d", (int)getpid());
    char *args[] = {(char *)lun_process_self(),
                    "__worker",
                    (char *)options->config_path,
                    (char *)options->data,
                    slot,
                    metrics_slot,
                    parent,
                    (char *)options->set_path,
                    NULL};
    uv_stdio_container_t stdio[FDS] = {{.flags = UV_IGNORE}};
    const int inherited[FDS] = {0,
                                1,
                                2,
                                options->listen_fd,
                                control_fd,
                                options->metrics_fd,
                                options->tls_fd};
    for (int i = 1; i < FDS; i++) {
        stdio[i].flags = inherited[i] >= 0 ? UV_INHERIT_FD : UV_IGNORE;
        stdio[i].data.fd = inherited[i];
    }
    const uv_process_options_t how = {
        .file = args[0],
        .args = args,
        .exit_cb = on_child_exit,
        .flags = UV_PROCESS_DETACHED,
        .stdio = stdio,
        .stdio_count = options->tls_fd >= 0 ? FDS : FDS - 1,
    };
    return uv_spawn(options->loop, &process->process, &how);
}

static void on_failed_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int lun_worker_process_start(const struct lun_worker_process_options *options,
                             struct lun_worker_process **out,
                             struct lun_err *err)
{
    int pair[2];
    struct lun_worker_process *process = make(options);
    if (process == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        free(process);
        return lun_error_set(err, LUN_EIO, "cannot start worker %u: %s",
                             options->slot, strerror(errno));
    }
    int code = spawn(process, pair[1]);
    (void)close(pair[1]);
    if (code != 0) {
        (void)close(pair[0]);
        uv_close((uv_handle_t *)&process->process, on_failed_closed);
        return lun_error_set(err, LUN_EIO, "cannot start worker %u: %s",
                             options->slot, uv_strerror(code));
    }
    process->handles++;
    process->pid = process->process.pid;
    if (open_control(process, pair[0]) != 0) {
        lun_worker_process_kill(process, SIGKILL);
    }
    *out = process;
    return 0;
}

int lun_worker_process_adopt(const struct lun_worker_process_options *options,
                             pid_t pid, int control_fd,
                             struct lun_worker_process **out,
                             struct lun_err *err)
{
    struct lun_worker_process *process = make(options);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process == NULL || fd < 0) {
        (void)close(control_fd);
        free(process);
        return lun_error_set(err, LUN_EIO, "cannot take over worker %u: %s",
                             options->slot, strerror(errno));
    }
    process->pid = pid;
    process->pidfd = fd;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    (void)uv_poll_init(options->loop, &process->poll, fd);
    process->handles++;
    (void)uv_poll_start(&process->poll, UV_READABLE, on_pidfd);
    if (open_control(process, control_fd) != 0) {
        lun_worker_process_kill(process, SIGKILL);
    }
    *out = process;
    return 0;
}

/* --- what it is --------------------------------------------------------- */

pid_t lun_worker_process_pid(const struct lun_worker_process *process)
{
    return process->pid;
}

unsigned lun_worker_process_metrics(const struct lun_worker_process *process)
{
    return process->options.metrics_slot;
}

uint64_t lun_worker_process_started(const struct lun_worker_process *process)
{
    return process->started_ns;
}

int lun_worker_process_control(const struct lun_worker_process *process)
{
    uv_os_fd_t fd;
    if (process->ended ||
        uv_is_closing((const uv_handle_t *)&process->control) ||
        uv_fileno((const uv_handle_t *)&process->control, &fd) != 0) {
        return -1;
    }
    return fd;
}

/* Until its end was reported the pid is its own: it is our child. */
void lun_worker_process_kill(struct lun_worker_process *process, int signal)
{
    if (!process->ended) {
        (void)kill(process->pid, signal);
    }
}
