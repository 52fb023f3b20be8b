/*
 * spec/unit/pg/fault_test.c - servers that die and networks that lie.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The invariants are those of a ledger: each request is answered once, what was
 * acknowledged is in the database, and what is there was not denied.
 */
#include <signal.h>

#include "spec/unit/pg/proxy.h"

/* --- a load of reads and writes that goes on until told --- */

#define LOAD_MAX 200000

struct load {
    struct lun_pg_pool *pool;
    bool stop;
    int active;
    int idle; /* workers that have ended */
    int next_id;
    int reads;
    int reads_failed;
    unsigned char *outcome; /* by id: 0 asked, else 1 + code */
};

struct worker {
    struct load *load;
    int id; /* of the write under way, or -1 */
};

static const struct lun_pg_statement load_read = {
    .name = "load_read",
    .sql = "select count(*) from generate_series(1, 10)",
    .read_only = true};
static const struct lun_pg_statement load_write = {
    .name = "load_write", .sql = "insert into ledger values ($1::int)"};

static void work(struct worker *worker);

static void on_work(void *context, const PGresult *result,
                    const struct lun_pg_error *error)
{
    (void)result;
    struct worker *worker = context;
    struct load *load = worker->load;
    if (worker->id < 0) {
        load->reads++;
        load->reads_failed += error != NULL;
    } else {
        assert_int_equal(load->outcome[worker->id], 0);
        load->outcome[worker->id] =
            (unsigned char)(1 + (error ? error->code : 0));
        if (error && error->before_send)
            load->outcome[worker->id] = 255;
    }
    if (load->stop || load->next_id >= LOAD_MAX - 1) {
        free(worker);
        load->idle++;
        return;
    }
    work(worker);
}

static void work(struct worker *worker)
{
    struct load *load = worker->load;
    char id[16];
    const char *values[] = {id};
    struct lun_pg_params params = {.count = 1, .values = values};
    bool write = worker->id < 0;
    worker->id = write ? load->next_id++ : -1;
    snprintf(id, sizeof(id), "%d", worker->id);
    lun_pg_pool_query(load->pool, write ? &load_write : &load_read,
                      write ? &params : NULL, in_ms(3000), on_work, worker);
}

static void load_start(struct load *load, struct lun_pg_pool *pool, int workers)
{
    memset(load, 0, sizeof(*load));
    sql("drop table if exists ledger; create table ledger(id int)");
    load->pool = pool;
    load->outcome = calloc(LOAD_MAX, 1);
    for (int i = 0; i < workers; i++) {
        struct worker *worker = malloc(sizeof(*worker));
        *worker = (struct worker){.load = load, .id = -1};
        load->active++;
        work(worker);
    }
}

static void load_end(struct load *load)
{
    load->stop = true;
    assert_true(run_until(&load->idle, load->active, 10000));
}

/* Acknowledged rows are there once, denied ones are not. */
static void load_check(struct load *load)
{
    int acked = 0;
    int unknown = 0;
    struct lun_pg_blocking *conn;
    struct lun_err err;
    PGresult *result = NULL;
    assert_int_equal(lun_pg_blocking_open(conninfo, &conn, &err), 0);
    assert_int_equal(lun_pg_blocking_query(conn, "select id from ledger", NULL,
                                           &result, NULL),
                     0);
    unsigned char *there = calloc(LOAD_MAX, 1);
    for (int i = 0; i < PQntuples(result); i++)
        there[atoi(PQgetvalue(result, i, 0))]++;
    for (int id = 0; id < load->next_id; id++) {
        int code = load->outcome[id] - 1;
        acked += code == LUN_OK;
        unknown += code == LUN_EOUTCOME_UNKNOWN;
        assert_true(code >= 0);
        assert_true(there[id] <= 1);
        if (code == LUN_OK)
            assert_int_equal(there[id], 1);
        else if (code != LUN_EOUTCOME_UNKNOWN && code != LUN_EDEADLINE)
            assert_int_equal(there[id], 0);
    }
    assert_true(acked > 0);
    print_message("    %d acknowledged, %d unknown, %d of %d reads failed\n",
                  acked, unknown, load->reads_failed, load->reads);
    free(there);
    PQclear(result);
    lun_pg_blocking_close(conn);
    free(load->outcome);
}

/* --- the server is restarted or loses a backend --- */

static int child_ended;
static int child_status;

static void on_exit_child(uv_process_t *process, int64_t status, int signal)
{
    (void)signal;
    child_ended = 1;
    child_status = (int)status;
    uv_close((uv_handle_t *)process, NULL);
}

