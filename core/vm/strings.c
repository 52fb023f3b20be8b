/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#include "core/vm/internal.h"

/* %99.99f of 1e308 has 409 characters. */
#define ITEM_MAX 512
#define SPEC_MAX 32
#define SCRATCH 4096

/* format ------------------------------------------------------------------ */

struct format {
    lua_State *L;
    luaL_Buffer out;
    int arg;             /* index of the one that is to be written */
    char spec[SPEC_MAX]; /* "%-5." */
    bool plain;          /* the spec is only '%' */
};

/* Copies flags, width and precision; returns what stands behind them. */
static const char *read_spec(struct format *f, const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && strchr("-+ #0", *at) && *at)
        at++;
    if (at - begin > 5)
        lun_vm_host_error(f->L, "invalid format (repeated flags)");
    for (int i = 0; i < 2 && at < end && isdigit((unsigned char)*at); i++)
        at++;
    if (at < end && *at == '.') {
        at++;
        for (int i = 0; i < 2 && at < end && isdigit((unsigned char)*at); i++)
            at++;
    }
    if (at >= end || isdigit((unsigned char)*at))
        lun_vm_host_error(f->L, "invalid format (width or precision too long)");
    f->plain = at == begin;
    f->spec[0] = '%';
    memcpy(f->spec + 1, begin, (size_t)(at - begin));
    f->spec[1 + at - begin] = '\0';
    return at;
}

static double check_number(struct format *f)
{
    if (!lua_isnumber(f->L, f->arg))
        lun_vm_host_error(f->L,
                          "bad argument #%d to 'format' (number expected, "
                          "got %s)",
                          f->arg, luaL_typename(f->L, f->arg));
    return lua_tonumber(f->L, f->arg);
}

static void add_integer(struct format *f, char kind)
{
    char item[ITEM_MAX], spec[SPEC_MAX + 4];
    double number = check_number(f);
    long long value = 0;
    if (number >= -9223372036854775808.0 && number < 9223372036854775808.0)
        value = (long long)number;
    else if (number >= 0)
        value = number < 18446744073709551616.0
                    ? (long long)(unsigned long long)number
                    : -1;
    else
        value = (long long)((unsigned long long)1 << 63);
    snprintf(spec, sizeof(spec), "%sll%c", f->spec, kind == 'i' ? 'd' : kind);
    int len = snprintf(item, sizeof(item), spec, value);
    luaL_addlstring(&f->out, item, (size_t)len);
}

static void add_float(struct format *f, char kind)
{
    char item[ITEM_MAX], spec[SPEC_MAX + 4];
    double number = check_number(f);
    snprintf(spec, sizeof(spec), "%s%c", f->spec, kind);
    int len = snprintf(item, sizeof(item), spec, number);
    luaL_addlstring(&f->out, item, (size_t)len);
}

static void add_char(struct format *f)
{
    char item[ITEM_MAX], spec[SPEC_MAX + 4];
    int value = (int)check_number(f) & 0xff;
    snprintf(spec, sizeof(spec), "%sc", f->spec);
    int len = snprintf(item, sizeof(item), spec, value);
    luaL_addlstring(&f->out, item, (size_t)len);
}

static void add_quoted(struct format *f)
{
    size_t len;
    const char *text = lua_tolstring(f->L, f->arg, &len);
    if (!text)
        lun_vm_host_error(
            f->L, "bad argument #%d to 'format' (string expected)", f->arg);
    luaL_addchar(&f->out, '"');
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool digit = i + 1 < len && isdigit((unsigned char)text[i + 1]);
        if (c == '"' || c == '\\' || c == '\n') {
            luaL_addchar(&f->out, '\\');
            luaL_addchar(&f->out, c);
        } else if (iscntrl((unsigned char)c)) {
            char code[8];
            int size = snprintf(code, sizeof(code), digit ? "\\%03d" : "\\%d",
                                (unsigned char)c);
            luaL_addlstring(&f->out, code, (size_t)size);
        } else {
            luaL_addchar(&f->out, c);
        }
    }
    luaL_addchar(&f->out, '"');
}

