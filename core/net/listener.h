/*
 * core/net/listener.h - bound TCP sockets, made before the workers exist.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The supervisor opens one socket per worker slot with SO_REUSEPORT and hands
 * each down, so that a worker's successor takes over what waits in its queue.
 * These calls block on name resolution only; no loop is needed.
 */
#pragma once

struct lun_err;

/*
 * Binds `host`:`port` (a name or a numeric address; 0 picks a free port) and
 * listens. `*out_fd` is the caller's, close-on-exec and non-blocking;
 * `*out_port` (may be NULL) is the port it got. Several calls for one port
 * share it. Returns 0, LUN_ECONFIG (host or port make no sense) or LUN_EIO.
 */
int lun_net_listener_bind(const char *host, int port, int *out_fd,
                          int *out_port, struct lun_err *err);

/*
 * SO_REUSEPORT would let a second server of the same user share a port without
 * a word. This says LUN_EIO with "address already in use" when somebody
 * listens there; to be asked once, before the first bind.
 */
int lun_net_listener_probe(const char *host, int port, struct lun_err *err);
