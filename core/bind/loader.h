/*
 * core/bind/loader.h - what the framework's Lua gets in the loader process.
 * SPDX-License-Identifier: Apache-2.0
 *
 * All of it blocks; the loader and the command line have nothing else to do.
 */
#pragma once

#include <lua.h>

/*
 * Adds to the global table `host` (core/bind/host_module.h):
 *   host.folders(path) -> {name, ...}     visible folders in `path`, sorted
 *                                         | nil, message
 *   host.read_files(path, {"lua", ...}, max) -> { {path=, text=}, ... }
 *       all files below `path` that end so, by path relative to it, at most
 *       `max` bytes each; nothing when there is no such folder | nil, message
 *   host.read_file(path, max) -> text     nothing when there is none
 *                                         | nil, message
 *   host.write_file(path, text) -> true   in one step | nil, message
 *   host.connect(conninfo) -> db          | nil, message
 *   db:query(sql, params) -> rows         | nil, {code=, class=, message=, ...}
 *   db:begin() db:commit() db:rollback() -> true | nil, err;  db:close()
 *       params: strings, numbers, booleans, host.null, with `n` when the last
 *       ones are nil; rows: arrays of texts or host.null, rows.n rows changed,
 *       rows.tag "INSERT 0 1"
 *   host.guarded(fn, seconds) -> true     calls fn(); ends it when it runs too
 *                                         long (default 2) | false, error
 */
void lun_bind_loader_open(lua_State *L);
