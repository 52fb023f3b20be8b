/* SPDX-License-Identifier: Apache-2.0 */
#include "core/http/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/http/conn.h"
#include "core/http/service.h"
#include "core/http/stream.h"

/* Frames of one send. */
#define OUT_BYTES ((size_t)131072)
/* Memory that an idle connection keeps for frames. */
#define OUT_KEPT ((size_t)16384)
/* Bytes of bodies on their way: of one stream, of the connection. */
#define STREAM_WINDOW (256 << 10)
#define CONNECTION_WINDOW (1 << 20)
/* Fields of an answer, our own included. */
#define FIELDS_MAX 40
/* Bytes that must go into frames within write_ms. */
#define PROGRESS ((size_t)65536)
/* In place of write_ms when much memory is held. */
#define PRESSED_MS 2000

/* Points of core/http/guard.h. */
#define COST_RESET 20 /* of a stream, by either side */
#define COST_SETTINGS 20
#define COST_CONTINUATION 20
#define COST_EMPTY_DATA 10
#define COST_PING 4
#define COST_OTHER 4
#define COST_PRIORITY 2
#define COST_SMALL 1
#define SMALL_DATA 128
#define WORTH_ANSWER 20
#define WORTH_DATA 2

static struct lun_http_server *server_of(const struct lun_http_session *session)
{
    return session->conn->server;
}

static uint64_t now_of(const struct lun_http_session *session)
{
    return uv_now(server_of(session)->loop);
}

static struct lun_http_exchange *stream_of(nghttp2_session *nghttp2, int32_t id)
{
    return nghttp2_session_get_stream_user_data(nghttp2, id);
}

/* Ends the connection with a reason; what was read but not yet handled is
 * forgotten. */
static void terminate(struct lun_http_session *session, uint32_t reason)
{
    session->ended = true;
    (void)nghttp2_session_terminate_session(session->nghttp2, reason);
    lun_http_conn_wake(session->conn);
}

