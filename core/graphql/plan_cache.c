/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/plan_cache.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/map.h"
#include "core/graphql/plan.h"
#include "core/graphql/page_size.h"

/* Names of the variables whose value decides the plan, by document; "#name" for
 * those that count only as the usual size of a page. */
struct value_vars {
    size_t count;
    const char *names[]; /* copies, behind the array */
};

struct entry {
    struct entry *newer;
    struct entry *older;
    struct lun_plan *plan;
    struct lun_plan_key key;
};

struct lun_plan_cache {
    struct lun_map documents; /* document hash -> value_vars */
    struct lun_map plans;     /* whole key -> entry */
    struct entry *newest;
    struct entry *oldest;
    size_t bytes;
    size_t max_bytes;
    size_t max_entries;
};

/* Bytes wait to be hashed together: most of them come one by one. */
struct hash {
    uint64_t a;
    uint64_t b;
    size_t len;
    char bytes[256];
};

static void mix_waiting(struct hash *hash)
{
    hash->a = lun_map_hash(hash->a, hash->bytes, hash->len);
    hash->b = lun_map_hash(~hash->b, hash->bytes, hash->len);
    hash->len = 0;
}

static void mix_byte(struct hash *hash, char byte)
{
    if (hash->len == sizeof(hash->bytes))
        mix_waiting(hash);
    hash->bytes[hash->len++] = byte;
}

/* A mark and the length keep a text apart from what stands around it. */
static void mix(struct hash *hash, const char *text, size_t len)
{
    if (sizeof(len) + 1 + len > sizeof(hash->bytes) - hash->len)
        mix_waiting(hash);
    hash->bytes[hash->len++] = '"';
    memcpy(hash->bytes + hash->len, &len, sizeof(len));
    hash->len += sizeof(len);
    if (len > sizeof(hash->bytes) - hash->len) {
        mix_waiting(hash);
        hash->a = lun_map_hash(hash->a, text, len);
        hash->b = lun_map_hash(~hash->b, text, len);
        return;
    }
    memcpy(hash->bytes + hash->len, text, len);
    hash->len += len;
}

static bool is_scalar_list(const struct lun_json *list)
{
    for (const struct lun_json *item = list->child; item; item = item->next)
        if (item->type == LUN_JSON_ARRAY || item->type == LUN_JSON_OBJECT ||
            item->type == LUN_JSON_NULL)
            return false;
    return list->child != NULL;
}

/* The `mode` of a filter (`_mode` where a model has a field of that name)
 * stands among values that decide nothing. Only its two values count, so that a
 * text field which happens to have the name cannot fill the cache. */
static bool is_mode(const struct lun_json *member)
{
    static const char *const values[] = {"default", "insensitive"};
    size_t prefix = member->key_len && member->key[0] == '_';
    if (member->type != LUN_JSON_STRING || member->key_len != prefix + 4 ||
        memcmp(member->key + prefix, "mode", 4) != 0)
        return false;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (member->len == strlen(values[i]) &&
            memcmp(member->text, values[i], member->len) == 0)
            return true;
    return false;
}

/* The bytes say what a plan may depend on and no more: the kind of a scalar but
 * not its value, the members of an object, the items of a list of objects. */
static void mix_shape(struct hash *hash, const struct lun_json *node)
{
    switch (node->type) {
    case LUN_JSON_NULL:
        mix_byte(hash, 'n');
        break;
    case LUN_JSON_FALSE:
    case LUN_JSON_TRUE:
        mix_byte(hash, 'b');
        break;
    case LUN_JSON_NUMBER:
        mix_byte(hash, '0');
        break;
    case LUN_JSON_STRING:
        mix_byte(hash, 's');
        break;
    case LUN_JSON_ARRAY:
        if (is_scalar_list(node)) {
            mix_byte(hash, 'l');
            break;
        }
        mix_byte(hash, '[');
        for (struct lun_json *item = node->child; item; item = item->next)
            mix_shape(hash, item);
        mix_byte(hash, ']');
        break;
    case LUN_JSON_OBJECT:
        mix_byte(hash, '{');
        for (struct lun_json *item = node->child; item; item = item->next) {
            mix(hash, item->key, item->key_len);
            mix_shape(hash, item);
            if (is_mode(item))
                mix(hash, item->text, item->len);
        }
        mix_byte(hash, '}');
        break;
    }
}

static void mix_value(struct hash *hash, const struct lun_json *node)
{
    if (!node) {
        mix_byte(hash, '-');
        return;
    }
    mix_shape(hash, node);
    if (node->type == LUN_JSON_TRUE)
        mix_byte(hash, 't');
    if (node->type == LUN_JSON_STRING || node->type == LUN_JSON_NUMBER)
        mix(hash, node->text, node->len);
    if (node->type == LUN_JSON_ARRAY || node->type == LUN_JSON_OBJECT)
        for (struct lun_json *item = node->child; item; item = item->next)
            mix_value(hash, item);
}

/* A number in another spelling ("2e1") is known to the plan by its value, which
 * is not read here: it has plans of its own. */
static void mix_size(struct hash *hash, const struct lun_json *node)
{
    unsigned size = 0;
    if (node && node->type == LUN_JSON_NUMBER) {
        size = lun_graphql_page_size(node->text, node->len);
        if (size || memchr(node->text, 'e', node->len) ||
            memchr(node->text, 'E', node->len) ||
            memchr(node->text, '.', node->len))
            mix(hash, node->text, node->len);
    }
    mix_byte(hash, size ? '1' : '0');
}

