--- Exact decimal numbers as apps see them: they calculate and compare without
-- ever becoming a float.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.decimals
local decimal = require("lunette.util.decimal")

local decimals = {}

local VALUE = {}
local DIVISION_SCALE = 20
local META = { __metatable = false }

local function wrap(value)
    return setmetatable({ [VALUE] = value }, META)
end

local function raw(value)
    return type(value) == "table" and rawget(value, VALUE) or nil
end

-- A number of the app that is no whole one is taken by its shortest text.
local function number_text(number)
    if number ~= number or number == math.huge or number == -math.huge then
        return nil
    end
    local shown = ("%.14g"):format(number)
    if tonumber(shown) ~= number then shown = ("%.17g"):format(number) end
    if not shown:find("e", 1, true) then return shown end
    return ("%.0f"):format(number)
end

local function parsed(value)
    local known = raw(value)
    if known then return known end
    local text = value
    if type(value) == "number" then text = number_text(value) end
    local made = type(text) == "string" and #text <= 200
        and decimal.parse(text)
    if made then return made end
    error(host.where() .. "a decimal is needed here, not "
        .. (type(value) == "string" and "'" .. value:sub(1, 40) .. "'"
            or "a " .. type(value)), 0)
end

--- The decimal of a text or number.
function decimals.new(value)
    return wrap(parsed(value))
end

--- The text of a decimal; nil for any other table.
function decimals.text(value)
    local known = raw(value)
    return known and decimal.format(known)
end

local function operation(act)
    return function(a, b) return wrap(act(parsed(a), parsed(b))) end
end

META.__add = operation(decimal.add)
META.__sub = operation(decimal.subtract)
META.__mul = operation(decimal.multiply)
META.__mod = operation(decimal.modulo)

function META.__div(a, b)
    local x, y = parsed(a), parsed(b)
    if decimal.is_zero(y) then
        error(host.where() .. "a decimal is divided by zero", 0)
    end
    return wrap(decimal.divide(x, y, DIVISION_SCALE))
end

function META.__unm(a) return wrap(decimal.negate(parsed(a))) end
function META.__eq(a, b) return decimal.compare(parsed(a), parsed(b)) == 0 end
function META.__lt(a, b) return decimal.compare(parsed(a), parsed(b)) < 0 end
function META.__le(a, b) return decimal.compare(parsed(a), parsed(b)) <= 0 end
function META.__tostring(a) return decimal.format(raw(a)) end
function META.__concat(a, b) return tostring(a) .. tostring(b) end

local METHODS = {
    round = function(self, scale)
        return wrap(decimal.round(parsed(self), scale or 0))
    end,
    tonumber = function(self) return tonumber(decimal.format(parsed(self))) end,
}
META.__index = METHODS

return decimals
