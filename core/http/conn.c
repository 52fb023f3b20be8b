/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/http/service.h"
#include "core/http/session.h"

/* Answers that leave in one system call. */
#define BATCH 64
/* How long the peer may take to notice the end of the connection. Closing at
 * once, with bytes of its still unread, would make the kernel reset it and the
 * last answer might be lost. */
#define END_MS 2000
/* Bytes that must leave within write_ms. */
#define PROGRESS ((size_t)65536)
/* In place of write_ms when much memory is held. */
#define PRESSED_MS 2000
#define ERROR_HEADERS 8

static void consume(struct lun_http_conn *conn, const char *data, size_t len);

static void noop(uv_idle_t *idle)
{
    (void)idle;
}

void lun_http_conn_wake(struct lun_http_conn *conn)
{
    struct lun_http_server *server = conn->server;
    if (conn->dirty || conn->closed)
        return;
    conn->dirty = true;
    conn->next_dirty = server->dirty;
    if (!server->dirty)
        (void)uv_idle_start(&server->idle, noop);
    server->dirty = conn;
}

static void mark_broken(struct lun_http_conn *conn)
{
    conn->broken = true;
    conn->closing = true;
    lun_http_conn_wake(conn);
}

static void free_conn(struct lun_http_conn *conn)
{
    struct lun_http_server *server = conn->server;
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        server->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    lun_buf_release(&conn->rest);
    free(conn);
    lun_http_service_forget(server);
}

static bool is_full(const struct lun_http_conn *conn)
{
    const struct lun_http_limits *limits = &conn->server->config.limits;
    return conn->queued >= limits->pipelined ||
           conn->backlog > limits->write_backlog;
}

/* Deadlines */

static void set_wait(struct lun_http_conn *conn, enum lun_http_wait wait,
                     unsigned ms)
{
    if (conn->wait == wait)
        return;
    conn->wait = wait;
    conn->deadline = uv_now(conn->server->loop) + ms;
}

static void update_wait(struct lun_http_conn *conn)
{
    const struct lun_http_limits *limits = &conn->server->config.limits;
    if (conn->wait == LUN_HTTP_WAIT_END)
        return;
    if (conn->session) {
        if (conn->session->first)
            set_wait(conn, LUN_HTTP_WAIT_HANDLER, 0);
        else if (conn->wait != LUN_HTTP_WAIT_FIRST)
            set_wait(conn, LUN_HTTP_WAIT_IDLE, limits->idle_ms);
    } else if (conn->current) {
        if (lun_http_parser_phase(&conn->current->parser) ==
            LUN_HTTP_PHASE_BODY)
            set_wait(conn, LUN_HTTP_WAIT_BODY, limits->body_ms);
        else
            set_wait(conn, LUN_HTTP_WAIT_HEAD, limits->header_ms);
    } else if (conn->first) {
        set_wait(conn, LUN_HTTP_WAIT_HANDLER, 0);
    } else if (conn->wait != LUN_HTTP_WAIT_FIRST) {
        set_wait(conn, LUN_HTTP_WAIT_IDLE, limits->idle_ms);
    }
}

/* The queue */

static void append(struct lun_http_conn *conn,
                   struct lun_http_exchange *exchange)
{
    if (conn->last)
        conn->last->next = exchange;
    else
        conn->first = exchange;
    conn->last = exchange;
    conn->queued++;
}

static struct lun_http_exchange *take_first(struct lun_http_conn *conn)
{
    struct lun_http_exchange *exchange = conn->first;
    conn->first = exchange->next;
    if (!conn->first)
        conn->last = NULL;
    conn->queued--;
    conn->backlog -= exchange->answer.len;
    return exchange;
}

static void drop_queue(struct lun_http_conn *conn)
{
    while (conn->first) {
        struct lun_http_exchange *exchange = take_first(conn);
        if (!exchange->answered) {
            conn->server->request_count--;
            if (!exchange->request.on_abort) {
                lun_http_exchange_orphan(exchange);
                continue;
            }
            exchange->request.on_abort(&exchange->request);
        }
        lun_http_exchange_give(exchange);
    }
    if (conn->current)
        lun_http_exchange_give(conn->current);
    conn->current = NULL;
    if (conn->session)
        lun_http_session_close(conn->session);
    conn->session = NULL;
}

/* Ends */

