/*
 * modules/json/json.c - from JSON to Lua, and strings to JSON.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A text is decoded in steps of some thousand values: Lua asks for the next
 * one, and between two steps the app can be suspended or stopped.
 */
#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/utf8.h"
#include "core/vm/module.h"

#define STEP 2000          /* values and names at a stretch */
#define DEEPEST 100        /* as the option `depth` allows */
#define SIGNIFICANT_MAX 17 /* digits of a float */

/* What may follow. */
enum expects {
    VALUE,
    VALUE_OR_END, /* behind '[' */
    NAME,
    NAME_OR_END, /* behind '{' */
    COMMA_OR_END,
    NOTHING
};

struct decoder {
    size_t at;
    enum expects expects;
    unsigned depth;
    struct {
        bool array;
        int count;
    } open[DEEPEST + 1];
};

/* Places on the stack of step. The table OPEN holds the open tables by depth,
 * the names that wait for their values at -depth, and the result at 0. */
enum {
    DECODER = 1,
    TEXT,
    OPEN,
    DEPTH,
    NULL_VALUE,
    MAKE_DECIMAL,
    ALL_DECIMAL,
    EMPTY
};

static bool is_whole(const char *text)
{
    return strpbrk(text, ".eE") == NULL;
}

/* The shortest text that gives the number back. */
static void shortest(double number, char out[40])
{
    if (number == floor(number) && fabs(number) < 1e17) {
        snprintf(out, 40, "%.0f", number);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, 40, "%.*g", digits, number);
        if (strtod(out, NULL) == number)
            return;
    }
}

/* Significant digits of a number, and the place of the first one. */
struct digits {
    char text[SIGNIFICANT_MAX];
    int count;
    long place;
};

/* False when there are more than a float may hold. */
static bool read_digits(const char *text, struct digits *out)
{
    long place = 0;
    int zeros = 0;
    bool point = false;
    out->count = 0;
    for (; *text && *text != 'e' && *text != 'E'; text++) {
        if (*text == '.')
            point = true;
        if (*text < '0' || *text > '9')
            continue;
        if (*text == '0' && !out->count) {
            place -= point;
            continue;
        }
        place += !point;
        if (*text == '0') {
            zeros++;
            continue;
        }
        if (out->count + zeros >= SIGNIFICANT_MAX)
            return false;
        for (; zeros; zeros--)
            out->text[out->count++] = '0';
        out->text[out->count++] = *text;
    }
    out->place = *text ? place + strtol(text + 1, NULL, 10) : place;
    return true;
}

/* Whether a Lua number gives the same digits back. */
static bool is_exact(const char *text, double number)
{
    char back[40];
    struct digits a, b;
    if (is_whole(text))
        return fabs(number) < 9007199254740992.0;
    if (!isfinite(number) || !read_digits(text, &a))
        return false;
    shortest(number, back);
    return read_digits(back, &b) && a.count == b.count &&
           (a.place == b.place || !a.count) &&
           !memcmp(a.text, b.text, (size_t)a.count);
}

/* nil instead of a number that nothing can hold. */
static void push_number(lua_State *L, const char *at, size_t len)
{
    lua_pushlstring(L, at, len);
    const char *text = lua_tostring(L, -1);
    double number = strtod(text, NULL);
    bool exact = is_exact(text, number);
    if (exact && (is_whole(text) || !lua_toboolean(L, ALL_DECIMAL))) {
        lua_pop(L, 1);
        lua_pushnumber(L, number);
        return;
    }
    lua_pushvalue(L, MAKE_DECIMAL);
    lua_insert(L, -2);
    lua_call(L, 1, 1);
}

/* Decoding ----------------------------------------------------------------- */

static size_t digits_at(const char *at, const char *end)
{
    const char *from = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return (size_t)(at - from);
}

