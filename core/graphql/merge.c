/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/merge.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/error.h"

/* Statements of one group that may be under way before reads wait. */
#define UNDER_WAY_MAX 2
/* Reads in one statement. */
#define BATCH_MAX 256

struct lun_merge {
    struct lun_pg_pool *pool;
    uv_check_t check;
    uv_idle_t idle; /* keeps the loop from sleeping while groups are queued */
    struct lun_merge_group *queue;
    struct lun_merge_turn *turns;
};

struct batch {
    struct lun_merge_group *group;
    unsigned count;
    struct lun_merge_read *reads[];
};

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void queue_group(struct lun_merge *merge, struct lun_merge_group *group)
{
    if (group->queued)
        return;
    group->queued = 1;
    group->next = merge->queue;
    merge->queue = group;
    (void)uv_idle_start(&merge->idle, on_idle);
}

struct lun_pg_pool *lun_merge_pool(const struct lun_merge *merge)
{
    return merge->pool;
}

void lun_merge_at_end_of_turn(struct lun_merge *merge,
                              struct lun_merge_turn *turn)
{
    if (turn->queued)
        return;
    turn->queued = 1;
    turn->next = merge->turns;
    merge->turns = turn;
    (void)uv_idle_start(&merge->idle, on_idle);
}

/* A statement of the group is done: what waited meanwhile may go. */
static void finished(struct lun_merge_group *group)
{
    group->under_way--;
    if (group->first)
        queue_group(group->merge, group);
}

/* Alone -------------------------------------------------------------------- */

static void on_single(void *context, const PGresult *result,
                      const struct lun_pg_error *error)
{
    struct lun_merge_read *read = context;
    finished(read->group);
    read->cb(read->context, result, error || !PQntuples(result) ? -1 : 0,
             error);
}

static void run_single(struct lun_merge_group *group,
                       struct lun_merge_read *read)
{
    group->under_way++;
    lun_pg_pool_query(group->merge->pool, group->single, read->params,
                      read->deadline_ns, on_single, read);
}

/* Together ----------------------------------------------------------------- */

/* The number of the read is the last column of a merged row. */
static unsigned number_of(const PGresult *result, int row)
{
    int column = PQnfields(result) - 1;
    const unsigned char *value =
        (const unsigned char *)PQgetvalue(result, row, column);
    if (PQgetlength(result, row, column) != 4)
        return 0;
    return (unsigned)value[0] << 24 | (unsigned)value[1] << 16 |
           (unsigned)value[2] << 8 | value[3];
}

void lun_merge_numbers(const PGresult *result, int *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        rows[i] = -1;
    for (int row = 0; row < PQntuples(result); row++) {
        unsigned number = number_of(result, row);
        if (number >= 1 && number <= count)
            rows[number - 1] = row;
    }
}

static void answer(struct batch *batch, const PGresult *result)
{
    int rows[BATCH_MAX];
    lun_merge_numbers(result, rows, batch->count);
    for (unsigned i = 0; i < batch->count; i++)
        batch->reads[i]->cb(batch->reads[i]->context, result, rows[i], NULL);
}

static void on_batch(void *context, const PGresult *result,
                     const struct lun_pg_error *error)
{
    struct batch *batch = context;
    finished(batch->group);
    if (error)
        for (unsigned i = 0; i < batch->count; i++)
            run_single(batch->group, batch->reads[i]);
    else
        answer(batch, result);
    free(batch);
}

void lun_merge_push_item(struct lun_buf *out, const char *text, size_t len)
{
    const char *end = text ? text + len : NULL;
    if (!text) {
        lun_buf_push(out, "NULL", 4);
        return;
    }
    lun_buf_push_byte(out, '"');
    for (const char *at = text; at < end; at++) {
        if (*at != '"' && *at != '\\')
            continue;
        lun_buf_push(out, text, (size_t)(at - text));
        lun_buf_push_byte(out, '\\');
        text = at;
    }
    lun_buf_push(out, text, (size_t)(end - text));
    lun_buf_push_byte(out, '"');
}

/* Parameter `index` of all reads as an array literal with its NUL. */
static void push_array(const struct batch *batch, int index,
                       struct lun_buf *out)
{
    lun_buf_push_byte(out, '{');
    for (unsigned i = 0; i < batch->count; i++) {
        if (i)
            lun_buf_push_byte(out, ',');
        const char *text = batch->reads[i]->params->values[index];
        lun_merge_push_item(out, text, text ? strlen(text) : 0);
    }
    lun_buf_push(out, "}", 2);
}

