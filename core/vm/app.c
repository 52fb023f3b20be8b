/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/app.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/telemetry/apps.h"
#include "core/vm/internal.h"
#include "core/vm/modules.h"
#include "core/vm/remote.h"

struct opening {
    struct lun_vm_app *app;
    const struct lun_vm_app_config *config;
    struct lun_err *err;
    int rc;
};

/* Functions for lunette.guest.boot ----------------------------------------- */

/* native.source(i) → function of the file, or nil after the last. */
static int l_source(lua_State *L)
{
    const struct lun_vm_app_config *config = lun_vm_host_app(L)->config;
    size_t index = (size_t)luaL_checkinteger(L, 1) - 1;
    if (!config || index >= config->source_count)
        return 0;
    const struct lun_vm_source *source = &config->sources[index];
    lua_pushfstring(L, "=%s", source->chunk);
    if (luaL_loadbufferx(L, source->text, source->len, lua_tostring(L, -1),
                         "t"))
        return lua_error(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, lun_vm_host_app(L)->environment);
    lua_setfenv(L, -2);
    return 1;
}

/* native.use(environment, call) */
static int l_use(lua_State *L)
{
    struct lun_vm_app *app = lun_vm_host_app(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_unref(L, LUA_REGISTRYINDEX, app->entry);
        app->entry = luaL_ref(L, LUA_REGISTRYINDEX);
    } else {
        lua_pop(L, 1);
    }
    luaL_unref(L, LUA_REGISTRYINDEX, app->environment);
    app->environment = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int prepare(lua_State *L)
{
    struct opening *opening = lua_touserdata(L, 1);
    struct lun_vm_app *app = opening->app;
    lun_vm_host_install(L, app);
    lua_getglobal(L, "host");
    opening->rc = lun_vm_modules_push(L, opening->config, opening->err);
    if (opening->rc)
        return 0;
    lua_setfield(L, -2, "modules");
    lua_getglobal(L, "native");
    lua_pushcfunction(L, l_source);
    lua_setfield(L, -2, "source");
    lua_pushcfunction(L, l_use);
    lua_setfield(L, -2, "use");
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunette.guest.boot");
    lua_call(L, 1, 1);
    app->entry = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

/* Opening ----------------------------------------------------------------- */

static int make_state(struct opening *opening)
{
    struct lun_vm_app *app = opening->app;
    app->L = luaL_newstate();
    if (!app->L)
        return lun_error_set(opening->err, LUN_EMEMORY, "out of memory");
    lun_vm_budget_install(app->L);
    lun_vm_heap_wrap(&app->heap, app->L, app->limits.memory_bytes);
    int status = lua_cpcall(app->L, prepare, opening);
    if (status) {
        const char *text = lua_tostring(app->L, -1);
        return lun_error_set(opening->err, LUN_EINTERNAL, "%s: %s", app->name,
                             text ? text : "out of memory");
    }
    lua_settop(app->L, 0);
    return opening->rc;
}

static void on_event(void *context, struct lun_vm_call *call,
                     enum lun_vm_event event, const char *data, size_t len,
                     const struct lun_vm_fault *fault)
{
    struct opening *opening = context;
    (void)call;
    (void)data;
    (void)len;
    if (event == LUN_VM_RETURNED)
        return;
    const char *end = strstr(fault->message, "\nstack traceback:");
    int shown = end ? (int)(end - fault->message) : (int)strlen(fault->message);
    opening->rc =
        lun_error_set(opening->err, fault->code, "%.*s", shown, fault->message);
}

/* Runs the files, all at once: the loader has tried them in a process. */
static int load(struct opening *opening)
{
    struct lun_vm_app *app = opening->app;
    struct lun_vm_spent spent = {.request = "load"};
    enum lun_vm_step step;
    struct lun_vm_call *call =
        lun_vm_call_new(app, &spent, "load", opening->config->setup,
                        opening->config->setup_len);
    if (!call)
        return lun_error_set(opening->err, LUN_EMEMORY, "out of memory");
    call->loading = true;
    call->cb = on_event;
    call->context = opening;
    app->config = opening->config;
    do
        step = lun_vm_call_run(call, app->limits.slice_ns);
    while (step == LUN_VM_STEP_SLICED);
    app->config = NULL;
    lun_vm_call_deliver(call, step);
    return opening->rc;
}

static int copy_names(struct lun_vm_app *app,
                      const struct lun_vm_app_config *config)
{
    app->name = strdup(config->name);
    app->release = strdup(config->release);
    app->lua_dir = strdup(config->lua_dir);
    app->scheduler = lun_vm_scheduler_take(config->loop);
    return app->name && app->release && app->lua_dir && app->scheduler
               ? 0
               : LUN_EMEMORY;
}

int lun_vm_app_open(const struct lun_vm_app_config *config,
                    struct lun_vm_app **out, struct lun_err *err)
{
    struct lun_vm_app *app = calloc(1, sizeof(*app));
    struct opening opening = {app, config, err, 0};
    bool apart = config->isolated && lun_vm_remote_has_host();
    if (!app)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    app->refs = 1;
    app->limits = config->limits;
    app->entry = app->environment = LUA_NOREF;
    int rc = copy_names(app, config);
    if (rc) {
        lun_error_set(err, rc, "out of memory");
    } else {
        app->metrics = lun_app_metrics_take(app->name, app->release);
        rc = apart ? lun_vm_remote_open(app, config, &app->remote, err)
                   : make_state(&opening);
    }
    if (!rc && !apart)
        rc = load(&opening);
    if (rc)
        lun_vm_app_unref(app);
    else
        *out = app;
    return rc;
}

/* Life -------------------------------------------------------------------- */

struct lun_vm_app *lun_vm_app_ref(struct lun_vm_app *app)
{
    app->refs++;
    return app;
}

void lun_vm_app_unref(struct lun_vm_app *app)
{
    if (--app->refs)
        return;
    if (app->remote)
        lun_vm_remote_close(app->remote);
    if (app->L) {
        lun_vm_heap_unwrap(&app->heap, app->L);
        lua_close(app->L);
    }
    if (app->metrics)
        lun_app_metrics_set(app->metrics, LUN_APP_MEMORY, 0);
    lun_app_metrics_give(app->metrics);
    if (app->scheduler)
        lun_vm_scheduler_give(app->scheduler);
    free(app->name);
    free(app->release);
    free(app->lua_dir);
    free(app);
}

const char *lun_vm_app_name(const struct lun_vm_app *app)
{
    return app->name;
}

const char *lun_vm_app_release(const struct lun_vm_app *app)
{
    return app->release;
}

const struct lun_vm_limits *lun_vm_app_limits(const struct lun_vm_app *app)
{
    return &app->limits;
}

struct lun_app_metrics *lun_vm_app_metrics(const struct lun_vm_app *app)
{
    return app->metrics;
}

size_t lun_vm_app_memory(const struct lun_vm_app *app)
{
    return app->heap.used;
}
