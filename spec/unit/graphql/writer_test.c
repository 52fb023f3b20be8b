/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "core/graphql/writer.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct lun_arena arena;
static struct lun_buf out;
static PGconn *conn;
static char folder[64];
static char tool[512];

/* spec/support/postgres, found from the path of this file. */
static int open_database(void **state)
{
    (void)state;
    char command[640];
    char conninfo[256] = "";
    const char *given = getenv("LUNETTE_TEST_CONNINFO");
    const char *tail = strstr(__FILE__, "spec/unit/graphql/");
    snprintf(tool, sizeof(tool), "%.*sspec/support/postgres",
             (int)(tail - __FILE__), __FILE__);
    if (given) {
        snprintf(conninfo, sizeof(conninfo), "%s", given);
    } else {
        snprintf(folder, sizeof(folder), "/tmp/lunette-writer-%d",
                 (int)getpid());
        snprintf(command, sizeof(command), "%s start %s", tool, folder);
        FILE *pipe = popen(command, "r");
        if (!pipe || !fgets(conninfo, sizeof(conninfo), pipe))
            return -1;
        pclose(pipe);
    }
    conn = PQconnectdb(conninfo);
    if (PQstatus(conn) != CONNECTION_OK)
        print_error("%s\n", PQerrorMessage(conn));
    return PQstatus(conn) == CONNECTION_OK ? 0 : -1;
}

static int close_database(void **state)
{
    (void)state;
    char command[640];
    PQfinish(conn);
    if (!*folder)
        return 0;
    snprintf(command, sizeof(command), "%s stop %s", tool, folder);
    return system(command) ? -1 : 0;
}

static int setup(void **state)
{
    (void)state;
    lun_arena_init(&arena, 0);
    lun_buf_init(&out);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lun_arena_release(&arena);
    lun_buf_release(&out);
    return 0;
}

static PGresult *query(const char *sql)
{
    PGresult *result = PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQresultErrorMessage(result));
    return result;
}

/* The only value of `select <expression>` as JSON. */
static const char *value_of(enum lun_ctype type, bool list,
                            const char *expression)
{
    char sql[1024];
    snprintf(sql, sizeof(sql), "select %s", expression);
    PGresult *result = query(sql);
    lun_buf_clear(&out);
    int rc = lun_graphql_write_value(
        &out, type, list, PQgetvalue(result, 0, 0),
        PQgetisnull(result, 0, 0) ? -1 : PQgetlength(result, 0, 0));
    PQclear(result);
    if (rc)
        fail_msg("%s: %d", expression, rc);
    return lun_buf_str(&out);
}

