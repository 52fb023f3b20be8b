/*
 * spec/unit/pg/blocking_test.c - the connection that waits.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/pg/support.h"

static struct lun_pg_blocking *open_one(void)
{
    struct lun_pg_blocking *conn = NULL;
    struct lun_err err;
    assert_int_equal(lun_pg_blocking_open(conninfo, &conn, &err), LUN_OK);
    return conn;
}

static int run(struct lun_pg_blocking *conn, const char *text,
               struct lun_pg_error *error)
{
    PGresult *result = NULL;
    int code = lun_pg_blocking_query(conn, text, NULL, &result, error);
    PQclear(result);
    return code;
}

static void answers_text(void **state)
{
    (void)state;
    struct lun_pg_blocking *conn = open_one();
    const char *values[] = {"41", NULL};
    struct lun_pg_params params = {.count = 2, .values = values};
    PGresult *result = NULL;
    assert_int_equal(lun_pg_blocking_query(conn, "select $1::int + 1, $2::text",
                                           &params, &result, NULL),
                     LUN_OK);
    assert_string_equal(PQgetvalue(result, 0, 0), "42");
    assert_true(PQgetisnull(result, 0, 1));
    PQclear(result);
    lun_pg_blocking_close(conn);
}

static void runs_several_statements_as_one_transaction(void **state)
{
    (void)state;
    struct lun_pg_blocking *conn = open_one();
    struct lun_pg_error error;
    assert_int_equal(
        run(conn, "create table a(i int); create table b(i int)", &error),
        LUN_OK);
    assert_int_equal(
        run(conn, "create table c(i int); create table a(i int)", &error),
        LUN_EINTERNAL);
    assert_string_equal(error.sqlstate, "42P07");
    assert_string_equal(sql("select count(*) from pg_tables where "
                            "schemaname = 'public'"),
                        "2");
    lun_pg_blocking_close(conn);
}

static void says_what_went_wrong(void **state)
{
    (void)state;
    struct lun_pg_blocking *conn = open_one();
    struct lun_pg_error error;
    run(conn, "create table u(i int unique)", &error);
    run(conn, "insert into u values (1)", &error);
    assert_int_equal(run(conn, "insert into u values (1)", &error),
                     LUN_ECONFLICT);
    assert_string_equal(error.constraint, "u_i_key");
    assert_false(error.lost);
    lun_pg_blocking_close(conn);
}

static void refuses_the_commit_of_a_failed_transaction(void **state)
{
    (void)state;
    struct lun_pg_blocking *conn = open_one();
    struct lun_pg_error error;
    run(conn, "begin", &error);
    assert_true(lun_pg_blocking_in_transaction(conn));
    run(conn, "select 1/0", &error);
    assert_true(lun_pg_blocking_in_transaction(conn));
    assert_int_not_equal(run(conn, "commit", &error), LUN_OK);
    assert_string_equal(error.sqlstate, "25P02");
    assert_false(lun_pg_blocking_in_transaction(conn));
    assert_int_equal(run(conn, "select 1", &error), LUN_OK);
    lun_pg_blocking_close(conn);
}

static void connects_again_after_a_loss(void **state)
{
    (void)state;
    struct lun_pg_blocking *conn = open_one();
    struct lun_pg_error error;
    assert_int_equal(server("restart", "fast"), 0);
    assert_int_equal(run(conn, "select 1", &error), LUN_EUNAVAILABLE);
    assert_true(error.lost);
    assert_int_equal(run(conn, "select 1", &error), LUN_OK);
    run(conn, "begin", &error);
    assert_int_equal(server("restart", "fast"), 0);
    assert_int_equal(run(conn, "select 1", &error), LUN_EUNAVAILABLE);
    /* Going on outside of the lost transaction would be wrong. */
    assert_int_equal(run(conn, "select 1", &error), LUN_EUNAVAILABLE);
    lun_pg_blocking_close(conn);
}

static void says_why_it_cannot_connect(void **state)
{
    (void)state;
    struct lun_pg_blocking *conn = NULL;
    struct lun_err err;
    assert_int_equal(lun_pg_blocking_open("host=/tmp/nowhere", &conn, &err),
                     LUN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "/tmp/nowhere"));
    assert_int_equal(lun_pg_blocking_open("not a conninfo", &conn, &err),
                     LUN_ECONFIG);
    assert_null(conn);
    lun_pg_blocking_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_text),
        cmocka_unit_test(runs_several_statements_as_one_transaction),
        cmocka_unit_test(says_what_went_wrong),
        cmocka_unit_test(refuses_the_commit_of_a_failed_transaction),
        cmocka_unit_test(connects_again_after_a_loss),
        cmocka_unit_test(says_why_it_cannot_connect),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
