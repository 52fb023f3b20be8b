/*
 * core/bind/turn.h - how many connections the mutations of one app may hold.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A mutation of an app holds a connection while the app computes. Without a
 * bound, one slow app would hold all that can be lent, and the mutations of the
 * others would wait behind it.
 */
#pragma once

#include <stdbool.h>

struct lun_bind_task;

/* The app whose function the task is for, or NULL. */
struct lun_bind_app *lun_bind_turn_app(struct lun_bind_task *task);
/* True when the task may take a connection now; else `go` is called once it
 * may, unless the task ends before, by its deadline or by lun_bind_turn_leave. */
bool lun_bind_turn_enter(struct lun_bind_task *task,
                         void (*go)(struct lun_bind_task *task));
/* The task holds, or wants, no connection any more. */
void lun_bind_turn_leave(struct lun_bind_task *task);