static void writes_each_type_of_column(void **state)
{
    (void)state;
    static const struct {
        enum lun_ctype type;
        const char *sql;
        const char *json;
    } values[] = {
        {LUN_CTYPE_BOOL, "true", "true"},
        {LUN_CTYPE_BOOL, "false", "false"},
        {LUN_CTYPE_BOOL, "null::bool", "null"},
        {LUN_CTYPE_INT4, "0", "0"},
        {LUN_CTYPE_INT4, "-2147483648", "-2147483648"},
        {LUN_CTYPE_INT4, "2147483647", "2147483647"},
        {LUN_CTYPE_INT4, "7::int2", "7"},
        {LUN_CTYPE_INT4, "100", "100"},
        {LUN_CTYPE_INT8, "9007199254740992", "9007199254740992"},
        {LUN_CTYPE_INT8, "9007199254740993", "\"9007199254740993\""},
        {LUN_CTYPE_INT8, "-9007199254740992", "-9007199254740992"},
        {LUN_CTYPE_INT8, "'-9223372036854775808'::int8",
         "\"-9223372036854775808\""},
        {LUN_CTYPE_FLOAT8, "3::float8", "3"},
        {LUN_CTYPE_FLOAT8, "1.5::float8", "1.5"},
        {LUN_CTYPE_FLOAT8, "0.1::float8", "0.1"},
        {LUN_CTYPE_FLOAT8, "'-0'::float8", "0"},
        {LUN_CTYPE_FLOAT8, "1e21::float8", "1e+21"},
        {LUN_CTYPE_FLOAT8, "'NaN'::float8", "null"},
        {LUN_CTYPE_FLOAT8, "'-infinity'::float8", "null"},
        {LUN_CTYPE_FLOAT8, "1.5::float4", "1.5"},
        {LUN_CTYPE_NUMERIC, "0::numeric", "\"0\""},
        {LUN_CTYPE_NUMERIC, "0.00::numeric", "\"0.00\""},
        {LUN_CTYPE_NUMERIC, "1.50::numeric", "\"1.50\""},
        {LUN_CTYPE_NUMERIC, "'NaN'::numeric", "\"NaN\""},
        {LUN_CTYPE_NUMERIC, "'Infinity'::numeric", "\"Infinity\""},
        {LUN_CTYPE_NUMERIC, "'-Infinity'::numeric", "\"-Infinity\""},
        {LUN_CTYPE_TEXT, "''", "\"\""},
        {LUN_CTYPE_TEXT, "null::text", "null"},
        {LUN_CTYPE_TEXT, "'abc'::varchar", "\"abc\""},
        {LUN_CTYPE_UUID, "'0190163d-8694-739b-aea5-966c26f8ad91'::uuid",
         "\"0190163d-8694-739b-aea5-966c26f8ad91\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'2016-07-31T23:59:01Z'::timestamptz",
         "\"2016-07-31T23:59:01.000Z\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'2016-07-31T23:59:01.123999Z'::timestamptz",
         "\"2016-07-31T23:59:01.123Z\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'1969-12-31T23:59:59.999Z'::timestamptz",
         "\"1969-12-31T23:59:59.999Z\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'1999-12-31T23:59:59.9999Z'::timestamptz",
         "\"1999-12-31T23:59:59.999Z\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'0001-01-01T00:00:00Z'::timestamptz",
         "\"0001-01-01T00:00:00.000Z\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'4713-01-01T00:00:00Z BC'::timestamptz",
         "\"-004712-01-01T00:00:00.000Z\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'294276-12-31T23:59:59.999Z'::timestamptz",
         "\"+294276-12-31T23:59:59.999Z\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'infinity'::timestamptz", "\"infinity\""},
        {LUN_CTYPE_TIMESTAMPTZ, "'-infinity'::timestamptz", "\"-infinity\""},
        {LUN_CTYPE_DATE, "'2016-02-29'::date", "\"2016-02-29\""},
        {LUN_CTYPE_DATE, "'1969-12-31'::date", "\"1969-12-31\""},
        {LUN_CTYPE_DATE, "'5874897-12-31'::date", "\"+5874897-12-31\""},
        {LUN_CTYPE_DATE, "'infinity'::date", "\"infinity\""},
        {LUN_CTYPE_TIME, "'23:59'::time", "\"23:59:00\""},
        {LUN_CTYPE_TIME, "'23:59:01.5'::time", "\"23:59:01.500\""},
        {LUN_CTYPE_TIME, "'23:59:01.000001'::time", "\"23:59:01.000001\""},
        {LUN_CTYPE_TIME, "'24:00'::time", "\"24:00:00\""},
        {LUN_CTYPE_JSONB, "'{\"a\":[1,null]}'::jsonb", "{\"a\": [1, null]}"},
        {LUN_CTYPE_JSONB, "'null'::jsonb", "null"}};
    for (size_t i = 0; i < COUNT(values); i++)
        assert_string_equal(value_of(values[i].type, false, values[i].sql),
                            values[i].json);
}

static void writes_numerics_as_the_server_does(void **state)
{
    (void)state;
    PGresult *result =
        query("with n(v) as (select (random() * 2 - 1)::numeric * "
              "10::numeric ^ (i % 61 - 30) from generate_series(1, 4000) i "
              "union all select round(v, s) from (values "
              "(12345678.9), (0.00001234), (10000), (9999.99995), (1e30), "
              "(1e-30), (-0.5), (99999999.99999999)) x(v), "
              "generate_series(0, 12) s union all select s::numeric from "
              "unnest(array['100000000','10000.0001','0.0001','1.0000',"
              "'123456789012345678901234567890.123456789','1e1000',"
              "'-1e-1000']) s) select v, v::text from n");
    for (int row = 0; row < PQntuples(result); row++) {
        lun_buf_clear(&out);
        assert_int_equal(lun_graphql_write_value(&out, LUN_CTYPE_NUMERIC, false,
                                                 PQgetvalue(result, row, 0),
                                                 PQgetlength(result, row, 0)),
                         0);
        lun_buf_str(&out);
        size_t len = (size_t)PQgetlength(result, row, 1);
        assert_int_equal(out.len, len + 2);
        assert_memory_equal(out.data + 1, PQgetvalue(result, row, 1), len);
    }
    PQclear(result);
}