/* Restarts the server while the loop runs. */
static void restart(uv_process_t *process, char *mode)
{
    static char script[512];
    snprintf(script, sizeof(script), "%.*ssupport/postgres",
             (int)(strlen(__FILE__) - strlen("unit/pg/fault_test.c")),
             __FILE__);
    char *args[] = {script, "restart", cluster, mode, NULL};
    uv_process_options_t options = {
        .file = script, .args = args, .exit_cb = on_exit_child};
    child_ended = 0;
    assert_int_equal(uv_spawn(&loop, process, &options), 0);
    assert_true(run_until(&child_ended, 1, 20000));
    assert_int_equal(child_status, 0);
}

static int readiness[16];
static int readiness_count;

static void on_ready(void *context, bool ready)
{
    (void)context;
    if (readiness_count < 16)
        readiness[readiness_count++] = ready;
}

static void survives_restart(char *mode)
{
    struct lun_pg_pool *pool = ready_pool(4);
    struct load load;
    uv_process_t process;
    readiness_count = 0;
    lun_pg_pool_on_ready(pool, on_ready, NULL);
    load_start(&load, pool, 24);
    run_for(100);
    restart(&process, mode);
    assert_true(wait_ready(pool, 4));
    int before = load.next_id;
    run_for(100);
    assert_true(load.next_id > before);
    load_end(&load);
    load_check(&load);
    assert_true(readiness_count >= 2);
    assert_int_equal(readiness[0], 0);
    assert_int_equal(readiness[readiness_count - 1], 1);
    close_pool(pool);
}

static void survives_a_fast_restart_under_load(void **state)
{
    (void)state;
    survives_restart("fast");
}

static void survives_an_immediate_restart_under_load(void **state)
{
    (void)state;
    survives_restart("immediate");
}

static void survives_the_kill_of_a_backend_under_load(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(4);
    struct load load;
    load_start(&load, pool, 24);
    for (int i = 0; i < 3; i++) {
        run_for(60);
        const char *pid = sql("select pid from pg_stat_activity where "
                              "query like 'insert into ledger%' limit 1");
        if (*pid)
            kill((pid_t)atoi(pid), SIGKILL);
        run_for(200);
        assert_true(wait_ready(pool, 4));
    }
    load_end(&load);
    load_check(&load);
    close_pool(pool);
}

static void hides_the_loss_of_idle_connections_from_reads(void **state)
{
    (void)state;
    struct lun_pg_pool *pool = ready_pool(4);
    sql("select pg_terminate_backend(pid) from pg_stat_activity where "
        "backend_type = 'client backend' and pid <> pg_backend_pid()");
    struct lun_pg_statement s = statement("select 'r'::text", true);
    struct outcome o[20] = {0};
    for (int i = 0; i < 20; i++)
        query(pool, &s, NULL, &o[i]);
    for (int i = 0; i < 20; i++) {
        wait_for(&o[i]);
        assert_string_equal(o[i].text, "r");
    }
    close_pool(pool);
}

static void runs_again_what_an_administrator_has_ended(void **state)
{
    (void)state;
    sql("create table ended(id int)");
    struct lun_pg_pool *pool = ready_pool(2);
    struct lun_pg_statement s =
        statement("insert into ended select 1 from pg_sleep(0.3)", false);
    struct outcome o = {0};
    query(pool, &s, NULL, &o);
    run_for(50);
    sql("select pg_terminate_backend(pid) from pg_stat_activity where "
        "query like 'insert into ended%'");
    wait_for(&o);
    assert_int_equal(o.code, LUN_OK);
    assert_string_equal(sql("select count(*) from ended"), "1");
    close_pool(pool);
}

/* --- the network --- */

static struct lun_pg_pool *pool_behind(struct proxy *proxy, unsigned size,
                                       unsigned connect_ms)
{
    struct lun_pg_config config = {
        .conninfo = proxy->conninfo, .size = size, .connect_ms = connect_ms};
    return open_pool(&config);
}

static void resolves_names(void **state)
{
    (void)state;
    struct proxy proxy;
    proxy_open(&proxy);
    struct lun_pg_pool *pool = pool_behind(&proxy, 2, 0);
    assert_string_equal(ask(pool, "select 'n'::text", true).text, "n");
    close_pool(pool);
    struct lun_pg_config config = {.conninfo = "host=no.such.host.invalid"};
    pool = open_pool(&config);
    assert_int_equal(ask(pool, "select 1", true).code, LUN_EUNAVAILABLE);
    close_pool(pool);
    proxy_close(&proxy);
}

