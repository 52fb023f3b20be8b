/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/shape.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/error.h"

int lun_ctype_find(const char *name)
{
    static const char *const names[LUN_CTYPE_COUNT] = {
        [LUN_CTYPE_BOOL] = "bool",
        [LUN_CTYPE_INT4] = "int4",
        [LUN_CTYPE_INT8] = "int8",
        [LUN_CTYPE_FLOAT8] = "float8",
        [LUN_CTYPE_NUMERIC] = "numeric",
        [LUN_CTYPE_TEXT] = "text",
        [LUN_CTYPE_UUID] = "uuid",
        [LUN_CTYPE_TIMESTAMPTZ] = "timestamptz",
        [LUN_CTYPE_DATE] = "date",
        [LUN_CTYPE_TIME] = "time",
        [LUN_CTYPE_JSONB] = "jsonb",
    };
    for (int i = 0; i < LUN_CTYPE_COUNT; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

struct lun_shape *lun_shape_new(struct lun_arena *arena, size_t count)
{
    struct lun_shape *shape = lun_arena_calloc(arena, 1, sizeof(*shape));
    if (!shape)
        return NULL;
    shape->count = count;
    shape->fields =
        lun_arena_calloc(arena, count ? count : 1, sizeof(*shape->fields));
    if (!shape->fields)
        return NULL;
    for (size_t i = 0; i < count; i++)
        shape->fields[i].present = -1;
    return shape;
}

static int make_key(struct lun_arena *arena, struct lun_shape_field *field,
                    bool first)
{
    struct lun_buf key;
    lun_buf_init(&key);
    lun_buf_push_byte(&key, first ? '{' : ',');
    lun_buf_push_json_string(&key, field->name, field->name_len);
    lun_buf_push_byte(&key, ':');
    field->key_len = key.len;
    while (!key.failed && key.len % LUN_SHAPE_KEY_STEP)
        lun_buf_push_byte(&key, '\0');
    field->key =
        key.failed ? NULL : lun_arena_strndup(arena, key.data, key.len);
    lun_buf_release(&key);
    return field->key ? 0 : LUN_EMEMORY;
}

/* Notes that `shape` reads column `col`. */
static bool use_column(struct lun_shape *shape, int col)
{
    if (col < 0 || col >= LUN_SHAPE_COLUMNS_MAX)
        return false;
    if (col >= shape->columns)
        shape->columns = col + 1;
    return true;
}

static int prepare(struct lun_arena *arena, struct lun_shape *shape, int depth);

/* An object of columns of the same row: the row must have them all. */
static int prepare_object(struct lun_arena *arena, struct lun_shape *shape,
                          const struct lun_shape_field *field, int depth)
{
    int rc = prepare(arena, field->of, depth - 1);
    if (rc)
        return rc;
    if (field->present >= 0 && !use_column(shape, field->present))
        return LUN_EINTERNAL;
    if (field->of->columns > shape->columns)
        shape->columns = field->of->columns;
    return 0;
}

static int prepare_field(struct lun_arena *arena, struct lun_shape *shape,
                         const struct lun_shape_field *field, int depth)
{
    switch (field->kind) {
    case LUN_SHAPE_CONST:
        return field->json ? 0 : LUN_EINTERNAL;
    case LUN_SHAPE_COLUMN:
        return use_column(shape, field->col) && field->type < LUN_CTYPE_COUNT
                   ? 0
                   : LUN_EINTERNAL;
    case LUN_SHAPE_OBJECT:
        return field->of ? prepare_object(arena, shape, field, depth)
                         : LUN_EINTERNAL;
    case LUN_SHAPE_ROWS:
        return field->of && field->limit >= 0
                   ? prepare(arena, field->of, depth - 1)
                   : LUN_EINTERNAL;
    case LUN_SHAPE_MORE:
        return field->limit >= 0 ? 0 : LUN_EINTERNAL;
    case LUN_SHAPE_RECORD:
    case LUN_SHAPE_RECORDS:
        return field->of && use_column(shape, field->col)
                   ? prepare(arena, field->of, depth - 1)
                   : LUN_EINTERNAL;
    }
    return LUN_EINTERNAL;
}

static int prepare(struct lun_arena *arena, struct lun_shape *shape, int depth)
{
    int rc = depth < 0 ? LUN_EINTERNAL : 0;
    shape->columns = 0;
    for (size_t i = 0; !rc && i < shape->count; i++) {
        rc = make_key(arena, &shape->fields[i], i == 0);
        if (!rc)
            rc = prepare_field(arena, shape, &shape->fields[i], depth);
    }
    return rc;
}

int lun_shape_prepare(struct lun_arena *arena, struct lun_shape *shape)
{
    return prepare(arena, shape, LUN_SHAPE_DEPTH_MAX);
}
