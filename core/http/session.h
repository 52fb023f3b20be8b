/*
 * core/http/session.h - the HTTP/2 side of one connection.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Framing, header compression and flow control are nghttp2's. A stream is an
 * exchange, from its header block until nghttp2 forgets it. Frames are made
 * when the connection can send them, so what waits is only the answers
 * themselves. Nothing here frees the session while nghttp2 is at work: failures
 * end the connection at its next flush.
 */
#pragma once

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/http/guard.h"

struct lun_http_conn;
struct lun_http_exchange;
struct lun_http_response;

/* What every client begins with. */
#define LUN_HTTP_SESSION_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum lun_http_farewell {
    LUN_HTTP_FAREWELL_NONE,
    LUN_HTTP_FAREWELL_NOTICE, /* announced; requests on their way are taken */
    LUN_HTTP_FAREWELL_SAID    /* no further stream is taken */
};

struct lun_http_session {
    struct lun_http_conn *conn;
    nghttp2_session *nghttp2;
    struct lun_http_exchange *first, *last; /* streams, oldest first */
    struct lun_http_guard guard;
    struct lun_buf out; /* frames of the send under way */
    size_t backlog;     /* bytes of answers that are not in frames yet */
    size_t moved;       /* bytes of answers put into frames, ever */
    size_t stall_mark;  /* `moved` at the last progress */
    uint64_t stall_since;
    unsigned waiting; /* whole requests held back by the backlog */
    enum lun_http_farewell farewell;
    bool ended;   /* reads no further frame */
    bool starved; /* nghttp2 did not get the memory it asked for */
};

/* Opens one for `conn`, which owns it; NULL when memory ran out. */
struct lun_http_session *lun_http_session_open(struct lun_http_conn *conn);
/* Drops all streams: handlers learn of it as said in core/http/server.h. */
void lun_http_session_close(struct lun_http_session *session);

/* Reads bytes of the peer, the preface first. */
void lun_http_session_feed(struct lun_http_session *session, const char *data,
                           size_t len);
/* The peer will send no more, but may still read. */
void lun_http_session_feed_end(struct lun_http_session *session);
/* Puts frames into `out` (empty before), some 100 KiB at most; false when the
 * connection must be aborted. */
bool lun_http_session_fill(struct lun_http_session *session);
/* `out` has left. Hands requests over that had to wait; true when there is more
 * to send. */
bool lun_http_session_sent(struct lun_http_session *session);
/* Nothing will be read or sent any more. */
bool lun_http_session_is_over(const struct lun_http_session *session);

/* Ends what has taken too long and says farewell when the server drains; false
 * when the connection must be aborted. */
bool lun_http_session_sweep(struct lun_http_session *session, uint64_t now);
/* Says farewell at once, for a connection that was idle too long. */
void lun_http_session_end(struct lun_http_session *session);
/* The answer of one stream. */
void lun_http_session_answer(struct lun_http_session *session,
                             struct lun_http_exchange *exchange,
                             const struct lun_http_response *response);
