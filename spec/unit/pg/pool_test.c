/*
 * spec/unit/pg/pool_test.c - statements over the shared connections.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "spec/unit/pg/support.h"

static void answers_a_statement(void **state)
{
    (void)state;
    struct lun_pg_config config = {.size = 2};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_false(lun_pg_pool_ready(pool));
    struct outcome o = ask(pool, "select 'yes'::text", true);
    assert_int_equal(o.code, LUN_OK);
    assert_string_equal(o.text, "yes");
    assert_true(lun_pg_pool_ready(pool));
    assert_string_equal(lun_pg_pool_problem(pool), "");
    close_pool(pool);
}

static void answers_binary_values_and_nulls(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement s = statement("select $1::int4", true);
    struct outcome o = {0};
    query(pool, &s, "258", &o);
    wait_for(&o);
    assert_int_equal(o.length, 4);
    assert_memory_equal(o.text, "\0\0\1\2", 4);

    const char *values[] = {NULL};
    struct lun_pg_params params = {.count = 1, .values = values};
    struct outcome n = {0};
    lun_pg_pool_query(pool, &s, &params, in_ms(1000), on_result, &n);
    wait_for(&n);
    assert_int_equal(n.rows, 1);
    assert_true(n.is_null);
    close_pool(pool);
}

static void takes_binary_parameters(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement s =
        statement("select ($1::int4 + $2::int4)::text", true);
    char number[4] = {0, 0, 0, 7};
    const char *values[] = {number, "35"};
    int lengths[] = {4, 0};
    int formats[] = {1, 0};
    struct lun_pg_params params = {2, values, lengths, formats};
    struct outcome o = {0};
    lun_pg_pool_query(pool, &s, &params, in_ms(1000), on_result, &o);
    memset(number, 9, sizeof(number)); /* it was copied */
    wait_for(&o);
    assert_string_equal(o.text, "42");
    close_pool(pool);
}

static void answers_text_where_it_is_asked_for(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement s = statement("select 258::int4", true);
    s.text_results = true;
    struct outcome o = {0};
    query(pool, &s, NULL, &o);
    wait_for(&o);
    assert_string_equal(o.text, "258");
    close_pool(pool);
}

static void never_calls_back_before_it_returns(void **state)
{
    (void)state;
    struct lun_pg_config config = {.size = 1, .waiting = 1};
    struct lun_pg_pool *pool = open_pool(&config);
    struct lun_pg_statement s = statement("select 1", true);
    struct outcome o[3] = {0};
    for (int i = 0; i < 3; i++)
        query(pool, &s, NULL, &o[i]);
    assert_int_equal(o[0].calls + o[1].calls + o[2].calls, 0);
    wait_for(&o[2]);
    assert_int_equal(o[2].code, LUN_EUNAVAILABLE);
    assert_true(o[2].before_send);
    wait_for(&o[0]);
    assert_int_equal(o[0].code, LUN_OK);
    close_pool(pool);
}

static void keeps_the_neighbours_of_a_failing_read(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement s = statement("select (10 / $1::int)::text", true);
    struct outcome o[40] = {0};
    for (int i = 0; i < 40; i++)
        query(pool, &s, i % 13 == 5 ? "0" : "5", &o[i]);
    for (int i = 0; i < 40; i++) {
        wait_for(&o[i]);
        assert_int_equal(o[i].calls, 1);
        if (i % 13 == 5) {
            assert_int_equal(o[i].code, LUN_EBAD_INPUT);
            assert_string_equal(o[i].sqlstate, "22012");
        } else {
            assert_int_equal(o[i].code, LUN_OK);
            assert_string_equal(o[i].text, "2");
        }
    }
    close_pool(pool);
}

