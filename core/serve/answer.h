/*
 * core/serve/answer.h - the headers that every answer has, and its form.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names the release; packs what the client accepts packed; gives what was asked
 * by GET a validator, and says 304 to whoever has it already.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/http/coding.h"

struct lun_http_request;
struct lun_release;
struct lun_service;

struct lun_answer {
    int status;
    const char *type;       /* Content-Type */
    const char *extra_name; /* one more header; NULL: none */
    const char *extra_value;
    const char *body;
    size_t len;
    const char *tag; /* ETag of an answer to GET; NULL: made of the body */
    enum lun_http_coding coding; /* that `body` has already */
};

/* Answers; texts and body are copied. */
void lun_answer_send(struct lun_service *service,
                     const struct lun_release *release,
                     struct lun_http_request *request,
                     const struct lun_answer *answer);
