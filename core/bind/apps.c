/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/apps.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/bind/framework.h"
#include "core/vm/app.h"
#include "core/vm/data.h"
#include "core/vm/module.h"

#define SETUP_MAX ((size_t)64 << 20)
#define MS 1000000.0

/* One app while it is opened. */
struct opening {
    lua_State *L;
    struct lun_arena arena;
    struct lun_vm_app_config config;
    struct lun_buf setup;
    struct lun_buf key;
};

/* Reading ------------------------------------------------------------------ */

static void *take(struct opening *opening, size_t count, size_t size)
{
    void *out = lun_arena_calloc(&opening->arena, count ? count : 1, size);
    if (!out)
        luaL_error(opening->L, "out of memory");
    return out;
}

/* A copy of string `name` of the table at the top. */
static const char *text_of(struct opening *opening, const char *name,
                           size_t *len)
{
    size_t size;
    lua_getfield(opening->L, -1, name);
    const char *text = luaL_checklstring(opening->L, -1, &size);
    char *copy = take(opening, size + 1, 1);
    memcpy(copy, text, size);
    if (len)
        *len = size;
    lua_pop(opening->L, 1);
    return copy;
}

static double limit_of(struct opening *opening, const char *name,
                       double otherwise)
{
    lua_getfield(opening->L, -1, name);
    double value =
        lua_isnumber(opening->L, -1) ? lua_tonumber(opening->L, -1) : otherwise;
    lua_pop(opening->L, 1);
    return value >= 0 ? value : otherwise;
}

static void read_limits(struct opening *opening)
{
    struct lun_vm_limits *limits = &opening->config.limits;
    lua_getfield(opening->L, -1, "limits");
    luaL_checktype(opening->L, -1, LUA_TTABLE);
    limits->memory_bytes = (size_t)limit_of(opening, "memory", 64 << 20);
    limits->cpu_ns = (uint64_t)(limit_of(opening, "cpu_ms", 200) * MS);
    limits->wall_ns = (uint64_t)(limit_of(opening, "wall_ms", 5000) * MS);
    limits->slice_ns = (uint64_t)(limit_of(opening, "slice_ms", 5) * MS);
    limits->stuck_ns = (uint64_t)(limit_of(opening, "stuck_ms", 2000) * MS);
    limits->statements = (uint64_t)limit_of(opening, "statements", 1000);
    limits->rows = (uint64_t)limit_of(opening, "rows", 100000);
    limits->outgoing_bytes = (uint64_t)limit_of(opening, "outgoing", 10 << 20);
    limits->crossing_bytes = (size_t)limit_of(opening, "value", 4 << 20);
    lua_pop(opening->L, 1);
}

static void read_sources(struct opening *opening)
{
    lua_State *L = opening->L;
    lua_getfield(L, -1, "files");
    size_t count = lua_objlen(L, -1);
    struct lun_vm_source *sources = take(opening, count, sizeof(*sources));
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        sources[i].chunk = text_of(opening, "chunk", NULL);
        sources[i].text = text_of(opening, "text", &sources[i].len);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    opening->config.sources = sources;
    opening->config.source_count = count;
}

static void read_grants(struct opening *opening)
{
    lua_State *L = opening->L;
    lua_getfield(L, -1, "grants");
    size_t count = lua_objlen(L, -1);
    struct lun_vm_grant *grants = take(opening, count, sizeof(*grants));
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        grants[i].name = text_of(opening, "name", NULL);
        grants[i].options = text_of(opening, "options", NULL);
        grants[i].module = lun_module_find(grants[i].name);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    opening->config.grants = grants;
    opening->config.grant_count = count;
}

static void add_key(struct opening *opening, const void *data, size_t len)
{
    lun_buf_push(&opening->key, &len, sizeof(len));
    lun_buf_push(&opening->key, data, len);
}

static void add_key_text(struct opening *opening, const char *text)
{
    add_key(opening, text, strlen(text));
}

static void make_key(struct opening *opening)
{
    const struct lun_vm_app_config *config = &opening->config;
    add_key_text(opening, config->name);
    add_key_text(opening, config->release);
    add_key(opening, &config->isolated, sizeof(config->isolated));
    add_key(opening, &config->limits, sizeof(config->limits));
    for (size_t i = 0; i < config->source_count; i++) {
        add_key_text(opening, config->sources[i].chunk);
        add_key(opening, config->sources[i].text, config->sources[i].len);
    }
    for (size_t i = 0; i < config->grant_count; i++) {
        add_key_text(opening, config->grants[i].name);
        add_key_text(opening, config->grants[i].options);
    }
    add_key(opening, opening->setup.data, opening->setup.len);
}

