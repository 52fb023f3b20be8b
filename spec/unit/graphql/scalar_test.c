/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/graphql/datetime.h"
#include "core/graphql/error.h"
#include "core/graphql/scalar.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct lun_arena arena;
static struct lun_buf out;
static struct lun_scalar_options options;
static struct lun_graphql_error error;

static int setup(void **state)
{
    (void)state;
    lun_arena_init(&arena, 0);
    lun_buf_init(&out);
    memset(&options, 0, sizeof(options));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    lun_arena_release(&arena);
    lun_buf_release(&out);
    return 0;
}

static struct lun_json *json(const char *text)
{
    struct lun_json *node;
    struct lun_err err;
    if (lun_json_parse(&arena, text, strlen(text), 1000, 1000000, &node, &err))
        fail_msg("%s: %s", text, err.message);
    return node;
}

static int coerce(enum lun_scalar type, const char *text)
{
    lun_buf_clear(&out);
    lun_buf_push_str(&out, "<");
    int rc = lun_scalar_coerce(type, json(text), &options, &out, &error);
    if (rc)
        assert_int_equal(out.len, 1);
    lun_buf_str(&out);
    return rc;
}

static void assert_text(enum lun_scalar type, const char *text,
                        const char *expected)
{
    if (coerce(type, text))
        fail_msg("%s: %s", text, error.base.message);
    assert_string_equal(out.data + 1, expected);
}

static void assert_refused(enum lun_scalar type, const char *text,
                           const char *message)
{
    if (!coerce(type, text))
        fail_msg("%s was taken as %s", text, out.data + 1);
    assert_int_equal(error.base.code, LUN_EBAD_INPUT);
    if (message)
        assert_string_equal(error.base.message, message);
}

static void refuse_all(enum lun_scalar type, const char *const *texts,
                       size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_refused(type, texts[i], NULL);
}

static void takes_ints_of_32_bits(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "2147483648", "-2147483649",  "1.5",   "1e-1", "1e10",
        "\"1\"",      "true",         "[1]",   "{}",   "1e999999999999",
        "0.5e400",    "10.000000001", "1e-400"};
    assert_text(LUN_SCALAR_INT4, "0", "0");
    assert_text(LUN_SCALAR_INT4, "-0", "0");
    assert_text(LUN_SCALAR_INT4, "2147483647", "2147483647");
    assert_text(LUN_SCALAR_INT4, "-2147483648", "-2147483648");
    assert_text(LUN_SCALAR_INT4, "1.0", "1");
    assert_text(LUN_SCALAR_INT4, "1e3", "1000");
    assert_text(LUN_SCALAR_INT4, "-1.50e1", "-15");
    assert_text(LUN_SCALAR_INT4, "1200e-2", "12");
    assert_text(LUN_SCALAR_INT4, "0e999999999999", "0");
    refuse_all(LUN_SCALAR_INT4, bad, COUNT(bad));
    assert_refused(LUN_SCALAR_INT4, "9223372036854775807",
                   "Int cannot represent non 32-bit signed integer value: "
                   "9223372036854775807");
    assert_refused(LUN_SCALAR_INT4, "\"a\"",
                   "Int cannot represent non-integer value: \"a\"");
    assert_refused(LUN_SCALAR_INT4, "[1,2]",
                   "Int cannot represent non-integer value: a list");
    options.literal = true;
    assert_text(LUN_SCALAR_INT4, "7", "7");
    assert_refused(LUN_SCALAR_INT4, "1.0", NULL);
    assert_refused(LUN_SCALAR_INT4, "1e3", NULL);
}

static void reads_whole_numbers_in_any_notation(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(lun_scalar_integer(json("1e5"), &value));
    assert_int_equal(value, 100000);
    assert_true(lun_scalar_integer(json("-7.0"), &value));
    assert_int_equal(value, -7);
    assert_false(lun_scalar_integer(json("7.5"), &value));
    assert_false(lun_scalar_integer(json("1e30"), &value));
    assert_false(lun_scalar_integer(json("\"7\""), &value));
}

static void checks_the_least_value_of_arguments(void **state)
{
    (void)state;
    options.has_min = true;
    options.min_error = 3026;
    options.name = "first";
    assert_text(LUN_SCALAR_INT4, "0", "0");
    assert_refused(LUN_SCALAR_INT4, "-1",
                   "The 'first' argument must be non negative");
    assert_int_equal(error.opencrud, 3026);
    options.min = 10;
    assert_refused(LUN_SCALAR_INT4, "9",
                   "The 'first' argument must be at least 10");
}