static void writes_times_as_the_server_does(void **state)
{
    (void)state;
    PGresult *result = query(
        "select t, to_char(t at time zone 'UTC', "
        "'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') from (select date_trunc("
        "'milliseconds', '0001-01-01Z'::timestamptz + random() * interval "
        "'9998 years') t from generate_series(1, 5000)) x");
    for (int row = 0; row < PQntuples(result); row++) {
        lun_buf_clear(&out);
        assert_int_equal(lun_graphql_write_value(&out, LUN_CTYPE_TIMESTAMPTZ,
                                                 false,
                                                 PQgetvalue(result, row, 0),
                                                 PQgetlength(result, row, 0)),
                         0);
        assert_int_equal(out.len, 26);
        assert_memory_equal(out.data + 1, PQgetvalue(result, row, 1), 24);
    }
    PQclear(result);
}

static void escapes_texts_for_json(void **state)
{
    (void)state;
    static const char special[] = {1,   8,   9,    10,  12,  13,        31,
                                   '"', '/', '\\', 127, 'a', (char)0xc3};
    char data[64];
    for (int len = 0; len < 40; len++)
        for (int at = 0; at < len; at++)
            for (size_t s = 0; s < COUNT(special); s++) {
                struct lun_json *node;
                memset(data, 'x', sizeof(data));
                data[at] = special[s];
                int size = len;
                if ((unsigned char)special[s] == 0xc3) {
                    data[at + 1] = (char)0xa4;
                    size = at + 2 > len ? at + 2 : len;
                }
                char *exact = malloc((size_t)size);
                memcpy(exact, data, (size_t)size);
                lun_buf_release(&out);
                assert_int_equal(lun_graphql_write_value(&out, LUN_CTYPE_TEXT,
                                                         false, exact, size),
                                 0);
                free(exact);
                lun_arena_clear(&arena);
                assert_int_equal(lun_json_parse(&arena, out.data, out.len, 1, 1,
                                                &node, NULL),
                                 0);
                assert_int_equal(node->len, size);
                assert_memory_equal(node->text, data, (size_t)size);
            }
    memset(data, 2, sizeof(data));
    lun_buf_clear(&out);
    assert_int_equal(
        lun_graphql_write_value(&out, LUN_CTYPE_TEXT, false, data, 64), 0);
    assert_int_equal(out.len, 64 * 6 + 2);
}

static void writes_arrays(void **state)
{
    (void)state;
    assert_string_equal(value_of(LUN_CTYPE_INT4, true, "array[1,null,-3]"),
                        "[1,null,-3]");
    assert_string_equal(value_of(LUN_CTYPE_TEXT, true, "'{}'::text[]"), "[]");
    assert_string_equal(value_of(LUN_CTYPE_TEXT, true, "null::text[]"), "null");
    assert_string_equal(value_of(LUN_CTYPE_TEXT, true, "array['a','','\"']"),
                        "[\"a\",\"\",\"\\\"\"]");
    assert_string_equal(value_of(LUN_CTYPE_TEXT, true, "'[5:6]={a,b}'::text[]"),
                        "[\"a\",\"b\"]");
    assert_string_equal(
        value_of(LUN_CTYPE_JSONB, true, "array['[1]'::jsonb,'{}']"),
        "[[1],{}]");
    PGresult *result = query("select array[[1,2],[3,4]]");
    assert_int_equal(lun_graphql_write_value(&out, LUN_CTYPE_INT4, true,
                                             PQgetvalue(result, 0, 0),
                                             PQgetlength(result, 0, 0)),
                     LUN_EINTERNAL);
    PQclear(result);
}

static void column(struct lun_shape *shape, size_t i, const char *name, int col,
                   enum lun_ctype type)
{
    shape->fields[i].name = name;
    shape->fields[i].name_len = strlen(name);
    shape->fields[i].col = col;
    shape->fields[i].type = type;
}