static int spend(struct lun_http_session *session, int cost)
{
    if (session->ended)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (lun_http_guard_spend(&session->guard, now_of(session), cost))
        return 0;
    terminate(session, NGHTTP2_ENHANCE_YOUR_CALM);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* Streams */

static void append(struct lun_http_session *session,
                   struct lun_http_exchange *exchange)
{
    exchange->prev = session->last;
    if (session->last)
        session->last->next = exchange;
    else
        session->first = exchange;
    session->last = exchange;
}

static void take_out(struct lun_http_session *session,
                     struct lun_http_exchange *exchange)
{
    if (exchange->prev)
        exchange->prev->next = exchange->next;
    else
        session->first = exchange->next;
    if (exchange->next)
        exchange->next->prev = exchange->prev;
    else
        session->last = exchange->prev;
}

static bool is_waiting(const struct lun_http_exchange *exchange)
{
    return exchange->complete && !exchange->handled && !exchange->answered &&
           lun_http_parser_phase(&exchange->parser) == LUN_HTTP_PHASE_DONE;
}

/* The stream is gone. A handler still at work loses its connection. */
static void drop(struct lun_http_session *session,
                 struct lun_http_exchange *exchange)
{
    take_out(session, exchange);
    session->backlog -= exchange->answer.len - exchange->sent;
    session->waiting -= is_waiting(exchange);
    if (exchange->handled && !exchange->answered) {
        server_of(session)->request_count--;
        if (!exchange->request.on_abort) {
            lun_http_exchange_orphan(exchange);
            return;
        }
        exchange->request.on_abort(&exchange->request);
    }
    lun_http_exchange_give(exchange);
}

static void dispatch(struct lun_http_session *session,
                     struct lun_http_exchange *exchange)
{
    struct lun_http_server *server = server_of(session);
    struct lun_http_request *request = &exchange->request;
    if (!lun_http_parser_request(&exchange->parser, &exchange->arena,
                                 request)) {
        lun_http_conn_refuse(exchange, 503, "out of memory");
        return;
    }
    exchange->handled = true;
    request->peer = session->conn->peer;
    request->secure = session->conn->net.secure != NULL;
    request->arena = &exchange->arena;
    request->user = NULL;
    request->on_abort = NULL;
    request->on_gone = NULL;
    server->request_count++;
    server->config.handler(request, server->config.context);
}

static bool is_full(const struct lun_http_session *session)
{
    return session->backlog > server_of(session)->config.limits.write_backlog;
}

/* Looks where the reading of a request stands. */
static void look(struct lun_http_session *session,
                 struct lun_http_exchange *exchange)
{
    const struct lun_http_parser *parser = &exchange->parser;
    enum lun_http_parser_phase phase = lun_http_parser_phase(parser);
    if (exchange->answered || exchange->handled)
        return;
    if (phase == LUN_HTTP_PHASE_BAD)
        lun_http_conn_refuse(exchange, parser->status, parser->reason);
    else if (!lun_http_exchange_charge(exchange))
        lun_http_conn_refuse(exchange, 503, "too much under way");
    else if (phase == LUN_HTTP_PHASE_DONE && is_full(session))
        session->waiting++;
    else if (phase == LUN_HTTP_PHASE_DONE)
        dispatch(session, exchange);
}

/* Hands over what had to wait, in order, as long as there is room. */
static void go_on(struct lun_http_session *session)
{
    struct lun_http_exchange *at = session->first;
    while (at && session->waiting && !is_full(session)) {
        struct lun_http_exchange *next = at->next;
        if (is_waiting(at)) {
            session->waiting--;
            dispatch(session, at);
        }
        at = next;
    }
}

/* Reading */

static int on_begin_frame(nghttp2_session *nghttp2, const nghttp2_frame_hd *hd,
                          void *user)
{
    struct lun_http_session *session = user;
    bool ack = hd->flags & NGHTTP2_FLAG_ACK; /* the same bit as END_STREAM */
    (void)nghttp2;
    switch (hd->type) {
    case NGHTTP2_DATA:
        return ack || hd->length >= SMALL_DATA ? 0
               : hd->length                    ? spend(session, COST_SMALL)
                            : spend(session, COST_EMPTY_DATA);
    case NGHTTP2_HEADERS:
        return 0;
    case NGHTTP2_RST_STREAM:
        return spend(session, COST_RESET);
    case NGHTTP2_SETTINGS:
        return ack ? 0 : spend(session, COST_SETTINGS);
    case NGHTTP2_PING:
        return ack ? 0 : spend(session, COST_PING);
    case NGHTTP2_CONTINUATION:
        return spend(session, COST_CONTINUATION);
    case NGHTTP2_WINDOW_UPDATE:
        return spend(session, COST_SMALL);
    case NGHTTP2_PRIORITY:
        return spend(session, COST_PRIORITY);
    default:
        return spend(session, COST_OTHER);
    }
}

/* A client that reads the notice behind an answer may have its next request
 * ready, and gives that up. So the notice comes while a request is under way,
 * and before its answer; who asks nothing is told a moment later. */
static void notify(struct lun_http_session *session)
{
    if (session->farewell != LUN_HTTP_FAREWELL_NONE)
        return;
    session->farewell = LUN_HTTP_FAREWELL_NOTICE;
    (void)nghttp2_submit_shutdown_notice(session->nghttp2);
    lun_http_conn_wake(session->conn);
}

static int on_begin_headers(nghttp2_session *nghttp2,
                            const nghttp2_frame *frame, void *user)
{
    struct lun_http_session *session = user;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct lun_http_server *server = server_of(session);
    struct lun_http_exchange *exchange =
        lun_http_exchange_take(&server->pool, session->conn);
    if (!exchange)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    exchange->stream = frame->hd.stream_id;
    exchange->deadline = now_of(session) + server->config.limits.header_ms;
    exchange->request.started_ns = lun_clock_monotonic_ns();
    lun_http_stream_begin(exchange);
    append(session, exchange);
    if (server->draining)
        notify(session);
    return nghttp2_session_set_stream_user_data(nghttp2, exchange->stream,
                                                exchange);
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user)
{
    struct lun_http_exchange *exchange =
        stream_of(nghttp2, frame->hd.stream_id);
    (void)flags;
    (void)user;
    if (!exchange)
        return 0;
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        lun_http_stream_field(exchange, (const char *)name, name_len,
                              (const char *)value, value_len);
    else
        lun_http_stream_trailer(exchange, name_len, value_len);
    return 0;
}

/* Bytes that a field may not have: the stream is reset. */
static int on_invalid_header(nghttp2_session *nghttp2,
                             const nghttp2_frame *frame, const uint8_t *name,
                             size_t name_len, const uint8_t *value,
                             size_t value_len, uint8_t flags, void *user)
{
    (void)nghttp2;
    (void)frame;
    (void)name;
    (void)name_len;
    (void)value;
    (void)value_len;
    (void)flags;
    (void)user;
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void say_continue(nghttp2_session *nghttp2,
                         struct lun_http_exchange *exchange)
{
    static uint8_t name[] = ":status", value[] = "100";
    const nghttp2_nv field = {name, value, sizeof(name) - 1, sizeof(value) - 1,
                              NGHTTP2_NV_FLAG_NONE};
    if (exchange->complete || exchange->answered || exchange->continued ||
        !exchange->parser.expects_continue)
        return;
    exchange->continued = true;
    (void)nghttp2_submit_headers(nghttp2, NGHTTP2_FLAG_NONE, exchange->stream,
                                 NULL, &field, 1, NULL);
}

/* A frame is there as a whole, its header block included. */
static int on_frame_recv(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                         void *user)
{
    struct lun_http_session *session = user;
    bool headers = frame->hd.type == NGHTTP2_HEADERS;
    if (!headers && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct lun_http_exchange *exchange =
        stream_of(nghttp2, frame->hd.stream_id);
    if (!exchange)
        return 0;
    if (headers && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
        lun_http_stream_head_end(exchange);
        exchange->deadline =
            now_of(session) + server_of(session)->config.limits.body_ms;
    }
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        exchange->complete = true;
        lun_http_stream_end(exchange);
    }
    if (headers || exchange->complete)
        look(session, exchange);
    if (headers)
        say_continue(nghttp2, exchange);
    return 0;
}

static int on_data_chunk(nghttp2_session *nghttp2, uint8_t flags, int32_t id,
                         const uint8_t *data, size_t len, void *user)
{
    struct lun_http_session *session = user;
    struct lun_http_exchange *exchange = stream_of(nghttp2, id);
    (void)flags;
    if (exchange) {
        lun_http_stream_body(exchange, (const char *)data, len);
        look(session, exchange);
    }
    return 0;
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t id,
                           uint32_t reason, void *user)
{
    struct lun_http_exchange *exchange = stream_of(nghttp2, id);
    (void)reason;
    if (exchange)
        drop(user, exchange);
    return 0;
}

static uint32_t reason_of(int code)
{
    switch (code) {
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
    case NGHTTP2_ERR_TOO_MANY_SETTINGS:
        return NGHTTP2_ENHANCE_YOUR_CALM;
    case NGHTTP2_ERR_NOMEM:
    case NGHTTP2_ERR_CALLBACK_FAILURE:
        return NGHTTP2_INTERNAL_ERROR;
    default:
        return NGHTTP2_PROTOCOL_ERROR;
    }
}

void lun_http_session_feed(struct lun_http_session *session, const char *data,
                           size_t len)
{
    if (session->ended)
        return;
    ssize_t took =
        nghttp2_session_mem_recv(session->nghttp2, (const uint8_t *)data, len);
    if (took < 0 && !session->ended)
        terminate(session, reason_of((int)took));
    else if (session->waiting)
        go_on(session); /* resets may have made room */
    if (nghttp2_session_want_write(session->nghttp2) ||
        lun_http_session_is_over(session))
        lun_http_conn_wake(session->conn);
}

void lun_http_session_feed_end(struct lun_http_session *session)
{
    struct lun_http_exchange *at = session->first;
    while (at) {
        struct lun_http_exchange *next = at->next;
        if (!at->complete)
            (void)nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE,
                                            at->stream, NGHTTP2_CANCEL);
        at = next;
    }
    lun_http_session_end(session);
}

/* Writing */

static ssize_t on_read(nghttp2_session *nghttp2, int32_t id, uint8_t *buf,
                       size_t len, uint32_t *flags, nghttp2_data_source *source,
                       void *user)
{
    const struct lun_http_exchange *exchange = source->ptr;
    size_t left = exchange->answer.len - exchange->sent;
    (void)nghttp2;
    (void)id;
    (void)buf;
    (void)user;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (left > len)
        return (ssize_t)len;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)left;
}

