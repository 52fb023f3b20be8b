/* SPDX-License-Identifier: Apache-2.0 */
#include "core/vm/data.h"

#include <lauxlib.h>
#include <math.h>

#include "core/base/error.h"

/* A value is one byte of these and what it holds. A table is the count of its
 * list, the count of its named members, the list, then name and value of each
 * member. Counts and lengths are 32 bits in the order of this machine. */
enum kind {
    KIND_NIL = 'n',
    KIND_FALSE = 'f',
    KIND_TRUE = 't',
    KIND_NUMBER = 'd',
    KIND_STRING = 's',
    KIND_TABLE = 'a'
};

/* Slots of a list that hold nil are kept when they are few. */
#define HOLES 16

struct writer {
    lua_State *L;
    struct lun_buf *out;
    size_t end; /* of `out`, at most */
    struct lun_err *err;
};

struct reader {
    lua_State *L;
    const char *at;
    const char *end;
};

static int write_value(struct writer *writer, int index, int depth);

/* Writing ----------------------------------------------------------------- */

static int refuse(struct writer *writer, const char *what)
{
    return lun_error_set(writer->err, LUN_EBAD_INPUT, "%s cannot leave the app",
                         what);
}

static int put(struct writer *writer, const void *data, size_t len)
{
    if (writer->out->len > writer->end || len > writer->end - writer->out->len)
        return lun_error_set(writer->err, LUN_EBAD_INPUT,
                             "a value is larger than may leave the app");
    lun_buf_push(writer->out, data, len);
    if (writer->out->failed)
        return lun_error_set(writer->err, LUN_EMEMORY, "out of memory");
    return 0;
}

static int put_kind(struct writer *writer, enum kind kind)
{
    char byte = (char)kind;
    return put(writer, &byte, 1);
}

static int put_string(struct writer *writer, int index)
{
    size_t len;
    const char *text = lua_tolstring(writer->L, index, &len);
    uint32_t count = (uint32_t)len;
    int rc = put_kind(writer, KIND_STRING);
    if (!rc)
        rc = put(writer, &count, sizeof(count));
    return rc ? rc : put(writer, text, len);
}

static int put_number(struct writer *writer, int index)
{
    double number = lua_tonumber(writer->L, index);
    int rc = put_kind(writer, KIND_NUMBER);
    return rc ? rc : put(writer, &number, sizeof(number));
}

/* Counts list and members of the table at `index`, which is absolute. */
static int measure(struct writer *writer, int index, uint32_t *list,
                   uint32_t *members)
{
    lua_State *L = writer->L;
    uint32_t present = 0;
    double last = 0;
    *members = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING) {
            ++*members;
            continue;
        }
        double key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
        if (!(key >= 1 && key <= INT32_MAX && floor(key) == key)) {
            lua_pop(L, 1);
            return refuse(writer, "a table with a key that is neither a name "
                                  "nor 1..n");
        }
        present++;
        last = key > last ? key : last;
    }
    if (last > 2.0 * present + HOLES)
        return refuse(writer, "a list with many holes");
    *list = (uint32_t)last;
    return 0;
}

static int write_members(struct writer *writer, int index, int depth)
{
    lua_State *L = writer->L;
    int rc = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            rc = put_string(writer, -2);
            if (!rc)
                rc = write_value(writer, -1, depth);
        }
        lua_pop(L, 1);
        if (rc) {
            lua_pop(L, 1);
            return rc;
        }
    }
    return 0;
}

static int write_table(struct writer *writer, int index, int depth)
{
    lua_State *L = writer->L;
    uint32_t list = 0, members = 0;
    if (index < 0)
        index += lua_gettop(L) + 1;
    if (depth >= LUN_VM_DATA_DEPTH)
        return refuse(writer,
                      "a value that nests too deeply (or holds itself)");
    if (lua_getmetatable(L, index)) {
        lua_pop(L, 1);
        return refuse(writer, "a table with a metatable");
    }
    int rc = measure(writer, index, &list, &members);
    if (!rc)
        rc = put_kind(writer, KIND_TABLE);
    if (!rc)
        rc = put(writer, &list, sizeof(list));
    if (!rc)
        rc = put(writer, &members, sizeof(members));
    for (uint32_t at = 1; !rc && at <= list; at++) {
        lua_rawgeti(L, index, (int)at);
        rc = write_value(writer, -1, depth + 1);
        lua_pop(L, 1);
    }
    return rc || !members ? rc : write_members(writer, index, depth + 1);
}