static void ends_requests_in_time_in_a_black_hole(void **state)
{
    (void)state;
    struct proxy proxy;
    proxy_open(&proxy);
    struct lun_pg_pool *pool = pool_behind(&proxy, 2, 300);
    assert_true(wait_ready(pool, 2));
    struct lun_pg_statement s = statement("select 1", true);
    proxy_freeze(&proxy, true);
    struct outcome o[40] = {0};
    uint64_t start = lun_clock_monotonic_ns();
    for (int i = 0; i < 40; i++)
        lun_pg_pool_query(pool, &s, NULL, in_ms(200), on_result, &o[i]);
    for (int i = 0; i < 40; i++) {
        wait_for(&o[i]);
        assert_int_equal(o[i].code, LUN_EDEADLINE);
        assert_in_range(o[i].at - start, 199 * MS, 400 * MS);
    }
    /* The silent connections are given up ... */
    run_for(1800);
    assert_false(lun_pg_pool_ready(pool));
    struct outcome down = ask(pool, "select 2", true);
    assert_int_equal(down.code, LUN_EUNAVAILABLE);
    /* ... and new ones made when the network is back. */
    proxy_freeze(&proxy, false);
    assert_true(wait_ready(pool, 2));
    assert_int_equal(ask(pool, "select 2", true).code, LUN_OK);
    close_pool(pool);
    proxy_close(&proxy);
}

static void tells_reads_from_writes_when_the_network_resets(void **state)
{
    (void)state;
    sql("create table reset(id int)");
    struct proxy proxy;
    proxy_open(&proxy);
    struct lun_pg_pool *pool = pool_behind(&proxy, 2, 0);
    assert_true(wait_ready(pool, 2));
    struct lun_pg_statement r =
        statement("select 'r'::text from pg_sleep(0.1)", true);
    struct lun_pg_statement w =
        statement("insert into reset values (1)", false);
    struct outcome read = {0};
    struct outcome write = {0};
    proxy.swallows = true; /* the write happens, its answer is lost */
    query(pool, &w, NULL, &write);
    query(pool, &r, NULL, &read);
    run_for(50);
    proxy.swallows = false;
    proxy_reset(&proxy);
    wait_for(&write);
    wait_for(&read);
    assert_int_equal(write.code, LUN_EOUTCOME_UNKNOWN);
    assert_true(write.lost);
    assert_string_equal(read.text, "r");
    assert_string_equal(sql("select count(*) from reset"), "1");
    close_pool(pool);
    proxy_close(&proxy);
}

static void does_not_know_the_outcome_of_a_lost_commit(void **state)
{
    (void)state;
    sql("create table maybe(id int)");
    struct proxy proxy;
    proxy_open(&proxy);
    struct lun_pg_pool *pool = pool_behind(&proxy, 2, 0);
    assert_true(wait_ready(pool, 2));
    struct lun_pg_statement w =
        statement("insert into maybe values (1)", false);
    static const int expected[] = {LUN_EUNAVAILABLE, LUN_EOUTCOME_UNKNOWN};
    for (int commit = 0; commit < 2; commit++) {
        struct outcome session = {0};
        struct outcome begin = {0};
        struct outcome o = {0};
        assert_true(wait_ready(pool, 1));
        lun_pg_pool_take(pool, in_ms(1000), on_session, &session);
        wait_for(&session);
        lun_pg_session_exec(session.session, "begin", 0, on_result, &begin);
        wait_for(&begin);
        proxy.swallows = true;
        if (commit)
            lun_pg_session_exec(session.session, "commit", 0, on_result, &o);
        else
            lun_pg_session_query(session.session, &w, NULL, 0, on_result, &o);
        run_for(50);
        proxy.swallows = false;
        proxy_reset(&proxy);
        wait_for(&o);
        assert_int_equal(o.code, expected[commit]);
        assert_true(o.lost);
        lun_pg_session_give(session.session);
    }
    close_pool(pool);
    proxy_close(&proxy);
}

static void survives_resets_under_load(void **state)
{
    (void)state;
    struct proxy proxy;
    proxy_open(&proxy);
    struct lun_pg_pool *pool = pool_behind(&proxy, 4, 0);
    assert_true(wait_ready(pool, 4));
    struct load load;
    load_start(&load, pool, 24);
    for (int i = 0; i < 10; i++) {
        run_for(40);
        proxy_reset(&proxy);
    }
    assert_true(wait_ready(pool, 4));
    load_end(&load);
    load_check(&load);
    close_pool(pool);
    proxy_close(&proxy);
}

