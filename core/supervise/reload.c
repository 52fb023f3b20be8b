/*
 * core/supervise/reload.c - from saved, pushed and older files to served
 * releases. SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/reload_parts.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/supervise/barrier.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/supervise/epoch.h"
#include "core/supervise/loading.h"
#include "core/serve/loadout.h"
#include "core/supervise/reload_report.h"
#include "core/supervise/sets.h"
#include "core/serve/probation.h"
#include "core/supervise/workers.h"
#include "core/os/file.h"
#include "core/telemetry/log.h"

#define STALE_NS 2000000000u /* a loader this old is ended by a newer save */
#define TRIES 5              /* to switch while other nodes switch, too */

static void begin_next(struct lun_reload *reload);
static void decide(struct lun_reload *reload);

/* --- the end of a round ------------------------------------------------- */

static void free_ask(struct lun_reload_asked *ask)
{
    lun_buf_release(&ask->job);
    free(ask);
}

void lun_reload_answer(struct lun_reload *reload, int status,
                       const struct lun_buf *body)
{
    struct lun_reload_asked *ask = reload->ask;
    reload->ask = NULL;
    if (ask != NULL) {
        ask->cb(ask->context, status, body);
        free_ask(ask);
    }
}

static void finish_round(struct lun_reload *reload)
{
    reload->phase = IDLE;
    reload->tries = 0;
    reload->going_back = false;
    lun_loadout_release(&reload->next);
    reload->options.hooks.on_change(reload->options.hooks.context);
    begin_next(reload);
}

/* Serves what an earlier start has left, rather than nothing. */
static void fall_back(struct lun_reload *reload)
{
    char link[PATH_MAX];
    struct lun_err err;
    (void)snprintf(link, sizeof link, "%s/sets/current.json",
                   reload->options.data);
    char *path = lun_file_absolute(link);
    if (path == NULL ||
        lun_loadout_read_set(path, &reload->current, &err) != 0) {
        free(path);
        reload->options.hooks.on_hopeless(reload->options.hooks.context);
        return;
    }
    lun_console_say("serving the last good releases instead");
    reload->options.hooks.on_first(reload->options.hooks.context,
                                   reload->current.id, path);
    free(path);
}

/* What somebody asked for concerns nobody else; what was saved does. */
static void fail_round(struct lun_reload *reload, int status,
                       const char *message)
{
    bool first = reload->workers == NULL && reload->current.id[0] == '\0';
    struct lun_buf body;
    lun_buf_init(&body);
    lun_sets_forget_record(reload->options.data);
    lun_reload_report_refusal(&reload->next, message, &body);
    lun_log_write(LUN_LOG_ERROR,
                  reload->kind == ASKED ? "release refused" : "load failed",
                  &(struct lun_log_field){"detail", message}, 1);
    if (reload->kind == ASKED) {
        lun_reload_answer(reload, status, &body);
    } else {
        reload->failed++;
        lun_reload_report_error(&reload->next, message, &reload->last_error);
        lun_reload_say("error: ", message);
    }
    lun_buf_release(&body);
    if (first && !reload->closing) {
        fall_back(reload);
    }
    finish_round(reload);
}

/* Id, file and releases of two sets change places. */
static void swap_sets(struct lun_loadout *a, struct lun_loadout *b)
{
    struct lun_loadout c = *a;
    memcpy(a->id, b->id, sizeof a->id);
    memcpy(a->path, b->path, sizeof a->path);
    a->releases = b->releases;
    a->count = b->count;
    memcpy(b->id, c.id, sizeof b->id);
    memcpy(b->path, c.path, sizeof b->path);
    b->releases = c.releases;
    b->count = c.count;
}

/* The workers forget the set of the round. */
static void give_up(struct lun_reload *reload)
{
    if (reload->going_back) {
        swap_sets(&reload->next, &reload->warm);
        reload->going_back = false;
    }
    if (reload->phase == CLAIMING && reload->workers != NULL) {
        lun_barrier_abort(reload->barrier);
    }
}

/* --- the switch --------------------------------------------------------- */

static void succeed(struct lun_reload *reload, const struct lun_buf *changes)
{
    const struct lun_reload_success success = {
        .loadout = &reload->current,
        .changes = changes->len > 0 ? changes->data : "",
        .epoch = reload->epoch_now,
        .ms = (lun_clock_monotonic_ns() - reload->since_ns) / 1000000,
        .switch_us = lun_barrier_took_ns(reload->barrier) / 1000,
        .back = reload->going_back,
    };
    struct lun_buf body;
    lun_buf_init(&body);
    if (reload->kind != ASKED) {
        lun_buf_clear(&reload->last_error);
    }
    reload->good++;
    lun_reload_report_success(&success, &body);
    lun_reload_answer(reload, 200, &body);
    lun_buf_release(&body);
}

