/*
 * core/loop/beat.c - shows that the loop of this process still turns.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/loop/beat.h"

#include "core/telemetry/metrics.h"

static void on_timer(uv_timer_t *timer)
{
    (void)timer;
    lun_metrics_add(LUN_METRIC_HEARTBEAT, 1);
}

int lun_loop_beat_start(uv_loop_t *loop, struct lun_loop_beat *beat)
{
    int code = uv_timer_init(loop, &beat->timer);
    if (code != 0) {
        return code;
    }
    uv_unref((uv_handle_t *)&beat->timer);
    return uv_timer_start(&beat->timer, on_timer, 0, 1000);
}

void lun_loop_beat_stop(struct lun_loop_beat *beat)
{
    uv_close((uv_handle_t *)&beat->timer, NULL);
}
