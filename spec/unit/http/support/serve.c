/*
 * spec/unit/http/support/serve.c - a bare server to attack and to measure.
 * SPDX-License-Identifier: Apache-2.0
 *
 * serve [PORT [CERTIFICATE KEY]]: answers /graphql with a constant, /later at the next turn of
 * the loop, everything else with 404. SIGTERM drains. At the end it prints its
 * requests and its CPU time. Build:
 * cc -O2 -D_GNU_SOURCE -I. spec/unit/http/support/serve.c core/base/[*].c
 *    core/telemetry/[*].c core/net/[*].c core/http/[*].c -luv -lssl -lcrypto -lnghttp2 -lm
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/http/server.h"
#include "core/net/listener.h"
#include "core/net/tls.h"

static const char answer[] = "{\"data\":{\"__typename\":\"Query\"}}";
static const struct lun_http_header json = {"content-type",
                                            "application/json; charset=utf-8"};
static unsigned long served;
static uv_signal_t term, interrupt;

static void on_later(uv_timer_t *timer)
{
    lun_http_respond(timer->data, 200, &json, 1, answer, sizeof(answer) - 1);
    uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

static void on_request(struct lun_http_request *request, void *context)
{
    served++;
    if (strcmp(request->path, "/graphql") == 0) {
        lun_http_respond(request, 200, &json, 1, answer, sizeof(answer) - 1);
    } else if (strcmp(request->path, "/later") == 0) {
        uv_timer_t *timer = malloc(sizeof(*timer));
        if (!timer)
            abort();
        (void)uv_timer_init(context, timer);
        timer->data = request;
        (void)uv_timer_start(timer, on_later, (uint64_t)atoi(request->query),
                             0);
    } else {
        lun_http_respond(request, 404, NULL, 0, NULL, 0);
    }
}

static void on_drained(void *context)
{
    (void)context;
    uv_close((uv_handle_t *)&term, NULL);
    uv_close((uv_handle_t *)&interrupt, NULL);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    lun_http_server_drain(signal->data, 5000, on_drained, NULL);
    (void)uv_signal_stop(&term);
    (void)uv_signal_stop(&interrupt);
}

int main(int argc, char **argv)
{
    uv_loop_t *loop = uv_default_loop();
    struct lun_http_config config = {.handler = on_request, .context = loop};
    struct lun_http_server *server = NULL;
    struct lun_err err;
    int port = argc > 1 ? atoi(argv[1]) : 0;
    if (argc > 3 && lun_net_tls_open(argv[2], argv[3], &config.tls, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    if (lun_net_listener_probe("127.0.0.1", port, &err) ||
        lun_net_listener_bind("127.0.0.1", port, &config.fd, &port, &err) ||
        lun_http_server_open(loop, &config, &server, &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    (void)uv_signal_init(loop, &term);
    (void)uv_signal_init(loop, &interrupt);
    term.data = interrupt.data = server;
    (void)uv_signal_start(&term, on_signal, SIGTERM);
    (void)uv_signal_start(&interrupt, on_signal, SIGINT);
    printf("ready %s://127.0.0.1:%d\n", config.tls ? "https" : "http", port);
    (void)fflush(stdout);
    (void)uv_run(loop, UV_RUN_DEFAULT);
    double cpu = (double)lun_clock_cpu_ns() / 1000.0;
    printf("%lu requests, %.2f us CPU each\n", served,
           served ? cpu / (double)served : 0);
    lun_net_tls_close(config.tls);
    return uv_loop_close(loop) != 0;
}
