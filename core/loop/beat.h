/*
 * core/loop/beat.h - shows that the loop of this process still turns.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Counts LUN_METRIC_HEARTBEAT up each second. The supervisor kills and replaces
 * a worker whose count stands still for some seconds.
 */
#pragma once

#include <uv.h>

/* Owned by the caller; stays where it is until the loop ran after `stop`. */
struct lun_loop_beat {
    uv_timer_t timer;
};

int lun_loop_beat_start(uv_loop_t *loop, struct lun_loop_beat *beat);
void lun_loop_beat_stop(struct lun_loop_beat *beat);