static void takes_longs_as_numbers_or_digits(void **state)
{
    (void)state;
    static const char *const bad[] = {"9223372036854775808",
                                      "\"9223372036854775808\"",
                                      "-9223372036854775809",
                                      "1.5",
                                      "\"1.0\"",
                                      "\"\"",
                                      "\"-\"",
                                      "\"1 \"",
                                      "\" 1\"",
                                      "\"+1\"",
                                      "\"1e3\"",
                                      "\"0x1\"",
                                      "true",
                                      "1e19"};
    assert_text(LUN_SCALAR_INT8, "9223372036854775807", "9223372036854775807");
    assert_text(LUN_SCALAR_INT8, "-9223372036854775808",
                "-9223372036854775808");
    assert_text(LUN_SCALAR_INT8, "\"-9223372036854775808\"",
                "-9223372036854775808");
    assert_text(LUN_SCALAR_INT8, "\"0012\"", "12");
    assert_text(LUN_SCALAR_INT8, "1e18", "1000000000000000000");
    refuse_all(LUN_SCALAR_INT8, bad, COUNT(bad));
}

static void takes_finite_floats(void **state)
{
    (void)state;
    static const char *const bad[] = {"1e309", "-1e400", "\"1\"", "false",
                                      "\"NaN\""};
    assert_text(LUN_SCALAR_FLOAT8, "1", "1");
    assert_text(LUN_SCALAR_FLOAT8, "-1.5e-3", "-1.5e-3");
    assert_text(LUN_SCALAR_FLOAT8, "1e-999", "0");
    assert_text(LUN_SCALAR_FLOAT8, "1.7976931348623157e308",
                "1.7976931348623157e308");
    refuse_all(LUN_SCALAR_FLOAT8, bad, COUNT(bad));
}

static void keeps_decimals_exact(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\"\"",    "\"abc\"", "\"1,5\"",     "\"1.\"",      "\".5\"",
        "\"+1\"",  "\"1e\"",  "\"NaN\"",     "\"1 \"",      "\"0x10\"",
        "true",    "[]",      "1e1001",      "\"1e-9999\"", "\"1e99999999999\"",
        "\"--1\"", "\"1-1\"", "\"Infinity\""};
    assert_text(LUN_SCALAR_NUMERIC, "\"12345678901234567890.123456789\"",
                "12345678901234567890.123456789");
    assert_text(LUN_SCALAR_NUMERIC, "0.10", "0.10");
    assert_text(LUN_SCALAR_NUMERIC, "\"-007.50\"", "-007.50");
    assert_text(LUN_SCALAR_NUMERIC, "1e5", "1e5");
    refuse_all(LUN_SCALAR_NUMERIC, bad, COUNT(bad));
}

static void takes_texts_without_nul(void **state)
{
    (void)state;
    assert_text(LUN_SCALAR_TEXT, "\"\"", "");
    assert_text(LUN_SCALAR_TEXT, "\"\\u00e4\\n'\\\\\"", "\xc3\xa4\n'\\");
    assert_refused(LUN_SCALAR_TEXT, "1",
                   "String cannot represent a non string value: 1");
    assert_refused(LUN_SCALAR_TEXT, "null", NULL);
    options.name = "title";
    assert_refused(LUN_SCALAR_TEXT, "\"a\\u0000b\"",
                   "title must not contain a NUL character");
    assert_refused(LUN_SCALAR_TEXT_ID, "\"a\\u0000b\"", NULL);
    options.max_length = 2;
    assert_text(LUN_SCALAR_TEXT, "\"\\u00e4\\u00e4\"", "\xc3\xa4\xc3\xa4");
    assert_int_equal(coerce(LUN_SCALAR_TEXT, "\"abc\""), LUN_EVALIDATION);
    assert_string_equal(error.base.message,
                        "title must have at most 2 characters");
}

