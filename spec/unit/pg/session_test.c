/*
 * spec/unit/pg/session_test.c - connections lent for transactions.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/pg/support.h"

static struct lun_pg_session *take(struct lun_pg_pool *pool)
{
    struct outcome o = {0};
    lun_pg_pool_take(pool, in_ms(5000), on_session, &o);
    assert_int_equal(o.calls, 0);
    wait_for(&o);
    assert_int_equal(o.code, LUN_OK);
    assert_non_null(o.session);
    return o.session;
}

static struct outcome exec(struct lun_pg_session *session, const char *text)
{
    struct outcome o = {0};
    lun_pg_session_exec(session, text, in_ms(5000), on_result, &o);
    assert_int_equal(o.calls, 0);
    wait_for(&o);
    return o;
}

static struct outcome run(struct lun_pg_session *session, const char *text,
                          const char *value)
{
    struct lun_pg_statement s = statement(text, false);
    const char *values[] = {value};
    struct lun_pg_params params = {.count = value ? 1 : 0, .values = values};
    struct outcome o = {0};
    lun_pg_session_query(session, &s, &params, in_ms(5000), on_result, &o);
    wait_for(&o);
    return o;
}

static void commits_a_transaction(void **state)
{
    (void)state;
    sql("create table committed(id int primary key)");
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_session *session = take(pool);
    const char *insert = "insert into committed values ($1::int) returning "
                         "id::text";
    assert_int_equal(exec(session, "begin").code, LUN_OK);
    assert_string_equal(run(session, insert, "1").text, "1");
    assert_string_equal(run(session, insert, "2").text, "2");
    assert_string_equal(sql("select count(*) from committed"), "0");
    assert_int_equal(exec(session, "commit").code, LUN_OK);
    assert_string_equal(sql("select count(*) from committed"), "2");
    lun_pg_session_give(session);
    close_pool(pool);
}

static void rolls_back_what_is_given_back_open(void **state)
{
    (void)state;
    sql("create table open(id int)");
    struct lun_pg_pool *pool = ready_pool(1);
    for (int failed = 0; failed < 2; failed++) {
        struct lun_pg_session *session = take(pool);
        exec(session, "begin");
        run(session, "insert into open values (1)", NULL);
        if (failed)
            assert_string_equal(run(session, "select 1/0", NULL).sqlstate,
                                "22012");
        lun_pg_session_give(session);
        struct outcome o = ask(pool, "select count(*)::text from open", true);
        assert_string_equal(o.text, "0");
    }
    struct lun_pg_stats stats;
    lun_pg_pool_stats(pool, &stats);
    assert_int_equal(stats.reconnects, 0);
    close_pool(pool);
}

static void refuses_the_commit_of_a_failed_transaction(void **state)
{
    (void)state;
    sql("create table undone(id int)");
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_session *session = take(pool);
    exec(session, "begin");
    run(session, "insert into undone values (1)", NULL);
    assert_string_equal(run(session, "select 1/0", NULL).sqlstate, "22012");
    assert_string_equal(run(session, "select 1", NULL).sqlstate, "25P02");
    struct outcome o = exec(session, " Commit ");
    assert_int_not_equal(o.code, LUN_OK);
    assert_string_equal(o.sqlstate, "25P02");
    lun_pg_session_give(session);
    close_pool(pool);
}

static void runs_statements_asked_for_at_once_in_order(void **state)
{
    (void)state;
    sql("create table ordered(id serial, what text)");
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_session *session = take(pool);
    struct lun_pg_statement s =
        statement("insert into ordered(what) values ('x')", false);
    struct outcome o[5] = {0};
    lun_pg_session_exec(session, "begin", in_ms(1000), on_result, &o[0]);
    for (int i = 1; i < 4; i++)
        lun_pg_session_query(session, &s, NULL, in_ms(1000), on_result, &o[i]);
    lun_pg_session_exec(session, "commit", in_ms(1000), on_result, &o[4]);
    for (int i = 0; i < 5; i++) {
        wait_for(&o[i]);
        assert_int_equal(o[i].code, LUN_OK);
        assert_true(i == 0 || o[i].at >= o[i - 1].at);
    }
    assert_string_equal(sql("select count(*) from ordered"), "3");
    lun_pg_session_give(session);
    close_pool(pool);
}

static void waits_for_a_connection_and_ends_at_the_deadline(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(3);
    struct lun_pg_session *a = take(pool);
    struct lun_pg_session *b = take(pool);
    struct outcome late = {0};
    struct outcome next = {0};
    lun_pg_pool_take(pool, in_ms(80), on_session, &late);
    lun_pg_pool_take(pool, in_ms(5000), on_session, &next);
    wait_for(&late);
    assert_int_equal(late.code, LUN_EDEADLINE);
    assert_null(late.session);
    assert_int_equal(next.calls, 0);
    /* One connection is kept for statements. */
    assert_string_equal(ask(pool, "select 'r'::text", true).text, "r");
    lun_pg_session_give(a);
    wait_for(&next);
    assert_non_null(next.session);
    lun_pg_session_give(next.session);
    lun_pg_session_give(b);
    close_pool(pool);
}

