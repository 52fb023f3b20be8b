/*
 * core/supervise/reload_open.c - begin and end of reloads, and what they are
 * asked. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/reload_parts.h"

#include <stdlib.h>

#include "core/base/error.h"
#include "core/supervise/barrier.h"
#include "core/config/config.h"
#include "core/supervise/epoch.h"
#include "core/supervise/loading.h"
#include "core/serve/probation.h"
#include "core/supervise/reload_report.h"

/* --- what it is asked --------------------------------------------------- */

bool lun_reload_is_idle(const struct lun_reload *reload)
{
    return reload->phase == IDLE && !reload->again;
}

const char *lun_reload_current(const struct lun_reload *reload)
{
    return reload->current.id;
}

const struct lun_loadout *lun_reload_loadout(const struct lun_reload *reload)
{
    return &reload->current;
}

uint64_t lun_reload_epoch(const struct lun_reload *reload)
{
    return reload->epoch_now;
}

const char *lun_reload_taken_back(const struct lun_reload *reload)
{
    return reload->taken_back[0] != '\0' ? reload->taken_back : NULL;
}

const char *lun_reload_last_error(const struct lun_reload *reload)
{
    return reload->last_error.len > 0 ? reload->last_error.data : NULL;
}

void lun_reload_counts(const struct lun_reload *reload, uint64_t *good,
                       uint64_t *failed)
{
    *good = reload->good;
    *failed = reload->failed;
}

/* --- open and close ----------------------------------------------------- */

static int open_parts(struct lun_reload *reload, struct lun_err *err)
{
    const struct lun_reload_options *options = &reload->options;
    const struct lun_config *config = options->config;
    const struct lun_barrier_hooks hooks = {reload, lun_reload_on_prepared,
                                            lun_reload_on_committed};
    int code =
        lun_loading_open(options->loop, options->config_path,
                         lun_reload_on_loaded, reload, &reload->loading, err);
    if (code == 0) {
        code = lun_barrier_open(options->loop,
                                config->reload_ms + config->release_drain_ms,
                                &hooks, &reload->barrier, err);
    }
    if (code == 0) {
        code =
            lun_probation_open(options->loop, options->metrics,
                               lun_reload_on_bad, reload, &reload->trial, err);
    }
    if (code == 0) {
        code = lun_epoch_open(options->loop, config, lun_reload_on_moved,
                              reload, &reload->epoch, err);
    }
    return code;
}

int lun_reload_open(const struct lun_reload_options *options,
                    struct lun_reload **out, struct lun_err *err)
{
    struct lun_reload *reload = calloc(1, sizeof *reload);
    if (reload == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    reload->options = *options;
    *out = reload; /* what is open is closed with it */
    return open_parts(reload, err);
}

static void end_all(void *context)
{
    struct lun_reload *reload = context;
    void (*closed)(void *context) = reload->closed;
    void *closed_context = reload->context;
    lun_loadout_release(&reload->current);
    lun_loadout_release(&reload->next);
    lun_loadout_release(&reload->warm);
    lun_buf_release(&reload->last_error);
    lun_buf_release(&reload->warned);
    free(reload);
    closed(closed_context);
}

static void end_epoch(void *context)
{
    struct lun_reload *reload = context;
    if (reload->epoch != NULL) {
        lun_epoch_close(reload->epoch, end_all, reload);
    } else {
        end_all(reload);
    }
}

static void end_trial(void *context)
{
    struct lun_reload *reload = context;
    if (reload->trial != NULL) {
        lun_probation_close(reload->trial, end_epoch, reload);
    } else {
        end_epoch(reload);
    }
}

static void end_barrier(void *context)
{
    struct lun_reload *reload = context;
    if (reload->barrier != NULL) {
        lun_barrier_close(reload->barrier, end_trial, reload);
    } else {
        end_trial(reload);
    }
}

static void refuse_all(struct lun_reload *reload)
{
    struct lun_buf body;
    lun_buf_init(&body);
    lun_reload_report_refusal(&reload->next, "the server stops", &body);
    do {
        lun_reload_answer(reload, 503, &body);
        reload->ask = reload->asks;
        if (reload->asks != NULL) {
            reload->asks = reload->asks->next;
        }
    } while (reload->ask != NULL);
    lun_buf_release(&body);
}

void lun_reload_close(struct lun_reload *reload, void (*closed)(void *context),
                      void *context)
{
    reload->closing = true;
    reload->closed = closed;
    reload->context = context;
    refuse_all(reload);
    if (reload->loading != NULL) {
        lun_loading_close(reload->loading, end_barrier, reload);
    } else {
        end_barrier(reload);
    }
}
