/*
 * core/cli/client.h - the ops port of a server, asked from the command line.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "core/base/buf.h"

struct lun_config;
struct lun_err;

struct lun_client {
    const struct lun_config *config; /* of the command line */
    const char *server;     /* "https://host:8081"; NULL: the one on the data
                               folder, which also gives a token */
    const char *token_file; /* NULL: LUNETTE_TOKEN, or a token for 'admin' made
                               with the keys of the data folder */
    const char *ca_file;    /* certificates to trust; NULL: the system's */
};

/* One request, until it is answered; `body` NULL is a GET. `answer` gets the
 * bytes, `status` that of HTTP. */
int lun_client_ask(const struct lun_client *client, const char *path,
                   const struct lun_buf *body, long *status,
                   struct lun_buf *answer, struct lun_err *err);