static int write_value(struct writer *writer, int index, int depth)
{
    lua_State *L = writer->L;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
    case LUA_TNONE:
        return put_kind(writer, KIND_NIL);
    case LUA_TBOOLEAN:
        return put_kind(writer,
                        lua_toboolean(L, index) ? KIND_TRUE : KIND_FALSE);
    case LUA_TNUMBER:
        return put_number(writer, index);
    case LUA_TSTRING:
        return put_string(writer, index);
    case LUA_TTABLE:
        return write_table(writer, index, depth);
    case LUA_TFUNCTION:
        return refuse(writer, "a function");
    case LUA_TTHREAD:
        return refuse(writer, "a coroutine");
    default:
        return refuse(writer, "a value that is no plain data");
    }
}

int lun_vm_data_write(lua_State *L, int index, size_t max, struct lun_buf *out,
                      struct lun_err *err)
{
    struct writer writer = {L, out, 0, err};
    size_t start = out->len;
    writer.end = max > SIZE_MAX - start ? SIZE_MAX : start + max;
    /* Key and value of each level, and some to work with. */
    if (!lua_checkstack(L, 3 * LUN_VM_DATA_DEPTH + LUA_MINSTACK))
        return lun_error_set(err, LUN_EMEMORY, "out of memory");
    int rc = write_value(&writer, index, 0);
    if (rc)
        out->len = start;
    return rc;
}

/* By parts ---------------------------------------------------------------- */

void lun_vm_data_put_list(struct lun_buf *out, uint32_t items)
{
    const uint32_t counts[2] = {items, 0};
    lun_buf_push_byte(out, KIND_TABLE);
    lun_buf_push(out, counts, sizeof(counts));
}

void lun_vm_data_put_text(struct lun_buf *out, const char *text, size_t len)
{
    uint32_t count = (uint32_t)len;
    lun_buf_push_byte(out, KIND_STRING);
    lun_buf_push(out, &count, sizeof(count));
    lun_buf_push(out, text, len);
}

void lun_vm_data_put_false(struct lun_buf *out)
{
    lun_buf_push_byte(out, KIND_FALSE);
}

/* Reading ----------------------------------------------------------------- */

static bool take(struct reader *reader, void *out, size_t len)
{
    if (len > (size_t)(reader->end - reader->at))
        return false;
    memcpy(out, reader->at, len);
    reader->at += len;
    return true;
}

static bool read_string(struct reader *reader)
{
    uint32_t len;
    if (!take(reader, &len, sizeof(len)) ||
        len > (size_t)(reader->end - reader->at))
        return false;
    lua_pushlstring(reader->L, reader->at, len);
    reader->at += len;
    return true;
}

static bool read_number(struct reader *reader)
{
    double number;
    if (!take(reader, &number, sizeof(number)))
        return false;
    lua_pushnumber(reader->L, number);
    return true;
}

static bool read_value(struct reader *reader, int depth);

static bool read_table(struct reader *reader, int depth)
{
    lua_State *L = reader->L;
    uint32_t list, members;
    size_t left = (size_t)(reader->end - reader->at);
    if (depth >= LUN_VM_DATA_DEPTH || !take(reader, &list, sizeof(list)) ||
        !take(reader, &members, sizeof(members)))
        return false;
    /* An item takes a byte, a member six: no more is reserved than was sent. */
    if (list > left || members > left / 6 || list > INT32_MAX)
        return false;
    lua_createtable(L, (int)list, (int)members);
    for (uint32_t at = 1; at <= list; at++) {
        if (!read_value(reader, depth + 1))
            return false;
        lua_rawseti(L, -2, (int)at);
    }
    for (uint32_t at = 0; at < members; at++) {
        char kind;
        if (!take(reader, &kind, 1) || kind != KIND_STRING ||
            !read_string(reader) || !read_value(reader, depth + 1))
            return false;
        lua_rawset(L, -3);
    }
    return true;
}

static bool read_value(struct reader *reader, int depth)
{
    char kind;
    if (!take(reader, &kind, 1))
        return false;
    switch (kind) {
    case KIND_NIL:
        lua_pushnil(reader->L);
        return true;
    case KIND_FALSE:
    case KIND_TRUE:
        lua_pushboolean(reader->L, kind == KIND_TRUE);
        return true;
    case KIND_NUMBER:
        return read_number(reader);
    case KIND_STRING:
        return read_string(reader);
    case KIND_TABLE:
        return read_table(reader, depth);
    default:
        return false;
    }
}

int lun_vm_data_read(lua_State *L, const char *data, size_t len,
                     struct lun_err *err)
{
    struct reader reader = {L, data, data + len};
    int top = lua_gettop(L);
    luaL_checkstack(L, 3 * LUN_VM_DATA_DEPTH + LUA_MINSTACK, "data");
    if (read_value(&reader, 0) && reader.at == reader.end)
        return 0;
    lua_settop(L, top);
    return lun_error_set(err, LUN_EBAD_INPUT, "the bytes are not a value");
}
