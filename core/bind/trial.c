/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/trial.h"

#include <lauxlib.h>
#include <lua.h>

#include "core/base/error.h"
#include "core/bind/framework.h"
#include "core/bind/plan.h"

/* (json) -> PLAN */
static int make_plan(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "lunette.runtime.trial");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "plan");
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

struct lun_plan *lun_bind_trial_plan(struct lun_framework *framework,
                                     const char *json, size_t len,
                                     struct lun_err *err)
{
    lua_State *L = lun_framework_state(framework);
    struct lun_plan *plan = NULL;
    int top = lua_gettop(L);
    lua_pushcfunction(L, make_plan);
    lua_pushlstring(L, json, len);
    if (!lua_pcall(L, 1, 1, 0))
        plan = lun_bind_plan_new(L, -1, err);
    else
        lun_error_set(err, LUN_EBAD_INPUT, "%s", lua_tostring(L, -1));
    lua_settop(L, top);
    return plan;
}
