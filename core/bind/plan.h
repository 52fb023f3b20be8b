/*
 * core/bind/plan.h - plans that Lua compiled become plans that C runs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The Lua form is described at the head of lua/lunette/orm/compile.lua.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

struct lun_arena;
struct lun_err;
struct lun_plan;
struct lun_plan_source;
struct lun_shape;

/* The plan of the table at `index`, with one reference. NULL and `err` when the
 * table is not a plan (a defect of the framework) or memory ran out. Never
 * raises. */
struct lun_plan *lun_bind_plan_new(lua_State *L, int index,
                                   struct lun_err *err);

/* The shape of the RESULT table at `index`; sets `*single`. Raises. */
struct lun_shape *lun_bind_plan_shape(lua_State *L, int index,
                                      struct lun_arena *arena, bool *single);

/* Reads the SRC table at `index` into `out`. Raises. */
void lun_bind_plan_source(lua_State *L, int index, struct lun_arena *arena,
                          struct lun_plan_source *out);
