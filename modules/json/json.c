/*
 * modules/json/json.c - from JSON to Lua, and strings to JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/vm/module.h"

/* A value of one byte of text takes a node; this bounds both. */
#define MEMORY_PER_BYTE 160
#define VALUES_MAX ((size_t)1000000)
#define SIGNIFICANT_MAX 17 /* digits of a float */

/* Places on the stack of decode. */
enum { TEXT = 1, DEPTH, NULL_VALUE, MAKE_DECIMAL, ALL_DECIMAL, EMPTY, ARENA };

static int free_arena(lua_State *L)
{
    lun_arena_release(lua_touserdata(L, 1));
    return 0;
}

/* In a userdata, so that an error raised on the way frees it. */
static struct lun_arena *push_arena(lua_State *L, size_t max)
{
    struct lun_arena *arena = lua_newuserdata(L, sizeof(*arena));
    lun_arena_init(arena, max);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, free_arena);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return arena;
}

static bool is_whole(const char *text)
{
    return strpbrk(text, ".eE") == NULL;
}

/* The shortest text that gives the number back. */
static void shortest(double number, char out[40])
{
    if (number == floor(number) && fabs(number) < 1e17) {
        snprintf(out, 40, "%.0f", number);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, 40, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            return;
    }
}

/* Significant digits of a number, and the place of the first one. */
struct digits {
    char text[SIGNIFICANT_MAX];
    int count;
    long place;
};

/* False when there are more than a float may hold. */
static bool read_digits(const char *text, struct digits *out)
{
    long place = 0;
    int zeros = 0;
    bool point = false;
    out->count = 0;
    for (; *text && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.')
            point = true;
        if (*text < '0' || *text > '9')
            continue;
        if (*text == '0' && !out->count) {
            place -= point;
            continue;
        }
        place += !point;
        if (*text == '0') {
            zeros++;
            continue;
        }
        if (out->count + zeros >= SIGNIFICANT_MAX)
            return false;
        for (; zeros; zeros--)
            out->text[out->count++] = '0';
        out->text[out->count++] = *text;
    }
    out->place = *text ? place + strtol(text + 1, NULL, 10) : place;
    return true;
}

/* Whether a Lua number gives the same digits back. */
static bool is_exact(const char *text, double number)
{
    char back[40];
    struct digits a, b;
    if (is_whole(text))
        return fabs(number) < 9007199254740992.0;
    if (!isfinite(number) || !read_digits(text, &a))
        return false;
    shortest(number, back);
    return read_digits(back, &b) && a.count == b.count &&
           (a.place == b.place || !a.count) &&
           !memcmp(a.text, b.text, (size_t)a.count);
}

static void push_number(lua_State *L, const char *text, size_t len)
{
    double number = strtod(text, NULL);
    bool exact = is_exact(text, number);
    if (exact && (is_whole(text) || !lua_toboolean(L, ALL_DECIMAL))) {
        lua_pushnumber(L, number);
        return;
    }
    lua_pushvalue(L, MAKE_DECIMAL);
    lua_pushlstring(L, text, len);
    lua_call(L, 1, 1);
}

static void push_value(lua_State *L, const struct lun_json *node)
{
    int at = 0;
    luaL_checkstack(L, 6, "the value nests too deep");
    switch (node->type) {
    case LUN_JSON_NULL:
        lua_pushvalue(L, NULL_VALUE);
        return;
    case LUN_JSON_FALSE:
    case LUN_JSON_TRUE:
        lua_pushboolean(L, node->type == LUN_JSON_TRUE);
        return;
    case LUN_JSON_NUMBER:
        push_number(L, node->text, node->len);
        return;
    case LUN_JSON_STRING:
        lua_pushlstring(L, node->text, node->len);
        return;
    case LUN_JSON_ARRAY:
        lua_createtable(L, (int)node->count, 0);
        if (!node->count) {
            lua_pushvalue(L, -1);
            lua_pushboolean(L, 1);
            lua_rawset(L, EMPTY);
        }
        break;
    case LUN_JSON_OBJECT:
        lua_createtable(L, 0, (int)node->count);
        break;
    }
    for (node = node->child; node; node = node->next) {
        if (node->key)
            lua_pushlstring(L, node->key, node->key_len);
        else
            lua_pushinteger(L, ++at);
        push_value(L, node);
        lua_rawset(L, -3);
    }
}

/* decode(text, depth, null, make_decimal, all_decimal, empty_arrays) -> true,
 * value | nil, what is wrong */
static int json_decode(lua_State *L)
{
    struct lun_err err = {0};
    struct lun_json *node;
    size_t len;
    const char *text = luaL_checklstring(L, TEXT, &len);
    unsigned depth = (unsigned)luaL_checkinteger(L, DEPTH);
    luaL_checktype(L, EMPTY, LUA_TTABLE);
    lua_settop(L, EMPTY);
    struct lun_arena *arena =
        push_arena(L, len * MEMORY_PER_BYTE + (size_t)64 * 1024);
    int code = lun_json_parse(arena, text, len, depth, VALUES_MAX, &node, &err);
    if (code) {
        lun_arena_release(arena);
        lun_arena_init(arena, 0);
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    lua_pushboolean(L, 1);
    push_value(L, node);
    lun_arena_release(arena);
    lun_arena_init(arena, 0);
    return 2;
}

/* quote(text) -> JSON string */
static int json_quote(lua_State *L)
{
    static const char hex[] = "0123456789abcdef";
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    luaL_addchar(&out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *found = c ? strchr("\"\\\b\f\n\r\t", c) : NULL;
        if (found) {
            luaL_addchar(&out, '\\');
            luaL_addchar(&out, "\"\\bfnrt"[found - "\"\\\b\f\n\r\t"]);
        } else if (c < 0x20 || c == 0x7f) {
            luaL_addlstring(&out, "\\u00", 4);
            luaL_addchar(&out, hex[c >> 4]);
            luaL_addchar(&out, hex[c & 15]);
        } else {
            luaL_addchar(&out, (char)c);
        }
    }
    luaL_addchar(&out, '"');
    luaL_pushresult(&out);
    return 1;
}

/* number(value) -> the shortest text that gives it back, nil when it has none
 */
static int json_number(lua_State *L)
{
    char text[40];
    double number = luaL_checknumber(L, 1);
    if (!isfinite(number))
        return 0;
    shortest(number, text);
    lua_pushstring(L, text);
    return 1;
}

static void open_json(lua_State *L, const struct lun_module_home *home)
{
    (void)home;
    lua_pushcfunction(L, json_decode);
    lua_setfield(L, -2, "decode");
    lua_pushcfunction(L, json_quote);
    lua_setfield(L, -2, "quote");
    lua_pushcfunction(L, json_number);
    lua_setfield(L, -2, "number");
}

const struct lun_module lun_module_json = {.name = "json", .open = open_json};
