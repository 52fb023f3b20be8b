/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/upgrade.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/bind/apps.h"
#include "core/serve/release.h"
#include "core/telemetry/log.h"
#include "core/vm/app.h"
#include "core/vm/call.h"

#define ENTRY "upgrade"
#define LIMIT_NS UINT64_C(5000000000) /* beside the budget of the app */

/* An empty list (core/vm/data.c): the state that is nothing. */
static const char nothing[9] = {'a'};

struct lun_upgrade {
    struct lun_release *from;
    struct lun_release *to;
    size_t index; /* of the app of `to` */
    struct lun_vm_call *call;
    struct lun_vm_spent spent;
    struct lun_buf state;
    bool taking; /* the new release has been given the state */
    bool starting;
    lun_upgrade_cb cb;
    void *context;
};

static void step(struct lun_upgrade *upgrade);

static void end(struct lun_upgrade *upgrade, const struct lun_err *err)
{
    lun_upgrade_cb cb = upgrade->cb;
    void *context = upgrade->context;
    lun_upgrade_cancel(upgrade);
    cb(context, err);
}

/* The VM of the same app in the other set, when it is another VM. */
static struct lun_vm_app *before(const struct lun_upgrade *upgrade,
                                 const struct lun_bind_app *app)
{
    const struct lun_bind_apps *apps = &upgrade->from->apps;
    for (size_t i = 0; i < apps->count; i++) {
        if (apps->items[i] == app)
            return NULL;
        if (!strcmp(lun_vm_app_name(apps->items[i]->vm),
                    lun_vm_app_name(app->vm)))
            return apps->items[i]->vm;
    }
    return NULL;
}

static void on_taken(struct lun_upgrade *upgrade,
                     const struct lun_vm_fault *fault)
{
    struct lun_err err;
    if (fault) {
        (void)lun_error_set(&err, LUN_EREFUSED, "on_upgrade: %.*s",
                            (int)strcspn(fault->message, "\n"), fault->message);
        end(upgrade, &err);
        return;
    }
    upgrade->index++;
    step(upgrade);
}

static void start(struct lun_upgrade *upgrade, struct lun_vm_app *vm,
                  const char *data, size_t len, lun_vm_call_cb cb)
{
    struct lun_err err;
    memset(&upgrade->spent, 0, sizeof(upgrade->spent));
    upgrade->spent.deadline_ns = lun_clock_monotonic_ns() + LIMIT_NS;
    snprintf(upgrade->spent.request, sizeof(upgrade->spent.request),
             "on_upgrade");
    upgrade->call =
        lun_vm_call_start(vm, &upgrade->spent, ENTRY, data, len, cb, upgrade);
    if (!upgrade->call && !upgrade->starting) {
        (void)lun_error_set(&err, LUN_EMEMORY, "out of memory");
        end(upgrade, &err);
    }
}

static void on_call(void *context, struct lun_vm_call *call,
                    enum lun_vm_event event, const char *data, size_t len,
                    const struct lun_vm_fault *fault)
{
    struct lun_upgrade *upgrade = context;
    if (event == LUN_VM_ASKS) {
        lun_vm_call_refuse(call, "on_upgrade only hands over what the release "
                                 "has in memory");
        return;
    }
    upgrade->call = NULL;
    if (upgrade->taking) {
        on_taken(upgrade, fault);
        return;
    }
    struct lun_vm_app *to = upgrade->to->apps.items[upgrade->index]->vm;
    if (fault) {
        struct lun_log_field fields[] = {{"release", lun_vm_app_release(to)},
                                         {"detail", fault->message}};
        lun_log_write(LUN_LOG_WARN,
                      "the release before could not give its state", fields, 2);
    }
    lun_buf_clear(&upgrade->state);
    lun_buf_push(&upgrade->state, data, len);
    if (fault || upgrade->state.failed || len <= sizeof(nothing)) {
        on_taken(upgrade, NULL);
        return;
    }
    upgrade->taking = true;
    start(upgrade, to, upgrade->state.data, len, on_call);
}

/* On to the next app that has a VM in both sets. */
static void step(struct lun_upgrade *upgrade)
{
    upgrade->taking = false;
    for (; upgrade->index < upgrade->to->apps.count; upgrade->index++) {
        struct lun_vm_app *vm =
            before(upgrade, upgrade->to->apps.items[upgrade->index]);
        if (vm) {
            start(upgrade, vm, nothing, sizeof(nothing), on_call);
            return;
        }
    }
    if (!upgrade->starting)
        end(upgrade, NULL);
}

struct lun_upgrade *lun_upgrade_start(struct lun_release *from,
                                      struct lun_release *to, lun_upgrade_cb cb,
                                      void *context)
{
    struct lun_upgrade *upgrade = calloc(1, sizeof(*upgrade));
    struct lun_err err;
    if (!upgrade) {
        (void)lun_error_set(&err, LUN_EMEMORY, "out of memory");
        cb(context, &err);
        return NULL;
    }
    upgrade->from = lun_release_ref(from);
    upgrade->to = lun_release_ref(to);
    upgrade->cb = cb;
    upgrade->context = context;
    upgrade->starting = true;
    step(upgrade);
    upgrade->starting = false;
    if (upgrade->call)
        return upgrade;
    end(upgrade, NULL);
    return NULL;
}

void lun_upgrade_cancel(struct lun_upgrade *upgrade)
{
    if (!upgrade)
        return;
    if (upgrade->call)
        lun_vm_call_cancel(upgrade->call);
    lun_release_unref(upgrade->from);
    lun_release_unref(upgrade->to);
    lun_buf_release(&upgrade->state);
    free(upgrade);
}