/* Bytes of the number that `at` begins with, 0 when it is none. */
static size_t number_length(const char *at, const char *end)
{
    const char *from = at;
    at += at < end && *at == '-';
    size_t whole = digits_at(at, end);
    if (!whole || (whole > 1 && *at == '0'))
        return 0;
    at += whole;
    if (at < end && *at == '.') {
        size_t fraction = digits_at(at + 1, end);
        if (!fraction)
            return 0;
        at += 1 + fraction;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        at += at < end && (*at == '-' || *at == '+');
        size_t exponent = digits_at(at, end);
        if (!exponent)
            return 0;
        at += exponent;
    }
    return (size_t)(at - from);
}

static int read_unit(const char *at, const char *end)
{
    int value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static void add_utf8(luaL_Buffer *out, unsigned long code)
{
    if (code < 0x80) {
        luaL_addchar(out, (char)code);
        return;
    }
    if (code < 0x800) {
        luaL_addchar(out, (char)(0xc0 | code >> 6));
    } else if (code < 0x10000) {
        luaL_addchar(out, (char)(0xe0 | code >> 12));
        luaL_addchar(out, (char)(0x80 | (code >> 6 & 0x3f)));
    } else {
        luaL_addchar(out, (char)(0xf0 | code >> 18));
        luaL_addchar(out, (char)(0x80 | (code >> 12 & 0x3f)));
        luaL_addchar(out, (char)(0x80 | (code >> 6 & 0x3f)));
    }
    luaL_addchar(out, (char)(0x80 | (code & 0x3f)));
}

/* What stands behind a backslash; NULL when it is not right. */
static const char *add_escape(luaL_Buffer *out, const char *at, const char *end)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (at == end)
        return NULL;
    const char *found = *at ? strchr(names, *at) : NULL;
    if (found) {
        luaL_addchar(out, values[found - names]);
        return at + 1;
    }
    int unit = *at == 'u' ? read_unit(at + 1, end) : -1;
    if (unit < 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return NULL;
    at += 5;
    if (unit < 0xd800 || unit > 0xdbff) {
        add_utf8(out, (unsigned long)unit);
        return at;
    }
    int low = end - at >= 6 && at[0] == '\\' && at[1] == 'u'
                  ? read_unit(at + 2, end)
                  : -1;
    if (low < 0xdc00 || low > 0xdfff)
        return NULL;
    add_utf8(out, 0x10000ul + ((unsigned long)(unit - 0xd800) << 10) +
                      (unsigned long)(low - 0xdc00));
    return at + 6;
}

/* Pushes the string behind a quote; returns what is behind its end, or NULL and
 * the place in *bad, then with something pushed, too. */
static const char *push_string(lua_State *L, const char *at, const char *end,
                               const char **bad)
{
    luaL_Buffer out;
    size_t plain = lun_utf8_plain(at, (size_t)(end - at));
    if (at + plain < end && at[plain] == '"') {
        lua_pushlstring(L, at, plain);
        return at + plain + 1;
    }
    luaL_buffinit(L, &out);
    while (at < end && *at != '"') {
        plain = lun_utf8_plain(at, (size_t)(end - at));
        luaL_addlstring(&out, at, plain);
        at += plain;
        if (at == end || *at == '"')
            break;
        size_t width = lun_utf8_width(at, (size_t)(end - at));
        const char *next = NULL;
        if (*at == '\\')
            next = add_escape(&out, at + 1, end);
        else if ((unsigned char)*at >= 0x20 && width)
            next = at + width;
        if (!next) {
            luaL_pushresult(&out);
            *bad = at;
            return NULL;
        }
        if (*at != '\\')
            luaL_addlstring(&out, at, width);
        at = next;
    }
    luaL_pushresult(&out);
    *bad = at;
    return at < end ? at + 1 : NULL;
}

/* The value on top of the stack becomes part of what is open. False: a name
 * comes twice. */
static bool store(lua_State *L, struct decoder *decoder)
{
    unsigned depth = decoder->depth;
    decoder->expects = depth ? COMMA_OR_END : NOTHING;
    if (!depth) {
        lua_rawseti(L, OPEN, 0);
        return true;
    }
    lua_rawgeti(L, OPEN, (int)depth);
    if (decoder->open[depth].array) {
        lua_insert(L, -2);
        lua_rawseti(L, -2, ++decoder->open[depth].count);
        lua_pop(L, 1);
        return true;
    }
    lua_rawgeti(L, OPEN, -(int)depth);
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    bool twice = !lua_isnil(L, -1);
    lua_pop(L, 1);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 2);
    return !twice;
}

