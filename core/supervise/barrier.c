/*
 * core/supervise/barrier.c - one release set on all workers of this node.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/barrier.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/config/console.h"
#include "core/serve/control.h"
#include "core/supervise/workers.h"

#define SLOTS_MAX 256

enum phase { REST, PREPARING, PREPARED, COMMITTING, CATCHING };

struct set {
    char id[72];
    char path[PATH_MAX];
};

struct slot {
    char serves[72]; /* "" while it does not */
    char beside[72]; /* what it has prepared or keeps warm */
    bool takes_part; /* in the round under way */
    /* Every message has one answer, in their order. */
    unsigned sent;
    unsigned answered;
    unsigned awaited; /* the answer that the phase waits for; 0: none */
    bool switching;   /* it is the answer to a commit */
};

struct lun_barrier {
    struct lun_barrier_hooks hooks;
    struct lun_workers *workers; /* NULL until they are started */
    int64_t limit_ms;
    uv_timer_t deadline;
    enum phase phase;
    bool held;         /* a round waits for the end of CATCHING */
    bool decided;      /* CATCHING belongs to a round */
    unsigned asked;    /* workers of the round */
    unsigned prepared; /* of these */
    struct set current;
    struct set next;
    struct set warm;
    struct slot slots[SLOTS_MAX];
    uint64_t began_ns;
    uint64_t took_ns;
    void (*closed)(void *context);
    void *context;
};

static void on_deadline(uv_timer_t *timer);
static void start_round(struct lun_barrier *barrier);

static void copy_set(struct set *out, const char *id, const char *path)
{
    (void)snprintf(out->id, sizeof out->id, "%s", id);
    (void)snprintf(out->path, sizeof out->path, "%s", path);
}

/* --- talking ------------------------------------------------------------ */

static bool tell(struct lun_barrier *barrier, unsigned index,
                 enum lun_host_control_kind kind, const struct set *set)
{
    struct lun_host_control message = {.kind = kind};
    struct slot *slot = &barrier->slots[index];
    (void)snprintf(message.id, sizeof message.id, "%s", set->id);
    if (kind == LUN_HOST_CONTROL_PREPARE) {
        (void)snprintf(message.set, sizeof message.set, "%s", set->path);
    }
    if (!lun_workers_send(barrier->workers, index, &message)) {
        return false;
    }
    slot->sent++;
    return true;
}

/* Tells, and lets the phase wait for the answer. */
static void ask(struct lun_barrier *barrier, unsigned index,
                enum lun_host_control_kind kind, const struct set *set)
{
    struct slot *slot = &barrier->slots[index];
    bool told = tell(barrier, index, kind, set);
    slot->awaited = told ? slot->sent : 0;
    slot->switching = kind == LUN_HOST_CONTROL_COMMIT;
    if (kind == LUN_HOST_CONTROL_PREPARE) {
        slot->beside[0] = '\0';
    }
}

static bool awaits(const struct lun_barrier *barrier)
{
    for (unsigned i = 0; i < lun_workers_count(barrier->workers); i++) {
        if (barrier->slots[i].awaited != 0) {
            return true;
        }
    }
    return false;
}

static void set_deadline(struct lun_barrier *barrier)
{
    (void)uv_timer_start(&barrier->deadline, on_deadline,
                         (uint64_t)barrier->limit_ms, 0);
}

/* --- after a switch ----------------------------------------------------- */

/* A worker without the set that was served before gets it, so that going back
 * needs no loading. Nobody waits for it. */
static void warm_up(struct lun_barrier *barrier)
{
    for (unsigned i = 0; i < lun_workers_count(barrier->workers); i++) {
        struct slot *slot = &barrier->slots[i];
        if (barrier->warm.id[0] != '\0' && slot->serves[0] != '\0' &&
            strcmp(slot->serves, barrier->current.id) == 0 &&
            strcmp(slot->beside, barrier->warm.id) != 0 &&
            tell(barrier, i, LUN_HOST_CONTROL_PREPARE, &barrier->warm)) {
            (void)snprintf(slot->beside, sizeof slot->beside, "%s",
                           barrier->warm.id);
        }
    }
}

static void rest(struct lun_barrier *barrier)
{
    bool decided = barrier->decided;
    (void)uv_timer_stop(&barrier->deadline);
    barrier->phase = REST;
    barrier->decided = false;
    if (decided) {
        barrier->hooks.on_committed(barrier->hooks.context);
    }
    if (barrier->phase == REST && barrier->held) {
        barrier->held = false;
        start_round(barrier);
    } else if (barrier->phase == REST) {
        warm_up(barrier);
    }
}

