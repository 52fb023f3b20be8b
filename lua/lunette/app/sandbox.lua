--- The part of Lua that an app gets: bounded, without a way out.
--
-- Everything is copied into fresh tables, so that no app can change what the
-- framework or another app sees. Texts never show addresses, and the methods of
-- strings are the same bounded functions while app code runs.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.sandbox
local bit = require("bit")

local sandbox = {}

-- In here no method of a string may be called: it would be the bounded one.
local MAX_TEXT = 1000000
local MAX_SUBJECT = 10000

local MATH = { "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh",
    "deg", "exp", "floor", "fmod", "frexp", "huge", "ldexp", "log", "log10",
    "max", "min", "modf", "pi", "pow", "rad", "random", "randomseed", "sin",
    "sinh", "sqrt", "tan", "tanh" }
local BIT = { "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol",
    "ror", "rshift", "tobit", "tohex" }
local COROUTINE = { "create", "isyieldable", "resume", "running", "status",
    "wrap", "yield" }

-- Never in C: a metamethod that calls itself ends with a stack overflow.
local function by_metamethod(value)
    local methods = getmetatable(value)
    local write = type(methods) == "table" and methods.__tostring
    if not write then return "table" end
    local text = write(value)
    if type(text) ~= "string" then
        error("'__tostring' must return a string", 3)
    end
    return text
end

local function plain(value)
    local kind = type(value)
    if kind == "table" then
        local text = by_metamethod(value)
        return text
    end
    if kind == "string" then return value end
    if kind == "number" or kind == "boolean" or kind == "nil" then
        return tostring(value)
    end
    return kind
end

local function check_subject(value)
    if type(value) == "string" and #value > MAX_SUBJECT then
        error("a text longer than " .. MAX_SUBJECT
            .. " characters cannot be searched", 3)
    end
end

local function rep(value, count, separator)
    local size = (#tostring(value) + #tostring(separator or ""))
        * (tonumber(count) or 0)
    if size > MAX_TEXT then error("text too long", 2) end
    return string.rep(value, count, separator)
end

local function format(template, ...)
    local args = { n = select("#", ...), ... }
    if #tostring(template) > MAX_SUBJECT then error("text too long", 2) end
    if string.find(tostring(template), "%%[-+ #0]*%d*%.?%d*p") then
        error("'%p' is not available", 2)
    end
    for at = 1, args.n do
        if type(args[at]) ~= "number" then args[at] = plain(args[at]) end
    end
    return string.format(template, unpack(args, 1, args.n))
end

-- Patterns can take exponential time: only short subjects, and no more than a
-- few repetitions.
local function check_pattern(pattern)
    if type(pattern) ~= "string" then return end
    local _, repeats = string.gsub(pattern, "[%*%+%-%?]", "")
    if #pattern > 200 or repeats > 4 then
        error("pattern too long or with more than 4 repetitions", 3)
    end
end

local function find(value, pattern, init, is_plain)
    check_subject(value)
    if not is_plain then check_pattern(pattern) end
    return string.find(value, pattern, init, is_plain)
end

local function match(value, pattern, init)
    check_subject(value)
    check_pattern(pattern)
    return string.match(value, pattern, init)
end

local function gmatch(value, pattern)
    check_subject(value)
    check_pattern(pattern)
    return string.gmatch(value, pattern)
end

local function gsub(value, pattern, replacement, count)
    check_subject(value)
    check_pattern(pattern)
    return string.gsub(value, pattern, replacement, count)
end

local function strings()
    return { byte = string.byte, char = string.char, find = find,
        format = format, gmatch = gmatch, gsub = gsub, len = string.len,
        lower = string.lower, match = match, rep = rep,
        reverse = string.reverse, sub = string.sub, upper = string.upper }
end

local function concat(list, separator, first, last)
    local size = 0
    for at = first or 1, last or #list do
        size = size + #tostring(list[at]) + #tostring(separator or "")
        if size > MAX_TEXT then error("text too long", 2) end
    end
    return table.concat(list, separator, first, last)
end

local function tables()
    return { concat = concat, insert = table.insert, remove = table.remove,
        sort = table.sort, maxn = table.maxn, unpack = unpack }
end

local function pick(from, names)
    local out = {}
    for _, name in ipairs(names) do out[name] = from[name] end
    return out
end

-- There when functions run; nested without an end they would crash a state that
-- does not watch them.
local function coroutines()
    local out = {}
    for _, name in ipairs(COROUTINE) do
        out[name] = function()
            error(("coroutine.%s works only inside a function that a request"
                .. " calls"):format(name), 2)
        end
    end
    return out
end

-- The metatable of strings and the like is nobody's business.
local function metatable_of(value)
    if type(value) == "table" then return getmetatable(value) end
end

local function length_raw(value)
    return #value
end

--- A fresh table of the globals of Lua that an app may use: those of
-- lunette.guest.sandbox, under which its functions run.
function sandbox.globals()
    return { assert = assert, error = error, getmetatable = metatable_of,
        ipairs = ipairs, next = next, pairs = pairs, pcall = pcall,
        rawequal = rawequal, rawget = rawget, rawlen = length_raw,
        rawset = rawset, select = select, setmetatable = setmetatable,
        tonumber = tonumber, tostring = plain, type = type, unpack = unpack,
        xpcall = xpcall, _VERSION = _VERSION, bit = pick(bit, BIT),
        coroutine = coroutines(), math = pick(math, MATH), string = strings(),
        table = tables() }
end

local string_metatable = getmetatable("")

--- Calls a function with the bounded methods of strings: ("x"):rep(n).
-- @treturn boolean whether it ended without an error
-- @return its result, or the error
function sandbox.run(fn)
    local methods = string_metatable.__index
    string_metatable.__index = strings()
    local ok, result = pcall(fn)
    string_metatable.__index = methods
    return ok, result
end

return sandbox
