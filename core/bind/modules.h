/*
 * core/bind/modules.h - the C parts of core modules at work in a worker.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>
#include <uv.h>

#include "core/vm/module.h"

struct lun_bind_apps;

struct lun_bind_module {
    const struct lun_module *module;
    void *state; /* of module->start; may be NULL */
};

/* Those that were needed so far. */
struct lun_bind_modules {
    struct lun_module_host host;
    struct lun_bind_module *items;
    size_t count;
    size_t stopping;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* `host` as modules get it; nothing is started yet. */
void lun_bind_modules_init(struct lun_bind_modules *modules,
                           const struct lun_module_host *host);
/* Starts the modules that `apps` were granted and that are not at work. */
void lun_bind_modules_start(struct lun_bind_modules *modules,
                            const struct lun_bind_apps *apps);
/* The state of a module, NULL when it has none. */
void *lun_bind_modules_state(const struct lun_bind_modules *modules,
                             const struct lun_module *module);
/* Stops all; `stopped` comes last and may come before this returns. */
void lun_bind_modules_stop(struct lun_bind_modules *modules,
                           void (*stopped)(void *context), void *context);
