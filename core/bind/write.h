/*
 * core/bind/write.h - root fields that Lua runs: mutations, functions of apps.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The framework's executor (lua/lunette/orm/write.lua) runs in a coroutine of
 * the system VM; each statement and each function of an app suspends it. For a
 * mutation it is one transaction, which commits when it returns, rolls back when
 * it fails, and starts again from the beginning after a serialization failure
 * or deadlock. For a query there is no transaction: each statement takes what
 * connection is free, and none is held while an app computes.
 */
#pragma once

#include <stddef.h>
#include <uv.h>

struct lun_bind_apps;
struct lun_bind_modules;
struct lun_exec;
struct lun_framework;
struct lun_vm_spent;

struct lun_bind_task;
struct lun_bind_writer; /* opaque: what the writes of one VM share */

/* Whose fields are run, with which release set; lives as long as they do. */
struct lun_bind_request {
    int service;
    const char *const *roles; /* closed, NULL-ended */
    const struct lun_bind_apps *apps;
    struct lun_vm_spent *spent; /* one for each of these */
    const struct lun_bind_modules *modules; /* NULL: none are at work */
    const char *traceparent; /* of this request; "" for none */
    struct lun_bind_task *tasks; /* its fields at work; NULL at first */
};

/* `sessions` is the size of the pool. NULL when memory ran out. */
struct lun_bind_writer *lun_bind_writer_new(struct lun_framework *framework,
                                            uv_loop_t *loop, unsigned sessions);
void lun_bind_writer_free(struct lun_bind_writer *writer);

/* Runs field `index` of `exec`; ends with lun_exec_written, which may come
 * before this returns, or lun_exec_written_all. */
void lun_bind_write_start(struct lun_bind_writer *writer,
                          struct lun_bind_request *request,
                          struct lun_exec *exec, size_t index);

/* Nobody waits for the answer any more: fields that are at a function of an app
 * end, a little later, with an error. */
void lun_bind_write_abandon(struct lun_bind_request *request);
