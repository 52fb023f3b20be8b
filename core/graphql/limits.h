/*
 * core/graphql/limits.h - what a GraphQL request may cost.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bytes and tokens are checked while the text is read, nesting while it is
 * parsed, the rest on the parsed document, before anything is validated or
 * compiled. All of it takes linear time. What a plan's cache key does not fix,
 * the number of records that `first` and `last` ask for, is checked for each
 * request by lun_graphql_limits_check_nodes. Rows and bytes of an answer are
 * counted while it is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

struct lun_graphql_document;
struct lun_graphql_error;
struct lun_graphql_operation;

struct lun_graphql_limits {
    size_t bytes;       /* of the document; default 100 KiB */
    size_t tokens;      /* 15000 */
    size_t nesting;     /* brackets open at once, of any kind; 200 */
    size_t depth;       /* fields inside fields, fragments expanded; 20 */
    size_t fields;      /* selections of an operation, expanded; 2000 (twice
                         * that for all operations of the document) */
    size_t root_fields; /* of an operation, expanded; 100 */
    size_t aliases;     /* in the document; 200 */
    size_t directives;  /* in the document; 100 */
    size_t directives_on_one; /* on one field, fragment, ...; 8 */
    size_t operations;        /* in the document; 50 */
    size_t fragments;         /* definitions; 200 */
    size_t variables;         /* of an operation; 200 */
    size_t schemas;           /* __schema fields, expanded; 3 */
    size_t introspection;     /* fields, inputFields, interfaces and
                               * possibleTypes inside each other; 2 */
    size_t nodes;             /* records that nested first and last may ask
                               * for; 500000 */
    size_t rows;              /* of lists at the root, in one answer; 500000 */
    size_t answer_bytes;      /* of one answer; 64 MiB */
    size_t batch;             /* requests in one body; 0: none in a list */
};

/* Sets the defaults named above. */
void lun_graphql_limits_init(struct lun_graphql_limits *limits);

/* The limit called `name` ("root_fields"), to be set by configuration; NULL
 * when there is none of that name. */
size_t *lun_graphql_limits_find(struct lun_graphql_limits *limits,
                                const char *name);

/*
 * Checks depth, fields, aliases, directives and the other counts of a parsed
 * document. Unknown fragments and cycles count nothing: validation reports
 * them. Needs no schema. `arena` takes scratch memory. LUN_ELIMIT names the
 * limit in `error`; LUN_EMEMORY.
 */
int lun_graphql_limits_check(const struct lun_graphql_document *document,
                             const struct lun_graphql_limits *limits,
                             struct lun_arena *arena,
                             struct lun_graphql_error *error);

/* Whether a document asks for __schema or __type anywhere. */
bool lun_graphql_limits_introspects(
    const struct lun_graphql_document *document);

/* A `first` or `last` argument; those of enclosing fields multiply with it. */
struct lun_graphql_window {
    int parent;           /* index of the window around it, -1 when none */
    int lit;              /* number of the literal, -1 when it is a variable */
    int default_lit;      /* literal of the variable's default, -1 when none */
    const char *variable; /* NUL-terminated name, NULL for a literal */
    uint32_t fields; /* fields with a selection that it repeats, itself too */
};

struct lun_graphql_windows {
    struct lun_graphql_window *items; /* parents stand before children */
    size_t count;
};

/* Value of `window` in this request; below 0 when absent, null or unusable. */
typedef int64_t (*lun_graphql_window_cb)(
    void *context, const struct lun_graphql_window *window);

/* Lists the windows of `operation`, copied to `arena` (that of the plan). Call
 * it for a valid document that passed lun_graphql_limits_check, which bounds
 * its work. LUN_EMEMORY, or LUN_ELIMIT when the document cannot have been
 * valid. */
int lun_graphql_limits_windows(const struct lun_graphql_document *document,
                               const struct lun_graphql_operation *operation,
                               struct lun_arena *arena,
                               struct lun_graphql_windows *out);
/* Checks `limits->nodes` with the values of one request; LUN_ELIMIT. */
int lun_graphql_limits_check_nodes(const struct lun_graphql_windows *windows,
                                   const struct lun_graphql_limits *limits,
                                   lun_graphql_window_cb value, void *context,
                                   struct lun_graphql_error *error);
