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
#include "modules/mail/mail.h"
#include "modules/mail/settings.h"
#include "modules/mail/smtp.h"

#define BATCH 8 /* in the statement, too */
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
           " where id in (select id from lunette.mail where parked_at is null"
           " and next_at <= now() order by next_at limit 8"
           " for update skip locked)"
           " returning id, app, message, recipients, refused, tries",
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
    uv_async_t told; /* by the thread: an item has its outcome */
    unsigned handles;
    unsigned statements; /* under way */
    unsigned wakes;      /* short waits that are left */
    uint64_t due_ns;     /* of the earliest mail put back; 0: none */
    bool claiming;
    bool again; /* there may be more */
    bool stopping;
    void (*closed)(void *context);
    void *context;

    /* The thread and what it works on; `mutex` guards the lists. */
    uv_thread_t thread;
    bool running;
    uv_mutex_t mutex;
    struct lun_mail_item *waiting;
    struct lun_mail_item *done;
    struct lun_mail_item *current;
    bool finished; /* the thread has nothing to do any more */
    atomic_bool stop;
};

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
    const char *options =
        item->app && queue->host.grant
            ? queue->host.grant(queue->host.context, "mail", item->app)
            : NULL;
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

/* The thread ----------------------------------------------------------------
 */

static struct lun_mail_item *take_waiting(struct lun_mail_queue *queue)
{
    uv_mutex_lock(&queue->mutex);
    struct lun_mail_item *item = queue->waiting;
    if (item)
        queue->waiting = item->next;
    queue->current = item;
    uv_mutex_unlock(&queue->mutex);
    return item;
}

static void tell(struct lun_mail_queue *queue, struct lun_mail_item *item)
{
    uv_mutex_lock(&queue->mutex);
    item->next = queue->done;
    queue->done = item;
    queue->current = NULL;
    uv_mutex_unlock(&queue->mutex);
    uv_async_send(&queue->told);
}

static void work(void *context)
{
    struct lun_mail_queue *queue = context;
    struct lun_mail_smtp *smtp = lun_mail_smtp_new(&queue->stop);
    struct lun_mail_item *item;
    while ((item = take_waiting(queue))) {
        if (smtp)
            lun_mail_smtp_send(smtp, item);
        else
            item->outcome = LUN_MAIL_GIVEN_UP;
        tell(queue, item);
    }
    /* It may wait for the server's goodbye: only then is the thread joined. */
    if (smtp)
        lun_mail_smtp_free(smtp);
    uv_mutex_lock(&queue->mutex);
    queue->finished = true;
    uv_mutex_unlock(&queue->mutex);
    uv_async_send(&queue->told);
}

static void start_thread(struct lun_mail_queue *queue)
{
    queue->finished = false;
    queue->running = !uv_thread_create(&queue->thread, work, queue);
    if (queue->running)
        return;
    struct lun_mail_item *item;
    while ((item = queue->waiting)) {
        queue->waiting = item->next;
        item->outcome = LUN_MAIL_GIVEN_UP;
        conclude(queue, item);
    }
}

static void on_told(uv_async_t *async)
{
    struct lun_mail_queue *queue = async->data;
    uv_mutex_lock(&queue->mutex);
    struct lun_mail_item *done = queue->done;
    bool finished = queue->finished && queue->running;
    queue->done = NULL;
    uv_mutex_unlock(&queue->mutex);
    while (done) {
        struct lun_mail_item *item = done;
        done = item->next;
        conclude(queue, item);
    }
    if (!finished)
        return;
    uv_thread_join(&queue->thread);
    queue->running = false;
    uv_timer_stop(&queue->renew);
    plan(queue);
    end_when_done(queue);
}

/* Claiming ------------------------------------------------------------------
 */

/* The ids of what is not sent yet: "{id,id}". */
static void push_ids(struct lun_mail_queue *queue, struct lun_buf *out)
{
    lun_buf_push_byte(out, '{');
    uv_mutex_lock(&queue->mutex);
    if (queue->current)
        lun_buf_push_str(out, queue->current->id);
    for (const struct lun_mail_item *at = queue->waiting; at; at = at->next) {
        if (out->len > 1)
            lun_buf_push_byte(out, ',');
        lun_buf_push_str(out, at->id);
    }
    uv_mutex_unlock(&queue->mutex);
    lun_buf_push_byte(out, '}');
}

static void on_renew(uv_timer_t *timer)
{
    struct lun_mail_queue *queue = timer->data;
    struct lun_buf ids;
    lun_buf_init(&ids);
    push_ids(queue, &ids);
    const char *values[] = {lun_buf_str(&ids)};
    if (values[0])
        run(queue, &RENEW, values, on_changed);
    lun_buf_release(&ids);
}

static void on_claimed(void *context, const PGresult *result,
                       const struct lun_pg_error *error)
{
    struct lun_mail_queue *queue = context;
    int count = error ? 0 : PQntuples(result);
    queue->claiming = false;
    for (int row = count - 1; row >= 0; row--) {
        struct lun_mail_item *item = item_of(queue, result, row);
        if (!item)
            continue; /* its row is due again soon */
        item->next = queue->waiting;
        queue->waiting = item;
    }
    queue->again = count == BATCH;
    if (queue->waiting) {
        uv_timer_start(&queue->renew, on_renew, RENEW_MS, RENEW_MS);
        start_thread(queue);
    }
    if (!queue->running)
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
    if (queue->claiming || queue->running || queue->stopping)
        return;
    if (!is_granted(queue) || !lun_pg_pool_ready(queue->host.pool)) {
        plan(queue);
        return;
    }
    queue->claiming = true;
    run(queue, &CLAIM, NULL, on_claimed);
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
    if (!queue->claiming && !queue->running)
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

struct lun_mail_queue *lun_mail_queue_new(const struct lun_module_host *host)
{
    struct lun_mail_queue *queue = calloc(1, sizeof(*queue));
    if (!queue || uv_mutex_init(&queue->mutex)) {
        free(queue);
        return NULL;
    }
    queue->host = *host;
    init_timer(queue, &queue->poll);
    init_timer(queue, &queue->renew);
    init_timer(queue, &queue->count);
    uv_async_init(host->loop, &queue->told, on_told);
    queue->told.data = queue;
    uv_unref((uv_handle_t *)&queue->told);
    queue->handles++;
    if (host->pool) {
        uv_timer_start(&queue->poll, on_poll, 100, 0);
        uv_timer_start(&queue->count, on_count, COUNT_MS, COUNT_MS);
    }
    return queue;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct lun_mail_queue *queue = handle->data;
    if (--queue->handles)
        return;
    void (*closed)(void *) = queue->closed;
    void *context = queue->context;
    uv_mutex_destroy(&queue->mutex);
    free(queue);
    closed(context);
}

static void end_when_done(struct lun_mail_queue *queue)
{
    if (!queue->stopping || queue->running || queue->statements ||
        uv_is_closing((uv_handle_t *)&queue->told))
        return;
    uv_close((uv_handle_t *)&queue->poll, on_handle_closed);
    uv_close((uv_handle_t *)&queue->renew, on_handle_closed);
    uv_close((uv_handle_t *)&queue->count, on_handle_closed);
    uv_close((uv_handle_t *)&queue->told, on_handle_closed);
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
