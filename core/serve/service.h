/*
 * core/serve/service.h - what one worker serves.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Ties the pool, the system VM, the release sets and the HTTP server of one
 * loop together. Also the inside of liblunette (core/lunette.h).
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

#include "core/bind/modules.h"
#include "core/graphql/limits.h"
#include "core/serve/auth.h"

struct lun_bind_writer;
struct lun_config;
struct lun_err;
struct lun_framework;
struct lun_http_gzip;
struct lun_http_request;
struct lun_http_server;
struct lun_merge;
struct lun_persisted;
struct lun_net_tls;
struct lun_pg_pool;
struct lun_release;
struct lun_role_limits;
struct lun_token_keys;
struct lun_upgrade;

/* `err` is NULL when it worked. */
typedef void (*lun_service_prepared_cb)(void *context,
                                        const struct lun_err *err);

/* A release set that is to be loaded once there is room for it. */
struct lun_service_prepare {
    char set[4096];    /* its file */
    uv_timer_t *timer; /* until there is room; NULL when nothing waits */
    struct lun_upgrade *upgrade; /* of what is beside; NULL: none */
    lun_service_prepared_cb cb;
    void *context;
};

struct lun_service {
    uv_loop_t *loop;
    const struct lun_config *config;
    struct lun_pg_pool *pool;
    struct lun_framework *framework;
    struct lun_merge *merge;
    struct lun_bind_writer *writer;
    struct lun_bind_modules modules;
    struct lun_token_keys *keys;
    struct lun_http_server *server;
    struct lun_net_tls *tls; /* NULL: plain http */
    struct lun_http_gzip *gzip;
    struct lun_auth auth;
    struct lun_graphql_limits limits;
    struct lun_role_limits *role_limits; /* NULL: the same for all */
    struct lun_persisted *persisted;
    struct lun_release *current; /* serves */
    /* Waits for its commit, or is kept warm since the one that serves took its
     * place; NULL: none. */
    struct lun_release *beside;
    unsigned draining; /* releases that only their last requests hold */
    struct lun_service_prepare prepare;
    bool blocking; /* nobody turns the loop while a set is prepared: the state
                      of apps is not handed over */
    unsigned jobs; /* on threads; the service stays until they are done */
    bool served;   /* the server has closed */
    void (*drained)(void *context);
    void *drained_context;
};

/*
 * Opens everything and serves the release set in file `set` on the listening
 * socket `fd`, which it owns from then on. `data` is the data folder (signing
 * keys). `harden` (may be NULL) is called once everything is read that only the
 * owner of the data folder may read, before any code of an app is loaded.
 * Returns 0 or a LUN_E code; on failure nothing is left open.
 */
int lun_service_open(uv_loop_t *loop, const struct lun_config *config,
                     const char *data, int fd, const char *set,
                     int (*harden)(struct lun_err *err),
                     struct lun_service **out, struct lun_err *err);

/* Loads the set in file `set`; one reference is the caller's. */
int lun_service_open_set(struct lun_service *service, const char *set,
                         struct lun_release **out, struct lun_err *err);
/*
 * The three steps of a switch (core/serve/control.h). There are never more than
 * two sets: the one that serves and one beside it. What was beside it goes
 * before another is loaded, which waits for the last request that holds it, at
 * most release_drain_ms. `cb` is called once, maybe before this returns.
 */
void lun_service_prepare(struct lun_service *service, const char *id,
                         const char *set, lun_service_prepared_cb cb,
                         void *context);
/* The set before stays beside, warm. */
int lun_service_commit(struct lun_service *service, const char *id,
                       struct lun_err *err);
/* Forgets what is beside, and what waits to be. */
void lun_service_abort(struct lun_service *service);

/* Reads certificate and allow list again; what cannot be used is logged, and
 * what was read before goes on. */
void lun_service_renew(struct lun_service *service);

/* Stops to accept, answers what has begun, closes and frees everything;
 * `drained` comes last. `replaced`: a successor accepts already. Once only. */
void lun_service_drain(struct lun_service *service, bool replaced,
                       void (*drained)(void *context), void *context);

/* A job that was counted in `jobs` has ended. */
void lun_service_job_done(struct lun_service *service);

/* Sets the gauges of the metrics. */
void lun_service_measure(const struct lun_service *service);

/* The handler of /graphql. */
void lun_graphql_route(struct lun_service *service,
                       struct lun_http_request *request);
/* Static pages below the folder `pages`; answers 404 for what is not there. */
void lun_page_route(struct lun_service *service,
                    struct lun_http_request *request);
/* Answers with a JSON body and the headers that every answer has. */
void lun_service_respond(struct lun_service *service,
                         const struct lun_release *release,
                         struct lun_http_request *request, int status,
                         const char *type, const char *extra_name,
                         const char *extra_value, const char *body, size_t len);
