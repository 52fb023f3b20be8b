/*
 * core/cli/test_server.h - a PostgreSQL where tests may make databases.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stdbool.h>

struct lun_config;
struct lun_err;
struct lun_test_private;

struct lun_test_server {
    char conninfo[4096];
    bool own; /* a database that the caller named: it is for tests */
    struct lun_test_private *started; /* NULL: it runs already */
};

/*
 * The private cluster of the data folder: that of the host that runs on it, or
 * started for as long as it is needed. With the setting `database`, that
 * database. Blocks.
 */
int lun_test_server_open(const struct lun_config *config,
                         struct lun_test_server *out, struct lun_err *err);
void lun_test_server_close(struct lun_test_server *server);