static void
keeps_the_neighbours_of_a_statement_that_cannot_be_parsed(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement good = statement("select 'ok'::text", true);
    struct lun_pg_statement bad = statement("select from where", true);
    struct lun_pg_statement worse = statement("update nothing set", false);
    struct outcome o[8] = {0};
    for (int i = 0; i < 8; i++)
        query(pool, i == 2 ? &bad : i == 4 ? &worse : &good, NULL, &o[i]);
    for (int i = 0; i < 8; i++)
        wait_for(&o[i]);
    for (int i = 0; i < 8; i++)
        if (i == 2 || i == 4)
            assert_string_equal(o[i].sqlstate, "42601");
        else
            assert_string_equal(o[i].text, "ok");
    /* It is reported each time, not taken for prepared. */
    struct outcome again = ask(pool, "select from where", true);
    assert_string_equal(again.sqlstate, "42601");
    close_pool(pool);
}

static void keeps_writes_apart(void **state)
{
    (void)state;
    sql("create table apart(id int primary key)");
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_statement s =
        statement("insert into apart values ($1::int)", false);
    struct lun_pg_statement r =
        statement("select count(*)::text from apart", true);
    struct outcome o[30] = {0};
    struct outcome reads[30] = {0};
    for (int i = 0; i < 30; i++) {
        char id[8];
        snprintf(id, sizeof(id), "%d", i / 2);
        query(pool, &s, id, &o[i]);
        query(pool, &r, NULL, &reads[i]);
    }
    int done = 0;
    int conflicts = 0;
    for (int i = 0; i < 30; i++) {
        wait_for(&o[i]);
        wait_for(&reads[i]);
        assert_int_equal(reads[i].code, LUN_OK);
        done += o[i].code == LUN_OK;
        conflicts += o[i].code == LUN_ECONFLICT;
        if (o[i].code == LUN_ECONFLICT) {
            assert_string_equal(o[i].constraint, "apart_pkey");
            assert_string_equal(o[i].table, "apart");
        }
    }
    assert_int_equal(done, 15);
    assert_int_equal(conflicts, 15);
    assert_string_equal(sql("select count(*) from apart"), "15");
    close_pool(pool);
}

static void prepares_once_per_connection(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_statement s = statement("select $1::text", true);
    for (int round = 0; round < 10; round++) {
        struct outcome o[50] = {0};
        for (int i = 0; i < 50; i++)
            query(pool, &s, "x", &o[i]);
        for (int i = 0; i < 50; i++)
            wait_for(&o[i]);
    }
    struct lun_pg_stats stats;
    lun_pg_pool_stats(pool, &stats);
    assert_int_equal(stats.statements, 500);
    assert_in_range(stats.prepared, 1, 2);
    close_pool(pool);
}

static void prepares_again_after_alter_table(void **state)
{
    (void)state;
    sql("create table altered(a text); insert into altered values ('one')");
    struct lun_pg_pool *pool = ready_pool(4);
    struct lun_pg_statement s =
        statement("select *, pg_sleep(0.02) from altered", true);
    struct outcome first[40] = {0};
    for (int i = 0; i < 40; i++)
        query(pool, &s, NULL, &first[i]);
    for (int i = 0; i < 40; i++)
        wait_for(&first[i]);
    sql("alter table altered add column b int");
    /* One at a time: it meets all connections that know the old form. */
    for (int i = 0; i < 20; i++) {
        struct outcome then = {0};
        query(pool, &s, NULL, &then);
        wait_for(&then);
        assert_int_equal(then.code, LUN_OK);
        assert_string_equal(then.text, "one");
    }
    close_pool(pool);
}

static void prepares_again_what_the_server_has_lost(void **state)
{
    (void)state;
    sql("create table lost(a int)");
    struct lun_pg_pool *pool = ready_pool(1);
    assert_int_equal(ask(pool, "insert into lost values (1)", false).code,
                     LUN_OK);
    assert_int_equal(ask(pool, "select 1", true).code, LUN_OK);
    assert_int_equal(ask(pool, "deallocate all", false).code, LUN_OK);
    assert_int_equal(ask(pool, "insert into lost values (1)", false).code,
                     LUN_OK);
    assert_int_equal(ask(pool, "select 1", true).code, LUN_OK);
    assert_string_equal(sql("select count(*) from lost"), "2");
    close_pool(pool);
}

