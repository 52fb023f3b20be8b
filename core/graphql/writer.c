/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/writer.h"

#include <stdint.h>
#include <string.h>

#include "core/base/error.h"
#include "core/graphql/put.h"
#include "core/graphql/value.h"

/* One value of a row or record; len -1 is NULL. */
struct cell {
    const char *data;
    int len;
};

/* Bytes still to be read of a binary array or record. */
struct reader {
    const unsigned char *at;
    size_t left;
};

static int write_null(struct lun_buf *out)
{
    lun_put(out, "null", 4);
    return 0;
}

static bool take32(struct reader *r, int32_t *value)
{
    if (r->left < 4)
        return false;
    *value = (int32_t)lun_put_load32(r->at);
    r->at += 4;
    r->left -= 4;
    return true;
}

/* A length and as many bytes. */
static bool take_cell(struct reader *r, struct cell *cell)
{
    int32_t len;
    if (!take32(r, &len) || len < -1 || (len > 0 && (size_t)len > r->left))
        return false;
    cell->data = (const char *)r->at;
    cell->len = len;
    if (len > 0) {
        r->at += len;
        r->left -= (size_t)len;
    }
    return true;
}

/* Items of a binary array of one dimension or none; -1 when it is not one. */
static int32_t open_array(struct reader *r, const char *data, int len)
{
    int32_t dimensions;
    int32_t flags;
    int32_t type;
    int32_t count;
    int32_t base;
    *r = (struct reader){(const unsigned char *)data, (size_t)len};
    if (!take32(r, &dimensions) || !take32(r, &flags) || !take32(r, &type))
        return -1;
    if (dimensions == 0)
        return 0;
    if (dimensions != 1 || !take32(r, &count) || !take32(r, &base) || count < 0)
        return -1;
    return count;
}

static int write_list(struct lun_buf *out, enum lun_ctype type,
                      const char *data, int len)
{
    struct reader r;
    struct cell cell;
    if (len < 0)
        return write_null(out);
    int32_t count = open_array(&r, data, len);
    if (count < 0)
        return LUN_EINTERNAL;
    lun_put_byte(out, '[');
    for (int32_t i = 0; i < count; i++) {
        if (!take_cell(&r, &cell))
            return LUN_EINTERNAL;
        if (i)
            lun_put_byte(out, ',');
        int rc = lun_graphql_write_scalar(out, type, cell.data, cell.len);
        if (rc)
            return rc;
    }
    lun_put_byte(out, ']');
    return 0;
}

static int write_object(struct lun_buf *out, const struct lun_shape *shape,
                        const struct cell *cells);

/* A binary record: number of fields, then type, length and bytes of each. */
static int write_record(struct lun_buf *out, const struct lun_shape *shape,
                        const char *data, int len)
{
    struct reader r = {(const unsigned char *)data, (size_t)len};
    struct cell cells[shape->columns + 1];
    int32_t count;
    int32_t type;
    if (!take32(&r, &count) || count < shape->columns)
        return LUN_EINTERNAL;
    for (int i = 0; i < shape->columns; i++)
        if (!take32(&r, &type) || !take_cell(&r, &cells[i]))
            return LUN_EINTERNAL;
    return write_object(out, shape, cells);
}

static int write_records(struct lun_buf *out, const struct lun_shape *shape,
                         const struct cell *column)
{
    struct reader r;
    struct cell cell;
    int32_t count = 0;
    if (column->len >= 0)
        count = open_array(&r, column->data, column->len);
    if (count < 0)
        return LUN_EINTERNAL;
    lun_put_byte(out, '[');
    for (int32_t i = 0; i < count; i++) {
        if (!take_cell(&r, &cell))
            return LUN_EINTERNAL;
        if (i)
            lun_put_byte(out, ',');
        int rc = cell.len < 0 ? write_null(out)
                              : write_record(out, shape, cell.data, cell.len);
        if (rc)
            return rc;
    }
    lun_put_byte(out, ']');
    return 0;
}

static int write_field(struct lun_buf *out, const struct lun_shape_field *field,
                       const struct cell *cells)
{
    const struct cell *cell;
    switch (field->kind) {
    case LUN_SHAPE_COLUMN:
        cell = &cells[field->col];
        if (field->list)
            return write_list(out, field->type, cell->data, cell->len);
        return lun_graphql_write_scalar(out, field->type, cell->data,
                                        cell->len);
    case LUN_SHAPE_CONST:
        lun_put(out, field->json, field->json_len);
        return 0;
    case LUN_SHAPE_OBJECT:
        if (field->present >= 0 && cells[field->present].len < 0)
            return write_null(out);
        return write_object(out, field->of, cells);
    case LUN_SHAPE_RECORD:
        cell = &cells[field->col];
        if (cell->len < 0)
            return write_null(out);
        return write_record(out, field->of, cell->data, cell->len);
    case LUN_SHAPE_RECORDS:
        return write_records(out, field->of, &cells[field->col]);
    case LUN_SHAPE_ROWS:
    case LUN_SHAPE_MORE:
        break; /* of pages: write_part */
    }
    return LUN_EINTERNAL;
}