/* The set of the round is the one that is served. */
static void take_over(struct lun_reload *reload, struct lun_buf *changes)
{
    lun_loadout_changes(&reload->next, &reload->current, changes);
    (void)lun_buf_str(changes);
    /* What a start finds in the database is not new. */
    size_t news = lun_loadout_new_trials(&reload->next, &reload->current);
    bool known = reload->workers == NULL && reload->next.same;
    lun_probation_begin(reload->trial, reload->next.trials, known ? 0 : news);
    lun_loadout_release(&reload->warm);
    reload->warm = reload->current;
    reload->warm_fits = reload->next.fits || reload->going_back;
    reload->current = reload->next;
    memset(&reload->next, 0, sizeof reload->next);
    lun_sets_point(reload->options.data, reload->current.id);
}

void lun_reload_on_committed(void *context)
{
    struct lun_reload *reload = context;
    struct lun_buf changes;
    if (reload->closing) {
        return;
    }
    lun_buf_init(&changes);
    lun_loadout_changes(&reload->current, &reload->warm, &changes);
    (void)lun_buf_str(&changes);
    succeed(reload, &changes);
    lun_buf_release(&changes);
    lun_sets_prune(reload->options.data, reload->current.path,
                   reload->warm.path);
    finish_round(reload);
}

/* Nothing for the workers to do. */
static void stay(struct lun_reload *reload)
{
    struct lun_buf none;
    lun_buf_init(&none);
    lun_loadout_release(&reload->current);
    reload->current = reload->next;
    memset(&reload->next, 0, sizeof reload->next);
    lun_sets_point(reload->options.data, reload->current.id);
    succeed(reload, &none);
    finish_round(reload);
}

static void take_first(struct lun_reload *reload)
{
    struct lun_buf changes;
    lun_buf_init(&changes);
    take_over(reload, &changes);
    succeed(reload, &changes);
    lun_buf_release(&changes);
    reload->options.hooks.on_first(reload->options.hooks.context,
                                   reload->current.id, reload->current.path);
    finish_round(reload);
}

/* From here on the new set is the one that counts. */
static void commit(struct lun_reload *reload)
{
    struct lun_buf changes;
    if (reload->workers == NULL) {
        take_first(reload);
    } else if (strcmp(reload->next.id, reload->current.id) == 0) {
        stay(reload);
    } else {
        lun_buf_init(&changes);
        take_over(reload, &changes);
        lun_buf_release(&changes);
        reload->phase = COMMITTING;
        lun_barrier_commit(reload->barrier);
    }
}

/* Another node was first: once more, over what it has switched to. */
static void try_again(struct lun_reload *reload)
{
    unsigned tries = reload->tries + 1;
    give_up(reload);
    if (tries >= TRIES) {
        fail_round(reload, 503, "other nodes switch releases all the time");
        return;
    }
    lun_loadout_release(&reload->next);
    reload->phase = IDLE;
    if (reload->kind == ASKED) {
        reload->ask->next = reload->asks;
        reload->asks = reload->ask;
        reload->ask = NULL;
    } else {
        reload->again = true;
        reload->again_ns = reload->since_ns;
    }
    begin_next(reload);
    reload->tries = tries;
}

static void on_claimed(void *context, int code)
{
    struct lun_reload *reload = context;
    if (reload->closing) {
        return;
    }
    if (code == LUN_ECONFLICT) {
        try_again(reload);
    } else if (code != 0) {
        give_up(reload);
        fail_round(reload, 503,
                   "the database did not answer when the release was to be "
                   "recorded; if it was, this node follows in a moment");
    } else {
        reload->epoch_now = reload->next.epoch + 1;
        commit(reload);
    }
}

static const char *text_of(struct lun_buf *buf)
{
    const char *text = lun_buf_str(buf);
    return text != NULL ? text : "";
}

/* Every worker could; now the database says whether it is so. */
static void decide(struct lun_reload *reload)
{
    struct lun_loadout *next = &reload->next;
    reload->phase = CLAIMING;
    if (next->same) {
        reload->epoch_now = next->epoch;
        commit(reload);
        return;
    }
    const struct lun_epoch_claim claim = {
        .after = next->epoch,
        .id = next->id,
        .apps = text_of(&next->apps),
        .policy = text_of(&next->policy),
        .by = text_of(&next->by),
        .why = text_of(&next->why),
    };
    lun_epoch_claim(reload->epoch, &claim, on_claimed, reload);
}

