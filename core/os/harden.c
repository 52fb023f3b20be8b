/*
 * core/os/harden.c - a process gives up what it does not need.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/os/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/base/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Denied to every process that runs code of apps. */
static const char *const forbidden[] = {
    /* other programs, other processes */
    "execve",
    "execveat",
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "kcmp",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "setpriority",
    "ioprio_set",
    /* other rights */
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setfsuid",
    "setfsgid",
    "setgroups",
    "capset",
    "keyctl",
    "add_key",
    "request_key",
    "personality",
    /* other views of the machine */
    "mount",
    "umount",
    "umount2",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "pivot_root",
    "chroot",
    "setns",
    "unshare",
    "name_to_handle_at",
    "open_by_handle_at",
    "fanotify_init",
    "fanotify_mark",
    "quotactl",
    "quotactl_fd",
    "mknod",
    "mknodat",
    "acct",
    "swapon",
    "swapoff",
    "vhangup",
    "syslog",
    /* the kernel itself */
    "bpf",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "perf_event_open",
    "userfaultfd",
    "reboot",
    "iopl",
    "ioperm",
    "modify_ldt",
    "lookup_dcookie",
    "nfsservctl",
    "_sysctl",
    "uselib",
    "vm86",
    "vm86old",
    "io_uring_register",
    "io_uring_enter",
    /* its clock and name */
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "stime",
    "sethostname",
    "setdomainname",
};

/* Denied besides to a process that has only its socket. */
static const char *const forbidden_to_apps[] = {
    "socket",       "socketpair",   "connect",       "bind",
    "listen",       "accept",       "accept4",       "sendto",
    "sendmmsg",     "openat2",      "creat",         "unlink",
    "unlinkat",     "rename",       "renameat",      "renameat2",
    "link",         "linkat",       "symlink",       "symlinkat",
    "mkdir",        "mkdirat",      "rmdir",         "chmod",
    "fchmod",       "fchmodat",     "chown",         "fchown",
    "lchown",       "fchownat",     "truncate",      "ftruncate",
    "setxattr",     "lsetxattr",    "fsetxattr",     "removexattr",
    "lremovexattr", "fremovexattr", "utimensat",     "utime",
    "utimes",       "chdir",        "fchdir",        "ioctl",
    "setrlimit",    "setsid",       "setpgid",       "shmget",
    "shmat",        "msgget",       "semget",        "mq_open",
    "memfd_create", "inotify_init", "inotify_init1", "clone",
};

static void (*volatile on_denied)(int number, const char *name);

static const char *find_name(int number, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (seccomp_syscall_resolve_name(names[i]) == number) {
            return names[i];
        }
    }
    return NULL;
}

static const char *name_of(int number)
{
    static const char *const others[] = {"clone",     "kill",  "tgkill",
                                         "prlimit64", "ioctl", "socket"};
    const char *name =
        find_name(number, forbidden, sizeof forbidden / sizeof forbidden[0]);
    if (name == NULL) {
        name =
            find_name(number, forbidden_to_apps,
                      sizeof forbidden_to_apps / sizeof forbidden_to_apps[0]);
    }
    if (name == NULL) {
        name = find_name(number, others, sizeof others / sizeof others[0]);
    }
    return name != NULL ? name : "?";
}

/* The call has not been made; the thread goes on as if it had failed. */
static void on_sigsys(int signal, siginfo_t *info, void *context)
{
    ucontext_t *thread = context;
    (void)signal;
#if defined(__x86_64__)
    thread->uc_mcontext.gregs[REG_RAX] = -EPERM;
#elif defined(__aarch64__)
    thread->uc_mcontext.regs[0] = (unsigned long long)-EPERM;
#else
    (void)thread;
#endif
    if (on_denied != NULL) {
        on_denied(info->si_syscall, name_of(info->si_syscall));
    }
}

static uint32_t deny(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
    return SCMP_ACT_TRAP;
#else
    return SCMP_ACT_ERRNO(EPERM);
#endif
}

/* Names that this machine or library does not know are passed over. */
static int deny_all(scmp_filter_ctx filter, const char *const *names,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR || number < 0) {
            continue;
        }
        int code = seccomp_rule_add(filter, deny(), number, 0);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

/* Threads are needed (resolving names, compressing), processes are not. glibc
 * falls back from clone3 to clone, whose flags a filter can see. */
