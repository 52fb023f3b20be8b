/*
 * core/serve/release.h - one release set at work in a worker.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request holds a reference from its first to its last moment, so what it
 * began with serves it to the end; a set that was replaced goes with its last
 * request.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/map.h"
#include "core/bind/apps.h"

struct lun_config;
struct lun_err;
struct lun_framework;
struct lun_plan_cache;

struct lun_release {
    struct lun_framework *framework;
    int service; /* handle in the framework */
    unsigned refs;
    char id[72];       /* of the release set */
    char header[1024]; /* value of Lunette-Release */
    bool has_users;    /* the service has the directory of users */
    struct lun_plan_cache *plans;
    struct lun_bind_apps apps; /* that have functions */
    struct lun_map callers;    /* by token: core/serve/auth.h */
    /* Called once it is gone; may be NULL. */
    void (*gone)(void *context);
    void *gone_context;
};

/* Where a set is loaded. */
struct lun_release_place {
    struct lun_framework *framework;
    const struct lun_config *config;
    uv_loop_t *loop;
    /* Sets (or NULL) whose VMs it may share. */
    const struct lun_release *like[2];
};

/* Loads the set in the file `path` and runs the files of its apps; one
 * reference is the caller's. On failure `err` names app, file and line. */
int lun_release_open(const struct lun_release_place *place, const char *path,
                     struct lun_release **out, struct lun_err *err);
struct lun_release *lun_release_ref(struct lun_release *release);
void lun_release_unref(struct lun_release *release);
