/*
 * core/serve/lua_call.h - calls lua/lunette/loader.lua from the command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "core/base/buf.h"

struct lun_config;
struct lun_err;

/*
 * Calls `loader.<function>(options)` in a fresh system VM. `options` is a JSON
 * object; the text that the function returns is appended to `out`.
 */
int lun_lua_call(const struct lun_config *config, const char *function,
                 const struct lun_buf *options, struct lun_buf *out,
                 struct lun_err *err);

/* Appends `"name":"text"` to a JSON object that is being built. */
void lun_lua_push_option(struct lun_buf *options, const char *name,
                         const char *text);
