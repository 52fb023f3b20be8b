/* SPDX-License-Identifier: Apache-2.0 */
#include <lauxlib.h>

#include "core/vm/internal.h"
#include "spec/unit/vm/support.h"

static lua_State *L;

/* The library of apps beside Lua's own. */
#define PREPARE                                                                \
    "native.metafield = function(t, name)\n"                                   \
    "  local meta = debug.getmetatable(t) return meta and meta[name] end\n"    \
    "native.raise = function(text) error(text, 0) end\n"                       \
    "own = require('lunette.guest.sandbox_strings').library\n"                 \
    "local function pack(...) return { n = select('#', ...), ... } end\n"      \
    "local function shown(list) local out = {}\n"                              \
    "  for i = 1, list.n do out[i] = tostring(list[i]) end\n"                  \
    "  return table.concat(out, '|') end\n"                                    \
    "function same(name, ...)\n"                                               \
    "  local a, b = pack(pcall(own[name], ...)),\n"                            \
    "    pack(pcall(string[name], ...))\n"                                     \
    "  if not a[1] and a[2]:find('unfinished', 1, true) then return end\n"     \
    "  if a[1] ~= b[1] or (a[1] and shown(a) ~= shown(b)) then\n"              \
    "    error(name .. '(' .. shown(pack(...)) .. ')\\n' .. shown(a)\n"        \
    "      .. '\\nbut Lua:\\n' .. shown(b), 0)\n"                              \
    "  end\n"                                                                  \
    "end\n"                                                                    \
    "function all(text, pattern)\n"                                            \
    "  local out, n = {}, 0\n"                                                 \
    "  for a, b in own.gmatch(text, pattern) do\n"                             \
    "    n = n + 1 if n > 200 then break end\n"                                \
    "    out[#out + 1] = tostring(a) .. ',' .. tostring(b) end\n"              \
    "  return table.concat(out, ';') end\n"                                    \
    "function all_of_lua(text, pattern)\n"                                     \
    "  local out, n = {}, 0\n"                                                 \
    "  for a, b in string.gmatch(text, pattern) do\n"                          \
    "    n = n + 1 if n > 200 then break end\n"                                \
    "    out[#out + 1] = tostring(a) .. ',' .. tostring(b) end\n"              \
    "  return table.concat(out, ';') end\n"

static int make_state(void **state)
{
    (void)state;
    L = lun_vm_system_new(lua_dir(), NULL);
    lua_newtable(L);
    lun_vm_pattern_install(L);
    lun_vm_strings_install(L);
    lua_setglobal(L, "native");
    return luaL_dostring(L, PREPARE);
}

static int end_state(void **state)
{
    (void)state;
    lua_close(L);
    return 0;
}

static void run(const char *text)
{
    if (luaL_dostring(L, text))
        fail_msg("%s", lua_tostring(L, -1));
    lua_settop(L, 0);
}

static void finds_what_lua_finds(void **state)
{
    (void)state;
    run("for _, case in ipairs {\n"
        "  {'hello world', 'o w'}, {'hello', 'l+'}, {'hello', '(h)(.)(.-)o'},\n"
        "  {'key = value', '^(%w+)%s*=%s*(%w+)$'}, {'a.b', '.', 1, true},\n"
        "  {'f(a(b)c)d', '%b()'}, {'THE (quick) fox', '%f[%a]%a+%f[%A]'},\n"
        "  {'abcabc', '(a)(b)c%1%2'}, {'x', '()'}, {'abc', '()b()'},\n"
        "  {'', ''}, {'', '.-'}, {'abc', '', 10}, {'abc', 'b', -2},\n"
        "  {'abc', '$'}, {'a$b', '$b'}, {'a^b', 'a^'}, {'[x]', '[]]'},\n"
        "  {'a-b', '[a%-]+'}, {'a-b', '[%a-]+'}, {'\\0x', '%z'},\n"
        "  {'aaa', 'a-$'}, {'aaab', 'a?a?a?a?b'}, {'äöü', '[\\195]+'},\n"
        "  {'x', '%'}, {'x', '['}, {'x', '[a'}, {'x', '[%'}, {'x', '%b'},\n"
        "  {'x', '%bx'}, {'x', '(()'}, {'x', '%1'}, {'x', '%f'}, {'x', '[]'},\n"
        "  {'x', '[^]'}, {'x', '('}, {'x', ')'}, {'x', '(x))'}, {'1', 1},\n"
        "  {12, '2'}, {'a', 'a', 0}} do\n"
        "  same('find', unpack(case)) same('match', unpack(case))\n"
        "end");
}

static void replaces_as_lua_replaces(void **state)
{
    (void)state;
    run("for _, case in ipairs {\n"
        "  {'hello world', 'o', '0'}, {'hello', '', '-'}, {'abc', '%w', "
        "'%0%0'},\n"
        "  {'hello world', '(%w+)', '<%1>'}, {'abc', '^a', 'x'},\n"
        "  {'aaa', '^a', 'x'}, {'abc', '.', {a = 1, b = false}},\n"
        "  {'abc', 'b', '%%'}, {'abc', 'b', '%9'}, {'abc', '(b)', '%2'},\n"
        "  {'abc', '%w*', 'x'}, {'a b', '%s*', '_'}, {'abc', 'b', 'x', 0},\n"
        "  {'aaaa', 'a', 'b', 2}, {'abc', '()', '%1'}, {'x', 'x', {}},\n"
        "  {'abc', 'b', true}, {'abc', 'z', '%1'}, {'$name', '%$(%w+)',\n"
        "  {name = 'Lua'}}, {'x = 1', '(%w+) = (%w+)', '%2 = %1'}} do\n"
        "  same('gsub', unpack(case))\n"
        "end\n"
        "for _, f in ipairs { function(a) return a .. a end,\n"
        "  function() return nil end, function() return false end,\n"
        "  function(a, b) return b end, function() return {} end,\n"
        "  function() error('x') end } do\n"
        "  same('gsub', 'one two', '(%w)(%w*)', f)\n"
        "end");
}

