/*
 * core/loop/flush.c - writes the process's log from its libuv loop.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/loop/flush.h"

#include "core/telemetry/log.h"

static void on_timer(uv_timer_t *timer);

static void plan(struct lun_loop_flush *flush)
{
    (void)uv_timer_start(&flush->timer, on_timer, LUN_LOOP_FLUSH_MS, 0);
}

/* A slow sink is asked again later; what does not fit is dropped and counted
 * by the log, so the loop never waits for it. */
static void on_timer(uv_timer_t *timer)
{
    struct lun_loop_flush *flush = timer->data;
    if (!lun_log_flush()) {
        plan(flush);
    }
}

/* Called for the first waiting line, and again when the ring is half full:
 * then the timer runs already and the lines must go at once. */
static void on_pending(void *context)
{
    struct lun_loop_flush *flush = context;
    if (!uv_is_active((uv_handle_t *)&flush->timer)) {
        plan(flush);
    } else {
        (void)lun_log_flush();
    }
}

int lun_loop_flush_start(uv_loop_t *loop, struct lun_loop_flush *flush)
{
    int code = uv_timer_init(loop, &flush->timer);
    if (code != 0) {
        return code;
    }
    flush->timer.data = flush;
    uv_unref((uv_handle_t *)&flush->timer);
    lun_log_on_pending(on_pending, flush);
    return 0;
}

void lun_loop_flush_stop(struct lun_loop_flush *flush)
{
    lun_log_on_pending(NULL, NULL);
    (void)lun_log_flush();
    uv_close((uv_handle_t *)&flush->timer, NULL);
}
