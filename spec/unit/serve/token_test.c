/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/serve/base64url.h"
#include "core/serve/token.h"
#include "core/os/file.h"

#define NOW INT64_C(1700000000000)
#define HOUR INT64_C(3600000)

static char folder[] = "/tmp/lunette-token-XXXXXX";
static struct lun_token_keys *keys;
static struct lun_buf jwt;
static struct lun_token good;
static struct lun_err err;

static int make_keys(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(good.subject, sizeof(good.subject), "ann");
    snprintf(good.roles[0], LUN_TOKEN_ROLE, "sales.user");
    good.role_count = 1;
    return lun_token_keys_open(folder, "lunette", &keys, NULL);
}

static int remove_keys(void **state)
{
    (void)state;
    char path[128];
    lun_token_keys_close(keys);
    lun_buf_release(&jwt);
    for (int i = 1; i <= 2; i++) {
        snprintf(path, sizeof(path), "%s/000%d.pem", folder, i);
        unlink(path);
    }
    return rmdir(folder);
}

static void sign(int64_t now)
{
    lun_buf_clear(&jwt);
    assert_int_equal(lun_token_sign(keys, &good, now, HOUR, &jwt, NULL), 0);
    assert_non_null(lun_buf_str(&jwt));
}

static int verify_text(const char *text, int64_t now)
{
    struct lun_token out;
    err.message[0] = '\0';
    return lun_token_verify(keys, text, strlen(text), now, &out, &err);
}

static void a_signed_token_says_what_was_put_in(void **state)
{
    (void)state;
    struct lun_token out;
    sign(NOW);
    for (int i = 0; i < 2; i++) { /* fresh and remembered */
        assert_int_equal(
            lun_token_verify(keys, jwt.data, jwt.len, NOW, &out, &err), 0);
        assert_string_equal(out.subject, "ann");
        assert_int_equal(out.role_count, 1);
        assert_string_equal(out.roles[0], "sales.user");
        assert_int_equal(out.expires_ms, NOW + HOUR);
    }
}

static void times_are_checked_with_some_skew(void **state)
{
    (void)state;
    sign(NOW);
    assert_int_equal(verify_text(jwt.data, NOW + HOUR + 59000), 0);
    assert_int_equal(verify_text(jwt.data, NOW + HOUR + 60000),
                     LUN_EUNAUTHENTICATED);
    assert_string_equal(err.message, "the token has expired");
    assert_int_equal(verify_text(jwt.data, NOW - 60000), 0);
    assert_int_equal(verify_text(jwt.data, NOW - 61000), LUN_EUNAUTHENTICATED);
    assert_string_equal(err.message, "the token is not valid yet");
}