static void says_that_a_feature_is_missing_once(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    /* 0A000 of a statement that is new is not a stale plan. */
    struct outcome o =
        ask(pool, "select max(1) from generate_series(1, 2) for update", true);
    assert_string_equal(o.sqlstate, "0A000");
    assert_int_equal(o.code, LUN_EINTERNAL);
    close_pool(pool);
}

static void forgets_statements(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    const char *count = "select count(*)::text from pg_prepared_statements";
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof(text), "select %d", i);
        ask(pool, text, true);
    }
    assert_string_equal(ask(pool, count, true).text, "21");
    for (int i = 0; i < 20; i++) {
        char text[32];
        snprintf(text, sizeof(text), "select %d", i);
        lun_pg_pool_forget(pool, text);
    }
    lun_pg_pool_forget(pool, "unknown");
    run_for(50);
    assert_string_equal(ask(pool, count, true).text, "1");
    assert_int_equal(ask(pool, "select 3", true).code, LUN_OK);
    close_pool(pool);
}

static void keeps_the_last_statements_prepared_and_no_more(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_stats stats;
    char text[40];
    for (int i = 0; i < 2200; i++) {
        snprintf(text, sizeof(text), "select %d as n", i);
        assert_int_equal(ask(pool, text, i % 2 == 0).code, LUN_OK);
        assert_int_equal(ask(pool, "select 'often'", true).code, LUN_OK);
    }
    run_for(50);
    const char *count = "select (count(*) between 2000 and 2048)::text"
                        " from pg_prepared_statements";
    assert_string_equal(ask(pool, count, true).text, "true");
    const char *often = "select count(*)::text from pg_prepared_statements"
                        " where statement = 'select ''often'''";
    assert_string_equal(ask(pool, often, true).text, "1");
    assert_int_equal(ask(pool, "select 3 as n", true).code, LUN_OK);
    lun_pg_pool_stats(pool, &stats);
    assert_int_equal(stats.reconnects, 0);
    close_pool(pool);
}

