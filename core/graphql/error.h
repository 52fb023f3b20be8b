/*
 * core/graphql/error.h - an error of a GraphQL request, with its place.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "core/base/error.h"

struct lun_graphql_error {
    struct lun_err base; /* code and message */
    unsigned line;       /* 1-based; 0 when the error has no place */
    unsigned column;     /* 1-based, in code points */
    int opencrud;        /* number of the OpenCRUD table, 0 when none */
    int item;            /* index in a list that was coerced, -1 when none */
    const char *limit;   /* LUN_ELIMIT: name of the limit (static text) */
    size_t value;        /* LUN_ELIMIT: what was found (at least) */
    size_t max;          /* LUN_ELIMIT: what is allowed */
};

/* Sets `error` (may be NULL) without a place and returns `code`. */
int lun_graphql_error_set(struct lun_graphql_error *error, int code,
                          const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets LUN_ELIMIT: "document has more than 200 aliases" for what = "aliases".
 * `limit` is the name of the setting. */
int lun_graphql_error_limit(struct lun_graphql_error *error, const char *limit,
                            const char *what, size_t value, size_t max);
