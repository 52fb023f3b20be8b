/*
 * Writes arbitrary bytes as values of each type and as records: nothing may be
 * read outside them. Byte 0 chooses the type.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/graphql/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lun_shape *tree(struct lun_arena *arena, int depth)
{
    struct lun_shape *shape = lun_shape_new(arena, LUN_CTYPE_COUNT + 2);
    for (size_t i = 0; i < shape->count; i++) {
        struct lun_shape_field *field = &shape->fields[i];
        field->name = "f";
        field->name_len = 1;
        field->col = (int)(i % 4);
        field->type = (enum lun_ctype)(i % LUN_CTYPE_COUNT);
        field->list = i % 3 == 0;
        if (i < LUN_CTYPE_COUNT || !depth)
            continue;
        field->kind = i % 2 ? LUN_SHAPE_RECORDS : LUN_SHAPE_RECORD;
        field->of = tree(arena, depth - 1);
    }
    return shape;
}

static void write_records(const char *data, size_t size)
{
    struct lun_arena arena;
    struct lun_buf out;
    lun_arena_init(&arena, 0);
    lun_buf_init(&out);
    struct lun_shape *shape = lun_shape_new(&arena, 2);
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    PGresAttDesc column = {.name = (char *)(uintptr_t) "c", .format = 1};
    for (size_t i = 0; i < 2; i++) {
        shape->fields[i].name = "f";
        shape->fields[i].name_len = 1;
        shape->fields[i].kind = i ? LUN_SHAPE_RECORD : LUN_SHAPE_RECORDS;
        shape->fields[i].of = tree(&arena, 1);
    }
    if (lun_shape_prepare(&arena, shape) ||
        !PQsetResultAttrs(result, 1, &column) ||
        !PQsetvalue(result, 0, 0, (char *)(uintptr_t)data, (int)size))
        abort();
    lun_graphql_write_row(&out, shape, result, 0);
    shape->fields++;
    shape->count = 1;
    lun_graphql_write_row(&out, shape, result, 0);
    PQclear(result);
    lun_buf_release(&out);
    lun_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lun_buf out;
    if (!size)
        return 0;
    const char *value = (const char *)data + 1;
    enum lun_ctype type = (enum lun_ctype)(data[0] % LUN_CTYPE_COUNT);
    lun_buf_init(&out);
    int rc = lun_graphql_write_value(&out, type, false, value, (int)size - 1);
    if (rc && rc != LUN_EINTERNAL)
        abort();
    lun_graphql_write_value(&out, type, true, value, (int)size - 1);
    lun_buf_release(&out);
    write_records(value, size - 1);
    return 0;
}
