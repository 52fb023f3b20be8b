/*
 * core/serve/params.c - the parameters of a GraphQL request.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/params.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/serve/media.h"

#define JSON_DEPTH 64
#define JSON_NODES 300000

/* The parameters by name; NULL where one is absent. */
struct parts {
    const struct lun_json *query;
    const struct lun_json *operation;
    const struct lun_json *variables;
    const struct lun_json *extensions;
};

static bool is_absent(const struct lun_json *node)
{
    return !node || node->type == LUN_JSON_NULL;
}

/* Apollo's protocol of persisted queries. */
static const char *read_hash(const struct lun_json *extensions,
                             struct lun_params *out)
{
    const struct lun_json *persisted =
        lun_json_get(extensions, "persistedQuery");
    if (is_absent(persisted))
        return NULL;
    if (persisted->type != LUN_JSON_OBJECT)
        return "extension 'persistedQuery' must be an object";
    const struct lun_json *version = lun_json_get(persisted, "version");
    const struct lun_json *hash = lun_json_get(persisted, "sha256Hash");
    if (!version || version->type != LUN_JSON_NUMBER ||
        strcmp(version->text, "1"))
        return "Unsupported persisted query version";
    if (!hash || hash->type != LUN_JSON_STRING || !hash->len)
        return "extension 'persistedQuery' needs 'sha256Hash', a string";
    out->hash = hash->text;
    return NULL;
}

static const char *read_parts(const struct parts *parts, struct lun_params *out)
{
    const char *wrong = NULL;
    memset(out, 0, sizeof(*out));
    if (!is_absent(parts->operation) &&
        parts->operation->type != LUN_JSON_STRING)
        return "parameter 'operationName' must be a string";
    if (!is_absent(parts->variables) &&
        parts->variables->type != LUN_JSON_OBJECT)
        return "parameter 'variables' must be an object";
    if (!is_absent(parts->extensions) &&
        parts->extensions->type != LUN_JSON_OBJECT)
        return "parameter 'extensions' must be an object";
    if (!is_absent(parts->extensions))
        wrong = read_hash(parts->extensions, out);
    if (wrong)
        return wrong;
    bool by_hash = out->hash && is_absent(parts->query);
    if (!by_hash && (!parts->query || parts->query->type != LUN_JSON_STRING))
        return "parameter 'query' is missing or not a string";
    if (!by_hash) {
        out->query = parts->query->text;
        out->query_len = parts->query->len;
    }
    if (!is_absent(parts->operation) && parts->operation->len)
        out->operation = parts->operation->text;
    if (!is_absent(parts->variables))
        out->variables = parts->variables;
    return NULL;
}

const char *lun_params_from_json(const struct lun_json *object,
                                 struct lun_params *out)
{
    const struct parts parts = {
        .query = lun_json_get(object, "query"),
        .operation = lun_json_get(object, "operationName"),
        .variables = lun_json_get(object, "variables"),
        .extensions = lun_json_get(object, "extensions"),
    };
    return read_parts(&parts, out);
}

/* A parameter of the URL as a JSON string node, or parsed as JSON. */
static const char *read_one(struct lun_arena *arena, const char *query,
                            const char *name, bool json,
                            const struct lun_json **out)
{
    const char *text;
    size_t len;
    struct lun_json *node = NULL;
    struct lun_err err;
    int rc = lun_media_parameter(arena, query, name, &text, &len, &err);
    if (!rc && text && json)
        rc = lun_json_parse(arena, text, len, JSON_DEPTH, JSON_NODES, &node,
                            &err);
    if (rc)
        return lun_arena_strndup(arena, err.message, strlen(err.message));
    if (text && !json) {
        node = lun_arena_calloc(arena, 1, sizeof(*node));
        if (!node)
            return lun_error_info(LUN_EMEMORY)->message;
        node->type = LUN_JSON_STRING;
        node->text = text;
        node->len = len;
    }
    *out = node;
    return NULL;
}

const char *lun_params_from_url(struct lun_arena *arena, const char *query,
                                struct lun_params *out)
{
    struct parts parts = {NULL, NULL, NULL, NULL};
    const char *wrong = read_one(arena, query, "query", false, &parts.query);
    if (!wrong)
        wrong =
            read_one(arena, query, "operationName", false, &parts.operation);
    if (!wrong)
        wrong = read_one(arena, query, "variables", true, &parts.variables);
    if (!wrong)
        wrong = read_one(arena, query, "extensions", true, &parts.extensions);
    return wrong ? wrong : read_parts(&parts, out);
}