void lun_reload_on_prepared(void *context, const char *error)
{
    struct lun_reload *reload = context;
    if (reload->closing) {
        return;
    }
    if (error != NULL) {
        give_up(reload);
        fail_round(reload, 422, error);
    } else {
        decide(reload);
    }
}

static void show_report(struct lun_reload *reload)
{
    const struct lun_buf *warnings = &reload->next.warnings;
    bool same =
        warnings->len == reload->warned.len &&
        (warnings->len == 0 ||
         memcmp(warnings->data, reload->warned.data, warnings->len) == 0);
    if (!same) {
        lun_reload_say("warning: ", warnings->data);
        lun_buf_clear(&reload->warned);
        lun_buf_push(&reload->warned, warnings->data, warnings->len);
    }
    lun_reload_say("database: ", reload->next.steps.data);
}

static void take_set(struct lun_reload *reload)
{
    if (reload->next.warm) {
        swap_sets(&reload->next, &reload->warm);
        reload->going_back = true;
    } else {
        show_report(reload);
    }
    if (reload->workers == NULL ||
        strcmp(reload->next.id, reload->current.id) == 0) {
        decide(reload);
        return;
    }
    reload->phase = PREPARING;
    lun_barrier_prepare(reload->barrier, reload->next.id, reload->next.path);
}

/* --- the loader --------------------------------------------------------- */

static void on_killed(struct lun_reload *reload)
{
    if (reload->kind == LOAD && reload->again) { /* a newer save has ended it */
        finish_round(reload);
    } else {
        fail_round(reload, 422, "the load took too long (setting load_ms)");
    }
}

static void take_report(struct lun_reload *reload)
{
    struct lun_loadout *next = &reload->next;
    if (next->list.len > 0) {
        struct lun_buf body;
        lun_buf_init(&body);
        lun_buf_printf(&body, "{\"ok\":true,\"releases\":%.*s}",
                       (int)next->list.len, next->list.data);
        lun_reload_answer(reload, 200, &body);
        lun_buf_release(&body);
        finish_round(reload);
    } else if (next->ok) {
        take_set(reload);
    } else {
        int status = next->forbidden ? 403 : next->confirm.len > 0 ? 409 : 422;
        fail_round(reload, status,
                   next->errors.len > 0 ? next->errors.data : "load failed");
    }
}

void lun_reload_on_loaded(void *context, const struct lun_loading_end *end)
{
    struct lun_reload *reload = context;
    struct lun_err err;
    char message[200];
    if (reload->closing) {
        return;
    }
    if (reload->kind == FOLLOW) {
        reload->follow = false;
    }
    if (end->killed) {
        on_killed(reload);
    } else if (lun_loadout_parse(end->report, end->len, &reload->next, &err) !=
               0) {
        (void)snprintf(message, sizeof message, "the loader ended with %s %d",
                       end->signal != 0 ? "signal" : "status",
                       end->signal != 0 ? end->signal : (int)end->status);
        fail_round(reload, 422, message);
    } else {
        take_report(reload);
    }
}

static void push_state(const struct lun_reload *reload, struct lun_buf *job)
{
    if (reload->current.path[0] != '\0') {
        lun_buf_push_str(job, ",\"set\":");
        lun_buf_push_json_string(job, reload->current.path,
                                 strlen(reload->current.path));
    }
    if (reload->warm_fits && reload->warm.apps.len > 0 &&
        strcmp(lun_barrier_warm(reload->barrier), reload->warm.id) == 0) {
        lun_buf_push_str(job, ",\"warm\":");
        lun_buf_push(job, reload->warm.apps.data, reload->warm.apps.len);
    }
    lun_buf_push_byte(job, '}');
}

static void start_loader(struct lun_reload *reload)
{
    struct lun_buf job;
    lun_buf_init(&job);
    if (reload->kind == ASKED) { /* its last brace comes later */
        lun_buf_push(&job, reload->ask->job.data, reload->ask->job.len - 1);
    } else {
        lun_buf_printf(&job, "{\"do\":\"%s\"",
                       reload->kind == LOAD ? "load" : "follow");
    }
    push_state(reload, &job);
    reload->phase = LOADING;
    lun_loading_start(reload->loading, job.data, job.len,
                      reload->options.config->load_ms);
    lun_buf_release(&job);
}

