/*
 * modules/cache/cache.c - copies of values, of one VM, outside of its memory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values are kept as bytes (core/vm/data.h), so that what one request does to
 * its table changes nothing for the next. The least recently used go first.
 */
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/vm/data.h"
#include "core/vm/module.h"

#define KEY_MAX 512
#define ENTRY_COST 128 /* of the lists and the map */

struct entry {
    struct entry *newer, *older; /* by use */
    uint64_t until_ns;
    size_t len;
    size_t key_len;
    char bytes[]; /* the key, then the value */
};

struct cache {
    struct lun_map map;
    struct entry *newest, *oldest;
    size_t bytes;
    size_t count;
    uint64_t hits, misses;
};

static size_t cost_of(size_t key_len, size_t len)
{
    return ENTRY_COST + 2 * key_len + len;
}

static void unlink_entry(struct cache *cache, struct entry *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void link_newest(struct cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

static void drop(struct cache *cache, struct entry *entry)
{
    (void)lun_map_remove(&cache->map, entry->bytes, entry->key_len);
    unlink_entry(cache, entry);
    cache->bytes -= cost_of(entry->key_len, entry->len);
    cache->count--;
    free(entry);
}

static void drop_all(struct cache *cache)
{
    while (cache->oldest)
        drop(cache, cache->oldest);
}

static int cache_free(lua_State *L)
{
    struct cache *cache = lua_touserdata(L, 1);
    drop_all(cache);
    lun_map_release(&cache->map, NULL);
    return 0;
}

static struct cache *cache_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

static const char *check_key(lua_State *L, size_t *len)
{
    const char *key = luaL_checklstring(L, 1, len);
    luaL_argcheck(L, *len <= KEY_MAX, 1, "the key is too long");
    return key;
}

/* The entry, if its time is not over. */
static struct entry *find(struct cache *cache, const char *key, size_t len)
{
    struct entry *entry = lun_map_get(&cache->map, key, len);
    if (entry && entry->until_ns <= lun_clock_monotonic_ns()) {
        drop(cache, entry);
        return NULL;
    }
    return entry;
}

/* get(key) -> whether it is there, value */
static int cache_get(lua_State *L)
{
    struct cache *cache = cache_of(L);
    struct lun_err err;
    size_t len;
    const char *key = check_key(L, &len);
    struct entry *entry = find(cache, key, len);
    if (!entry) {
        cache->misses++;
        lua_pushboolean(L, 0);
        return 1;
    }
    unlink_entry(cache, entry);
    link_newest(cache, entry);
    cache->hits++;
    lua_pushboolean(L, 1);
    if (lun_vm_data_read(L, entry->bytes + entry->key_len, entry->len, &err))
        return luaL_error(L, "%s", err.message);
    return 2;
}

static struct entry *new_entry(const char *key, size_t key_len,
                               const struct lun_buf *value)
{
    struct entry *entry = malloc(sizeof(*entry) + key_len + value->len);
    if (!entry)
        return NULL;
    *entry = (struct entry){.len = value->len, .key_len = key_len};
    memcpy(entry->bytes, key, key_len);
    memcpy(entry->bytes + key_len, value->data, value->len);
    return entry;
}

static bool put(struct cache *cache, const char *key, size_t key_len,
                const struct lun_buf *value, uint64_t ttl_ns, size_t max)
{
    size_t cost = cost_of(key_len, value->len);
    struct entry *old = lun_map_get(&cache->map, key, key_len);
    if (old)
        drop(cache, old);
    if (cost > max)
        return false;
    while (cache->bytes + cost > max)
        drop(cache, cache->oldest);
    struct entry *entry = new_entry(key, key_len, value);
    if (!entry || !lun_map_put(&cache->map, key, key_len, entry, NULL)) {
        free(entry);
        return false;
    }
    entry->until_ns = lun_clock_monotonic_ns() + ttl_ns;
    link_newest(cache, entry);
    cache->bytes += cost;
    cache->count++;
    return true;
}

/* set(key, value, ttl_ms, max_bytes) -> whether it is kept | nil, what is wrong
 */
static int cache_set(lua_State *L)
{
    struct lun_buf value;
    struct lun_err err;
    size_t len;
    const char *key = check_key(L, &len);
    uint64_t ttl_ns = (uint64_t)(luaL_checknumber(L, 3) * 1e6);
    size_t max = (size_t)luaL_checknumber(L, 4);
    lun_buf_init(&value);
    luaL_checkstack(L, 8 + 4 * LUN_VM_DATA_DEPTH, NULL);
    int code = lun_vm_data_write(L, 2, max, &value, &err);
    if (code) {
        lun_buf_release(&value);
        lua_pushnil(L);
        lua_pushstring(L, err.message);
        return 2;
    }
    bool kept = put(cache_of(L), key, len, &value, ttl_ns, max);
    lun_buf_release(&value);
    lua_pushboolean(L, kept);
    return 1;
}

/* delete(key) -> whether it was there */
static int cache_delete(lua_State *L)
{
    size_t len;
    const char *key = check_key(L, &len);
    struct entry *entry = find(cache_of(L), key, len);
    if (entry)
        drop(cache_of(L), entry);
    lua_pushboolean(L, entry != NULL);
    return 1;
}

static int cache_clear(lua_State *L)
{
    drop_all(cache_of(L));
    return 0;
}

/* stats() -> bytes, count, hits, misses */
static int cache_stats(lua_State *L)
{
    const struct cache *cache = cache_of(L);
    lua_pushnumber(L, (lua_Number)cache->bytes);
    lua_pushnumber(L, (lua_Number)cache->count);
    lua_pushnumber(L, (lua_Number)cache->hits);
    lua_pushnumber(L, (lua_Number)cache->misses);
    return 4;
}

static void open_cache(lua_State *L, const struct lun_module_home *home)
{
    static const luaL_Reg functions[] = {
        {"get", cache_get},       {"set", cache_set},
        {"delete", cache_delete}, {"clear", cache_clear},
        {"stats", cache_stats},
    };
    (void)home;
    struct cache *cache = lua_newuserdata(L, sizeof(*cache));
    memset(cache, 0, sizeof(*cache));
    lun_map_init(&cache->map);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, cache_free);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        lua_pushvalue(L, -1);
        lua_pushcclosure(L, functions[i].func, 1);
        lua_setfield(L, -3, functions[i].name);
    }
    lua_pop(L, 1);
}

const struct lun_module lun_module_cache = {.name = "cache",
                                            .open = open_cache};