static void open_table(lua_State *L, struct decoder *decoder, bool array)
{
    lua_newtable(L);
    decoder->depth++;
    decoder->open[decoder->depth].array = array;
    decoder->open[decoder->depth].count = 0;
    decoder->expects = array ? VALUE_OR_END : NAME_OR_END;
    lua_rawseti(L, OPEN, (int)decoder->depth);
}

/* Also tables are stored when they are complete. */
static bool close_table(lua_State *L, struct decoder *decoder)
{
    unsigned depth = decoder->depth--;
    lua_rawgeti(L, OPEN, (int)depth);
    lua_pushnil(L);
    lua_rawseti(L, OPEN, (int)depth);
    if (decoder->open[depth].array && !decoder->open[depth].count) {
        lua_pushvalue(L, -1);
        lua_pushboolean(L, 1);
        lua_rawset(L, EMPTY);
    }
    return store(L, decoder);
}

static bool push_word(lua_State *L, const char *at, const char *end,
                      size_t *len)
{
    static const char *const words[] = {"null", "false", "true"};
    for (int i = 0; i < 3; i++) {
        *len = strlen(words[i]);
        if ((size_t)(end - at) < *len || memcmp(at, words[i], *len) != 0)
            continue;
        if (i == 0)
            lua_pushvalue(L, NULL_VALUE);
        else
            lua_pushboolean(L, i == 2);
        return true;
    }
    return false;
}

/* One value, name or mark at `at`. NULL, or what is wrong there. */
static const char *take_scalar(lua_State *L, struct decoder *decoder,
                               const char *text, const char *at,
                               const char *end)
{
    const char *bad = at, *next = at;
    size_t len;
    if (*at == '"') {
        next = push_string(L, at + 1, end, &bad);
        if (!next) {
            decoder->at = (size_t)(bad - text);
            return bad == end ? "a string has no end"
                              : "a string holds what it may not";
        }
    } else if ((len = number_length(at, end)) > 0) {
        push_number(L, at, len);
        if (lua_isnil(L, -1))
            return "a number is too large";
        next = at + len;
    } else if (push_word(L, at, end, &len)) {
        next = at + len;
    } else {
        return "a value is expected";
    }
    decoder->at = (size_t)(next - text);
    return store(L, decoder) ? NULL : "a member name comes twice";
}

