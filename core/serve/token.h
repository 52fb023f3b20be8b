/*
 * core/serve/token.h - signed tokens that say who calls.
 * SPDX-License-Identifier: Apache-2.0
 *
 * JWT (RFC 7519) signed with ES256. The keys are PEM files in the data folder,
 * "0001.pem" and up: the last one signs, all of them verify, so a key is
 * rotated by putting a further file there. libcjose would bring jansson and a
 * lenient reader of headers for the sake of some fifty lines; OpenSSL signs,
 * core/base/json.h parses, and what is accepted is decided here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

struct lun_err;
struct lun_token_keys; /* opaque; belongs to one thread */

#define LUN_TOKEN_BYTES 8192  /* longest token that is looked at */
#define LUN_TOKEN_SUBJECT 256 /* bytes, the NUL included */
#define LUN_TOKEN_ROLE 128
#define LUN_TOKEN_ROLES_MAX 32
#define LUN_TOKEN_SKEW_MS 60000
#define LUN_TOKEN_ISSUER "lunette"

/* What a token says. A plain value: copy it freely. */
struct lun_token {
    char subject[LUN_TOKEN_SUBJECT];
    /* When it names roles, the caller has no others; 0 narrows nothing. */
    char roles[LUN_TOKEN_ROLES_MAX][LUN_TOKEN_ROLE];
    size_t role_count;
    int64_t issued_ms;
    int64_t expires_ms;
};

/* Reads the keys in `folder`; makes the first one (mode 0600) when there is
 * none. `audience` is what tokens must name. */
int lun_token_keys_open(const char *folder, const char *audience,
                        struct lun_token_keys **out, struct lun_err *err);
/* Keeps what is needed to verify, not to sign. */
void lun_token_keys_forget_private(struct lun_token_keys *keys);
void lun_token_keys_close(struct lun_token_keys *keys);
/* The public keys as a JWK set (RFC 7517), NUL-ended. */
const char *lun_token_jwks(const struct lun_token_keys *keys);

/* Appends a token for the subject and roles of `token`, good from `now_ms` for
 * `ttl_ms`. */
int lun_token_sign(const struct lun_token_keys *keys,
                   const struct lun_token *token, int64_t now_ms,
                   int64_t ttl_ms, struct lun_buf *out, struct lun_err *err);

/*
 * Checks signature, algorithm (that of the key, nothing else), issuer, audience
 * and times (LUN_TOKEN_SKEW_MS allowed). Good tokens are remembered, a bounded
 * number of them, and their times checked again. LUN_EUNAUTHENTICATED with the
 * reason for the log; `out` is written on success only.
 */
int lun_token_verify(struct lun_token_keys *keys, const char *jwt, size_t len,
                     int64_t now_ms, struct lun_token *out,
                     struct lun_err *err);