/* A text of a value without addresses; NULL: Lua must make it. */
static const char *text_of(lua_State *L, int index, size_t *len)
{
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
        return lua_tolstring(L, index, len);
    case LUA_TNIL:
    case LUA_TNONE:
        text = "nil";
        break;
    case LUA_TBOOLEAN:
        text = lua_toboolean(L, index) ? "true" : "false";
        break;
    case LUA_TFUNCTION:
    case LUA_TTHREAD:
        text = luaL_typename(L, index);
        break;
    default:
        return NULL;
    }
    *len = strlen(text);
    return text;
}

/* False when Lua has to make a text of the argument first. */
static bool add_string(struct format *f)
{
    size_t len;
    char item[ITEM_MAX], spec[SPEC_MAX + 4];
    const char *text = text_of(f->L, f->arg, &len);
    if (!text)
        return false;
    bool cuts = strchr(f->spec, '.') != NULL;
    if (f->plain || (!cuts && len >= 100)) {
        luaL_addlstring(&f->out, text, len);
        return true;
    }
    snprintf(spec, sizeof(spec), "%ss", f->spec);
    int size = snprintf(item, sizeof(item), spec, text);
    luaL_addlstring(&f->out, item, (size_t)size);
    return true;
}

static bool add_item(struct format *f, char kind)
{
    if (strchr("diouxX", kind) && kind)
        add_integer(f, kind);
    else if (strchr("eEfgGaA", kind) && kind)
        add_float(f, kind);
    else if (kind == 'c')
        add_char(f);
    else if (kind == 'q')
        add_quoted(f);
    else if (kind == 's')
        return add_string(f);
    else
        lun_vm_host_error(f->L, "invalid option '%%%c' to 'format'", kind);
    return true;
}

/* native.format(template, ...) → text, or nil and the position of an argument
 * that must be made a text first. */
static int l_format(lua_State *L)
{
    struct format f = {.L = L, .arg = 1};
    size_t len;
    int top = lua_gettop(L);
    const char *at = luaL_checklstring(L, 1, &len), *end = at + len;
    luaL_buffinit(L, &f.out);
    while (at < end) {
        if (*at != '%') {
            luaL_addchar(&f.out, *at++);
        } else if (at + 1 < end && at[1] == '%') {
            luaL_addchar(&f.out, '%');
            at += 2;
        } else {
            at = read_spec(&f, at + 1, end);
            f.arg++;
            if (f.arg > top)
                lun_vm_host_error(L, "bad argument #%d to 'format' (no value)",
                                  f.arg);
            if (!add_item(&f, *at++)) {
                lua_pushnil(L);
                lua_pushinteger(L, f.arg - 1);
                return 2;
            }
        }
    }
    luaL_pushresult(&f.out);
    return 1;
}

/* concat ------------------------------------------------------------------ */

static size_t measure(lua_State *L, int first, int last, size_t separator)
{
    size_t total = 0;
    for (int i = first; i <= last; i++) {
        lua_rawgeti(L, 1, i);
        if (!lua_isstring(L, -1))
            lun_vm_host_error(
                L, "invalid value (%s) at index %d in table for 'concat'",
                luaL_typename(L, -1), i);
        size_t len;
        lua_tolstring(L, -1, &len);
        total += len + (i < last ? separator : 0);
        lua_pop(L, 1);
    }
    return total;
}

/* native.concat(list, separator, first, last): some thousands at most. */
static int l_concat(lua_State *L)
{
    size_t separator_len, len;
    char scratch[SCRATCH];
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *separator = luaL_checklstring(L, 2, &separator_len);
    int first = (int)luaL_checkinteger(L, 3),
        last = (int)luaL_checkinteger(L, 4);
    size_t total = measure(L, first, last, separator_len);
    if (total > SCRATCH && total > lun_vm_host_app(L)->limits.memory_bytes)
        lun_vm_host_error(L, "not enough memory");
    char *out = total <= SCRATCH ? scratch : lua_newuserdata(L, total);
    char *at = out;
    for (int i = first; i <= last; i++) {
        lua_rawgeti(L, 1, i);
        const char *text = lua_tolstring(L, -1, &len);
        memcpy(at, text, len);
        at += len;
        lua_pop(L, 1);
        if (i < last && separator_len) {
            memcpy(at, separator, separator_len);
            at += separator_len;
        }
    }
    lua_pushlstring(L, out, total);
    return 1;
}

void lun_vm_strings_install(lua_State *L)
{
    lua_pushcfunction(L, l_format);
    lua_setfield(L, -2, "format");
    lua_pushcfunction(L, l_concat);
    lua_setfield(L, -2, "concat");
}
