/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/conn.h"

#include <string.h>
#include <sys/socket.h>

#include "core/net/secure.h"

/* Memory that an idle connection keeps for ciphertext. */
#define SECURE_KEPT ((size_t)16384)

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct lun_net_conn *conn = handle->data;
    buf->base = conn->scratch->data;
    buf->len = sizeof(conn->scratch->data);
}

static bool is_closing(const struct lun_net_conn *conn)
{
    return uv_is_closing((const uv_handle_t *)&conn->tcp);
}

static void end(struct lun_net_conn *conn, int status)
{
    if (conn->ended || is_closing(conn))
        return;
    conn->reading = false;
    conn->ended = true;
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
    conn->events->on_end(conn, status);
}

static void read_secure(struct lun_net_conn *conn, const char *data,
                        size_t len);

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct lun_net_conn *conn = stream->data;
    if (count < 0)
        end(conn, count == UV_EOF ? 0 : (int)count);
    else if (count > 0 && conn->secure)
        read_secure(conn, buf->base, (size_t)count);
    else if (count > 0)
        conn->events->on_data(conn, buf->base, (size_t)count);
}

static void on_write(uv_write_t *write, int status)
{
    struct lun_net_conn *conn = write->data;
    conn->sending = false;
    if (!uv_is_closing((uv_handle_t *)&conn->tcp))
        conn->events->on_sent(conn, status);
}

static void on_close(uv_handle_t *handle)
{
    struct lun_net_conn *conn = handle->data;
    lun_net_secure_close(conn->secure);
    conn->secure = NULL;
    conn->events->on_closed(conn);
}

int lun_net_conn_accept(struct lun_net_conn *conn, uv_stream_t *listener,
                        const struct lun_net_conn_events *events,
                        struct lun_net_scratch *scratch)
{
    memset(conn, 0, sizeof(*conn));
    conn->events = events;
    conn->scratch = scratch;
    (void)uv_tcp_init(listener->loop, &conn->tcp);
    conn->tcp.data = conn;
    conn->write.data = conn;
    int code = uv_accept(listener, (uv_stream_t *)&conn->tcp);
    if (code == 0)
        code = uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
    if (code)
        uv_close((uv_handle_t *)&conn->tcp, on_close);
    conn->reading = code == 0;
    return code;
}

void lun_net_conn_peer(struct lun_net_conn *conn, char out[LUN_NET_CONN_PEER])
{
    struct sockaddr_storage name;
    int len = sizeof(name);
    out[0] = '\0';
    if (uv_tcp_getpeername(&conn->tcp, (struct sockaddr *)&name, &len) != 0)
        return;
    (void)uv_ip_name((struct sockaddr *)&name, out, LUN_NET_CONN_PEER);
}

void lun_net_conn_pause(struct lun_net_conn *conn)
{
    if (!conn->reading)
        return;
    conn->reading = false;
    (void)uv_read_stop((uv_stream_t *)&conn->tcp);
}

void lun_net_conn_resume(struct lun_net_conn *conn)
{
    if (conn->reading || conn->ended ||
        uv_is_closing((uv_handle_t *)&conn->tcp))
        return;
    conn->reading =
        uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read) == 0;
}

/* Drops `done` bytes from the front; returns how many buffers are left. */
static unsigned skip(uv_buf_t **bufs, unsigned count, size_t done)
{
    while (count && done >= (*bufs)->len) {
        done -= (*bufs)->len;
        (*bufs)++;
        count--;
    }
    if (count) {
        (*bufs)->base += done;
        (*bufs)->len -= done;
    }
    return count;
}

/* 0 when all is out, 1 when libuv has the rest, or a libuv error. */
static int write_bufs(struct lun_net_conn *conn, uv_buf_t *bufs, unsigned count,
                      uv_write_cb on_done)
{
    uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
    int done = uv_try_write(stream, bufs, count);
    if (done < 0 && done != UV_EAGAIN)
        return done;
    count = skip(&bufs, count, done < 0 ? 0 : (size_t)done);
    if (!count)
        return 0;
    int code = uv_write(&conn->write, stream, bufs, count, on_done);
    return code ? code : 1;
}

/* TLS */

static void shut(struct lun_net_conn *conn)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0)
        (void)shutdown(fd, SHUT_WR);
}

