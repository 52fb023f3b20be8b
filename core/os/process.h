/*
 * core/os/process.h - children: whose rights they have, when they end.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct lun_err;

/* An account of the machine. */
struct lun_process_user {
    uid_t uid;
    gid_t gid;
    char name[64];
};

/* By name, or the calling process's own when `name` is NULL. */
int lun_process_user_find(const char *name, struct lun_process_user *out,
                          struct lun_err *err);
/* Becomes that account for good (needs root unless it is our own). */
int lun_process_user_become(const struct lun_process_user *user,
                            struct lun_err *err);
/* Whether the account may pass through and enter directory `path`. */
bool lun_process_user_reaches(const struct lun_process_user *user,
                              const char *path);

/*
 * Asks the kernel for `signal` when the parent ends. False when it has ended
 * before, so that the caller can leave at once.
 */
bool lun_process_die_with_parent(int signal, pid_t parent);

/*
 * Runs a program to its end as `user` (NULL: as we are), in directory "/" with
 * stdout and stderr appended to `log`. It gets SIGTERM when the caller dies
 * before it. Returns its exit status, 128 + signal, or -1 with `err` when it
 * could not be started.
 */
int lun_process_run(const char *const argv[],
                    const struct lun_process_user *user, const char *log,
                    struct lun_err *err);

/* The absolute path of the running program; "" when unknown. */
const char *lun_process_self(void);
bool lun_process_alive(pid_t pid);
