/*
 * core/graphql/scalar.h - input values become PostgreSQL text.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The one place where values from outside (literals, variables) are checked
 * against their type. Output is what the type's PostgreSQL input function
 * reads; it holds no NUL byte. Messages contain names and at most 100
 * characters of the caller's own input, nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

struct lun_graphql_error;
struct lun_json;

enum lun_scalar {
    LUN_SCALAR_TEXT,        /* String: a string */
    LUN_SCALAR_ID_TEXT,     /* ID that is stored: string or integer, at most 25
                             * characters (3007); filters use TEXT_ID */
    LUN_SCALAR_TEXT_ID,     /* ID in a filter: string or integer */
    LUN_SCALAR_UUID,        /* canonical lower case */
    LUN_SCALAR_INT4,        /* Int: 32 bit */
    LUN_SCALAR_INT8,        /* Long: number, or string of digits */
    LUN_SCALAR_FLOAT8,      /* Float: finite */
    LUN_SCALAR_NUMERIC,     /* Decimal: string or number, exact */
    LUN_SCALAR_BOOL,        /* Boolean */
    LUN_SCALAR_TIMESTAMPTZ, /* DateTime: any ISO 8601 form, UTC without zone,
                             * milliseconds */
    LUN_SCALAR_DATE,        /* Date: any ISO 8601 date */
    LUN_SCALAR_TIME,        /* Time: 23:59, 23:59:01.123456, no zone */
    LUN_SCALAR_JSONB,       /* Json: literal: string holding JSON; variable:
                             * object or array */
    LUN_SCALAR_ENUM,        /* one of options->values */
    LUN_SCALAR_COUNT
};

struct lun_scalar_options {
    bool literal;          /* a token of the document, not a variable's value */
    const char *name;      /* field or argument, for messages; may be NULL */
    const char *type_name; /* enum: its GraphQL name; may be NULL */
    const char *const *values; /* enum: allowed values */
    size_t value_count;
    size_t max_length; /* TEXT: most characters, 0 = no limit */
    bool has_min;      /* INT4, INT8: */
    int64_t min;       /*   least value, else */
    int min_error;     /*   this OpenCRUD number (3026: "first") */
};

/* The whole number that JSON number `in` means (7, 7.0, 7e2); false when it is
 * none or needs more than 64 bits. */
bool lun_scalar_integer(const struct lun_json *in, int64_t *out);

/* Most items of one list. */
#define LUN_SCALAR_LIST_MAX 100000

/* By name as plans write it ("text", "id_text", "int4", ...); "id" is TEXT_ID.
 * -1 when unknown. */
int lun_scalar_find(const char *name);
/* The cast that a parameter of this type needs: "timestamptz". */
const char *lun_scalar_sql(enum lun_scalar type);

/*
 * Appends the text of `in` (not JSON null: the caller sends NULL) to `out`.
 * `options` and `error` may be NULL. LUN_EBAD_INPUT (error->opencrud set when
 * the table of OpenCRUD has a number), LUN_EVALIDATION (max_length),
 * LUN_EMEMORY. On failure `out` has its former length.
 */
int lun_scalar_coerce(enum lun_scalar type, const struct lun_json *in,
                      const struct lun_scalar_options *options,
                      struct lun_buf *out, struct lun_graphql_error *error);

/* The same for a list: array text "{...}". A value that is no list is a list
 * of one. Null items are refused; error->item is the index of a bad one. */
int lun_scalar_array(enum lun_scalar type, const struct lun_json *in,
                     const struct lun_scalar_options *options,
                     struct lun_buf *out, struct lun_graphql_error *error);

/* An array whose items come one by one: open, push each, close. `count` is the
 * caller's and starts at 0. */
void lun_scalar_array_open(struct lun_buf *out, size_t *count);
int lun_scalar_array_push(enum lun_scalar type, const struct lun_json *in,
                          const struct lun_scalar_options *options,
                          struct lun_buf *out, size_t *count,
                          struct lun_graphql_error *error);
void lun_scalar_array_close(struct lun_buf *out);
