/*
 * core/supervise/epoch.c - which release set all nodes serve.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/supervise/epoch.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/limits.h"
#include "core/pg/pool.h"
#include "core/telemetry/log.h"

#define CLAIM_MS 5000

struct lun_epoch {
    uv_timer_t timer;
    struct lun_pg_pool *pool;
    int64_t poll_ms;
    void (*moved)(void *context, uint64_t epoch);
    void *moved_context;
    bool looking;
    lun_epoch_claim_cb claimed;
    void *claim_context;
    bool closing;
    void (*closed)(void *context);
    void *context;
};

static struct lun_pg_statement look_statement = {
    .name = "lunette_epoch",
    .sql = "select max(epoch)::text from lunette.release_set",
    .read_only = true,
    .text_results = true,
};

/* An epoch is claimed for good or not at all; the releases in it become the
 * last ones to be forgotten. */
static struct lun_pg_statement claim_statement = {
    .name = "lunette_epoch_claim",
    .sql = "with claimed as (insert into lunette.release_set"
           " (epoch, id, apps, policy, by, why) values ($1::bigint + 1,"
           " $2::text, $3::jsonb, $4::text, $5::text, $6::text)"
           " on conflict (epoch) do nothing returning apps),"
           " served as (update lunette.release r set served_at = now()"
           " from claimed c where c.apps ->> r.app = r.hash returning 1)"
           " select (select count(*) from claimed)::text,"
           " (select count(*) from served)::text",
    .param_count = 6,
    .text_results = true,
};

static uint64_t in_ms(int64_t ms)
{
    return lun_clock_monotonic_ns() + (uint64_t)ms * UINT64_C(1000000);
}

/* --- looking ------------------------------------------------------------ */

static void on_seen(void *context, const PGresult *result,
                    const struct lun_pg_error *error)
{
    struct lun_epoch *epoch = context;
    epoch->looking = false;
    if (error == NULL && !epoch->closing) { /* "" in an empty table */
        epoch->moved(epoch->moved_context,
                     strtoull(PQgetvalue(result, 0, 0), NULL, 10));
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct lun_epoch *epoch = timer->data;
    static const struct lun_pg_params none = {.count = 0};
    if (!epoch->looking && lun_pg_pool_ready(epoch->pool)) {
        epoch->looking = true;
        lun_pg_pool_query(epoch->pool, &look_statement, &none, in_ms(CLAIM_MS),
                          on_seen, epoch);
    }
}

void lun_epoch_watch(struct lun_epoch *epoch)
{
    (void)uv_timer_start(&epoch->timer, on_timer, (uint64_t)epoch->poll_ms,
                         (uint64_t)epoch->poll_ms);
}

/* --- claiming ----------------------------------------------------------- */

static void on_claimed(void *context, const PGresult *result,
                       const struct lun_pg_error *error)
{
    struct lun_epoch *epoch = context;
    lun_epoch_claim_cb claimed = epoch->claimed;
    int code = 0;
    if (error != NULL) {
        code = error->code == LUN_ECONFLICT ? LUN_ECONFLICT : LUN_EUNAVAILABLE;
        lun_log_printf(LUN_LOG_ERROR, "the release set was not recorded: %s",
                       error->message);
    } else if (strcmp(PQgetvalue(result, 0, 0), "1") != 0) {
        code = LUN_ECONFLICT;
    }
    epoch->claimed = NULL;
    claimed(epoch->claim_context, code);
}

void lun_epoch_claim(struct lun_epoch *epoch,
                     const struct lun_epoch_claim *claim, lun_epoch_claim_cb cb,
                     void *context)
{
    char after[24];
    (void)snprintf(after, sizeof after, "%" PRIu64, claim->after);
    const char *const values[] = {after,         claim->id, claim->apps,
                                  claim->policy, claim->by, claim->why};
    const struct lun_pg_params params = {.count = 6, .values = values};
    epoch->claimed = cb;
    epoch->claim_context = context;
    lun_pg_pool_query(epoch->pool, &claim_statement, &params, in_ms(CLAIM_MS),
                      on_claimed, epoch);
}

/* --- open and close ----------------------------------------------------- */

int lun_epoch_open(uv_loop_t *loop, const struct lun_config *config,
                   void (*moved)(void *context, uint64_t epoch), void *context,
                   struct lun_epoch **out, struct lun_err *err)
{
    struct lun_pg_config pg;
    struct lun_epoch *epoch = calloc(1, sizeof *epoch);
    if (epoch == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    lun_limits_pg(config, &pg);
    pg.conninfo = config->migrator_database;
    pg.size = 2; /* one of them for what is no read */
    pg.application = "lunette releases";
    int code = lun_pg_pool_open(loop, &pg, &epoch->pool, err);
    if (code != 0) {
        free(epoch);
        return code;
    }
    epoch->poll_ms = config->release_poll_ms;
    epoch->moved = moved;
    epoch->moved_context = context;
    (void)uv_timer_init(loop, &epoch->timer);
    epoch->timer.data = epoch;
    *out = epoch;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct lun_epoch *epoch = handle->data;
    void (*closed)(void *context) = epoch->closed;
    void *context = epoch->context;
    free(epoch);
    closed(context);
}

static void on_pool_closed(void *context)
{
    struct lun_epoch *epoch = context;
    uv_close((uv_handle_t *)&epoch->timer, on_timer_closed);
}

void lun_epoch_close(struct lun_epoch *epoch, void (*closed)(void *context),
                     void *context)
{
    epoch->closing = true;
    epoch->closed = closed;
    epoch->context = context;
    (void)uv_timer_stop(&epoch->timer);
    lun_pg_pool_close(epoch->pool, on_pool_closed, epoch);
}