static void every_changed_byte_is_noticed(void **state)
{
    (void)state;
    sign(NOW);
    for (size_t i = 0; i < jwt.len; i++) {
        char kept = jwt.data[i];
        jwt.data[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(verify_text(jwt.data, NOW), LUN_EUNAUTHENTICATED);
        jwt.data[i] = kept;
    }
    assert_int_equal(verify_text(jwt.data, NOW), 0);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    char text[2048];
    sign(NOW);
    for (size_t len = 0; len < jwt.len; len++) {
        memcpy(text, jwt.data, len);
        text[len] = '\0';
        assert_int_equal(verify_text(text, NOW), LUN_EUNAUTHENTICATED);
    }
    snprintf(text, sizeof(text), "%s.", jwt.data);
    assert_int_equal(verify_text(text, NOW), LUN_EUNAUTHENTICATED);
    snprintf(text, sizeof(text), "%s=", jwt.data);
    assert_int_equal(verify_text(text, NOW), LUN_EUNAUTHENTICATED);
}

static void push_part(struct lun_buf *out, const char *json)
{
    lun_base64url_push(out, json, strlen(json));
}

/* The claims of a good token under another head and signature. */
static void forge(struct lun_buf *out, const char *head, const char *signature)
{
    sign(NOW);
    const char *claims = strchr(jwt.data, '.') + 1;
    lun_buf_clear(out);
    push_part(out, head);
    lun_buf_push_byte(out, '.');
    lun_buf_push(out, claims, strcspn(claims, "."));
    lun_buf_push_byte(out, '.');
    lun_buf_push_str(out, signature);
}

static void other_algorithms_are_refused(void **state)
{
    (void)state;
    struct lun_buf text;
    uint8_t mac[64];
    unsigned len = 0;
    lun_buf_init(&text);
    forge(&text, "{\"alg\":\"none\"}", "");
    assert_int_equal(verify_text(lun_buf_str(&text), NOW),
                     LUN_EUNAUTHENTICATED);
    forge(&text, "{\"alg\":\"ES256\"}", "");
    assert_int_equal(verify_text(lun_buf_str(&text), NOW),
                     LUN_EUNAUTHENTICATED);
    /* The public key as the secret of an HMAC. */
    forge(&text, "{\"alg\":\"HS256\"}", "");
    const char *jwks = lun_token_jwks(keys);
    HMAC(EVP_sha256(), jwks, (int)strlen(jwks), (uint8_t *)text.data,
         text.len - 1, mac, &len);
    lun_base64url_push(&text, mac, len);
    assert_int_equal(verify_text(lun_buf_str(&text), NOW),
                     LUN_EUNAUTHENTICATED);
    /* r = s = 0 */
    memset(mac, 0, sizeof(mac));
    forge(&text, "{\"alg\":\"ES256\"}", "");
    lun_base64url_push(&text, mac, 64);
    assert_int_equal(verify_text(lun_buf_str(&text), NOW),
                     LUN_EUNAUTHENTICATED);
    lun_buf_release(&text);
}

static void other_audiences_and_keys_are_refused(void **state)
{
    (void)state;
    struct lun_token_keys *other;
    char place[] = "/tmp/lunette-token-XXXXXX";
    char path[128];
    struct lun_token out;
    assert_int_equal(lun_token_keys_open(folder, "else", &other, NULL), 0);
    sign(NOW);
    assert_int_equal(
        lun_token_verify(other, jwt.data, jwt.len, NOW, &out, &err),
        LUN_EUNAUTHENTICATED);
    assert_string_equal(err.message, "the token is for another audience");
    lun_token_keys_close(other);
    assert_non_null(mkdtemp(place));
    assert_int_equal(lun_token_keys_open(place, "lunette", &other, NULL), 0);
    assert_int_equal(
        lun_token_verify(other, jwt.data, jwt.len, NOW, &out, &err),
        LUN_EUNAUTHENTICATED);
    assert_string_equal(err.message, "the token is not signed by a known key");
    lun_token_keys_close(other);
    snprintf(path, sizeof(path), "%s/0001.pem", place);
    unlink(path);
    rmdir(place);
}

static void a_token_that_is_too_large_is_not_looked_at(void **state)
{
    (void)state;
    static char text[LUN_TOKEN_BYTES + 2];
    memset(text, 'A', sizeof(text) - 1);
    text[100] = '.';
    text[200] = '.';
    assert_int_equal(verify_text(text, NOW), LUN_EUNAUTHENTICATED);
    assert_string_equal(err.message, "this is not a token");
}

static void the_public_keys_are_told_and_no_more(void **state)
{
    (void)state;
    char path[128];
    struct stat info;
    const char *jwks = lun_token_jwks(keys);
    assert_memory_equal(jwks, "{\"keys\":[{\"alg\":\"ES256\",", 24);
    assert_null(strstr(jwks, "\"d\""));
    snprintf(path, sizeof(path), "%s/0001.pem", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void a_further_key_signs_and_the_old_one_verifies(void **state)
{
    (void)state;
    char from[] = "/tmp/lunette-token-XXXXXX";
    char old[128];
    char fresh[128];
    struct lun_token_keys *other;
    sign(NOW);
    char *before = strdup(jwt.data);
    assert_non_null(mkdtemp(from));
    assert_int_equal(lun_token_keys_open(from, "lunette", &other, NULL), 0);
    lun_token_keys_close(other);
    snprintf(old, sizeof(old), "%s/0001.pem", from);
    snprintf(fresh, sizeof(fresh), "%s/0002.pem", folder);
    assert_int_equal(rename(old, fresh), 0);
    rmdir(from);
    lun_token_keys_close(keys);
    assert_int_equal(lun_token_keys_open(folder, "lunette", &keys, NULL), 0);
    assert_int_equal(verify_text(before, NOW), 0);
    sign(NOW);
    assert_int_equal(verify_text(jwt.data, NOW), 0);
    assert_int_not_equal(strcspn(before, "."), 0);
    assert_memory_not_equal(before, jwt.data, strcspn(before, "."));
    free(before);
}

static void base64url_has_one_text_for_one_value(void **state)
{
    (void)state;
    struct lun_buf out;
    lun_buf_init(&out);
    lun_base64url_push(&out, "\xfb\xff\xfe", 3);
    lun_base64url_push(&out, "a", 1);
    assert_string_equal(lun_buf_str(&out), "-__-YQ");
    lun_buf_clear(&out);
    assert_true(lun_base64url_read(&out, "-__-YQ", 6));
    assert_int_equal(out.len, 4);
    assert_false(lun_base64url_read(&out, "YR", 2)); /* bits left over */
    assert_false(lun_base64url_read(&out, "YQ==", 4));
    assert_false(lun_base64url_read(&out, "Y", 1));
    assert_false(lun_base64url_read(&out, "Y+/Q", 4));
    assert_true(lun_base64url_read(&out, "", 0));
    lun_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signed_token_says_what_was_put_in),
        cmocka_unit_test(times_are_checked_with_some_skew),
        cmocka_unit_test(every_changed_byte_is_noticed),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(other_algorithms_are_refused),
        cmocka_unit_test(other_audiences_and_keys_are_refused),
        cmocka_unit_test(a_token_that_is_too_large_is_not_looked_at),
        cmocka_unit_test(the_public_keys_are_told_and_no_more),
        cmocka_unit_test(a_further_key_signs_and_the_old_one_verifies),
        cmocka_unit_test(base64url_has_one_text_for_one_value),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
