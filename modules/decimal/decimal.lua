--- Exact decimal numbers: see README.md.
--
-- The values are those that fields of records hold (lunette.guest.decimals).
-- SPDX-License-Identifier: Apache-2.0
local decimal = {}

decimal.new = decimals.new

function decimal.is(value)
    return decimals.text(value) ~= nil
end

function decimal.parse(text)
    if type(text) ~= "string" then return nil end
    local ok, value = pcall(decimals.new, text)
    return ok and value or nil
end

function decimal.compare(a, b)
    return decimals.new(a):compare(b)
end

function decimal.divide(a, b, digits, mode)
    return decimals.new(a):divide(b, digits, mode)
end

function decimal.round(a, digits, mode)
    return decimals.new(a):round(digits, mode)
end

function decimal.abs(a)
    a = decimals.new(a)
    if a:compare(0) < 0 then return -a end
    return a
end

local function check_list(list)
    if type(list) ~= "table" then
        misuse("decimal: a list of decimals is needed here")
    end
end

function decimal.sum(list)
    check_list(list)
    local sum = decimals.new(0)
    for _, value in ipairs(list) do sum = sum + value end
    return sum
end

-- The item that compares with all others as `sign` says.
local function outermost(list, sign)
    local found
    for _, value in ipairs(list) do
        value = decimals.new(value)
        if not found or value:compare(found) == sign then found = value end
    end
    return found
end

function decimal.min(list)
    check_list(list)
    return outermost(list, -1)
end

function decimal.max(list)
    check_list(list)
    return outermost(list, 1)
end

function decimal.format(a, options)
    options = options or {}
    a = decimals.new(a)
    if options.digits then a = a:round(options.digits) end
    local sign, whole, fraction = tostring(a):match("^(-?)(%d+)%.?(%d*)$")
    local group, parts = options.group or ",", {}
    while #whole > 3 do
        table.insert(parts, 1, whole:sub(-3))
        whole = whole:sub(1, -4)
    end
    table.insert(parts, 1, whole)
    return sign .. table.concat(parts, group)
        .. (fraction ~= "" and (options.point or ".") .. fraction or "")
end

return decimal
