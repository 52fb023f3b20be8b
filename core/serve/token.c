/*
 * core/serve/token.c - signed tokens that say who calls.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/serve/token.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/map.h"
#include "core/serve/base64url.h"
#include "core/os/file.h"

#define KEYS_MAX 16
#define KNOWN_MAX 256           /* good tokens remembered */
#define HALF 32                 /* bytes of r, s, x and y of P-256 */
#define FARTHEST_S 100000000000 /* times beyond that are no times */

struct key {
    char id[64]; /* JWK thumbprint (RFC 7638) */
    EVP_PKEY *pair;
    uint8_t point[1 + 2 * HALF]; /* uncompressed public key */
};

struct lun_token_keys {
    struct key keys[KEYS_MAX];
    size_t count;
    char *audience;
    struct lun_buf jwks;
    struct lun_map known; /* token text -> struct lun_token */
};

static int refuse(struct lun_err *err, const char *reason)
{
    return lun_error_set(err, LUN_EUNAUTHENTICATED, "%s", reason);
}

/* --- keys --------------------------------------------------------------- */

static void push_coordinates(const struct key *key, struct lun_buf *out)
{
    lun_buf_push_str(out, "\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
    lun_base64url_push(out, key->point + 1, HALF);
    lun_buf_push_str(out, "\",\"y\":\"");
    lun_base64url_push(out, key->point + 1 + HALF, HALF);
    lun_buf_push_byte(out, '"');
}

/* Members in alphabetical order, as the thumbprint wants them. */
static bool name_key(struct key *key)
{
    struct lun_buf text;
    struct lun_buf id;
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    lun_buf_init(&text);
    lun_buf_init(&id);
    lun_buf_push_byte(&text, '{');
    push_coordinates(key, &text);
    lun_buf_push_byte(&text, '}');
    bool ok = !text.failed && EVP_Digest(text.data, text.len, hash, &len,
                                         EVP_sha256(), NULL) == 1;
    if (ok) {
        lun_base64url_push(&id, hash, len);
        const char *name = lun_buf_str(&id);
        ok = name != NULL && strlen(name) < sizeof key->id;
        if (ok) {
            (void)snprintf(key->id, sizeof key->id, "%s", name);
        }
    }
    lun_buf_release(&text);
    lun_buf_release(&id);
    return ok;
}

static bool describe_key(struct key *key)
{
    char group[32] = "";
    size_t len = 0;
    return EVP_PKEY_get_group_name(key->pair, group, sizeof group, NULL) == 1 &&
           strcmp(group, "prime256v1") == 0 &&
           EVP_PKEY_get_octet_string_param(key->pair, OSSL_PKEY_PARAM_PUB_KEY,
                                           key->point, sizeof key->point,
                                           &len) == 1 &&
           len == sizeof key->point && key->point[0] == 4 && name_key(key);
}

static int read_key(struct lun_token_keys *keys, const char *path,
                    struct lun_err *err)
{
    struct lun_buf text;
    lun_buf_init(&text);
    int code = lun_file_read(path, (size_t)64 * 1024, &text, err);
    BIO *bio = code == 0 ? BIO_new_mem_buf(text.data, (int)text.len) : NULL;
    struct key key = {.id = ""};
    if (bio != NULL) {
        key.pair = PEM_read_bio_PrivateKey(bio, NULL, NULL, "");
    }
    BIO_free(bio);
    if (text.data != NULL) {
        OPENSSL_cleanse(text.data, text.len);
    }
    lun_buf_release(&text);
    if (code == 0 && (key.pair == NULL || !describe_key(&key))) {
        EVP_PKEY_free(key.pair);
        return lun_error_set(err, LUN_ECONFIG,
                             "'%s' is not a private key on the curve P-256",
                             path);
    }
    if (code == 0) {
        keys->keys[keys->count++] = key;
    }
    return code;
}

static int is_pem(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".pem") == 0;
}

static int read_keys(struct lun_token_keys *keys, const char *folder,
                     struct lun_err *err)
{
    struct dirent **list;
    int count = scandir(folder, &list, is_pem, alphasort);
    if (count < 0) {
        return lun_error_set(err, LUN_EIO, "cannot read '%s': %s", folder,
                             strerror(errno));
    }
    int code = 0;
    for (int i = 0; i < count; i++) {
        /* Too many: the oldest are left out. */
        if (code == 0 && count - i <= KEYS_MAX) {
            char path[PATH_MAX];
            (void)snprintf(path, sizeof path, "%s/%s", folder, list[i]->d_name);
            code = read_key(keys, path, err);
        }
        free(list[i]);
    }
    free(list);
    return code;
}

