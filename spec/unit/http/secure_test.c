/*
 * spec/unit/http/secure_test.c - the server over TLS.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/http/support/wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "core/net/tls.h"
#include "spec/unit/http/support/certificate.h"

static struct files files;
static struct lun_net_tls *tls;

/* A client; its bytes go through memory, so that a test may cut them. */
struct client {
    struct fixture *f;
    int fd;
    SSL_CTX *context;
    SSL *ssl;
    size_t piece; /* bytes sent at once; 0: all */
    bool closed;  /* the server ended the connection */
    bool said_so; /* with a close_notify */
};

static struct fixture *start_secure(const struct lun_http_limits *limits)
{
    struct lun_err err;
    make_files(&files, "one");
    assert_int_equal(lun_net_tls_open(files.cert, files.key, &tls, &err), 0);
    return start_with(limits, tls);
}

static void stop_secure(struct fixture *f)
{
    stop(f);
    lun_net_tls_close(tls);
    remove_files(&files);
}

static struct client *connect_to(struct fixture *f, int version,
                                 const char *alpn)
{
    struct client *c = calloc(1, sizeof(*c));
    c->f = f;
    c->fd = dial(f);
    c->context = SSL_CTX_new(TLS_client_method());
    assert_non_null(c->context);
    SSL_CTX_set_security_level(c->context, 0);
    (void)SSL_CTX_set_min_proto_version(c->context, version);
    (void)SSL_CTX_set_max_proto_version(c->context, version);
    c->ssl = SSL_new(c->context);
    SSL_set_connect_state(c->ssl);
    SSL_set_bio(c->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (alpn)
        assert_int_equal(SSL_set_alpn_protos(c->ssl,
                                             (const unsigned char *)alpn,
                                             (unsigned)strlen(alpn)),
                         0);
    return c;
}

static void disconnect(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    close(c->fd);
    free(c);
}

/* Brings ciphertext to and fro. */
static void carry(struct client *c)
{
    char bytes[16384];
    int len;
    int want = c->piece ? (int)c->piece : (int)sizeof(bytes);
    while ((len = BIO_read(SSL_get_wbio(c->ssl), bytes, want)) > 0) {
        (void)send(c->fd, bytes, (size_t)len, MSG_NOSIGNAL);
        if (c->piece)
            turn(c->f);
    }
    turn(c->f);
    ssize_t got = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got > 0)
        assert_int_equal(BIO_write(SSL_get_rbio(c->ssl), bytes, (int)got), got);
    else if (got == 0 || errno != EAGAIN)
        c->closed = true;
}

static bool shake(struct client *c)
{
    for (int i = 0; i < 4000 && !c->closed; i++) {
        ERR_clear_error();
        int done = SSL_do_handshake(c->ssl);
        if (done != 1 && SSL_get_error(c->ssl, done) != SSL_ERROR_WANT_READ)
            return false;
        carry(c);
        if (done == 1)
            return true;
    }
    return false;
}

static void tell(struct client *c, const char *text)
{
    ERR_clear_error();
    assert_int_equal(SSL_write(c->ssl, text, (int)strlen(text)), strlen(text));
    carry(c);
}

/* Reads into `heard` until it holds `until` or the end; counts on. */
static size_t total;

static bool listen_for(struct client *c, const char *until)
{
    size_t len = 0;
    uint64_t end = lun_clock_monotonic_ns() + 3000000000;
    heard[0] = '\0';
    total = 0;
    while (lun_clock_monotonic_ns() < end) {
        char bytes[16384];
        ERR_clear_error();
        int got = SSL_read(c->ssl, bytes, sizeof(bytes));
        if (got <= 0 && SSL_get_error(c->ssl, got) == SSL_ERROR_ZERO_RETURN)
            c->said_so = true;
        if (got <= 0 && (c->closed || c->said_so))
            return !until;
        if (got <= 0)
            carry(c);
        for (int i = 0; i < got; i++, total++) {
            if (len < sizeof(heard) - 1)
                heard[len++] = bytes[i];
        }
        heard[len] = '\0';
        if (until && strstr(heard, until))
            return true;
    }
    return false;
}

/* Handshakes */

static void answers_over_each_version(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        struct client *c = connect_to(f, versions[i], "\x08http/1.1");
        assert_true(shake(c));
        tell(c, POST("Content-Length: 3\r\n", "abc"));
        assert_true(listen_for(c, "POST / abc"));
        assert_true(starts("HTTP/1.1 200 OK\r\n"));
        tell(c, "GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_true(listen_for(c, NULL));
        assert_non_null(strstr(heard, "GET /2"));
        assert_true(c->said_so);
        disconnect(c);
    }
    stop_secure(f);
}

static void refuses_old_versions(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    struct client *c = connect_to(f, TLS1_1_VERSION, NULL);
    assert_false(shake(c));
    disconnect(c);
    stop_secure(f);
}

