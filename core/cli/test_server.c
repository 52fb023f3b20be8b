/*
 * core/cli/test_server.c - a PostgreSQL where tests may make databases.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/cli/test_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "core/base/error.h"
#include "core/config/config.h"
#include "core/config/console.h"
#include "core/config/datadir.h"
#include "core/supervise/postgres.h"
#include "core/supervise/running.h"

struct lun_test_private {
    uv_loop_t loop;
    struct lun_datadir dir;
    struct lun_postgres *postgres;
    bool closed;
};

/* On the socket the account that runs the cluster is its superuser. */
static void use_socket(struct lun_test_server *out, const char *socket)
{
    (void)snprintf(out->conninfo, sizeof out->conninfo, "host='%s'", socket);
}

static int use_running(const struct lun_config *config,
                       struct lun_test_server *out, struct lun_err *err)
{
    char *socket = lun_running_text(config, "socket");
    if (socket == NULL || socket[0] == '\0') {
        free(socket);
        return lun_error_set(err, LUN_ECONFIG,
                             "the host works on a database of its own; name "
                             "one that is for tests: --database URL");
    }
    use_socket(out, socket);
    free(socket);
    return 0;
}

static int start(const struct lun_config *config, struct lun_test_server *out,
                 struct lun_err *err)
{
    struct lun_test_private *own = calloc(1, sizeof *own);
    struct lun_postgres_info info;
    lun_console_use_stderr(); /* stdout is for the results */
    if (own == NULL || uv_loop_init(&own->loop) != 0) {
        free(own);
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    }
    int code = lun_datadir_open(config->data, true, &own->dir, err);
    if (code == 0) {
        code = lun_datadir_lock(&own->dir, err);
    }
    if (code == 0) {
        code = lun_postgres_open(&own->loop, config, &own->dir, &own->postgres,
                                 err);
    }
    if (code != 0) {
        lun_datadir_close(&own->dir);
        (void)uv_loop_close(&own->loop);
        free(own);
        return code;
    }
    lun_postgres_info(own->postgres, &info);
    use_socket(out, info.socket);
    out->started = own;
    return 0;
}

int lun_test_server_open(const struct lun_config *config,
                         struct lun_test_server *out, struct lun_err *err)
{
    struct lun_datadir dir;
    memset(out, 0, sizeof *out);
    if (config->database[0] != '\0') {
        (void)snprintf(out->conninfo, sizeof out->conninfo, "%s",
                       config->database);
        out->own = true;
        return 0;
    }
    if (lun_datadir_open(config->data, false, &dir, NULL) == 0 &&
        lun_datadir_owner(&dir) != 0) {
        return use_running(config, out, err);
    }
    return start(config, out, err);
}

static void on_closed(void *context)
{
    struct lun_test_private *own = context;
    own->closed = true;
}

void lun_test_server_close(struct lun_test_server *server)
{
    struct lun_test_private *own = server->started;
    if (own == NULL) {
        return;
    }
    lun_postgres_close(own->postgres, on_closed, own);
    while (!own->closed) {
        (void)uv_run(&own->loop, UV_RUN_ONCE);
    }
    for (int turns = 0; turns < 100 && uv_loop_close(&own->loop) != 0;
         turns++) {
        (void)uv_run(&own->loop, UV_RUN_NOWAIT);
    }
    lun_datadir_close(&own->dir);
    free(own);
}
