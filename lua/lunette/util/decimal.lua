--- Exact decimal numbers of any length.
--
-- Money never passes through a float. This is made for single expressions, not
-- for bulk: digits are kept one by one.
-- A value is { sign = 1|-1, scale = digits behind the point, [1..n] = digits,
-- least first }; it is never changed once made.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.util.decimal
local decimal = {}

local function trimmed(value)
    local top = #value
    while top > 0 and value[top] == 0 do
        value[top] = nil
        top = top - 1
    end
    if top == 0 then value.sign = 1 end
    return value
end

--- From the text of a plain decimal number ("-12.50"), or nil.
function decimal.parse(text)
    local minus, whole, fraction = text:match("^([-+]?)(%d*)%.?(%d*)$")
    if not minus or #whole + #fraction == 0 then return nil end
    local digits = whole .. fraction
    local value = { sign = minus == "-" and -1 or 1, scale = #fraction }
    for at = #digits, 1, -1 do
        value[#value + 1] = digits:byte(at) - 48
    end
    return trimmed(value)
end

--- From a whole Lua number below 2^53.
function decimal.from_integer(number)
    return decimal.parse(("%.0f"):format(number))
end

-- The same value with at least `scale` digits behind the point.
local function widened(value, scale)
    local more = scale - value.scale
    if more <= 0 then return value end
    local out = { sign = value.sign, scale = scale }
    for at = 1, more do out[at] = 0 end
    for at = 1, #value do out[more + at] = value[at] end
    return trimmed(out)
end

-- Compares digit lists, not signs: -1, 0 or 1.
local function compare_digits(a, b)
    if #a ~= #b then return #a < #b and -1 or 1 end
    for at = #a, 1, -1 do
        if a[at] ~= b[at] then return a[at] < b[at] and -1 or 1 end
    end
    return 0
end

local function add_digits(a, b, out)
    local carry = 0
    for at = 1, math.max(#a, #b) do
        local sum = (a[at] or 0) + (b[at] or 0) + carry
        carry = sum > 9 and 1 or 0
        out[at] = sum - carry * 10
    end
    if carry > 0 then out[#out + 1] = carry end
    return out
end

-- a - b where a is not less than b.
local function subtract_digits(a, b, out)
    local borrow = 0
    for at = 1, #a do
        local rest = a[at] - (b[at] or 0) - borrow
        borrow = rest < 0 and 1 or 0
        out[at] = rest + borrow * 10
    end
    return out
end

function decimal.negate(value)
    local out = { sign = -value.sign, scale = value.scale }
    for at = 1, #value do out[at] = value[at] end
    return trimmed(out)
end

function decimal.add(a, b)
    a, b = widened(a, b.scale), widened(b, a.scale)
    local out = { sign = a.sign, scale = a.scale }
    if a.sign == b.sign then return trimmed(add_digits(a, b, out)) end
    if compare_digits(a, b) >= 0 then
        return trimmed(subtract_digits(a, b, out))
    end
    out.sign = b.sign
    return trimmed(subtract_digits(b, a, out))
end

function decimal.subtract(a, b)
    return decimal.add(a, decimal.negate(b))
end

function decimal.multiply(a, b)
    local out = { sign = a.sign * b.sign, scale = a.scale + b.scale }
    for at = 1, #a + #b do out[at] = 0 end
    for i = 1, #a do
        local carry = 0
        for j = 1, #b do
            local sum = out[i + j - 1] + a[i] * b[j] + carry
            carry = math.floor(sum / 10)
            out[i + j - 1] = sum - carry * 10
        end
        out[i + #b] = carry
    end
    return trimmed(out)
end

--- -1, 0 or 1.
function decimal.compare(a, b)
    a, b = widened(a, b.scale), widened(b, a.scale)
    if a.sign ~= b.sign then return a.sign end
    return a.sign * compare_digits(a, b)
end

function decimal.is_zero(value)
    return #value == 0
end

-- Schoolbook division of digit lists: quotient and remainder.
local function divide_digits(a, b)
    local quotient, rest = {}, {}
    for at = #a, 1, -1 do
        table.insert(rest, 1, a[at])
        trimmed(rest)
        local digit = 0
        while compare_digits(rest, b) >= 0 do
            rest = trimmed(subtract_digits(rest, b, {}))
            digit = digit + 1
        end
        quotient[at] = digit
    end
    return quotient, rest
end

--- a / b cut (not rounded) behind `scale` digits; b is not zero.
function decimal.divide(a, b, scale)
    local dividend = widened(a, scale + b.scale)
    local quotient = divide_digits(dividend, b)
    quotient.sign = a.sign * b.sign
    quotient.scale = dividend.scale - b.scale
    return decimal.cut(trimmed(quotient), scale)
end

--- The rest of the division, with the sign of `a`; b is not zero.
function decimal.modulo(a, b)
    a, b = widened(a, b.scale), widened(b, a.scale)
    local _, rest = divide_digits(a, b)
    rest.sign, rest.scale = a.sign, a.scale
    return trimmed(rest)
end

--- Cut behind `scale` digits.
function decimal.cut(value, scale)
    local drop = value.scale - scale
    if drop <= 0 then return value end
    local out = { sign = value.sign, scale = scale }
    for at = drop + 1, #value do out[at - drop] = value[at] end
    return trimmed(out)
end

local function unit(sign, scale)
    local out = { sign = sign, scale = scale, 1 }
    return out
end

--- Rounded to `scale` digits, half away from zero.
function decimal.round(value, scale)
    local drop = value.scale - scale
    if drop <= 0 then return value end
    local out = decimal.cut(value, scale)
    if (value[drop] or 0) < 5 then return out end
    return decimal.add(out, unit(value.sign, scale))
end

--- The greatest whole number that is not above, or the least not below.
function decimal.floor(value)
    local out = decimal.cut(value, 0)
    if value.sign > 0 or decimal.compare(out, value) == 0 then return out end
    return decimal.subtract(out, unit(1, 0))
end

function decimal.ceil(value)
    return decimal.negate(decimal.floor(decimal.negate(value)))
end

--- Text without needless zeros: "1.5", "-0.01", "12".
function decimal.format(value)
    local out = {}
    for at = math.max(#value, value.scale + 1), 1, -1 do
        if at == value.scale then out[#out + 1] = "." end
        out[#out + 1] = value[at] or 0
    end
    local text = table.concat(out)
    if value.scale > 0 then text = text:gsub("0+$", ""):gsub("%.$", "") end
    return (value.sign < 0 and "-" or "") .. text
end

return decimal