static void begin_next(struct lun_reload *reload)
{
    if (reload->closing || reload->phase != IDLE) {
        return;
    }
    if (reload->asks != NULL) {
        reload->kind = ASKED;
        reload->ask = reload->asks;
        reload->asks = reload->ask->next;
        reload->since_ns = reload->ask->since_ns;
    } else if (reload->follow) {
        reload->kind = FOLLOW;
        reload->since_ns = lun_clock_monotonic_ns();
    } else if (reload->again) {
        reload->kind = LOAD;
        reload->again = false;
        reload->since_ns = reload->again_ns;
    } else {
        return;
    }
    start_loader(reload);
}

/* --- what may come at any time ------------------------------------------ */

static void on_taken_back(void *context, int status, const struct lun_buf *body)
{
    (void)context;
    if (status != 200) {
        lun_console_complain("the release could not be taken back: %.*s",
                             (int)body->len, body->data);
    }
}

/* A new release fails too often. */
void lun_reload_on_bad(void *context, const struct lun_probation_limits *limits,
                       const char *why)
{
    struct lun_reload *reload = context;
    struct lun_buf job;
    lun_console_say("taking %s back: %s", limits->release, why);
    lun_log_write(
        LUN_LOG_ERROR, "release taken back",
        (struct lun_log_field[]){{"release", limits->release}, {"why", why}},
        2);
    (void)snprintf(reload->taken_back, sizeof reload->taken_back, "%s", why);
    lun_buf_init(&job);
    lun_buf_push_str(&job, "{\"do\":\"rollback\",\"app\":");
    lun_buf_push_json_string(&job, limits->app, strlen(limits->app));
    lun_buf_push_str(&job, ",\"from\":");
    lun_buf_push_json_string(&job, limits->hash, strlen(limits->hash));
    lun_buf_push_str(&job, ",\"why\":");
    lun_buf_push_json_string(&job, why, strlen(why));
    lun_buf_push_byte(&job, '}');
    lun_reload_ask(reload, &job, on_taken_back, reload);
    lun_buf_release(&job);
}

void lun_reload_request(struct lun_reload *reload, uint64_t since_ns)
{
    if (!reload->again) {
        reload->again = true;
        reload->again_ns = since_ns;
    }
    if (reload->phase == IDLE) {
        begin_next(reload);
    } else if (reload->phase == LOADING && reload->kind == LOAD &&
               reload->workers != NULL &&
               lun_loading_age_ns(reload->loading) > STALE_NS) {
        lun_loading_kill(reload->loading); /* may hang in the mended file */
    }
}

void lun_reload_ask(struct lun_reload *reload, const struct lun_buf *job,
                    lun_reload_answer_cb cb, void *context)
{
    struct lun_reload_asked *ask = calloc(1, sizeof *ask);
    struct lun_reload_asked **end = &reload->asks;
    if (ask != NULL) {
        lun_buf_push(&ask->job, job->data, job->len);
    }
    if (ask == NULL || ask->job.failed || reload->closing) {
        struct lun_buf none;
        lun_buf_init(&none);
        free(ask);
        cb(context, 503, &none);
        return;
    }
    ask->since_ns = lun_clock_monotonic_ns();
    ask->cb = cb;
    ask->context = context;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = ask;
    begin_next(reload);
}

/* Another node has switched. An epoch that could not be followed is not tried
 * again until there is a newer one. */
void lun_reload_on_moved(void *context, uint64_t epoch)
{
    struct lun_reload *reload = context;
    if (reload->phase == IDLE && epoch > reload->epoch_now) {
        reload->epoch_now = epoch;
        reload->follow = true;
        begin_next(reload);
    }
}

void lun_reload_worker_ready(struct lun_reload *reload, unsigned slot,
                             const char *set)
{
    lun_barrier_worker_ready(reload->barrier, slot, set);
}

void lun_reload_worker_reply(struct lun_reload *reload, unsigned slot,
                             const char *id, const char *error)
{
    (void)id;
    lun_barrier_worker_reply(reload->barrier, slot, error);
}

void lun_reload_worker_gone(struct lun_reload *reload, unsigned slot)
{
    lun_barrier_worker_gone(reload->barrier, slot);
}

void lun_reload_set_workers(struct lun_reload *reload,
                            struct lun_workers *workers)
{
    reload->workers = workers;
    lun_barrier_begin(reload->barrier, workers, reload->current.id,
                      reload->current.path);
    lun_epoch_watch(reload->epoch);
}
