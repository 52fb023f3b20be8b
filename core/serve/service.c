/* SPDX-License-Identifier: Apache-2.0 */
#include "core/serve/service.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/bind/framework.h"
#include "core/bind/write.h"
#include "core/graphql/merge.h"
#include "core/graphql/plan_cache.h"
#include "core/serve/answer.h"
#include "core/config/config.h"
#include "core/config/limits.h"
#include "core/serve/persisted.h"
#include "core/config/program.h"
#include "core/serve/release.h"
#include "core/config/role_limits.h"
#include "core/serve/token.h"
#include "core/http/server.h"
#include "core/net/tls.h"
#include "core/pg/pool.h"
#include "core/telemetry/log.h"
#include "core/telemetry/metrics.h"
#include "core/vm/app.h"

/* Answering ---------------------------------------------------------------- */

void lun_service_respond(struct lun_service *service,
                         const struct lun_release *release,
                         struct lun_http_request *request, int status,
                         const char *type, const char *extra_name,
                         const char *extra_value, const char *body, size_t len)
{
    const struct lun_answer answer = {.status = status,
                                      .type = type,
                                      .extra_name = extra_name,
                                      .extra_value = extra_value,
                                      .body = body,
                                      .len = len};
    lun_answer_send(service, release, request, &answer);
}

static void respond_keys(struct lun_service *service,
                         struct lun_http_request *request)
{
    const char *jwks = lun_token_jwks(service->keys);
    lun_service_respond(service, service->current, request, 200,
                        "application/json", NULL, NULL, jwks, strlen(jwks));
}

static void handle(struct lun_http_request *request, void *context)
{
    struct lun_service *service = context;
    if (!strcmp(request->path, "/graphql"))
        lun_graphql_route(service, request);
    else if (!strcmp(request->path, "/.well-known/jwks.json"))
        respond_keys(service, request);
    else
        lun_page_route(service, request);
}

/* The answers that the server gives itself look like those of /graphql. */
/* The setting behind a reason of the server, which is its own text. */
static const char *limit_of(const struct lun_config *config, const char *reason,
                            size_t *max)
{
    const struct {
        const char *reason, *limit;
        size_t max;
    } limits[] = {
        {"request line too long", "http_request_line",
         config->http_request_line},
        {"headers too large", "http_header_bytes", config->http_header_bytes},
        {"too many headers", "http_header_count",
         (size_t)config->http_header_count},
        {"body too large", "http_body_bytes", config->http_body_bytes},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
        if (!strcmp(reason, limits[i].reason)) {
            *max = limits[i].max;
            return limits[i].limit;
        }
    }
    return NULL;
}

static void error_body(void *context, int status, const char *reason,
                       struct lun_buf *out)
{
    const struct lun_service *service = context;
    size_t max = 0;
    const char *limit = limit_of(service->config, reason, &max);
    int code = status == 413                    ? LUN_ETOO_LARGE
               : status == 414 || status == 431 ? LUN_ELIMIT
               : status == 408                  ? LUN_EDEADLINE
               : status == 503                  ? LUN_EUNAVAILABLE
                                                : LUN_EBAD_INPUT;
    lun_buf_push_str(out, "{\"errors\":[{\"message\":");
    lun_buf_push_json_string(out, reason, strlen(reason));
    lun_buf_printf(out, ",\"extensions\":{\"code\":\"%s\"",
                   lun_error_info(code)->graphql);
    if (limit)
        lun_buf_printf(out, ",\"limit\":\"%s\",\"max\":%zu", limit, max);
    lun_buf_push_str(out, "}}]}");
}

static size_t error_headers(void *context, const struct lun_http_header **out)
{
    static struct lun_http_header headers[3] = {
        {"x-content-type-options", "nosniff"},
        {"cache-control", "no-store"},
    };
    const struct lun_service *service = context;
    headers[2] =
        (struct lun_http_header){"lunette-release", service->current->header};
    *out = headers;
    return 3;
}

/* Opening ------------------------------------------------------------------ */