static void lends_and_reads_by_turns_on_one_connection(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    for (int i = 0; i < 50; i++) {
        struct outcome session = {0};
        struct outcome read = {0};
        struct lun_pg_statement s = statement("select 1", true);
        query(pool, &s, NULL, &read);
        lun_pg_pool_take(pool, in_ms(1000), on_session, &session);
        wait_for(&session);
        assert_non_null(session.session);
        lun_pg_session_give(session.session);
        wait_for(&read);
        assert_int_equal(read.code, LUN_OK);
    }
    close_pool(pool);
}

static void cancels_what_is_given_back_under_way(void **state)
{
    (void)state;
    sql("create table locked(id int); insert into locked values (1)");
    struct lun_pg_config config = {.size = 2, .statement_ms = 60000};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_true(wait_ready(pool, 2));
    struct lun_pg_session *session = take(pool);
    exec(session, "begin");
    run(session, "update locked set id = 2", NULL);
    struct outcome slow = {0};
    lun_pg_session_exec(session, "select pg_sleep(50)", in_ms(100), on_result,
                        &slow);
    wait_for(&slow);
    assert_int_equal(slow.code, LUN_EDEADLINE);
    lun_pg_session_give(session);
    uint64_t start = lun_clock_monotonic_ns();
    assert_int_equal(ask(pool, "update locked set id = 3", false).code, LUN_OK);
    assert_in_range(lun_clock_monotonic_ns() - start, 0, SECOND);
    assert_true(wait_ready(pool, 2));
    assert_string_equal(sql("select id from locked"), "3");
    close_pool(pool);
}

static void ends_statements_of_an_owner_who_has_gone(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_session *session = take(pool);
    struct outcome sent = {0};
    struct outcome queued = {0};
    lun_pg_session_exec(session, "select pg_sleep(30)", 0, on_result, &sent);
    run_for(30);
    lun_pg_session_exec(session, "select 1", 0, on_result, &queued);
    lun_pg_session_give(session);
    assert_int_equal(sent.calls + queued.calls, 0);
    wait_for(&sent);
    wait_for(&queued);
    assert_int_equal(sent.code, LUN_EUNAVAILABLE);
    assert_false(sent.before_send);
    assert_true(queued.before_send);
    assert_true(wait_ready(pool, 2));
    close_pool(pool);
}

static void prepares_again_outside_of_a_transaction_only(void **state)
{
    (void)state;
    sql("create table stale(a text); insert into stale values ('s')");
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_session *session = take(pool);
    const char *select = "select * from stale";
    assert_string_equal(run(session, select, NULL).text, "s");
    sql("alter table stale add column b int");
    assert_string_equal(run(session, select, NULL).text, "s");
    sql("alter table stale add column c int");
    exec(session, "begin");
    struct outcome o = run(session, select, NULL);
    assert_int_equal(o.code, LUN_ESTALE_PLAN);
    exec(session, "rollback");
    exec(session, "begin");
    assert_string_equal(run(session, select, NULL).text, "s");
    assert_int_equal(exec(session, "commit").code, LUN_OK);
    lun_pg_session_give(session);
    close_pool(pool);
}

