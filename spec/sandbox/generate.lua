--- Random programs that never end of themselves: work of all kinds, in loops of
-- all kinds, in wrappings of all kinds. The same seed gives the same program.
-- SPDX-License-Identifier: Apache-2.0

local state

-- The generator is its own, so that a seed means the same everywhere.
local function random(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
end

local function pick(list)
    return list[random(#list)]
end

local function fill(text, parts)
    return (text:gsub("%$(%u+)", function(name)
        local part = parts[name]
        return type(part) == "function" and part() or part
    end))
end

-- Values ----------------------------------------------------------------------

local number

local NUMBERS = { "n", "1", "0", "-1", "0.5", "2^31", "1e308", "#s", "#t",
    "n % 7", "i", "(n + i)", "math.floor(n / 3)", "bit.bxor(n % 2^31, i)",
    "math.random(100)", "tonumber('12')", "select('#', n, i)",
    "math.max(n, i)", "s:byte(1)", "-n", "(n * 3 % 1000)", "1/0" }

function number()
    return pick(NUMBERS)
end

local TEXTS = { "s", "'abc'", "tostring(n)", "('x'):rep(n % 50)", "s:sub(1, 5)",
    "s:upper()", "('%d %s'):format(n % 100, s:sub(1, 9))", "s:reverse()",
    "(s:gsub('%w', '%0%0', 3))", "table.concat({ 'a', 'b', s:sub(1, 3) })",
    "s:match('%w+') or 'none'", "(i .. '')", "string.char(65 + i % 26)" }

local function text()
    return pick(TEXTS)
end

-- Work: ends soon, leaves n, s, t, i as they should be ---------------------------

local WORK = {
    "n = (n + $N) % 1000003",
    "s = ($S):sub(1, 200)",
    "t[i % 64 + 1] = $N",
    "t[i % 64 + 1] = $S",
    "t['k' .. i % 50] = $S",
    "local f = function(a) return a, n end n = (f($N)) or 0",
    "for a = 1, i % 20 do n = n + a end",
    "for a, b in pairs(t) do n = n + 1 end",
    "for a, b in ipairs(t) do n = n + a end",
    "for a in s:gmatch('%a+') do n = n + #a end",
    "local l = {} for a = 1, 30 do l[a] = (a * 7919) % 31 end table.sort(l)",
    "local l = { 3, 1, 2 } table.sort(l, function(a, b) return a > b end)",
    "local l = {} for a = 1, 9 do table.insert(l, 1, a) end table.remove(l, 2)",
    "n = n + #((s:gsub('.', function(c) return c .. c end, 5)))",
    "pcall(error, { n })",
    "pcall(error)",
    "pcall(function() local x = nil return x.y end)",
    "xpcall(function() error($S) end, function(e) n = n + 1 return e end)",
    "local m = setmetatable({}, { __index = function(_, k) return k end }) "
        .. "s = (m.word .. s):sub(1, 90)",
    "local m = setmetatable({}, { __add = function(a, b) return b end }) n = m + 5",
    "local m = setmetatable({}, { __call = function(_, a) return a end }) n = m(3)",
    "local m = setmetatable({}, { __lt = function() return true end }) "
        .. "if m < setmetatable({}, getmetatable(m)) then n = n + 1 end",
    "local m = setmetatable({}, { __concat = function() return 'c' end }) s = m .. s",
    "local m = setmetatable({}, { __newindex = function(o, k, v) rawset(o, k, v) "
        .. "end }) m.x = n",
    "local m = setmetatable({}, { __tostring = function() return 'shown' end }) "
        .. "s = tostring(m)",
    "local c = coroutine.wrap(function(a) while true do a = coroutine.yield(a) end "
        .. "end) n = c(5) + c(6)",
    "local c = coroutine.create(function() error('in') end) coroutine.resume(c)",
    "local c = coroutine.create(function(...) return ... end) "
        .. "coroutine.resume(c, n, s, i)",
    "local r r = function(d) if d == 0 then return 0 end return 1 + r(d - 1) end "
        .. "n = n + r(i % 30)",
    "local r r = function(d, ...) if d == 0 then return select('#', ...) end "
        .. "return r(d - 1, d, ...) end n = n + r(i % 20)",
    "local u = { unpack(t, 1, 10) } n = n + #u",
    "goto skip_$L do n = n + 1 end ::skip_$L::",
    "if n % 2 == 0 then n = n + 1 elseif i % 3 == 0 then s = $S else n = n + 2 end",
    "s:find('(a*)(.-)b')",
    "s:find('.-.-.-x')",
    "local k = next(t) if k then t[k] = nil end",
    "local big = {} for a = 1, 200 do big[a] = { a } end",
    "local x = 1LL * i n = n + tonumber(x % 5)",
    "local w = setmetatable({}, { __mode = 'k' }) w[{}] = n",
    "s = s .. 'y' if #s > 500 then s = 'short' end",
    "t = { t[1], t[2], n, s }",
    "local a, b, c = (function(...) return ... end)(n, s, i) n = a",
    "math.random() math.sin(n) math.fmod(n, 7)",
}

local label = 0

local function work(count)
    local out = {}
    for at = 1, count do
        label = label + 1
        out[at] = "do " .. fill(pick(WORK),
            { N = number, S = text, L = tostring(label) }) .. " end"
    end
    return table.concat(out, pick { " ", "\n" })
end

-- What does not end --------------------------------------------------------------

local ENDLESS = {
    "while true do i = i + 1 $W end",
    "while true do end",
    "repeat i = i + 1 $W until false",
    "repeat until false",
    "::again_$L:: i = i + 1 $W goto again_$L",
    "for a = 1, math.huge do i = i + 1 $W end",
    "for a = 1, 2, 0 do i = i + 1 $W end while true do end",
    "for a in function() return 1 end do i = i + 1 $W end",
    "local function f() i = i + 1 $W return f() end f()",
    "local f, g f = function() i = i + 1 $W return g() end "
        .. "g = function() return f() end f()",
    "local function f() i = i + 1 f() end while true do pcall(f) end",
    "local function f(...) i = i + 1 return f(i, ...) end "
        .. "while true do pcall(f) end",
    "while true do pcall(function() i = i + 1 $W error('again') end) end",
    "while true do xpcall(function() error('x') end, function() i = i + 1 $W end) end",
    "local function f() return pcall(f) end while true do f() end",
    "local c = coroutine.wrap(function() while true do coroutine.yield(i) end end) "
        .. "while true do i = i + 1 c() $W end",
    "while true do local c = coroutine.wrap(function() i = i + 1 $W end) c() end",
    "local function deep(d) coroutine.wrap(function() i = i + 1 deep(d + 1) end)() end "
        .. "while true do pcall(deep, 1) end",
    "local m m = setmetatable({}, { __index = function(o, k) i = i + 1 $W "
        .. "return m[k + 1] end }) while true do pcall(function() return m[1] end) end",
    "local m = setmetatable({}, { __index = function(o, k) while true do i = i + 1 $W "
        .. "end end }) local x = m.y",
    "local m = setmetatable({}, { __lt = function() while true do i = i + 1 $W end "
        .. "end }) local x = m < setmetatable({}, getmetatable(m))",
    "local m = setmetatable({}, { __eq = function() while true do i = i + 1 $W end "
        .. "end }) local x = m == setmetatable({}, getmetatable(m))",
    "local m = setmetatable({}, { __unm = function() while true do i = i + 1 $W end "
        .. "end }) local x = -m",
    "local m = setmetatable({}, { __concat = function() while true do $W end end }) "
        .. "local x = m .. 'a'",
    "local m = setmetatable({}, { __call = function() while true do $W end end }) m()",
    "tostring(setmetatable({}, { __tostring = function() while true do $W end end }))",
    "('%s'):format(setmetatable({}, { __tostring = function() while true do $W end "
        .. "end }))",
    "table.sort({ 3, 1, 2 }, function() while true do i = i + 1 $W end end)",
    "while true do table.sort({ 3, 1, 2, 5, 4 }, function(a, b) i = i + 1 "
        .. "return a < b end) end",
    "('abc'):gsub('.', function() while true do i = i + 1 $W end end)",
    "while true do ('abcabc'):gsub('b', function(c) i = i + 1 return c end) end",
    "while true do (('a'):rep(3000)):find('.-.-b') end",
    "(('a'):rep(40)):find(('a?'):rep(40) .. ('a'):rep(40) .. 'b') "
        .. "while true do end",
    "while true do (('a'):rep(500)):match('(.-)(.-)(.-)%1%2b') end",
    "while true do for w in (('ab '):rep(100)):gmatch('%a+') do i = i + 1 end end",
    "while true do for k in pairs(t) do i = i + 1 end t[1] = i end",
    "local l = {} for a = 1, 2000 do l[a] = a end while true do table.insert(l, 1, 0) "
        .. "table.remove(l, 1) end",
    "local l = {} while true do l[#l + 1] = i end",
    "local l = {} while true do i = i + 1 l['k' .. i] = { i } end",
    "local x = 'x' while true do x = x .. x end",
    "while true do s = ('x'):rep(100000) i = i + #s end",
    "while true do local l = {} for a = 1, 300 do l[a] = a .. '' end "
        .. "s = table.concat(l, ',') end",
    "while true do local x = 'a' .. i i = i + 1 if x == 'b' then break end end "
        .. "while true do end",
    "local co = {} for a = 1, 5 do co[a] = coroutine.wrap(function() while true do "
        .. "$W coroutine.yield() end end) end while true do i = i + 1 co[i % 5 + 1]() end",
    "local x = 1LL while true do x = x * 3 i = i + 1 end",
    "while true do i = i + 1 find('Lead', { n = i }) end",
}

local function endless()
    label = label + 1
    return fill(pick(ENDLESS), { L = tostring(label), W = function()
        return work(random(4) - 1)
    end })
end

-- Around it ------------------------------------------------------------------------

local AROUND = {
    "$E",
    "do $E end",
    "pcall(function() $E end) while true do end",
    "xpcall(function() $E end, function(e) while true do end end) while true do end",
    "pcall(pcall, function() $E end) repeat until false",
    "coroutine.wrap(function() $E end)()",
    "local co = coroutine.create(function() $E end) "
        .. "while true do coroutine.resume(co) end",
    "coroutine.wrap(function() pcall(function() coroutine.wrap(function() $E end)() "
        .. "end) while true do end end)()",
    "(function(...) $E end)(1, 2, 3)",
    "for a = 1, 3 do (function() $E end)() end",
    "local m = setmetatable({}, { __index = function() $E end }) local x = m.y",
    "table.sort({ 2, 1 }, function(a, b) $E end)",
    "('x'):gsub('x', function() $E end)",
    "tostring(setmetatable({}, { __tostring = function() $E end }))",
    "for a in function() $E end do end",
    "as_app(function() $E end)",
    "if n then $E else error('never') end",
    "while true do local ok = pcall(function() $E end) if ok then i = i + 1 end end",
}

local function around(depth)
    if depth == 0 then return endless() end
    return fill(pick(AROUND), { E = function() return around(depth - 1) end })
end

--- @treturn string the body of a function
return function(seed)
    state = seed * 7919 % 2147483647 + 1
    for _ = 1, 10 do random(10) end
    label = 0
    return "local n, i, s, t = 0, 0, 'start', {}\n" .. work(random(6))
        .. "\n" .. around(random(4) - 1) .. "\nerror('it ended')"
end
