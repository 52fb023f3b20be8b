/*
 * core/bind/loader.c - files, a database and a time limit for the loader.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/bind/loader.h"

#include <dirent.h>
#include <errno.h>
#include <lauxlib.h>
#include <limits.h>
#include <luajit.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/bind/db.h"
#include "core/os/file.h"

#define DEEPEST 16
#define FILES_MAX 10000
#define STEP 1000 /* instructions between two looks at the clock */

static int fail(lua_State *L, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

/* --- folders and files -------------------------------------------------- */

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           strcmp(entry->d_name, "node_modules") != 0;
}

static bool join(char out[PATH_MAX], const char *folder, const char *name)
{
    int len = snprintf(out, PATH_MAX, "%s%s%s", folder,
                       folder[0] != '\0' ? "/" : "", name);
    return len >= 0 && len < PATH_MAX;
}

static void free_list(struct dirent **list, int count)
{
    for (int i = 0; i < count; i++) {
        free(list[i]);
    }
    free(list);
}

static int host_folders(lua_State *L)
{
    const char *folder = luaL_checkstring(L, 1);
    struct dirent **list;
    int count = scandir(folder, &list, is_visible, alphasort);
    if (count < 0) {
        return fail(L, lua_pushfstring(L, "cannot read folder '%s': %s", folder,
                                       strerror(errno)));
    }
    lua_createtable(L, count, 0);
    int found = 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        if (join(path, folder, list[i]->d_name) && lun_file_is_dir(path)) {
            lua_pushstring(L, list[i]->d_name);
            lua_rawseti(L, -2, ++found);
        }
    }
    free_list(list, count);
    return 1;
}

/* State of one host.read_files; the result table is at stack index 4. */
struct reading {
    lua_State *L;
    const char *root;
    size_t max;
    int count;
    char error[512]; /* "" while all is well */
};

static bool is_wanted(lua_State *L, const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t count = lua_objlen(L, 2);
    bool found = false;
    for (size_t i = 1; dot != NULL && i <= count && !found; i++) {
        lua_rawgeti(L, 2, (int)i);
        const char *ending = lua_tostring(L, -1);
        found = ending != NULL && strcmp(dot + 1, ending) == 0;
        lua_pop(L, 1);
    }
    /* What editors leave behind: "app.lua~" ends otherwise, "#app.lua" not. */
    return found && name[0] != '#';
}

static void push_file(struct reading *reading, const char *relative,
                      const char *path)
{
    struct lun_buf text;
    struct lun_err err;
    lun_buf_init(&text);
    if (reading->count >= FILES_MAX) {
        (void)snprintf(reading->error, sizeof reading->error,
                       "more than %d files below '%s'", FILES_MAX,
                       reading->root);
    } else if (lun_file_read(path, reading->max, &text, &err) != 0) {
        (void)snprintf(reading->error, sizeof reading->error, "%s",
                       err.message);
    } else {
        lua_createtable(reading->L, 0, 2);
        lua_pushstring(reading->L, relative);
        lua_setfield(reading->L, -2, "path");
        lua_pushlstring(reading->L, text.data != NULL ? text.data : "",
                        text.len);
        lua_setfield(reading->L, -2, "text");
        lua_rawseti(reading->L, 4, ++reading->count);
    }
    lun_buf_release(&text);
}

static void read_folder(struct reading *reading, const char *relative,
                        int depth);

/* An entry that vanished in between is no error: somebody is saving. */
static void read_entry(struct reading *reading, const char *folder,
                       const char *name, int depth)
{
    char relative[PATH_MAX];
    char path[PATH_MAX];
    struct stat info;
    if (!join(relative, folder, name) || !join(path, reading->root, relative) ||
        stat(path, &info) != 0) {
        return;
    }
    if (S_ISDIR(info.st_mode)) {
        read_folder(reading, relative, depth + 1);
    } else if (S_ISREG(info.st_mode) && is_wanted(reading->L, name)) {
        push_file(reading, relative, path);
    }
}

static void read_folder(struct reading *reading, const char *relative,
                        int depth)
{
    char path[PATH_MAX];
    struct dirent **list;
    if (depth > DEEPEST || !join(path, reading->root, relative)) {
        return;
    }
    int count = scandir(path, &list, is_visible, alphasort);
    if (count < 0) {
        if (errno != ENOENT) {
            (void)snprintf(reading->error, sizeof reading->error,
                           "cannot read folder '%.400s': %s", path,
                           strerror(errno));
        }
        return;
    }
    for (int i = 0; i < count && reading->error[0] == '\0'; i++) {
        read_entry(reading, relative, list[i]->d_name, depth);
    }
    free_list(list, count);
}

static int host_read_files(lua_State *L)
{
    struct reading reading = {
        .L = L,
        .root = luaL_checkstring(L, 1),
        .max = (size_t)luaL_optnumber(L, 3, 16.0 * 1024 * 1024),
    };
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 3);
    lua_newtable(L);
    read_folder(&reading, "", 0);
    return reading.error[0] != '\0' ? fail(L, reading.error) : 1;
}

static int host_write_file(lua_State *L)
{
    size_t len;
    const char *path = luaL_checkstring(L, 1);
    const char *text = luaL_checklstring(L, 2, &len);
    struct lun_err err;
    if (lun_file_write(path, 0640, text, len, false, &err) != 0) {
        return fail(L, err.message);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int host_read_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    size_t max = (size_t)luaL_checknumber(L, 2);
    struct lun_buf text;
    struct lun_err err;
    if (!lun_file_exists(path)) {
        return 0;
    }
    lun_buf_init(&text);
    int code = lun_file_read(path, max, &text, &err);
    if (code == 0) {
        lua_pushlstring(L, text.data != NULL ? text.data : "", text.len);
    }
    lun_buf_release(&text);
    return code == 0 ? 1 : fail(L, err.message);
}

/* --- a limit of time ---------------------------------------------------- */

static uint64_t guard_end_ns;

/* Past the end it comes before every instruction, so a loop that catches the
 * error in itself is ended by the next one outside. */
static void on_step(lua_State *L, lua_Debug *where)
{
    (void)where;
    if (lun_clock_monotonic_ns() > guard_end_ns) {
        (void)lua_sethook(L, on_step, LUA_MASKCOUNT, 1);
        luaL_error(L, "this file runs too long; it only has to declare");
    }
}

/* Hooks do not fire in compiled traces: the code of a load is run once, so the
 * interpreter loses nothing. */
static int host_guarded(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    double seconds = luaL_optnumber(L, 2, 2);
    guard_end_ns = lun_clock_monotonic_ns() + (uint64_t)(seconds * 1e9);
    lua_settop(L, 1);
    (void)luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    (void)lua_sethook(L, on_step, LUA_MASKCOUNT, STEP);
    int code = lua_pcall(L, 0, 0, 0);
    (void)lua_sethook(L, NULL, 0, 0);
    (void)luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
    lua_pushboolean(L, code == 0);
    if (code == 0) {
        return 1;
    }
    lua_insert(L, -2);
    return 2;
}

void lun_bind_loader_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"folders", host_folders},
        {"read_files", host_read_files},
        {"read_file", host_read_file},
        {"write_file", host_write_file},
        {"guarded", host_guarded},
        {NULL, NULL},
    };
    luaL_register(L, "host", functions);
    lua_pop(L, 1);
    lun_bind_db_open(L);
}