static const char *take_value(lua_State *L, struct decoder *decoder,
                              const char *text, const char *at, const char *end)
{
    if (*at == ']' && decoder->expects == VALUE_OR_END) {
        decoder->at++;
        return close_table(L, decoder) ? NULL : "a member name comes twice";
    }
    if (*at != '[' && *at != '{')
        return take_scalar(L, decoder, text, at, end);
    if (decoder->depth >= (unsigned)lua_tointeger(L, DEPTH))
        return "it nests too deep";
    decoder->at++;
    open_table(L, decoder, *at == '[');
    return NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static const char *take_name(lua_State *L, struct decoder *decoder,
                             const char *text, const char *at, const char *end)
{
    const char *bad = at;
    if (*at == '}' && decoder->expects == NAME_OR_END) {
        decoder->at++;
        return close_table(L, decoder) ? NULL : "a member name comes twice";
    }
    if (*at != '"')
        return "the name of a member is expected";
    const char *next = push_string(L, at + 1, end, &bad);
    if (!next) {
        decoder->at = (size_t)(bad - text);
        return "the name of a member is not right";
    }
    lua_rawseti(L, OPEN, -(int)decoder->depth);
    next = skip_space(next, end);
    decoder->at = (size_t)(next - text);
    if (next == end || *next != ':')
        return "':' is expected";
    decoder->at++;
    decoder->expects = VALUE;
    return NULL;
}

static const char *take_mark(lua_State *L, struct decoder *decoder,
                             const char *at)
{
    bool array = decoder->open[decoder->depth].array;
    if (*at == ',') {
        decoder->at++;
        decoder->expects = array ? VALUE : NAME;
        return NULL;
    }
    if (*at != (array ? ']' : '}'))
        return array ? "',' or ']' is expected" : "',' or '}' is expected";
    decoder->at++;
    return close_table(L, decoder) ? NULL : "a member name comes twice";
}

static const char *take(lua_State *L, struct decoder *decoder, const char *text,
                        const char *at, const char *end)
{
    switch (decoder->expects) {
    case VALUE:
    case VALUE_OR_END:
        return take_value(L, decoder, text, at, end);
    case NAME:
    case NAME_OR_END:
        return take_name(L, decoder, text, at, end);
    case COMMA_OR_END:
        return take_mark(L, decoder, at);
    case NOTHING:
        break;
    }
    return "something follows the value";
}

/* decoder() -> for step */
static int json_decoder(lua_State *L)
{
    struct decoder *decoder = lua_newuserdata(L, sizeof(*decoder));
    memset(decoder, 0, sizeof(*decoder));
    return 1;
}

/* step(decoder, text, open, depth, null, make_decimal, all_decimal, empty) ->
 * true at the end, when open[0] is the value; false before; nil, what is wrong
 */
static int json_step(lua_State *L)
{
    size_t len;
    struct decoder *decoder = lua_touserdata(L, DECODER);
    const char *text = luaL_checklstring(L, TEXT, &len);
    const char *end = text + len;
    lua_settop(L, EMPTY);
    for (int i = 0; i < STEP; i++) {
        const char *at = skip_space(text + decoder->at, end);
        decoder->at = (size_t)(at - text);
        if (at == end && decoder->expects == NOTHING) {
            lua_pushboolean(L, 1);
            return 1;
        }
        const char *wrong = at == end ? "the text ends too early"
                                      : take(L, decoder, text, at, end);
        if (wrong) {
            lua_pushnil(L);
            lua_pushfstring(L, "%s at byte %d", wrong, (int)decoder->at + 1);
            return 2;
        }
    }
    lua_pushboolean(L, 0);
    return 1;
}

/* quote(text) -> JSON string */
static int json_quote(lua_State *L)
{
    static const char hex[] = "0123456789abcdef";
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    luaL_addchar(&out, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *found = c ? strchr("\"\\\b\f\n\r\t", c) : NULL;
        if (found) {
            luaL_addchar(&out, '\\');
            luaL_addchar(&out, "\"\\bfnrt"[found - "\"\\\b\f\n\r\t"]);
        } else if (c < 0x20 || c == 0x7f) {
            luaL_addlstring(&out, "\\u00", 4);
            luaL_addchar(&out, hex[c >> 4]);
            luaL_addchar(&out, hex[c & 15]);
        } else {
            luaL_addchar(&out, (char)c);
        }
    }
    luaL_addchar(&out, '"');
    luaL_pushresult(&out);
    return 1;
}

/* number(value) -> the shortest text that gives it back, nil when it has none
 */
static int json_number(lua_State *L)
{
    char text[40];
    double number = luaL_checknumber(L, 1);
    if (!isfinite(number))
        return 0;
    shortest(number, text);
    lua_pushstring(L, text);
    return 1;
}

static void open_json(lua_State *L, const struct lun_module_home *home)
{
    (void)home;
    lua_pushcfunction(L, json_decoder);
    lua_setfield(L, -2, "decoder");
    lua_pushcfunction(L, json_step);
    lua_setfield(L, -2, "step");
    lua_pushcfunction(L, json_quote);
    lua_setfield(L, -2, "quote");
    lua_pushcfunction(L, json_number);
    lua_setfield(L, -2, "number");
}

const struct lun_module lun_module_json = {.name = "json", .open = open_json};
