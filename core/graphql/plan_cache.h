/*
 * core/graphql/plan_cache.h - plans by document and shape of the inputs.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The key is made of the token hash of the document (literals taken out), the
 * operation name, the caller's roles, the shape of the variables (keys present,
 * kinds, lengths of lists of objects, the `mode` of filters), the values of the
 * few variables that decide the plan itself, and the
 * usual sizes (core/graphql/page_size.h) of those that limit a list. Bounded in
 * bytes and entries; the least recently used plan goes first.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lun_json;
struct lun_plan;
struct lun_plan_cache;

struct lun_plan_key {
    uint64_t document[2]; /* tokens, operation name, roles */
    uint64_t shape[2];    /* filled by lun_plan_cache_find */
};

struct lun_plan_cache *lun_plan_cache_new(size_t max_bytes, size_t max_entries);
void lun_plan_cache_free(struct lun_plan_cache *cache);

/* Completes `key` and returns the plan (without a new reference) or NULL. */
struct lun_plan *lun_plan_cache_find(struct lun_plan_cache *cache,
                                     struct lun_plan_key *key,
                                     const struct lun_json *variables);
/* Adds the plan for the request of `key`; takes a reference of its own. */
void lun_plan_cache_add(struct lun_plan_cache *cache, struct lun_plan_key *key,
                        const struct lun_json *variables,
                        struct lun_plan *plan);

void lun_plan_cache_stats(const struct lun_plan_cache *cache, size_t *entries,
                          size_t *bytes);
