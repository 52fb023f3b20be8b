/*
 * spec/unit/modules/server.h - an HTTP/1.1 server on the loop of the test.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct server;

/* Answers a whole request by server_send, or not at all. */
typedef void (*server_cb)(struct server *server, uv_stream_t *client,
                          const char *request);

struct server {
    uv_tcp_t listener;
    server_cb on_request;
    int port;
    unsigned connections; /* accepted so far */
    unsigned open;        /* now */
    unsigned most;        /* open at once */
    unsigned requests;
    char last[65536]; /* the last request, head and body */
};

struct server_client {
    uv_tcp_t tcp;
    struct server *server;
    char in[65536];
    size_t len;
};

static inline void server_on_closed(uv_handle_t *handle)
{
    struct server_client *client = handle->data;
    client->server->open--;
    free(client);
}

static inline void server_close_client(uv_stream_t *stream)
{
    if (!uv_is_closing((uv_handle_t *)stream))
        uv_close((uv_handle_t *)stream, server_on_closed);
}

struct server_write {
    uv_write_t write;
    char *data;
    bool close;
};

static inline void server_on_written(uv_write_t *write, int status)
{
    struct server_write *job = write->data;
    if (job->close || status < 0)
        server_close_client(write->handle);
    free(job->data);
    free(job);
}

/* Writes a copy of `len` bytes; `close`: nothing comes after. */
static inline void server_send_bytes(uv_stream_t *client, const char *data,
                                     size_t len, bool close)
{
    struct server_write *job = calloc(1, sizeof(*job));
    job->data = malloc(len + 1);
    memcpy(job->data, data, len);
    job->close = close;
    job->write.data = job;
    uv_buf_t buf = uv_buf_init(job->data, (unsigned)len);
    if (uv_write(&job->write, client, &buf, 1, server_on_written)) {
        free(job->data);
        free(job);
    }
}

static inline void server_send(uv_stream_t *client, const char *text)
{
    server_send_bytes(client, text, strlen(text), false);
}

static inline void server_on_alloc(uv_handle_t *handle, size_t size,
                                   uv_buf_t *buf)
{
    struct server_client *client = handle->data;
    (void)size;
    *buf = uv_buf_init(client->in + client->len,
                       (unsigned)(sizeof(client->in) - client->len - 1));
}

/* Bytes of the first request in the buffer, 0 when it is not whole. */
static inline size_t server_whole(const struct server_client *client)
{
    const char *end = strstr(client->in, "\r\n\r\n");
    if (!end)
        return 0;
    size_t size = (size_t)(end - client->in) + 4;
    const char *length = strcasestr(client->in, "\r\ncontent-length:");
    if (length && length < end)
        size += strtoul(length + 17, NULL, 10);
    return client->len >= size ? size : 0;
}

static inline void server_on_read(uv_stream_t *stream, ssize_t count,
                                  const uv_buf_t *buf)
{
    struct server_client *client = stream->data;
    struct server *server = client->server;
    size_t size;
    (void)buf;
    if (count < 0) {
        server_close_client(stream);
        return;
    }
    client->len += (size_t)count;
    client->in[client->len] = '\0';
    while ((size = server_whole(client))) {
        memcpy(server->last, client->in, size);
        server->last[size] = '\0';
        client->len -= size;
        memmove(client->in, client->in + size, client->len + 1);
        server->requests++;
        server->on_request(server, stream, server->last);
        if (uv_is_closing((uv_handle_t *)stream))
            return;
    }
}

static inline void server_on_connection(uv_stream_t *listener, int status)
{
    struct server *server = listener->data;
    struct server_client *client = calloc(1, sizeof(*client));
    (void)status;
    client->server = server;
    uv_tcp_init(listener->loop, &client->tcp);
    client->tcp.data = client;
    server->connections++;
    server->open++;
    if (server->open > server->most)
        server->most = server->open;
    uv_accept(listener, (uv_stream_t *)&client->tcp);
    uv_read_start((uv_stream_t *)&client->tcp, server_on_alloc, server_on_read);
}

static inline void server_open(struct server *server, uv_loop_t *loop,
                               server_cb on_request)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    memset(server, 0, sizeof(*server));
    server->on_request = on_request;
    uv_tcp_init(loop, &server->listener);
    server->listener.data = server;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0);
    uv_listen((uv_stream_t *)&server->listener, 1024, server_on_connection);
    uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &size);
    server->port = ntohs(address.sin_port);
}

static inline void server_close(struct server *server)
{
    uv_close((uv_handle_t *)&server->listener, NULL);
}
