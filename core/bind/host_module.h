/*
 * core/bind/host_module.h - what the framework's Lua gets from C.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <lua.h>

/*
 * Registers the global table `host` in a system VM:
 *   host.null, host.array_mt            JSON null and the metatable of arrays
 *   host.json_decode(text) -> value     | nil, message
 *   host.json_encode(value) -> text     keys sorted
 *   host.uuid() -> text                 UUIDv7
 *   host.id25() -> text                 the same in base 36
 *   host.now() -> number                milliseconds since 1970
 *   host.sha256(text) -> hex
 *   host.coerce(type, value, options) -> text | nil, message, opencrud
 *       PostgreSQL text form of an input value. `type` is a GraphQL scalar
 *       ("DateTime") or a parameter type ("timestamptz"); a list value gives an
 *       array. A number that a Lua number cannot hold comes as {number = text}.
 *       options: name, size, literal, values (enum)
 *   host.log(level, message, fields)    one line in the log
 */
void lun_bind_host_module_open(lua_State *L);