static struct lun_shape_field *inner(struct lun_shape *shape, size_t i,
                                     const char *name, enum lun_shape_kind kind,
                                     int col, struct lun_shape *of)
{
    struct lun_shape_field *field = &shape->fields[i];
    field->name = name;
    field->name_len = strlen(name);
    field->kind = kind;
    field->col = col;
    field->of = of;
    return field;
}

static struct lun_shape *pair_shape(void)
{
    struct lun_shape *shape = lun_shape_new(&arena, 2);
    column(shape, 0, "id", 0, LUN_CTYPE_INT4);
    column(shape, 1, "name", 1, LUN_CTYPE_TEXT);
    return shape;
}

static struct lun_shape *nested_shape(void)
{
    struct lun_shape *line = lun_shape_new(&arena, 3);
    column(line, 0, "qty", 1, LUN_CTYPE_INT8);
    inner(line, 1, "tags", LUN_SHAPE_RECORDS, 2, pair_shape());
    inner(line, 2, "one", LUN_SHAPE_RECORD, 3, pair_shape());
    struct lun_shape *author = lun_shape_new(&arena, 1);
    column(author, 0, "na\"me", 2, LUN_CTYPE_TEXT);
    struct lun_shape *order = lun_shape_new(&arena, 5);
    column(order, 0, "id", 0, LUN_CTYPE_INT4);
    inner(order, 1, "__typename", LUN_SHAPE_CONST, 0, NULL);
    order->fields[1].json = "\"Order\"";
    order->fields[1].json_len = 7;
    inner(order, 2, "author", LUN_SHAPE_OBJECT, 0, author)->present = 1;
    inner(order, 3, "lines", LUN_SHAPE_RECORDS, 3, line);
    inner(order, 4, "empty", LUN_SHAPE_OBJECT, 0, lun_shape_new(&arena, 0));
    assert_int_equal(lun_shape_prepare(&arena, order), 0);
    assert_int_equal(order->columns, 4);
    return order;
}

static const char nested_sql[] =
    "select * from (values (1, 5, 'Ann', array[row('x'::text, 7::int8, "
    "array[row(1, 'a'::text), row(2, null::text)], row(9, 'z'::text)), "
    "row('y'::text, null::int8, null::record[], null::record)]), "
    "(2, null::int, null::text, null::record[])) v";

static void writes_objects_records_and_lists_of_records(void **state)
{
    (void)state;
    PGresult *result = query(nested_sql);
    const struct lun_shape *shape = nested_shape();
    assert_int_equal(lun_graphql_write_rows(&out, shape, result), 0);
    assert_string_equal(
        lun_buf_str(&out),
        "[{\"id\":1,\"__typename\":\"Order\",\"author\":{\"na\\\"me\":\"Ann\"},"
        "\"lines\":[{\"qty\":7,\"tags\":[{\"id\":1,\"name\":\"a\"},{\"id\":2,"
        "\"name\":null}],\"one\":{\"id\":9,\"name\":\"z\"}},{\"qty\":null,"
        "\"tags\":[],\"one\":null}],\"empty\":{}},"
        "{\"id\":2,\"__typename\":\"Order\",\"author\":null,\"lines\":[],"
        "\"empty\":{}}]");
    lun_buf_clear(&out);
    assert_int_equal(lun_graphql_write_row(&out, shape, result, 1), 0);
    assert_int_equal(out.data[0], '{');
    assert_int_equal(lun_graphql_write_row(&out, shape, result, 2),
                     LUN_EINTERNAL);
    assert_int_equal(lun_graphql_write_row(&out, shape, result, -1),
                     LUN_EINTERNAL);
    PQclear(result);
    result = query("select 1, 2");
    assert_int_equal(lun_graphql_write_rows(&out, shape, result),
                     LUN_EINTERNAL);
    PQclear(result);
}

static void writes_an_empty_list_of_rows(void **state)
{
    (void)state;
    struct lun_shape *shape = pair_shape();
    assert_int_equal(lun_shape_prepare(&arena, shape), 0);
    PGresult *result = query("select 1, 'a' where false");
    assert_int_equal(lun_graphql_write_rows(&out, shape, result), 0);
    assert_string_equal(lun_buf_str(&out), "[]");
    PQclear(result);
}

