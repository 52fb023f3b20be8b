/*
 * core/pg/request.c - requests, the lists they wait in, statements by name.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/pg/internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"

/* Most parameters fit; blocks of this room are kept for the next request. */
#define SPARE_ROOM 512
#define SPARE_MAX 256
/* Guess for a statement that has not run yet. */
#define COST_FIRST_NS 100000

void lun_pg_list_push(struct lun_pg_list *list, struct lun_pg_request *r)
{
    r->list = list;
    r->next = NULL;
    r->prev = list->last;
    if (list->last)
        list->last->next = r;
    else
        list->first = r;
    list->last = r;
    list->count++;
}

void lun_pg_list_push_front(struct lun_pg_list *list, struct lun_pg_request *r)
{
    r->list = list;
    r->prev = NULL;
    r->next = list->first;
    if (list->first)
        list->first->prev = r;
    else
        list->last = r;
    list->first = r;
    list->count++;
}

void lun_pg_list_remove(struct lun_pg_request *r)
{
    struct lun_pg_list *list = r->list;
    if (r->prev)
        r->prev->next = r->next;
    else
        list->first = r->next;
    if (r->next)
        r->next->prev = r->prev;
    else
        list->last = r->prev;
    list->count--;
    r->list = NULL;
    r->next = r->prev = NULL;
}

static size_t value_size(const struct lun_pg_params *params, int i)
{
    if (!params->values[i])
        return 0;
    if (params->formats && params->formats[i] == 1)
        return (size_t)params->lengths[i];
    return strlen(params->values[i]) + 1;
}

static size_t params_size(const struct lun_pg_params *params)
{
    if (!params)
        return 0;
    size_t size = (size_t)params->count * sizeof(char *);
    if (params->formats)
        size += (size_t)params->count * 2 * sizeof(int);
    for (int i = 0; i < params->count; i++)
        size += value_size(params, i);
    return size;
}

static void copy_params(struct lun_pg_request *r,
                        const struct lun_pg_params *params)
{
    size_t count = (size_t)params->count;
    char *at = (char *)r->data;
    r->count = params->count;
    r->values = (const char **)(void *)at;
    at += count * sizeof(char *);
    if (params->formats) {
        r->formats = (int *)(void *)at;
        r->lengths = r->formats + count;
        at += count * 2 * sizeof(int);
        memcpy(r->formats, params->formats, count * sizeof(int));
    }
    for (int i = 0; i < params->count; i++) {
        size_t size = value_size(params, i);
        r->values[i] = params->values[i] ? at : NULL;
        if (size > 0)
            memcpy(at, params->values[i], size);
        if (r->lengths)
            r->lengths[i] = (int)size;
        at += size;
    }
}

/* A block with the room asked for, all zero but its `room`. */
static struct lun_pg_request *block(struct lun_pg_pool *pool, size_t room)
{
    struct lun_pg_request *r = pool->spare.first;
    if (r && room <= SPARE_ROOM) {
        lun_pg_list_remove(r);
        room = r->room;
    } else {
        room = room > SPARE_ROOM ? room : SPARE_ROOM;
        r = malloc(sizeof(*r) + room);
        if (!r)
            return NULL;
    }
    memset(r, 0, sizeof(*r));
    r->room = room;
    return r;
}

struct lun_pg_request *lun_pg_request_new(struct lun_pg_pool *pool,
                                          enum lun_pg_kind kind,
                                          const struct lun_pg_params *params,
                                          const char *sql)
{
    /* The text of ad-hoc SQL is ours; that of statements is their owner's. */
    bool copy_sql = kind != LUN_PG_QUERY && sql;
    size_t room = copy_sql ? strlen(sql) + 1 : params_size(params);
    struct lun_pg_request *r = block(pool, room);
    if (!r)
        return NULL;
    r->kind = kind;
    r->sql = sql;
    if (copy_sql)
        r->sql = memcpy(r->data, sql, room);
    else if (params && params->count > 0)
        copy_params(r, params);
    return r;
}