static int deny_processes(scmp_filter_ctx filter)
{
    int code = seccomp_rule_add(
        filter, deny(), SCMP_SYS(clone), 1,
        SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, (scmp_datum_t)0));
    if (code == 0) {
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                                SCMP_SYS(clone3), 0);
    }
    if (code == 0) {
        code = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                                SCMP_SYS(io_uring_setup), 0);
    }
    return code;
}

static int deny_others(scmp_filter_ctx filter, int call)
{
    return seccomp_rule_add(
        filter, deny(), call, 1,
        SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)(unsigned)getpid()));
}

/* Signals and limits for itself only, sockets of the usual kinds only. */
static int deny_arguments(scmp_filter_ctx filter)
{
    static const int families[] = {AF_PACKET,    AF_ALG,  AF_VSOCK, AF_KEY,
                                   AF_BLUETOOTH, AF_TIPC, AF_RDS};
    int code = deny_others(filter, SCMP_SYS(kill));
    if (code == 0) {
        code = deny_others(filter, SCMP_SYS(tgkill));
    }
    if (code == 0) {
        code = seccomp_rule_add(filter, deny(), SCMP_SYS(prlimit64), 1,
                                SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)0));
    }
    if (code == 0) {
        code = seccomp_rule_add(filter, deny(), SCMP_SYS(ioctl), 1,
                                SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)TIOCSTI));
    }
    for (size_t i = 0; i < sizeof families / sizeof families[0] && code == 0;
         i++) {
        code =
            seccomp_rule_add(filter, deny(), SCMP_SYS(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
    }
    return code;
}

/* Files are opened for reading only; `flags` is the place of the argument. */
static int deny_writing(scmp_filter_ctx filter, int call, unsigned flags)
{
    static const int denied[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    int code = 0;
    for (size_t i = 0; i < sizeof denied / sizeof denied[0] && code == 0; i++) {
        scmp_datum_t bit = (scmp_datum_t)denied[i];
        struct scmp_arg_cmp with =
            SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, bit, bit);
        code = seccomp_rule_add_array(filter, deny(), call, 1, &with);
    }
    return code;
}

static int fill(scmp_filter_ctx filter, enum lun_harden_filter kind)
{
    int code = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (code == 0) { /* the kernel's own reason, where the library can */
        (void)seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
    }
    if (code == 0) {
        /* Calls of another architecture (32 bits) kill: nobody makes them. */
        code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                                SCMP_ACT_KILL_PROCESS);
    }
    if (code == 0) {
        code =
            deny_all(filter, forbidden, sizeof forbidden / sizeof forbidden[0]);
    }
    if (code == 0 && kind == LUN_HARDEN_APP) {
        code = deny_writing(filter, SCMP_SYS(open), 1);
    }
    if (code == 0 && kind == LUN_HARDEN_APP) {
        code = deny_writing(filter, SCMP_SYS(openat), 2);
    }
    if (code == 0 && kind == LUN_HARDEN_APP) {
        code = deny_all(filter, forbidden_to_apps,
                        sizeof forbidden_to_apps / sizeof forbidden_to_apps[0]);
        code = code == 0 ? deny_others(filter, SCMP_SYS(kill)) : code;
        code = code == 0 ? deny_others(filter, SCMP_SYS(tgkill)) : code;
        code = code == 0 ? seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                                            SCMP_SYS(clone3), 0)
                         : code;
        return code;
    }
    code = code == 0 ? deny_processes(filter) : code;
    return code == 0 ? deny_arguments(filter) : code;
}

static void take_signal(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_sigsys;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGSYS, &action, NULL);
}

int lun_harden_filter_calls(enum lun_harden_filter kind,
                            void (*denied)(int number, const char *name),
                            struct lun_err *err)
{
    if (SANITIZED) {
        return 0;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    on_denied = denied;
    take_signal();
    int code = fill(filter, kind);
    code = code == 0 ? seccomp_load(filter) : code;
    seccomp_release(filter);
    if (code != 0) {
        return lun_error_set(err, LUN_EFORBIDDEN,
                             "system calls cannot be filtered: %s",
                             strerror(-code));
    }
    return 0;
}

void lun_harden_process(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!SANITIZED) { /* leaks are looked for by a helper process */
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
}

bool lun_harden_is_filtered(void)
{
    void (*told)(int number, const char *name) = on_denied;
    on_denied = NULL; /* not a try of anybody else */
    long result = syscall(SYS_execve, NULL, NULL, NULL);
    bool denied = result == -1 && errno == EPERM;
    on_denied = told;
    return denied;
}
