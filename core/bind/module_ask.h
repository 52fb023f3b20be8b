/*
 * core/bind/module_ask.h - what an app asks of a core module's C part.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lun_bind_app;
struct lun_bind_modules;
struct lun_vm_spent;

struct lun_bind_module_ask; /* opaque; gone with its callback */

struct lun_bind_module_order {
    const struct lun_bind_app *app; /* a reference to its VM is taken */
    const struct lun_bind_modules *modules;
    struct lun_vm_spent *spent;
    const char *traceparent;
    uint64_t deadline_ns;
    /* `data` is the answer (core/vm/data.h) or, refused, a message. */
    void (*cb)(void *context, bool refused, const char *data, size_t len);
    void *context;
};

/*
 * Starts what {op="module", module=name, data=value} at the top of the stack
 * asks; `*out` is the ask until `cb` is called, never before this returns. On
 * failure returns what to tell the app.
 */
const char *lun_bind_module_ask(const struct lun_bind_module_order *order,
                                lua_State *L, struct lun_bind_module_ask **out);
/* Its answer is not waited for any more: `cb` is not called. */
void lun_bind_module_ask_forget(struct lun_bind_module_ask *ask);
