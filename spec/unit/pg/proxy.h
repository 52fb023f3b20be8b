/*
 * spec/unit/pg/proxy.h - a bad network between the pool and its server.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Listens on 127.0.0.1 and forwards to the private server's unix socket, on the
 * same loop. It can stop forwarding without a word (`frozen`), cut with a reset
 * and take connections only to drop them (`refuses`).
 */
#pragma once

#include "spec/unit/pg/support.h"

#define PAIRS_MAX 256

struct pair {
    uv_tcp_t client;
    uv_pipe_t upstream;
    uv_connect_t connect;
    struct proxy *proxy;
    bool open;
    bool connected;
    int handles;
};

struct proxy {
    uv_tcp_t listener;
    struct pair *pairs[PAIRS_MAX];
    int count;
    int accepted;
    bool frozen;
    bool swallows; /* forwards to the server, but nothing back */
    bool refuses;
    char conninfo[256];
};

struct chunk {
    uv_write_t write;
    char data[];
};

static inline void on_pair_closed(uv_handle_t *handle)
{
    struct pair *pair = handle->data;
    if (--pair->handles == 0)
        free(pair);
}

static inline void pair_close(struct pair *pair, bool reset)
{
    if (!pair->open)
        return;
    pair->open = false;
    for (int i = 0; i < pair->proxy->count; i++)
        if (pair->proxy->pairs[i] == pair)
            pair->proxy->pairs[i] = NULL;
    if (!reset || uv_tcp_close_reset(&pair->client, on_pair_closed) != 0)
        uv_close((uv_handle_t *)&pair->client, on_pair_closed);
    uv_close((uv_handle_t *)&pair->upstream, on_pair_closed);
}

static inline void on_written(uv_write_t *write, int status)
{
    (void)status;
    free(write->data);
}

static inline void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
    (void)handle;
    (void)size;
    struct chunk *chunk = malloc(sizeof(*chunk) + 65536);
    *buf = uv_buf_init(chunk->data, 65536);
}

static inline void on_data(uv_stream_t *stream, ssize_t size,
                           const uv_buf_t *buf)
{
    struct pair *pair = stream->data;
    struct chunk *chunk =
        buf->base
            ? (struct chunk *)(void *)(buf->base - offsetof(struct chunk, data))
            : NULL;
    bool from_server = stream == (uv_stream_t *)&pair->upstream;
    if (size <= 0 || (from_server && pair->proxy->swallows)) {
        free(chunk);
        if (size < 0)
            pair_close(pair, false);
        return;
    }
    uv_stream_t *to = from_server ? (uv_stream_t *)&pair->client
                                  : (uv_stream_t *)&pair->upstream;
    uv_buf_t out = uv_buf_init(chunk->data, (unsigned)size);
    chunk->write.data = chunk;
    if (uv_write(&chunk->write, to, &out, 1, on_written) != 0)
        free(chunk);
}

static inline void pair_read(struct pair *pair, bool on)
{
    if (!pair->connected)
        return;
    uv_stream_t *ends[] = {(uv_stream_t *)&pair->client,
                           (uv_stream_t *)&pair->upstream};
    for (int i = 0; i < 2; i++)
        if (on)
            uv_read_start(ends[i], on_alloc, on_data);
        else
            uv_read_stop(ends[i]);
}

static inline void on_upstream(uv_connect_t *connect, int status)
{
    struct pair *pair = connect->data;
    if (!pair->open)
        return;
    if (status != 0) {
        pair_close(pair, false);
        return;
    }
    pair->connected = true;
    pair_read(pair, !pair->proxy->frozen);
}

static inline void on_client(uv_stream_t *listener, int status)
{
    struct proxy *proxy = listener->data;
    struct pair *pair = calloc(1, sizeof(*pair));
    assert_int_equal(status, 0);
    assert_true(proxy->count < PAIRS_MAX);
    pair->proxy = proxy;
    pair->open = true;
    pair->handles = 2;
    uv_tcp_init(&loop, &pair->client);
    uv_pipe_init(&loop, &pair->upstream, 0);
    pair->client.data = pair->upstream.data = pair->connect.data = pair;
    proxy->pairs[proxy->count++] = pair;
    proxy->accepted++;
    uv_accept(listener, (uv_stream_t *)&pair->client);
    if (proxy->refuses) {
        pair_close(pair, false);
        return;
    }
    char path[128];
    snprintf(path, sizeof(path), "%s/run/.s.PGSQL.5432", cluster);
    uv_pipe_connect(&pair->connect, &pair->upstream, path, on_upstream);
}

static inline void proxy_open(struct proxy *proxy)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    memset(proxy, 0, sizeof(*proxy));
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&loop, &proxy->listener);
    proxy->listener.data = proxy;
    assert_int_equal(
        uv_tcp_bind(&proxy->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&proxy->listener, 64, on_client),
                     0);
    uv_tcp_getsockname(&proxy->listener, (struct sockaddr *)&address, &size);
    /* A name, so that it has to be resolved. */
    snprintf(proxy->conninfo, sizeof(proxy->conninfo),
             "host=localhost port=%d dbname=postgres user=postgres",
             ntohs(address.sin_port));
}

static inline void proxy_freeze(struct proxy *proxy, bool frozen)
{
    proxy->frozen = frozen;
    for (int i = 0; i < proxy->count; i++)
        if (proxy->pairs[i])
            pair_read(proxy->pairs[i], !frozen);
}

static inline void proxy_reset(struct proxy *proxy)
{
    for (int i = 0; i < proxy->count; i++)
        if (proxy->pairs[i])
            pair_close(proxy->pairs[i], true);
}

static inline void proxy_close(struct proxy *proxy)
{
    for (int i = 0; i < proxy->count; i++)
        if (proxy->pairs[i])
            pair_close(proxy->pairs[i], false);
    uv_close((uv_handle_t *)&proxy->listener, NULL);
    run_for(10);
}
