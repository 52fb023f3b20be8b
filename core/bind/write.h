/*
 * core/bind/write.h - a mutation field: a Lua coroutine in one transaction.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The framework's write executor (lua/lunette/orm/write.lua) runs in a coroutine
 * of the system VM; each statement suspends it. The transaction commits when it
 * returns, rolls back when it fails, and starts again from the beginning after
 * a serialization failure or deadlock.
 */
#pragma once

#include <stddef.h>
#include <uv.h>

struct lun_exec;
struct lun_framework;

struct lun_bind_writer; /* opaque: what the writes of one VM share */

struct lun_bind_writer *lun_bind_writer_new(struct lun_framework *framework,
                                            uv_loop_t *loop);
void lun_bind_writer_free(struct lun_bind_writer *writer);

/* Runs field `index` of `exec` for `service` and the caller's closed roles
 * (NULL-ended; must live as long as the execution); ends with
 * lun_exec_written. */
void lun_bind_write_start(struct lun_bind_writer *writer, int service,
                          const char *const *roles, struct lun_exec *exec,
                          size_t index);
