/*
 * core/vm/modules.h - the core modules that an app was granted, inside its VM.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <lua.h>
#include <stddef.h>

struct lun_err;
struct lun_vm_app_config;

/*
 * Pushes what lunette.guest.modules takes: a table of name -> { chunk = the
 * module's Lua as a function, native = the functions of its C part (a table,
 * also when it has none), options = those of the grant }. Reads
 * <modules_dir>/<name>/<name>.lua for each grant of the configuration; nothing
 * runs yet. On failure nothing is pushed and `err` is filled. May raise a
 * memory error: call it protected in a VM with a cap. One call a VM.
 */
int lun_vm_modules_push(lua_State *L, const struct lun_vm_app_config *config,
                        struct lun_err *err);

/* The request that the VM is about to work for; "" for none. Copied. */
void lun_vm_modules_set_request(lua_State *L, const char *request);
