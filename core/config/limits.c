/*
 * core/config/limits.c - the settings as the layers below want them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/config/limits.h"

#include <string.h>

#include "core/graphql/limits.h"
#include "core/config/config.h"
#include "core/http/server.h"
#include "core/pg/pool.h"

void lun_limits_http(const struct lun_config *config,
                     struct lun_http_limits *out)
{
    memset(out, 0, sizeof *out);
    out->request_line = config->http_request_line;
    out->header_bytes = config->http_header_bytes;
    out->header_count = (size_t)config->http_header_count;
    out->body_bytes = config->http_body_bytes;
    out->connections = (unsigned)config->http_connections;
    out->pipelined = (unsigned)config->http_pipelined;
    out->streams = (unsigned)config->http_streams;
    out->write_backlog = config->http_write_backlog;
    out->header_ms = (unsigned)config->http_header_ms;
    out->body_ms = (unsigned)config->http_body_ms;
    out->idle_ms = (unsigned)config->http_idle_ms;
    out->write_ms = (unsigned)config->http_write_ms;
}

void lun_limits_graphql(const struct lun_config *config,
                        struct lun_graphql_limits *out)
{
    static const char prefix[] = "graphql_";
    size_t count;
    const struct lun_config_key *keys = lun_config_keys(&count);
    lun_graphql_limits_init(out);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(keys[i].name, prefix, strlen(prefix)) != 0) {
            continue;
        }
        size_t *limit =
            lun_graphql_limits_find(out, keys[i].name + strlen(prefix));
        if (limit != NULL) {
            *limit = *(const size_t *)(const void *)((const char *)config +
                                                     keys[i].offset);
        }
    }
}

void lun_limits_pg(const struct lun_config *config, struct lun_pg_config *out)
{
    memset(out, 0, sizeof *out);
    out->conninfo = config->database;
    out->size = (unsigned)config->pg_size;
    out->waiting = (unsigned)config->pg_waiting;
    out->pipeline_depth = (unsigned)config->pg_pipeline;
    out->statement_ms = (unsigned)config->pg_statement_ms;
    out->result_bytes = (size_t)config->pg_result_bytes;
    out->connect_ms = (unsigned)config->pg_connect_ms;
    out->application = "lunette";
}
