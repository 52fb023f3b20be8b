/* SPDX-License-Identifier: Apache-2.0 */
#include "core/net/conn.h"

#include <string.h>
#include <sys/socket.h>

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct lun_net_conn *conn = handle->data;
    buf->base = conn->scratch->data;
    buf->len = sizeof(conn->scratch->data);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct lun_net_conn *conn = stream->data;
    if (count > 0) {
        conn->events->on_data(conn, buf->base, (size_t)count);
    } else if (count < 0) {
        conn->reading = false;
        conn->ended = true;
        (void)uv_read_stop(stream);
        conn->events->on_end(conn, count == UV_EOF ? 0 : (int)count);
    }
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

int lun_net_conn_send(struct lun_net_conn *conn, uv_buf_t *bufs, unsigned count)
{
    uv_stream_t *stream = (uv_stream_t *)&conn->tcp;
    int done = uv_try_write(stream, bufs, count);
    if (done < 0 && done != UV_EAGAIN)
        return done;
    count = skip(&bufs, count, done < 0 ? 0 : (size_t)done);
    if (!count)
        return 0;
    int code = uv_write(&conn->write, stream, bufs, count, on_write);
    conn->sending = code == 0;
    return code ? code : 1;
}

size_t lun_net_conn_unsent(const struct lun_net_conn *conn)
{
    return conn->sending
               ? uv_stream_get_write_queue_size((const uv_stream_t *)&conn->tcp)
               : 0;
}

void lun_net_conn_finish(struct lun_net_conn *conn)
{
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&conn->tcp, &fd) == 0)
        (void)shutdown(fd, SHUT_WR);
}

void lun_net_conn_close(struct lun_net_conn *conn)
{
    if (!uv_is_closing((uv_handle_t *)&conn->tcp))
        uv_close((uv_handle_t *)&conn->tcp, on_close);
}
