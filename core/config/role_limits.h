/*
 * core/config/role_limits.h - limits of GraphQL requests by role.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Written "public depth=8 nodes=1000, sales.user nodes=2000000": names of
 * core/graphql/limits.h, sizes with k, m or g where wanted. A role that is not
 * named has the limits of all; a caller has the largest value of its roles.
 */
#pragma once

#include "core/graphql/limits.h"

struct lun_err;
struct lun_role_limits; /* opaque */

/* `all` holds for roles that are not named; it is not copied. `*out` is NULL
 * when `text` names no role. LUN_ECONFIG says what is wrong. */
int lun_role_limits_open(const char *text, const struct lun_graphql_limits *all,
                         struct lun_role_limits **out, struct lun_err *err);
/* NULL is fine. */
void lun_role_limits_close(struct lun_role_limits *limits);
/* The limits of a caller with `roles` (NULL-ended). */
void lun_role_limits_find(const struct lun_role_limits *limits,
                          const char *const *roles,
                          struct lun_graphql_limits *out);