/* Asks the workers that are behind for the next step; true when there are
 * any. */
static bool lead_stragglers(struct lun_barrier *barrier)
{
    bool behind = false;
    for (unsigned i = 0; i < lun_workers_count(barrier->workers); i++) {
        struct slot *slot = &barrier->slots[i];
        if (slot->serves[0] == '\0' ||
            strcmp(slot->serves, barrier->current.id) == 0) {
            continue;
        }
        behind = true;
        if (slot->awaited == 0) {
            bool ready = strcmp(slot->beside, barrier->current.id) == 0;
            ask(barrier, i,
                ready ? LUN_HOST_CONTROL_COMMIT : LUN_HOST_CONTROL_PREPARE,
                &barrier->current);
            if (slot->awaited == 0) { /* it cannot be told: it is ending */
                slot->serves[0] = '\0';
            }
        }
    }
    return behind;
}

static void catch_up(struct lun_barrier *barrier)
{
    if (barrier->phase != CATCHING) {
        barrier->phase = CATCHING;
        set_deadline(barrier);
    }
    if (!lead_stragglers(barrier) || !awaits(barrier)) {
        rest(barrier);
    }
}

/* --- a round ------------------------------------------------------------ */

static void start_round(struct lun_barrier *barrier)
{
    barrier->phase = PREPARING;
    barrier->asked = barrier->prepared = 0;
    set_deadline(barrier);
    for (unsigned i = 0; i < lun_workers_count(barrier->workers); i++) {
        struct slot *slot = &barrier->slots[i];
        slot->takes_part = slot->serves[0] != '\0';
        if (slot->takes_part) {
            ask(barrier, i, LUN_HOST_CONTROL_PREPARE, &barrier->next);
            slot->takes_part = slot->awaited != 0;
            barrier->asked += slot->takes_part ? 1 : 0;
        }
    }
    if (!awaits(barrier)) {
        barrier->phase = PREPARED;
        barrier->hooks.on_prepared(barrier->hooks.context, NULL);
    }
}

void lun_barrier_prepare(struct lun_barrier *barrier, const char *id,
                         const char *path)
{
    copy_set(&barrier->next, id, path);
    barrier->began_ns = lun_clock_monotonic_ns();
    if (barrier->phase == CATCHING) {
        barrier->held = true;
    } else {
        start_round(barrier);
    }
}

void lun_barrier_commit(struct lun_barrier *barrier)
{
    barrier->warm = barrier->current;
    barrier->current = barrier->next;
    barrier->phase = COMMITTING;
    barrier->decided = true;
    lun_workers_set_current(barrier->workers, barrier->current.path);
    set_deadline(barrier);
    for (unsigned i = 0; i < lun_workers_count(barrier->workers); i++) {
        if (barrier->slots[i].takes_part) {
            ask(barrier, i, LUN_HOST_CONTROL_COMMIT, &barrier->current);
        }
    }
    if (!awaits(barrier)) {
        catch_up(barrier);
    }
}

/* What the workers have beside theirs is gone, the warm set too. */
static void forget(struct lun_barrier *barrier)
{
    for (unsigned i = 0; i < lun_workers_count(barrier->workers); i++) {
        struct slot *slot = &barrier->slots[i];
        slot->awaited = 0;
        if (slot->takes_part) {
            (void)tell(barrier, i, LUN_HOST_CONTROL_ABORT, &barrier->next);
            slot->beside[0] = '\0';
            slot->takes_part = false;
        }
    }
    (void)uv_timer_stop(&barrier->deadline);
    barrier->phase = REST;
}

void lun_barrier_abort(struct lun_barrier *barrier)
{
    forget(barrier);
    catch_up(barrier);
}

static void fail(struct lun_barrier *barrier, const char *reason)
{
    forget(barrier);
    barrier->hooks.on_prepared(barrier->hooks.context, reason);
    if (barrier->phase == REST) {
        catch_up(barrier);
    }
}

/* --- what workers do ---------------------------------------------------- */

/* A release that no worker has survived must not be what their successors
 * start with. */
static void end_preparing(struct lun_barrier *barrier)
{
    if (barrier->asked > 0 && barrier->prepared == 0) {
        fail(barrier, "the workers died while they loaded the release");
        return;
    }
    (void)uv_timer_stop(&barrier->deadline);
    barrier->phase = PREPARED;
    barrier->hooks.on_prepared(barrier->hooks.context, NULL);
}

static void go_on(struct lun_barrier *barrier)
{
    if (barrier->phase == CATCHING) {
        catch_up(barrier);
    } else if (awaits(barrier)) {
        return;
    } else if (barrier->phase == PREPARING) {
        end_preparing(barrier);
    } else if (barrier->phase == COMMITTING) {
        barrier->took_ns = lun_clock_monotonic_ns() - barrier->began_ns;
        catch_up(barrier);
    }
}

