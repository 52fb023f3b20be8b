/*
 * core/serve/auth.h - who calls: from a token to a user and roles.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The token names the subject; the directory (model base.User) says whether
 * the user is active and which roles it has. What was found is kept for
 * LUN_AUTH_CACHE_MS, so that a revoked user is out within that time. The
 * subject "admin" needs no row and has the role admin.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct lun_config;
struct lun_pg_pool;
struct lun_release;
struct lun_token_keys;

#define LUN_AUTH_CACHE_MS 5000

/* Lives as long as its release. */
struct lun_caller {
    char *user;               /* id of the base.User row; NULL: none */
    char *login;              /* subject of the token; NULL: anonymous */
    const char *const *roles; /* closed, sorted, NULL-ended */
    uint64_t roles_hash;      /* part of the key of plans */
    uint64_t expires_ns;      /* monotonic */
    unsigned refs;
    void *memory;
};

struct lun_auth {
    const struct lun_config *config;
    struct lun_pg_pool *pool;
    struct lun_token_keys *keys;
};

/* `caller` is valid during the call (keep it by refs++); it is NULL when `code`
 * (enum lun_error_code) says why: LUN_EUNAUTHENTICATED, LUN_EUNAVAILABLE, ...
 */
typedef void (*lun_auth_cb)(void *context, struct lun_caller *caller, int code);

/*
 * Finds the caller behind the value of an Authorization header (NULL: none).
 * `cb` may be called before this returns (cached, anonymous, refused).
 */
void lun_auth_find(struct lun_auth *auth, struct lun_release *release,
                   const char *authorization, uint64_t deadline_ns,
                   lun_auth_cb cb, void *context);

void lun_caller_unref(struct lun_caller *caller);
/* lun_caller_unref with the type that maps want. */
void lun_caller_free(void *caller);
