/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/unit/support.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/bind/host_module.h"
#include "core/bind/loader.h"
#include "core/os/file.h"
#include "core/os/process.h"

static char folder[] = "/tmp/lunette-loader-XXXXXX";
static lua_State *L;

static void put(const char *name, const char *text)
{
    char path[256];
    char *slash;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(lun_file_mkdirs(path, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(
        lun_file_write(path, 0644, text, strlen(text), false, NULL), 0);
}

static int start(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    L = luaL_newstate();
    luaL_openlibs(L);
    lun_bind_host_module_open(L);
    lun_bind_loader_open(L);
    lua_pushstring(L, folder);
    lua_setglobal(L, "folder");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    const char *const argv[] = {"rm", "-rf", folder, NULL};
    lua_close(L);
    return lun_process_run(argv, NULL, "/dev/null", NULL);
}

/* The text that a chunk returns. */
static const char *eval(const char *chunk)
{
    lua_settop(L, 0);
    if (luaL_dostring(L, chunk))
        fail_msg("%s", lua_tostring(L, -1));
    return lua_tostring(L, -1);
}

static void folders_are_visible_ones_in_order(void **state)
{
    (void)state;
    put("sales/app.lua", "x");
    put("base/app.lua", "x");
    put(".git/app.lua", "x");
    put("node_modules/app.lua", "x");
    put("readme.lua", "x");
    assert_string_equal(eval("return table.concat(host.folders(folder), ',')"),
                        "base,sales");
    assert_non_null(
        strstr(eval("return select(2, host.folders(folder .. '/no'))"),
               "cannot read folder '"));
}

static void files_are_read_below_a_folder(void **state)
{
    (void)state;
    put("app/app.lua", "one\0");
    put("app/b/c.lua", "two");
    put("app/b/.c.lua", "hidden");
    put("app/#c.lua", "emacs");
    put("app/c.lua~", "backup");
    put("app/data/x.csv", "a,b");
    assert_string_equal(
        eval("local out = {}\n"
             "for i, f in ipairs(host.read_files(folder .. '/app', {'lua'}))"
             " do out[i] = f.path .. '=' .. f.text end\n"
             "return table.concat(out, ' ')"),
        "app.lua=one b/c.lua=two");
    assert_string_equal(
        eval("return host.read_files(folder .. '/app', {'csv', 'json'})[1]"
             ".path"),
        "data/x.csv");
    assert_string_equal(
        eval("return '' .. #host.read_files(folder .. '/no', {'lua'})"), "0");
    assert_non_null(
        strstr(eval("return select(2, host.read_files(folder .. '/app',"
                    " {'lua'}, 2))"),
               "is larger than 2 bytes"));
}

static void a_loop_of_links_ends(void **state)
{
    (void)state;
    char path[256];
    put("loop/a.lua", "x");
    snprintf(path, sizeof(path), "%s/loop/again", folder);
    assert_int_equal(symlink(".", path), 0);
    eval("return #host.read_files(folder .. '/loop', {'lua'}) .. ''");
}

static void a_file_is_written(void **state)
{
    (void)state;
    assert_string_equal(
        eval("assert(host.write_file(folder .. '/out', 'a\\0b'))\n"
             "local f = io.open(folder .. '/out')\n"
             "return #f:read('*a') .. ''"),
        "3");
    assert_non_null(
        strstr(eval("return select(2, host.write_file(folder .. '/no/out',"
                    " ''))"),
               "cannot write"));
}

/* Each of these would run for ever. */
static void what_runs_too_long_is_ended(void **state)
{
    (void)state;
    static const char *const endless[] = {
        "while true do end",
        "repeat local x = 1 until false",
        "local function f() return f() end f()",
        "::again:: goto again",
        "for i = 1, math.huge do end",
        "while true do pcall(function() while true do end end) end",
        "local t = {} for i = 1, 100 do t[i] = i end"
        " while true do for k in pairs(t) do end end",
    };
    for (size_t i = 0; i < sizeof(endless) / sizeof(*endless); i++) {
        char chunk[512];
        uint64_t begin = lun_clock_monotonic_ns();
        snprintf(chunk, sizeof(chunk),
                 "local ok, err = host.guarded(function() %s end, 0.1)\n"
                 "return ok and 'ran' or err",
                 endless[i]);
        assert_non_null(strstr(eval(chunk), "runs too long"));
        assert_true(lun_clock_monotonic_ns() - begin < 1000000000u);
    }
    assert_string_equal(eval("return tostring(host.guarded(function() end))"),
                        "true");
    assert_string_equal(eval("return tostring(select(2, host.guarded(function()"
                             " error('mine', 0) end)))"),
                        "mine");
}

static void a_database_that_is_not_there_is_told(void **state)
{
    (void)state;
    assert_non_null(eval("local db, err = host.connect('host=/nowhere')\n"
                         "assert(db == nil)\nreturn err"));
    assert_non_null(eval("local db, err = host.connect('nonsense')\n"
                         "assert(db == nil)\nreturn err"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_visible_ones_in_order),
        cmocka_unit_test(files_are_read_below_a_folder),
        cmocka_unit_test(a_loop_of_links_ends),
        cmocka_unit_test(a_file_is_written),
        cmocka_unit_test(what_runs_too_long_is_ended),
        cmocka_unit_test(a_database_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
