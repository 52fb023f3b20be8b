--- Exact decimal numbers as apps see them: they calculate and compare without
-- ever becoming a float.
--
-- A value stands for a text ("12.50"); the host calculates with texts, with the
-- results of PostgreSQL's numeric (core/base/decimal.h). It is cdata without any
-- member: of all kinds of values only that is asked (by its metamethods) when it
-- is compared with a number, and nothing can be read or written through it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.decimals
local act = host.decimals

local decimals = {}

local META = {}
local texts = setmetatable({}, { __mode = "k" })
local make -- set below, when all metamethods are known

local function wrap(text)
    local value = make()
    texts[value] = text
    return value
end

local function raw(value)
    return texts[value]
end

local function shown(value)
    if type(value) ~= "string" then return "a " .. type(value) end
    return "'" .. value:sub(1, 40):gsub("%c", "?") .. "'"
end

-- What the host calculates with: a text or a number.
local function operand(value)
    local known = raw(value)
    if known then return known end
    if type(value) == "string" or type(value) == "number" then return value end
    error(host.where() .. "a decimal is needed here, not " .. shown(value), 0)
end

local function given(result, message, ...)
    if result then return result end
    for at = 1, select("#", ...) do
        local value = select(at, ...)
        if not raw(value) and not act.parse(value) then
            message = "a decimal is needed here, not "
                .. (type(value) == "number" and tostring(value)
                    or shown(value))
            break
        end
    end
    error(host.where() .. message, 0)
end

--- The decimal of a text or number.
function decimals.new(value)
    local known = raw(value)
    if known then return value end
    local text, message = act.parse(operand(value))
    return wrap(given(text, message, value))
end

--- The text of a decimal; nil for any other value.
function decimals.text(value)
    return raw(value)
end

local function result_of(name, a, b)
    local text, message = act[name](operand(a), operand(b))
    return given(text, message, a, b)
end

function META.__add(a, b) return wrap(result_of("add", a, b)) end
function META.__sub(a, b) return wrap(result_of("subtract", a, b)) end
function META.__mul(a, b) return wrap(result_of("multiply", a, b)) end
function META.__div(a, b) return wrap(result_of("divide", a, b)) end
function META.__mod(a, b) return wrap(result_of("modulo", a, b)) end
function META.__unm(a) return wrap(result_of("subtract", 0, a)) end
-- Nothing but numbers and their texts is equal to a decimal; asking is no error.
function META.__eq(a, b)
    local known, other = raw(a), b
    if not known then known, other = raw(b), a end
    other = raw(other) or other
    local kind = type(other)
    if kind ~= "string" and kind ~= "number" then return false end
    return act.parse(other) ~= nil and act.compare(known, other) == 0
end

function META.__lt(a, b) return result_of("compare", a, b) < 0 end
function META.__le(a, b) return result_of("compare", a, b) <= 0 end
function META.__tostring(a) return raw(a) end

function META.__concat(a, b)
    return (raw(a) or tostring(a)) .. (raw(b) or tostring(b))
end

local METHODS = {}

function META.__index(_, name) return METHODS[name] end

function META.__newindex()
    error(host.where() .. "a decimal cannot be changed", 0)
end

--- To `scale` digits behind the point (0), by a mode ("half_up").
function METHODS.round(self, scale, mode)
    local text, message = act.round(operand(self), scale or 0, mode)
    return wrap(given(text, message, self))
end

--- Divided to `scale` digits behind the point, by a mode ("half_up").
function METHODS.divide(self, by, scale, mode)
    local text, message = act.divide(operand(self), operand(by), scale, mode)
    return wrap(given(text, message, self, by))
end

--- -1, 0 or 1, as < and == tell, too.
function METHODS.compare(self, other)
    return result_of("compare", self, other)
end

--- The nearest Lua number.
function METHODS.tonumber(self)
    return tonumber(operand(self))
end

make = host.ffi.metatype("struct { int :8; }", META)
rawset(host, "ffi", nil) -- for nobody else

return decimals