static void formats_as_lua_formats(void **state)
{
    (void)state;
    run("for _, case in ipairs {\n"
        "  {'%d %5d %-5d|%05d %+d', 1, 2, 3, 4, 5}, {'%s %s', 'a', 'b'},\n"
        "  {'%10s|%-10s|%.2s', 'abc', 'abc', 'abc'}, {'%x %X %o', 255, 255, "
        "8},\n"
        "  {'%5.2f %g %e', 3.14159, 1e20, 12345.678}, {'%c%c', 72, 105},\n"
        "  {'%q', 'a\"b\\\\c\\nd\\0e\\r'}, {'%%'}, {'%s', nil}, {'%s', true},\n"
        "  {'%d', 'x'}, {'%d'}, {'%y', 1}, {'%'}, {'%123d', 1}, {'%1.123f', "
        "1},\n"
        "  {'%d', 3.7}, {'%d', -3.7}, {'%i', 2^40}, {'%u', 42}, {'%s', 1.5},\n"
        "  {'%99.99f', 1e308}, {'%5s', 12}, {'%a', 1}, {'%s %%', 'x'}} do\n"
        "  same('format', unpack(case, 1, table.maxn(case)))\n"
        "end");
}

/* Small alphabets, so that much matches. */
static void agrees_with_lua_on_random_patterns(void **state)
{
    (void)state;
    run("math.randomseed(20)\n"
        "local parts = { 'a', 'b', '.', '%a', '%d', '[ab]', '[^a]', '[a-c]',\n"
        "  '%s', '(a', ')', '()', '%1', '%b()', '%f[a]', '(', 'x', '1', '$',\n"
        "  '^', '%%', '[%a1]', '(.-)', '(a*)', '%w' }\n"
        "local ends = { '', '', '', '*', '+', '-', '?' }\n"
        "local letters = { 'a', 'b', 'c', '1', ' ', '(', ')', 'x', '%' }\n"
        "for i = 1, 30000 do\n"
        "  local p, t = {}, {}\n"
        "  for n = 1, math.random(0, 5) do\n"
        "    p[n] = parts[math.random(#parts)] .. ends[math.random(#ends)] "
        "end\n"
        "  for n = 1, math.random(0, 12) do\n"
        "    t[n] = letters[math.random(#letters)] end\n"
        "  local pattern, text = table.concat(p), table.concat(t)\n"
        "  local init = math.random(-3, 14)\n"
        "  same('find', text, pattern, init)\n"
        "  same('match', text, pattern, init)\n"
        "  same('gsub', text, pattern, '<%0>')\n"
        "  if pcall(string.find, text, pattern) then\n"
        "    local ok, b = pcall(all_of_lua, text, pattern)\n"
        "    local fine, a = pcall(all, text, pattern)\n"
        "    if ok ~= fine or (ok and a ~= b) then\n"
        "      error(text .. ' ' .. pattern .. '\\n' .. a .. '\\n' .. b, 0)\n"
        "    end\n"
        "  end\n"
        "end");
}

static void comes_back_from_what_takes_long(void **state)
{
    (void)state;
    run("local text = ('a'):rep(3000)\n"
        "local first, kept, holder = native.scan(text, '.-.-b', 1)\n"
        "assert(first == false)\n"
        "local n = 0\n"
        "repeat n = n + 1\n"
        "  first, kept, holder =\n"
        "    native.rescan(text, '.-.-b', kept, holder)\n"
        "until first ~= false or n == 100\n"
        "assert(first == false)");
}

static void finds_after_many_interruptions(void **state)
{
    (void)state;
    run("local text = ('a'):rep(200) .. 'b'\n"
        "assert(own.find(text, '(a-)(a-)(a-)b') == 1)\n"
        "assert(select('#', own.match(text, '.-.-.-c')) == 1)\n"
        "local long = ('x'):rep(100000) .. 'y'\n"
        "local first, last, c = own.find(long, '(x*)y')\n"
        "assert(first == 1 and last == 100001 and #c == 100000)\n"
        "assert(own.find(long, ('x?'):rep(50000)) == 1)\n"
        "assert(own.match(long, '^(.-)y$') == ('x'):rep(100000))");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_lua_finds),
        cmocka_unit_test(replaces_as_lua_replaces),
        cmocka_unit_test(formats_as_lua_formats),
        cmocka_unit_test(agrees_with_lua_on_random_patterns),
        cmocka_unit_test(comes_back_from_what_takes_long),
        cmocka_unit_test(finds_after_many_interruptions),
    };
    return cmocka_run_group_tests(tests, make_state, end_state);
}
