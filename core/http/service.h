/*
 * core/http/service.h - the inside of a server, shared by server.c and conn.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <uv.h>

#include "core/http/exchange.h"
#include "core/http/response.h"
#include "core/http/server.h"
#include "core/net/conn.h"

struct lun_http_conn;

struct lun_http_server {
    struct lun_http_config config; /* with every limit set */
    uv_loop_t *loop;
    uv_tcp_t listener;
    /* Answers made anywhere in a turn of the loop leave together: `check` sends
     * them after the poll, and `idle`, active while some wait, keeps the poll
     * from sleeping on them. */
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t sweep; /* looks at the deadlines of all connections */
    unsigned open_handles;
    struct lun_http_pool pool;
    struct lun_http_date date;
    struct lun_http_conn *conns;
    struct lun_http_conn *dirty; /* have something to send */
    unsigned conn_count;
    unsigned request_count; /* with the handler */
    bool starved;           /* a connection waits for memory */
    bool draining;
    uint64_t notice_at; /* when draining: idle HTTP/2 clients are told */
    uint64_t quiet_at; /* when draining: idle connections end */
    uint64_t abort_at; /* when draining: all end */
    void (*closed)(void *context);
    void *closed_context;
    struct lun_net_scratch scratch;
};

/* A connection was freed. */
void lun_http_service_forget(struct lun_http_server *server);
/* The Date of now. */
const struct lun_http_date *
lun_http_service_date(struct lun_http_server *server);
