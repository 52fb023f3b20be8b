/*
 * core/net/tls.h - a certificate with its key, and what is spoken with them.
 * SPDX-License-Identifier: Apache-2.0
 *
 * TLS 1.2 with forward secrecy and TLS 1.3, by OpenSSL; ALPN offers h2, then
 * http/1.1. The files are looked at again when a connection comes, at most once
 * a second: new ones serve new connections, and those that exist go on with
 * what they began with. Files that cannot be used leave the old ones serving,
 * which is logged.
 */
#pragma once

#include <openssl/types.h>

struct lun_err;
struct lun_net_tls; /* opaque */

/* Reads a certificate chain and a key in PEM form (one file may hold both). The
 * error names the file: LUN_ECONFIG, LUN_EMEMORY. */
int lun_net_tls_open(const char *certificate, const char *key,
                     struct lun_net_tls **out, struct lun_err *err);
/* Connections may outlive it. NULL is fine. */
void lun_net_tls_close(struct lun_net_tls *tls);

/* Looks at the files now. */
void lun_net_tls_renew(struct lun_net_tls *tls);
/* The server's end of one more connection, the caller's; NULL when memory ran
 * out. */
SSL *lun_net_tls_accept(struct lun_net_tls *tls);
