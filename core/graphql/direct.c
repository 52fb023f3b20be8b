/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/direct.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/base/random.h"
#include "core/telemetry/metrics.h"

/* Statements of one plan that may be under way before writes wait. */
#define UNDER_WAY_MAX 2
/* Writes in one statement, and places of the table of their keys. */
#define BATCH_MAX 128
#define KEYS_SIZE 2048
#define KEYS_MAX (KEYS_SIZE / 2)
/* Writes whose deadlines are further apart do not share a statement. */
#define DEADLINE_SPREAD_NS UINT64_C(2000000000)

struct batch {
    struct lun_direct *direct;
    unsigned count;
    struct lun_direct_write *writes[];
};

/* The keys of a batch as it grows. */
struct keys {
    uint64_t hashes[KEYS_SIZE]; /* 0: free */
    unsigned count;
};

/* Values ------------------------------------------------------------------- */

static bool is_uuid(const char *text)
{
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return !text[36];
}

static bool is_bigint(const char *text)
{
    if (*text == '-')
        text++;
    size_t len = strlen(text);
    return len > 0 && len < 18 && strspn(text, "0123456789") == len;
}

bool lun_direct_fits(const struct lun_direct *direct,
                     const struct lun_pg_params *params)
{
    for (size_t i = 0; i < direct->need_count; i++) {
        const struct lun_direct_need *need = &direct->needs[i];
        const char *text = params->values[need->slot];
        if (!text || (need->id == LUN_DIRECT_UUID && !is_uuid(text)) ||
            (need->id == LUN_DIRECT_BIGINT && !is_bigint(text)))
            return false;
    }
    return true;
}

