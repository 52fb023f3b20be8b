/*
 * core/serve/app_spawner.c - starts processes of apps for a worker.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/app_spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/serve/app_process.h"
#include "core/config/config.h"
#include "core/serve/worker_user.h"
#include "core/os/process.h"
#include "core/vm/remote.h"

#define ANSWER_NS UINT64_C(2000000000)

static int spawner = -1; /* the worker's end */
static struct lun_vm_remote_host host;

/* A byte with the socket of the process. */
union control {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* --- the spawner -------------------------------------------------------- */

static int receive(int from)
{
    char byte;
    union control control;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do {
        got = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    const struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (got != 1 || head == NULL || head->cmsg_type != SCM_RIGHTS) {
        return -1;
    }
    int fd;
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

static _Noreturn void become(int fd, const struct lun_config *config,
                             pid_t parent)
{
    char *args[] = {"lunette", "__app", config->log, config->log_level, NULL};
    /* `fd` may be 3 already, with close-on-exec. */
    int socket = fcntl(fd, F_DUPFD_CLOEXEC, LUN_APP_PROCESS_FD + 1);
    if (socket < 0 || dup2(socket, LUN_APP_PROCESS_FD) < 0 ||
        close_range(LUN_APP_PROCESS_FD + 1, ~0U, 0) != 0 ||
        !lun_process_die_with_parent(SIGKILL, parent)) {
        _exit(126);
    }
    (void)signal(SIGCHLD, SIG_DFL);
    (void)execv("/proc/self/exe",
                args); /* this one, whatever its file is now */
    _exit(127);
}

static _Noreturn void serve(int from, const struct lun_config *config)
{
    int fd;
    (void)signal(SIGCHLD, SIG_IGN); /* the kernel takes the dead away */
    (void)signal(SIGTERM, SIG_IGN); /* ends with the worker */
    (void)prctl(PR_SET_NAME, "lunette-spawner", 0, 0, 0);
    while ((fd = receive(from)) >= 0) {
        pid_t self = getpid();
        pid_t child = fork();
        if (child == 0) {
            (void)close(from);
            become(fd, config, self);
        }
        (void)close(fd);
        if (write(from, &child, sizeof child) != (ssize_t)sizeof child) {
            break;
        }
    }
    _exit(0);
}

/* --- the worker --------------------------------------------------------- */

/* The signals that slice the time of apps interrupt calls. */
static pid_t read_pid(void)
{
    uint64_t end = lun_clock_monotonic_ns() + ANSWER_NS;
    pid_t pid = -1;
    do {
        struct pollfd ask = {.fd = spawner, .events = POLLIN};
        if (poll(&ask, 1, ANSWER_NS / 1000000) == 1) {
            ssize_t got = read(spawner, &pid, sizeof pid);
            if (got >= 0 || errno != EINTR) {
                return got == (ssize_t)sizeof pid ? pid : -1;
            }
        }
    } while (lun_clock_monotonic_ns() < end);
    return -1;
}

static pid_t spawn(int fd)
{
    char byte = 0;
    union control control;
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    memset(&control, 0, sizeof control);
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    ssize_t sent;
    do {
        sent = sendmsg(spawner, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == 1 ? read_pid() : -1;
}

int lun_app_spawner_start(const struct lun_config *config,
                          void (*ended)(const char *app, const char *release,
                                        int pid, const char *request),
                          struct lun_err *err)
{
    int pair[2];
    /* First: without a spawner they must not be opened at all. */
    host = (struct lun_vm_remote_host){.spawn = spawn, .ended = ended};
    lun_vm_remote_set_host(&host);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return lun_error_set(err, LUN_EIO, "no socket: %s", strerror(errno));
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        /* Nothing of the worker stays open in it. */
        int from = fcntl(pair[1], F_DUPFD_CLOEXEC, 3);
        if (from != 3) {
            from = dup3(pair[1], 3, O_CLOEXEC);
        }
        (void)close_range(4, ~0U, 0);
        if (from != 3 || lun_worker_user_become(config->user, NULL) != 0 ||
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            !lun_process_die_with_parent(SIGKILL, parent)) {
            _exit(126);
        }
        serve(from, config);
    }
    (void)close(pair[1]);
    if (child < 0) {
        (void)close(pair[0]);
        return lun_error_set(err, LUN_EIO, "cannot fork: %s", strerror(errno));
    }
    spawner = pair[0];
    return 0;
}
