/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/map.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/random.h"

struct lun_map_entry {
    struct lun_map_entry *next;
    void *value;
    uint64_t hash;
    size_t len;
    char key[];
};

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

static const uint64_t *process_key(void)
{
    static uint64_t key[2];
    static bool made;
    if (!made) {
        lun_random_bytes(key, sizeof(key));
        made = true;
    }
    return key;
}

/* SipHash-1-3: one round a word, three to finish. */
uint64_t lun_map_hash(uint64_t seed, const void *data, size_t len)
{
    const uint64_t *key = process_key();
    const uint8_t *at = data;
    uint64_t v[4] = {key[0] ^ seed ^ UINT64_C(0x736f6d6570736575),
                     key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ seed ^ UINT64_C(0x6c7967656e657261),
                     key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t word;
    size_t left = len;
    for (; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)len << 56;
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)at[i] << (8 * i);
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void lun_map_init(struct lun_map *map)
{
    memset(map, 0, sizeof(*map));
}

void lun_map_release(struct lun_map *map, void (*free_value)(void *value))
{
    for (size_t i = 0; i < map->size; i++) {
        struct lun_map_entry *entry = map->slots[i];
        while (entry) {
            struct lun_map_entry *next = entry->next;
            if (free_value)
                free_value(entry->value);
            free(entry);
            entry = next;
        }
    }
    free(map->slots);
    lun_map_init(map);
}

/* The link that points to the entry, or to NULL where it would be added. */
static struct lun_map_entry **find(const struct lun_map *map, const void *key,
                                   size_t len, uint64_t hash)
{
    struct lun_map_entry **link = &map->slots[hash & (map->size - 1)];
    while (*link && ((*link)->hash != hash || (*link)->len != len ||
                     memcmp((*link)->key, key, len)))
        link = &(*link)->next;
    return link;
}

void *lun_map_get(const struct lun_map *map, const void *key, size_t len)
{
    if (!map->count)
        return NULL;
    struct lun_map_entry *entry =
        *find(map, key, len, lun_map_hash(0, key, len));
    return entry ? entry->value : NULL;
}

static bool grow(struct lun_map *map)
{
    size_t size = map->size ? map->size * 2 : 16;
    struct lun_map_entry **slots = calloc(size, sizeof(*slots));
    if (!slots)
        return false;
    for (size_t i = 0; i < map->size; i++) {
        struct lun_map_entry *entry = map->slots[i];
        while (entry) {
            struct lun_map_entry *next = entry->next;
            entry->next = slots[entry->hash & (size - 1)];
            slots[entry->hash & (size - 1)] = entry;
            entry = next;
        }
    }
    free(map->slots);
    map->slots = slots;
    map->size = size;
    return true;
}

bool lun_map_put(struct lun_map *map, const void *key, size_t len, void *value,
                 void **old)
{
    if (map->count >= map->size && !grow(map))
        return false;
    uint64_t hash = lun_map_hash(0, key, len);
    struct lun_map_entry **link = find(map, key, len, hash);
    if (old)
        *old = *link ? (*link)->value : NULL;
    if (*link) {
        (*link)->value = value;
        return true;
    }
    struct lun_map_entry *entry = malloc(sizeof(*entry) + len);
    if (!entry)
        return false;
    entry->next = NULL;
    entry->value = value;
    entry->hash = hash;
    entry->len = len;
    memcpy(entry->key, key, len);
    *link = entry;
    map->count++;
    return true;
}

void *lun_map_remove(struct lun_map *map, const void *key, size_t len)
{
    if (!map->count)
        return NULL;
    struct lun_map_entry **link =
        find(map, key, len, lun_map_hash(0, key, len));
    struct lun_map_entry *entry = *link;
    if (!entry)
        return NULL;
    void *value = entry->value;
    *link = entry->next;
    free(entry);
    map->count--;
    return value;
}
