--- The Lua that an app gets: nothing in it can reach the host, swallow a stop or
-- take more than the app's limits allow.
--
-- The host can suspend or stop an app only where no C function stands between
-- (core/vm/call.c). So whatever Lua's own libraries would call back from C is
-- called from Lua here: comparators, replacements, error handlers, __tostring.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.sandbox
local native = native
local assert, error, ipairs, next, pairs, pcall, select, tonumber, type, unpack =
    assert, error, ipairs, next, pairs, pcall, select, tonumber, type, unpack
local rawequal, rawget, rawset = rawequal, rawget, rawset
local getmetatable, setmetatable = getmetatable, setmetatable
local math, bit = math, bit

local coroutines = require("lunette.guest.sandbox_coroutines")
local strings = require("lunette.guest.sandbox_strings")
local tables = require("lunette.guest.sandbox_tables")

local sandbox = {}

local MATH = { "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh",
    "deg", "exp", "floor", "fmod", "frexp", "huge", "ldexp", "log", "log10",
    "max", "min", "modf", "pi", "pow", "rad", "random", "randomseed", "sin",
    "sinh", "sqrt", "tan", "tanh" }
local BIT = { "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol",
    "ror", "rshift", "tobit", "tohex" }

-- The library tables that apps see, which nobody may change.
local read_only = setmetatable({}, { __mode = "k" })

local function protect(name, content)
    local proxy = setmetatable({}, { __metatable = false, __index = content,
        __newindex = function(_, key)
            error(("%s.%s: a library cannot be changed"):format(name,
                strings.tostring(key)), 2)
        end })
    read_only[proxy] = true
    return proxy
end

local function pick(from, names)
    local out = {}
    for _, name in ipairs(names) do out[name] = from[name] end
    return out
end

-- The metatable of strings and the like is nobody's business.
local function metatable_of(value)
    if type(value) == "table" then return getmetatable(value) end
end

local function set_raw(tab, key, value)
    if read_only[tab] then error("a library cannot be changed", 2) end
    return rawset(tab, key, value)
end

local function length_raw(value)
    local kind = type(value)
    if kind ~= "table" and kind ~= "string" then
        error("rawlen takes a table or a string", 2)
    end
    return #value
end

local function handled(handler, ok, ...)
    if ok then return true, ... end
    local fine, result = pcall(handler, ...)
    if fine then return false, result end
    return false, "error in error handling"
end

-- The handler runs after the stack was unwound: it has no way to look at it
-- anyway, and can be stopped like everything else.
local function call_handled(fn, handler, ...)
    return handled(handler, pcall(fn, ...))
end

--- Fresh globals of Lua for the files of an app.
function sandbox.globals()
    return {
        assert = assert, error = error, getmetatable = metatable_of,
        ipairs = ipairs, next = next, pairs = pairs, pcall = pcall,
        rawequal = rawequal, rawget = rawget, rawlen = length_raw,
        rawset = set_raw, select = select, setmetatable = setmetatable,
        tonumber = tonumber, tostring = strings.tostring, type = type,
        unpack = unpack, xpcall = call_handled, _VERSION = "Lua 5.1",
        bit = protect("bit", pick(bit, BIT)),
        coroutine = protect("coroutine", coroutines),
        math = protect("math", pick(math, MATH)),
        string = protect("string", strings.library),
        table = protect("table", tables),
    }
end

--- What the Lua of core modules sees.
function sandbox.trusted()
    local globals = sandbox.globals()
    globals.host = nil
    return globals
end

-- The trusted part must not call an app from C either, nor show it an address.
local own = _G
own.string, own.table, own.coroutine = strings.library, tables, coroutines
own.tostring, own.xpcall = strings.tostring, call_handled
for _, name in ipairs { "collectgarbage", "dofile", "gcinfo", "load", "loadfile",
    "loadstring", "newproxy", "print" } do
    own[name] = nil
end

-- The methods of strings, in this VM, for everybody.
getmetatable("").__index = strings.library
getmetatable("").__metatable = false
math.randomseed(native.seed())

return sandbox
