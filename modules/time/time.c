/*
 * modules/time/time.c - what the Lua of the module cannot know: time zones.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lauxlib.h>

#include "core/vm/module.h"
#include "modules/time/zone.h"

/* offset(zone, seconds since 1970) -> seconds ahead of UTC, name | nil: there
 * is no such zone */
static int time_offset(lua_State *L)
{
    struct lun_time_offset offset;
    const struct lun_time_zone *zone =
        lun_time_zone_find(luaL_checkstring(L, 1));
    if (!zone)
        return 0;
    lun_time_zone_at(zone, (int64_t)luaL_checknumber(L, 2), &offset);
    lua_pushinteger(L, offset.seconds);
    lua_pushstring(L, offset.name);
    return 2;
}

static void open_time(lua_State *L, const struct lun_module_home *home)
{
    (void)home;
    lua_pushcfunction(L, time_offset);
    lua_setfield(L, -2, "offset");
}

const struct lun_module lun_module_time = {.name = "time", .open = open_time};
