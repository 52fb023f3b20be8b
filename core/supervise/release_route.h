/*
 * core/supervise/release_route.h - releases on the ops port.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   GET  /releases?app=APP  the releases of an app, or of all
 *   POST /push              {"app","files":[{"path","text"}],"note","confirm"}
 *   POST /rollback          {"app","to"}
 *
 * Always with a token (core/serve/token.h), and from other machines only over
 * TLS. Answers are JSON: {"ok":true,...} or {"ok":false,"message","errors"};
 * 409 with "confirm" when a push needs to be sent again with its digest.
 */
#pragma once

#include <stdbool.h>

struct lun_config;
struct lun_http_request;
struct lun_reload;

struct lun_release_route {
    struct lun_reload *reload; /* NULL: the server is about to end */
    const struct lun_config *config;
    const char *data; /* data folder */
};

/* Answers, now or later; false when the path is none of these. */
bool lun_release_route(struct lun_release_route *route,
                       struct lun_http_request *request);
