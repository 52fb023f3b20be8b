/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/json.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/json.h"

#define MAX_DEPTH 100
#define MAX_NODES ((size_t)10000000)

static const char null_address;
static const char array_mt_address;

void lun_bind_json_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&null_address);
}

int lun_bind_json_is_null(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) &&
           lua_touserdata(L, index) == (void *)&null_address;
}

void lun_bind_json_push_array_mt(lua_State *L)
{
    lua_pushlightuserdata(L, (void *)&array_mt_address);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushlightuserdata(L, (void *)&array_mt_address);
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

static void push_container(lua_State *L, const struct lun_json *node)
{
    int index = 0;
    int count = (int)node->count;
    luaL_checkstack(L, 4, "JSON is nested too deeply");
    if (node->type == LUN_JSON_ARRAY) {
        lua_createtable(L, count, 0);
        lun_bind_json_push_array_mt(L);
        lua_setmetatable(L, -2);
    } else {
        lua_createtable(L, 0, count);
    }
    for (const struct lun_json *item = node->child; item; item = item->next) {
        if (item->key)
            lua_pushlstring(L, item->key, item->key_len);
        lun_bind_json_push(L, item);
        if (item->key)
            lua_rawset(L, -3);
        else
            lua_rawseti(L, -2, ++index);
    }
}

void lun_bind_json_push(lua_State *L, const struct lun_json *node)
{
    switch (node->type) {
    case LUN_JSON_NULL:
        lun_bind_json_push_null(L);
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
        push_container(L, node);
        break;
    }
}

static void encode_value(lua_State *L, int index, struct lun_buf *out,
                         int depth);

static void encode_number(lua_State *L, double number, struct lun_buf *out)
{
    if (!isfinite(number))
        luaL_error(L, "JSON cannot hold a number that is not finite");
    if (number == floor(number) && fabs(number) < 9007199254740992.0)
        lun_buf_push_int(out, (int64_t)number);
    else
        lun_buf_printf(out, "%.17g", number);
}

static int is_array(lua_State *L, int index)
{
    int marked = 0;
    if (lua_getmetatable(L, index)) {
        lun_bind_json_push_array_mt(L);
        marked = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    return marked || lua_objlen(L, index) > 0;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void encode_object(lua_State *L, int index, struct lun_buf *out,
                          int depth)
{
    size_t count = 0, at = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "a JSON object has a key that is not a string");
        count++;
        lua_pop(L, 1);
    }
    /* The keys live as long as their table does, which is on the stack. */
    const char **keys =
        lua_newuserdata(L, (count ? count : 1) * sizeof(*keys));
    lua_pushnil(L);
    while (lua_next(L, index)) {
        keys[at++] = lua_tostring(L, -2);
        lua_pop(L, 1);
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    lun_buf_push_byte(out, '{');
    for (at = 0; at < count; at++) {
        if (at)
            lun_buf_push_byte(out, ',');
        lun_buf_push_json_string(out, keys[at], strlen(keys[at]));
        lun_buf_push_byte(out, ':');
        lua_getfield(L, index, keys[at]);
        encode_value(L, lua_gettop(L), out, depth + 1);
        lua_pop(L, 1);
    }
    lun_buf_push_byte(out, '}');
    lua_pop(L, 1);
}

static void encode_array(lua_State *L, int index, struct lun_buf *out,
                         int depth)
{
    int count = (int)lua_objlen(L, index);
    lun_buf_push_byte(out, '[');
    for (int i = 1; i <= count; i++) {
        if (i > 1)
            lun_buf_push_byte(out, ',');
        lua_rawgeti(L, index, i);
        encode_value(L, lua_gettop(L), out, depth + 1);
        lua_pop(L, 1);
    }
    lun_buf_push_byte(out, ']');
}

static void encode_value(lua_State *L, int index, struct lun_buf *out,
                         int depth)
{
    size_t len;
    const char *text;
    if (depth > MAX_DEPTH)
        luaL_error(L, "JSON is nested too deeply or has a cycle");
    luaL_checkstack(L, 8, "JSON is nested too deeply");
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        lun_buf_push_str(out, "null");
        break;
    case LUA_TBOOLEAN:
        lun_buf_push_str(out, lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TNUMBER:
        encode_number(L, lua_tonumber(L, index), out);
        break;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        lun_buf_push_json_string(out, text, len);
        break;
    case LUA_TTABLE:
        if (is_array(L, index))
            encode_array(L, index, out, depth);
        else
            encode_object(L, index, out, depth);
        break;
    default:
        if (!lun_bind_json_is_null(L, index))
            luaL_error(L, "JSON cannot hold a %s", luaL_typename(L, index));
        lun_buf_push_str(out, "null");
    }
}

void lun_bind_json_encode(lua_State *L, int index, struct lun_buf *out)
{
    if (index < 0)
        index = lua_gettop(L) + index + 1;
    encode_value(L, index, out, 0);
}

static int push_parsed(lua_State *L)
{
    lun_bind_json_push(L, lua_touserdata(L, 1));
    return 1;
}

int lun_bind_json_decode_lua(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct lun_arena arena;
    struct lun_json *root;
    struct lun_err err;
    lun_arena_init(&arena, 0);
    if (lun_json_parse(&arena, text, len, MAX_DEPTH, MAX_NODES, &root, &err)) {
        lun_arena_release(&arena);
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    /* Pushing may raise (memory): the arena must go first. */
    lua_pushcfunction(L, push_parsed);
    lua_pushlightuserdata(L, root);
    int rc = lua_pcall(L, 1, 1, 0);
    lun_arena_release(&arena);
    return rc ? lua_error(L) : 1;
}

static int encode_into(lua_State *L)
{
    struct lun_buf *out = lua_touserdata(L, 2);
    lun_bind_json_encode(L, 1, out);
    if (out->failed)
        luaL_error(L, "out of memory");
    lua_pushlstring(L, out->data, out->len);
    return 1;
}

int lun_bind_json_encode_lua(lua_State *L)
{
    struct lun_buf out;
    lun_buf_init(&out);
    lua_settop(L, 1);
    lua_pushcfunction(L, encode_into);
    lua_insert(L, 1);
    lua_pushlightuserdata(L, &out);
    int rc = lua_pcall(L, 2, 1, 0);
    lun_buf_release(&out);
    return rc ? lua_error(L) : 1;
}