void lun_pg_request_free(struct lun_pg_pool *pool, struct lun_pg_request *r)
{
    free(r->error);
    if (r->known)
        lun_pg_known_unref(pool, r->known);
    if (r->room == SPARE_ROOM && pool->spare.count < SPARE_MAX)
        lun_pg_list_push_front(&pool->spare, r);
    else
        free(r);
}

void lun_pg_request_free_spare(struct lun_pg_pool *pool)
{
    struct lun_pg_request *r;
    while ((r = pool->spare.first)) {
        lun_pg_list_remove(r);
        free(r);
    }
}

void lun_pg_request_detach(struct lun_pg_request *r)
{
    if (r->list)
        lun_pg_list_remove(r);
    if (r->connection) {
        struct lun_pg_connection *c = r->connection;
        c->slots[r->position & (c->size - 1)].request = NULL;
        r->connection = NULL;
    }
}

void lun_pg_request_fail(struct lun_pg_pool *pool, struct lun_pg_request *r,
                         const struct lun_pg_error *error)
{
    lun_pg_request_detach(r);
    pool->stats.errors++;
    if (r->kind == LUN_PG_TAKE)
        r->cb.session(r->context, NULL, error);
    else if (r->kind != LUN_PG_CHORE)
        r->cb.result(r->context, NULL, error);
    lun_pg_request_free(pool, r);
}

void lun_pg_request_fail_later(struct lun_pg_pool *pool,
                               struct lun_pg_request *r,
                               const struct lun_pg_error *error)
{
    lun_pg_request_detach(r);
    r->error = malloc(sizeof(*error));
    if (r->error)
        *r->error = *error;
    lun_pg_list_push(&pool->done, r);
    lun_pg_pool_wake(pool);
}

static void unlink_known(struct lun_pg_pool *pool, struct lun_pg_known *known)
{
    if (known->older)
        known->older->newer = known->newer;
    else
        pool->oldest = known->newer;
    if (known->newer)
        known->newer->older = known->older;
    else
        pool->newest = known->older;
}

static void link_newest(struct lun_pg_pool *pool, struct lun_pg_known *known)
{
    known->newer = NULL;
    known->older = pool->newest;
    if (pool->newest)
        pool->newest->newer = known;
    else
        pool->oldest = known;
    pool->newest = known;
}

static struct lun_pg_known *new_known(const struct lun_pg_pool *pool,
                                      const char *name)
{
    struct lun_pg_known *known =
        calloc(1, sizeof(*known) + pool->size * sizeof(known->prepared[0]));
    if (!known)
        return NULL;
    known->name = strdup(name);
    known->refs = 1;
    known->cost_ns = COST_FIRST_NS;
    if (known->name)
        return known;
    free(known);
    return NULL;
}

struct lun_pg_known *lun_pg_known_get(struct lun_pg_pool *pool,
                                      const char *name)
{
    size_t len = strlen(name);
    struct lun_pg_known *known = lun_map_get(&pool->known, name, len);
    if (known) {
        unlink_known(pool, known);
    } else {
        if (pool->known.count >= LUN_PG_KNOWN_MAX)
            lun_pg_pool_forget(pool, pool->oldest->name);
        known = new_known(pool, name);
        if (!known)
            return NULL;
        if (!lun_map_put(&pool->known, name, len, known, NULL)) {
            free(known->name);
            free(known);
            return NULL;
        }
    }
    link_newest(pool, known);
    known->refs++;
    return known;
}

void lun_pg_known_unref(struct lun_pg_pool *pool, struct lun_pg_known *known)
{
    if (--known->refs > 0)
        return;
    for (unsigned i = 0; i < pool->size; i++) {
        struct lun_pg_connection *c = &pool->connections[i];
        if (c->pq && known->prepared[i].epoch == c->epoch)
            lun_pg_connection_push_drop(c, known->prepared[i].serial);
    }
    free(known->name);
    free(known);
}

void lun_pg_pool_forget(struct lun_pg_pool *pool, const char *name)
{
    struct lun_pg_known *known =
        lun_map_remove(&pool->known, name, strlen(name));
    if (!known)
        return;
    unlink_known(pool, known);
    lun_pg_known_unref(pool, known);
}
