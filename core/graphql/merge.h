/*
 * core/graphql/merge.h - waiting reads of one plan share a statement.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A read goes at once while few statements of its plan are under way; the reads
 * that come meanwhile wait and go together, their parameters as arrays. So
 * nobody waits for company, and under load hundreds of requests cost one
 * statement. When a shared statement fails, each of its reads runs alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/pg/pool.h"

struct lun_buf;
struct lun_merge; /* opaque: what the plans of one loop share */

/* How a read ended: row `row` of `result` (-1: there is none), or `error`. */
typedef void (*lun_merge_cb)(void *context, const PGresult *result, int row,
                             const struct lun_pg_error *error);

/* One read; the caller's memory, alive until its callback. */
struct lun_merge_read {
    const struct lun_pg_params *params;
    uint64_t deadline_ns;
    lun_merge_cb cb;
    void *context;
    struct lun_merge_group *group;
    struct lun_merge_read *next;
};

/* The reads of one plan field; part of the plan, zeroed at first. */
struct lun_merge_group {
    struct lun_pg_statement merged; /* sql NULL: reads are never merged */
    struct lun_merge *merge;
    const struct lun_pg_statement *single;
    struct lun_merge_read *first;
    struct lun_merge_read **last;
    unsigned waiting;
    unsigned under_way;
    int queued; /* stands in the list of the loop turn */
    struct lun_merge_group *next;
};

/* Something to do once, at the end of the loop turn; the caller's memory. */
struct lun_merge_turn {
    void (*run)(void *context);
    void *context;
    int queued;
    struct lun_merge_turn *next;
};

/* NULL when memory ran out. */
struct lun_merge *lun_merge_new(uv_loop_t *loop, struct lun_pg_pool *pool);
/* No read may be under way. Frees when libuv has let go. */
void lun_merge_close(struct lun_merge *merge);

struct lun_pg_pool *lun_merge_pool(const struct lun_merge *merge);
/* Calls turn->run when the loop has read what was there to read, unless it is
 * to be called already. The memory must live until then. */
void lun_merge_at_end_of_turn(struct lun_merge *merge,
                              struct lun_merge_turn *turn);
/* Appends an item of an array literal; NULL is NULL. */
void lun_merge_push_item(struct lun_buf *out, const char *text, size_t len);
/* Sorts the rows of a merged result by the numbers in their last column: the
 * row of number i + 1 goes to rows[i], -1 where there is none. */
void lun_merge_numbers(const PGresult *result, int *rows, unsigned count);

/* Runs `read` for `group`, whose plan the caller keeps alive. The callback is
 * never called before this returns. */
void lun_merge_run(struct lun_merge *merge, struct lun_merge_group *group,
                   const struct lun_pg_statement *single,
                   struct lun_merge_read *read);