static int write_key(EVP_PKEY *pair, const char *temporary, const char *path,
                     struct lun_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    int code = LUN_EINTERNAL;
    if (bio != NULL &&
        PEM_write_bio_PrivateKey(bio, pair, NULL, NULL, 0, NULL, NULL) == 1) {
        long len = BIO_get_mem_data(bio, &text);
        code = lun_file_write(temporary, 0600, text, (size_t)len, true, err);
        OPENSSL_cleanse(text, (size_t)len);
    } else {
        (void)lun_error_set(err, code, "cannot write a key");
    }
    BIO_free(bio);
    /* A link fails where another process was faster: then its key counts. */
    if (code == 0 && link(temporary, path) != 0 && errno != EEXIST) {
        code = lun_error_set(err, LUN_EIO, "cannot write '%s': %s", path,
                             strerror(errno));
    }
    (void)unlink(temporary);
    return code;
}

static int make_key(const char *folder, struct lun_err *err)
{
    char path[PATH_MAX];
    char temporary[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/0001.pem", folder);
    (void)snprintf(temporary, sizeof temporary, "%s/.new-%d", folder,
                   (int)getpid());
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    if (pair == NULL) {
        return lun_error_set(err, LUN_EINTERNAL, "cannot make a key");
    }
    int code = write_key(pair, temporary, path, err);
    EVP_PKEY_free(pair);
    return code;
}

static void write_jwks(struct lun_token_keys *keys)
{
    lun_buf_push_str(&keys->jwks, "{\"keys\":[");
    for (size_t i = 0; i < keys->count; i++) {
        lun_buf_printf(&keys->jwks,
                       "%s{\"alg\":\"ES256\",\"use\":\"sig\",\"kid\":\"%s\",",
                       i > 0 ? "," : "", keys->keys[i].id);
        push_coordinates(&keys->keys[i], &keys->jwks);
        lun_buf_push_byte(&keys->jwks, '}');
    }
    lun_buf_push_str(&keys->jwks, "]}");
}

static int open_keys(struct lun_token_keys *keys, const char *folder,
                     const char *audience, struct lun_err *err)
{
    keys->audience = strdup(audience);
    int code = keys->audience == NULL
                   ? lun_error_set(err, LUN_EMEMORY, "out of memory")
                   : read_keys(keys, folder, err);
    if (code == 0 && keys->count == 0) {
        code = make_key(folder, err);
        if (code == 0) {
            code = read_keys(keys, folder, err);
        }
    }
    if (code == 0 && keys->count == 0) {
        return lun_error_set(err, LUN_ENOT_FOUND, "there is no key in '%s'",
                             folder);
    }
    write_jwks(keys);
    if (code == 0 && lun_buf_str(&keys->jwks) == NULL) {
        code = lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    return code;
}

int lun_token_keys_open(const char *folder, const char *audience,
                        struct lun_token_keys **out, struct lun_err *err)
{
    struct lun_token_keys *keys = calloc(1, sizeof *keys);
    if (keys == NULL) {
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    lun_map_init(&keys->known);
    int code = open_keys(keys, folder, audience, err);
    if (code != 0) {
        lun_token_keys_close(keys);
        return code;
    }
    *out = keys;
    return 0;
}

void lun_token_keys_forget_private(struct lun_token_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        unsigned char *bytes = NULL;
        int len = i2d_PUBKEY(keys->keys[i].pair, &bytes);
        const unsigned char *at = bytes;
        EVP_PKEY *public = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;
        OPENSSL_free(bytes);
        if (public != NULL) {
            EVP_PKEY_free(keys->keys[i].pair); /* wipes the number */
            keys->keys[i].pair = public;
        }
    }
}

void lun_token_keys_close(struct lun_token_keys *keys)
{
    if (keys == NULL) {
        return;
    }
    for (size_t i = 0; i < keys->count; i++) {
        EVP_PKEY_free(keys->keys[i].pair);
    }
    lun_map_release(&keys->known, free);
    lun_buf_release(&keys->jwks);
    free(keys->audience);
    free(keys);
}

const char *lun_token_jwks(const struct lun_token_keys *keys)
{
    return keys->jwks.data;
}

/* --- signatures --------------------------------------------------------- */

/* JWT carries r and s side by side, OpenSSL speaks DER. */
static bool to_raw(const uint8_t *der, size_t len, uint8_t raw[2 * HALF])
{
    const uint8_t *at = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    bool ok = pair != NULL &&
              BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, HALF) == HALF &&
              BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + HALF, HALF) == HALF;
    ECDSA_SIG_free(pair);
    return ok;
}