static int open_server(struct lun_service *service, int fd, struct lun_err *err)
{
    struct lun_http_config config = {
        .fd = fd,
        .tls = service->tls,
        .handler = handle,
        .context = service,
        .error_body = error_body,
        .error_headers = error_headers,
    };
    lun_limits_http(service->config, &config.limits);
    return lun_http_server_open(service->loop, &config, &service->server, err);
}

int lun_service_open_set(struct lun_service *service, const char *set,
                         struct lun_release **out, struct lun_err *err)
{
    const struct lun_release_place place = {
        .framework = service->framework,
        .config = service->config,
        .loop = service->loop,
        .like = {service->current, service->beside},
    };
    int rc = lun_release_open(&place, set, out, err);
    /* Those of the first set start when the database is there. */
    if (!rc && service->modules.host.loop)
        lun_bind_modules_start(&service->modules, &(*out)->apps);
    return rc;
}

/* The grant of the release set at work. */
static const char *find_grant(void *context, const char *module,
                              const char *app)
{
    const struct lun_service *service = context;
    const struct lun_bind_apps *apps = &service->current->apps;
    for (size_t i = 0; i < apps->count; i++) {
        const struct lun_bind_app *each = apps->items[i];
        if (app && strcmp(lun_vm_app_name(each->vm), app) != 0)
            continue;
        for (size_t j = 0; j < each->grant_count; j++)
            if (!strcmp(each->grants[j].name, module))
                return each->grants[j].options;
    }
    return NULL;
}

static void start_modules(struct lun_service *service)
{
    const struct lun_module_host host = {.loop = service->loop,
                                         .pool = service->pool,
                                         .grant = find_grant,
                                         .context = service};
    lun_bind_modules_init(&service->modules, &host);
    lun_bind_modules_start(&service->modules, &service->current->apps);
}

static int open_parts(struct lun_service *service, const char *data,
                      const char *set, int (*harden)(struct lun_err *err),
                      struct lun_err *err)
{
    const struct lun_config *config = service->config;
    struct lun_pg_config pg = {0};
    char lua[PATH_MAX], keys[PATH_MAX];
    snprintf(keys, sizeof(keys), "%s/keys", data);
    lun_limits_graphql(config, &service->limits);
    lun_limits_pg(config, &pg);
    int rc = lun_program_lua_dir(config, lua, err);
    if (!rc)
        rc = lun_token_keys_open(keys, config->token_audience, &service->keys,
                                 err);
    if (!rc && config->tls_certificate[0])
        rc = lun_net_tls_open(config->tls_certificate,
                              lun_config_tls_key(config), &service->tls, err);
    if (!rc)
        rc = lun_role_limits_open(config->role_limits, &service->limits,
                                  &service->role_limits, err);
    if (!rc)
        rc = lun_persisted_open(config->persisted_query_bytes,
                                config->graphql_allow_list, &service->limits,
                                &service->persisted, err);
    if (!rc) {
        lun_token_keys_forget_private(service->keys);
        rc = harden ? harden(err) : 0;
    }
    if (!rc)
        rc = lun_framework_open(lua, &service->framework, err);
    if (!rc)
        rc = lun_service_open_set(service, set, &service->current, err);
    if (!rc)
        rc = lun_pg_pool_open(service->loop, &pg, &service->pool, err);
    if (rc)
        return rc;
    start_modules(service);
    service->writer = lun_bind_writer_new(service->framework, service->loop,
                                          (unsigned)config->pg_size);
    service->gzip = lun_http_gzip_new();
    service->merge = lun_merge_new(service->loop, service->pool);
    if (!service->writer || !service->merge || !service->gzip)
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    service->auth = (struct lun_auth){
        .config = config, .pool = service->pool, .keys = service->keys};
    return 0;
}

static void free_service(struct lun_service *service)
{
    lun_release_unref(service->beside);
    lun_release_unref(service->current);
    if (service->merge)
        lun_merge_close(service->merge);
    lun_bind_writer_free(service->writer);
    lun_framework_close(service->framework);
    lun_token_keys_close(service->keys);
    lun_net_tls_close(service->tls);
    lun_http_gzip_free(service->gzip);
    lun_persisted_close(service->persisted);
    lun_role_limits_close(service->role_limits);
    free(service);
}

static void on_pool_closed(void *context)
{
    struct lun_service *service = context;
    void (*drained)(void *) = service->drained;
    void *drained_context = service->drained_context;
    free_service(service);
    if (drained)
        drained(drained_context);
}