static void set_now(struct lun_direct_write *write)
{
    int64_t ms = lun_clock_unix_ms();
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char head[24];
    (void)gmtime_r(&seconds, &tm);
    (void)strftime(head, sizeof(head), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(write->now, sizeof(write->now), "%s.%03dZ", head,
             (int)(ms % 1000));
    snprintf(write->clock, sizeof(write->clock), "%.12s", write->now + 11);
}

static int set_ids(struct lun_direct *direct, struct lun_direct_write *write)
{
    uint8_t uuid[16];
    if (!direct->id_count)
        return 0;
    write->ids =
        lun_arena_calloc(write->arena, direct->id_count, sizeof(*write->ids));
    if (!write->ids)
        return LUN_EMEMORY;
    for (size_t i = 0; i < direct->id_count; i++) {
        if (direct->ids[i] != LUN_DIRECT_UUID) {
            lun_random_id25(write->ids[i]);
            continue;
        }
        lun_random_uuid7(uuid);
        lun_random_uuid_text(uuid, write->ids[i]);
    }
    return 0;
}

/* The text of a source that is no array; a date is the head of `now`. */
static const char *text_of(const struct lun_direct_source *source,
                           const struct lun_direct_write *write, size_t *len)
{
    const char *text = NULL;
    switch (source->kind) {
    case LUN_DIRECT_SLOT:
        text = write->params->values[source->index];
        break;
    case LUN_DIRECT_CONST:
        text = source->text;
        break;
    case LUN_DIRECT_USER:
        text = write->user;
        break;
    case LUN_DIRECT_NOW:
        text = source->index == 2 ? write->clock : write->now;
        break;
    case LUN_DIRECT_ID:
        text = write->ids[source->index];
        break;
    case LUN_DIRECT_NULL:
    case LUN_DIRECT_ARRAY:
        break;
    }
    if (text)
        *len = source->kind == LUN_DIRECT_NOW && source->index == 1
                   ? 10
                   : strlen(text);
    return text;
}

static void push_items(struct lun_buf *out,
                       const struct lun_direct_source *array,
                       const struct lun_direct_write *write)
{
    for (size_t i = 0; i < array->count; i++) {
        size_t len;
        const char *text = text_of(&array->items[i], write, &len);
        if (out->data[out->len - 1] != '{')
            lun_buf_push_byte(out, ',');
        lun_merge_push_item(out, text, text ? len : 0);
    }
}

/* Sending ------------------------------------------------------------------ */

/* Parameter `index` of a statement for all `writes`; offset of its text in
 * `out`, or SIZE_MAX for NULL. */
static size_t push_param(struct lun_buf *out,
                         const struct lun_direct_source *source,
                         struct lun_direct_write *const *writes, unsigned count)
{
    size_t at = out->len, len;
    if (source->kind == LUN_DIRECT_ARRAY) {
        lun_buf_push_byte(out, '{');
        for (unsigned i = 0; !out->failed && i < count; i++)
            push_items(out, source, writes[i]);
        lun_buf_push(out, "}", 2);
        return at;
    }
    const char *text = text_of(source, writes[0], &len);
    if (!text)
        return SIZE_MAX;
    lun_buf_push(out, text, len);
    lun_buf_push_byte(out, '\0');
    return at;
}

static int send_statement(struct lun_direct *direct,
                          const struct lun_direct_statement *what,
                          struct lun_direct_write *const *writes,
                          unsigned count, uint64_t deadline,
                          lun_pg_result_cb cb, void *context)
{
    int params = what->statement.param_count;
    size_t offsets[params + 1];
    const char *values[params + 1];
    struct lun_buf text;
    lun_buf_init(&text);
    for (int i = 0; i < params; i++)
        offsets[i] = push_param(&text, &what->params[i], writes, count);
    int rc = text.failed ? LUN_EMEMORY : 0;
    for (int i = 0; !rc && i < params; i++)
        values[i] = offsets[i] == SIZE_MAX ? NULL : text.data + offsets[i];
    if (!rc) {
        struct lun_pg_params bound = {.count = params, .values = values};
        direct->under_way++;
        lun_pg_pool_query(lun_merge_pool(direct->merge), &what->statement,
                          &bound, deadline, cb, context);
    }
    lun_buf_release(&text);
    return rc;
}

/* A statement is done: what waited meanwhile may go. */
static void finished(struct lun_direct *direct)
{
    direct->under_way--;
    if (direct->first)
        lun_merge_at_end_of_turn(direct->merge, &direct->turn);
}

static void on_single(void *context, const PGresult *result,
                      const struct lun_pg_error *error)
{
    struct lun_direct_write *write = context;
    finished(write->direct);
    write->cb(write->context, result, error || !PQntuples(result) ? -1 : 0,
              error);
}

static void run_single(struct lun_direct_write *write)
{
    struct lun_direct *direct = write->direct;
    lun_metrics_add(LUN_METRIC_WRITES_ALONE, 1);
    if (!send_statement(direct, &direct->single, &write, 1, write->deadline_ns,
                        on_single, write))
        return;
    struct lun_pg_error error = {.code = LUN_EMEMORY, .before_send = true};
    write->cb(write->context, NULL, -1, &error);
}

bool lun_direct_failed_clean(const struct lun_pg_error *error)
{
    /* 57P01 and the like end the session, 08 is the connection. */
    return error->sqlstate[0] && !error->lost &&
           strncmp(error->sqlstate, "08", 2) != 0 &&
           strncmp(error->sqlstate, "57", 2) != 0;
}

static void fail_all(struct batch *batch, const struct lun_pg_error *error)
{
    for (unsigned i = 0; i < batch->count; i++) {
        struct lun_direct_write *write = batch->writes[i];
        if (lun_direct_failed_clean(error))
            run_single(write);
        else
            write->cb(write->context, NULL, -1, error);
    }
}

static void on_batch(void *context, const PGresult *result,
                     const struct lun_pg_error *error)
{
    struct batch *batch = context;
    int rows[BATCH_MAX];
    finished(batch->direct);
    if (error) {
        fail_all(batch, error);
        free(batch);
        return;
    }
    lun_merge_numbers(result, rows, batch->count);
    lun_metrics_add(LUN_METRIC_WRITES_SHARED, batch->count);
    for (unsigned i = 0; i < batch->count; i++)
        batch->writes[i]->cb(batch->writes[i]->context, result, rows[i], NULL);
    free(batch);
}

/* Choosing ----------------------------------------------------------------- */

static uint64_t hash_of(const struct lun_direct_key *key,
                        const struct lun_direct_write *write)
{
    size_t len;
    const char *text = text_of(&key->source, write, &len);
    if (!text)
        return 0; /* NULLs are never equal */
    uint64_t hash = lun_map_hash(key->tag, text, len);
    return hash ? hash : 1;
}

static bool has_key(const struct keys *keys, uint64_t hash)
{
    for (unsigned at = hash % KEYS_SIZE; keys->hashes[at];
         at = (at + 1) % KEYS_SIZE)
        if (keys->hashes[at] == hash)
            return true;
    return false;
}

static void add_key(struct keys *keys, uint64_t hash)
{
    unsigned at = hash % KEYS_SIZE;
    while (keys->hashes[at])
        at = (at + 1) % KEYS_SIZE;
    keys->hashes[at] = hash;
    keys->count++;
}

/* Adds the keys of a write; false when it may not go with the others. */
static bool join_batch(const struct lun_direct *direct, struct keys *keys,
                       const struct lun_direct_write *write)
{
    uint64_t hash;
    if (keys->count + direct->key_count > KEYS_MAX)
        return false;
    for (size_t i = 0; i < direct->key_count; i++)
        if ((hash = hash_of(&direct->keys[i], write)) && has_key(keys, hash))
            return false;
    for (size_t i = 0; i < direct->key_count; i++)
        if ((hash = hash_of(&direct->keys[i], write)) && !has_key(keys, hash))
            add_key(keys, hash);
    return true;
}

static bool is_near(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) <= DEADLINE_SPREAD_NS;
}