static void takes_ids_as_strings_or_integers(void **state)
{
    (void)state;
    static const char *const bad[] = {"true", "1.5", "[]", "{}", "null"};
    struct lun_buf empty = {0};
    assert_int_equal(lun_scalar_coerce(LUN_SCALAR_ID_TEXT, json("\"\""),
                                       &options, &empty, &error),
                     0);
    assert_text(LUN_SCALAR_ID_TEXT, "\"abc\"", "abc");
    assert_text(LUN_SCALAR_ID_TEXT, "12", "12");
    assert_text(LUN_SCALAR_ID_TEXT, "12.0", "12");
    assert_text(LUN_SCALAR_ID_TEXT, "\"1234567890123456789012345\"",
                "1234567890123456789012345");
    refuse_all(LUN_SCALAR_ID_TEXT, bad, COUNT(bad));
    options.name = "id";
    assert_refused(LUN_SCALAR_ID_TEXT, "\"12345678901234567890123456\"",
                   "Value for field id is too long.");
    assert_int_equal(error.opencrud, 3007);
    assert_refused(LUN_SCALAR_ID_TEXT, "12345678901234567890123456", NULL);
    assert_text(LUN_SCALAR_TEXT_ID, "\"12345678901234567890123456\"",
                "12345678901234567890123456");
}

static void makes_uuids_canonical(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\"\"",
        "1",
        "\"0190163d-8694-739b-aea5-966c26f8ad9\"",
        "\"0190163d-8694-739b-aea5-966c26f8ad91a\"",
        "\"0190163d-8694-739b-aea5-966c26f8ad9g\"",
        "\"0190163d8694-739b-aea5-966c26f8ad910\"",
        "\"-0190163d-8694-739b-aea5966c26f8ad91\"",
        "\"{0190163d-8694-739b-aea5-966c26f8ad}\"",
        "\"0190163d-8694-739b-aea5-966c26f8ad9\\u0000\""};
    assert_text(LUN_SCALAR_UUID, "\"0190163D-8694-739B-AEA5-966C26F8AD91\"",
                "0190163d-8694-739b-aea5-966c26f8ad91");
    assert_text(LUN_SCALAR_UUID, "\"0190163d8694739baea5966c26f8ad91\"",
                "0190163d-8694-739b-aea5-966c26f8ad91");
    refuse_all(LUN_SCALAR_UUID, bad, COUNT(bad));
}

static void takes_booleans_only(void **state)
{
    (void)state;
    assert_text(LUN_SCALAR_BOOL, "true", "true");
    assert_text(LUN_SCALAR_BOOL, "false", "false");
    assert_refused(LUN_SCALAR_BOOL, "1", NULL);
    assert_refused(LUN_SCALAR_BOOL, "\"true\"",
                   "Boolean cannot represent a non boolean value: \"true\"");
}