static int on_send_data(nghttp2_session *nghttp2, nghttp2_frame *frame,
                        const uint8_t *head, size_t len,
                        nghttp2_data_source *source, void *user)
{
    struct lun_http_session *session = user;
    struct lun_http_exchange *exchange = source->ptr;
    (void)nghttp2;
    (void)frame;
    if (session->out.len >= OUT_BYTES)
        return NGHTTP2_ERR_WOULDBLOCK;
    lun_buf_push(&session->out, head, 9);
    lun_buf_push(&session->out, exchange->answer.data + exchange->sent, len);
    if (session->out.failed)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    exchange->sent += len;
    session->backlog -= len;
    session->moved += len;
    lun_http_guard_earn(&session->guard, WORTH_DATA);
    return 0;
}

/* A reset that the peer made us send counts like its own. */
static int spend_sent(struct lun_http_session *session)
{
    (void)spend(session, COST_RESET);
    return 0; /* nghttp2 could not go on after a failure here */
}

static int on_frame_send(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                         void *user)
{
    struct lun_http_session *session = user;
    if (frame->hd.type == NGHTTP2_RST_STREAM &&
        frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
        return spend_sent(session);
    if ((frame->hd.type != NGHTTP2_DATA && frame->hd.type != NGHTTP2_HEADERS) ||
        !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    struct lun_http_exchange *exchange =
        stream_of(nghttp2, frame->hd.stream_id);
    lun_http_guard_earn(&session->guard, WORTH_ANSWER);
    /* All is said: the rest of the request is not wanted. */
    if (exchange && !exchange->complete)
        return nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE,
                                         exchange->stream, NGHTTP2_NO_ERROR);
    return 0;
}

bool lun_http_session_fill(struct lun_http_session *session)
{
    if (session->starved)
        return false;
    while (session->out.len < OUT_BYTES) {
        const uint8_t *data;
        ssize_t len = nghttp2_session_mem_send(session->nghttp2, &data);
        if (len < 0 || session->out.failed)
            return false;
        if (len == 0)
            break;
        lun_buf_push(&session->out, data, (size_t)len);
    }
    return !session->out.failed;
}

bool lun_http_session_sent(struct lun_http_session *session)
{
    if (session->out.cap > OUT_KEPT)
        lun_buf_release(&session->out);
    lun_buf_clear(&session->out);
    if (session->waiting)
        go_on(session);
    return nghttp2_session_want_write(session->nghttp2);
}

bool lun_http_session_is_over(const struct lun_http_session *session)
{
    return !nghttp2_session_want_write(session->nghttp2) &&
           (session->ended || !nghttp2_session_want_read(session->nghttp2));
}

/* Answers */

static bool add(nghttp2_nv *fields, size_t *count, const char *name,
                const char *value)
{
    if (*count == FIELDS_MAX)
        return false;
    fields[(*count)++] =
        (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name),
                     strlen(value), NGHTTP2_NV_FLAG_NONE};
    return true;
}