void lun_http_conn_abort(struct lun_http_conn *conn)
{
    if (conn->closed)
        return;
    conn->closed = true;
    conn->closing = true;
    lun_net_conn_close(&conn->net);
    drop_queue(conn);
}

/* All answers are out and no request will follow. */
static void end(struct lun_http_conn *conn)
{
    if (conn->net.ended) {
        lun_http_conn_abort(conn);
        return;
    }
    lun_net_conn_finish(&conn->net);
    lun_net_conn_resume(&conn->net);
    set_wait(conn, LUN_HTTP_WAIT_END, END_MS);
}

/* Answers */

static void write_answer(struct lun_http_exchange *exchange,
                         struct lun_http_response *response)
{
    struct lun_http_conn *conn = exchange->conn;
    response->head_only = exchange->parser.method == LUN_HTTP_HEAD;
    if (conn->session) {
        lun_http_session_answer(conn->session, exchange, response);
        return;
    }
    const struct lun_http_parser *parser = &exchange->parser;
    if (conn->server->draining && exchange == conn->last && !conn->current &&
        !conn->rest.len)
        conn->closing = true;
    if (conn->closing && exchange == conn->last)
        response->connection = LUN_HTTP_CONNECTION_CLOSE;
    else if (parser->is_http10)
        response->connection = LUN_HTTP_CONNECTION_KEEP;
    lun_http_response_write(response, lun_http_service_date(conn->server),
                            &exchange->answer);
    exchange->answered = true;
    conn->backlog += exchange->answer.len;
    (void)lun_http_exchange_charge(exchange);
    if (exchange->answer.failed)
        mark_broken(conn);
    lun_http_conn_wake(conn);
}


void lun_http_respond(struct lun_http_request *request, int status,
                      const struct lun_http_header *headers,
                      size_t header_count, const char *body, size_t body_len)
{
    struct lun_http_exchange *exchange = (struct lun_http_exchange *)request;
    struct lun_http_response response = {.status = status,
                                         .headers = headers,
                                         .header_count = header_count,
                                         .body = body,
                                         .body_len = body_len};
    if (!exchange->conn) {
        lun_http_exchange_bury(exchange);
        return;
    }
    assert(!exchange->answered);
    exchange->conn->server->request_count--;
    write_answer(exchange, &response);
}

void lun_http_conn_refuse(struct lun_http_exchange *exchange, int status,
                          const char *reason)
{
    const struct lun_http_config *config = &exchange->conn->server->config;
    const struct lun_http_header *extra = NULL;
    size_t count = config->error_headers
                       ? config->error_headers(config->context, &extra)
                       : 0;
    struct lun_http_header headers[2 + ERROR_HEADERS] = {
        {"content-type",
         config->error_body ? "application/json" : "text/plain"}};
    struct lun_http_response response = {
        .status = status, .headers = headers, .header_count = 1};
    for (size_t i = 0; i < count && i < ERROR_HEADERS; i++)
        headers[response.header_count++] = extra[i];
    struct lun_buf body;
    lun_buf_init(&body);
    if (config->error_body)
        config->error_body(config->context, status, reason, &body);
    else
        lun_buf_printf(&body, "%s\n", reason);
    if (status == 405 || status == 503)
        headers[response.header_count++] =
            status == 405
                ? (struct lun_http_header){"allow", "GET, HEAD, POST, OPTIONS"}
                : (struct lun_http_header){"retry-after", "1"};
    response.body = body.data;
    response.body_len = body.failed ? 0 : body.len;
    write_answer(exchange, &response);
    lun_buf_release(&body);
}

static bool begin(struct lun_http_conn *conn)
{
    conn->current = lun_http_exchange_take(&conn->server->pool, conn);
    if (!conn->current) {
        mark_broken(conn);
        return false;
    }
    conn->current->request.started_ns = lun_clock_monotonic_ns();
    return true;
}

/* What is being read gets an error, behind the answers still due. */
static void refuse(struct lun_http_conn *conn, int status, const char *reason)
{
    if (!conn->current && !begin(conn))
        return;
    struct lun_http_exchange *exchange = conn->current;
    conn->current = NULL;
    conn->closing = true;
    append(conn, exchange);
    lun_http_conn_refuse(exchange, status, reason);
}

/* Requests */