static void takes_any_iso_form_of_a_datetime(void **state)
{
    (void)state;
    static const char *const forms[][2] = {
        {"2016", "2016-01-01T00:00:00.000Z"},
        {"2016-07", "2016-07-01T00:00:00.000Z"},
        {"2016-07-31", "2016-07-31T00:00:00.000Z"},
        {"2016-07-31T23", "2016-07-31T23:00:00.000Z"},
        {"2016-07-31T23:59", "2016-07-31T23:59:00.000Z"},
        {"2016-07-31T23:59:01", "2016-07-31T23:59:01.000Z"},
        {"2016-07-31T23:59:01Z", "2016-07-31T23:59:01.000Z"},
        {"2016-09-23T12:29:32.342", "2016-09-23T12:29:32.342Z"},
        {"2016-07-31T23:59:01.000Z", "2016-07-31T23:59:01.000Z"},
        {"2016-07-31t23:59:01,5z", "2016-07-31T23:59:01.500Z"},
        {"2016-07-31T23:59:59.999999999999Z", "2016-07-31T23:59:59.999Z"},
        {"2016-07-31T23:59:01.1", "2016-07-31T23:59:01.100Z"},
        {"2016-07-31T23:59:01+02:00", "2016-07-31T21:59:01.000Z"},
        {"2016-07-31T23:59:01-0230", "2016-08-01T02:29:01.000Z"},
        {"2016-07-31T23:59+02", "2016-07-31T21:59:00.000Z"},
        {"2016-07T12Z", "2016-07-01T12:00:00.000Z"},
        {"2016T12:30", "2016-01-01T12:30:00.000Z"},
        {"2016-07-31T24:00", "2016-08-01T00:00:00.000Z"},
        {"2016-07-31T12.5", "2016-07-31T12:30:00.000Z"},
        {"2016-07-31T12:30.5", "2016-07-31T12:30:30.000Z"},
        {"20160731", "2016-07-31T00:00:00.000Z"},
        {"20160731T235901.5Z", "2016-07-31T23:59:01.500Z"},
        {"2016-213", "2016-07-31T00:00:00.000Z"},
        {"2016213T12", "2016-07-31T12:00:00.000Z"},
        {"2016-W30-7", "2016-07-31T00:00:00.000Z"},
        {"2016-W30", "2016-07-25T00:00:00.000Z"},
        {"2016W307T10", "2016-07-31T10:00:00.000Z"},
        {"2015-W53-7", "2016-01-03T00:00:00.000Z"},
        {"2009-W01-1", "2008-12-29T00:00:00.000Z"},
        {"2016-02-29", "2016-02-29T00:00:00.000Z"},
        {"2000-02-29", "2000-02-29T00:00:00.000Z"},
        {"2016-366", "2016-12-31T00:00:00.000Z"},
        {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
        {"1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"},
        {"1900-01-01T00:00:00.001", "1900-01-01T00:00:00.001Z"},
        {"0001", "0001-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999", "9999-12-31T23:59:59.999Z"}};
    static const char *const bad[] = {"\"\"",
                                      "\"abc\"",
                                      "2016",
                                      "null",
                                      "\"201\"",
                                      "\"20160\"",
                                      "\"201607\"",
                                      "\"2016-\"",
                                      "\"2016-7\"",
                                      "\"2016-00\"",
                                      "\"2016-13\"",
                                      "\"2016-07-00\"",
                                      "\"2016-07-32\"",
                                      "\"2016-06-31\"",
                                      "\"2015-02-29\"",
                                      "\"1900-02-29\"",
                                      "\"2016-07-3\"",
                                      "\"2016-07-311\"",
                                      "\"2016-07-31 23:59\"",
                                      "\"2016-07-31T\"",
                                      "\"2016-07-31T2\"",
                                      "\"2016-07-31T25\"",
                                      "\"2016-07-31T24:01\"",
                                      "\"2016-07-31T23:60\"",
                                      "\"2016-07-31T23:59:60\"",
                                      "\"2016-07-31T23:5\"",
                                      "\"2016-07-31T23:59:01.\"",
                                      "\"2016-07-31T23:59:01.5.5\"",
                                      "\"2016-07-31T23:59:01X\"",
                                      "\"2016-07-31T23:59:01+\"",
                                      "\"2016-07-31T23:59:01+2\"",
                                      "\"2016-07-31T23:59:01+24:00\"",
                                      "\"2016-07-31T23:59:01+02:60\"",
                                      "\"2016-07-31T23:59:01ZZ\"",
                                      "\"2016-07-31Z\"",
                                      "\" 2016\"",
                                      "\"2016 \"",
                                      "\"0000\"",
                                      "\"-2016-01-01\"",
                                      "\"+2016-01-01\"",
                                      "\"10000-01-01\"",
                                      "\"0001-01-01T00:00+01:00\"",
                                      "\"9999-12-31T23:59-00:01\"",
                                      "\"9999-12-31T24:00\"",
                                      "\"2016-000\"",
                                      "\"2015-366\"",
                                      "\"2016-W00\"",
                                      "\"2016-W53\"",
                                      "\"2016-W30-0\"",
                                      "\"2016-W30-8\"",
                                      "\"2016-w30\"",
                                      "\"now\"",
                                      "\"infinity\"",
                                      "\"2016-07-31T23:59\\u0000\"",
                                      "1469923141000"};
    for (size_t i = 0; i < COUNT(forms); i++) {
        char quoted[64];
        snprintf(quoted, sizeof(quoted), "\"%s\"", forms[i][0]);
        assert_text(LUN_SCALAR_TIMESTAMPTZ, quoted, forms[i][1]);
    }
    refuse_all(LUN_SCALAR_TIMESTAMPTZ, bad, COUNT(bad));
}

static void knows_every_day_of_the_calendar(void **state)
{
    (void)state;
    int64_t days = lun_datetime_days(-4, 1, 1);
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30,
                                       31, 31, 30, 31, 30, 31};
    for (int year = -4; year <= 2800; year++)
        for (unsigned month = 1; month <= 12; month++) {
            bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            unsigned length = lengths[month - 1] + (month == 2 && leap);
            for (unsigned day = 1; day <= length; day++, days++) {
                char text[LUN_DATETIME_SIZE];
                char expected[24];
                assert_int_equal(lun_datetime_days(year, month, day), days);
                if (year < 1)
                    continue;
                size_t len = lun_datetime_format_date(text, days);
                snprintf(expected, sizeof(expected), "%04u-%02u-%02u",
                         (unsigned)year, month, day);
                assert_int_equal(len, 10);
                assert_memory_equal(text, expected, 10);
            }
        }
    assert_int_equal(lun_datetime_days(1970, 1, 1), 0);
}

