/*
 * core/vm/app.h - the VM of one release of one app in one worker.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A LuaJIT state of its own: its own libraries, capped memory, no way to any
 * other VM. The trusted part inside is lua/lunette/guest; the app's files see
 * only the environment that it makes. What goes in and out is data
 * (core/vm/data.h), so that the same calls work when the VM lives in a process
 * of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct lun_app_metrics;
struct lun_err;
struct lun_module;
struct lun_vm_app; /* opaque; counted references */

/* What policy gives an app; 0 is never "no limit". */
struct lun_vm_limits {
    size_t memory_bytes;     /* of the VM */
    uint64_t cpu_ns;         /* of one request in this app */
    uint64_t slice_ns;       /* at a stretch; then others have their turn */
    uint64_t stuck_ns;       /* at a stretch that nothing could stop: the worker
                                gives up and is replaced */
    uint64_t wall_ns;        /* of one request in this app */
    uint64_t statements;     /* of one request */
    uint64_t rows;           /* of one request, read and written */
    uint64_t outgoing_bytes; /* of one request, by modules */
    size_t crossing_bytes;   /* of one value that leaves or enters */
};

struct lun_vm_source {
    const char *chunk; /* "sales:app.lua" */
    const char *text;
    size_t len;
};

/* A granted module and the options of its grant (JSON, "" for none). */
struct lun_vm_grant {
    const struct lun_module *module; /* NULL: it has no C part */
    const char *name;
    const char *options;
};

struct lun_vm_app_config {
    uv_loop_t *loop;
    const char *name;    /* "sales" */
    const char *release; /* "sales@1.0.0+1a2b3c4d" */
    const char *lua_dir; /* where lunette.guest is */
    const char *modules_dir;
    struct lun_vm_limits limits;
    bool isolated; /* in a process of its own: core/vm/remote.h */
    const struct lun_vm_source *sources;
    size_t source_count;
    const struct lun_vm_grant *grants;
    size_t grant_count;
    const char *setup; /* data for lunette.guest: models, names, grants */
    size_t setup_len;
};

/*
 * Makes the VM and runs the files in their order, under the limits. On failure
 * `err` holds "sales:app.lua:14: ..." and nothing is left. Everything of the
 * configuration is copied, but the loop.
 */
int lun_vm_app_open(const struct lun_vm_app_config *config,
                    struct lun_vm_app **out, struct lun_err *err);
struct lun_vm_app *lun_vm_app_ref(struct lun_vm_app *app);
/* The last one closes the VM; calls hold references. */
void lun_vm_app_unref(struct lun_vm_app *app);

const char *lun_vm_app_name(const struct lun_vm_app *app);
const char *lun_vm_app_release(const struct lun_vm_app *app);
const struct lun_vm_limits *lun_vm_app_limits(const struct lun_vm_app *app);
struct lun_app_metrics *lun_vm_app_metrics(const struct lun_vm_app *app);
size_t lun_vm_app_memory(const struct lun_vm_app *app);