/* Any cut and any flipped byte must be refused or written, never over-read. */
static void never_reads_outside_a_damaged_value(void **state)
{
    (void)state;
    struct lun_shape *one = lun_shape_new(&arena, 1);
    inner(one, 0, "lines", LUN_SHAPE_RECORDS, 0, nested_shape());
    PGresult *result = query(nested_sql);
    int len = PQgetlength(result, 0, 3);
    const char *good = PQgetvalue(result, 0, 3);
    struct lun_shape *line = nested_shape()->fields[3].of;
    struct lun_shape *outer = lun_shape_new(&arena, 1);
    inner(outer, 0, "l", LUN_SHAPE_RECORDS, 0, line);
    assert_int_equal(lun_shape_prepare(&arena, outer), 0);
    PGresult *bad = PQmakeEmptyPGresult(conn, PGRES_TUPLES_OK);
    PGresAttDesc att = {.name = (char *)(uintptr_t) "l", .format = 1};
    assert_true(PQsetResultAttrs(bad, 1, &att));
    for (int cut = 0; cut <= len; cut++) {
        char *copy = malloc((size_t)len + 1);
        memcpy(copy, good, (size_t)len);
        assert_true(PQsetvalue(bad, cut, 0, copy, cut));
        free(copy);
        lun_buf_clear(&out);
        int rc = lun_graphql_write_row(&out, outer, bad, cut);
        assert_int_equal(rc, cut == len ? 0 : LUN_EINTERNAL);
    }
    for (int at = 0; at < len; at++)
        for (int flip = 0; flip < 3; flip++) {
            static const unsigned char masks[] = {0x01, 0x80, 0xff};
            char *copy = malloc((size_t)len);
            memcpy(copy, good, (size_t)len);
            copy[at] = (char)(copy[at] ^ (char)masks[flip]);
            int row = PQntuples(bad);
            assert_true(PQsetvalue(bad, row, 0, copy, len));
            free(copy);
            lun_buf_clear(&out);
            int rc = lun_graphql_write_row(&out, outer, bad, row);
            assert_true(rc == 0 || rc == LUN_EINTERNAL);
        }
    PQclear(bad);
    PQclear(result);
}

static void refuses_values_of_the_wrong_size(void **state)
{
    (void)state;
    static const char zeros[64];
    for (int type = 0; type < LUN_CTYPE_COUNT; type++)
        for (int len = 0; len <= 40; len++) {
            char *exact = malloc(len ? (size_t)len : 1);
            memcpy(exact, zeros, (size_t)len);
            lun_buf_clear(&out);
            int rc = lun_graphql_write_value(&out, (enum lun_ctype)type, false,
                                             exact, len);
            assert_true(rc == 0 || rc == LUN_EINTERNAL);
            rc = lun_graphql_write_value(&out, (enum lun_ctype)type, true,
                                         exact, len);
            assert_true(rc == 0 || rc == LUN_EINTERNAL);
            free(exact);
        }
    static const char numerics[][12] = {
        {0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10}, /* group 10000 */
        {0, 2, 0, 0, 0, 0, 0, 0, 0, 1},       /* too short */
        {0, 1, 0, 0, 0x12, 0, 0, 0, 0, 1}};   /* no such sign */
    for (size_t i = 0; i < COUNT(numerics); i++)
        assert_int_equal(lun_graphql_write_value(&out, LUN_CTYPE_NUMERIC, false,
                                                 numerics[i], 10),
                         LUN_EINTERNAL);
    assert_int_equal(
        lun_graphql_write_value(&out, LUN_CTYPE_JSONB, false, "\2{}", 3),
        LUN_EINTERNAL);
}

static const char *double_text(double x)
{
    lun_buf_clear(&out);
    lun_graphql_write_double(&out, x);
    return lun_buf_str(&out);
}

