/*
 * core/vm/state.h - Lua states.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The system VM runs the framework (lua/lunette), one per worker and one in the
 * loader; apps cannot reach it. App files run in an environment of their own
 * inside a state that holds nothing else (lua/lunette/app/environment.lua).
 */
#pragma once

#include <lua.h>

struct lun_err;

/*
 * A state with the standard libraries whose `require` finds modules only below
 * `lua_dir` (so `require "lunette.graphql.types"`). NULL and `err` when memory
 * ran out or the path is too long. lua_close ends it.
 */
lua_State *lun_vm_system_new(const char *lua_dir, struct lun_err *err);

/*
 * Calls the function below `args` arguments on the stack under a traceback
 * handler, as lua_pcall does. On failure returns LUN_EINTERNAL with the
 * message and traceback in `err` and leaves nothing on the stack.
 */
int lun_vm_call(lua_State *L, int args, int results, struct lun_err *err);