/* Room for the texts of numbers. */
struct numbers {
    char status[12];
    char length[24];
};

static const char *write_number(char *end, size_t number)
{
    *--end = '\0';
    do
        *--end = (char)('0' + number % 10);
    while (number /= 10);
    return end;
}

static size_t list_fields(struct lun_http_session *session,
                          const struct lun_http_response *response,
                          struct numbers *numbers, nghttp2_nv *fields)
{
    size_t count = 0;
    bool good = add(fields, &count, ":status",
                    write_number(numbers->status + sizeof(numbers->status),
                                 (size_t)response->status));
    good &= add(fields, &count, "date",
                lun_http_service_date(server_of(session))->text);
    for (size_t i = 0; i < response->header_count; i++)
        good &= add(fields, &count, response->headers[i].name,
                    response->headers[i].value);
    if (lun_http_response_has_body(response))
        good &= add(fields, &count, "content-length",
                    write_number(numbers->length + sizeof(numbers->length),
                                 response->body_len));
    return good ? count : 0;
}

static int submit(struct lun_http_session *session,
                  struct lun_http_exchange *exchange,
                  const struct lun_http_response *response)
{
    nghttp2_nv fields[FIELDS_MAX];
    struct numbers numbers;
    nghttp2_data_provider body = {.source.ptr = exchange,
                                  .read_callback = on_read};
    size_t count = list_fields(session, response, &numbers, fields);
    if (lun_http_response_has_body(response) && !response->head_only)
        lun_buf_push(&exchange->answer, response->body, response->body_len);
    if (exchange->answer.failed || !count)
        return NGHTTP2_ERR_NOMEM;
    return nghttp2_submit_response(session->nghttp2, exchange->stream, fields,
                                   count, exchange->answer.len ? &body : NULL);
}