/* Keys are padded so that they can be copied in steps of a fixed size. */
static void push_key(struct lun_buf *out, const struct lun_shape_field *field)
{
    if (!lun_put_reserve(out, field->key_len + LUN_SHAPE_KEY_STEP))
        return;
    char *to = out->data + out->len;
    for (size_t at = 0; at < field->key_len; at += LUN_SHAPE_KEY_STEP)
        memcpy(to + at, field->key + at, LUN_SHAPE_KEY_STEP);
    out->len += field->key_len;
}

static int write_object(struct lun_buf *out, const struct lun_shape *shape,
                        const struct cell *cells)
{
    if (!shape->count)
        lun_put_byte(out, '{');
    for (size_t i = 0; i < shape->count; i++) {
        const struct lun_shape_field *field = &shape->fields[i];
        push_key(out, field);
        int rc = write_field(out, field, cells);
        if (rc)
            return rc;
    }
    lun_put_byte(out, '}');
    return 0;
}

static int write_row(struct lun_buf *out, const struct lun_shape *shape,
                     const PGresult *result, int row)
{
    struct cell cells[shape->columns + 1];
    for (int i = 0; i < shape->columns; i++) {
        cells[i].data = PQgetvalue(result, row, i);
        cells[i].len = PQgetlength(result, row, i);
        /* Only an empty value may be NULL; the question costs a call. */
        if (!cells[i].len && PQgetisnull(result, row, i))
            cells[i].len = -1;
    }
    return write_object(out, shape, cells);
}

static int finish(const struct lun_buf *out, int rc)
{
    return !rc && out->failed ? LUN_EMEMORY : rc;
}

int lun_graphql_write_value(struct lun_buf *out, enum lun_ctype type, bool list,
                            const char *data, int len)
{
    return finish(out, list ? write_list(out, type, data, len)
                            : lun_graphql_write_scalar(out, type, data, len));
}

int lun_graphql_write_row(struct lun_buf *out, const struct lun_shape *shape,
                          const PGresult *result, int row)
{
    if (row < 0 || row >= PQntuples(result) ||
        shape->columns > PQnfields(result))
        return LUN_EINTERNAL;
    return finish(out, write_row(out, shape, result, row));
}

static int write_rows(struct lun_buf *out, const struct lun_shape *shape,
                      const PGresult *result, int rows)
{
    int rc = shape->columns > PQnfields(result) ? LUN_EINTERNAL : 0;
    lun_put_byte(out, '[');
    for (int row = 0; !rc && row < rows; row++) {
        if (row)
            lun_put_byte(out, ',');
        rc = write_row(out, shape, result, row);
    }
    lun_put_byte(out, ']');
    return rc;
}

int lun_graphql_write_rows(struct lun_buf *out, const struct lun_shape *shape,
                           const PGresult *result)
{
    return finish(out, write_rows(out, shape, result, PQntuples(result)));
}

static int write_page(struct lun_buf *out, const struct lun_shape *shape,
                      const PGresult *result);

static int write_part(struct lun_buf *out, const struct lun_shape_field *field,
                      const PGresult *result)
{
    int rows = PQntuples(result);
    switch (field->kind) {
    case LUN_SHAPE_ROWS:
        return write_rows(out, field->of, result,
                          rows < field->limit ? rows : field->limit);
    case LUN_SHAPE_MORE:
        lun_buf_push_str(out, rows > field->limit ? "true" : "false");
        return 0;
    case LUN_SHAPE_OBJECT:
        return write_page(out, field->of, result);
    case LUN_SHAPE_CONST:
        lun_put(out, field->json, field->json_len);
        return 0;
    default:
        return LUN_EINTERNAL;
    }
}

static int write_page(struct lun_buf *out, const struct lun_shape *shape,
                      const PGresult *result)
{
    if (!shape->count)
        lun_put_byte(out, '{');
    for (size_t i = 0; i < shape->count; i++) {
        push_key(out, &shape->fields[i]);
        int rc = write_part(out, &shape->fields[i], result);
        if (rc)
            return rc;
    }
    lun_put_byte(out, '}');
    return 0;
}

int lun_graphql_write_page(struct lun_buf *out, const struct lun_shape *shape,
                           const PGresult *result)
{
    return finish(out, write_page(out, shape, result));
}
