/* SPDX-License-Identifier: Apache-2.0 */
#include "modules/mail/queue.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/random.h"
#include "core/pg/pool.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/vm/module.h"
#include "modules/mail/lane.h"
#include "modules/mail/mail.h"
#include "modules/mail/rest.h"
#include "modules/mail/settings.h"

#define LANES 4
#define POLL_MS 5000
#define WAKE_FIRST_MS 10
#define WAKES 7 /* 10, 30, 90 ... ms: a transaction may last */
#define RENEW_MS 8000
#define COUNT_MS 15000
#define STATEMENT_NS 10000000000ULL
#define BACKOFF_MS 2000
#define BACKOFF_MAX_MS 3600000
#define LEASE "interval '25 seconds'"

static const struct lun_pg_statement CLAIM = {
    .name = "lunette_mail_claim",
    .sql = "update lunette.mail set tries = tries + 1, next_at = now() + " LEASE
           " where id in (select id from lunette.mail where app ="
           " (select app from lunette.mail where parked_at is null"
           " and next_at <= now() and app <> all($1::text[])"
           " order by next_at limit 1)"
           " and parked_at is null and next_at <= now()"
           " order by next_at limit 8 for update skip locked)"
           " returning id, app, message, recipients, refused, tries",
    .param_count = 1,
    .text_results = true,
};

static const struct lun_pg_statement RENEW = {
    .name = "lunette_mail_renew",
    .sql = "update lunette.mail set next_at = now() + " LEASE
           " where id = any($1::uuid[]) and parked_at is null",
    .param_count = 1,
};

/* Whoever claimed it since has counted one more try. */
static const struct lun_pg_statement SENT = {
    .name = "lunette_mail_sent",
    .sql = "delete from lunette.mail where id = $1::uuid and tries = $2::int",
    .param_count = 2,
};

static const struct lun_pg_statement LATER = {
    .name = "lunette_mail_later",
    .sql = "update lunette.mail set recipients = $3, refused = $4,"
           " problem = coalesce(nullif($5, ''), problem), next_at = now() + "
           "$6::int * interval '1 millisecond'"
           " where id = $1::uuid and tries = $2::int",
    .param_count = 6,
};

static const struct lun_pg_statement PARK = {
    .name = "lunette_mail_park",
    .sql = "update lunette.mail set recipients = $3, refused = $4,"
           " problem = coalesce(nullif($5, ''), problem), parked_at = now()"
           " where id = $1::uuid and tries = $2::int",
    .param_count = 5,
};

static const struct lun_pg_statement GIVE_UP = {
    .name = "lunette_mail_give_up",
    .sql = "update lunette.mail set tries = tries - 1, next_at = now()"
           " where id = $1::uuid and tries = $2::int",
    .param_count = 2,
};

static const struct lun_pg_statement COUNT = {
    .name = "lunette_mail_count",
    .sql = "select count(*) filter (where parked_at is null),"
           " count(*) filter (where parked_at is not null) from lunette.mail",
    .read_only = true,
    .text_results = true,
};

struct lun_mail_queue {
    struct lun_module_host host;
    uv_timer_t poll;
    uv_timer_t renew;
    uv_timer_t count;
    unsigned handles;
    unsigned statements; /* under way */
    unsigned wakes;      /* short waits that are left */
    uint64_t due_ns;     /* of the earliest mail put back; 0: none */
    bool claiming;
    bool again; /* there may be more */
    bool stopping;
    void (*closed)(void *context);
    void *context;
    struct lun_mail_lane lanes[LANES];
    unsigned lane_count;
    struct lun_mail_rests rests;
    atomic_bool stop;
};

static const char *grant_of(const struct lun_mail_queue *queue,
                            const char *app);
static void plan(struct lun_mail_queue *queue);
static void end_when_done(struct lun_mail_queue *queue);

/* Items ---------------------------------------------------------------------
 */

void lun_mail_item_free(struct lun_mail_item *item)
{
    free(item->app);
    free(item->options);
    free(item->message);
    free(item->recipients);
    free(item->refused);
    lun_buf_release(&item->left);
    lun_buf_release(&item->refused_now);
    free(item);
}