static void dispatch(struct lun_http_conn *conn)
{
    struct lun_http_exchange *exchange = conn->current;
    struct lun_http_request *request = &exchange->request;
    const struct lun_http_config *config = &conn->server->config;
    if (!lun_http_parser_request(&exchange->parser, &exchange->arena,
                                 request)) {
        refuse(conn, 503, "out of memory");
        return;
    }
    conn->current = NULL;
    conn->wait = LUN_HTTP_WAIT_NOTHING;
    conn->closing |= !exchange->parser.keep_alive;
    append(conn, exchange);
    request->peer = conn->peer;
    request->secure = conn->net.secure != NULL;
    request->arena = &exchange->arena;
    request->user = NULL;
    request->on_abort = NULL;
    request->on_gone = NULL;
    conn->server->request_count++;
    config->handler(request, config->context);
}

static void look(struct lun_http_conn *conn)
{
    const struct lun_http_parser *parser = &conn->current->parser;
    enum lun_http_parser_phase phase = lun_http_parser_phase(parser);
    if (phase == LUN_HTTP_PHASE_BAD)
        refuse(conn, parser->status, parser->reason);
    else if (!lun_http_exchange_charge(conn->current))
        refuse(conn, 503, "too much under way");
    else if (phase == LUN_HTTP_PHASE_DONE)
        dispatch(conn);
    else if (phase == LUN_HTTP_PHASE_BODY && parser->expects_continue)
        lun_http_conn_wake(conn);
}

static void stash(struct lun_http_conn *conn, const char *data, size_t len)
{
    lun_net_conn_pause(&conn->net);
    lun_buf_push(&conn->rest, data, len);
    if (conn->rest.failed)
        mark_broken(conn);
}

/* HTTP/1: reads requests as long as there is room for them. */
static void consume(struct lun_http_conn *conn, const char *data, size_t len)
{
    while (len > 0 && !conn->closing) {
        if (!conn->current && is_full(conn)) {
            stash(conn, data, len);
            break;
        }
        if (!conn->current && !begin(conn))
            break;
        size_t used = lun_http_parser_feed(&conn->current->parser, data, len);
        data += used;
        len -= used;
        look(conn);
    }
    update_wait(conn);
}

/* Which version */

static const char preface[] = LUN_HTTP_SESSION_PREFACE;
#define PREFACE_LEN (sizeof(preface) - 1)

static void open_session(struct lun_http_conn *conn)
{
    conn->known = true;
    conn->session = lun_http_session_open(conn);
    if (conn->session)
        lun_http_session_feed(conn->session, preface, PREFACE_LEN);
    else
        mark_broken(conn);
}

/* What begins otherwise than HTTP/2 is HTTP/1, from the first byte on; unless
 * HTTP/2 was agreed on. */
static void take_other(struct lun_http_conn *conn, bool agreed)
{
    conn->known = true;
    if (agreed)
        mark_broken(conn);
    else if (conn->preface)
        consume(conn, preface, conn->preface);
}

/* Compares the first bytes with the preface of HTTP/2; returns how many of
 * `data` it took. Over TLS the version was agreed on before (RFC 9113, 3.2). */
static size_t tell_version(struct lun_http_conn *conn, const char *data,
                           size_t len)
{
    size_t at = 0;
    const char *protocol = lun_net_conn_protocol(&conn->net);
    bool agreed = protocol && strcmp(protocol, "h2") == 0;
    if (protocol && !agreed) {
        conn->known = true;
        return 0;
    }
    while (at < len && data[at] == preface[conn->preface]) {
        at++;
        if (++conn->preface == PREFACE_LEN) {
            open_session(conn);
            return at;
        }
    }
    if (at < len)
        take_other(conn, agreed);
    return at;
}

static void take(struct lun_http_conn *conn, const char *data, size_t len)
{
    if (!conn->known) {
        size_t used = tell_version(conn, data, len);
        data += used;
        len -= used;
    }
    if (!conn->session) {
        consume(conn, data, len);
    } else if (len && conn->wait != LUN_HTTP_WAIT_END) {
        lun_http_session_feed(conn->session, data, len);
        update_wait(conn);
    }
}

/* Sending */

static bool awaits_continue(const struct lun_http_conn *conn)
{
    const struct lun_http_exchange *current = conn->current;
    return current && current->parser.expects_continue && !current->continued &&
           lun_http_parser_phase(&current->parser) == LUN_HTTP_PHASE_BODY;
}

