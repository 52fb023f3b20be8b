/*
 * core/pg/blocking.c - one connection that waits.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/pg/blocking.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/pg/internal.h"

struct lun_pg_blocking {
    PGconn *pq;
};

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* `conninfo` stands second, so that it wins over our defaults. */
static PGconn *connect_now(const char *conninfo)
{
    static const char *const keywords[] = {"connect_timeout", "dbname", NULL};
    const char *values[] = {"5", conninfo, NULL};
    PGconn *pq = PQconnectdbParams(keywords, values, 1);
    PQsetNoticeReceiver(pq, ignore_notice, NULL);
    return pq;
}

int lun_pg_blocking_open(const char *conninfo, struct lun_pg_blocking **out,
                         struct lun_err *err)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    if (!options) {
        int code = lun_error_set(
            err, LUN_ECONFIG, "the database's address cannot be read: %.*s",
            why ? (int)strcspn(why, "\n") : 0, why ? why : "");
        PQfreemem(why);
        return code;
    }
    PQconninfoFree(options);
    PGconn *pq = connect_now(conninfo);
    struct lun_pg_blocking *conn = malloc(sizeof(*conn));
    if (conn && PQstatus(pq) == CONNECTION_OK &&
        PQsetClientEncoding(pq, "UTF8") == 0) {
        conn->pq = pq;
        *out = conn;
        return 0;
    }
    const char *text = PQerrorMessage(pq);
    int code = lun_error_set(err, LUN_EUNAVAILABLE,
                             "cannot connect to the database: %.*s",
                             (int)strcspn(text, "\n"), text);
    PQfinish(pq);
    free(conn);
    return code;
}

static PGresult *run(struct lun_pg_blocking *conn, const char *sql,
                     const struct lun_pg_params *params)
{
    if (!params)
        return PQexec(conn->pq, sql);
    return PQexecParams(conn->pq, sql, params->count, NULL, params->values,
                        params->lengths, params->formats, 0);
}

static bool succeeded(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
           status == PGRES_EMPTY_QUERY;
}

static void explain(struct lun_pg_blocking *conn, const PGresult *result,
                    bool in_transaction, struct lun_pg_error *error)
{
    bool broken = PQstatus(conn->pq) == CONNECTION_BAD;
    lun_pg_error_from_result(error, result);
    if (!result)
        lun_pg_error_make(error, LUN_EUNAVAILABLE, "%s",
                          PQerrorMessage(conn->pq));
    error->lost = broken || (result && lun_pg_error_is_fatal(result));
    if (!error->lost)
        return;
    error->code = LUN_EUNAVAILABLE;
    /* The next call may find a server again; a transaction is gone. */
    if (broken && !in_transaction)
        PQreset(conn->pq);
}

int lun_pg_blocking_query(struct lun_pg_blocking *conn, const char *sql,
                          const struct lun_pg_params *params, PGresult **result,
                          struct lun_pg_error *error)
{
    struct lun_pg_error ignored;
    bool in_transaction = lun_pg_blocking_in_transaction(conn);
    bool failed = PQtransactionStatus(conn->pq) == PQTRANS_INERROR;
    if (!error)
        error = &ignored;
    PGresult *got = run(conn, sql, params);
    if (!succeeded(got)) {
        explain(conn, got, in_transaction, error);
        PQclear(got);
        return error->code;
    }
    if (failed && lun_pg_sql_commits(sql) &&
        !strcmp(PQcmdStatus(got), "ROLLBACK")) {
        lun_pg_error_failed_commit(error);
        PQclear(got);
        return error->code;
    }
    *result = got;
    return 0;
}

bool lun_pg_blocking_in_transaction(const struct lun_pg_blocking *conn)
{
    PGTransactionStatusType status = PQtransactionStatus(conn->pq);
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

void lun_pg_blocking_close(struct lun_pg_blocking *conn)
{
    if (!conn)
        return;
    PQfinish(conn->pq);
    free(conn);
}
