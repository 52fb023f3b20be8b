/*
 * modules/log/log.c - lines in the server's log that name app and request.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/telemetry/log.h"
#include "core/vm/module.h"

/* Beside those of an app's own: at most 16 fields, checked by log.lua. */
enum { OWN_FIELDS = 4, FIELDS = 16 };

/* Of one VM: lines in the second that began then. */
struct second {
    uint64_t begun_ns;
    unsigned lines;
    unsigned dropped;
};

static const struct lun_module_home *home_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

/* Whether one more line fits; the first of a second may tell of those before.
 */
static bool admit(struct second *second, unsigned rate, unsigned *missed)
{
    uint64_t now = lun_clock_monotonic_ns();
    *missed = 0;
    if (now - second->begun_ns >= 1000000000u) {
        *missed = second->dropped;
        *second = (struct second){.begun_ns = now};
    }
    if (second->lines >= rate) {
        second->dropped++;
        return false;
    }
    second->lines++;
    return true;
}

/* write(level, message, names, texts, rate) -> whether it was written */
static int log_write(lua_State *L)
{
    const struct lun_module_home *home = home_of(L);
    struct second *second = lua_touserdata(L, lua_upvalueindex(2));
    struct lun_log_field fields[OWN_FIELDS + FIELDS];
    char missed_text[16];
    unsigned missed;
    size_t count = 0;
    int level = lun_log_level_parse(luaL_checkstring(L, 1));
    const char *message = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    luaL_checktype(L, 4, LUA_TTABLE);
    if (!admit(second, (unsigned)luaL_checkinteger(L, 5), &missed)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    fields[count++] = (struct lun_log_field){"app", home->app};
    fields[count++] = (struct lun_log_field){"release", home->release};
    if (home->request[0])
        fields[count++] = (struct lun_log_field){"request", home->request};
    if (missed) {
        snprintf(missed_text, sizeof(missed_text), "%u", missed);
        fields[count++] = (struct lun_log_field){"dropped", missed_text};
    }
    luaL_checkstack(L, 2 * FIELDS, NULL);
    for (int i = 1; i <= FIELDS && i <= (int)lua_objlen(L, 3); i++) {
        /* Both stay on the stack until the line is written. */
        lua_rawgeti(L, 3, i);
        lua_rawgeti(L, 4, i);
        fields[count++] = (struct lun_log_field){luaL_checkstring(L, -2),
                                                 luaL_checkstring(L, -1)};
    }
    lun_log_write((enum lun_log_level)level, message, fields, count);
    lua_pushboolean(L, 1);
    return 1;
}

/* enabled(level) */
static int log_enabled(lua_State *L)
{
    int level = lun_log_level_parse(luaL_checkstring(L, 1));
    lua_pushboolean(L,
                    level >= 0 && lun_log_enabled((enum lun_log_level)level));
    return 1;
}

static void open_log(lua_State *L, const struct lun_module_home *home)
{
    lua_pushlightuserdata(L, (void *)home);
    memset(lua_newuserdata(L, sizeof(struct second)), 0, sizeof(struct second));
    lua_pushcclosure(L, log_write, 2);
    lua_setfield(L, -2, "write");
    lua_pushcfunction(L, log_enabled);
    lua_setfield(L, -2, "enabled");
}

const struct lun_module lun_module_log = {.name = "log", .open = open_log};