/* Sends the batch; false when memory ran out. */
static bool send_batch(struct batch *batch)
{
    struct lun_merge_group *group = batch->group;
    int count = group->merged.param_count;
    size_t offsets[count];
    const char *values[count];
    uint64_t deadline = UINT64_MAX;
    struct lun_buf text;
    lun_buf_init(&text);
    for (int i = 0; i < count; i++) {
        offsets[i] = text.len;
        push_array(batch, i, &text);
    }
    bool ok = !text.failed;
    for (int i = 0; ok && i < count; i++)
        values[i] = text.data + offsets[i];
    for (unsigned i = 0; i < batch->count; i++)
        if (batch->reads[i]->deadline_ns < deadline)
            deadline = batch->reads[i]->deadline_ns;
    if (ok) {
        struct lun_pg_params params = {.count = count, .values = values};
        group->under_way++;
        lun_pg_pool_query(group->merge->pool, &group->merged, &params, deadline,
                          on_batch, batch);
    }
    lun_buf_release(&text);
    return ok;
}

static struct lun_merge_read *take_read(struct lun_merge_group *group)
{
    struct lun_merge_read *read = group->first;
    group->first = read->next;
    group->waiting--;
    if (!group->first)
        group->last = &group->first;
    read->next = NULL;
    return read;
}

static void run_batch(struct lun_merge_group *group)
{
    unsigned count = group->waiting < BATCH_MAX ? group->waiting : BATCH_MAX;
    struct batch *batch =
        count > 1 ? malloc(sizeof(*batch) + count * sizeof(batch->reads[0]))
                  : NULL;
    if (!batch) {
        run_single(group, take_read(group));
        return;
    }
    batch->group = group;
    batch->count = count;
    for (unsigned i = 0; i < count; i++)
        batch->reads[i] = take_read(group);
    if (send_batch(batch))
        return;
    for (unsigned i = 0; i < count; i++)
        run_single(group, batch->reads[i]);
    free(batch);
}

static void run_turns(struct lun_merge *merge)
{
    struct lun_merge_turn *turn = merge->turns;
    merge->turns = NULL;
    while (turn) {
        struct lun_merge_turn *next = turn->next;
        turn->queued = 0;
        turn->run(turn->context);
        turn = next;
    }
}

static void flush(struct lun_merge *merge)
{
    struct lun_merge_group *group = merge->queue;
    merge->queue = NULL;
    run_turns(merge);
    while (group) {
        struct lun_merge_group *next = group->next;
        group->queued = 0;
        while (group->first && group->under_way < UNDER_WAY_MAX)
            run_batch(group);
        group = next;
    }
    if (!merge->queue && !merge->turns)
        (void)uv_idle_stop(&merge->idle);
}

static void on_check(uv_check_t *check)
{
    struct lun_merge *merge = check->data;
    if (merge->queue || merge->turns)
        flush(merge);
}

struct lun_merge *lun_merge_new(uv_loop_t *loop, struct lun_pg_pool *pool)
{
    struct lun_merge *merge = calloc(1, sizeof(*merge));
    if (!merge)
        return NULL;
    merge->pool = pool;
    (void)uv_check_init(loop, &merge->check);
    (void)uv_idle_init(loop, &merge->idle);
    merge->check.data = merge->idle.data = merge;
    (void)uv_check_start(&merge->check, on_check);
    uv_unref((uv_handle_t *)&merge->check);
    return merge;
}

static void on_idle_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_check_closed(uv_handle_t *handle)
{
    struct lun_merge *merge = handle->data;
    uv_close((uv_handle_t *)&merge->idle, on_idle_closed);
}

void lun_merge_close(struct lun_merge *merge)
{
    uv_close((uv_handle_t *)&merge->check, on_check_closed);
}

void lun_merge_run(struct lun_merge *merge, struct lun_merge_group *group,
                   const struct lun_pg_statement *single,
                   struct lun_merge_read *read)
{
    group->merge = merge;
    group->single = single;
    read->group = group;
    read->next = NULL;
    if (!group->first)
        group->last = &group->first;
    *group->last = read;
    group->last = &read->next;
    group->waiting++;
    if (group->under_way < UNDER_WAY_MAX)
        queue_group(merge, group);
}