static void takes_dates_and_times_alone(void **state)
{
    (void)state;
    static const char *const bad_dates[] = {"\"2016-07-31T00:00\"",
                                            "\"2016-07-31Z\"", "\"\"", "1"};
    static const char *const bad_times[] = {
        "\"24:00\"",       "\"23:60\"",  "\"23:59:60\"", "\"\"", "\"23:59Z\"",
        "\"23:59+01:00\"", "\"T23:59\"", "\"1:00\"",     "2359"};
    assert_text(LUN_SCALAR_DATE, "\"2016-07-31\"", "2016-07-31");
    assert_text(LUN_SCALAR_DATE, "\"2016\"", "2016-01-01");
    assert_text(LUN_SCALAR_DATE, "\"2016-W30-7\"", "2016-07-31");
    refuse_all(LUN_SCALAR_DATE, bad_dates, COUNT(bad_dates));
    assert_text(LUN_SCALAR_TIME, "\"23:59\"", "23:59:00");
    assert_text(LUN_SCALAR_TIME, "\"00:00:00\"", "00:00:00");
    assert_text(LUN_SCALAR_TIME, "\"23:59:01.5\"", "23:59:01.500");
    assert_text(LUN_SCALAR_TIME, "\"23:59:01.1234567\"", "23:59:01.123456");
    refuse_all(LUN_SCALAR_TIME, bad_times, COUNT(bad_times));
}

static void takes_json_by_its_way_in(void **state)
{
    (void)state;
    static const char *const bad_variables[] = {"\" \"",
                                                "1",
                                                "true",
                                                "\"{}\"",
                                                "{\"a\":\"\\u0000\"}",
                                                "[{\"\\u0000\":1}]"};
    static const char *const bad_literals[] = {
        "\"\"",     "\" \"",   "\"{\"",     "\"{a:1}\"",
        "\"[1,]\"", "\"nul\"", "1",         "true",
        "{}",       "[]",      "\"[1] 2\"", "\"[\\\"\\\\u0000\\\"]\""};
    assert_text(LUN_SCALAR_JSONB, "{\"test\": [1, \"a\"]}",
                "{\"test\":[1,\"a\"]}");
    assert_text(LUN_SCALAR_JSONB, "[]", "[]");
    refuse_all(LUN_SCALAR_JSONB, bad_variables, COUNT(bad_variables));
    assert_refused(LUN_SCALAR_JSONB, "1", "Not valid JSON");
    options.literal = true;
    assert_text(LUN_SCALAR_JSONB, "\"[1,2,3]\"", "[1,2,3]");
    assert_text(LUN_SCALAR_JSONB, "\"{\\\"a\\\": \\\"B\\\"}\"",
                "{\"a\": \"B\"}");
    refuse_all(LUN_SCALAR_JSONB, bad_literals, COUNT(bad_literals));
}

static void bounds_the_depth_of_json_texts(void **state)
{
    (void)state;
    struct lun_json in = {.type = LUN_JSON_STRING, .len = 200000};
    char *text = malloc(in.len);
    memset(text, '[', in.len);
    in.text = text;
    options.literal = true;
    assert_int_equal(
        lun_scalar_coerce(LUN_SCALAR_JSONB, &in, &options, &out, &error),
        LUN_EBAD_INPUT);
    free(text);
}

static void takes_values_of_an_enum(void **state)
{
    (void)state;
    static const char *const values[] = {"ADMIN", "USER"};
    options.values = values;
    options.value_count = COUNT(values);
    options.type_name = "Role";
    assert_text(LUN_SCALAR_ENUM, "\"USER\"", "USER");
    assert_refused(LUN_SCALAR_ENUM, "\"USE\"",
                   "Value \"USE\" does not exist in \"Role\" enum");
    assert_refused(LUN_SCALAR_ENUM, "\"USERS\"", NULL);
    assert_refused(LUN_SCALAR_ENUM, "\"user\"", NULL);
    assert_refused(LUN_SCALAR_ENUM, "1",
                   "Enum \"Role\" cannot represent non-enum value: 1");
    options.literal = true;
    assert_refused(LUN_SCALAR_ENUM, "\"USER\"", NULL);
}

static void shows_at_most_100_bytes_of_the_input(void **state)
{
    (void)state;
    char text[2000] = "\"";
    for (size_t i = 0; i < 600; i++)
        strcat(text, "\xc3\xa4");
    strcat(text, "\"");
    assert_refused(LUN_SCALAR_UUID, text, NULL);
    assert_true(strlen(error.base.message) < 140);
    memmove(text + 2, text + 1, strlen(text));
    text[1] = 'x';
    assert_refused(LUN_SCALAR_UUID, text, NULL);
    size_t len = strlen(error.base.message);
    assert_true((unsigned char)error.base.message[len - 2] == 0xa4);
}

