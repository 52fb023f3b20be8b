/*
 * core/bind/db.h - host.connect: a blocking database handle for the loader.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same interface as the one that suspends in workers; see
 * core/bind/loader.h.
 */
#pragma once

#include <lua.h>

/* Adds `connect` to the global table `host`. */
void lun_bind_db_open(lua_State *L);
