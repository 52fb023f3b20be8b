/*
 * core/os/process.c - children: whose rights they have, when they end.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/os/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"

int lun_process_user_find(const char *name, struct lun_process_user *out,
                          struct lun_err *err)
{
    const struct passwd *entry =
        name != NULL ? getpwnam(name) : getpwuid(geteuid());
    if (entry == NULL && name != NULL) {
        return lun_error_set(err, LUN_ENOT_FOUND, "there is no user '%s'",
                             name);
    }
    /* An account without a name is usual in containers. */
    out->uid = entry != NULL ? entry->pw_uid : geteuid();
    out->gid = entry != NULL ? entry->pw_gid : getegid();
    (void)snprintf(out->name, sizeof out->name, "%s",
                   entry != NULL ? entry->pw_name : "lunette");
    return 0;
}

int lun_process_user_become(const struct lun_process_user *user,
                            struct lun_err *err)
{
    if (user->uid == geteuid()) {
        return 0;
    }
    if (initgroups(user->name, user->gid) != 0 || setgid(user->gid) != 0 ||
        setuid(user->uid) != 0) {
        return lun_error_set(err, LUN_EFORBIDDEN, "cannot become user '%s': %s",
                             user->name, strerror(errno));
    }
    return 0;
}

bool lun_process_user_reaches(const struct lun_process_user *user,
                              const char *path)
{
    if (user->uid == geteuid()) {
        return access(path, X_OK) == 0;
    }
    pid_t child = fork();
    if (child == 0) {
        bool ok = lun_process_user_become(user, NULL) == 0 && chdir(path) == 0;
        _exit(ok ? 0 : 1);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

bool lun_process_die_with_parent(int signal, pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, signal) == 0 && getppid() == parent;
}

static void run_child(const char *const argv[],
                      const struct lun_process_user *user, const char *log,
                      pid_t parent)
{
    int in = open("/dev/null", O_RDONLY);
    int out = open(log, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 ||
        dup2(out, 2) < 0) {
        _exit(126);
    }
    struct lun_err err;
    if (user != NULL && lun_process_user_become(user, &err) != 0) {
        (void)dprintf(2, "%s\n", err.message);
        _exit(126);
    }
    /* After the change of user: that clears the signal. */
    if (chdir("/") != 0 || !lun_process_die_with_parent(SIGTERM, parent)) {
        _exit(126);
    }
    execvp(argv[0], (char *const *)argv);
    (void)dprintf(2, "cannot run '%s': %s\n", argv[0], strerror(errno));
    _exit(127);
}

int lun_process_run(const char *const argv[],
                    const struct lun_process_user *user, const char *log,
                    struct lun_err *err)
{
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        run_child(argv, user, log, parent);
    }
    int status;
    while (child > 0 && waitpid(child, &status, 0) != child) {
        if (errno != EINTR) {
            child = -1;
        }
    }
    if (child < 0) {
        (void)lun_error_set(err, LUN_EIO, "cannot run '%s': %s", argv[0],
                            strerror(errno));
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *lun_process_self(void)
{
    static char path[PATH_MAX];
    if (path[0] == '\0') {
        ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
        path[len > 0 ? len : 0] = '\0';
    }
    return path;
}

/* Where nobody reaps (a container whose first process does not), the dead stay
 * in the table. */
static bool is_zombie(pid_t pid)
{
    char path[64];
    char text[512];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    text[len > 0 ? len : 0] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && strncmp(name_end, ") Z", 3) == 0;
}

bool lun_process_alive(pid_t pid)
{
    return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM) && !is_zombie(pid);
}
