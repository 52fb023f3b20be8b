/*
 * core/pg/error.c - what libpq reports, as the table of causes names it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/error.h"
#include "core/pg/internal.h"

void lun_pg_error_make(struct lun_pg_error *error, int code, const char *format,
                       ...)
{
    memset(error, 0, sizeof(*error));
    error->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(error->message, sizeof(error->message), format, args);
    va_end(args);
    size_t len = strlen(error->message);
    while (len > 0 && error->message[len - 1] == '\n')
        error->message[--len] = '\0';
}

void lun_pg_error_failed_commit(struct lun_pg_error *error)
{
    lun_pg_error_make(error, LUN_EINTERNAL,
                      "commit of a failed transaction rolled it back");
    memcpy(error->sqlstate, "25P02", sizeof("25P02"));
}

bool lun_pg_sql_starts_with(const char *sql, const char *word)
{
    size_t len = strlen(word);
    while (isspace((unsigned char)*sql))
        sql++;
    return !strncasecmp(sql, word, len) && !isalnum((unsigned char)sql[len]) &&
           sql[len] != '_';
}

bool lun_pg_sql_commits(const char *sql)
{
    return lun_pg_sql_starts_with(sql, "commit") ||
           lun_pg_sql_starts_with(sql, "end");
}

static void copy_field(char *out, size_t size, const PGresult *result,
                       int field)
{
    const char *text = PQresultErrorField(result, field);
    snprintf(out, size, "%s", text ? text : "");
}

void lun_pg_error_from_result(struct lun_pg_error *error,
                              const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    if (!text)
        text = PQresultErrorMessage(result);
    lun_pg_error_make(error,
                      state ? lun_error_from_sqlstate(state) : LUN_EUNAVAILABLE,
                      "%s%s%s", text, detail ? ": " : "", detail ? detail : "");
    copy_field(error->sqlstate, sizeof(error->sqlstate), result,
               PG_DIAG_SQLSTATE);
    copy_field(error->constraint, sizeof(error->constraint), result,
               PG_DIAG_CONSTRAINT_NAME);
    copy_field(error->schema, sizeof(error->schema), result,
               PG_DIAG_SCHEMA_NAME);
    copy_field(error->table, sizeof(error->table), result, PG_DIAG_TABLE_NAME);
    copy_field(error->column, sizeof(error->column), result,
               PG_DIAG_COLUMN_NAME);
}

bool lun_pg_error_is_fatal(const PGresult *result)
{
    const char *severity =
        PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    return severity &&
           (!strcmp(severity, "FATAL") || !strcmp(severity, "PANIC"));
}

bool lun_pg_error_is_shutdown(const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    return state && !strncmp(state, "57P0", 4);
}