static struct lun_mail_item *item_of(const struct lun_mail_queue *queue,
                                     const PGresult *result, int row)
{
    struct lun_mail_item *item = calloc(1, sizeof(*item));
    if (!item)
        return NULL;
    snprintf(item->id, sizeof(item->id), "%s", PQgetvalue(result, row, 0));
    item->app = strdup(PQgetvalue(result, row, 1));
    item->message = strdup(PQgetvalue(result, row, 2));
    item->recipients = strdup(PQgetvalue(result, row, 3));
    item->refused = strdup(PQgetvalue(result, row, 4));
    item->tries = atoi(PQgetvalue(result, row, 5));
    const char *options = item->app ? grant_of(queue, item->app) : NULL;
    item->options = options ? strdup(options) : NULL;
    if (item->app && item->message && item->recipients && item->refused &&
        (item->options || !options))
        return item;
    lun_mail_item_free(item);
    return NULL;
}

/* Statements ----------------------------------------------------------------
 */

static void run(struct lun_mail_queue *queue,
                const struct lun_pg_statement *statement,
                const char *const *values, lun_pg_result_cb cb)
{
    const struct lun_pg_params params = {.count = statement->param_count,
                                         .values = values};
    queue->statements++;
    lun_pg_pool_query(queue->host.pool, statement, &params,
                      lun_clock_monotonic_ns() + STATEMENT_NS, cb, queue);
}

static void ended(struct lun_mail_queue *queue,
                  const struct lun_pg_error *error)
{
    queue->statements--;
    if (error && !queue->stopping)
        lun_log_printf(LUN_LOG_WARN, "the queue of mails: %s", error->message);
    end_when_done(queue);
}

static void on_changed(void *context, const PGresult *result,
                       const struct lun_pg_error *error)
{
    (void)result;
    ended(context, error);
}

/* Half to all of the time, doubled with each try. */
static uint64_t backoff_ms(int tries)
{
    uint64_t wait = BACKOFF_MAX_MS;
    uint32_t random;
    if (tries < 12)
        wait = (uint64_t)BACKOFF_MS << (tries > 0 ? tries - 1 : 0);
    if (wait > BACKOFF_MAX_MS)
        wait = BACKOFF_MAX_MS;
    lun_random_bytes(&random, sizeof(random));
    return wait / 2 + wait * random / UINT32_MAX / 2;
}

