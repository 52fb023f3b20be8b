/*
 * core/serve/persisted.c - documents that are known by their hash.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/persisted.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/map.h"
#include "core/graphql/error.h"
#include "core/graphql/lexer.h"
#include "core/graphql/limits.h"
#include "core/os/file.h"

#define HASH_LEN 64
/* Of one file of an allow list, and folders inside each other. */
#define FILE_BYTES ((size_t)16 << 20)
#define FILE_DEPTH 8
#define FILE_NODES 1000000
/* What an entry takes beside its text. */
#define ENTRY_BYTES 256

/* A registered document, the most recently used first. */
struct entry {
    struct lun_document *document;
    struct entry *newer, *older;
    char hash[HASH_LEN];
};

struct lun_persisted {
    struct lun_map entries; /* registered, by hash */
    struct entry *newest, *oldest;
    size_t bytes, bytes_max;
    bool strict;
    struct lun_map listed;  /* struct lun_document by hash and id */
    struct lun_map allowed; /* by fingerprint of the tokens; no values */
    const struct lun_graphql_limits *limits;
};

static void write_hash(const char *text, size_t len, char out[HASH_LEN])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[EVP_MAX_MD_SIZE] = {0};
    (void)EVP_Digest(text, len, hash, NULL, EVP_sha256(), NULL);
    for (int i = 0; i < HASH_LEN / 2; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
}

bool lun_persisted_matches(const char *hash, const char *text, size_t len)
{
    char ours[HASH_LEN];
    write_hash(text, len, ours);
    return strlen(hash) == HASH_LEN && memcmp(hash, ours, HASH_LEN) == 0;
}

/* Documents ---------------------------------------------------------------- */