static int to_der(const uint8_t raw[2 * HALF], uint8_t *der[1])
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, HALF, NULL);
    BIGNUM *s = BN_bin2bn(raw + HALF, HALF, NULL);
    int len = -1;
    if (pair != NULL && r != NULL && s != NULL &&
        ECDSA_SIG_set0(pair, r, s) == 1) {
        len = i2d_ECDSA_SIG(pair, der); /* owns r and s now */
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return len;
}

static bool sign_bytes(const struct key *key, const char *data, size_t len,
                       uint8_t raw[2 * HALF])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t der[128];
    size_t der_len = sizeof der;
    bool ok =
        context != NULL &&
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pair) == 1 &&
        EVP_DigestSign(context, der, &der_len, (const uint8_t *)data, len) ==
            1 &&
        to_raw(der, der_len, raw);
    EVP_MD_CTX_free(context);
    return ok;
}

static bool verify_bytes(const struct key *key, const char *data, size_t len,
                         const uint8_t raw[2 * HALF])
{
    uint8_t *der = NULL;
    int der_len = to_der(raw, &der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = der_len > 0 && context != NULL &&
              EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL,
                                   key->pair) == 1 &&
              EVP_DigestVerify(context, der, (size_t)der_len,
                               (const uint8_t *)data, len) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    return ok;
}

/* --- signing ------------------------------------------------------------ */

static void push_claims(const struct lun_token_keys *keys,
                        const struct lun_token *token, int64_t now_ms,
                        int64_t ttl_ms, struct lun_buf *out)
{
    lun_buf_push_str(out, "{\"iss\":\"" LUN_TOKEN_ISSUER "\",\"sub\":");
    lun_buf_push_json_string(out, token->subject, strlen(token->subject));
    lun_buf_push_str(out, ",\"aud\":");
    lun_buf_push_json_string(out, keys->audience, strlen(keys->audience));
    lun_buf_push_str(out, ",\"iat\":");
    lun_buf_push_int(out, now_ms / 1000);
    lun_buf_push_str(out, ",\"exp\":");
    lun_buf_push_int(out, (now_ms + ttl_ms) / 1000);
    for (size_t i = 0; i < token->role_count; i++) {
        lun_buf_push_str(out, i == 0 ? ",\"roles\":[" : ",");
        lun_buf_push_json_string(out, token->roles[i], strlen(token->roles[i]));
    }
    lun_buf_push_str(out, token->role_count > 0 ? "]}" : "}");
}

int lun_token_sign(const struct lun_token_keys *keys,
                   const struct lun_token *token, int64_t now_ms,
                   int64_t ttl_ms, struct lun_buf *out, struct lun_err *err)
{
    const struct key *key = &keys->keys[keys->count - 1];
    struct lun_buf part;
    uint8_t raw[2 * HALF];
    size_t start = out->len;
    lun_buf_init(&part);
    lun_buf_printf(&part, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                   key->id);
    lun_base64url_push(out, part.data, part.len);
    lun_buf_push_byte(out, '.');
    lun_buf_clear(&part);
    push_claims(keys, token, now_ms, ttl_ms, &part);
    lun_base64url_push(out, part.data, part.len);
    bool ok = !part.failed && !out->failed &&
              sign_bytes(key, out->data + start, out->len - start, raw);
    lun_buf_release(&part);
    if (!ok) {
        return lun_error_set(err, LUN_EINTERNAL, "cannot sign the token");
    }
    lun_buf_push_byte(out, '.');
    lun_base64url_push(out, raw, sizeof raw);
    return out->failed ? lun_error_set(err, LUN_EMEMORY, "out of memory") : 0;
}

