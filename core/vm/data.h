/*
 * core/vm/data.h - plain Lua values as bytes: all that crosses between VMs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * nil, booleans, numbers, strings, and tables of these whose keys are strings
 * or 1..n. No functions, userdata, metatables or cycles. The bytes are for the
 * same machine and build: they are never stored.
 */
#pragma once

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

struct lun_err;

enum { LUN_VM_DATA_DEPTH = 64 };

/*
 * Appends the value at `index`. LUN_EBAD_INPUT and a text for a developer
 * ("a function cannot leave the app") when it is not data, nests deeper than
 * LUN_VM_DATA_DEPTH, has a metatable or takes more than `max` bytes. Runs no
 * metamethod; raises nothing but a memory error (room for the stack).
 */
int lun_vm_data_write(lua_State *L, int index, size_t max, struct lun_buf *out,
                      struct lun_err *err);

/*
 * Pushes the value that `data` holds; the bytes may come from another process,
 * so everything is checked. LUN_EBAD_INPUT when they are not a value. May raise
 * a memory error: call it protected in a VM with a cap.
 */
int lun_vm_data_read(lua_State *L, const char *data, size_t len,
                     struct lun_err *err);

/* The same by parts, for values that are no Lua values: a list, then its items. */
void lun_vm_data_put_list(struct lun_buf *out, uint32_t items);
void lun_vm_data_put_text(struct lun_buf *out, const char *text, size_t len);
void lun_vm_data_put_false(struct lun_buf *out);
