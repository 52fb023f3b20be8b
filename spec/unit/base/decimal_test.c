/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/decimal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "spec/unit/support.h"

static struct lun_decimal make(const char *text)
{
    struct lun_decimal value;
    assert_int_equal(lun_decimal_parse(text, strlen(text), &value), 0);
    return value;
}

static const char *shown(const struct lun_decimal *value)
{
    static char text[LUN_DECIMAL_TEXT];
    size_t len = lun_decimal_format(value, text);
    assert_int_equal(len, strlen(text));
    return text;
}

#define NINES "99999999999999999999999999999999999999"

static void reads_and_writes_texts(void **state)
{
    static const char *const same[] = {
        "0",  "0.00", "12.50",   "-0.01",
        "-1", NINES,  "-" NINES, "0.00000000000000000000000000000000000001"};
    static const char *const other[][2] = {
        {".5", "0.5"},
        {"5.", "5"},
        {"+1", "1"},
        {"-0", "0"},
        {"1e3", "1000"},
        {"1.5e-3", "0.0015"},
        {"007", "7"},
        {"12E+1", "120"},
        {"0e999", "0"},
        {"1.0e1", "10"},
        {"-0.0", "0.0"},
        {"0e-999", "0.00000000000000000000000000000000000000"}};
    static const char *const bad[] = {"",    ".",   "-",   "1.2.3", "1e",
                                      "e1",  "1 ",  " 1",  "0x1",   "nan",
                                      "1e+", "--1", "1,0", "inf"};
    static const char *const large[] = {NINES "0", NINES "9", "1e38",
                                        "1e-39",   "1e999",   "0." NINES "9"};
    struct lun_decimal value;
    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
        value = make(same[i]);
        assert_string_equal(shown(&value), same[i]);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
        value = make(other[i][0]);
        assert_string_equal(shown(&value), other[i][1]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(lun_decimal_parse(bad[i], strlen(bad[i]), &value),
                         LUN_EBAD_INPUT);
    for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++)
        assert_int_equal(lun_decimal_parse(large[i], strlen(large[i]), &value),
                         LUN_ELIMIT);
}