/* --- verifying ---------------------------------------------------------- */

struct parts {
    const char *head;
    size_t head_len;
    const char *claims;
    size_t claims_len;
    const char *signature;
    size_t signature_len;
};

static bool split(const char *jwt, size_t len, struct parts *out)
{
    const char *end = jwt + len;
    const char *first = memchr(jwt, '.', len);
    const char *second = first != NULL
                             ? memchr(first + 1, '.', (size_t)(end - first - 1))
                             : NULL;
    if (second == NULL ||
        memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL) {
        return false;
    }
    *out = (struct parts){jwt,        (size_t)(first - jwt),
                          first + 1,  (size_t)(second - first - 1),
                          second + 1, (size_t)(end - second - 1)};
    return true;
}

/* base64url of a JSON object into the arena. */
static struct lun_json *read_object(struct lun_arena *arena, const char *text,
                                    size_t len)
{
    struct lun_buf bytes;
    struct lun_json *object = NULL;
    lun_buf_init(&bytes);
    if (!lun_base64url_read(&bytes, text, len) ||
        lun_json_parse(arena, bytes.data, bytes.len, 8, 1024, &object, NULL) !=
            0 ||
        object->type != LUN_JSON_OBJECT) {
        object = NULL;
    }
    lun_buf_release(&bytes);
    return object;
}

static bool is_string(const struct lun_json *object, const char *name,
                      const char *value)
{
    const struct lun_json *node = lun_json_get(object, name);
    return node != NULL && lun_json_is_string(node, value);
}

/* The algorithm is a property of our key; the header only has to agree. */
static const struct key *find_key(const struct lun_token_keys *keys,
                                  const struct lun_json *head)
{
    const struct lun_json *id = lun_json_get(head, "kid");
    if (!is_string(head, "alg", "ES256") ||
        lun_json_get(head, "crit") != NULL) {
        return NULL;
    }
    if (id == NULL) {
        return keys->count == 1 ? &keys->keys[0] : NULL;
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (lun_json_is_string(id, keys->keys[i].id)) {
            return &keys->keys[i];
        }
    }
    return NULL;
}

static bool names_audience(const struct lun_json *claims, const char *audience)
{
    const struct lun_json *aud = lun_json_get(claims, "aud");
    if (aud == NULL) {
        return false;
    }
    if (aud->type != LUN_JSON_ARRAY) {
        return lun_json_is_string(aud, audience);
    }
    for (const struct lun_json *at = aud->child; at != NULL; at = at->next) {
        if (lun_json_is_string(at, audience)) {
            return true;
        }
    }
    return false;
}

/* A NumericDate; `missing` when there is none, false when it is no time. */
static bool read_time(const struct lun_json *claims, const char *name,
                      int64_t missing, int64_t *out_ms)
{
    const struct lun_json *node = lun_json_get(claims, name);
    if (node == NULL) {
        *out_ms = missing;
        return true;
    }
    if (node->type != LUN_JSON_NUMBER) {
        return false;
    }
    double seconds = strtod(node->text, NULL);
    if (!(seconds > -(double)FARTHEST_S && seconds < (double)FARTHEST_S)) {
        return false;
    }
    *out_ms = (int64_t)(seconds * 1000);
    return true;
}

static int check_times(const struct lun_token *token, int64_t now_ms,
                       struct lun_err *err)
{
    if (now_ms >= token->expires_ms + LUN_TOKEN_SKEW_MS) {
        return refuse(err, "the token has expired");
    }
    if (token->issued_ms > now_ms + LUN_TOKEN_SKEW_MS) {
        return refuse(err, "the token is not valid yet");
    }
    return 0;
}

static bool read_roles(const struct lun_json *claims, struct lun_token *out)
{
    const struct lun_json *list = lun_json_get(claims, "roles");
    if (list == NULL) {
        return true;
    }
    /* An empty list would read as "not narrowed": it is no list of ours. */
    if (list->type != LUN_JSON_ARRAY || list->count == 0 ||
        list->count > LUN_TOKEN_ROLES_MAX) {
        return false;
    }
    for (const struct lun_json *at = list->child; at != NULL; at = at->next) {
        if (at->type != LUN_JSON_STRING || at->len == 0 ||
            at->len >= LUN_TOKEN_ROLE || strlen(at->text) != at->len) {
            return false;
        }
        memcpy(out->roles[out->role_count++], at->text, at->len + 1);
    }
    return true;
}

