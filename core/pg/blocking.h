/*
 * core/pg/blocking.h - one connection that waits: for the loader and tools.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Never use this on a loop. Errors are mapped as those of the pool are.
 */
#pragma once

#include <libpq-fe.h>
#include <stdbool.h>

struct lun_err;
struct lun_pg_error;
struct lun_pg_params;
struct lun_pg_blocking; /* opaque; owned by whoever opened it */

/*
 * Connects (`connect_timeout` is 5 s unless `conninfo` says otherwise). On
 * failure returns LUN_ECONFIG for a connection string that cannot be read, else
 * LUN_EUNAVAILABLE, and fills `err` with what libpq said.
 */
int lun_pg_blocking_open(const char *conninfo, struct lun_pg_blocking **out,
                         struct lun_err *err);
/*
 * Runs one statement with parameters, or, when `params` is NULL, any number of
 * statements (as one transaction unless they say otherwise). Values of the
 * result are text. Returns 0 and sets *result, which the caller PQclears; else
 * the code in `error` (may be NULL) and leaves *result alone. A commit of a
 * failed transaction is an error. A connection lost on the way gives
 * LUN_EUNAVAILABLE with `lost`; the next call connects again, once, when no
 * transaction was open.
 */
int lun_pg_blocking_query(struct lun_pg_blocking *conn, const char *sql,
                          const struct lun_pg_params *params, PGresult **result,
                          struct lun_pg_error *error);
/* True inside a transaction block, failed or not. */
bool lun_pg_blocking_in_transaction(const struct lun_pg_blocking *conn);
void lun_pg_blocking_close(struct lun_pg_blocking *conn);
