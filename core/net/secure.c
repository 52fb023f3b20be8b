/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/secure.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/tls.h"
#include "core/telemetry/log.h"

/* Plaintext encrypted at once, so that an answer is never held twice. */
#define SLICE ((size_t)131072)
/* Ciphertext that the peer makes us write without reading it (key updates). */
#define OUT_MAX (SLICE * 4)

/* The ciphertext side of OpenSSL: reads from `in`, appends to `out`. */

static int read_in(BIO *bio, char *to, int size)
{
    struct lun_net_secure *secure = BIO_get_data(bio);
    size_t len = secure->in_len < (size_t)size ? secure->in_len : (size_t)size;
    BIO_clear_retry_flags(bio);
    if (!len) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(to, secure->in, len);
    secure->in += len;
    secure->in_len -= len;
    return (int)len;
}

static int write_out(BIO *bio, const char *from, int len)
{
    struct lun_net_secure *secure = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (secure->out.len > OUT_MAX)
        return -1;
    lun_buf_push(&secure->out, from, (size_t)len);
    return secure->out.failed ? -1 : len;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* Made once and kept: a process has one thread that opens connections. */
static BIO_METHOD *method(void)
{
    static BIO_METHOD *made;
    if (!made) {
        made =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lunette");
        if (made) {
            (void)BIO_meth_set_read(made, read_in);
            (void)BIO_meth_set_write(made, write_out);
            (void)BIO_meth_set_ctrl(made, control);
        }
    }
    return made;
}

struct lun_net_secure *lun_net_secure_open(struct lun_net_tls *tls)
{
    struct lun_net_secure *secure = calloc(1, sizeof(*secure));
    BIO *bio = method() ? BIO_new(method()) : NULL;
    SSL *ssl = secure && bio ? lun_net_tls_accept(tls) : NULL;
    if (!ssl) {
        (void)BIO_free(bio);
        free(secure);
        return NULL;
    }
    secure->ssl = ssl;
    lun_buf_init(&secure->out);
    lun_buf_init(&secure->flight);
    BIO_set_data(bio, secure);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return secure;
}

void lun_net_secure_close(struct lun_net_secure *secure)
{
    if (!secure)
        return;
    SSL_free(secure->ssl);
    lun_buf_release(&secure->out);
    lun_buf_release(&secure->flight);
    free(secure);
}

/* Reading */

void lun_net_secure_feed(struct lun_net_secure *secure, const char *data,
                         size_t len)
{
    secure->in = data;
    secure->in_len = len;
}

/* A browser sent to the right port with the wrong scheme gets an answer that it
 * can show. */
static void answer_plain(struct lun_net_secure *secure)
{
    static const char text[] = "this port speaks https only\n";
    lun_buf_clear(&secure->out);
    lun_buf_printf(&secure->out,
                   "HTTP/1.1 400 Bad Request\r\n"
                   "content-type: text/plain\r\n"
                   "content-length: %zu\r\n"
                   "connection: close\r\n\r\n%s",
                   sizeof(text) - 1, text);
}

static enum lun_net_secure_state failed(struct lun_net_secure *secure)
{
    unsigned long code = ERR_peek_error();
    const char *why = ERR_reason_error_string(code);
    if (ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST &&
        !SSL_is_init_finished(secure->ssl))
        answer_plain(secure);
    lun_log_printf(LUN_LOG_DEBUG, "a TLS connection failed: %s",
                   why ? why : "it was cut");
    ERR_clear_error();
    return LUN_NET_SECURE_FAILED;
}

enum lun_net_secure_state lun_net_secure_read(struct lun_net_secure *secure,
                                              char *plain, size_t size,
                                              size_t *len)
{
    ERR_clear_error();
    if (SSL_read_ex(secure->ssl, plain, size, len) == 1)
        return LUN_NET_SECURE_DATA;
    switch (SSL_get_error(secure->ssl, 0)) {
    case SSL_ERROR_WANT_READ:
        return secure->out.failed ? LUN_NET_SECURE_FAILED : LUN_NET_SECURE_MORE;
    case SSL_ERROR_ZERO_RETURN:
        return LUN_NET_SECURE_END;
    default:
        return failed(secure);
    }
}

/* Writing */

bool lun_net_secure_take(struct lun_net_secure *secure, const uv_buf_t *bufs,
                         unsigned count)
{
    if (count > LUN_NET_SECURE_BUFS || !SSL_is_init_finished(secure->ssl))
        return false;
    memcpy(secure->plain, bufs, count * sizeof(*bufs));
    secure->plain_at = 0;
    secure->plain_count = count;
    return true;
}

bool lun_net_secure_encrypt(struct lun_net_secure *secure)
{
    ERR_clear_error();
    while (secure->plain_at < secure->plain_count && secure->out.len < SLICE) {
        uv_buf_t *buf = &secure->plain[secure->plain_at];
        size_t len = buf->len < SLICE ? buf->len : SLICE;
        size_t done = 0;
        if (len && SSL_write_ex(secure->ssl, buf->base, len, &done) != 1)
            return false;
        buf->base += done;
        buf->len -= done;
        if (!buf->len)
            secure->plain_at++;
    }
    return !secure->out.failed;
}

size_t lun_net_secure_left(const struct lun_net_secure *secure)
{
    size_t left = 0;
    for (unsigned i = secure->plain_at; i < secure->plain_count; i++)
        left += secure->plain[i].len;
    return left;
}

void lun_net_secure_finish(struct lun_net_secure *secure)
{
    ERR_clear_error();
    if (SSL_is_init_finished(secure->ssl))
        (void)SSL_shutdown(secure->ssl);
    secure->finishing = true;
}

const char *lun_net_secure_protocol(const struct lun_net_secure *secure)
{
    const unsigned char *name;
    unsigned len;
    SSL_get0_alpn_selected(secure->ssl, &name, &len);
    if (len == 2 && memcmp(name, "h2", 2) == 0)
        return "h2";
    return len == 8 && memcmp(name, "http/1.1", 8) == 0 ? "http/1.1" : "";
}