/* The queue has room again: goes on where reading stopped. */
static void go_on(struct lun_http_conn *conn)
{
    if (is_full(conn))
        return;
    if (conn->rest.len) {
        struct lun_buf rest = conn->rest;
        lun_buf_init(&conn->rest);
        consume(conn, rest.data, rest.len);
        lun_buf_release(&rest);
    }
    if (!conn->rest.len)
        lun_net_conn_resume(&conn->net);
}

static void sent(struct lun_http_conn *conn)
{
    for (; conn->in_flight; conn->in_flight--)
        lun_http_exchange_give(take_first(conn));
    if (!conn->net.reading)
        go_on(conn);
    if (conn->first ? conn->first->answered : awaits_continue(conn))
        lun_http_conn_wake(conn);
    if (!conn->first && (conn->closing || conn->net.ended))
        end(conn);
    update_wait(conn);
}

/* HTTP/2: all frames of `out` have left. */
static void sent_frames(struct lun_http_conn *conn)
{
    if (lun_http_session_sent(conn->session))
        lun_http_conn_wake(conn);
    else if (lun_http_session_is_over(conn->session))
        end(conn);
    update_wait(conn);
}

static void watch_send(struct lun_http_conn *conn)
{
    conn->send_mark = lun_net_conn_unsent(&conn->net);
    conn->send_since = uv_now(conn->server->loop);
}

static void send_continue(struct lun_http_conn *conn)
{
    static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct lun_http_exchange *current = conn->current;
    if (!awaits_continue(conn))
        return;
    current->continued = true;
    /* A client that began with the body does not wait for it. */
    if (current->parser.body.len)
        return;
    uv_buf_t buf = uv_buf_init(text, sizeof(text) - 1);
    int code = lun_net_conn_send(&conn->net, &buf, 1);
    if (code < 0)
        lun_http_conn_abort(conn);
    else if (code)
        watch_send(conn);
}

static void send_answers(struct lun_http_conn *conn)
{
    uv_buf_t bufs[BATCH];
    unsigned count = 0;
    for (struct lun_http_exchange *at = conn->first;
         at && at->answered && count < BATCH; at = at->next)
        bufs[count++] = uv_buf_init(at->answer.data, (unsigned)at->answer.len);
    conn->in_flight = count;
    int code = lun_net_conn_send(&conn->net, bufs, count);
    if (code < 0)
        lun_http_conn_abort(conn);
    else if (code == 0)
        sent(conn);
    else
        watch_send(conn);
}

static void send_frames(struct lun_http_conn *conn)
{
    struct lun_http_session *session = conn->session;
    if (conn->wait == LUN_HTTP_WAIT_END)
        return;
    if (!lun_http_session_fill(session)) {
        lun_http_conn_abort(conn);
        return;
    }
    uv_buf_t buf = uv_buf_init(session->out.data, (unsigned)session->out.len);
    int code = buf.len ? lun_net_conn_send(&conn->net, &buf, 1) : 0;
    if (code < 0)
        lun_http_conn_abort(conn);
    else if (code == 0)
        sent_frames(conn);
    else
        watch_send(conn);
}

void lun_http_conn_flush(struct lun_http_conn *conn)
{
    conn->dirty = false;
    if (conn->gone)
        free_conn(conn);
    else if (conn->closed || conn->net.sending)
        return;
    else if (conn->broken)
        lun_http_conn_abort(conn);
    else if (conn->session)
        send_frames(conn);
    else if (conn->first && conn->first->answered)
        send_answers(conn);
    else if (!conn->first)
        send_continue(conn);
}

/* Time */

static void sweep_idle(struct lun_http_conn *conn, uint64_t now)
{
    const struct lun_http_server *server = conn->server;
    bool quiet = server->draining && now >= server->quiet_at;
    if (now < conn->deadline && !quiet)
        return;
    if (conn->session)
        lun_http_session_end(conn->session);
    else
        lun_http_conn_abort(conn);
}

