/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/mail/lane.h"

#include <stdio.h>

#include "modules/mail/mail.h"
#include "modules/mail/smtp.h"

/* On the thread -------------------------------------------------------------
 */

static struct lun_mail_item *take(struct lun_mail_lane *lane)
{
    uv_mutex_lock(&lane->mutex);
    struct lun_mail_item *item = lane->waiting;
    if (item)
        lane->waiting = item->next;
    lane->current = item;
    uv_mutex_unlock(&lane->mutex);
    return item;
}

static void tell(struct lun_mail_lane *lane, struct lun_mail_item *item)
{
    uv_mutex_lock(&lane->mutex);
    item->next = lane->done;
    lane->done = item;
    lane->current = NULL;
    uv_mutex_unlock(&lane->mutex);
    uv_async_send(&lane->told);
}

static void work(void *context)
{
    struct lun_mail_lane *lane = context;
    struct lun_mail_smtp *smtp = lun_mail_smtp_new(lane->stop);
    struct lun_mail_item *item;
    while ((item = take(lane))) {
        if (smtp)
            lun_mail_smtp_send(smtp, item);
        else
            item->outcome = LUN_MAIL_GIVEN_UP;
        tell(lane, item);
    }
    /* It may wait for the server's goodbye: only then is the thread joined. */
    if (smtp)
        lun_mail_smtp_free(smtp);
    uv_mutex_lock(&lane->mutex);
    lane->finished = true;
    uv_mutex_unlock(&lane->mutex);
    uv_async_send(&lane->told);
}

/* On the loop ---------------------------------------------------------------
 */

static void on_told(uv_async_t *async)
{
    struct lun_mail_lane *lane = async->data;
    uv_mutex_lock(&lane->mutex);
    struct lun_mail_item *done = lane->done;
    bool finished = lane->finished && lane->running;
    lane->done = NULL;
    uv_mutex_unlock(&lane->mutex);
    while (done) {
        struct lun_mail_item *item = done;
        done = item->next;
        lane->cb(lane, item);
    }
    if (!finished)
        return;
    uv_thread_join(&lane->thread);
    lane->running = false;
    lane->cb(lane, NULL);
}

bool lun_mail_lane_open(struct lun_mail_lane *lane, uv_loop_t *loop,
                        const atomic_bool *stop, lun_mail_lane_cb cb,
                        void *context)
{
    *lane = (struct lun_mail_lane){.cb = cb, .context = context, .stop = stop};
    if (uv_mutex_init(&lane->mutex))
        return false;
    if (uv_async_init(loop, &lane->told, on_told)) {
        uv_mutex_destroy(&lane->mutex);
        return false;
    }
    lane->told.data = lane;
    uv_unref((uv_handle_t *)&lane->told);
    return true;
}

bool lun_mail_lane_start(struct lun_mail_lane *lane,
                         struct lun_mail_item *items)
{
    snprintf(lane->app, sizeof(lane->app), "%s", items->app);
    lane->waiting = items;
    lane->finished = false;
    lane->running = !uv_thread_create(&lane->thread, work, lane);
    if (!lane->running)
        lane->waiting = NULL;
    return lane->running;
}

static void push_id(struct lun_buf *out, const struct lun_mail_item *item)
{
    if (out->len > 1)
        lun_buf_push_byte(out, ',');
    lun_buf_push_str(out, item->id);
}

void lun_mail_lane_push_ids(struct lun_mail_lane *lane, struct lun_buf *out)
{
    uv_mutex_lock(&lane->mutex);
    if (lane->current)
        push_id(out, lane->current);
    for (const struct lun_mail_item *at = lane->waiting; at; at = at->next)
        push_id(out, at);
    uv_mutex_unlock(&lane->mutex);
}

static void on_closed(uv_handle_t *handle)
{
    struct lun_mail_lane *lane = handle->data;
    uv_mutex_destroy(&lane->mutex);
    lane->closed(lane);
}

void lun_mail_lane_close(struct lun_mail_lane *lane,
                         void (*closed)(struct lun_mail_lane *lane))
{
    lane->closed = closed;
    uv_close((uv_handle_t *)&lane->told, on_closed);
}
