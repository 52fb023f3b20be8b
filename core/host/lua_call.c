/*
 * core/host/lua_call.c - calls lua/lunette/loader.lua from the command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/host/lua_call.h"

#include <lauxlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/bind/host_module.h"
#include "core/bind/json.h"
#include "core/bind/loader.h"
#include "core/host/config.h"
#include "core/host/program.h"
#include "core/vm/state.h"

void lun_lua_push_option(struct lun_buf *options, const char *name,
                         const char *text)
{
    lun_buf_push_str(options, options->len > 0 ? ",\"" : "{\"");
    lun_buf_push_str(options, name);
    lun_buf_push_str(options, "\":");
    lun_buf_push_json_string(options, text, strlen(text));
}

/* Stack: function name, options as JSON -> text. */
static int call_loader(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunette.loader");
    lua_call(L, 1, 1);
    lua_pushvalue(L, 1);
    lua_gettable(L, -2);
    lua_pushcfunction(L, lun_bind_json_decode_lua);
    lua_pushvalue(L, 2);
    lua_call(L, 1, 1);
    lua_call(L, 1, 1);
    return 1;
}

static int call(lua_State *L, const char *function,
                const struct lun_buf *options, struct lun_buf *out,
                struct lun_err *err)
{
    lua_pushcfunction(L, call_loader);
    lua_pushstring(L, function);
    lua_pushlstring(L, options->data, options->len);
    int code = lun_vm_call(L, 2, 1, err);
    if (code != 0) {
        return code;
    }
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    if (text == NULL) {
        return lun_error_set(err, LUN_EINTERNAL, "loader.%s gave no text",
                             function);
    }
    lun_buf_push(out, text, len);
    return out->failed ? lun_error_set(err, LUN_EMEMORY, "out of memory") : 0;
}

int lun_lua_call(const struct lun_config *config, const char *function,
                 const struct lun_buf *options, struct lun_buf *out,
                 struct lun_err *err)
{
    char folder[PATH_MAX];
    char modules[PATH_MAX];
    if (options->failed) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    int code = lun_program_lua_dir(config, folder, err);
    if (code == 0) {
        code = lun_program_modules_dir(config, modules, err);
    }
    if (code != 0) {
        return code;
    }
    lua_State *L = lun_vm_system_new(folder, err);
    if (L == NULL) {
        return err != NULL ? err->code : LUN_EMEMORY;
    }
    lun_bind_host_module_open(L);
    lun_bind_loader_open(L);
    lua_getglobal(L, "host");
    lua_pushstring(L, modules);
    lua_setfield(L, -2, "modules_dir");
    if (config->policy[0] != '\0') {
        lua_pushstring(L, config->policy);
        lua_setfield(L, -2, "policy_file");
    }
    lua_pop(L, 1);
    code = call(L, function, options, out, err);
    lua_close(L);
    return code;
}