static void calculates(void **state)
{
    static const struct {
        const char *a;
        char op;
        const char *b, *result;
    } cases[] = {
        {"0.1", '+', "0.2", "0.3"},
        {"1.10", '+', "1.1", "2.20"},
        {"-1", '+', "1.00", "0.00"},
        {NINES, '-', "1", "99999999999999999999999999999999999998"},
        {"1", '-', "0.01", "0.99"},
        {"1.5", '*', "-1.5", "-2.25"},
        {"0.00", '*', "-3", "0.00"},
        {"1", '/', "3", "0.33333333333333333333"},
        {"10", '/', "4", "2.5000000000000000"},
        {"-7", '/', "2", "-3.5000000000000000"},
        {"7.5", '%', "-2", "1.5"},
        {"-7.5", '%', "2", "-1.5"},
        {"9999999999999999999", '/', "0.0000000000000000003", NULL},
        {NINES, '+', "1", NULL},
        {"-" NINES, '-', "1", NULL},
        {"10000000000000000000", '*', "10000000000000000000", NULL},
        {"0.00000000000000000001", '*', "0.0000000000000000001", NULL},
        {"1", '/', "0.00", "division"},
        {"1", '%', "0", "division"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lun_decimal a = make(cases[i].a), b = make(cases[i].b);
        int code = cases[i].op == '+'   ? lun_decimal_add(&a, &b, &a)
                   : cases[i].op == '-' ? lun_decimal_subtract(&a, &b, &a)
                   : cases[i].op == '*' ? lun_decimal_multiply(&a, &b, &a)
                   : cases[i].op == '/' ? lun_decimal_divide(&a, &b, &a)
                                        : lun_decimal_modulo(&a, &b, &a);
        if (!cases[i].result) {
            assert_int_equal(code, LUN_ELIMIT);
        } else if (!strcmp(cases[i].result, "division")) {
            assert_int_equal(code, LUN_EBAD_INPUT);
        } else {
            assert_int_equal(code, 0);
            assert_string_equal(shown(&a), cases[i].result);
        }
    }
}

static void rounds_by_every_mode(void **state)
{
    static const struct {
        const char *value;
        const char *result[7]; /* in the order of enum lun_decimal_mode */
    } cases[] = {
        {"2.5", {"3", "2", "2", "3", "2", "3", "2"}},
        {"3.5", {"4", "4", "3", "4", "3", "4", "3"}},
        {"-2.5", {"-3", "-2", "-2", "-3", "-2", "-2", "-3"}},
        {"2.51", {"3", "3", "3", "3", "2", "3", "2"}},
        {"2.49", {"2", "2", "2", "3", "2", "3", "2"}},
        {"-0.1", {"0", "0", "0", "-1", "0", "0", "-1"}},
        {"2.00", {"2", "2", "2", "2", "2", "2", "2"}},
    };
    struct lun_decimal out, one = make("1");
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (int mode = 0; mode < 7; mode++) {
            struct lun_decimal value = make(cases[i].value);
            assert_int_equal(
                lun_decimal_round(&value, 0, (enum lun_decimal_mode)mode, &out),
                0);
            assert_string_equal(shown(&out), cases[i].result[mode]);
            /* Division by one rounds in the same way. */
            assert_int_equal(lun_decimal_divide_to(&value, &one, 0,
                                                   (enum lun_decimal_mode)mode,
                                                   &out),
                             0);
            assert_string_equal(shown(&out), cases[i].result[mode]);
        }
    struct lun_decimal value = make("1.5");
    assert_int_equal(lun_decimal_round(&value, 3, LUN_DECIMAL_HALF_UP, &out),
                     0);
    assert_string_equal(shown(&out), "1.500");
    assert_int_equal(lun_decimal_round(&value, 38, LUN_DECIMAL_HALF_UP, &out),
                     LUN_ELIMIT);
    assert_int_equal(lun_decimal_round(&value, -1, LUN_DECIMAL_HALF_UP, &out),
                     LUN_ELIMIT);
    assert_int_equal(lun_decimal_mode_parse("half_even"),
                     LUN_DECIMAL_HALF_EVEN);
    assert_int_equal(lun_decimal_mode_parse("nearest"), -1);
}

static void divides_by_numbers_that_nearly_fill_it(void **state)
{
    struct lun_decimal a = make("1"), b = make(NINES), out;
    (void)state;
    assert_int_equal(
        lun_decimal_divide_to(&a, &b, 38, LUN_DECIMAL_HALF_UP, &out), 0);
    assert_string_equal(shown(&out),
                        "0.00000000000000000000000000000000000001");
    assert_int_equal(
        lun_decimal_divide_to(&b, &b, 10, LUN_DECIMAL_HALF_UP, &out), 0);
    assert_string_equal(shown(&out), "1.0000000000");
}

static void compares_whatever_the_scales(void **state)
{
    static const struct {
        const char *a, *b;
        int result;
    } cases[] = {
        {"1", "1.00", 0},
        {"0", "-0.0", 0},
        {"-1", "1", -1},
        {"0.1", "0.10001", -1},
        {"2", "10", -1},
        {"-2", "-10", 1},
        {NINES, "0.1", 1},
        {"-0.5", "-0.4", -1},
        {"0", "0.001", -1},
        {NINES, "0.00000000000000000000000000000000000001", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct lun_decimal a = make(cases[i].a), b = make(cases[i].b);
        assert_int_equal(lun_decimal_compare(&a, &b), cases[i].result);
        assert_int_equal(lun_decimal_compare(&b, &a), -cases[i].result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_writes_texts),
        cmocka_unit_test(calculates),
        cmocka_unit_test(rounds_by_every_mode),
        cmocka_unit_test(divides_by_numbers_that_nearly_fill_it),
        cmocka_unit_test(compares_whatever_the_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
