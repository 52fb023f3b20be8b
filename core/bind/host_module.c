/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bind/host_module.h"

#include <lauxlib.h>
#include <math.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/random.h"
#include "core/bind/json.h"
#include "core/graphql/error.h"
#include "core/graphql/scalar.h"
#include "core/graphql/page_size.h"
#include "core/telemetry/log.h"

#define LOG_FIELDS 16

static int host_uuid(lua_State *L)
{
    uint8_t uuid[16];
    char text[37];
    lun_random_uuid7(uuid);
    lun_random_uuid_text(uuid, text);
    lua_pushstring(L, text);
    return 1;
}

static int host_id25(lua_State *L)
{
    char id[26];
    lun_random_id25(id);
    lua_pushstring(L, id);
    return 1;
}

static int host_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)lun_clock_unix_ms());
    return 1;
}

static int host_sha256(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char hex[2 * SHA256_DIGEST_LENGTH + 1];
    SHA256((const unsigned char *)text, len, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    lua_pushstring(L, hex);
    return 1;
}

static int host_log(lua_State *L)
{
    struct lun_log_field fields[LOG_FIELDS];
    size_t count = 0;
    int level = lun_log_level_parse(luaL_checkstring(L, 1));
    const char *message = luaL_checkstring(L, 2);
    if (lua_istable(L, 3)) {
        lua_pushnil(L);
        while (count < LOG_FIELDS && lua_next(L, 3)) {
            /* A copy: lua_tostring would change a number key in place. */
            lua_pushvalue(L, -2);
            if (lua_type(L, -1) == LUA_TSTRING && lua_isstring(L, -2)) {
                fields[count].name = lua_tostring(L, -1);
                fields[count++].text = lua_tostring(L, -2);
            }
            lua_pop(L, 2);
        }
    }
    lun_log_write(level < 0 ? LUN_LOG_INFO : (enum lun_log_level)level,
                  message, fields, count);
    return 0;
}

/* GraphQL scalars and the parameter type that carries them. */
static const struct {
    const char *scalar;
    const char *type;
} scalar_types[] = {
    {"String", "text"},     {"ID", "id"},
    {"Int", "int4"},        {"Long", "int8"},
    {"Float", "float8"},    {"Decimal", "numeric"},
    {"Boolean", "bool"},    {"DateTime", "timestamptz"},
    {"Date", "date"},       {"Time", "time"},
    {"Json", "jsonb"},      {"UUID", "uuid"},
};

static int find_type(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    for (size_t i = 0; i < sizeof(scalar_types) / sizeof(*scalar_types); i++)
        if (!strcmp(name, scalar_types[i].scalar))
            return lun_scalar_find(scalar_types[i].type);
    int type = lun_scalar_find(name);
    /* Every other name is that of an enum. */
    return type < 0 ? LUN_SCALAR_ENUM : type;
}

struct coercion {
    struct lun_arena arena;
    struct lun_buf out;
    struct lun_graphql_error error;
    int rc;
};

static struct lun_json *to_json(lua_State *L, int index,
                                struct lun_arena *arena, int depth);

static void add_child(struct lun_json *node, struct lun_json ***tail,
                      struct lun_json *child)
{
    **tail = child;
    *tail = &child->next;
    node->count++;
}

static void table_to_json(lua_State *L, int index, struct lun_arena *arena,
                          int depth, struct lun_json *node)
{
    struct lun_json **tail = &node->child;
    size_t items = lua_objlen(L, index);
    int marked = lua_getmetatable(L, index);
    lua_pop(L, marked);
    if (items || marked) {
        node->type = LUN_JSON_ARRAY;
        for (size_t i = 1; i <= items; i++) {
            lua_rawgeti(L, index, (int)i);
            add_child(node, &tail,
                      to_json(L, lua_gettop(L), arena, depth + 1));
            lua_pop(L, 1);
        }
        return;
    }
    node->type = LUN_JSON_OBJECT;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        size_t len;
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "a JSON object has a key that is not a string");
        const char *key = lua_tolstring(L, -2, &len);
        struct lun_json *child = to_json(L, lua_gettop(L), arena, depth + 1);
        child->key = lun_arena_strndup(arena, key, len);
        child->key_len = len;
        add_child(node, &tail, child);
        lua_pop(L, 1);
    }
}

static void number_to_json(lua_State *L, double number,
                           struct lun_arena *arena, struct lun_json *node)
{
    char text[40];
    if (!isfinite(number))
        luaL_error(L, "a number is not finite");
    if (number == floor(number) && fabs(number) < 9007199254740992.0)
        snprintf(text, sizeof(text), "%.0f", number);
    else
        snprintf(text, sizeof(text), "%.17g", number);
    node->type = LUN_JSON_NUMBER;
    node->len = strlen(text);
    node->text = lun_arena_strndup(arena, text, node->len);
}

static void text_to_json(lua_State *L, int index, struct lun_arena *arena,
                         enum lun_json_type type, struct lun_json *node)
{
    const char *text = lua_tolstring(L, index, &node->len);
    node->type = type;
    node->text = lun_arena_strndup(arena, text, node->len);
}

