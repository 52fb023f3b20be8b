/*
 * modules/crypto/crypto.c - hashes and random bytes by OpenSSL.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lauxlib.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "core/vm/module.h"

#define RANDOM_MAX 4096

/* What OpenSSL calls them; policy says which of them an app may use. */
static const struct {
    const char *name;
    const EVP_MD *(*method)(void);
} hashes[] = {
    {"sha224", EVP_sha224},     {"sha256", EVP_sha256},
    {"sha384", EVP_sha384},     {"sha512", EVP_sha512},
    {"sha3-256", EVP_sha3_256}, {"sha3-512", EVP_sha3_512},
    {"sha1", EVP_sha1},         {"md5", EVP_md5},
};

static const EVP_MD *find_hash(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
        if (!strcmp(hashes[i].name, name))
            return hashes[i].method();
    return NULL;
}

/* hash(name, text) -> bytes | nil: no such hash */
static int crypto_hash(lua_State *L)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size;
    size_t len;
    const EVP_MD *method = find_hash(L, 1);
    const char *text = luaL_checklstring(L, 2, &len);
    if (!method)
        return 0;
    if (!EVP_Digest(text, len, digest, &size, method, NULL))
        return luaL_error(L, "the hash could not be computed");
    lua_pushlstring(L, (char *)digest, size);
    return 1;
}

/* hmac(name, key, text) -> bytes | nil: no such hash */
static int crypto_hmac(lua_State *L)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size;
    size_t len, key_len;
    const EVP_MD *method = find_hash(L, 1);
    const char *key = luaL_checklstring(L, 2, &key_len);
    const char *text = luaL_checklstring(L, 3, &len);
    if (!method)
        return 0;
    if (!HMAC(method, key, (int)key_len, (const unsigned char *)text, len,
              digest, &size))
        return luaL_error(L, "the hash could not be computed");
    lua_pushlstring(L, (char *)digest, size);
    return 1;
}

/* random(bytes) */
static int crypto_random(lua_State *L)
{
    unsigned char bytes[RANDOM_MAX];
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_argcheck(L, count >= 1 && count <= RANDOM_MAX, 1, "1 to 4096 bytes");
    if (RAND_bytes(bytes, (int)count) != 1)
        return luaL_error(L, "there is no randomness");
    lua_pushlstring(L, (char *)bytes, (size_t)count);
    OPENSSL_cleanse(bytes, (size_t)count);
    return 1;
}

/* equal(a, b): hashed with a key of the moment, so that nothing about the first
 * difference or the lengths shows in the time. */
static int crypto_equal(lua_State *L)
{
    unsigned char key[32], a[EVP_MAX_MD_SIZE], b[EVP_MAX_MD_SIZE];
    unsigned size;
    size_t a_len, b_len;
    const char *a_text = luaL_checklstring(L, 1, &a_len);
    const char *b_text = luaL_checklstring(L, 2, &b_len);
    if (RAND_bytes(key, sizeof(key)) != 1 ||
        !HMAC(EVP_sha256(), key, sizeof(key), (const unsigned char *)a_text,
              a_len, a, &size) ||
        !HMAC(EVP_sha256(), key, sizeof(key), (const unsigned char *)b_text,
              b_len, b, &size))
        return luaL_error(L, "the texts could not be compared");
    lua_pushboolean(L, CRYPTO_memcmp(a, b, size) == 0);
    return 1;
}

/* to_base64(bytes) */
static int crypto_to_base64(lua_State *L)
{
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    unsigned char *out = lua_newuserdata(L, (len + 2) / 3 * 4 + 1);
    int size = EVP_EncodeBlock(out, (const unsigned char *)bytes, (int)len);
    lua_pushlstring(L, (char *)out, (size_t)size);
    return 1;
}

/* from_base64(text) -> bytes; the text has been checked and padded */
static int crypto_from_base64(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (len % 4)
        return 0;
    unsigned char *out = lua_newuserdata(L, len / 4 * 3 + 1);
    int size = EVP_DecodeBlock(out, (const unsigned char *)text, (int)len);
    if (size < 0)
        return 0;
    for (size_t i = 0; i < 2 && len; i++)
        size -= text[len - 1 - i] == '=';
    lua_pushlstring(L, (char *)out, (size_t)size);
    return 1;
}

/* to_hex(bytes) */
static int crypto_to_hex(lua_State *L)
{
    static const char hex[] = "0123456789abcdef";
    size_t len;
    const char *bytes = luaL_checklstring(L, 1, &len);
    char *out = lua_newuserdata(L, 2 * len + 1);
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = hex[(unsigned char)bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 15];
    }
    lua_pushlstring(L, out, 2 * len);
    return 1;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* from_hex(text) -> bytes | nil */
static int crypto_from_hex(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    if (len % 2)
        return 0;
    char *out = lua_newuserdata(L, len / 2 + 1);
    for (size_t i = 0; i < len; i += 2) {
        int high = digit_of(text[i]), low = digit_of(text[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i / 2] = (char)(high << 4 | low);
    }
    lua_pushlstring(L, out, len / 2);
    return 1;
}

static void open_crypto(lua_State *L, const struct lun_module_home *home)
{
    static const luaL_Reg functions[] = {
        {"hash", crypto_hash},           {"hmac", crypto_hmac},
        {"random", crypto_random},       {"equal", crypto_equal},
        {"to_base64", crypto_to_base64}, {"from_base64", crypto_from_base64},
        {"to_hex", crypto_to_hex},       {"from_hex", crypto_from_hex},
    };
    (void)home;
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        lua_pushcfunction(L, functions[i].func);
        lua_setfield(L, -2, functions[i].name);
    }
}

const struct lun_module lun_module_crypto = {.name = "crypto",
                                             .open = open_crypto};
