/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct lun_error_info table[LUN_ERROR_COUNT] = {
    [LUN_OK] = {"OK", "", "", 200, 0},
#define LUN_ERROR(name, message, graphql, http, retry)                         \
    [LUN_E##name] = {#name, message, graphql, http, retry},
#include "core/base/errors.def"
#undef LUN_ERROR
};

/* SQLSTATEs by design; a row of two characters stands for a whole class.
 * Appendix A of the PostgreSQL manual. */
static const struct {
    char state[6];
    int code;
} states[] = {
    {"0A000", LUN_ESTALE_PLAN},   {"26000", LUN_ESTALE_PLAN},
    {"08", LUN_EUNAVAILABLE},     {"21000", LUN_EINTERNAL},
    {"22", LUN_EBAD_INPUT},       {"23502", LUN_EVALIDATION},
    {"23503", LUN_ECONFLICT},     {"23505", LUN_ECONFLICT},
    {"23514", LUN_EVALIDATION},   {"23P01", LUN_ECONFLICT},
    {"25006", LUN_EUNAVAILABLE},  {"40001", LUN_ERETRY},
    {"40P01", LUN_ERETRY},        {"40003", LUN_EOUTCOME_UNKNOWN},
    {"40", LUN_ERETRY},           {"53100", LUN_EEXHAUSTED},
    {"53200", LUN_EEXHAUSTED},    {"53300", LUN_EUNAVAILABLE},
    {"53400", LUN_EEXHAUSTED},    {"54", LUN_EBAD_INPUT},
    {"55P03", LUN_ELOCKED},       {"57014", LUN_EDEADLINE},
    {"57", LUN_EUNAVAILABLE},     {"58", LUN_EUNAVAILABLE},
};

const struct lun_error_info *lun_error_info(int code)
{
    if (code < 0 || code >= LUN_ERROR_COUNT)
        code = LUN_EINTERNAL;
    return &table[code];
}

int lun_error_set(struct lun_err *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    return code;
}

int lun_error_from_sqlstate(const char *sqlstate)
{
    if (!sqlstate || strlen(sqlstate) != 5)
        return LUN_EINTERNAL;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (!strncmp(sqlstate, states[i].state, strlen(states[i].state)))
            return states[i].code;
    return LUN_EINTERNAL;
}
