/*
 * modules/http/easy.h - one try as libcurl is told of it.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "core/base/error.h"
#include "modules/http/request.h"

struct lun_fetch_grant;

/* What is asked; stays until the transfer is over. */
struct lun_fetch_try {
    const struct lun_fetch_grant *grant;
    const char *app;
    const struct lun_fetch_request *request;
    const struct lun_fetch_target *target;
    const char *method; /* may differ from the request's after a redirect */
    bool with_body;
    bool elsewhere; /* a redirect led away from the first origin */
    const char *traceparent;
    struct curl_slist *headers; /* made by lun_fetch_easy_set */
    struct lun_err refused;     /* code != 0: why no connection was made */
    char text[CURL_ERROR_SIZE];
};

/* Sets all options but those of the response. 0 or LUN_EMEMORY. */
int lun_fetch_easy_set(CURL *easy, struct lun_fetch_try *attempt);
/* Bytes that a try sends. */
size_t lun_fetch_easy_bytes(const struct lun_fetch_try *attempt);
