/* SPDX-License-Identifier: Apache-2.0 */
#include "core/graphql/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int lun_graphql_error_set(struct lun_graphql_error *error, int code,
                          const char *format, ...)
{
    if (!error)
        return code;
    memset(error, 0, sizeof(*error));
    error->base.code = code;
    error->item = -1;
    va_list args;
    va_start(args, format);
    vsnprintf(error->base.message, sizeof(error->base.message), format, args);
    va_end(args);
    return code;
}

int lun_graphql_error_limit(struct lun_graphql_error *error, const char *limit,
                            const char *what, size_t value, size_t max)
{
    lun_graphql_error_set(error, LUN_ELIMIT, "document has more than %zu %s",
                          max, what);
    if (error) {
        error->limit = limit;
        error->value = value;
        error->max = max;
    }
    return LUN_ELIMIT;
}
