/*
 * core/loop/flush.h - writes the process's log from its libuv loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <uv.h>

/* Lines of a request wait for their neighbours this long. */
#define LUN_LOOP_FLUSH_MS 20

/* Owned by the caller; must stay where it is until `stop` was called and the
 * loop has run once more. */
struct lun_loop_flush {
    uv_timer_t timer; /* runs only while lines wait, so an idle loop sleeps */
};

/* From now on log lines are written within LUN_LOOP_FLUSH_MS. */
int lun_loop_flush_start(uv_loop_t *loop, struct lun_loop_flush *flush);
/* Writes what waits and lets go of the loop. */
void lun_loop_flush_stop(struct lun_loop_flush *flush);
