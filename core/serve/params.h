/*
 * core/serve/params.h - the parameters of a GraphQL request.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include <stddef.h>

struct lun_arena;
struct lun_json;

struct lun_params {
    const char *query; /* NULL: it is asked for by its hash */
    size_t query_len;
    const char *operation;            /* NULL: none */
    const struct lun_json *variables; /* object; NULL: none */
    const char *hash; /* extensions.persistedQuery.sha256Hash; NULL: none */
};

/* From a JSON object. NULL, or what is wrong (static or in `arena`). */
const char *lun_params_from_json(const struct lun_json *object,
                                 struct lun_params *out);
/* From the query string of a URL. */
const char *lun_params_from_url(struct lun_arena *arena, const char *query,
                                struct lun_params *out);
