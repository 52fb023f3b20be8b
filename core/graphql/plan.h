/*
 * core/graphql/plan.h - the compiled form of one GraphQL operation.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A plan is made once (by Lua, converted in core/bind/plan.c) and run by C as
 * often as documents with the same tokens and inputs of the same shape come. It
 * never holds a literal of a document: parameters name where their value comes
 * from. A plan owns all its memory and is counted: the cache holds one
 * reference, each running request another.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/graphql/direct.h"
#include "core/graphql/limits.h"
#include "core/graphql/merge.h"
#include "core/graphql/scalar.h"
#include "core/graphql/shape.h"
#include "core/pg/pool.h"

struct lun_graphql_error;
struct lun_graphql_tokens;
struct lun_json;

enum lun_plan_source_kind {
    LUN_PLAN_LITERAL,  /* literal token number `literal` of the document */
    LUN_PLAN_VARIABLE, /* variable `text`, then `steps` into it */
    LUN_PLAN_CONST,    /* `text` as it is */
    LUN_PLAN_CONTEXT,  /* a fact of the request: "user" */
    LUN_PLAN_LIST,     /* a list made of `items` */
    LUN_PLAN_DEFAULT   /* items[0], or items[1] when that is absent */
};

struct lun_plan_step {
    const char *key; /* member of an object; NULL: item `index` of a list */
    size_t index;
};

struct lun_plan_source {
    enum lun_plan_source_kind kind;
    size_t literal;
    const char *text;
    struct lun_plan_step *steps;
    size_t step_count;
    struct lun_plan_source *items;
    size_t item_count;
};

struct lun_plan_param {
    enum lun_scalar type;
    bool list;
    /* A malformed value is bound as NULL, a malformed item is left out. */
    bool invalid_null;
    struct lun_scalar_options options;
    struct lun_plan_source source;
};

enum lun_plan_field_kind {
    LUN_PLAN_SQL,   /* one statement, run by C */
    LUN_PLAN_JSON,  /* constant text: __typename, introspection */
    LUN_PLAN_ERROR, /* known to fail when executed: FORBIDDEN, ... */
    LUN_PLAN_WRITE  /* run in the system VM: a mutation, a function of an app */
};

/* An error as a client sees it. Texts live as long as what holds them. */
struct lun_plan_error {
    const char *message;
    const char *extension; /* extensions.code */
    int opencrud;          /* 0: none */
    int code;              /* enum lun_error_code, for the HTTP status */
    unsigned line;         /* 0: no location */
    unsigned column;
    const char *path;   /* JSON text of the path; NULL: none */
    char error_id[17];  /* "" or what the log calls it */
    const char *limit;  /* setting that was exceeded; NULL: none */
    size_t max;         /* its value */
    const char *reason; /* extensions.reason; NULL: none */
    const char *app;    /* whose function it was; NULL: none */
    const char *release; /* of that app */
    /* For the log only; NULL: nothing. */
    const char *detail; /* message and stack */
};

/* A form that the object of a field may have: node(id:) has one per model. */
struct lun_plan_variant {
    struct lun_shape *shape;
    int present; /* this form it is when that column is not NULL */
};

struct lun_plan_field {
    const char *key; /* response key */
    size_t key_len;
    enum lun_plan_field_kind kind;
    bool nullable; /* an error makes this field null, else all data */
    unsigned line;
    unsigned column;

    struct lun_pg_statement statement;
    struct lun_merge_group group; /* with the statement for many at once */
    struct lun_plan_param *params;
    struct lun_shape *shape;
    bool single;      /* one object or null, else a list */
    size_t json_room; /* what its value is likely to take */
    bool page;        /* one object over all rows: lun_graphql_write_page */
    /* When given, instead of `shape`; null when no variant is present. */
    struct lun_plan_variant *variants;
    size_t variant_count;

    const char *json;
    size_t json_len;
    struct lun_plan_error error;
    int write;                 /* reference into the system VM */
    struct lun_direct *direct; /* what a write tries first; may be NULL */
};

struct lun_plan {
    struct lun_arena arena;
    unsigned refs;
    bool mutation;
    bool transaction; /* all fields of a mutation in one */
    bool introspects; /* asks for the schema */
    bool uncached;    /* depends on a literal: the cache does not take it */
    const char *apps; /* "sales,base": whose fields it asks; NULL: nobody's */
    size_t bytes;     /* what it weighs in the cache */
    struct lun_plan_field *fields;
    size_t field_count;
    struct lun_graphql_windows windows; /* first and last, for the node limit */
    /* Variables whose value is part of the key; "#name": if it is
     * a usual page size */
    const char **value_vars;
    size_t value_var_count;
    /* Called when the last reference goes, before the memory does. */
    void (*on_free)(struct lun_plan *plan, void *context);
    void *context;
};

/* An empty plan with one reference; NULL when memory ran out. */
struct lun_plan *lun_plan_new(void);
void lun_plan_ref(struct lun_plan *plan);
void lun_plan_unref(struct lun_plan *plan);

/* Where the values of one request come from. */
struct lun_plan_input {
    struct lun_arena *arena;
    const struct lun_graphql_tokens *tokens;
    const struct lun_json *variables; /* object; NULL: none */
    const char *user;                 /* id of the caller; NULL: nobody */
    const struct lun_graphql_limits *limits;
};

/* The value of `source`; NULL when it is absent or memory ran out. */
const struct lun_json *lun_plan_resolve(const struct lun_plan_source *source,
                                        const struct lun_plan_input *input);

/* Fills `out` from an error of the parts below, its texts in `arena`. */
int lun_plan_error_from(struct lun_arena *arena,
                        const struct lun_graphql_error *in,
                        struct lun_plan_error *out);

/* Checks what `first` and `last` of this request may return in all. */
int lun_plan_check_nodes(const struct lun_plan *plan,
                         const struct lun_plan_input *input,
                         struct lun_plan_error *error);

/*
 * Coerces the parameters of `field` into text values, in the arena of the
 * input. Returns 0, or an error code and fills `error` (LUN_EBAD_INPUT: what
 * the client sent is wrong).
 */
int lun_plan_bind(const struct lun_plan_field *field,
                  const struct lun_plan_input *input, struct lun_pg_params *out,
                  struct lun_plan_error *error);
