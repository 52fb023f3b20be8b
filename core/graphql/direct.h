/*
 * core/graphql/direct.h - writes that are one statement.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A flat create, update or delete, and a create whose nested rows are all new,
 * is one autocommitted statement that needs no VM (lua/lunette/orm/write/
 * direct.lua makes it). A write goes at once while few statements of its plan
 * are under way; those that come meanwhile wait and share one. They are safe
 * together: no two that may touch one row go in one statement, each is answered
 * by a row of its own, and when the statement fails as a whole each runs alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/graphql/merge.h"
#include "core/pg/pool.h"

struct lun_arena;

enum lun_direct_kind {
    LUN_DIRECT_NULL,
    LUN_DIRECT_SLOT,  /* parameter `index` of the write */
    LUN_DIRECT_CONST, /* `text` */
    LUN_DIRECT_USER,  /* id of the caller */
    LUN_DIRECT_NOW,   /* the time of the write: `index` 0 all, 1 date, 2 time */
    LUN_DIRECT_ID,    /* generated id number `index` */
    LUN_DIRECT_ARRAY  /* of `items` */
};

struct lun_direct_source {
    enum lun_direct_kind kind;
    unsigned index;
    const char *text;
    struct lun_direct_source *items;
    size_t count;
};

enum lun_direct_id { LUN_DIRECT_ANY, LUN_DIRECT_UUID, LUN_DIRECT_BIGINT };

/* Parameter `slot` must be there and such an id. */
struct lun_direct_need {
    unsigned slot;
    enum lun_direct_id id;
};

/* What two writes of one statement may not have in common. */
struct lun_direct_key {
    uint64_t tag;
    struct lun_direct_source source;
};

struct lun_direct_statement {
    struct lun_pg_statement statement; /* sql NULL: there is none */
    struct lun_direct_source *params;
};

struct lun_direct_write;

/* Part of a plan field; its memory is the plan's. */
struct lun_direct {
    struct lun_direct_statement single;
    struct lun_direct_statement merged; /* its parameters are arrays */
    enum lun_direct_id *ids;            /* LUN_DIRECT_UUID, else base 36 */
    size_t id_count;
    struct lun_direct_need *needs;
    size_t need_count;
    struct lun_direct_key *keys;
    size_t key_count;

    struct lun_merge *merge;
    struct lun_merge_turn turn;
    struct lun_direct_write *first;
    struct lun_direct_write **last;
    unsigned waiting;
    unsigned under_way;
};

/* One write; the caller's memory, alive until its callback. */
struct lun_direct_write {
    const struct lun_pg_params *params;
    const char *user; /* may be NULL */
    struct lun_arena *arena;
    uint64_t deadline_ns;
    /* As for reads; row -1: the statement touched no row. */
    lun_merge_cb cb;
    void *context;

    struct lun_direct *direct;
    struct lun_direct_write *next;
    char (*ids)[40];
    char now[32];
    char clock[16];
};

/* Whether `params` meet the needs of the statement. */
bool lun_direct_fits(const struct lun_direct *direct,
                     const struct lun_pg_params *params);

/* Whether the failed statement has certainly changed nothing and may be tried
 * in another way. */
bool lun_direct_failed_clean(const struct lun_pg_error *error);

/*
 * Runs `write`, whose params fit; the caller keeps the plan alive. Returns 0,
 * or LUN_EMEMORY and has done nothing. The callback is never called before this
 * returns.
 */
int lun_direct_run(struct lun_direct *direct, struct lun_merge *merge,
                   struct lun_direct_write *write);
