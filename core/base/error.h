/*
 * core/base/error.h - the one table of error causes, and an error to read.
 * SPDX-License-Identifier: Apache-2.0
 *
 * errors.def gives each cause its code, fixed message, GraphQL code, HTTP
 * status and whether it is retried inside; every edge maps from here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* errors.def rows: LUN_ERROR(NAME, "fixed message", "GRAPHQL_CODE", http, retry)
 */
enum lun_error_code {
    LUN_OK = 0,
#define LUN_ERROR(name, message, graphql, http, retry) LUN_E##name,
#include "core/base/errors.def"
#undef LUN_ERROR
    LUN_ERROR_COUNT
};

struct lun_error_info {
    const char *name;    /* "CONFLICT" */
    const char *message; /* fixed text for clients */
    const char *graphql; /* extensions.code */
    int http;            /* status when no root field ran */
    int retry;           /* times the host tries again by itself */
};

/* What a person reads: what, where, what would be right. */
struct lun_err {
    int code; /* enum lun_error_code */
    char message[512];
};

/* Never NULL; an unknown code answers as LUN_EINTERNAL. */
const struct lun_error_info *lun_error_info(int code);
/* Sets `err` (may be NULL) and returns `code`. */
int lun_error_set(struct lun_err *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The cause for a five-character SQLSTATE; LUN_EINTERNAL when unknown or NULL.
 */
int lun_error_from_sqlstate(const char *sqlstate);