static void note_switch(struct lun_barrier *barrier, struct slot *slot)
{
    char before[sizeof slot->serves];
    memcpy(before, slot->serves, sizeof before);
    (void)snprintf(slot->serves, sizeof slot->serves, "%s",
                   barrier->current.id);
    (void)snprintf(slot->beside, sizeof slot->beside, "%s", before);
    slot->takes_part = false;
}

void lun_barrier_worker_reply(struct lun_barrier *barrier, unsigned index,
                              const char *error)
{
    struct slot *slot = &barrier->slots[index];
    char reason[1200];
    slot->answered++;
    if (error[0] != '\0') {
        (void)snprintf(reason, sizeof reason,
                       "worker %u cannot load the release: %s", index, error);
    }
    if (slot->awaited == 0 || slot->answered != slot->awaited) {
        if (error[0] != '\0') { /* of a set that was to be kept warm */
            lun_console_complain("%s", reason);
        }
        return;
    }
    slot->awaited = 0;
    if (error[0] != '\0' && barrier->phase == PREPARING) {
        fail(barrier, reason);
        return;
    }
    if (error[0] != '\0') {
        lun_console_complain("%s", reason);
        slot->serves[0] = '\0';
        slot->takes_part = false;
        lun_workers_kill_one(barrier->workers, index);
    } else if (slot->switching) {
        note_switch(barrier, slot);
    } else {
        bool preparing = barrier->phase == PREPARING;
        const struct set *set = preparing ? &barrier->next : &barrier->current;
        barrier->prepared += preparing ? 1 : 0;
        (void)snprintf(slot->beside, sizeof slot->beside, "%s", set->id);
    }
    go_on(barrier);
}

void lun_barrier_worker_ready(struct lun_barrier *barrier, unsigned index,
                              const char *set)
{
    struct slot *slot = &barrier->slots[index];
    memset(slot, 0, sizeof *slot);
    (void)snprintf(slot->serves, sizeof slot->serves, "%s", set);
    if (barrier->phase == REST || barrier->phase == CATCHING) {
        catch_up(barrier);
    }
}

void lun_barrier_worker_gone(struct lun_barrier *barrier, unsigned index)
{
    memset(&barrier->slots[index], 0, sizeof barrier->slots[index]);
    if (barrier->workers != NULL && barrier->phase != REST &&
        barrier->phase != PREPARED) {
        go_on(barrier);
    }
}

static void on_deadline(uv_timer_t *timer)
{
    struct lun_barrier *barrier = timer->data;
    if (barrier->phase == PREPARING) {
        fail(barrier, "the workers did not load the release in time");
        return;
    }
    for (unsigned i = 0; i < lun_workers_count(barrier->workers); i++) {
        struct slot *slot = &barrier->slots[i];
        if (slot->awaited != 0) {
            memset(slot, 0, sizeof *slot);
            lun_workers_kill_one(barrier->workers, i);
        }
    }
    go_on(barrier);
}

/* --- open and close ----------------------------------------------------- */

int lun_barrier_open(uv_loop_t *loop, int64_t limit_ms,
                     const struct lun_barrier_hooks *hooks,
                     struct lun_barrier **out, struct lun_err *err)
{
    struct lun_barrier *barrier = calloc(1, sizeof *barrier);
    if (barrier == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    barrier->hooks = *hooks;
    barrier->limit_ms = limit_ms;
    (void)uv_timer_init(loop, &barrier->deadline);
    barrier->deadline.data = barrier;
    *out = barrier;
    return 0;
}

void lun_barrier_begin(struct lun_barrier *barrier, struct lun_workers *workers,
                       const char *id, const char *path)
{
    barrier->workers = workers;
    copy_set(&barrier->current, id, path);
}

uint64_t lun_barrier_took_ns(const struct lun_barrier *barrier)
{
    return barrier->took_ns;
}

const char *lun_barrier_warm(const struct lun_barrier *barrier)
{
    return barrier->warm.id;
}

static void on_closed(uv_handle_t *handle)
{
    struct lun_barrier *barrier = handle->data;
    void (*closed)(void *context) = barrier->closed;
    void *context = barrier->context;
    free(barrier);
    closed(context);
}

void lun_barrier_close(struct lun_barrier *barrier,
                       void (*closed)(void *context), void *context)
{
    barrier->closed = closed;
    barrier->context = context;
    uv_close((uv_handle_t *)&barrier->deadline, on_closed);
}