static void says_that_a_transaction_was_lost(void **state)
{
    (void)state;
    sql("create table gone(id int)");
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_session *session = take(pool);
    exec(session, "begin");
    run(session, "insert into gone values (1)", NULL);
    struct outcome pid = run(session, "select pg_backend_pid()::text", NULL);
    char kill[128];
    snprintf(kill, sizeof(kill), "select pg_terminate_backend(%s, 1000)",
             pid.text);
    sql(kill);
    struct outcome o = run(session, "insert into gone values (2)", NULL);
    assert_int_equal(o.code, LUN_EUNAVAILABLE);
    assert_true(o.lost);
    o = exec(session, "commit");
    assert_int_equal(o.code, LUN_EUNAVAILABLE);
    assert_true(o.before_send);
    lun_pg_session_give(session);
    assert_true(wait_ready(pool, 2));
    assert_string_equal(sql("select count(*) from gone"), "0");
    close_pool(pool);
}

static void says_that_a_deadlock_may_be_tried_again(void **state)
{
    (void)state;
    sql("create table two(id int primary key); insert into two values (1), "
        "(2)");
    struct lun_pg_pool *pool = ready_pool(3);
    struct lun_pg_session *a = take(pool);
    struct lun_pg_session *b = take(pool);
    const char *update = "update two set id = id where id = $1::int";
    exec(a, "begin");
    exec(b, "begin");
    run(a, update, "1");
    run(b, update, "2");
    struct lun_pg_statement s = statement(update, false);
    const char *two[] = {"2"};
    struct lun_pg_params params = {.count = 1, .values = two};
    struct outcome oa = {0};
    lun_pg_session_query(a, &s, &params, in_ms(5000), on_result, &oa);
    struct outcome ob = run(b, update, "1");
    wait_for(&oa);
    assert_int_equal((oa.code == LUN_ERETRY) + (ob.code == LUN_ERETRY), 1);
    lun_pg_session_give(a);
    lun_pg_session_give(b);
    close_pool(pool);
}

static void closes_with_sessions_lent(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(3);
    struct lun_pg_session *idle = take(pool);
    struct lun_pg_session *busy = take(pool);
    struct outcome o = {0};
    struct outcome after = {0};
    int closed = 0;
    exec(busy, "begin");
    lun_pg_session_exec(busy, "select pg_sleep(9)", 0, on_result, &o);
    run_for(20);
    lun_pg_pool_close(pool, on_closed, &closed);
    wait_for(&o);
    assert_int_equal(o.code, LUN_EUNAVAILABLE);
    lun_pg_session_exec(idle, "begin", 0, on_result, &after);
    wait_for(&after);
    assert_int_equal(after.code, LUN_EUNAVAILABLE);
    assert_int_equal(closed, 0);
    lun_pg_session_give(busy);
    lun_pg_session_give(idle);
    assert_true(run_until(&closed, 1, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(commits_a_transaction),
        CASE(rolls_back_what_is_given_back_open),
        CASE(refuses_the_commit_of_a_failed_transaction),
        CASE(runs_statements_asked_for_at_once_in_order),
        CASE(waits_for_a_connection_and_ends_at_the_deadline),
        CASE(lends_and_reads_by_turns_on_one_connection),
        CASE(cancels_what_is_given_back_under_way),
        CASE(ends_statements_of_an_owner_who_has_gone),
        CASE(prepares_again_outside_of_a_transaction_only),
        CASE(says_that_a_transaction_was_lost),
        CASE(says_that_a_deadlock_may_be_tried_again),
        CASE(closes_with_sessions_lent),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
