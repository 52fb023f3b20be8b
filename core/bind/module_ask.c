/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/module_ask.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/bind/apps.h"
#include "core/bind/modules.h"
#include "core/telemetry/apps.h"
#include "core/vm/app.h"
#include "core/vm/call.h"
#include "core/vm/data.h"
#include "core/vm/module.h"

struct lun_bind_module_ask {
    struct lun_module_ask ask; /* what the module knows of it */
    struct lun_bind_module_order order;
    struct lun_vm_app *vm;
    struct lun_buf data;
    char *traceparent;
    uint64_t before;   /* bytes that the request had sent */
    uint64_t outgoing; /* while nobody waits for the answer any more */
    bool forgotten;
    uv_timer_t later; /* tells an answer that came at once */
    bool starting;
    bool told;
    bool refused;
    struct lun_buf answer;
};

static void on_closed(uv_handle_t *handle)
{
    struct lun_bind_module_ask *own = handle->data;
    lun_buf_release(&own->data);
    lun_buf_release(&own->answer);
    lun_vm_app_unref(own->vm);
    free(own->traceparent);
    free(own);
}

static void deliver(struct lun_bind_module_ask *own)
{
    if (!own->forgotten)
        own->order.cb(own->order.context, own->refused,
                      own->answer.data ? own->answer.data : "",
                      own->answer.len);
    uv_close((uv_handle_t *)&own->later, on_closed);
}

static void on_later(uv_timer_t *timer)
{
    deliver(timer->data);
}

static void on_done(struct lun_module_ask *ask, const char *data, size_t len,
                    const char *refusal)
{
    struct lun_bind_module_ask *own = ask->context;
    if (own->told)
        return;
    own->told = true;
    lun_app_metrics_add(lun_vm_app_metrics(own->vm), LUN_APP_OUTGOING,
                        *own->ask.outgoing_bytes - own->before);
    own->refused = refusal != NULL;
    if (refusal)
        lun_buf_push(&own->answer, refusal, strlen(refusal) + 1);
    else
        lun_buf_push(&own->answer, data, len);
    if (own->starting)
        uv_timer_start(&own->later, on_later, 0, 0);
    else
        deliver(own);
}

void lun_bind_module_ask_forget(struct lun_bind_module_ask *ask)
{
    ask->forgotten = true;
    /* What it counts in belongs to the request. */
    ask->outgoing = *ask->ask.outgoing_bytes;
    ask->ask.outgoing_bytes = &ask->outgoing;
    ask->ask.traceparent = ask->traceparent ? ask->traceparent : "";
    if (!ask->told && ask->ask.module->cancel)
        ask->ask.module->cancel(&ask->ask);
}

static const struct lun_vm_grant *find_grant(const struct lun_bind_app *app,
                                             const char *name)
{
    for (size_t i = 0; i < app->grant_count; i++)
        if (!strcmp(app->grants[i].name, name))
            return &app->grants[i];
    return NULL;
}

static struct lun_bind_module_ask *make(const struct lun_bind_module_order *order,
                                        const struct lun_vm_grant *grant)
{
    struct lun_bind_module_ask *own = calloc(1, sizeof(*own));
    if (!own)
        return NULL;
    own->order = *order;
    own->vm = lun_vm_app_ref(order->app->vm);
    own->before = order->spent->outgoing_bytes;
    own->traceparent = strdup(order->traceparent);
    lun_buf_init(&own->data);
    lun_buf_init(&own->answer);
    own->ask = (struct lun_module_ask){
        .module = grant->module,
        .state = lun_bind_modules_state(order->modules, grant->module),
        .loop = order->modules->host.loop,
        .app = lun_vm_app_name(own->vm),
        .release = lun_vm_app_release(own->vm),
        .traceparent = own->traceparent ? own->traceparent : "",
        .options = grant->options,
        .deadline_ns = order->deadline_ns,
        .outgoing_bytes = &order->spent->outgoing_bytes,
        .max_outgoing = lun_vm_app_limits(own->vm)->outgoing_bytes,
        .done = on_done,
        .context = own,
    };
    uv_timer_init(order->modules->host.loop, &own->later);
    own->later.data = own;
    return own;
}

const char *lun_bind_module_ask(const struct lun_bind_module_order *order,
                                lua_State *L, struct lun_bind_module_ask **out)
{
    struct lun_err err;
    lua_getfield(L, -1, "module");
    const char *name = lua_tostring(L, -1);
    const struct lun_vm_grant *grant =
        name ? find_grant(order->app, name) : NULL;
    lua_pop(L, 1);
    if (!grant || !grant->module || !grant->module->ask)
        return "the app has no such module";
    struct lun_bind_module_ask *own = make(order, grant);
    if (!own)
        return "out of memory";
    lua_getfield(L, -1, "data");
    int rc = lun_vm_data_write(L, -1,
                               lun_vm_app_limits(own->vm)->crossing_bytes,
                               &own->data, &err);
    lua_pop(L, 1);
    if (rc) {
        uv_close((uv_handle_t *)&own->later, on_closed);
        return "what is asked of the module is too large";
    }
    own->ask.data = own->data.data;
    own->ask.len = own->data.len;
    *out = own;
    own->starting = true;
    grant->module->ask(&own->ask);
    own->starting = false;
    return NULL;
}