void lun_http_session_answer(struct lun_http_session *session,
                             struct lun_http_exchange *exchange,
                             const struct lun_http_response *response)
{
    static const struct lun_http_response broken = {.status = 500};
    assert(!exchange->answered);
    if (!lun_http_response_is_safe(response) ||
        response->header_count > FIELDS_MAX - 3)
        response = &broken;
    exchange->answered = true;
    if (session->ended)
        return;
    if (!session->backlog) {
        session->stall_since = now_of(session);
        session->stall_mark = session->moved;
    }
    int code = submit(session, exchange, response);
    session->backlog += exchange->answer.len;
    (void)lun_http_exchange_charge(exchange);
    if (code)
        terminate(session, NGHTTP2_INTERNAL_ERROR);
    else
        lun_http_conn_wake(session->conn);
}

/* Time */

static bool sweep_streams(struct lun_http_session *session, uint64_t now)
{
    struct lun_http_exchange *at = session->first;
    while (at) {
        struct lun_http_exchange *next = at->next;
        enum lun_http_parser_phase phase = lun_http_parser_phase(&at->parser);
        bool late = !at->complete && now >= at->deadline;
        /* Inside a header block nothing else can be said or read. */
        if (late && phase == LUN_HTTP_PHASE_HEAD)
            return false;
        if (late && !at->answered && !at->handled)
            lun_http_conn_refuse(at, 408, "body took too long");
        at = next;
    }
    return true;
}

/* Flow control lets a peer stop us without stopping the connection. */
static bool is_stuck(struct lun_http_session *session, uint64_t now)
{
    const struct lun_http_server *server = server_of(session);
    const struct lun_http_limits *limits = &server->config.limits;
    uint64_t patience = limits->write_ms;
    if (!session->backlog)
        return false;
    if (session->moved - session->stall_mark >= PROGRESS) {
        session->stall_mark = session->moved;
        session->stall_since = now;
    }
    if (server->pool.held > limits->held_bytes / 2 && patience > PRESSED_MS)
        patience = PRESSED_MS;
    return now - session->stall_since >= patience;
}

static void say_farewell(struct lun_http_session *session, uint64_t now)
{
    const struct lun_http_server *server = server_of(session);
    nghttp2_session *nghttp2 = session->nghttp2;
    if (session->first || now >= server->notice_at)
        notify(session);
    if (session->farewell == LUN_HTTP_FAREWELL_NOTICE &&
        now >= server->quiet_at) {
        session->farewell = LUN_HTTP_FAREWELL_SAID;
        (void)nghttp2_submit_goaway(
            nghttp2, NGHTTP2_FLAG_NONE,
            nghttp2_session_get_last_proc_stream_id(nghttp2), NGHTTP2_NO_ERROR,
            NULL, 0);
        lun_http_conn_wake(session->conn);
    }
}

bool lun_http_session_sweep(struct lun_http_session *session, uint64_t now)
{
    if (session->ended)
        return true;
    if (server_of(session)->draining)
        say_farewell(session, now);
    return !is_stuck(session, now) && sweep_streams(session, now);
}