/* (lightuserdata opening, table of lunette.runtime.setup) */
static int read_app(lua_State *L)
{
    struct opening *opening = lua_touserdata(L, 1);
    struct lun_err err;
    opening->L = L;
    lua_settop(L, 2);
    opening->config.name = text_of(opening, "name", NULL);
    opening->config.release = text_of(opening, "release", NULL);
    lua_getfield(L, -1, "isolated");
    opening->config.isolated = lua_toboolean(L, -1);
    lua_pop(L, 1);
    read_limits(opening);
    read_sources(opening);
    read_grants(opening);
    lua_getfield(L, -1, "setup");
    if (lun_vm_data_write(L, -1, SETUP_MAX, &opening->setup, &err))
        return luaL_error(L, "%s", err.message);
    lua_pop(L, 1);
    opening->config.setup = opening->setup.data;
    opening->config.setup_len = opening->setup.len;
    make_key(opening);
    return 0;
}

/* Opening ------------------------------------------------------------------ */

static void unref(struct lun_bind_app *app)
{
    if (!app || --app->refs)
        return;
    if (app->vm)
        lun_vm_app_unref(app->vm);
    for (size_t i = 0; i < app->grant_count; i++) {
        free((char *)app->grants[i].name);
        free((char *)app->grants[i].options);
    }
    free(app->grants);
    free(app->key);
    free(app);
}

static bool copy_grants(struct lun_bind_app *app,
                        const struct lun_vm_app_config *config)
{
    app->grants = calloc(config->grant_count + 1, sizeof(*app->grants));
    if (!app->grants)
        return false;
    for (size_t i = 0; i < config->grant_count; i++) {
        struct lun_vm_grant *grant = &app->grants[i];
        grant->module = config->grants[i].module;
        grant->name = strdup(config->grants[i].name);
        grant->options = strdup(config->grants[i].options);
        app->grant_count = i + 1;
        if (!grant->name || !grant->options)
            return false;
    }
    return true;
}

static int make(struct opening *opening, struct lun_bind_app **out,
                struct lun_err *err)
{
    struct lun_bind_app *app = calloc(1, sizeof(*app));
    if (app) {
        app->refs = 1;
        app->key_len = opening->key.len;
        app->key = malloc(opening->key.len + 1);
    }
    if (!app || !app->key || !copy_grants(app, &opening->config)) {
        unref(app);
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    memcpy(app->key, opening->key.data, opening->key.len);
    int rc = lun_vm_app_open(&opening->config, &app->vm, err);
    if (rc)
        unref(app);
    else
        *out = app;
    return rc;
}

static struct lun_bind_app *find(const struct opening *opening,
                                 const struct lun_bind_apps *const *like)
{
    for (; like && *like; like++)
        for (size_t i = 0; i < (*like)->count; i++) {
            struct lun_bind_app *app = (*like)->items[i];
            if (app->key_len == opening->key.len &&
                !memcmp(app->key, opening->key.data, app->key_len))
                return app;
        }
    return NULL;
}

/* Opens the app whose table is on top of the stack. */
static int open_one(lua_State *L, const struct lun_vm_app_config *common,
                    const struct lun_bind_apps *const *like,
                    struct lun_bind_app **out, struct lun_err *err)
{
    struct opening opening = {.config = *common};
    int rc = 0;
    lun_arena_init(&opening.arena, 0);
    lun_buf_init(&opening.setup);
    lun_buf_init(&opening.key);
    lua_pushcfunction(L, read_app);
    lua_pushlightuserdata(L, &opening);
    lua_pushvalue(L, -3);
    if (lua_pcall(L, 2, 0, 0)) {
        rc = lun_error_set(err, LUN_EINTERNAL, "%s", lua_tostring(L, -1));
        lua_pop(L, 1);
    } else if (opening.key.failed || opening.setup.failed) {
        rc = lun_error_set(err, LUN_EMEMORY, "out of memory");
    } else {
        struct lun_bind_app *same = find(&opening, like);
        if (same) {
            same->refs++;
            *out = same;
        } else {
            rc = make(&opening, out, err);
        }
    }
    lun_buf_release(&opening.key);
    lun_buf_release(&opening.setup);
    lun_arena_release(&opening.arena);
    return rc;
}

int lun_bind_apps_open(struct lun_framework *framework, int service,
                       uv_loop_t *loop, const char *lua_dir,
                       const char *modules_dir,
                       const struct lun_bind_apps *const *like,
                       struct lun_bind_apps *out, struct lun_err *err)
{
    lua_State *L = lun_framework_state(framework);
    struct lun_vm_app_config common = {
        .loop = loop, .lua_dir = lua_dir, .modules_dir = modules_dir};
    int top = lua_gettop(L);
    *out = (struct lun_bind_apps){0};
    int rc = lun_framework_push_apps(framework, service, err);
    if (rc)
        return rc;
    size_t count = lua_objlen(L, -1);
    out->items = calloc(count + 1, sizeof(struct lun_bind_app *));
    if (!out->items)
        rc = lun_error_set(err, LUN_EMEMORY, "out of memory");
    for (size_t i = 0; !rc && i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        rc = open_one(L, &common, like, &out->items[i], err);
        if (!rc)
            out->count = i + 1;
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    if (rc)
        lun_bind_apps_release(out);
    return rc;
}

void lun_bind_apps_release(struct lun_bind_apps *apps)
{
    for (size_t i = 0; i < apps->count; i++)
        unref(apps->items[i]);
    free(apps->items);
    *apps = (struct lun_bind_apps){0};
}