static long resident_kb(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void gives_back_the_memory_of_a_large_result(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* it keeps what was freed */
#endif
    struct lun_pg_pool *pool = ready_pool(1);
    long before = resident_kb();
    assert_int_equal(ask(pool, "select repeat('x', 60000000)", true).code,
                     LUN_OK);
    run_for(50);
    assert_int_equal(ask(pool, "select 1", true).code, LUN_OK);
    assert_in_range(resident_kb() - before + 60000, 0, 90000);
    close_pool(pool);
}

static void refuses_results_that_are_too_large(void **state)
{
    (void)state;
    struct lun_pg_config config = {.size = 1, .result_bytes = 1 << 20};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_true(wait_ready(pool, 1));
    assert_int_equal(ask(pool, "select repeat('x', 1000000)", true).code,
                     LUN_OK);
    assert_int_equal(ask(pool, "select repeat('x', 1100000)", true).code,
                     LUN_ERESULT);
    assert_int_equal(
        ask(pool, "select i from generate_series(1, 100000) i", true).code,
        LUN_ERESULT);
    /* A write has its effect already. */
    ask(pool, "create table wide (t text)", false);
    assert_int_equal(ask(pool,
                         "insert into wide values (repeat('x', 1100000))"
                         " returning t",
                         false)
                         .code,
                     LUN_OK);
    close_pool(pool);
}

static void answers_large_results(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_statement s = statement("select repeat('x', 20000000)", true);
    struct lun_pg_statement rows =
        statement("select i from generate_series(1, 200000) i", true);
    struct lun_pg_statement small = statement("select 'small'::text", true);
    struct outcome o[6] = {0};
    for (int i = 0; i < 6; i++)
        query(pool, i % 3 == 0 ? &s : i % 3 == 1 ? &rows : &small, NULL, &o[i]);
    for (int i = 0; i < 6; i++) {
        wait_for(&o[i]);
        assert_int_equal(o[i].code, LUN_OK);
    }
    assert_int_equal(o[3].length, 20000000);
    assert_int_equal(o[4].rows, 200000);
    close_pool(pool);
}

static void sends_large_parameters(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement s =
        statement("select length($1::text)::text, $1::text", true);
    size_t size = 8000000;
    char *value = malloc(size + 1);
    memset(value, 'y', size);
    value[size] = '\0';
    struct outcome o[4] = {0};
    for (int i = 0; i < 4; i++)
        query(pool, &s, value, &o[i]);
    free(value);
    for (int i = 0; i < 4; i++) {
        wait_for(&o[i]);
        assert_string_equal(o[i].text, "8000000");
    }
    close_pool(pool);
}

static void refuses_too_many_parameters(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement s = statement("select 1", true);
    struct lun_pg_params params = {.count = 70000};
    struct outcome o = {0};
    lun_pg_pool_query(pool, &s, &params, in_ms(1000), on_result, &o);
    assert_int_equal(o.calls, 0);
    wait_for(&o);
    assert_int_equal(o.code, LUN_EBAD_INPUT);
    close_pool(pool);
}

static void ends_at_the_deadline_while_waiting(void **state)
{
    (void)state;
    struct lun_pg_config config = {.size = 1, .waiting = 2};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_true(wait_ready(pool, 1));
    struct lun_pg_statement slow = statement("select pg_sleep(0.4)", false);
    struct lun_pg_statement s = statement("select 1", true);
    struct outcome sleeper = {0};
    query(pool, &slow, NULL, &sleeper);
    run_for(20);
    uint64_t start = lun_clock_monotonic_ns();
    struct outcome o = {0};
    lun_pg_pool_query(pool, &s, NULL, in_ms(50), on_result, &o);
    wait_for(&o);
    assert_int_equal(o.code, LUN_EDEADLINE);
    assert_true(o.before_send);
    assert_in_range(o.at - start, 49 * MS, 150 * MS);
    wait_for(&sleeper);
    assert_int_equal(sleeper.code, LUN_OK);
    close_pool(pool);
}

static void ends_at_the_deadline_while_under_way(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement slow = statement("select pg_sleep(0.4)", true);
    uint64_t start = lun_clock_monotonic_ns();
    struct outcome o = {0};
    lun_pg_pool_query(pool, &slow, NULL, in_ms(50), on_result, &o);
    wait_for(&o);
    assert_int_equal(o.code, LUN_EDEADLINE);
    assert_false(o.before_send);
    assert_in_range(o.at - start, 49 * MS, 150 * MS);
    /* Its late result is nobody's. */
    assert_string_equal(ask(pool, "select 'next'::text", true).text, "next");
    assert_int_equal(o.calls, 1);
    struct lun_pg_stats stats;
    lun_pg_pool_stats(pool, &stats);
    assert_int_equal(stats.reconnects, 0);
    close_pool(pool);
}

static void ends_at_the_statement_timeout(void **state)
{
    (void)state;
    struct lun_pg_config config = {.size = 1, .statement_ms = 100};
    struct lun_pg_pool *pool = open_pool(&config);
    struct outcome o = ask(pool, "select pg_sleep(5)", true);
    assert_int_equal(o.code, LUN_EDEADLINE);
    assert_string_equal(o.sqlstate, "57014");
    assert_int_equal(ask(pool, "select 1", true).code, LUN_OK);
    close_pool(pool);
}

static void replaces_a_connection_that_hangs(void **state)
{
    (void)state;
    struct lun_pg_config config = {.size = 1, .statement_ms = 60000};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_true(wait_ready(pool, 1));
    struct lun_pg_statement slow = statement("select pg_sleep(40)", true);
    struct outcome o = {0};
    uint64_t start = lun_clock_monotonic_ns();
    lun_pg_pool_query(pool, &slow, NULL, in_ms(50), on_result, &o);
    wait_for(&o);
    assert_int_equal(o.code, LUN_EDEADLINE);
    run_for(700);
    assert_string_equal(ask(pool, "select 'on'::text", true).text, "on");
    assert_in_range(lun_clock_monotonic_ns() - start, 0, 3 * SECOND);
    assert_string_equal(sql("select count(*) from pg_stat_activity where "
                            "query like 'select pg_sleep(40)%'"),
                        "0");
    close_pool(pool);
}

static void is_unavailable_soon_when_there_is_no_server(void **state)
{
    (void)state;
    struct lun_pg_config config = {.conninfo = "host=/tmp/nowhere-at-all"};
    struct lun_pg_pool *pool = open_pool(&config);
    struct lun_pg_statement s = statement("select 1", true);
    uint64_t start = lun_clock_monotonic_ns();
    struct outcome o = {0};
    struct outcome session = {0};
    query(pool, &s, NULL, &o);
    lun_pg_pool_take(pool, in_ms(10000), on_session, &session);
    wait_for(&o);
    wait_for(&session);
    assert_int_equal(o.code, LUN_EUNAVAILABLE);
    assert_true(o.before_send);
    assert_int_equal(session.code, LUN_EUNAVAILABLE);
    assert_null(session.session);
    assert_in_range(o.at - start, 240 * MS, 400 * MS);
    assert_non_null(strstr(lun_pg_pool_problem(pool), "nowhere-at-all"));
    close_pool(pool);
}

static void refuses_a_bad_connection_string(void **state)
{
    (void)state;
    struct lun_pg_config config = {.conninfo = "host= = nonsense"};
    struct lun_pg_pool *pool = NULL;
    struct lun_err err;
    assert_int_equal(lun_pg_pool_open(&loop, &config, &pool, &err),
                     LUN_ECONFIG);
    assert_null(pool);
    assert_null(strchr(err.message, '\n'));
}

static void sets_up_its_sessions(void **state)
{
    (void)state;
    char text[512];
    snprintf(text, sizeof(text), "%s options='-c work_mem=5MB'", conninfo);
    struct lun_pg_config config = {.conninfo = text,
                                   .size = 1,
                                   .statement_ms = 1234,
                                   .application = "spec"};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_string_equal(ask(pool, "show statement_timeout", true).text,
                        "1234ms");
    assert_string_equal(ask(pool, "show work_mem", true).text, "5MB");
    assert_string_equal(ask(pool, "show application_name", true).text, "spec");
    assert_string_equal(ask(pool, "show timezone", true).text, "UTC");
    close_pool(pool);
}

static void spreads_slow_statements(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(4);
    struct lun_pg_statement s = statement("select pg_sleep(0.1)", true);
    struct outcome o[4] = {0};
    for (int round = 0; round < 2; round++) {
        uint64_t start = lun_clock_monotonic_ns();
        memset(o, 0, sizeof(o));
        for (int i = 0; i < 4; i++)
            query(pool, &s, NULL, &o[i]);
        for (int i = 0; i < 4; i++)
            wait_for(&o[i]);
        assert_in_range(lun_clock_monotonic_ns() - start, 0, 300 * MS);
    }
    close_pool(pool);
}

static void keeps_a_connection_for_reads(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_statement w = statement("select pg_sleep(0.2)", false);
    struct lun_pg_statement r = statement("select 'r'::text", true);
    struct outcome writes[3] = {0};
    struct outcome read = {0};
    for (int i = 0; i < 3; i++)
        query(pool, &w, NULL, &writes[i]);
    query(pool, &r, NULL, &read);
    uint64_t start = lun_clock_monotonic_ns();
    wait_for(&read);
    assert_in_range(read.at - start, 0, 150 * MS);
    for (int i = 0; i < 3; i++)
        wait_for(&writes[i]);
    close_pool(pool);
}

static void serves_reads_and_writes_by_turns_on_one_connection(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(1);
    struct lun_pg_statement w = statement("select pg_sleep(0.05)", false);
    struct lun_pg_statement r = statement("select 'r'::text", true);
    struct outcome writes[10] = {0};
    struct outcome read = {0};
    for (int i = 0; i < 10; i++)
        query(pool, &w, NULL, &writes[i]);
    run_for(10);
    query(pool, &r, NULL, &read);
    wait_for(&read);
    assert_int_equal(writes[5].calls, 0);
    wait_for(&writes[9]);
    close_pool(pool);
}

static void closes_with_work_under_way(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_statement slow = statement("select pg_sleep(2)", true);
    struct lun_pg_statement write = statement("select pg_sleep(3)", false);
    struct lun_pg_statement s = statement("select 1", true);
    struct outcome o[3] = {0};
    query(pool, &slow, NULL, &o[0]);
    query(pool, &write, NULL, &o[1]);
    run_for(50);
    query(pool, &s, NULL, &o[2]);
    int closed = 0;
    lun_pg_pool_close(pool, on_closed, &closed);
    struct outcome after = {0};
    query(pool, &s, NULL, &after);
    assert_true(run_until(&closed, 1, 1000));
    assert_int_equal(o[0].code, LUN_EUNAVAILABLE);
    assert_int_equal(o[1].code, LUN_EOUTCOME_UNKNOWN);
    assert_int_equal(o[2].code, LUN_EUNAVAILABLE);
    assert_int_equal(after.code, LUN_EUNAVAILABLE);
    for (int i = 0; i < 3; i++)
        assert_int_equal(o[i].calls, 1);
}

static void closes_while_it_connects(void **state)
{
    (void)state;
    for (int turns = 0; turns < 6; turns++) {
        struct lun_pg_config config = {.size = 3};
        struct lun_pg_pool *pool = open_pool(&config);
        struct lun_pg_statement s = statement("select 1", true);
        struct outcome o = {0};
        query(pool, &s, NULL, &o);
        for (int i = 0; i < turns; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        close_pool(pool);
        assert_int_equal(o.calls, 1);
    }
}

struct closer {
    struct lun_pg_pool *pool;
    int closed;
    int calls;
};

static void close_from_callback(void *context, const PGresult *result,
                                const struct lun_pg_error *error)
{
    (void)result;
    (void)error;
    struct closer *closer = context;
    if (closer->calls++ == 0)
        lun_pg_pool_close(closer->pool, on_closed, &closer->closed);
}

static void closes_from_a_callback(void **state)
{
    (void)state;
    struct closer closer = {.pool = ready_pool(1)};
    struct lun_pg_statement s = statement("select 1", true);
    for (int i = 0; i < 10; i++)
        lun_pg_pool_query(closer.pool, &s, NULL, in_ms(1000),
                          close_from_callback, &closer);
    assert_true(run_until(&closer.closed, 1, 5000));
    assert_int_equal(closer.calls, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_a_statement),
        CASE(answers_binary_values_and_nulls),
        CASE(takes_binary_parameters),
        CASE(answers_text_where_it_is_asked_for),
        CASE(never_calls_back_before_it_returns),
        CASE(keeps_the_neighbours_of_a_failing_read),
        CASE(keeps_the_neighbours_of_a_statement_that_cannot_be_parsed),
        CASE(keeps_writes_apart),
        CASE(prepares_once_per_connection),
        CASE(prepares_again_after_alter_table),
        CASE(prepares_again_what_the_server_has_lost),
        CASE(says_that_a_feature_is_missing_once),
        CASE(forgets_statements),
        CASE(keeps_the_last_statements_prepared_and_no_more),
        CASE(gives_back_the_memory_of_a_large_result),
        CASE(refuses_results_that_are_too_large),
        CASE(answers_large_results),
        CASE(sends_large_parameters),
        CASE(refuses_too_many_parameters),
        CASE(ends_at_the_deadline_while_waiting),
        CASE(ends_at_the_deadline_while_under_way),
        CASE(ends_at_the_statement_timeout),
        CASE(replaces_a_connection_that_hangs),
        CASE(is_unavailable_soon_when_there_is_no_server),
        CASE(refuses_a_bad_connection_string),
        CASE(sets_up_its_sessions),
        CASE(spreads_slow_statements),
        CASE(keeps_a_connection_for_reads),
        CASE(serves_reads_and_writes_by_turns_on_one_connection),
        CASE(closes_with_work_under_way),
        CASE(closes_while_it_connects),
        CASE(closes_from_a_callback),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
