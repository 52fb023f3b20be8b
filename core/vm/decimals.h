/*
 * core/vm/decimals.h - arithmetic of decimals for the trusted Lua of a VM.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <lua.h>

/*
 * Pushes a table of functions on texts ("12.50") and numbers, which give a
 * text: parse(a), add(a, b), subtract(a, b), multiply(a, b), modulo(a, b)
 *   divide(a, b [, scale [, mode]])   without a scale as PostgreSQL does
 *   round(a, scale [, mode])          mode: "half_up" (default) ... "floor"
 *   compare(a, b) -> -1, 0 or 1
 * or nil and what is wrong.
 */
void lun_vm_decimals_push(lua_State *L);