/* What servers say may be in any encoding; the database takes UTF-8. */
static void clean(char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void log_item(const struct lun_mail_item *item, const char *what)
{
    const struct lun_log_field fields[] = {
        {"app", item->app}, {"mail", item->id}, {"problem", item->problem}};
    lun_log_write(LUN_LOG_WARN, what, fields, 3);
}

static void put_back(struct lun_mail_queue *queue, struct lun_mail_item *item)
{
    char tries[16], wait[24];
    bool park = item->outcome == LUN_MAIL_PARKED ||
                item->tries >= lun_mail_settings_tries(item->options);
    uint64_t wait_ms = backoff_ms(item->tries);
    clean(item->problem);
    snprintf(tries, sizeof(tries), "%d", item->tries);
    snprintf(wait, sizeof(wait), "%llu", (unsigned long long)wait_ms);
    const char *values[] = {item->id,
                            tries,
                            lun_buf_str(&item->left),
                            lun_buf_str(&item->refused_now),
                            item->problem,
                            wait};
    log_item(item, park ? "a mail is parked" : "a mail is sent later");
    lun_metrics_add(park ? LUN_METRIC_MAIL_PARKED : LUN_METRIC_MAIL_LATER, 1);
    /* Without its values the row stays as it is, and is due again soon. */
    if (!values[2] || !values[3])
        return;
    run(queue, park ? &PARK : &LATER, values, on_changed);
    uint64_t due = lun_clock_monotonic_ns() + wait_ms * 1000000;
    if (!park && (!queue->due_ns || due < queue->due_ns))
        queue->due_ns = due;
}

static void conclude(struct lun_mail_queue *queue, struct lun_mail_item *item)
{
    char tries[16];
    snprintf(tries, sizeof(tries), "%d", item->tries);
    const char *values[] = {item->id, tries};
    if (item->silent)
        lun_mail_rests_add(&queue->rests, item->app, item->options);
    else if (item->outcome == LUN_MAIL_SENT)
        lun_mail_rests_drop(&queue->rests, item->app);
    if (item->outcome == LUN_MAIL_SENT) {
        lun_metrics_add(LUN_METRIC_MAIL_SENT, 1);
        run(queue, &SENT, values, on_changed);
    } else if (item->outcome == LUN_MAIL_GIVEN_UP) {
        run(queue, &GIVE_UP, values, on_changed);
    } else {
        put_back(queue, item);
    }
    lun_mail_item_free(item);
}

/* Lanes ---------------------------------------------------------------------
 */

static struct lun_mail_lane *free_lane(struct lun_mail_queue *queue)
{
    for (unsigned i = 0; i < queue->lane_count; i++)
        if (!queue->lanes[i].running)
            return &queue->lanes[i];
    return NULL;
}

static bool is_sending(const struct lun_mail_queue *queue)
{
    for (unsigned i = 0; i < queue->lane_count; i++)
        if (queue->lanes[i].running)
            return true;
    return false;
}

static void on_lane(struct lun_mail_lane *lane, struct lun_mail_item *item)
{
    struct lun_mail_queue *queue = lane->context;
    if (item) {
        conclude(queue, item);
        return;
    }
    if (!is_sending(queue))
        uv_timer_stop(&queue->renew);
    queue->again = true;
    plan(queue);
    end_when_done(queue);
}

static void give_up(struct lun_mail_queue *queue, struct lun_mail_item *items)
{
    while (items) {
        struct lun_mail_item *item = items;
        items = item->next;
        item->outcome = LUN_MAIL_GIVEN_UP;
        conclude(queue, item);
    }
}

static void on_renew(uv_timer_t *timer)
{
    struct lun_mail_queue *queue = timer->data;
    struct lun_buf ids;
    lun_buf_init(&ids);
    lun_buf_push_byte(&ids, '{');
    for (unsigned i = 0; i < queue->lane_count; i++)
        lun_mail_lane_push_ids(&queue->lanes[i], &ids);
    lun_buf_push_byte(&ids, '}');
    const char *values[] = {lun_buf_str(&ids)};
    if (values[0])
        run(queue, &RENEW, values, on_changed);
    lun_buf_release(&ids);
}

/* Claiming ------------------------------------------------------------------
 */

static void push_app(struct lun_buf *out, const char *app)
{
    if (out->len > 1)
        lun_buf_push_byte(out, ',');
    lun_buf_push_str(out, app);
}

static const char *grant_of(const struct lun_mail_queue *queue, const char *app)
{
    return queue->host.grant
               ? queue->host.grant(queue->host.context, "mail", app)
               : NULL;
}

/* The apps that are not claimed for now, as an array of PostgreSQL; names of
 * apps need no quotes. A grant that has changed ends the rest. */
static void push_busy(struct lun_mail_queue *queue, struct lun_buf *out)
{
    lun_buf_push_byte(out, '{');
    for (unsigned i = 0; i < queue->lane_count; i++)
        if (queue->lanes[i].running)
            push_app(out, queue->lanes[i].app);
    for (unsigned i = 0; i < LUN_MAIL_RESTS; i++) {
        const struct lun_mail_rest *rest =
            lun_mail_rests_find(&queue->rests, i);
        const char *options = rest ? grant_of(queue, rest->app) : NULL;
        if (!rest)
            continue;
        if (options && !strcmp(options, rest->options))
            push_app(out, rest->app);
        else
            lun_mail_rests_drop(&queue->rests, rest->app);
    }
    lun_buf_push_byte(out, '}');
}

static void on_claimed(void *context, const PGresult *result,
                       const struct lun_pg_error *error)
{
    struct lun_mail_queue *queue = context;
    struct lun_mail_item *items = NULL;
    int count = error ? 0 : PQntuples(result);
    queue->claiming = false;
    for (int row = count - 1; row >= 0; row--) {
        struct lun_mail_item *item = item_of(queue, result, row);
        if (!item)
            continue; /* its row is due again soon */
        item->next = items;
        items = item;
    }
    struct lun_mail_lane *lane = free_lane(queue);
    /* Another app may have some, too. */
    queue->again = items && lane && lun_mail_lane_start(lane, items);
    if (queue->again)
        uv_timer_start(&queue->renew, on_renew, RENEW_MS, RENEW_MS);
    else
        give_up(queue, items);
    plan(queue);
    ended(queue, error);
}

static bool is_granted(const struct lun_mail_queue *queue)
{
    return !queue->host.grant ||
           queue->host.grant(queue->host.context, "mail", NULL);
}

static void on_poll(uv_timer_t *timer)
{
    struct lun_mail_queue *queue = timer->data;
    struct lun_buf busy;
    /* A lane that becomes free plans again. */
    if (queue->claiming || queue->stopping || !free_lane(queue))
        return;
    if (!is_granted(queue) || !lun_pg_pool_ready(queue->host.pool)) {
        plan(queue);
        return;
    }
    lun_buf_init(&busy);
    push_busy(queue, &busy);
    const char *values[] = {lun_buf_str(&busy)};
    queue->claiming = values[0];
    if (queue->claiming)
        run(queue, &CLAIM, values, on_claimed);
    else
        plan(queue);
    lun_buf_release(&busy);
}

/* Milliseconds until a mail that was put back is due. */
static uint64_t due_in(struct lun_mail_queue *queue, uint64_t most)
{
    uint64_t now = lun_clock_monotonic_ns();
    if (queue->due_ns <= now) {
        queue->due_ns = 0;
        return most;
    }
    uint64_t wait = (queue->due_ns - now) / 1000000 + 20;
    return wait < most ? wait : most;
}

/* When the next look at the queue is due. */
static void plan(struct lun_mail_queue *queue)
{
    uint64_t wait = POLL_MS;
    uint8_t random;
    if (queue->stopping)
        return;
    lun_random_bytes(&random, 1);
    wait += (uint64_t)random * 4; /* workers take turns */
    if (queue->again) {
        wait = 0;
        queue->again = false;
    } else if (queue->wakes) {
        wait = WAKE_FIRST_MS;
        for (unsigned i = WAKES; i > queue->wakes; i--)
            wait *= 3;
        queue->wakes--;
    }
    uv_timer_start(&queue->poll, on_poll, due_in(queue, wait), 0);
}

void lun_mail_queue_wake(struct lun_mail_queue *queue)
{
    queue->wakes = WAKES;
    if (!queue->claiming)
        plan(queue);
}

/* Counting ------------------------------------------------------------------
 */

static void on_counted(void *context, const PGresult *result,
                       const struct lun_pg_error *error)
{
    if (!error && PQntuples(result) == 1) {
        lun_metrics_set(LUN_METRIC_MAIL_WAITING,
                        strtoull(PQgetvalue(result, 0, 0), NULL, 10));
        lun_metrics_set(LUN_METRIC_MAIL_STUCK,
                        strtoull(PQgetvalue(result, 0, 1), NULL, 10));
    }
    ended(context, error);
}

static void on_count(uv_timer_t *timer)
{
    struct lun_mail_queue *queue = timer->data;
    if (queue->stopping || !is_granted(queue) ||
        !lun_pg_pool_ready(queue->host.pool))
        return;
    run(queue, &COUNT, NULL, on_counted);
}

/* Life ----------------------------------------------------------------------
 */

static void init_timer(struct lun_mail_queue *queue, uv_timer_t *timer)
{
    uv_timer_init(queue->host.loop, timer);
    timer->data = queue;
    uv_unref((uv_handle_t *)timer);
    queue->handles++;
}

static void open_lanes(struct lun_mail_queue *queue)
{
    for (unsigned i = 0; i < LANES; i++) {
        if (!lun_mail_lane_open(&queue->lanes[i], queue->host.loop,
                                &queue->stop, on_lane, queue))
            break;
        queue->lane_count++;
        queue->handles++;
    }
}

struct lun_mail_queue *lun_mail_queue_new(const struct lun_module_host *host)
{
    struct lun_mail_queue *queue = calloc(1, sizeof(*queue));
    if (!queue)
        return NULL;
    queue->host = *host;
    init_timer(queue, &queue->poll);
    init_timer(queue, &queue->renew);
    init_timer(queue, &queue->count);
    open_lanes(queue);
    uv_timer_start(&queue->poll, on_poll, 100, 0);
    uv_timer_start(&queue->count, on_count, COUNT_MS, COUNT_MS);
    return queue;
}

static void handle_closed(struct lun_mail_queue *queue)
{
    if (--queue->handles)
        return;
    void (*closed)(void *) = queue->closed;
    void *context = queue->context;
    lun_mail_rests_release(&queue->rests);
    free(queue);
    closed(context);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

static void on_lane_closed(struct lun_mail_lane *lane)
{
    handle_closed(lane->context);
}

static void end_when_done(struct lun_mail_queue *queue)
{
    if (!queue->stopping || is_sending(queue) || queue->statements ||
        uv_is_closing((uv_handle_t *)&queue->poll))
        return;
    uv_close((uv_handle_t *)&queue->poll, on_timer_closed);
    uv_close((uv_handle_t *)&queue->renew, on_timer_closed);
    uv_close((uv_handle_t *)&queue->count, on_timer_closed);
    for (unsigned i = 0; i < queue->lane_count; i++)
        lun_mail_lane_close(&queue->lanes[i], on_lane_closed);
}

void lun_mail_queue_stop(struct lun_mail_queue *queue,
                         void (*closed)(void *context), void *context)
{
    queue->stopping = true;
    queue->closed = closed;
    queue->context = context;
    atomic_store(&queue->stop, true);
    end_when_done(queue);
}
