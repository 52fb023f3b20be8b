/*
 * core/serve/service_switch.c - from one release set to another.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/serve/release.h"
#include "core/serve/service.h"
#include "core/serve/upgrade.h"
#include "core/telemetry/metrics.h"

/* Waiting for room --------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Takes the set that waits from the service. */
static void stop_waiting(struct lun_service *service)
{
    uv_close((uv_handle_t *)service->prepare.timer, on_timer_closed);
    service->prepare.timer = NULL;
}

static void drop_beside(struct lun_service *service);

static void on_upgraded(void *context, const struct lun_err *err)
{
    struct lun_service *service = context;
    service->prepare.upgrade = NULL;
    if (err)
        drop_beside(service);
    service->prepare.cb(service->prepare.context, err);
}

static void load(struct lun_service *service)
{
    struct lun_service_prepare *prepare = &service->prepare;
    struct lun_release *release;
    struct lun_err err;
    int rc = lun_service_open_set(service, prepare->set, &release, &err);
    if (rc) {
        prepare->cb(prepare->context, &err);
        return;
    }
    service->beside = release;
    if (service->blocking)
        prepare->cb(prepare->context, NULL);
    else
        prepare->upgrade =
            lun_upgrade_start(service->current, release, on_upgraded, service);
}

static void give_up(struct lun_service *service, const char *reason)
{
    struct lun_err err;
    if (service->prepare.timer)
        stop_waiting(service);
    lun_upgrade_cancel(service->prepare.upgrade);
    service->prepare.upgrade = NULL;
    (void)lun_error_set(&err, LUN_EUNAVAILABLE, "%s", reason);
    service->prepare.cb(service->prepare.context, &err);
}

static void on_timer(uv_timer_t *timer)
{
    struct lun_service *service = timer->data;
    if (service->draining) {
        give_up(service,
                "requests of the release before last are still under way");
        return;
    }
    stop_waiting(service);
    load(service);
}

/* Called from the end of a request: what runs now may not load. */
static void on_gone(void *context)
{
    struct lun_service *service = context;
    service->draining--;
    if (!service->draining && service->prepare.timer)
        (void)uv_timer_start(service->prepare.timer, on_timer, 0, 0);
}

static void wait_for_room(struct lun_service *service)
{
    uv_timer_t *timer = calloc(1, sizeof(*timer));
    struct lun_err err;
    if (!timer) {
        (void)lun_error_set(&err, LUN_EMEMORY, "out of memory");
        service->prepare.cb(service->prepare.context, &err);
        return;
    }
    (void)uv_timer_init(service->loop, timer);
    timer->data = service;
    service->prepare.timer = timer;
    (void)uv_timer_start(timer, on_timer,
                         (uint64_t)service->config->release_drain_ms, 0);
}

/* Its last requests may hold it a while longer. */
static void drop_beside(struct lun_service *service)
{
    struct lun_release *release = service->beside;
    service->beside = NULL;
    if (!release)
        return;
    release->gone = on_gone;
    release->gone_context = service;
    service->draining++;
    lun_release_unref(release);
}

/* The three steps ---------------------------------------------------------- */

void lun_service_prepare(struct lun_service *service, const char *id,
                         const char *set, lun_service_prepared_cb cb,
                         void *context)
{
    struct lun_service_prepare *prepare = &service->prepare;
    if ((service->beside && !prepare->upgrade &&
         !strcmp(service->beside->id, id)) ||
        !strcmp(service->current->id, id)) {
        cb(context, NULL);
        return;
    }
    if (prepare->timer || prepare->upgrade)
        give_up(service, "another release came");
    prepare->cb = cb;
    prepare->context = context;
    snprintf(prepare->set, sizeof(prepare->set), "%s", set);
    drop_beside(service);
    if (service->draining)
        wait_for_room(service);
    else
        load(service);
}

int lun_service_commit(struct lun_service *service, const char *id,
                       struct lun_err *err)
{
    struct lun_release *old = service->current;
    if (!strcmp(old->id, id))
        return 0;
    if (!service->beside || strcmp(service->beside->id, id))
        return lun_error_set(err, LUN_EINTERNAL,
                             "release set '%s' was not prepared", id);
    service->current = service->beside;
    service->beside = old;
    lun_metrics_add(LUN_METRIC_RELOADS, 1);
    return 0;
}

void lun_service_abort(struct lun_service *service)
{
    if (service->prepare.timer || service->prepare.upgrade)
        give_up(service, "given up");
    drop_beside(service);
}