static int read_claims(const struct lun_token_keys *keys,
                       const struct lun_json *claims, struct lun_token *out,
                       struct lun_err *err)
{
    const struct lun_json *sub = lun_json_get(claims, "sub");
    int64_t not_before;
    if (!is_string(claims, "iss", LUN_TOKEN_ISSUER)) {
        return refuse(err, "the token is from another issuer");
    }
    if (!names_audience(claims, keys->audience)) {
        return refuse(err, "the token is for another audience");
    }
    if (sub == NULL || sub->type != LUN_JSON_STRING || sub->len == 0 ||
        sub->len >= LUN_TOKEN_SUBJECT || strlen(sub->text) != sub->len) {
        return refuse(err, "the token has no usable subject");
    }
    if (lun_json_get(claims, "exp") == NULL ||
        !read_time(claims, "exp", 0, &out->expires_ms) ||
        !read_time(claims, "iat", INT64_MIN, &out->issued_ms) ||
        !read_time(claims, "nbf", out->issued_ms, &not_before)) {
        return refuse(err, "the token has no usable times");
    }
    if (not_before > out->issued_ms) {
        out->issued_ms = not_before;
    }
    memcpy(out->subject, sub->text, sub->len + 1);
    return read_roles(claims, out)
               ? 0
               : refuse(err, "the token has no usable roles");
}

static bool check_signature(const struct lun_token_keys *keys,
                            struct lun_arena *arena, const char *jwt,
                            const struct parts *parts)
{
    const struct lun_json *head =
        read_object(arena, parts->head, parts->head_len);
    const struct key *key = head != NULL ? find_key(keys, head) : NULL;
    struct lun_buf raw;
    lun_buf_init(&raw);
    bool ok =
        key != NULL &&
        lun_base64url_read(&raw, parts->signature, parts->signature_len) &&
        raw.len == 2 * (size_t)HALF &&
        verify_bytes(key, jwt,
                     (size_t)(parts->claims + parts->claims_len - jwt),
                     (const uint8_t *)raw.data);
    lun_buf_release(&raw);
    return ok;
}

static int verify_fresh(const struct lun_token_keys *keys, const char *jwt,
                        size_t len, struct lun_token *out, struct lun_err *err)
{
    struct lun_arena arena;
    struct parts parts;
    if (len > LUN_TOKEN_BYTES || !split(jwt, len, &parts)) {
        return refuse(err, "this is not a token");
    }
    lun_arena_init(&arena, (size_t)256 * 1024);
    const struct lun_json *claims = NULL;
    int code = 0;
    if (!check_signature(keys, &arena, jwt, &parts)) {
        code = refuse(err, "the token is not signed by a known key");
    } else {
        claims = read_object(&arena, parts.claims, parts.claims_len);
        code = claims == NULL ? refuse(err, "this is not a token")
                              : read_claims(keys, claims, out, err);
    }
    lun_arena_release(&arena);
    return code;
}

static void remember(struct lun_token_keys *keys, const char *jwt, size_t len,
                     const struct lun_token *token)
{
    void *old = NULL;
    if (keys->known.count >= KNOWN_MAX) {
        lun_map_release(&keys->known, free);
        lun_map_init(&keys->known);
    }
    struct lun_token *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return;
    }
    *copy = *token;
    if (!lun_map_put(&keys->known, jwt, len, copy, &old)) {
        free(copy);
    }
    free(old);
}

int lun_token_verify(struct lun_token_keys *keys, const char *jwt, size_t len,
                     int64_t now_ms, struct lun_token *out, struct lun_err *err)
{
    struct lun_token token = {.role_count = 0};
    const struct lun_token *known =
        len <= LUN_TOKEN_BYTES ? lun_map_get(&keys->known, jwt, len) : NULL;
    if (known != NULL) {
        token = *known;
    } else {
        int code = verify_fresh(keys, jwt, len, &token, err);
        if (code != 0) {
            return code;
        }
        remember(keys, jwt, len, &token);
    }
    int code = check_times(&token, now_ms, err);
    if (code == 0) {
        *out = token;
    }
    return code;
}