static struct lun_document *new_document(const char *text, size_t len)
{
    struct lun_document *document = malloc(sizeof(*document) + len + 1);
    if (!document)
        return NULL;
    char *copy = (char *)(document + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    *document = (struct lun_document){.refs = 1, .len = len, .text = copy};
    return document;
}

void lun_document_unref(struct lun_document *document)
{
    if (document && --document->refs == 0)
        free(document);
}

static void free_document(void *document)
{
    lun_document_unref(document);
}

/* Registered ones ---------------------------------------------------------- */

static void take_out(struct lun_persisted *store, struct entry *entry)
{
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        store->newest = entry->older;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        store->oldest = entry->newer;
}

static void put_first(struct lun_persisted *store, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = store->newest;
    if (store->newest)
        store->newest->newer = entry;
    else
        store->oldest = entry;
    store->newest = entry;
}

static void free_entry(void *value)
{
    struct entry *entry = value;
    lun_document_unref(entry->document);
    free(entry);
}

static void forget(struct lun_persisted *store, struct entry *entry)
{
    store->bytes -= entry->document->len + ENTRY_BYTES;
    take_out(store, entry);
    (void)lun_map_remove(&store->entries, entry->hash, HASH_LEN);
    free_entry(entry);
}

bool lun_persisted_is_on(const struct lun_persisted *store)
{
    return store->bytes_max > 0;
}

void lun_persisted_add(struct lun_persisted *store, const char *hash,
                       const char *text, size_t len)
{
    size_t size = len + ENTRY_BYTES;
    if (store->strict || size > store->bytes_max || strlen(hash) != HASH_LEN ||
        lun_map_get(&store->entries, hash, HASH_LEN))
        return;
    struct entry *entry = calloc(1, sizeof(*entry));
    if (entry)
        entry->document = new_document(text, len);
    if (!entry || !entry->document ||
        !lun_map_put(&store->entries, hash, HASH_LEN, entry, NULL)) {
        if (entry)
            free_entry(entry);
        return;
    }
    memcpy(entry->hash, hash, HASH_LEN);
    put_first(store, entry);
    store->bytes += size;
    while (store->bytes > store->bytes_max)
        forget(store, store->oldest);
}

struct lun_document *lun_persisted_find(struct lun_persisted *store,
                                        const char *hash)
{
    size_t len = strlen(hash);
    struct lun_document *document = NULL;
    if (store->strict) {
        document = lun_map_get(&store->listed, hash, len);
    } else {
        struct entry *entry = lun_map_get(&store->entries, hash, len);
        if (entry) {
            take_out(store, entry);
            put_first(store, entry);
            document = entry->document;
        }
    }
    if (document)
        document->refs++;
    return document;
}

/* The allow list ----------------------------------------------------------- */

bool lun_persisted_is_strict(const struct lun_persisted *store)
{
    return store->strict;
}

/* All tokens with their texts; 128 bits under a secret of the process, so that
 * no other document can be made to have them. */
static void fingerprint(const struct lun_graphql_tokens *tokens,
                        uint64_t out[2])
{
    uint64_t a = 1, b = 2;
    for (size_t i = 0; i < tokens->count; i++) {
        const struct lun_graphql_token *token = &tokens->items[i];
        const char *text = tokens->text + token->start;
        size_t len = token->end - token->start;
        a = lun_map_hash(a + token->kind, text, len);
        b = lun_map_hash(b ^ a, text, len);
    }
    out[0] = a;
    out[1] = b;
}

bool lun_persisted_allows(const struct lun_persisted *store,
                          const struct lun_graphql_tokens *tokens)
{
    uint64_t key[2];
    fingerprint(tokens, key);
    return lun_map_get(&store->allowed, key, sizeof(key)) != NULL;
}

static int no_memory(struct lun_err *err)
{
    return lun_error_set(err, LUN_EMEMORY, "out of memory");
}

static int list_as(struct lun_persisted *store, const char *id, size_t id_len,
                   struct lun_document *document, struct lun_err *err)
{
    void *old;
    if (!lun_map_put(&store->listed, id, id_len, document, &old))
        return no_memory(err);
    document->refs++;
    free_document(old);
    return 0;
}

/* Adds one document; `id` may be NULL. */
static int list(struct lun_persisted *store, const char *path, const char *id,
                const char *text, size_t len, struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_graphql_tokens tokens;
    struct lun_graphql_error found = {0};
    char hash[HASH_LEN];
    uint64_t key[2];
    lun_arena_init(&arena, 0);
    int code =
        lun_graphql_lex(&arena, text, len, store->limits, &tokens, &found);
    if (code) {
        lun_arena_release(&arena);
        return lun_error_set(err, LUN_ECONFIG, "graphql_allow_list: %s:%u: %s",
                             path, found.line, found.base.message);
    }
    fingerprint(&tokens, key);
    lun_arena_release(&arena);
    struct lun_document *document = new_document(text, len);
    if (!document ||
        !lun_map_put(&store->allowed, key, sizeof(key), store, NULL)) {
        lun_document_unref(document);
        return no_memory(err);
    }
    write_hash(text, len, hash);
    code = list_as(store, hash, HASH_LEN, document, err);
    if (!code && id)
        code = list_as(store, id, strlen(id), document, err);
    lun_document_unref(document);
    return code;
}

static int wrong_manifest(const char *path, struct lun_err *err)
{
    return lun_error_set(err, LUN_ECONFIG,
                         "graphql_allow_list: '%s' is neither a manifest "
                         "{\"operations\": [{\"id\", \"body\"}]} nor an object "
                         "{id: document}",
                         path);
}

static int list_manifest(struct lun_persisted *store, const char *path,
                         const struct lun_json *operations, struct lun_err *err)
{
    for (const struct lun_json *at = operations->child; at; at = at->next) {
        const struct lun_json *id = lun_json_get(at, "id");
        const struct lun_json *body = lun_json_get(at, "body");
        if (!body || body->type != LUN_JSON_STRING || !id ||
            id->type != LUN_JSON_STRING)
            return wrong_manifest(path, err);
        int code = list(store, path, id->text, body->text, body->len, err);
        if (code)
            return code;
    }
    return 0;
}

static int list_object(struct lun_persisted *store, const char *path,
                       const struct lun_json *object, struct lun_err *err)
{
    for (const struct lun_json *at = object->child; at; at = at->next) {
        if (at->type != LUN_JSON_STRING)
            return wrong_manifest(path, err);
        int code = list(store, path, at->key, at->text, at->len, err);
        if (code)
            return code;
    }
    return 0;
}

static int list_json(struct lun_persisted *store, const char *path,
                     const struct lun_buf *text, struct lun_err *err)
{
    struct lun_arena arena;
    struct lun_json *root;
    struct lun_err inner;
    lun_arena_init(&arena, 0);
    int code = lun_json_parse(&arena, text->data, text->len, 16, FILE_NODES,
                              &root, &inner);
    if (code) {
        code = lun_error_set(err, LUN_ECONFIG, "graphql_allow_list: '%s': %s",
                             path, inner.message);
    } else if (root->type != LUN_JSON_OBJECT) {
        code = wrong_manifest(path, err);
    } else {
        const struct lun_json *operations = lun_json_get(root, "operations");
        code = operations && operations->type == LUN_JSON_ARRAY
                   ? list_manifest(store, path, operations, err)
                   : list_object(store, path, root, err);
    }
    lun_arena_release(&arena);
    return code;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static bool is_json(const char *path)
{
    return ends_with(path, ".json");
}

static bool is_graphql(const char *path)
{
    return ends_with(path, ".graphql") || ends_with(path, ".gql");
}

static int list_file(struct lun_persisted *store, const char *path,
                     struct lun_err *err)
{
    struct lun_buf text;
    struct lun_err inner;
    lun_buf_init(&text);
    int code = lun_file_read(path, FILE_BYTES, &text, &inner);
    if (code)
        code = lun_error_set(err, LUN_ECONFIG, "graphql_allow_list: %s",
                             inner.message);
    else if (is_json(path))
        code = list_json(store, path, &text, err);
    else
        code =
            list(store, path, NULL, text.data ? text.data : "", text.len, err);
    lun_buf_release(&text);
    return code;
}

static int list_folder(struct lun_persisted *store, const char *path, int depth,
                       struct lun_err *err)
{
    struct dirent **found;
    int code = 0;
    int count = depth < FILE_DEPTH ? scandir(path, &found, NULL, alphasort) : 0;
    if (count < 0)
        return lun_error_set(err, LUN_ECONFIG,
                             "graphql_allow_list: cannot read '%s'", path);
    for (int i = 0; i < count; i++) {
        char name[PATH_MAX];
        bool hidden = found[i]->d_name[0] == '.';
        bool fits = snprintf(name, sizeof(name), "%s/%s", path,
                             found[i]->d_name) < PATH_MAX;
        if (!code && !hidden && fits && lun_file_is_dir(name))
            code = list_folder(store, name, depth + 1, err);
        else if (!code && !hidden && fits &&
                 (is_json(name) || is_graphql(name)))
            code = list_file(store, name, err);
        free(found[i]);
    }
    if (depth < FILE_DEPTH)
        free(found);
    return code;
}

/* Opening ------------------------------------------------------------------ */

int lun_persisted_open(size_t bytes, const char *allow_list,
                       const struct lun_graphql_limits *limits,
                       struct lun_persisted **out, struct lun_err *err)
{
    struct lun_persisted *store = calloc(1, sizeof(*store));
    if (!store)
        return no_memory(err);
    lun_map_init(&store->entries);
    lun_map_init(&store->listed);
    lun_map_init(&store->allowed);
    store->bytes_max = bytes;
    store->limits = limits;
    store->strict = allow_list[0] != '\0';
    int code = 0;
    if (store->strict)
        code = lun_file_is_dir(allow_list)
                   ? list_folder(store, allow_list, 0, err)
                   : list_file(store, allow_list, err);
    if (code)
        lun_persisted_close(store);
    else
        *out = store;
    return code;
}

void lun_persisted_close(struct lun_persisted *store)
{
    if (!store)
        return;
    lun_map_release(&store->entries, free_entry);
    lun_map_release(&store->listed, free_document);
    lun_map_release(&store->allowed, NULL);
    free(store);
}