void lun_http_session_end(struct lun_http_session *session)
{
    if (session->farewell == LUN_HTTP_FAREWELL_SAID || session->ended)
        return;
    session->farewell = LUN_HTTP_FAREWELL_SAID;
    (void)nghttp2_submit_goaway(
        session->nghttp2, NGHTTP2_FLAG_NONE,
        nghttp2_session_get_last_proc_stream_id(session->nghttp2),
        NGHTTP2_NO_ERROR, NULL, 0);
    lun_http_conn_wake(session->conn);
}

/* Memory */

static void *mem_alloc(size_t size, void *user)
{
    struct lun_http_session *session = user;
    void *memory = malloc(size);
    session->starved |= !memory;
    return memory;
}

static void *mem_calloc(size_t count, size_t size, void *user)
{
    struct lun_http_session *session = user;
    void *memory = calloc(count, size);
    session->starved |= !memory;
    return memory;
}

static void *mem_realloc(void *old, size_t size, void *user)
{
    struct lun_http_session *session = user;
    void *memory = realloc(old, size);
    session->starved |= !memory;
    return memory;
}

static void mem_free(void *memory, void *user)
{
    (void)user;
    free(memory);
}

/* Opening */

static nghttp2_session_callbacks *make_callbacks(void)
{
    nghttp2_session_callbacks *to;
    if (nghttp2_session_callbacks_new(&to))
        return NULL;
#define SET(name, callback) nghttp2_session_callbacks_set_##name(to, callback)
    SET(on_begin_frame_callback, on_begin_frame);
    SET(on_begin_headers_callback, on_begin_headers);
    SET(on_header_callback, on_header);
    SET(on_invalid_header_callback, on_invalid_header);
    SET(on_frame_recv_callback, on_frame_recv);
    SET(on_data_chunk_recv_callback, on_data_chunk);
    SET(on_stream_close_callback, on_stream_close);
    SET(send_data_callback, on_send_data);
    SET(on_frame_send_callback, on_frame_send);
#undef SET
    return to;
}

static int submit_settings(struct lun_http_session *session)
{
    const struct lun_http_limits *limits = &server_of(session)->config.limits;
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };
    int code =
        nghttp2_submit_settings(session->nghttp2, NGHTTP2_FLAG_NONE, entries,
                                sizeof(entries) / sizeof(entries[0]));
    if (!code)
        code = nghttp2_session_set_local_window_size(
            session->nghttp2, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
    return code;
}

/* The guard counts resets and what was answered; nghttp2 counts resets alone,
 * and would turn away clients that reset each stream when they have all of
 * it. */
static int open_nghttp2(struct lun_http_session *session,
                        nghttp2_session_callbacks *callbacks)
{
    nghttp2_mem memory = {session, mem_alloc, mem_free, mem_calloc,
                          mem_realloc};
    nghttp2_option *option;
    int code = nghttp2_option_new(&option);
    if (code)
        return code;
    nghttp2_option_set_stream_reset_rate_limit(option, 1 << 20, 1 << 20);
    code = nghttp2_session_server_new3(&session->nghttp2, callbacks, session,
                                       option, &memory);
    nghttp2_option_del(option);
    return code;
}

struct lun_http_session *lun_http_session_open(struct lun_http_conn *conn)
{
    struct lun_http_session *session = calloc(1, sizeof(*session));
    nghttp2_session_callbacks *callbacks = make_callbacks();
    if (!session || !callbacks) {
        nghttp2_session_callbacks_del(callbacks);
        free(session);
        return NULL;
    }
    session->conn = conn;
    lun_buf_init(&session->out);
    lun_http_guard_init(&session->guard, uv_now(conn->server->loop));
    int code = open_nghttp2(session, callbacks);
    nghttp2_session_callbacks_del(callbacks);
    if (!code)
        code = submit_settings(session);
    if (code) {
        lun_http_session_close(session);
        return NULL;
    }
    return session;
}

void lun_http_session_close(struct lun_http_session *session)
{
    session->ended = true;
    while (session->first)
        drop(session, session->first);
    /* After a failed allocation nghttp2 1.52 may hold an item twice, and would
     * free it twice; its memory is lost rather than the process. */
    if (!session->starved)
        nghttp2_session_del(session->nghttp2);
    lun_buf_release(&session->out);
    free(session);
}
