/*
 * core/bind/apps.h - the VMs of the apps of a release set.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <uv.h>

struct lun_bind_task;
struct lun_err;
struct lun_framework;
struct lun_vm_app;
struct lun_vm_grant;

/* An app that has functions. Sets share it while its release and all that policy
 * gives it are the same. */
struct lun_bind_app {
    struct lun_vm_app *vm;
    struct lun_vm_grant *grants; /* modules it may use */
    size_t grant_count;
    /* Its mutations at work, each with a connection, and those that wait until
     * it may have another: core/bind/turn.h. */
    unsigned at_work;
    struct lun_bind_task *first;
    struct lun_bind_task *last;
    unsigned refs;
    size_t key_len;
    char *key; /* all that its VM was made of */
};

struct lun_bind_apps {
    struct lun_bind_app **items;
    size_t count;
};

/*
 * Opens the apps of a service of `framework`; those which `like` (may be NULL)
 * has in the same form are shared with it. On failure `err` says which file and
 * line, and `out` is empty. Released with lun_bind_apps_release.
 */
int lun_bind_apps_open(struct lun_framework *framework, int service,
                       uv_loop_t *loop, const char *lua_dir,
                       const char *modules_dir,
                       const struct lun_bind_apps *const *like,
                       struct lun_bind_apps *out, struct lun_err *err);
void lun_bind_apps_release(struct lun_bind_apps *apps);
