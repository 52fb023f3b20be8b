/*
 * core/net/secure.h - TLS between the socket and the bytes of a connection.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Does no input or output itself: core/net/conn.c brings ciphertext and takes
 * it away.
 */
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "core/base/buf.h"

struct lun_net_tls;

/* Buffers of one send. */
#define LUN_NET_SECURE_BUFS 64

enum lun_net_secure_state {
    LUN_NET_SECURE_MORE,   /* wants more ciphertext */
    LUN_NET_SECURE_DATA,   /* there was plaintext */
    LUN_NET_SECURE_END,    /* the peer ends orderly */
    LUN_NET_SECURE_FAILED, /* `out` may hold a last word for the peer */
};

struct lun_net_secure {
    SSL *ssl;
    const char *in; /* ciphertext being read */
    size_t in_len;
    struct lun_buf out;                  /* ciphertext to be sent */
    struct lun_buf flight;               /* ciphertext that is being sent */
    uv_buf_t plain[LUN_NET_SECURE_BUFS]; /* to be encrypted */
    unsigned plain_at, plain_count;
    bool writing;   /* `flight` is with libuv */
    bool finishing; /* FIN, when all is sent */
};

/* NULL when memory ran out. */
struct lun_net_secure *lun_net_secure_open(struct lun_net_tls *tls);
void lun_net_secure_close(struct lun_net_secure *secure);

/* Ciphertext from the peer; to be followed by reads until MORE. `data` must
 * stay until then. */
void lun_net_secure_feed(struct lun_net_secure *secure, const char *data,
                         size_t len);
enum lun_net_secure_state lun_net_secure_read(struct lun_net_secure *secure,
                                              char *plain, size_t size,
                                              size_t *len);

/* Takes the buffers of a send, at most LUN_NET_SECURE_BUFS; they stay the
 * caller's. False before the handshake is done. */
bool lun_net_secure_take(struct lun_net_secure *secure, const uv_buf_t *bufs,
                         unsigned count);
/* Encrypts some of what was taken; false when that failed. */
bool lun_net_secure_encrypt(struct lun_net_secure *secure);
/* Bytes taken that are not encrypted yet. */
size_t lun_net_secure_left(const struct lun_net_secure *secure);
/* Adds the word that no more will come. */
void lun_net_secure_finish(struct lun_net_secure *secure);
/* What ALPN has chosen: "h2", "http/1.1", or "" for a client without it. */
const char *lun_net_secure_protocol(const struct lun_net_secure *secure);
