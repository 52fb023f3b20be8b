/*
 * core/config/limits.h - the settings as the layers below want them.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

struct lun_config;
struct lun_graphql_limits;
struct lun_http_limits;
struct lun_pg_config;

/* From the http_* settings. */
void lun_limits_http(const struct lun_config *config,
                     struct lun_http_limits *out);
/* From the graphql_* settings. */
void lun_limits_graphql(const struct lun_config *config,
                        struct lun_graphql_limits *out);
/* From the pg_* settings and `database`, whose text is not copied. */
void lun_limits_pg(const struct lun_config *config, struct lun_pg_config *out);
