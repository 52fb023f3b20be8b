/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/map.h"
#include "core/bind/framework.h"
#include "core/config/config.h"
#include "core/serve/release.h"
#include "core/serve/token.h"
#include "core/pg/pool.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"

#define CALLERS_MAX 10000
#define ROLES_MAX 64

/* "" as a key stands for requests without a token. */
static const char anonymous_key[] = "";

static struct lun_pg_statement directory_statement = {
    .name = "lunette_directory",
    .sql = "select id::text, array_to_string(roles, ',') from base.\"user\""
           " where login = $1::text and active",
    .param_count = 1,
    .read_only = true,
    .text_results = true,
};

struct lookup {
    struct lun_auth *auth;
    struct lun_release *release;
    struct lun_token token;
    char *key;
    lun_auth_cb cb;
    void *context;
};

void lun_caller_unref(struct lun_caller *caller)
{
    if (!caller || --caller->refs)
        return;
    struct lun_arena *arena = caller->memory;
    lun_arena_release(arena);
    free(arena);
    free(caller);
}

void lun_caller_free(void *caller)
{
    lun_caller_unref(caller);
}

static struct lun_caller *new_caller(void)
{
    struct lun_caller *caller = calloc(1, sizeof(*caller));
    struct lun_arena *arena = calloc(1, sizeof(*arena));
    if (!caller || !arena) {
        free(caller);
        free(arena);
        return NULL;
    }
    lun_arena_init(arena, 0);
    caller->memory = arena;
    caller->refs = 1;
    return caller;
}

static uint64_t hash_roles(const char *const *roles)
{
    uint64_t hash = 0;
    for (; *roles; roles++)
        hash = lun_map_hash(hash, *roles, strlen(*roles) + 1);
    return hash;
}

static bool contains(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

/* Closes `names` for the caller and remembers it under `key`. */
static int settle(struct lun_caller *caller, struct lun_release *release,
                  const char *const *names, const char *key)
{
    struct lun_err err;
    void *old = NULL;
    int rc = lun_framework_roles(release->framework, release->service,
                                 caller->memory, names, &caller->roles, &err);
    if (rc) {
        lun_log_printf(LUN_LOG_ERROR, "roles cannot be closed: %s",
                       err.message);
        return rc;
    }
    caller->roles_hash = hash_roles(caller->roles);
    if (release->callers.count >= CALLERS_MAX)
        lun_map_release(&release->callers, lun_caller_free);
    if (lun_map_put(&release->callers, key, strlen(key), caller, &old)) {
        caller->refs++;
        lun_caller_unref(old);
    }
    return 0;
}

static void find_anonymous(struct lun_auth *auth, struct lun_release *release,
                           lun_auth_cb cb, void *context)
{
    const char *role = auth->config->anonymous_role;
    const char *names[] = {"public", role[0] ? role : NULL, NULL};
    struct lun_caller *caller = new_caller();
    int rc =
        caller ? settle(caller, release, names, anonymous_key) : LUN_EMEMORY;
    if (caller)
        caller->expires_ns = UINT64_MAX;
    cb(context, rc ? NULL : caller, rc);
    lun_caller_unref(caller);
}

/* A token that names roles has those of them that the directory gives. */
static size_t narrow(const struct lookup *lookup, const char *const *granted,
                     const char **names)
{
    size_t count = 0;
    bool all = contains(granted, "admin");
    for (size_t i = 0; i < lookup->token.role_count; i++)
        if (all || contains(granted, lookup->token.roles[i]))
            names[count++] = lookup->token.roles[i];
    return count;
}

static char *copy(struct lun_caller *caller, const char *text)
{
    return lun_arena_strndup(caller->memory, text, strlen(text));
}

/* `names` are the roles of the directory (or "admin"). */
static void finish(struct lookup *lookup, const char *user, const char **names,
                   size_t count)
{
    struct lun_caller *caller = new_caller();
    struct lun_release *release = lookup->release;
    const char *const *granted;
    struct lun_err err;
    int rc = caller ? 0 : LUN_EMEMORY;
    names[count] = NULL;
    if (!rc && lookup->token.role_count) {
        rc = lun_framework_roles(release->framework, release->service,
                                 caller->memory, names, &granted, &err);
        if (!rc)
            count = narrow(lookup, granted, names);
    }
    if (!rc) {
        names[count++] = "public";
        names[count] = NULL;
        caller->user = user ? copy(caller, user) : NULL;
        caller->login = copy(caller, lookup->token.subject);
        caller->expires_ns =
            lun_clock_monotonic_ns() + LUN_AUTH_CACHE_MS * UINT64_C(1000000);
        rc = settle(caller, release, names, lookup->key);
    }
    lookup->cb(lookup->context, rc ? NULL : caller, rc);
    lun_caller_unref(caller);
}

static size_t split_roles(char *text, const char **names)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *name = strtok_r(text, ",", &rest); name && count < ROLES_MAX - 2;
         name = strtok_r(NULL, ",", &rest))
        names[count++] = name;
    return count;
}

