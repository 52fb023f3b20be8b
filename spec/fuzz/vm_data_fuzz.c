/*
 * Reads bytes as data; what is a value must be written in as many bytes each
 * time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lauxlib.h>
#include <stdlib.h>

#include "core/base/error.h"
#include "core/vm/data.h"

#define MAX ((size_t)1 << 24)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads, and writes what came of it. False: the bytes are no value. */
static bool turn(lua_State *L, const char *bytes, size_t len,
                 struct lun_buf *out)
{
    struct lun_err err = {0};
    if (lun_vm_data_read(L, bytes, len, &err)) {
        if (!err.message[0] || lua_gettop(L))
            abort();
        return false;
    }
    if (lua_gettop(L) != 1 || lun_vm_data_write(L, 1, MAX, out, &err))
        abort();
    lua_settop(L, 0);
    return true;
}

static bool has_holes(lua_State *L, const char *bytes, size_t len)
{
    struct lun_buf out;
    lun_buf_init(&out);
    bool holes = lun_vm_data_read(L, bytes, len, NULL) ||
                 lun_vm_data_write(L, 1, MAX, &out, NULL);
    lua_settop(L, 0);
    lun_buf_release(&out);
    return holes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    struct lun_buf once, twice;
    if (!L)
        L = luaL_newstate();
    lun_buf_init(&once);
    lun_buf_init(&twice);
    const char *bytes = (const char *)data;
    /* A list of nothing but holes can be read, and is not written. */
    if (!has_holes(L, bytes, size) && turn(L, bytes, size, &once)) {
        if (!turn(L, once.data, once.len, &twice) || once.len != twice.len)
            abort();
    }
    lun_buf_release(&once);
    lun_buf_release(&twice);
    return 0;
}
