/*
 * core/graphql/writer.h - PostgreSQL binary values become JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The hot path of every read: no tree, no printf, one pass. Nothing is read
 * outside the bytes given, whatever they hold. Text is taken to be valid UTF-8
 * (the server guarantees it under client_encoding UTF8).
 *
 * All return 0, LUN_EINTERNAL when a value is not of its type, LUN_EMEMORY;
 * then `out` holds a part and the caller cuts it back.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/graphql/shape.h"

/* One value; `len` -1 is NULL. `list`: a one-dimensional array of it. */
int lun_graphql_write_value(struct lun_buf *out, enum lun_ctype type, bool list,
                            const char *data, int len);
/* Row `row` as an object. */
int lun_graphql_write_row(struct lun_buf *out, const struct lun_shape *shape,
                          const PGresult *result, int row);
/* All rows as an array of objects. */
int lun_graphql_write_rows(struct lun_buf *out, const struct lun_shape *shape,
                           const PGresult *result);
/* All rows as one object, whose shape is that of a page. */
int lun_graphql_write_page(struct lun_buf *out, const struct lun_shape *shape,
                           const PGresult *result);
/* `x` as JavaScript prints it: shortest digits that read back as `x`; null for
 * NaN and infinities. */
void lun_graphql_write_double(struct lun_buf *out, double x);
