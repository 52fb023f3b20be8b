/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/tls.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/telemetry/log.h"

#define CHECK_NS UINT64_C(1000000000)

/* Of TLS 1.2; all suites of 1.3 are good. */
#define CIPHERS                                                                \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"               \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"               \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

/* What tells one content of a file from the next. */
struct stamp {
    struct timespec modified;
    off_t size;
    ino_t inode;
};

enum { CERTIFICATE, KEY, FILES };

struct lun_net_tls {
    SSL_CTX *context;
    char *paths[FILES];
    struct stamp stamps[FILES];
    uint64_t checked_ns;
};

static void look(const struct lun_net_tls *tls, struct stamp stamps[FILES])
{
    memset(stamps, 0, FILES * sizeof(*stamps));
    for (int i = 0; i < FILES; i++) {
        struct stat info;
        if (stat(tls->paths[i], &info) != 0)
            continue;
        stamps[i].modified = info.st_mtim;
        stamps[i].size = info.st_size;
        stamps[i].inode = info.st_ino;
    }
}

/* Our order, not the client's, and no protocol rather than a wrong one. */
static int choose_protocol(SSL *ssl, const unsigned char **out,
                           unsigned char *out_len, const unsigned char *offered,
                           unsigned offered_len, void *context)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    (void)ssl;
    (void)context;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, offered,
                              offered_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* A key with a passphrase is refused: nobody is there to type it. */
static int no_passphrase(char *buf, int size, int writing, void *user)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)user;
    return -1;
}

static SSL_CTX *make_context(void)
{
    static const unsigned char name[] = "lunette";
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context)
        return NULL;
    (void)SSL_CTX_set_options(
        context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Tickets only: nothing of a session is kept here. */
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) &&
        SSL_CTX_set_cipher_list(context, CIPHERS) &&
        SSL_CTX_set_session_id_context(context, name, sizeof(name) - 1))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static int fail(const char *what, const char *path, struct lun_err *err)
{
    unsigned long first = ERR_peek_error();
    bool system = ERR_SYSTEM_ERROR(first) || ERR_GET_LIB(first) == ERR_LIB_SYS;
    const char *why = system ? strerror(ERR_GET_REASON(first))
                             : ERR_reason_error_string(first);
    char text[128];
    (void)snprintf(text, sizeof(text), "%s", why ? why : "it cannot be used");
    if (system)
        text[0] = (char)tolower((unsigned char)text[0]);
    ERR_clear_error();
    return lun_error_set(err, LUN_ECONFIG, "%s '%s': %s", what, path, text);
}

static int load(struct lun_net_tls *tls, struct lun_err *err)
{
    ERR_clear_error();
    struct stamp stamps[FILES];
    look(tls, stamps);
    memcpy(tls->stamps, stamps, sizeof(stamps));
    SSL_CTX *context = make_context();
    int code = 0;
    if (!context)
        return lun_error_set(err, LUN_EMEMORY, "no memory for TLS");
    if (SSL_CTX_use_certificate_chain_file(context, tls->paths[CERTIFICATE]) !=
        1)
        code = fail("cannot use the certificate", tls->paths[CERTIFICATE], err);
    else if (SSL_CTX_use_PrivateKey_file(context, tls->paths[KEY],
                                         SSL_FILETYPE_PEM) != 1)
        code = fail("cannot use the key", tls->paths[KEY], err);
    else if (SSL_CTX_check_private_key(context) != 1)
        code = fail("the certificate does not belong to the key",
                    tls->paths[KEY], err);
    if (code) {
        SSL_CTX_free(context);
        return code;
    }
    SSL_CTX_free(tls->context);
    tls->context = context;
    return 0;
}

int lun_net_tls_open(const char *certificate, const char *key,
                     struct lun_net_tls **out, struct lun_err *err)
{
    struct lun_net_tls *tls = calloc(1, sizeof(*tls));
    if (tls) {
        tls->paths[CERTIFICATE] = strdup(certificate);
        tls->paths[KEY] = strdup(key);
    }
    if (!tls || !tls->paths[CERTIFICATE] || !tls->paths[KEY]) {
        lun_net_tls_close(tls);
        return lun_error_set(err, LUN_EMEMORY, "no memory for TLS");
    }
    tls->checked_ns = lun_clock_monotonic_ns();
    int code = load(tls, err);
    if (code) {
        lun_net_tls_close(tls);
        return code;
    }
    *out = tls;
    return 0;
}

void lun_net_tls_close(struct lun_net_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    for (int i = 0; i < FILES; i++)
        free(tls->paths[i]);
    free(tls);
}

/* Changes are seen in either file; two files that do not belong together yet
 * are tried again when the second one changes. */
void lun_net_tls_renew(struct lun_net_tls *tls)
{
    struct stamp stamps[FILES];
    struct lun_err err;
    tls->checked_ns = lun_clock_monotonic_ns();
    look(tls, stamps);
    if (memcmp(stamps, tls->stamps, sizeof(stamps)) == 0)
        return;
    if (load(tls, &err))
        lun_log_printf(LUN_LOG_ERROR,
                       "%s; the certificate read before goes on serving",
                       err.message);
    else
        lun_log_printf(LUN_LOG_INFO, "serves the new certificate '%s'",
                       tls->paths[CERTIFICATE]);
}

SSL *lun_net_tls_accept(struct lun_net_tls *tls)
{
    if (lun_clock_monotonic_ns() - tls->checked_ns >= CHECK_NS)
        lun_net_tls_renew(tls);
    SSL *ssl = SSL_new(tls->context);
    if (ssl)
        SSL_set_accept_state(ssl);
    return ssl;
}