static void prefers_http_2(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    const unsigned char *name;
    unsigned len;
    struct client *c = connect_to(f, TLS1_3_VERSION, "\x08http/1.1\x02h2");
    assert_true(shake(c));
    SSL_get0_alpn_selected(c->ssl, &name, &len);
    assert_int_equal(len, 2);
    assert_memory_equal(name, "h2", 2);
    /* SETTINGS, a GET of "/" with indexed fields, authority "a". */
    static const char raw[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                              "\0\0\0\4\0\0\0\0\0"
                              "\0\0\6\1\5\0\0\0\1\x82\x87\x84\x41\1a";
    assert_int_equal(SSL_write(c->ssl, raw, sizeof(raw) - 1), sizeof(raw) - 1);
    for (int i = 0; i < 1000 && !f->handled; i++)
        carry(c);
    assert_int_equal(f->handled, 1);
    disconnect(c);
    /* Who agreed on HTTP/2 speaks it. */
    c = connect_to(f, TLS1_3_VERSION, "\x02h2");
    assert_true(shake(c));
    tell(c, GET("/1"));
    assert_true(listen_for(c, NULL));
    assert_string_equal(heard, "");
    disconnect(c);
    /* And who did not, does not. */
    c = connect_to(f, TLS1_3_VERSION, NULL);
    assert_true(shake(c));
    tell(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_true(listen_for(c, NULL));
    assert_true(starts("HTTP/1.1 505 "));
    disconnect(c);
    assert_int_equal(f->handled, 1);
    stop_secure(f);
}

static void refuses_protocols_it_does_not_speak(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    struct client *c = connect_to(f, TLS1_3_VERSION, "\x04smtp");
    assert_false(shake(c));
    disconnect(c);
    stop_secure(f);
}

static void shakes_wherever_the_bytes_are_cut(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    struct client *c = connect_to(f, TLS1_3_VERSION, NULL);
    c->piece = 1;
    assert_true(shake(c));
    tell(c, GET("/cut"));
    assert_true(listen_for(c, "GET /cut"));
    disconnect(c);
    stop_secure(f);
}

static void tells_handlers_of_tls(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    struct client *c = connect_to(f, TLS1_3_VERSION, NULL);
    assert_true(shake(c));
    tell(c, GET("/wait"));
    for (int i = 0; i < 1000 && !f->waiting_count; i++)
        carry(c);
    assert_true(f->waiting[0]->secure);
    lun_http_respond(f->waiting[0], 200, NULL, 0, "late", 4);
    assert_true(listen_for(c, "late"));
    disconnect(c);
    stop_secure(f);
}

/* What goes wrong */

static void closes_on_garbage(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    unsigned connections, requests;
    char garbage[3000];
    for (int seed = 0; seed < 40; seed++) {
        int fd = dial(f);
        for (size_t i = 0; i < sizeof(garbage); i++)
            garbage[i] = (char)((seed + 1) * (int)(i * i + 77) >> 3);
        if (seed % 2)
            memcpy(garbage, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9);
        (void)send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL);
        turns(f, 5);
        close(fd);
    }
    turns(f, 10);
    lun_http_server_stats(f->server, &connections, &requests);
    assert_int_equal(connections, 0);
    /* Damaged records after a good handshake. */
    struct client *c = connect_to(f, TLS1_3_VERSION, NULL);
    assert_true(shake(c));
    (void)send(c->fd, "\x17\x03\x03\x00\x20", 5, MSG_NOSIGNAL);
    (void)send(c->fd, garbage, 32, MSG_NOSIGNAL);
    for (int i = 0; i < 1000 && !c->closed; i++)
        carry(c);
    assert_true(c->closed);
    disconnect(c);
    stop_secure(f);
}

static void tells_plain_clients_what_is_wrong(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    int fd = dial(f);
    say(f, fd, GET("/"));
    assert_true(hear(f, fd, NULL));
    assert_true(starts("HTTP/1.1 400 Bad Request\r\n"));
    assert_non_null(strstr(heard, "this port speaks https only\n"));
    assert_int_equal(f->handled, 0);
    close(fd);
    stop_secure(f);
}

static void ends_slow_handshakes(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.header_ms = 80};
    struct fixture *f = start_secure(&limits);
    int fd = dial(f);
    assert_true(hear(f, fd, NULL));
    close(fd);
    /* One that drips. */
    struct client *c = connect_to(f, TLS1_3_VERSION, NULL);
    char bytes[2000];
    (void)SSL_do_handshake(c->ssl);
    int len = BIO_read(SSL_get_wbio(c->ssl), bytes, sizeof(bytes));
    assert_true(len > 100);
    for (int i = 0; i < len && !c->closed; i++) {
        (void)send(c->fd, bytes + i, 1, MSG_NOSIGNAL);
        turns(f, 10);
        carry(c);
    }
    assert_true(c->closed);
    disconnect(c);
    stop_secure(f);
}

