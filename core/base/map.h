/*
 * core/base/map.h - a hash map from byte strings to pointers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys are copied. The hash is seeded per process, so keys from outside cannot
 * be made to collide.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lun_map_entry;

struct lun_map {
    struct lun_map_entry **slots;
    size_t size; /* slots, a power of two; 0 before the first put */
    size_t count;
};

/* 64-bit hash of `len` bytes (SipHash-1-3), chained by `seed`. */
uint64_t lun_map_hash(uint64_t seed, const void *data, size_t len);

void lun_map_init(struct lun_map *map);
/* Frees the map; `free_value` (may be NULL) gets each value. */
void lun_map_release(struct lun_map *map, void (*free_value)(void *value));
/* The value, or NULL. */
void *lun_map_get(const struct lun_map *map, const void *key, size_t len);
/* Sets the value; false when memory ran out. `*old` (may be NULL) gets what
 * stood there, else NULL. */
bool lun_map_put(struct lun_map *map, const void *key, size_t len, void *value,
                 void **old);
/* Takes the value out, or NULL. */
void *lun_map_remove(struct lun_map *map, const void *key, size_t len);
