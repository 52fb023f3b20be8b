/*
 * core/vm/remote.h - the VM of an app in a process of its own.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The worker's end: apps with `isolated` in their configuration are opened and
 * called as others are (core/vm/app.h, core/vm/call.h), but their VM is that of
 * a child (core/serve/app_process.h). When it ends, its calls fail with
 * LUN_EUNAVAILABLE, and the next call starts another one, after a delay when
 * the last did not live long.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/vm/call.h"

struct lun_err;
struct lun_vm_app;
struct lun_vm_app_config;
struct lun_vm_remote;

struct lun_vm_remote_host {
    /* Starts a process that serves `fd`, which stays the caller's; its pid, or
     * -1. May block for some milliseconds. */
    pid_t (*spawn)(int fd);
    /* A process has ended by itself; `request` is one that it was at, or "". */
    void (*ended)(const char *app, const char *release, pid_t pid,
                  const char *request);
};

/* `host` must stay. Without it (a console, a test, an embedding program) apps
 * are opened in the calling process. */
void lun_vm_remote_set_host(const struct lun_vm_remote_host *host);
bool lun_vm_remote_has_host(void);

/* Starts the process and waits until it has loaded the app. */
int lun_vm_remote_open(struct lun_vm_app *app,
                       const struct lun_vm_app_config *config,
                       struct lun_vm_remote **out, struct lun_err *err);
/* Ends the process. No call may be under way. */
void lun_vm_remote_close(struct lun_vm_remote *remote);

/* As those of core/vm/call.h. */
void lun_vm_remote_start(struct lun_vm_remote *remote,
                         struct lun_vm_call *call);
void lun_vm_remote_answer(struct lun_vm_remote *remote,
                          struct lun_vm_call *call, const char *data,
                          size_t len, bool refused);
void lun_vm_remote_cancel(struct lun_vm_remote *remote,
                          struct lun_vm_call *call);
