/*
 * core/graphql/value.h - one value of a column becomes JSON.
 * SPDX-License-Identifier: Apache-2.0
 */
#pragma once

#include "core/base/buf.h"
#include "core/graphql/shape.h"

/* Appends the binary value; `len` -1 is NULL. LUN_EINTERNAL when it is not of its
 * type. */
int lun_graphql_write_scalar(struct lun_buf *out, enum lun_ctype type,
                             const char *data, int len);
