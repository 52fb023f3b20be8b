/*
 * modules/csv/csv.c - one record of a CSV text at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

#include "core/vm/module.h"

/* What C does at a stretch: a record is no longer. */
#define RECORD_MAX ((size_t)1024 * 1024)

struct reader {
    const char *at, *end;
    char separator;
    bool trim;
    lua_Integer lines; /* ends of lines seen, also in quotes */
    const char *wrong;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static bool at_end_of_field(const struct reader *reader)
{
    return reader->at == reader->end || *reader->at == reader->separator ||
           *reader->at == '\n' || *reader->at == '\r';
}

static void push_plain(lua_State *L, struct reader *reader)
{
    const char *from = reader->at;
    while (!at_end_of_field(reader)) {
        if (*reader->at == '"')
            reader->wrong = "a quote inside a field that does not begin with "
                            "one";
        reader->at++;
    }
    const char *to = reader->at;
    while (reader->trim && from < to && is_space(*from))
        from++;
    while (reader->trim && from < to && is_space(to[-1]))
        to--;
    lua_pushlstring(L, from, (size_t)(to - from));
}

static void push_quoted(lua_State *L, struct reader *reader)
{
    luaL_Buffer text;
    luaL_buffinit(L, &text);
    for (reader->at++;; reader->at++) {
        const char *quote =
            memchr(reader->at, '"', (size_t)(reader->end - reader->at));
        const char *to = quote ? quote : reader->end;
        for (const char *c = reader->at; c < to; c++)
            reader->lines += *c == '\n';
        luaL_addlstring(&text, reader->at, (size_t)(to - reader->at));
        reader->at = to;
        if (!quote) {
            reader->wrong = "a quoted field has no end";
            break;
        }
        if (++reader->at == reader->end || *reader->at != '"')
            break;
        luaL_addchar(&text, '"');
    }
    luaL_pushresult(&text);
    while (reader->trim && reader->at < reader->end && is_space(*reader->at))
        reader->at++;
    if (!reader->wrong && !at_end_of_field(reader))
        reader->wrong = "text behind the closing quote of a field";
}

static void push_field(lua_State *L, struct reader *reader)
{
    const char *at = reader->at;
    while (reader->trim && at < reader->end && is_space(*at))
        at++;
    if (at < reader->end && *at == '"') {
        reader->at = at;
        push_quoted(L, reader);
    } else {
        push_plain(L, reader);
    }
}

static void skip_line_end(struct reader *reader)
{
    if (reader->at < reader->end && *reader->at == '\r')
        reader->at++;
    if (reader->at < reader->end && *reader->at == '\n')
        reader->at++;
    reader->lines++;
}

/* record(text, from, separator, most_fields, trim) -> fields, next, lines
 * | nil, what is wrong, lines | nil at the end */
static int csv_record(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    size_t from = (size_t)luaL_checkinteger(L, 2) - 1;
    int most = (int)luaL_checkinteger(L, 4);
    if (from >= len)
        return 0;
    size_t bytes = len - from < RECORD_MAX ? len - from : RECORD_MAX;
    struct reader reader = {.at = text + from,
                            .end = text + from + bytes,
                            .separator = *luaL_checkstring(L, 3),
                            .trim = lua_toboolean(L, 5)};
    int count = 0;
    lua_newtable(L);
    for (;;) {
        push_field(L, &reader);
        lua_rawseti(L, -2, ++count);
        if (count > most)
            reader.wrong = "too many fields";
        if (reader.wrong || reader.at == reader.end ||
            *reader.at != reader.separator)
            break;
        reader.at++;
    }
    if (reader.at == reader.end && bytes == RECORD_MAX)
        reader.wrong = "a record is longer than 1048576 bytes";
    if (reader.wrong) {
        lua_pushnil(L);
        lua_pushstring(L, reader.wrong);
        lua_pushinteger(L, reader.lines);
        return 3;
    }
    skip_line_end(&reader);
    lua_pushinteger(L, reader.at - text + 1);
    lua_pushinteger(L, reader.lines);
    return 3;
}

/* quote(text, separator) -> the field as it is written */
static int csv_quote(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    char separator = *luaL_checkstring(L, 2);
    bool plain = true;
    for (size_t i = 0; i < len && plain; i++)
        plain = text[i] != '"' && text[i] != '\n' && text[i] != '\r' &&
                text[i] != separator;
    if (plain && len > 0 && !is_space(text[0]) && !is_space(text[len - 1])) {
        lua_settop(L, 1);
        return 1;
    }
    luaL_Buffer out;
    luaL_buffinit(L, &out);
    luaL_addchar(&out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"')
            luaL_addchar(&out, '"');
        luaL_addchar(&out, text[i]);
    }
    luaL_addchar(&out, '"');
    luaL_pushresult(&out);
    return 1;
}

static void open_csv(lua_State *L, const struct lun_module_home *home)
{
    (void)home;
    lua_pushcfunction(L, csv_record);
    lua_setfield(L, -2, "record");
    lua_pushcfunction(L, csv_quote);
    lua_setfield(L, -2, "quote");
}

const struct lun_module lun_module_csv = {.name = "csv", .open = open_csv};