/* The text of a number; what is none stays a text, for the types to refuse. */
static void digits_to_json(lua_State *L, int index, struct lun_arena *arena,
                           struct lun_json *node)
{
    struct lun_json *parsed;
    struct lun_err err;
    text_to_json(L, index, arena, LUN_JSON_STRING, node);
    if (node->text &&
        lun_json_parse(arena, node->text, node->len, 1, 1, &parsed, &err) ==
            0 &&
        parsed->type == LUN_JSON_NUMBER && parsed->len == node->len)
        node->type = LUN_JSON_NUMBER;
}

static struct lun_json *to_json(lua_State *L, int index,
                                struct lun_arena *arena, int depth)
{
    struct lun_json *node = lun_arena_calloc(arena, 1, sizeof(*node));
    if (!node)
        luaL_error(L, "out of memory");
    if (depth > 100)
        luaL_error(L, "a value is nested too deeply");
    luaL_checkstack(L, 6, "a value is nested too deeply");
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        node->type = lua_toboolean(L, index) ? LUN_JSON_TRUE : LUN_JSON_FALSE;
        break;
    case LUA_TNUMBER:
        number_to_json(L, lua_tonumber(L, index), arena, node);
        break;
    case LUA_TSTRING:
        text_to_json(L, index, arena, LUN_JSON_STRING, node);
        break;
    case LUA_TTABLE:
        lua_getfield(L, index, "number");
        if (lua_type(L, -1) == LUA_TSTRING && depth == 0)
            digits_to_json(L, -1, arena, node);
        else
            table_to_json(L, index, arena, depth, node);
        lua_pop(L, 1);
        break;
    default:
        node->type = LUN_JSON_NULL;
    }
    return node;
}

static void read_values(lua_State *L, int index, struct lun_arena *arena,
                        struct lun_scalar_options *out)
{
    size_t count = lua_istable(L, index) ? lua_objlen(L, index) : 0;
    const char **values =
        lun_arena_calloc(arena, count + 1, sizeof(*values));
    if (!values)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        size_t len;
        const char *text = luaL_checklstring(L, -1, &len);
        values[i] = lun_arena_strndup(arena, text, len);
        lua_pop(L, 1);
    }
    out->values = values;
    out->value_count = count;
}

/* (type, value, options, coercion) */
static int run_coercion(lua_State *L)
{
    struct coercion *c = lua_touserdata(L, 4);
    struct lun_scalar_options options = {0};
    int type = find_type(L, 1);
    const struct lun_json *value = to_json(L, 2, &c->arena, 0);
    if (lua_istable(L, 3)) {
        lua_getfield(L, 3, "name");
        options.name = lua_tostring(L, -1);
        lua_getfield(L, 3, "enum");
        options.type_name = lua_tostring(L, -1);
        lua_getfield(L, 3, "size");
        options.max_length = (size_t)lua_tointeger(L, -1);
        lua_getfield(L, 3, "literal");
        options.literal = lua_toboolean(L, -1);
        lua_getfield(L, 3, "values");
        read_values(L, lua_gettop(L), &c->arena, &options);
        lua_getfield(L, 3, "list");
    } else {
        lua_pushnil(L);
    }
    bool list = lua_toboolean(L, -1) ||
                (value->type == LUN_JSON_ARRAY && type != LUN_SCALAR_JSONB);
    c->rc = (list ? lun_scalar_array : lun_scalar_coerce)(
        (enum lun_scalar)type, value, &options, &c->out, &c->error);
    if (c->rc || c->out.failed)
        return 0;
    lua_pushlstring(L, c->out.data, c->out.len);
    return 1;
}

static int host_coerce(lua_State *L)
{
    struct coercion c = {0};
    lua_settop(L, 3);
    lun_arena_init(&c.arena, 0);
    lun_buf_init(&c.out);
    lua_pushcfunction(L, run_coercion);
    lua_insert(L, 1);
    lua_pushlightuserdata(L, &c);
    int rc = lua_pcall(L, 4, 1, 0);
    lun_arena_release(&c.arena);
    lun_buf_release(&c.out);
    if (rc)
        return lua_error(L);
    if (!c.rc)
        return 1;
    lua_pushnil(L);
    lua_pushstring(L, c.error.base.message);
    lua_pushinteger(L, c.error.opencrud);
    return 3;
}

/* host.page_size(number) -> it, if it is a usual size of pages | nil */
static int host_page_size(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    unsigned size = lun_graphql_page_size(text, len);
    if (!size)
        return 0;
    lua_pushinteger(L, (lua_Integer)size);
    return 1;
}

void lun_bind_host_module_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"uuid", host_uuid},
        {"id25", host_id25},
        {"now", host_now},
        {"sha256", host_sha256},
        {"log", host_log},
        {"coerce", host_coerce},
        {"page_size", host_page_size},
        {"json_decode", lun_bind_json_decode_lua},
        {"json_encode", lun_bind_json_encode_lua},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_register(L, NULL, functions);
    lun_bind_json_push_null(L);
    lua_setfield(L, -2, "null");
    lun_bind_json_push_array_mt(L);
    lua_setfield(L, -2, "array_mt");
    lua_setglobal(L, "host");
}
