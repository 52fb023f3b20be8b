/*
 * modules/http/http.c - requests to other servers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/vm/module.h"
#include "modules/http/fetch.h"
#include "modules/http/pool.h"

static void *start(const struct lun_module_host *host)
{
    return lun_fetch_pool_new(host->loop);
}

static void stop(void *state, void (*closed)(void *context), void *context)
{
    if (state)
        lun_fetch_pool_stop(state, closed, context);
    else
        closed(context);
}

static void ask(struct lun_module_ask *request)
{
    if (request->state)
        lun_fetch_begin(request->state, request);
    else
        lun_module_refuse(request, "http: out of memory");
}

static void cancel(struct lun_module_ask *request)
{
    if (request->work)
        lun_fetch_cancel(request->work, "nobody waits for the answer");
}

/* Bodies; what an app may receive bounds them already. */
static const struct lun_module_need needs[] = {
    {"json", "{\"bytes\":268435456,\"depth\":64}"}, {NULL, NULL}};

const struct lun_module lun_module_http = {
    .name = "http",
    .needs = needs,
    .ask = ask,
    .cancel = cancel,
    .start = start,
    .stop = stop,
};