static void on_secure_write(uv_write_t *write, int status);

/* Sends the ciphertext that is there, unless some is on its way already. */
static int push_out(struct lun_net_conn *conn)
{
    struct lun_net_secure *secure = conn->secure;
    if (secure->writing || !secure->out.len)
        return secure->writing;
    struct lun_buf flight = secure->out;
    secure->out = secure->flight;
    secure->flight = flight;
    lun_buf_clear(&secure->out);
    uv_buf_t buf = uv_buf_init(flight.data, (unsigned)flight.len);
    int code = write_bufs(conn, &buf, 1, on_secure_write);
    secure->writing = code == 1;
    return code;
}

/* Encrypts and sends as long as the kernel takes it; as lun_net_conn_send. */
static int pump(struct lun_net_conn *conn)
{
    struct lun_net_secure *secure = conn->secure;
    int code = push_out(conn);
    while (code == 0 && lun_net_secure_left(secure)) {
        if (!lun_net_secure_encrypt(secure))
            return UV_EPROTO;
        code = push_out(conn);
    }
    if (code == 0) {
        if (secure->flight.cap > SECURE_KEPT)
            lun_buf_release(&secure->flight);
        if (secure->out.cap > SECURE_KEPT)
            lun_buf_release(&secure->out);
        if (secure->finishing)
            shut(conn);
    }
    return code;
}

static void on_secure_write(uv_write_t *write, int status)
{
    struct lun_net_conn *conn = write->data;
    bool sending = conn->sending;
    conn->secure->writing = false;
    if (is_closing(conn))
        return;
    int code = status ? status : pump(conn);
    if (code == 1)
        return;
    conn->sending = false;
    if (sending)
        conn->events->on_sent(conn, code);
    else if (code)
        end(conn, code);
}

static void read_secure(struct lun_net_conn *conn, const char *data, size_t len)
{
    struct lun_net_secure *secure = conn->secure;
    char *plain = conn->scratch->plain;
    enum lun_net_secure_state state;
    lun_net_secure_feed(secure, data, len);
    do {
        size_t got;
        state = lun_net_secure_read(secure, plain, sizeof(conn->scratch->plain),
                                    &got);
        if (state == LUN_NET_SECURE_DATA)
            conn->events->on_data(conn, plain, got);
        if (is_closing(conn))
            return;
    } while (state == LUN_NET_SECURE_DATA);
    int code = pump(conn);
    if (code < 0)
        end(conn, code);
    else if (state == LUN_NET_SECURE_END)
        end(conn, 0);
    else if (state == LUN_NET_SECURE_FAILED)
        end(conn, UV_EPROTO);
}

bool lun_net_conn_secure(struct lun_net_conn *conn, struct lun_net_tls *tls)
{
    conn->secure = lun_net_secure_open(tls);
    return conn->secure != NULL;
}

const char *lun_net_conn_protocol(const struct lun_net_conn *conn)
{
    return conn->secure ? lun_net_secure_protocol(conn->secure) : NULL;
}

/* Sending */

static int send_secure(struct lun_net_conn *conn, const uv_buf_t *bufs,
                       unsigned count)
{
    if (!lun_net_secure_take(conn->secure, bufs, count))
        return UV_ENOTCONN;
    return pump(conn);
}

int lun_net_conn_send(struct lun_net_conn *conn, uv_buf_t *bufs, unsigned count)
{
    int code = conn->secure ? send_secure(conn, bufs, count)
                            : write_bufs(conn, bufs, count, on_write);
    conn->sending = code == 1;
    return code;
}

size_t lun_net_conn_unsent(const struct lun_net_conn *conn)
{
    if (!conn->sending)
        return 0;
    size_t left = conn->secure ? lun_net_secure_left(conn->secure) : 0;
    return left +
           uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp);
}

void lun_net_conn_finish(struct lun_net_conn *conn)
{
    if (!conn->secure) {
        shut(conn);
        return;
    }
    lun_net_secure_finish(conn->secure);
    (void)pump(conn);
}

void lun_net_conn_close(struct lun_net_conn *conn)
{
    if (!uv_is_closing((uv_handle_t *)&conn->tcp))
        uv_close((uv_handle_t *)&conn->tcp, on_close);
}
