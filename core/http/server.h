/*
 * core/http/server.h - serves HTTP/1.1 and HTTP/2 on a listening socket.
 * SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2 is spoken with clients that begin with its preface (RFC 9113, 3.3) or
 * chose it by ALPN; the same limits hold for its streams. Framing is strict
 * (RFC 9112): whatever two parsers could read differently is refused and the
 * connection closed. Every size, count and time is limited. Runs on one loop; a
 * request is answered any time later on the same loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

struct lun_err;
struct lun_net_tls;
struct lun_http_server; /* opaque */

struct lun_http_header {
    const char *name; /* lower case */
    const char *value;
};

enum lun_http_method {
    LUN_HTTP_GET,
    LUN_HTTP_HEAD,
    LUN_HTTP_POST,
    LUN_HTTP_OPTIONS,
    LUN_HTTP_OTHER
};

/* One request; lives until it was answered or its connection is gone. */
struct lun_http_request {
    enum lun_http_method method;
    const char *method_text;
    const char *path;  /* absolute path without query, percent-decoding not
                          applied; NUL-terminated */
    const char *query; /* after '?', raw; "" when there is none */
    const struct lun_http_header *headers;
    size_t header_count;
    const char *body; /* NUL-terminated after body_len */
    size_t body_len;
    const char *peer;        /* address of the client */
    uint64_t started_ns;     /* monotonic, when its first byte came */
    bool secure;             /* came over TLS */
    struct lun_arena *arena; /* lives as long as the request */
    void *user;              /* the handler's own */
    /* Called once when the connection went before the answer, so that work
     * under way can be cancelled; the request is gone after it. When NULL the
     * request stays valid (without `peer`) until it is answered, and the answer
     * goes nowhere. A client that only stopped sending (half-close) still gets
     * its answer. */
    void (*on_abort)(struct lun_http_request *request);
    /* With on_abort NULL: called once when the connection went before the
     * answer. The request stays valid and must be answered as ever, also from
     * within the call. May be NULL. */
    void (*on_gone)(struct lun_http_request *request);
};

/* Called when a whole request is there. Must lead to one lun_http_respond. */
typedef void (*lun_http_handler_cb)(struct lun_http_request *request,
                                    void *context);

/* Sizes in bytes, times in milliseconds; 0 takes the default. */
struct lun_http_limits {
    size_t request_line;  /* 8 KiB */
    size_t header_bytes;  /* 16 KiB, all header fields */
    size_t header_count;  /* 100 */
    size_t body_bytes;    /* 1 MiB */
    unsigned connections; /* 10000 */
    unsigned pipelined;   /* 64 requests waiting on one connection */
    unsigned streams;     /* 128 at once on one HTTP/2 connection */
    size_t write_backlog; /* 4 MiB waiting to be read by a slow client */
    unsigned header_ms;   /* 10000: from first byte to end of headers */
    unsigned body_ms;     /* 30000 */
    unsigned idle_ms;     /* 75000: keep-alive */
    unsigned write_ms;    /* 30000: no progress (64 KiB) while sending */
    size_t held_bytes;    /* 128 MiB: bodies and answers of all connections;
                             from half of it slow readers are cut sooner */
};

struct lun_http_config {
    int fd; /* bound, listening socket; owned by the server, and
               closed when opening fails */
    struct lun_net_tls *tls; /* NULL: plain TCP; outlives the server */
    struct lun_http_limits limits;
    lun_http_handler_cb handler;
    void *context;
    /* Bytes for the answers that the server gives itself (400, 408, 413, ...)
     * as a JSON body, by status and short reason; NULL gives plain text. */
    void (*error_body)(void *context, int status, const char *reason,
                       struct lun_buf *out);
    /* Headers for the same answers (at most 8 are taken); may be NULL. They
     * must stay until the next call. */
    size_t (*error_headers)(void *context, const struct lun_http_header **out);
};

/* Accepts on `loop`; the caller's until lun_http_server_drain. Returns 0 or a
 * LUN_E code. Ignores SIGPIPE, unless the process handles it, since libuv
 * writes to connections that may be gone. */
int lun_http_server_open(uv_loop_t *loop, const struct lun_http_config *config,
                         struct lun_http_server **out, struct lun_err *err);

/* Stops to accept, answers what has begun (with "Connection: close"), then
 * closes; `closed` is called when the last connection is gone or after
 * `grace_ms`, never before this returns. Idle connections get a moment (at most
 * 500 ms, a quarter of the grace) in which a request already on its way is
 * still answered. The server is freed before `closed`. Once only. */
void lun_http_server_drain(struct lun_http_server *server, unsigned grace_ms,
                           void (*closed)(void *context), void *context);

/* The same for a server whose successor accepts on the same socket: nobody
 * waits for its end, so idle connections get half of the grace. */
void lun_http_server_retire(struct lun_http_server *server, unsigned grace_ms,
                            void (*closed)(void *context), void *context);

/* Open connections and requests under way. */
void lun_http_server_stats(const struct lun_http_server *server,
                           unsigned *connections, unsigned *requests);

/* The value of header `name` (lower case), or NULL. */
const char *lun_http_header_get(const struct lun_http_request *request,
                                const char *name);

/*
 * Answers. `headers` are added to Content-Length, Date and Connection; the body
 * is copied. The request must not be used afterwards. HEAD sends no body. The
 * bytes leave at the end of the loop turn, in the order of the requests.
 */
void lun_http_respond(struct lun_http_request *request, int status,
                      const struct lun_http_header *headers,
                      size_t header_count, const char *body, size_t body_len);
