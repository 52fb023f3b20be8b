/*
 * spec/unit/graphql/merge_test.c - reads that share a statement, on PostgreSQL.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/graphql/merge.h"
#include "spec/unit/pg/support.h"

#define READS 600

static struct lun_pg_pool *pool;
static struct lun_merge *merge;

static const struct lun_pg_statement single = {
    .name = "one",
    .sql = "select name, 10 / (id - 13) from item where id = $1::int4"
           " and name <> $2::text",
    .param_count = 2,
    .read_only = true,
};
static const struct lun_pg_statement merged = {
    .name = "many",
    .sql = "select q.*, m.n::int4 from unnest($1::int4[], $2::text[]) with"
           " ordinality as m(p1, p2, n) cross join lateral (select name, 10 /"
           " (id - 13) from item where id = m.p1 and name <> m.p2) as q",
    .param_count = 2,
    .read_only = true,
};

struct read {
    struct lun_merge_read read;
    struct lun_pg_params params;
    const char *values[2];
    char id[16];
    int calls;
    int code;
    bool found;
    char name[64];
};

static struct read reads[READS];

static void on_read(void *context, const PGresult *result, int row,
                    const struct lun_pg_error *error)
{
    struct read *read = context;
    read->calls++;
    read->code = error ? error->code : LUN_OK;
    read->found = row >= 0;
    if (row >= 0)
        snprintf(read->name, sizeof(read->name), "%.*s",
                 PQgetlength(result, row, 0), PQgetvalue(result, row, 0));
}

static void start_read(struct lun_merge_group *group, struct read *read,
                       int id, const char *other)
{
    memset(read, 0, sizeof(*read));
    snprintf(read->id, sizeof(read->id), "%d", id);
    read->values[0] = id < 0 ? NULL : read->id;
    read->values[1] = other;
    read->params = (struct lun_pg_params){.count = 2, .values = read->values};
    read->read = (struct lun_merge_read){
        .params = &read->params,
        .deadline_ns = lun_clock_monotonic_ns() + 10 * SECOND,
        .cb = on_read,
        .context = read,
    };
    lun_merge_run(merge, group, &single, &read->read);
}

static void run_until_answered(int count)
{
    for (;;) {
        int answered = 0;
        for (int i = 0; i < count; i++)
            answered += reads[i].calls > 0;
        if (answered == count)
            return;
        uv_run(&loop, UV_RUN_ONCE);
    }
}

static uint64_t statements(void)
{
    struct lun_pg_stats stats;
    lun_pg_pool_stats(pool, &stats);
    return stats.statements;
}

static void one_read_alone_goes_as_it_is(void **state)
{
    (void)state;
    struct lun_merge_group group = {.merged = merged};
    start_read(&group, &reads[0], 7, "x");
    assert_int_equal(reads[0].calls, 0);
    run_until_answered(1);
    assert_string_equal(reads[0].name, "item 7");
}

static void many_reads_share_few_statements_and_each_gets_its_row(void **state)
{
    (void)state;
    struct lun_merge_group group = {.merged = merged};
    uint64_t before = statements();
    for (int i = 0; i < READS; i++)
        start_read(&group, &reads[i], 100 + i, "x");
    run_until_answered(READS);
    assert_true(statements() - before < 20);
    for (int i = 0; i < READS; i++) {
        char name[64];
        snprintf(name, sizeof(name), "item %d", 100 + i);
        assert_int_equal(reads[i].calls, 1);
        assert_string_equal(reads[i].name, name);
    }
}

static void reads_without_a_row_get_none(void **state)
{
    (void)state;
    struct lun_merge_group group = {.merged = merged};
    for (int i = 0; i < 50; i++)
        start_read(&group, &reads[i], i % 2 ? 100 + i : i % 4 ? -1 : 99999,
                   "x");
    run_until_answered(50);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(reads[i].code, LUN_OK);
        assert_int_equal(reads[i].found, i % 2);
    }
}

static void text_with_quotes_and_braces_stays_itself(void **state)
{
    (void)state;
    static const char *const texts[] = {"a\"b", "\\", "{x,y}", "", "NULL",
                                        "back\\\"slash", "\xc3\xa4,"};
    struct lun_merge_group group = {.merged = merged};
    sql("delete from item where id between 20 and 26");
    for (int i = 0; i < 7; i++) {
        char text[200];
        snprintf(text, sizeof(text), "insert into item values (%d, $$%s$$)",
                 20 + i, texts[i]);
        sql(text);
    }
    /* Equal to the name: filtered out; the next one's text: found. */
    for (int i = 0; i < 14; i++)
        start_read(&group, &reads[i], 20 + i % 7,
                   texts[i < 7 ? i : (i + 1) % 7]);
    run_until_answered(14);
    for (int i = 0; i < 14; i++) {
        assert_int_equal(reads[i].found, i >= 7);
        if (i >= 7)
            assert_string_equal(reads[i].name, texts[i - 7]);
    }
}

static void a_read_that_fails_fails_alone(void **state)
{
    (void)state;
    struct lun_merge_group group = {.merged = merged};
    for (int i = 0; i < 40; i++)
        start_read(&group, &reads[i], i == 30 ? 13 : 100 + i, "x");
    run_until_answered(40);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(reads[i].calls, 1);
        assert_int_equal(reads[i].code, i == 30 ? LUN_EBAD_INPUT : LUN_OK);
        assert_int_equal(reads[i].found, i != 30);
    }
}

static int open_all(void **state)
{
    struct lun_pg_config config = {.conninfo = conninfo, .size = 2};
    struct lun_err err;
    if (start_server(state))
        return -1;
    config.conninfo = conninfo;
    uv_loop_init(&loop);
    sql("create table item as select i as id, 'item ' || i as name from"
        " generate_series(1, 1000) i");
    if (lun_pg_pool_open(&loop, &config, &pool, &err))
        return -1;
    merge = lun_merge_new(&loop, pool);
    return merge ? 0 : -1;
}

static int close_all(void **state)
{
    lun_merge_close(merge);
    lun_pg_pool_close(pool, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return stop_server(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_read_alone_goes_as_it_is),
        cmocka_unit_test(many_reads_share_few_statements_and_each_gets_its_row),
        cmocka_unit_test(reads_without_a_row_get_none),
        cmocka_unit_test(text_with_quotes_and_braces_stays_itself),
        cmocka_unit_test(a_read_that_fails_fails_alone),
    };
    return cmocka_run_group_tests_name("merge", tests, open_all, close_all);
}