static void free_lookup(struct lookup *lookup)
{
    lun_release_unref(lookup->release);
    free(lookup->key);
    free(lookup);
}

static bool is_admin(const struct lookup *lookup)
{
    return !strcmp(lookup->token.subject, "admin");
}

static void on_directory(void *context, const PGresult *result,
                         const struct lun_pg_error *error)
{
    struct lookup *lookup = context;
    const char *names[ROLES_MAX + LUN_TOKEN_ROLES_MAX + 2];
    size_t count = 0;
    char *roles = NULL;
    if (error) {
        lookup->cb(lookup->context, NULL, error->code);
    } else if (!PQntuples(result) && !is_admin(lookup)) {
        lun_metrics_add(LUN_METRIC_AUTH_FAILURES, 1);
        lookup->cb(lookup->context, NULL, LUN_EUNAUTHENTICATED);
    } else {
        const char *user = PQntuples(result) ? PQgetvalue(result, 0, 0) : NULL;
        roles = user ? strdup(PQgetvalue(result, 0, 1)) : NULL;
        if (roles)
            count = split_roles(roles, names);
        if (is_admin(lookup))
            names[count++] = "admin";
        finish(lookup, user, names, count);
    }
    free(roles);
    free_lookup(lookup);
}

static void start_lookup(struct lun_auth *auth, struct lun_release *release,
                         const char *jwt, const struct lun_token *token,
                         uint64_t deadline_ns, lun_auth_cb cb, void *context)
{
    struct lookup *lookup = calloc(1, sizeof(*lookup));
    char *key = strdup(jwt);
    if (!lookup || !key) {
        free(lookup);
        free(key);
        cb(context, NULL, LUN_EMEMORY);
        return;
    }
    *lookup = (struct lookup){.auth = auth,
                              .release = lun_release_ref(release),
                              .token = *token,
                              .key = key,
                              .cb = cb,
                              .context = context};
    if (release->has_users) {
        const char *values[] = {lookup->token.subject};
        struct lun_pg_params params = {.count = 1, .values = values};
        lun_pg_pool_query(auth->pool, &directory_statement, &params,
                          deadline_ns, on_directory, lookup);
        return;
    }
    const char *names[LUN_TOKEN_ROLES_MAX + 4];
    if (is_admin(lookup)) {
        names[0] = "admin";
        finish(lookup, NULL, names, 1);
    } else {
        cb(context, NULL, LUN_EUNAUTHENTICATED);
    }
    free_lookup(lookup);
}

static const char *bearer(const char *authorization)
{
    if (strncasecmp(authorization, "Bearer ", 7))
        return NULL;
    authorization += 7;
    while (*authorization == ' ')
        authorization++;
    return *authorization ? authorization : NULL;
}

void lun_auth_find(struct lun_auth *auth, struct lun_release *release,
                   const char *authorization, uint64_t deadline_ns,
                   lun_auth_cb cb, void *context)
{
    const char *jwt = authorization ? bearer(authorization) : anonymous_key;
    struct lun_token token;
    struct lun_err err;
    if (!jwt) {
        cb(context, NULL, LUN_EUNAUTHENTICATED);
        return;
    }
    struct lun_caller *caller =
        lun_map_get(&release->callers, jwt, strlen(jwt));
    if (caller && caller->expires_ns > lun_clock_monotonic_ns()) {
        caller->refs++;
        cb(context, caller, 0);
        lun_caller_unref(caller);
        return;
    }
    if (jwt == anonymous_key) {
        find_anonymous(auth, release, cb, context);
        return;
    }
    int rc = lun_token_verify(auth->keys, jwt, strlen(jwt), lun_clock_unix_ms(),
                              &token, &err);
    if (rc) {
        lun_metrics_add(LUN_METRIC_AUTH_FAILURES, 1);
        lun_log_printf(LUN_LOG_INFO, "a token was refused: %s", err.message);
        cb(context, NULL, LUN_EUNAUTHENTICATED);
        return;
    }
    start_lookup(auth, release, jwt, &token, deadline_ns, cb, context);
}