/* Moves writes that may go together out of the queue. */
static void fill_batch(struct lun_direct *direct, struct batch *batch)
{
    struct keys keys;
    struct lun_direct_write **place = &direct->first;
    uint64_t deadline = direct->first->deadline_ns;
    memset(&keys, 0, sizeof(keys));
    while (*place && batch->count < BATCH_MAX) {
        struct lun_direct_write *write = *place;
        if (is_near(write->deadline_ns, deadline) &&
            join_batch(direct, &keys, write)) {
            *place = write->next;
            batch->writes[batch->count++] = write;
            direct->waiting--;
        } else {
            place = &write->next;
        }
    }
    while (*place)
        place = &(*place)->next;
    direct->last = place;
}

static struct lun_direct_write *take_write(struct lun_direct *direct)
{
    struct lun_direct_write *write = direct->first;
    direct->first = write->next;
    direct->waiting--;
    if (!direct->first)
        direct->last = &direct->first;
    return write;
}

/* By the first key, which is the row's, so that statements lock rows in one
 * order. */
static int compare_writes(const void *a, const void *b)
{
    const struct lun_direct_write *one = *(struct lun_direct_write *const *)a;
    const struct lun_direct_write *two = *(struct lun_direct_write *const *)b;
    const struct lun_direct_source *source = &one->direct->keys[0].source;
    size_t len;
    const char *first = text_of(source, one, &len);
    const char *second = text_of(source, two, &len);
    return strcmp(first ? first : "", second ? second : "");
}

static void run_batch(struct lun_direct *direct)
{
    struct batch *batch =
        direct->merged.statement.sql && direct->waiting > 1
            ? malloc(sizeof(*batch) + BATCH_MAX * sizeof(batch->writes[0]))
            : NULL;
    if (!batch) {
        run_single(take_write(direct));
        return;
    }
    batch->direct = direct;
    batch->count = 0;
    fill_batch(direct, batch);
    if (batch->count > 1) {
        uint64_t deadline = batch->writes[0]->deadline_ns;
        if (direct->key_count)
            qsort(batch->writes, batch->count, sizeof(batch->writes[0]),
                  compare_writes);
        for (unsigned i = 1; i < batch->count; i++)
            if (batch->writes[i]->deadline_ns < deadline)
                deadline = batch->writes[i]->deadline_ns;
        if (!send_statement(direct, &direct->merged, batch->writes,
                            batch->count, deadline, on_batch, batch))
            return;
    }
    for (unsigned i = 0; i < batch->count; i++)
        run_single(batch->writes[i]);
    free(batch);
}

/* Writes that no statement can take together do not wait for each other. */
static bool may_go(const struct lun_direct *direct)
{
    return direct->first &&
           (direct->under_way < UNDER_WAY_MAX || !direct->merged.statement.sql);
}

static void on_turn(void *context)
{
    struct lun_direct *direct = context;
    while (may_go(direct))
        run_batch(direct);
}

int lun_direct_run(struct lun_direct *direct, struct lun_merge *merge,
                   struct lun_direct_write *write)
{
    if (set_ids(direct, write))
        return LUN_EMEMORY;
    set_now(write);
    write->direct = direct;
    write->next = NULL;
    direct->merge = merge;
    direct->turn.run = on_turn;
    direct->turn.context = direct;
    if (!direct->first)
        direct->last = &direct->first;
    *direct->last = write;
    direct->last = &write->next;
    direct->waiting++;
    if (may_go(direct))
        lun_merge_at_end_of_turn(merge, &direct->turn);
    return 0;
}
