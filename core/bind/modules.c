/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/modules.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/bind/apps.h"
#include "core/vm/app.h"

void lun_bind_modules_init(struct lun_bind_modules *modules,
                           const struct lun_module_host *host)
{
    *modules = (struct lun_bind_modules){.host = *host};
}

static bool is_started(const struct lun_bind_modules *modules,
                       const struct lun_module *module)
{
    for (size_t i = 0; i < modules->count; i++)
        if (modules->items[i].module == module)
            return true;
    return false;
}

static void start_one(struct lun_bind_modules *modules,
                      const struct lun_module *module)
{
    if (!module || !module->start || is_started(modules, module))
        return;
    struct lun_bind_module *items = realloc(
        modules->items, (modules->count + 1) * sizeof(*modules->items));
    if (!items)
        return;
    modules->items = items;
    items[modules->count++] = (struct lun_bind_module){
        .module = module, .state = module->start(&modules->host)};
}

void lun_bind_modules_start(struct lun_bind_modules *modules,
                            const struct lun_bind_apps *apps)
{
    for (size_t i = 0; i < apps->count; i++)
        for (size_t j = 0; j < apps->items[i]->grant_count; j++)
            start_one(modules, apps->items[i]->grants[j].module);
}

void *lun_bind_modules_state(const struct lun_bind_modules *modules,
                             const struct lun_module *module)
{
    for (size_t i = 0; modules && i < modules->count; i++)
        if (modules->items[i].module == module)
            return modules->items[i].state;
    return NULL;
}

static void on_stopped(void *context)
{
    struct lun_bind_modules *modules = context;
    if (--modules->stopping)
        return;
    free(modules->items);
    modules->items = NULL;
    modules->count = 0;
    modules->stopped(modules->stopped_context);
}

void lun_bind_modules_stop(struct lun_bind_modules *modules,
                           void (*stopped)(void *context), void *context)
{
    size_t count = modules->count;
    modules->stopped = stopped;
    modules->stopped_context = context;
    /* One more, held until all were told. */
    modules->stopping = 1;
    for (size_t i = 0; i < count; i++) {
        struct lun_bind_module *item = &modules->items[i];
        if (!item->module->stop)
            continue;
        modules->stopping++;
        item->module->stop(item->state, on_stopped, modules);
    }
    on_stopped(modules);
}
