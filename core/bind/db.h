/*
 * core/bind/db.h - host.connect: a blocking database handle for the loader.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same interface as the one that suspends in workers; see
 * core/bind/loader.h.
 */
#pragma once

#include <lua.h>

struct lun_pg_error;

/* Adds `connect` to the global table `host`. */
void lun_bind_db_open(lua_State *L);

/* Pushes nil and {code=, class=, message=, constraint=, ...}; returns 2. */
int lun_bind_db_push_error(lua_State *L, const struct lun_pg_error *error);
