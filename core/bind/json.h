/*
 * core/bind/json.h - JSON between C trees, text and Lua values.
 * SPDX-License-Identifier: Apache-2.0
 *
 * null is a light userdata (host.null); arrays carry the metatable
 * host.array_mt, so that an empty list stays a list.
 */
#pragma once

#include <lua.h>
#include <stddef.h>

struct lun_buf;
struct lun_json;

/* Pushes the null sentinel. */
void lun_bind_json_push_null(lua_State *L);
/* Is the value at `index` the null sentinel? */
int lun_bind_json_is_null(lua_State *L, int index);
/* Pushes the metatable of arrays. */
void lun_bind_json_push_array_mt(lua_State *L);

/* Pushes a tree as Lua values; numbers become Lua numbers. May raise. */
void lun_bind_json_push(lua_State *L, const struct lun_json *node);

/* Appends the value at `index`, object keys sorted. Raises on functions,
 * cycles (depth beyond 100) and mixed keys. */
void lun_bind_json_encode(lua_State *L, int index, struct lun_buf *out);

/* host.json_decode(text) -> value | nil, message */
int lun_bind_json_decode_lua(lua_State *L);
/* host.json_encode(value) -> text */
int lun_bind_json_encode_lua(lua_State *L);
