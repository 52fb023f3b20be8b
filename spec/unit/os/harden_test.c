/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/os/harden.h"

#if defined(__SANITIZE_ADDRESS__)
#define FILTERS 0
#else
#define FILTERS 1
#endif

/* Runs `act` in a process of its own; its result becomes the exit status. */
static int in_child(enum lun_harden_filter kind, int (*act)(void))
{
    pid_t child = fork();
    if (child == 0) {
        lun_harden_process();
        if (lun_harden_filter_calls(kind, NULL, NULL) != 0) {
            _exit(99);
        }
        _exit(act());
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int denied(long result)
{
    return result == -1 && errno == EPERM ? 0 : 1;
}

static int start_a_program(void)
{
    char *args[] = {"/bin/true", NULL};
    return denied(execv(args[0], args));
}

static int find_the_filter(void)
{
    return lun_harden_is_filtered() ? 0 : 1;
}

static int fork_a_process(void)
{
    return denied(fork());
}

static int fork_by_clone(void)
{
    return denied(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int trace_the_parent(void)
{
    return denied(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int kill_the_parent(void)
{
    return denied(kill(getppid(), SIGKILL));
}

static int mount_something(void)
{
    return denied(mount("none", "/mnt", "tmpfs", 0, NULL));
}

static int become_root(void)
{
    return denied(setuid(0)) + denied(syscall(SYS_keyctl, 0, 0, 0, 0, 0)) +
           denied(syscall(SYS_bpf, 0, NULL, 0)) +
           denied(syscall(SYS_unshare, 0));
}

static int open_a_raw_socket(void)
{
    return denied(socket(AF_PACKET, SOCK_RAW, 0));
}

static void keeps_workers_from_other_programs_and_rights(void **state)
{
    (void)state;
    int (*const acts[])(void) = {
        start_a_program, find_the_filter,  fork_a_process,
        fork_by_clone,   trace_the_parent, kill_the_parent,
        mount_something, become_root,      open_a_raw_socket};
    for (size_t i = 0; FILTERS && i < sizeof acts / sizeof acts[0]; i++) {
        assert_int_equal(in_child(LUN_HARDEN_WORKER, acts[i]), 0);
        assert_int_equal(in_child(LUN_HARDEN_APP, acts[i]), 0);
    }
}

/* As in a container that lets nobody install a filter. */
static int work_without_filters(void)
{
    struct lun_err err = {.message = ""};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0) ||
        seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
                         SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)) ||
        seccomp_load(filter) != 0) {
        return 90;
    }
    int code = lun_harden_filter_calls(LUN_HARDEN_WORKER, NULL, &err);
    return code == LUN_EFORBIDDEN &&
                   strstr(err.message, "system calls cannot be filtered: ") &&
                   !lun_harden_is_filtered()
               ? 0
               : 1;
}

static void says_when_the_machine_takes_no_filter(void **state)
{
    (void)state;
    pid_t child = FILTERS ? fork() : -1;
    if (child == 0) {
        _exit(work_without_filters());
    }
    int status = 0;
    assert_true(!FILTERS || waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
}

static void *in_thread(void *context)
{
    return context;
}

static int do_what_a_worker_does(void)
{
    pthread_t thread;
    int given = 0;
    void *got = NULL;
    struct addrinfo *found = NULL;
    if (pthread_create(&thread, NULL, in_thread, &given) != 0 ||
        pthread_kill(thread, 0) != 0 || pthread_join(thread, &got) != 0 ||
        got != &given) {
        return 1;
    }
    if (getaddrinfo("localhost", "1", NULL, &found) != 0) {
        return 2;
    }
    freeaddrinfo(found);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int file = open("/dev/null", O_WRONLY);
    struct rlimit limit;
    if (fd < 0 || file < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        kill(getpid(), 0) != 0) {
        return 3;
    }
    return 0;
}

static void lets_workers_do_their_work(void **state)
{
    (void)state;
    assert_false(lun_harden_is_filtered());
    assert_int_equal(in_child(LUN_HARDEN_WORKER, do_what_a_worker_does), 0);
}

static int open_files_and_sockets(void)
{
    int fd = open("/etc/passwd", O_RDONLY);
    return (fd < 0) + denied(open("/dev/null", O_WRONLY)) +
           denied(open("/tmp/no-such-file", O_RDWR | O_CREAT, 0600)) +
           denied(socket(AF_INET, SOCK_STREAM, 0)) +
           denied(unlink("/tmp/no-such-file"));
}

static int compute(void)
{
    char *memory = malloc((size_t)8 * 1024 * 1024);
    if (memory == NULL) {
        return 1;
    }
    memset(memory, 1, (size_t)8 * 1024 * 1024);
    free(memory);
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? 0 : 1;
}

static void keeps_apps_from_files_and_network(void **state)
{
    (void)state;
    if (FILTERS) {
        assert_int_equal(in_child(LUN_HARDEN_APP, open_files_and_sockets), 0);
    }
    assert_int_equal(in_child(LUN_HARDEN_APP, compute), 0);
}

static int pipe_to;

static void tell(int number, const char *name)
{
    (void)dprintf(pipe_to, "%d %s", number, name);
}

static void tells_which_call_was_denied(void **state)
{
    (void)state;
    int pair[2];
    char expected[64];
    char text[64] = "";
    if (!FILTERS) {
        return;
    }
    assert_int_equal(pipe(pair), 0);
    pid_t child = fork();
    if (child == 0) {
        pipe_to = pair[1];
        (void)lun_harden_filter_calls(LUN_HARDEN_WORKER, tell, NULL);
        _exit(start_a_program());
    }
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_true(read(pair[0], text, sizeof text - 1) > 0);
    (void)snprintf(expected, sizeof expected, "%d execve", (int)SYS_execve);
    assert_string_equal(text, expected);
    close(pair[0]);
    close(pair[1]);
}

static int has_hardened(void)
{
    struct rlimit core;
    return getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0 &&
                   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                   prctl(PR_GET_DUMPABLE) == !FILTERS
               ? 0
               : 1;
}

static void leaves_no_core_and_takes_no_new_rights(void **state)
{
    (void)state;
    assert_int_equal(in_child(LUN_HARDEN_WORKER, has_hardened), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_workers_from_other_programs_and_rights),
        cmocka_unit_test(lets_workers_do_their_work),
        cmocka_unit_test(keeps_apps_from_files_and_network),
        cmocka_unit_test(tells_which_call_was_denied),
        cmocka_unit_test(says_when_the_machine_takes_no_filter),
        cmocka_unit_test(leaves_no_core_and_takes_no_new_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
