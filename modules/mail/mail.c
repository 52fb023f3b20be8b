/*
 * modules/mail/mail.c - the queue of mails, and what mail.lua needs.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "modules/mail/mail.h"

#include <lauxlib.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "core/vm/data.h"
#include "core/vm/module.h"
#include "modules/mail/queue.h"

#define BASE64_MAX ((size_t)256 * 1024 * 1024)
#define PIECE ((size_t)48 * 1024) /* a multiple of three */

/* native.base64(bytes) -> text */
static int to_base64(lua_State *L)
{
    size_t len;
    const char *data = luaL_checklstring(L, 1, &len);
    if (len > BASE64_MAX)
        return luaL_error(L, "the data are too large");
    size_t size = (len + 2) / 3 * 4;
    /* The VM's own memory: it counts, and an error frees it. */
    unsigned char *out = lua_newuserdata(L, size + 1);
    size_t at = 0;
    for (size_t from = 0; from < len; from += PIECE) {
        size_t piece = len - from < PIECE ? len - from : PIECE;
        at += (size_t)EVP_EncodeBlock(
            out + at, (const unsigned char *)data + from, (int)piece);
    }
    lua_pushlstring(L, (const char *)out, at);
    return 1;
}

static void open_native(lua_State *L, const struct lun_module_home *home)
{
    (void)home;
    lua_pushcfunction(L, to_base64);
    lua_setfield(L, -2, "base64");
}

/* What is put into the queue goes there in the transaction of the app
 * (lua/lunette/runtime/mail.lua); all that is asked here is to look soon. */
static void wake(struct lun_module_ask *ask)
{
    struct lun_buf nothing;
    lua_State *L = luaL_newstate();
    lun_buf_init(&nothing);
    if (ask->state)
        lun_mail_queue_wake(ask->state);
    if (L)
        lua_pushnil(L);
    if (L && !lun_vm_data_write(L, -1, 64, &nothing, NULL))
        lun_module_answer(ask, nothing.data, nothing.len);
    else
        lun_module_refuse(ask, "mail: out of memory");
    lun_buf_release(&nothing);
    if (L)
        lua_close(L);
}

static void *start(const struct lun_module_host *host)
{
    return host->pool ? lun_mail_queue_new(host) : NULL;
}

static void stop(void *state, void (*closed)(void *context), void *context)
{
    if (state)
        lun_mail_queue_stop(state, closed, context);
    else
        closed(context);
}

const struct lun_module lun_module_mail = {
    .name = "mail",
    .open = open_native,
    .ask = wake,
    .start = start,
    .stop = stop,
};
