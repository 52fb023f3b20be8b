/*
 * core/graphql/parser.h - the syntax tree of an executable document.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Names are slices of the document's text, so the text must outlive the tree.
 * Lists are linked by `next` in the order of the document. Values of number and
 * string literals are given by their number only: see lexer.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/graphql/lexer.h"

struct lun_graphql_name {
    const char *text; /* NULL when absent; not NUL-terminated */
    uint32_t len;
};

struct lun_graphql_place {
    uint32_t line;   /* 1-based */
    uint32_t column; /* 1-based, in code points */
};

enum lun_graphql_value_kind {
    LUN_GRAPHQL_VALUE_INT,
    LUN_GRAPHQL_VALUE_FLOAT,
    LUN_GRAPHQL_VALUE_STRING,
    LUN_GRAPHQL_VALUE_BOOL,
    LUN_GRAPHQL_VALUE_NULL,
    LUN_GRAPHQL_VALUE_ENUM,
    LUN_GRAPHQL_VALUE_VAR,
    LUN_GRAPHQL_VALUE_LIST,
    LUN_GRAPHQL_VALUE_OBJECT
};

struct lun_graphql_argument;

struct lun_graphql_value {
    enum lun_graphql_value_kind kind;
    struct lun_graphql_place place;
    uint32_t lit; /* int, float, string: number of the literal */
    bool truth;   /* bool */
    /* Enum and variable: the name. Int, float: the raw text. String: the token
     * with its quotes (lun_graphql_literal_value gives the content). */
    struct lun_graphql_name text;
    struct lun_graphql_value *items;     /* list */
    struct lun_graphql_argument *fields; /* object */
    struct lun_graphql_value *next;      /* in a list */
};

/* An argument, or a field of an object value. */
struct lun_graphql_argument {
    struct lun_graphql_name name;
    struct lun_graphql_place place;
    struct lun_graphql_value *value;
    struct lun_graphql_argument *next;
};

struct lun_graphql_directive {
    struct lun_graphql_name name;
    struct lun_graphql_place place;
    struct lun_graphql_argument *arguments;
    struct lun_graphql_directive *next;
};

enum lun_graphql_type_kind {
    LUN_GRAPHQL_TYPE_NAMED,
    LUN_GRAPHQL_TYPE_LIST,
    LUN_GRAPHQL_TYPE_NONNULL
};

struct lun_graphql_type {
    enum lun_graphql_type_kind kind;
    struct lun_graphql_place place;
    struct lun_graphql_name name; /* named */
    struct lun_graphql_type *of;  /* list, nonnull */
};

struct lun_graphql_variable {
    struct lun_graphql_name name; /* without '$' */
    struct lun_graphql_place place;
    struct lun_graphql_type *type;
    struct lun_graphql_value *initial; /* default value or NULL */
    struct lun_graphql_directive *directives;
    struct lun_graphql_variable *next;
};

enum lun_graphql_selection_kind {
    LUN_GRAPHQL_FIELD,
    LUN_GRAPHQL_FRAGMENT_SPREAD,
    LUN_GRAPHQL_INLINE
};

struct lun_graphql_selection {
    enum lun_graphql_selection_kind kind;
    struct lun_graphql_place place;
    struct lun_graphql_name alias; /* field, absent when none */
    struct lun_graphql_name name;  /* field, spread */
    struct lun_graphql_name on;    /* inline, absent when none */
    struct lun_graphql_argument *arguments;
    struct lun_graphql_directive *directives;
    struct lun_graphql_selection *selections; /* NULL for a leaf */
    struct lun_graphql_selection *next;
};

enum lun_graphql_operation_kind {
    LUN_GRAPHQL_QUERY,
    LUN_GRAPHQL_MUTATION,
    LUN_GRAPHQL_SUBSCRIPTION
};

struct lun_graphql_operation {
    enum lun_graphql_operation_kind kind;
    struct lun_graphql_name name; /* absent when anonymous */
    struct lun_graphql_place place;
    struct lun_graphql_variable *variables;
    struct lun_graphql_directive *directives;
    struct lun_graphql_selection *selections; /* never NULL */
    struct lun_graphql_operation *next;
};

struct lun_graphql_fragment {
    struct lun_graphql_name name;
    struct lun_graphql_name on;
    struct lun_graphql_place place;
    struct lun_graphql_directive *directives;
    struct lun_graphql_selection *selections; /* never NULL */
    struct lun_graphql_fragment *next;
};

struct lun_graphql_document {
    struct lun_graphql_operation *operations;
    struct lun_graphql_fragment *fragments;
    size_t operation_count;
    size_t fragment_count;
};

/*
 * Parses tokens into `arena`. LUN_ESYNTAX with line and column ("syntax error:
 * expected ':' but found '}'"), LUN_ELIMIT (nesting) or LUN_EMEMORY. Type
 * system definitions are refused.
 */
int lun_graphql_parse(struct lun_arena *arena,
                      const struct lun_graphql_tokens *tokens,
                      const struct lun_graphql_limits *limits,
                      struct lun_graphql_document **out,
                      struct lun_graphql_error *error);

/* The operation of a request: the one called `name` (may be NULL: the only
 * one); NULL when there is none or it is not unique. */
const struct lun_graphql_operation *
lun_graphql_operation_find(const struct lun_graphql_document *document,
                           const char *name, size_t len);