static void tries_at_most_ten_times_a_second(void **state)
{
    (void)state;
    struct proxy proxy;
    proxy_open(&proxy);
    proxy.refuses = true;
    struct lun_pg_pool *pool = pool_behind(&proxy, 8, 0);
    run_for(1000);
    assert_in_range(proxy.accepted, 2, 11);
    run_for(1000);
    assert_in_range(proxy.accepted, 3, 21);
    proxy.refuses = false;
    assert_true(wait_ready(pool, 8));
    /* Losing all again and again is no storm either. */
    int before = proxy.accepted;
    proxy.refuses = true;
    proxy_reset(&proxy);
    run_for(1000);
    assert_in_range(proxy.accepted - before, 1, 11);
    close_pool(pool);
    proxy_close(&proxy);
}

static void gives_up_a_host_that_does_not_answer(void **state)
{
    (void)state;
    struct proxy silent;
    proxy_open(&silent);
    silent.frozen = true;
    char text[512];
    snprintf(text, sizeof(text),
             "host=127.0.0.1,%s/run port=%s,5432 "
             "dbname=postgres user=postgres",
             cluster, strstr(silent.conninfo, "port=") + 5);
    char *rest = strchr(strstr(text, "port="), ' ');
    snprintf(rest, (size_t)(text + sizeof(text) - rest),
             ",5432 dbname=postgres user=postgres");
    struct lun_pg_config config = {
        .conninfo = text, .size = 2, .connect_ms = 200};
    struct lun_pg_pool *pool = open_pool(&config);
    uint64_t start = lun_clock_monotonic_ns();
    assert_true(wait_ready(pool, 2));
    assert_in_range(lun_clock_monotonic_ns() - start, 200 * MS, 2 * SECOND);
    close_pool(pool);
    proxy_close(&silent);
}

/* --- a server that refuses --- */

static void comes_back_when_the_server_is_full(void **state)
{
    (void)state;
    struct lun_pg_blocking *taken[64];
    struct lun_err err;
    int count = 0;
    while (count < 64 &&
           lun_pg_blocking_open(conninfo, &taken[count], &err) == LUN_OK)
        count++;
    assert_in_range(count, 40, 63);
    struct lun_pg_config config = {.size = 2};
    struct lun_pg_pool *pool = open_pool(&config);
    struct outcome o = ask(pool, "select 1", true);
    assert_int_equal(o.code, LUN_EUNAVAILABLE);
    assert_non_null(strstr(lun_pg_pool_problem(pool), "too many clients"));
    while (count > 0)
        lun_pg_blocking_close(taken[--count]);
    assert_true(wait_ready(pool, 2));
    assert_int_equal(ask(pool, "select 1", true).code, LUN_OK);
    close_pool(pool);
}

static void leaves_a_node_that_is_read_only(void **state)
{
    (void)state;
    sql("create table ro(id int)");
    struct lun_pg_pool *pool = ready_pool(2);
    sql("alter system set default_transaction_read_only = on");
    sql("select pg_reload_conf()");
    run_for(100);
    struct outcome o = ask(pool, "insert into ro values (1)", false);
    assert_int_equal(o.code, LUN_EUNAVAILABLE);
    assert_string_equal(o.sqlstate, "25006");
    sql("alter system reset default_transaction_read_only");
    sql("select pg_reload_conf()");
    run_for(100);
    assert_int_equal(ask(pool, "insert into ro values (1)", false).code,
                     LUN_OK);
    assert_true(wait_ready(pool, 2));
    struct lun_pg_stats stats;
    lun_pg_pool_stats(pool, &stats);
    assert_true(stats.reconnects >= 1);
    close_pool(pool);
}

static void makes_old_connections_again(void **state)
{
    (void)state;
    struct lun_pg_config config = {.size = 4, .lifetime_ms = 50};
    struct lun_pg_pool *pool = open_pool(&config);
    assert_true(wait_ready(pool, 4));
    struct load load;
    struct lun_pg_stats stats;
    load_start(&load, pool, 24);
    run_for(500);
    load_end(&load);
    lun_pg_pool_stats(pool, &stats);
    assert_in_range(stats.reconnects, 4, 60);
    assert_int_equal(stats.errors, 0);
    load_check(&load);
    close_pool(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(survives_a_fast_restart_under_load),
        CASE(survives_an_immediate_restart_under_load),
        CASE(survives_the_kill_of_a_backend_under_load),
        CASE(hides_the_loss_of_idle_connections_from_reads),
        CASE(runs_again_what_an_administrator_has_ended),
        CASE(resolves_names),
        CASE(ends_requests_in_time_in_a_black_hole),
        CASE(tells_reads_from_writes_when_the_network_resets),
        CASE(does_not_know_the_outcome_of_a_lost_commit),
        CASE(survives_resets_under_load),
        CASE(tries_at_most_ten_times_a_second),
        CASE(gives_up_a_host_that_does_not_answer),
        CASE(comes_back_when_the_server_is_full),
        CASE(leaves_a_node_that_is_read_only),
        CASE(makes_old_connections_again),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