static void complete_key(struct lun_plan_cache *cache, struct lun_plan_key *key,
                         const struct lun_json *variables)
{
    struct hash hash;
    hash.a = key->document[0];
    hash.b = key->document[1];
    hash.len = 0;
    struct value_vars *vars =
        lun_map_get(&cache->documents, key->document, sizeof(key->document));
    if (variables)
        mix_shape(&hash, variables);
    for (size_t i = 0; vars && i < vars->count; i++) {
        const char *name = vars->names[i];
        if (*name == '#')
            mix_size(&hash, lun_json_get(variables, name + 1));
        else
            mix_value(&hash, lun_json_get(variables, name));
    }
    mix_waiting(&hash);
    key->shape[0] = hash.a;
    key->shape[1] = hash.b;
}

struct lun_plan_cache *lun_plan_cache_new(size_t max_bytes, size_t max_entries)
{
    struct lun_plan_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return NULL;
    lun_map_init(&cache->documents);
    lun_map_init(&cache->plans);
    cache->max_bytes = max_bytes;
    cache->max_entries = max_entries;
    return cache;
}

static void unlink_entry(struct lun_plan_cache *cache, struct entry *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
    entry->newer = entry->older = NULL;
}

static void push_newest(struct lun_plan_cache *cache, struct entry *entry)
{
    entry->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = entry;
    cache->newest = entry;
    if (!cache->oldest)
        cache->oldest = entry;
}

static void drop(struct lun_plan_cache *cache, struct entry *entry)
{
    unlink_entry(cache, entry);
    lun_map_remove(&cache->plans, &entry->key, sizeof(entry->key));
    cache->bytes -= entry->plan->bytes;
    lun_plan_unref(entry->plan);
    free(entry);
}

void lun_plan_cache_free(struct lun_plan_cache *cache)
{
    if (!cache)
        return;
    while (cache->newest)
        drop(cache, cache->newest);
    lun_map_release(&cache->plans, NULL);
    lun_map_release(&cache->documents, free);
    free(cache);
}

struct lun_plan *lun_plan_cache_find(struct lun_plan_cache *cache,
                                     struct lun_plan_key *key,
                                     const struct lun_json *variables)
{
    complete_key(cache, key, variables);
    struct entry *entry = lun_map_get(&cache->plans, key, sizeof(*key));
    if (!entry)
        return NULL;
    if (entry != cache->newest) {
        unlink_entry(cache, entry);
        push_newest(cache, entry);
    }
    return entry->plan;
}

static struct value_vars *copy_vars(const struct value_vars *old,
                                    const struct lun_plan *plan)
{
    size_t most = plan->value_var_count + (old ? old->count : 0);
    size_t bytes = 0, i, j;
    for (i = 0; i < plan->value_var_count; i++)
        bytes += strlen(plan->value_vars[i]) + 1;
    for (i = 0; old && i < old->count; i++)
        bytes += strlen(old->names[i]) + 1;
    struct value_vars *vars =
        malloc(sizeof(*vars) + most * sizeof(*vars->names) + bytes);
    if (!vars)
        return NULL;
    char *to = (char *)&vars->names[most];
    vars->count = 0;
    for (i = 0; i < most; i++) {
        size_t kept = old ? old->count : 0;
        const char *name =
            i < kept ? old->names[i] : plan->value_vars[i - kept];
        for (j = 0; j < vars->count; j++)
            if (!strcmp(vars->names[j], name))
                break;
        if (j < vars->count)
            continue;
        size_t len = strlen(name) + 1;
        vars->names[vars->count++] = memcpy(to, name, len);
        to += len;
    }
    return vars;
}

/* Names only ever join: a plan that was cached under fewer of them is found no
 * longer and ages out. */
static bool note_vars(struct lun_plan_cache *cache, struct lun_plan_key *key,
                      const struct lun_plan *plan)
{
    struct value_vars *old =
        lun_map_get(&cache->documents, key->document, sizeof(key->document));
    if (!plan->value_var_count)
        return true;
    struct value_vars *vars = copy_vars(old, plan);
    if (!vars)
        return false;
    if (!lun_map_put(&cache->documents, key->document, sizeof(key->document),
                     vars, NULL)) {
        free(vars);
        return false;
    }
    free(old);
    return true;
}

void lun_plan_cache_add(struct lun_plan_cache *cache, struct lun_plan_key *key,
                        const struct lun_json *variables, struct lun_plan *plan)
{
    if (plan->uncached)
        return;
    if (cache->documents.count > 4 * cache->max_entries)
        lun_map_release(&cache->documents, free);
    if (plan->bytes > cache->max_bytes || !note_vars(cache, key, plan))
        return;
    complete_key(cache, key, variables);
    if (lun_map_get(&cache->plans, key, sizeof(*key)))
        return;
    while (cache->oldest && (cache->bytes + plan->bytes > cache->max_bytes ||
                             cache->plans.count >= cache->max_entries))
        drop(cache, cache->oldest);
    struct entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return;
    entry->key = *key;
    entry->plan = plan;
    if (!lun_map_put(&cache->plans, key, sizeof(*key), entry, NULL)) {
        free(entry);
        return;
    }
    lun_plan_ref(plan);
    cache->bytes += plan->bytes;
    push_newest(cache, entry);
}

void lun_plan_cache_stats(const struct lun_plan_cache *cache, size_t *entries,
                          size_t *bytes)
{
    *entries = cache->plans.count;
    *bytes = cache->bytes;
}
