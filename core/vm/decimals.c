/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/decimals.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/decimal.h"
#include "core/base/error.h"

/* A number stands for its shortest text. */
static int parse_number(double number, struct lun_decimal *out)
{
    char text[40];
    int len = snprintf(text, sizeof(text), "%.15g", number);
    if (strtod(text, NULL) != number)
        len = snprintf(text, sizeof(text), "%.17g", number);
    return lun_decimal_parse(text, (size_t)len, out);
}

static int read(lua_State *L, int index, struct lun_decimal *out)
{
    size_t len;
    if (lua_type(L, index) == LUA_TNUMBER)
        return parse_number(lua_tonumber(L, index), out);
    if (lua_type(L, index) != LUA_TSTRING)
        return LUN_EBAD_INPUT;
    const char *text = lua_tolstring(L, index, &len);
    return lun_decimal_parse(text, len, out);
}

static int wrong(lua_State *L, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

static int not_a_number(lua_State *L, int code)
{
    return wrong(L, code == LUN_ELIMIT ? "more than 38 digits"
                                       : "not a decimal number");
}

static int give(lua_State *L, int code, const struct lun_decimal *value)
{
    char text[LUN_DECIMAL_TEXT];
    if (code)
        return wrong(L, code == LUN_ELIMIT ? "more than 38 digits; round first"
                                           : "division by zero");
    lua_pushlstring(L, text, lun_decimal_format(value, text));
    return 1;
}

static int parse(lua_State *L)
{
    struct lun_decimal a;
    int code = read(L, 1, &a);
    return code ? not_a_number(L, code) : give(L, 0, &a);
}

typedef int (*operation)(const struct lun_decimal *a,
                         const struct lun_decimal *b, struct lun_decimal *out);

static int calculate(lua_State *L, operation act)
{
    struct lun_decimal a, b, out;
    int code = read(L, 1, &a);
    if (!code)
        code = read(L, 2, &b);
    if (code)
        return not_a_number(L, code);
    code = act(&a, &b, &out);
    return give(L, code, &out);
}

static int add(lua_State *L)
{
    return calculate(L, lun_decimal_add);
}

static int subtract(lua_State *L)
{
    return calculate(L, lun_decimal_subtract);
}

static int multiply(lua_State *L)
{
    return calculate(L, lun_decimal_multiply);
}

static int modulo(lua_State *L)
{
    return calculate(L, lun_decimal_modulo);
}

/* The scale and the mode of rounding at `index`; what is wrong, or NULL. */
static const char *read_rounding(lua_State *L, int index, int *scale,
                                 enum lun_decimal_mode *mode)
{
    if (lua_type(L, index) != LUA_TNUMBER)
        return "the number of digits behind the point is missing";
    double number = lua_tonumber(L, index);
    if (!(number >= 0 && number <= LUN_DECIMAL_DIGITS) ||
        number != (double)(int)number)
        return "digits behind the point must be a whole number from 0 to 38";
    *scale = (int)number;
    const char *name =
        lua_isnoneornil(L, index + 1) ? "half_up" : lua_tostring(L, index + 1);
    int found = name ? lun_decimal_mode_parse(name) : -1;
    if (found < 0)
        return "the mode must be half_up, half_even, half_down, up, down, "
               "ceiling or floor";
    *mode = (enum lun_decimal_mode)found;
    return NULL;
}

static int divide(lua_State *L)
{
    struct lun_decimal a, b, out;
    enum lun_decimal_mode mode;
    int scale;
    if (lua_isnoneornil(L, 3))
        return calculate(L, lun_decimal_divide);
    const char *bad = read_rounding(L, 3, &scale, &mode);
    if (bad)
        return wrong(L, bad);
    int code = read(L, 1, &a);
    if (!code)
        code = read(L, 2, &b);
    if (code)
        return not_a_number(L, code);
    code = lun_decimal_divide_to(&a, &b, scale, mode, &out);
    return give(L, code, &out);
}

static int round_to(lua_State *L)
{
    struct lun_decimal a, out;
    enum lun_decimal_mode mode;
    int scale;
    const char *bad = read_rounding(L, 2, &scale, &mode);
    if (bad)
        return wrong(L, bad);
    int code = read(L, 1, &a);
    if (code)
        return not_a_number(L, code);
    code = lun_decimal_round(&a, scale, mode, &out);
    return give(L, code, &out);
}

static int compare(lua_State *L)
{
    struct lun_decimal a, b;
    int code = read(L, 1, &a);
    if (!code)
        code = read(L, 2, &b);
    if (code)
        return not_a_number(L, code);
    lua_pushinteger(L, lun_decimal_compare(&a, &b));
    return 1;
}

void lun_vm_decimals_push(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"parse", parse},       {"add", add},        {"subtract", subtract},
        {"multiply", multiply}, {"modulo", modulo},  {"divide", divide},
        {"round", round_to},    {"compare", compare}};
    lua_createtable(L, 0, 8);
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        lua_pushcfunction(L, functions[i].func);
        lua_setfield(L, -2, functions[i].name);
    }
}