static void on_modules_stopped(void *context)
{
    struct lun_service *service = context;
    lun_pg_pool_close(service->pool, on_pool_closed, service);
}

/* Modules may have work for the database left. */
static void close_parts(struct lun_service *service)
{
    lun_bind_modules_stop(&service->modules, on_modules_stopped, service);
}

int lun_service_open(uv_loop_t *loop, const struct lun_config *config,
                     const char *data, int fd, const char *set,
                     int (*harden)(struct lun_err *err),
                     struct lun_service **out, struct lun_err *err)
{
    struct lun_service *service = calloc(1, sizeof(*service));
    if (!service) {
        (void)close(fd);
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    service->loop = loop;
    service->config = config;
    int rc = open_parts(service, data, set, harden, err);
    if (rc)
        (void)close(fd);
    else
        rc = open_server(service, fd, err);
    if (!rc) {
        *out = service;
    } else if (service->pool) {
        close_parts(service);
    } else {
        free_service(service);
    }
    return rc;
}

/* While it serves ---------------------------------------------------------- */

void lun_service_renew(struct lun_service *service)
{
    const struct lun_config *config = service->config;
    struct lun_persisted *store;
    struct lun_err err;
    if (service->tls)
        lun_net_tls_renew(service->tls);
    if (!lun_persisted_is_strict(service->persisted))
        return;
    if (lun_persisted_open(config->persisted_query_bytes,
                           config->graphql_allow_list, &service->limits, &store,
                           &err)) {
        lun_log_printf(LUN_LOG_ERROR, "%s; the list read before goes on",
                       err.message);
        return;
    }
    lun_persisted_close(service->persisted);
    service->persisted = store;
}

/* Ending ------------------------------------------------------------------- */

/* Jobs on threads come back to the service. */
static void end_when_done(struct lun_service *service)
{
    if (service->served && !service->jobs)
        close_parts(service);
}

void lun_service_job_done(struct lun_service *service)
{
    service->jobs--;
    end_when_done(service);
}

static void on_server_closed(void *context)
{
    struct lun_service *service = context;
    service->served = true;
    end_when_done(service);
}

void lun_service_drain(struct lun_service *service, bool replaced,
                       void (*drained)(void *context), void *context)
{
    unsigned grace_ms = (unsigned)service->config->drain_ms;
    service->drained = drained;
    service->drained_context = context;
    lun_service_abort(service);
    if (replaced)
        lun_http_server_retire(service->server, grace_ms, on_server_closed,
                               service);
    else
        lun_http_server_drain(service->server, grace_ms, on_server_closed,
                              service);
}

void lun_service_measure(const struct lun_service *service)
{
    struct lun_pg_stats pg;
    unsigned connections, requests;
    size_t plans, bytes;
    lun_pg_pool_stats(service->pool, &pg);
    lun_http_server_stats(service->server, &connections, &requests);
    lun_plan_cache_stats(service->current->plans, &plans, &bytes);
    lun_metrics_set(LUN_METRIC_HTTP_CONNECTIONS, connections);
    lun_metrics_set(LUN_METRIC_HTTP_REQUESTS_ACTIVE, requests);
    lun_metrics_set(LUN_METRIC_PLAN_COUNT, plans);
    lun_metrics_set(LUN_METRIC_PLAN_BYTES, bytes);
    lun_metrics_set(LUN_METRIC_DB_UP, lun_pg_pool_ready(service->pool));
    lun_metrics_set(LUN_METRIC_DB_CONNECTIONS, pg.connections);
    lun_metrics_set(LUN_METRIC_DB_BUSY, pg.busy);
    lun_metrics_set(LUN_METRIC_DB_WAITING, pg.waiting);
    lun_metrics_set(LUN_METRIC_DB_STATEMENTS, pg.statements);
    lun_metrics_set(LUN_METRIC_DB_ERRORS, pg.errors);
    lun_metrics_set(LUN_METRIC_DB_RECONNECTS, pg.reconnects);
    lun_metrics_set(LUN_METRIC_LUA_BYTES,
                    lun_framework_memory(service->framework));
}