static void sweep_wait(struct lun_http_conn *conn, uint64_t now)
{
    switch (conn->wait) {
    case LUN_HTTP_WAIT_HEAD:
        if (now >= conn->deadline)
            refuse(conn, 408, "headers took too long");
        break;
    case LUN_HTTP_WAIT_BODY:
        if (now >= conn->deadline)
            refuse(conn, 408, "body took too long");
        break;
    case LUN_HTTP_WAIT_FIRST:
    case LUN_HTTP_WAIT_IDLE:
        sweep_idle(conn, now);
        break;
    case LUN_HTTP_WAIT_END:
        if (now >= conn->deadline)
            lun_http_conn_abort(conn);
        break;
    case LUN_HTTP_WAIT_NOTHING:
    case LUN_HTTP_WAIT_HANDLER:
        break;
    }
}

/* True when a send has made too little progress for too long. */
static bool is_stuck(struct lun_http_conn *conn, uint64_t now)
{
    const struct lun_http_server *server = conn->server;
    const struct lun_http_limits *limits = &server->config.limits;
    if (!conn->net.sending)
        return false;
    if (conn->send_mark - lun_net_conn_unsent(&conn->net) >= PROGRESS)
        watch_send(conn);
    uint64_t patience = limits->write_ms;
    if (server->pool.held > limits->held_bytes / 2 && patience > PRESSED_MS)
        patience = PRESSED_MS;
    return now - conn->send_since >= patience;
}

void lun_http_conn_sweep(struct lun_http_conn *conn, uint64_t now)
{
    const struct lun_http_server *server = conn->server;
    if (conn->closed)
        return;
    if (server->draining && now >= server->abort_at) {
        lun_http_conn_abort(conn);
        return;
    }
    if (is_stuck(conn, now)) {
        lun_http_conn_abort(conn);
        return;
    }
    if (conn->session && !lun_http_session_sweep(conn->session, now)) {
        lun_http_conn_abort(conn);
        return;
    }
    sweep_wait(conn, now);
    update_wait(conn);
}

/* Events of the connection */

static void on_data(struct lun_net_conn *net, char *data, size_t len)
{
    take((struct lun_http_conn *)net, data, len);
}

static void on_end(struct lun_net_conn *net, int status)
{
    struct lun_http_conn *conn = (struct lun_http_conn *)net;
    bool busy = conn->session ? conn->session->first != NULL
                              : conn->first != NULL;
    if (status || conn->wait == LUN_HTTP_WAIT_END || !busy) {
        lun_http_conn_abort(conn);
        return;
    }
    if (conn->session) {
        lun_http_session_feed_end(conn->session);
        return;
    }
    conn->closing = true;
    if (conn->current)
        lun_http_exchange_give(conn->current);
    conn->current = NULL;
    update_wait(conn);
}

static void on_sent(struct lun_net_conn *net, int status)
{
    struct lun_http_conn *conn = (struct lun_http_conn *)net;
    if (status)
        lun_http_conn_abort(conn);
    else if (conn->session)
        sent_frames(conn);
    else
        sent(conn);
}

static void on_closed(struct lun_net_conn *net)
{
    struct lun_http_conn *conn = (struct lun_http_conn *)net;
    conn->gone = true;
    if (!conn->dirty)
        free_conn(conn);
}

static const struct lun_net_conn_events events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_sent = on_sent,
    .on_closed = on_closed,
};

int lun_http_conn_open(struct lun_http_server *server)
{
    const struct lun_http_limits *limits = &server->config.limits;
    struct lun_http_conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        return UV_ENOMEM;
    conn->server = server;
    conn->next = server->conns;
    if (server->conns)
        server->conns->prev = conn;
    server->conns = conn;
    server->conn_count++;
    if (lun_net_conn_accept(&conn->net, (uv_stream_t *)&server->listener,
                            &events, &server->scratch)) {
        conn->closed = true;
        return 0;
    }
    lun_net_conn_peer(&conn->net, conn->peer);
    set_wait(conn, LUN_HTTP_WAIT_FIRST, limits->header_ms);
    if (server->config.tls &&
        !lun_net_conn_secure(&conn->net, server->config.tls)) {
        lun_http_conn_abort(conn);
        return 0;
    }
    /* Somewhat above the limit there is still a word for the client. */
    unsigned extra = limits->connections / 8 + 16;
    if (server->conn_count > limits->connections + extra ||
        (conn->net.secure && server->conn_count > limits->connections))
        lun_http_conn_abort(conn);
    else if ((conn->known = server->conn_count > limits->connections))
        refuse(conn, 503, "too many connections");
    return 0;
}