static int coerce_list(enum lun_scalar type, const char *text)
{
    lun_buf_clear(&out);
    int rc = lun_scalar_array(type, json(text), &options, &out, &error);
    if (rc)
        assert_int_equal(out.len, 0);
    lun_buf_str(&out);
    return rc;
}

static void writes_array_literals(void **state)
{
    (void)state;
    static const char *const lists[][2] = {
        {"[]", "{}"},
        {"[\"a\",\"\"]", "{\"a\",\"\"}"},
        {"\"one\"", "{\"one\"}"},
        {"[\"a\\\"b\\\\c\",\"{,}\",\"NULL\"]",
         "{\"a\\\"b\\\\c\",\"{,}\",\"NULL\"}"},
        {"[\"\\\\\\\\\\\"\\\"\"]", "{\"\\\\\\\\\\\"\\\"\"}"}};
    for (size_t i = 0; i < COUNT(lists); i++) {
        assert_int_equal(coerce_list(LUN_SCALAR_TEXT, lists[i][0]), 0);
        assert_string_equal(out.data, lists[i][1]);
    }
    assert_int_equal(coerce_list(LUN_SCALAR_INT4, "[1,2.0,-3]"), 0);
    assert_string_equal(out.data, "{\"1\",\"2\",\"-3\"}");
    assert_int_equal(coerce_list(LUN_SCALAR_INT4, "[1,\"x\"]"), LUN_EBAD_INPUT);
    assert_int_equal(error.item, 1);
    assert_int_equal(coerce_list(LUN_SCALAR_TEXT, "[null]"), LUN_EBAD_INPUT);
    assert_int_equal(error.item, 0);
    assert_int_equal(coerce_list(LUN_SCALAR_TEXT, "[[\"a\"]]"), LUN_EBAD_INPUT);
}

static void bounds_the_length_of_lists(void **state)
{
    (void)state;
    struct lun_json *items =
        calloc(LUN_SCALAR_LIST_MAX + 1, sizeof(struct lun_json));
    for (size_t i = 0; i <= LUN_SCALAR_LIST_MAX; i++) {
        items[i].type = LUN_JSON_NUMBER;
        items[i].text = "1";
        items[i].len = 1;
        items[i].next = i < LUN_SCALAR_LIST_MAX ? &items[i + 1] : NULL;
    }
    struct lun_json list = {.type = LUN_JSON_ARRAY, .child = items};
    assert_int_equal(
        lun_scalar_array(LUN_SCALAR_INT4, &list, NULL, &out, &error),
        LUN_ELIMIT);
    assert_string_equal(error.limit, "list");
    list.child = items + 1;
    assert_int_equal(
        lun_scalar_array(LUN_SCALAR_INT4, &list, NULL, &out, &error), 0);
    free(items);
}

static void finds_types_by_the_names_of_plans(void **state)
{
    (void)state;
    static const char *const names[] = {
        "text",    "id_text", "id",          "uuid", "int4", "int8",  "float8",
        "numeric", "bool",    "timestamptz", "date", "time", "jsonb", "enum"};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(lun_scalar_find(names[i]), i);
    assert_int_equal(lun_scalar_find("int"), -1);
    assert_string_equal(lun_scalar_sql(LUN_SCALAR_ENUM), "text");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(takes_ints_of_32_bits),
        TEST(reads_whole_numbers_in_any_notation),
        TEST(checks_the_least_value_of_arguments),
        TEST(takes_longs_as_numbers_or_digits),
        TEST(takes_finite_floats),
        TEST(keeps_decimals_exact),
        TEST(takes_texts_without_nul),
        TEST(takes_ids_as_strings_or_integers),
        TEST(makes_uuids_canonical),
        TEST(takes_booleans_only),
        TEST(takes_any_iso_form_of_a_datetime),
        TEST(knows_every_day_of_the_calendar),
        TEST(takes_dates_and_times_alone),
        TEST(takes_json_by_its_way_in),
        TEST(bounds_the_depth_of_json_texts),
        TEST(takes_values_of_an_enum),
        TEST(shows_at_most_100_bytes_of_the_input),
        TEST(writes_array_literals),
        TEST(bounds_the_length_of_lists),
        TEST(finds_types_by_the_names_of_plans)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
