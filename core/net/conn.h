/*
 * core/net/conn.h - one accepted TCP connection on a libuv loop.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Reads into a buffer that all connections of a loop share, so an idle one
 * costs only its struct; what the receiver keeps, it copies. Writes at once
 * what the kernel takes and leaves the rest to libuv, one send at a time.
 * No callback runs inside a call of this file, save on_data inside libuv.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct lun_net_conn;
struct lun_net_secure;
struct lun_net_tls;

/* Room for the address of a peer and a NUL. */
#define LUN_NET_CONN_PEER 46

struct lun_net_conn_events {
    /* Bytes that came; `data` is valid during the call only. */
    void (*on_data)(struct lun_net_conn *conn, char *data, size_t len);
    /* The peer will send no more: `status` 0 after an orderly end (it may still
     * read), else a libuv error. */
    void (*on_end)(struct lun_net_conn *conn, int status);
    /* What lun_net_conn_send left over is gone: 0 or a libuv error. */
    void (*on_sent)(struct lun_net_conn *conn, int status);
    /* The last call; the memory may go now. */
    void (*on_closed)(struct lun_net_conn *conn);
};

/* Shared by the connections of one loop. */
struct lun_net_scratch {
    char data[65536];
    char plain[16384]; /* of one TLS record */
};

/* Embedded in the owner's struct; stays where it is until on_closed. */
struct lun_net_conn {
    uv_tcp_t tcp;
    uv_write_t write;
    const struct lun_net_conn_events *events;
    struct lun_net_scratch *scratch;
    struct lun_net_secure *secure; /* NULL: plain TCP */
    bool reading;
    bool sending; /* a send is not finished */
    bool ended;   /* on_end was called */
};

/* Accepts what waits on `listener` and reads. On failure (a libuv error)
 * nothing is open, and on_closed comes all the same. */
int lun_net_conn_accept(struct lun_net_conn *conn, uv_stream_t *listener,
                        const struct lun_net_conn_events *events,
                        struct lun_net_scratch *scratch);
/* From now on all bytes go through TLS; before the first were read. False when
 * memory ran out. */
bool lun_net_conn_secure(struct lun_net_conn *conn, struct lun_net_tls *tls);
/* What ALPN has chosen, once there is data: "h2", "http/1.1", "" when the
 * client did not ask; NULL for plain TCP. */
const char *lun_net_conn_protocol(const struct lun_net_conn *conn);
/* The peer's numeric address, "" when it has gone. */
void lun_net_conn_peer(struct lun_net_conn *conn, char out[LUN_NET_CONN_PEER]);

/* Back-pressure: stops and goes on reading. */
void lun_net_conn_pause(struct lun_net_conn *conn);
void lun_net_conn_resume(struct lun_net_conn *conn);

/*
 * Sends `count` buffers (at most 64); only when not `sending`. Returns 0 when
 * all is out, 1 when the rest goes later (then the bytes stay until on_sent),
 * or a libuv error. Changes `bufs`.
 */
int lun_net_conn_send(struct lun_net_conn *conn, uv_buf_t *bufs,
                      unsigned count);
/* Bytes of the send under way that the kernel has not taken. */
size_t lun_net_conn_unsent(const struct lun_net_conn *conn);
/* Tells the peer that nothing more will come (FIN); reading goes on. */
void lun_net_conn_finish(struct lun_net_conn *conn);
/* Closes; once. A send under way is dropped without on_sent. */
void lun_net_conn_close(struct lun_net_conn *conn);