static void writes_doubles_as_javascript_does(void **state)
{
    (void)state;
    static const struct {
        double x;
        const char *text;
    } doubles[] = {{0, "0"},
                   {-0.0, "0"},
                   {1, "1"},
                   {-1.5, "-1.5"},
                   {0.1, "0.1"},
                   {0.1 + 0.2, "0.30000000000000004"},
                   {100, "100"},
                   {123456789, "123456789"},
                   {9007199254740991, "9007199254740991"},
                   {9007199254740992, "9007199254740992"},
                   {1e20, "100000000000000000000"},
                   {123456789012345680000.0, "123456789012345680000"},
                   {1e21, "1e+21"},
                   {1.5e21, "1.5e+21"},
                   {1e-6, "0.000001"},
                   {1.5e-6, "0.0000015"},
                   {1e-7, "1e-7"},
                   {1.25e-7, "1.25e-7"},
                   {5e-324, "5e-324"},
                   {2.2250738585072014e-308, "2.2250738585072014e-308"},
                   {1.7976931348623157e308, "1.7976931348623157e+308"},
                   {5.684341886080802e-14, "5.684341886080802e-14"},
                   {2e-44, "2e-44"},
                   {9.5367431640625e-7, "9.5367431640625e-7"},
                   {4.35, "4.35"},
                   {299792.458, "299792.458"},
                   {NAN, "null"},
                   {INFINITY, "null"},
                   {-INFINITY, "null"}};
    for (size_t i = 0; i < COUNT(doubles); i++)
        assert_string_equal(double_text(doubles[i].x), doubles[i].text);
}

static void writes_doubles_that_read_back_and_are_shortest(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252ULL;
    for (int i = 0; i < 300000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t bits = seed;
        if (i % 4 == 1) /* powers of two have uneven neighbours */
            bits &= UINT64_C(0xfff0000000000000);
        double x;
        memcpy(&x, &bits, sizeof(x));
        if (i % 4 == 2)
            x = (double)(int64_t)(seed % 100000000) / 1000;
        if (!isfinite(x) || x == 0)
            continue;
        const char *text = double_text(x);
        if (strtod(text, NULL) != x)
            fail_msg("%.17g written as %s", x, text);
        char longer[40];
        int digits = 0;
        const char *at = text;
        int zeros = 0;
        for (; *at && *at != 'e'; at++)
            if (*at >= '1' && *at <= '9')
                digits += 1 + zeros, zeros = 0;
            else if (*at == '0' && digits)
                zeros++;
        if (digits < 2)
            continue;
        snprintf(longer, sizeof(longer), "%.*e", digits - 2, x);
        if (strtod(longer, NULL) == x)
            fail_msg("%s is shorter than %s", longer, text);
    }
}

static void refuses_shapes_it_cannot_write(void **state)
{
    (void)state;
    struct lun_shape *shape = pair_shape();
    shape->fields[1].col = -1;
    assert_int_equal(lun_shape_prepare(&arena, shape), LUN_EINTERNAL);
    shape->fields[1].col = LUN_SHAPE_COLUMNS_MAX;
    assert_int_equal(lun_shape_prepare(&arena, shape), LUN_EINTERNAL);
    shape = lun_shape_new(&arena, 1);
    inner(shape, 0, "a", LUN_SHAPE_RECORD, 0, NULL);
    assert_int_equal(lun_shape_prepare(&arena, shape), LUN_EINTERNAL);
    inner(shape, 0, "a", LUN_SHAPE_RECORD, 0, shape);
    assert_int_equal(lun_shape_prepare(&arena, shape), LUN_EINTERNAL);
    inner(shape, 0, "a", LUN_SHAPE_CONST, 0, NULL);
    assert_int_equal(lun_shape_prepare(&arena, shape), LUN_EINTERNAL);
    assert_int_equal(lun_ctype_find("timestamptz"), LUN_CTYPE_TIMESTAMPTZ);
    assert_int_equal(lun_ctype_find("varchar"), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(writes_each_type_of_column),
        TEST(writes_numerics_as_the_server_does),
        TEST(writes_times_as_the_server_does),
        TEST(escapes_texts_for_json),
        TEST(writes_arrays),
        TEST(writes_objects_records_and_lists_of_records),
        TEST(writes_an_empty_list_of_rows),
        TEST(never_reads_outside_a_damaged_value),
        TEST(refuses_values_of_the_wrong_size),
        TEST(writes_doubles_as_javascript_does),
        TEST(writes_doubles_that_read_back_and_are_shortest),
        TEST(refuses_shapes_it_cannot_write)};
    return cmocka_run_group_tests(tests, open_database, close_database);
}
