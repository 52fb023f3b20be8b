/*
 * core/http/conn.h - the requests of one connection, answered in order.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/http/exchange.h"
#include "core/http/response.h"
#include "core/net/conn.h"

struct lun_http_server;
struct lun_http_session;

/* What the connection waits for, hence which deadline holds. */
enum lun_http_wait {
    LUN_HTTP_WAIT_NOTHING, /* not yet known */
    LUN_HTTP_WAIT_FIRST,   /* the first byte of its first request */
    LUN_HTTP_WAIT_HEAD,
    LUN_HTTP_WAIT_BODY,
    LUN_HTTP_WAIT_HANDLER, /* no deadline: the handler keeps its own */
    LUN_HTTP_WAIT_IDLE,
    LUN_HTTP_WAIT_END /* all is said; the peer should close */
};

struct lun_http_conn {
    struct lun_net_conn net; /* first */
    struct lun_http_server *server;
    struct lun_http_conn *next, *prev;
    struct lun_http_conn *next_dirty;
    struct lun_http_exchange *current; /* being read; not in the queue yet */
    struct lun_http_exchange *first, *last; /* in order of arrival */
    unsigned queued;
    unsigned in_flight;  /* of the queue's front: in the send under way */
    size_t backlog;      /* bytes of answers in the queue */
    struct lun_buf rest; /* read, but not parsed while the queue is full */
    struct lun_http_session *session; /* NULL: HTTP/1, has no queue then */
    unsigned char preface;            /* its bytes seen so far */
    bool known;                       /* which version is spoken */
    enum lun_http_wait wait;
    uint64_t deadline;   /* of `wait`, in the loop's milliseconds */
    uint64_t send_since; /* when the send under way last made progress */
    size_t send_mark;    /* unsent bytes at the last progress */
    bool dirty;          /* in the server's list */
    bool closing;        /* takes no further request */
    bool broken;         /* to be aborted at the next flush */
    bool closed;         /* libuv is about to let go of it */
    bool gone;           /* libuv has; freed once it is not dirty */
    char peer[LUN_NET_CONN_PEER];
};

/* Accepts what waits. 0, or a libuv error when no memory was there to do it;
 * then the connection still waits. */
int lun_http_conn_open(struct lun_http_server *server);
/* Sends the answers that are due. */
void lun_http_conn_flush(struct lun_http_conn *conn);
/* Ends what has taken too long. `now` is the loop's time. */
void lun_http_conn_sweep(struct lun_http_conn *conn, uint64_t now);
/* Ends it now. */
void lun_http_conn_abort(struct lun_http_conn *conn);
/* There is something to send, or to end, at the end of this loop turn. */
void lun_http_conn_wake(struct lun_http_conn *conn);
/* Answers with an error of the server's own, in a form that the configuration
 * gives. */
void lun_http_conn_refuse(struct lun_http_exchange *exchange, int status,
                          const char *reason);
