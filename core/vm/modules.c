/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/modules.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/vm/app.h"
#include "core/vm/module.h"

#define HOMES "lunette.modules"
#define SOURCE_MAX ((size_t)1024 * 1024)
#define OPTIONS_MEMORY ((size_t)4 * 1024 * 1024)
#define OPTIONS_DEPTH 16

const struct lun_module *lun_module_find(const char *name)
{
    const struct lun_module *const *at = lun_modules();
    while (*at && strcmp((*at)->name, name))
        at++;
    return *at;
}

void lun_module_answer(struct lun_module_ask *ask, const char *data, size_t len)
{
    ask->done(ask, data, len, NULL);
}

void lun_module_refuse(struct lun_module_ask *ask, const char *message)
{
    ask->done(ask, NULL, 0, message);
}

/* Homes -------------------------------------------------------------------- */

/* One allocation of the VM: the homes, and behind them their texts. */
struct homes {
    size_t count;
    struct lun_module_home home[];
};

static char *put_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);
    *at += size;
    return copy;
}

static struct homes *push_homes(lua_State *L,
                                const struct lun_vm_app_config *config)
{
    size_t count = config->grant_count;
    size_t texts = strlen(config->name) + strlen(config->release) + 2;
    for (size_t i = 0; i < count; i++)
        texts += strlen(config->grants[i].options) + 1;
    struct homes *homes = lua_newuserdata(
        L, sizeof(*homes) + count * sizeof(*homes->home) + texts);
    char *at = (char *)&homes->home[count];
    const char *app = put_text(&at, config->name);
    const char *release = put_text(&at, config->release);
    homes->count = count;
    for (size_t i = 0; i < count; i++)
        homes->home[i] = (struct lun_module_home){
            .app = app,
            .release = release,
            .options = put_text(&at, config->grants[i].options),
        };
    return homes;
}

void lun_vm_modules_set_request(lua_State *L, const char *request)
{
    lua_getfield(L, LUA_REGISTRYINDEX, HOMES);
    struct homes *homes = lua_touserdata(L, -1);
    lua_pop(L, 1);
    for (size_t i = 0; homes && i < homes->count; i++)
        snprintf(homes->home[i].request, sizeof(homes->home[i].request), "%s",
                 request);
}

/* Options ------------------------------------------------------------------ */

static void push_json(lua_State *L, const struct lun_json *node)
{
    luaL_checkstack(L, 4, NULL);
    int at = 0;
    switch (node->type) {
    case LUN_JSON_NULL:
        lua_pushnil(L);
        break;
    case LUN_JSON_FALSE:
    case LUN_JSON_TRUE:
        lua_pushboolean(L, node->type == LUN_JSON_TRUE);
        break;
    case LUN_JSON_NUMBER:
        lua_pushnumber(L, strtod(node->text, NULL));
        break;
    case LUN_JSON_STRING:
        lua_pushlstring(L, node->text, node->len);
        break;
    case LUN_JSON_ARRAY:
    case LUN_JSON_OBJECT:
        lua_newtable(L);
        for (node = node->child; node; node = node->next) {
            if (node->key)
                lua_pushlstring(L, node->key, node->key_len);
            else
                lua_pushinteger(L, ++at);
            push_json(L, node);
            lua_rawset(L, -3);
        }
        break;
    }
}

static int push_options(lua_State *L, const struct lun_vm_grant *grant,
                        struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *node;
    if (!grant->options[0]) {
        lua_newtable(L);
        return 0;
    }
    /* Raising leaves the arena behind; only a VM without memory does. */
    lun_arena_init(&arena, OPTIONS_MEMORY);
    int rc = lun_json_parse(&arena, grant->options, strlen(grant->options),
                            OPTIONS_DEPTH, 100000, &node, err);
    if (!rc)
        push_json(L, node);
    lun_arena_release(&arena);
    return rc;
}

/* The module's Lua --------------------------------------------------------- */

static int load_text(lua_State *L, const char *path, const char *name,
                     char *text, struct lun_err *err)
{
    char chunk[128];
    snprintf(chunk, sizeof(chunk), "=modules/%s/%s.lua", name, name);
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(text, 1, SOURCE_MAX, file) : 0;
    int bad = !file || ferror(file) || len == SOURCE_MAX;
    if (file)
        fclose(file);
    if (bad)
        return lun_error_set(err, LUN_EIO, "cannot read '%s'", path);
    if (!luaL_loadbufferx(L, text, len, chunk, "t"))
        return 0;
    lun_error_set(err, LUN_EINTERNAL, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    return LUN_EINTERNAL;
}

static int push_chunk(lua_State *L, const char *dir, const char *name,
                      struct lun_err *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/%s/%s.lua", dir, name, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return lun_error_set(err, LUN_ECONFIG, "the path '%s' is too long",
                             dir);
    char *text = malloc(SOURCE_MAX);
    if (!text)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    int rc = load_text(L, path, name, text, err);
    free(text);
    return rc;
}

/* All of them -------------------------------------------------------------- */

/* Sets what takes part in a module in the table on top of the stack: name ->
 * { chunk, native, options, needs }. */
static int add_module(lua_State *L, const struct lun_vm_app_config *config,
                      const struct lun_vm_grant *grant,
                      const struct lun_module_home *home, struct lun_err *err);

static int add_needs(lua_State *L, const struct lun_vm_app_config *config,
                     const struct lun_module *module,
                     const struct lun_module_home *home, struct lun_err *err)
{
    int rc = 0;
    luaL_checkstack(L, 16, NULL);
    lua_newtable(L);
    const struct lun_module_need *need = module->needs;
    for (; !rc && need && need->name; need++) {
        const struct lun_vm_grant grant = {.module =
                                               lun_module_find(need->name),
                                           .name = need->name,
                                           .options = need->options};
        rc = add_module(L, config, &grant, home, err);
    }
    if (!rc)
        lua_setfield(L, -2, "needs");
    return rc;
}

static int add_module(lua_State *L, const struct lun_vm_app_config *config,
                      const struct lun_vm_grant *grant,
                      const struct lun_module_home *home, struct lun_err *err)
{
    lua_createtable(L, 0, 4);
    int rc = push_chunk(L, config->modules_dir, grant->name, err);
    if (rc)
        return rc;
    lua_setfield(L, -2, "chunk");
    rc = push_options(L, grant, err);
    if (rc)
        return rc;
    lua_setfield(L, -2, "options");
    lua_newtable(L);
    if (grant->module && grant->module->open)
        grant->module->open(L, home);
    lua_setfield(L, -2, "native");
    if (grant->module && grant->module->needs)
        rc = add_needs(L, config, grant->module, home, err);
    if (!rc)
        lua_setfield(L, -2, grant->name);
    return rc;
}

int lun_vm_modules_push(lua_State *L, const struct lun_vm_app_config *config,
                        struct lun_err *err)
{
    int top = lua_gettop(L);
    luaL_checkstack(L, 16, NULL);
    const struct homes *homes = push_homes(L, config);
    lua_setfield(L, LUA_REGISTRYINDEX, HOMES);
    lua_createtable(L, 0, (int)config->grant_count);
    for (size_t i = 0; i < config->grant_count; i++) {
        int rc =
            add_module(L, config, &config->grants[i], &homes->home[i], err);
        if (rc) {
            lua_settop(L, top);
            return rc;
        }
    }
    return 0;
}
