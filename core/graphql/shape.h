/*
 * core/graphql/shape.h - how the columns of a result become JSON objects.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The maker of a plan fills `name` and the members of the field's kind, then
 * calls lun_shape_prepare once for the outermost object.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"

struct lun_graphql_error;
struct lun_shape;

/* Types of columns (binary format). Integers and floats of any width are read
 * by their length. */
enum lun_ctype {
    LUN_CTYPE_BOOL,
    LUN_CTYPE_INT4,
    LUN_CTYPE_INT8, /* a string beyond 2^53 */
    LUN_CTYPE_FLOAT8,
    LUN_CTYPE_NUMERIC, /* exact text in quotes */
    LUN_CTYPE_TEXT,
    LUN_CTYPE_UUID,
    LUN_CTYPE_TIMESTAMPTZ,
    LUN_CTYPE_DATE,
    LUN_CTYPE_TIME,
    LUN_CTYPE_JSONB,
    LUN_CTYPE_COUNT
};

enum lun_shape_kind {
    LUN_SHAPE_COLUMN,  /* col, type, list */
    LUN_SHAPE_CONST,   /* json */
    LUN_SHAPE_OBJECT,  /* of, present: columns of the same row */
    LUN_SHAPE_RECORD,  /* of, col: a column of type record */
    LUN_SHAPE_RECORDS, /* of, col: a column of type record[] */
    /* In the shape of a page only, which is one object over all rows: */
    LUN_SHAPE_ROWS, /* of, limit: the first rows of the result */
    LUN_SHAPE_MORE  /* limit: whether there are more rows than that */
};

struct lun_shape_field {
    const char *name; /* response key */
    size_t name_len;
    enum lun_shape_kind kind;
    int col; /* in the row or in the record */
    enum lun_ctype type;
    bool list;
    int present; /* OBJECT: null when this column is NULL; -1 = never null */
    const char *json; /* CONST: JSON text */
    size_t json_len;
    int limit; /* ROWS, MORE */
    struct lun_shape *of;
    /* Set by lun_shape_prepare: {"name": or ,"name": and then zeros up to a
     * multiple of LUN_SHAPE_KEY_STEP. */
    const char *key;
    size_t key_len;
};

struct lun_shape {
    struct lun_shape_field *fields;
    size_t count;
    int columns; /* set by lun_shape_prepare: columns of its row it needs */
};

#define LUN_SHAPE_KEY_STEP 16
/* Most columns of a row, as in PostgreSQL. */
#define LUN_SHAPE_COLUMNS_MAX 1664
/* Most objects inside each other. */
#define LUN_SHAPE_DEPTH_MAX 64

/* By name as plans write it ("int4", "timestamptz", ...); -1 when unknown. */
int lun_ctype_find(const char *name);
/* A shape for `count` fields, zeroed except present = -1; NULL without memory.
 */
struct lun_shape *lun_shape_new(struct lun_arena *arena, size_t count);
/* Makes the keys and checks column numbers, of inner shapes too. LUN_EINTERNAL
 * when the shape is not usable, LUN_EMEMORY. */
int lun_shape_prepare(struct lun_arena *arena, struct lun_shape *shape);