static void drops_clients_that_do_not_read(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.write_ms = 80};
    struct fixture *f = start_secure(&limits);
    unsigned connections = 1, requests;
    struct client *c = connect_to(f, TLS1_3_VERSION, NULL);
    assert_true(shake(c));
    tell(c, GET("/big?30000000"));
    for (int i = 0; i < 5000 && connections; i++) {
        turn(f);
        lun_http_server_stats(f->server, &connections, &requests);
    }
    assert_int_equal(connections, 0);
    disconnect(c);
    stop_secure(f);
}

/* Sending */

static void sends_large_answers(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    struct client *c = connect_to(f, TLS1_2_VERSION, NULL);
    assert_true(shake(c));
    tell(c, "GET /big?9000000 HTTP/1.1\r\nHost: a\r\n\r\n"
            "GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(listen_for(c, NULL));
    assert_in_range(total, 9000000, 9001000);
    assert_true(c->said_so);
    disconnect(c);
    stop_secure(f);
}

static void answers_many_requests_at_once(void **state)
{
    (void)state;
    struct lun_http_limits limits = {.pipelined = 1000};
    struct fixture *f = start_secure(&limits);
    char raw[20000] = "";
    struct client *c = connect_to(f, TLS1_3_VERSION, NULL);
    assert_true(shake(c));
    for (int i = 0; i < 300; i++)
        strcat(raw, GET("/x"));
    strcat(raw, GET("/last"));
    tell(c, raw);
    assert_true(listen_for(c, "GET /last"));
    assert_int_equal(count_of("HTTP/1.1 200"), 301);
    disconnect(c);
    stop_secure(f);
}

/* Certificates */

static void expect_name(struct fixture *f, const char *name)
{
    char found[64] = "";
    struct client *c = connect_to(f, TLS1_3_VERSION, NULL);
    assert_true(shake(c));
    X509 *cert = SSL_get1_peer_certificate(c->ssl);
    assert_non_null(cert);
    (void)X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
                                    found, sizeof(found));
    X509_free(cert);
    assert_string_equal(found, name);
    disconnect(c);
}

static void takes_up_new_certificates(void **state)
{
    (void)state;
    struct fixture *f = start_secure(NULL);
    struct client *old = connect_to(f, TLS1_3_VERSION, NULL);
    assert_true(shake(old));
    expect_name(f, "one");
    EVP_PKEY *key = make_key();
    /* The certificate without its key yet: the old pair goes on. */
    write_cert(files.cert, key, "two");
    turn_for(f, 1100);
    expect_name(f, "one");
    write_key(files.key, key);
    turn_for(f, 1100);
    expect_name(f, "two");
    /* What is broken or gone changes nothing. */
    assert_int_equal(truncate(files.key, 10), 0);
    turn_for(f, 1100);
    expect_name(f, "two");
    (void)unlink(files.cert);
    turn_for(f, 1100);
    expect_name(f, "two");
    tell(old, GET("/old"));
    assert_true(listen_for(old, "GET /old"));
    disconnect(old);
    EVP_PKEY_free(key);
    stop_secure(f);
}

static void says_what_is_wrong_with_files(void **state)
{
    (void)state;
    struct files one, two;
    struct lun_net_tls *out = NULL;
    struct lun_err err;
    make_files(&one, "one");
    make_files(&two, "two");
    assert_int_equal(lun_net_tls_open("/nowhere", one.key, &out, &err),
                     LUN_ECONFIG);
    assert_string_equal(err.message, "cannot use the certificate '/nowhere': "
                                     "no such file or directory");
    assert_int_equal(lun_net_tls_open(one.key, one.key, &out, &err),
                     LUN_ECONFIG);
    assert_non_null(strstr(err.message, "cannot use the certificate '"));
    assert_int_equal(lun_net_tls_open(one.cert, one.cert, &out, &err),
                     LUN_ECONFIG);
    assert_non_null(strstr(err.message, "cannot use the key '"));
    assert_int_equal(lun_net_tls_open(one.cert, two.key, &out, &err),
                     LUN_ECONFIG);
    assert_non_null(strstr(err.message, "key values mismatch"));
    assert_null(out);
    lun_net_tls_close(NULL);
    remove_files(&one);
    remove_files(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_over_each_version),
        cmocka_unit_test(refuses_old_versions),
        cmocka_unit_test(prefers_http_2),
        cmocka_unit_test(refuses_protocols_it_does_not_speak),
        cmocka_unit_test(shakes_wherever_the_bytes_are_cut),
        cmocka_unit_test(tells_handlers_of_tls),
        cmocka_unit_test(closes_on_garbage),
        cmocka_unit_test(tells_plain_clients_what_is_wrong),
        cmocka_unit_test(ends_slow_handshakes),
        cmocka_unit_test(drops_clients_that_do_not_read),
        cmocka_unit_test(sends_large_answers),
        cmocka_unit_test(answers_many_requests_at_once),
        cmocka_unit_test(takes_up_new_certificates),
        cmocka_unit_test(says_what_is_wrong_with_files),
    };
    return cmocka_run_group_tests_name("http/secure", tests, NULL, NULL);
}
