--- Typed tree of an expression and a row → value, as PostgreSQL computes it.
--
-- Exact numbers are computed as decimals and leave as they entered the JSON of
-- the API: int as number, bigint as number up to 2^53 and else as text, decimal
-- as text. Dates and texts are texts.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.expression.evaluate
local decimal = require("lunette.util.decimal")
local text = require("lunette.util.text")

local EXACT = { int = true, bigint = true, decimal = true }
local QUOTIENT_DIGITS = 16
local LIMITS = {
    int = { decimal.parse("-2147483648"), decimal.parse("2147483647") },
    bigint = { decimal.parse("-9223372036854775808"),
        decimal.parse("9223372036854775807") },
}
local SAFE = decimal.parse("9007199254740992")

local evaluate

local function fault(why)
    error({ fault = why }, 0)
end

-- Dates as days -------------------------------------------------------------

-- Days since 0000-03-01 of the proleptic Gregorian calendar: years begin in
-- March, so that the leap day is the last.
local function to_days(date)
    local year, month, day = date:match("^(%d+)%-(%d%d)%-(%d%d)$")
    if not year then fault("not a date: " .. date) end
    year, month, day = tonumber(year), tonumber(month), tonumber(day)
    if month < 3 then year, month = year - 1, month + 12 end
    return 365 * year + math.floor(year / 4) - math.floor(year / 100)
        + math.floor(year / 400) + math.floor((153 * (month - 3) + 2) / 5)
        + day - 1
end

local function year_of(days)
    local year = math.floor(days / 365.2425)
    while to_days(("%04d-03-01"):format(year)) > days do year = year - 1 end
    while to_days(("%04d-03-01"):format(year + 1)) <= days do
        year = year + 1
    end
    return year
end

local function from_days(days)
    if days < 306 or days > 3652364 then fault("date out of range") end
    local year = year_of(days)
    local rest = days - to_days(("%04d-03-01"):format(year))
    local month = math.floor((5 * rest + 2) / 153)
    local day = rest - math.floor((153 * month + 2) / 5) + 1
    month = month + 3
    if month > 12 then year, month = year + 1, month - 12 end
    return ("%04d-%02d-%02d"):format(year, month, day)
end

-- Numbers -------------------------------------------------------------------

local function as_float(value)
    return type(value) == "table" and tonumber(decimal.format(value)) or value
end

local function check_float(value)
    if value ~= value or value == math.huge or value == -math.huge then
        fault("out of range")
    end
    return value
end

local function check_exact(kind, value)
    local limits = LIMITS[kind]
    if limits and (decimal.compare(value, limits[1]) < 0
        or decimal.compare(value, limits[2]) > 0) then
        fault("out of range")
    end
    return value
end

local function quotient(a, b)
    return decimal.round(decimal.divide(a, b, QUOTIENT_DIGITS + 1),
        QUOTIENT_DIGITS)
end

local EXACT_OPS = { ["+"] = decimal.add, ["-"] = decimal.subtract,
    ["*"] = decimal.multiply, ["/"] = quotient, ["%"] = decimal.modulo }

local function exact_arithmetic(op, kind, a, b)
    if (op == "/" or op == "%") and decimal.is_zero(b) then
        fault("division by zero")
    end
    return check_exact(kind, EXACT_OPS[op](a, b))
end

local function float_arithmetic(op, a, b)
    a, b = as_float(a), as_float(b)
    if op == "+" then return check_float(a + b) end
    if op == "-" then return check_float(a - b) end
    if op == "*" then return check_float(a * b) end
    if b == 0 then fault("division by zero") end
    return check_float(a / b)
end

local function date_arithmetic(op, a, b, types)
    local function days(value, kind)
        if kind == "date" then return to_days(value) end
        return as_float(value)
    end
    local left, right = days(a, types[1]), days(b, types[2])
    local result = op == "+" and left + right or left - right
    if types[1] == types[2] then return decimal.from_integer(result) end
    return from_days(result)
end

local function arithmetic(node, a, b)
    local types = { node.args[1].type, node.args[2].type }
    if types[1] == "date" or types[2] == "date" then
        return date_arithmetic(node.op, a, b, types)
    elseif node.type == "float" then
        return float_arithmetic(node.op, a, b)
    end
    return exact_arithmetic(node.op, node.type, a, b)
end

-- Comparison ----------------------------------------------------------------

-- LuaJIT compares strings byte by byte, as COLLATE "C" does.
local function order(a, b)
    if type(a) == "table" and type(b) == "table" then
        return decimal.compare(a, b)
    end
    a, b = as_float(a), as_float(b)
    if a == b then return 0 end
    if type(a) == "boolean" then return 1 end
    return a < b and -1 or 1
end

local COMPARE = {
    ["=="] = function(sign) return sign == 0 end,
    ["~="] = function(sign) return sign ~= 0 end,
    ["<"] = function(sign) return sign < 0 end,
    ["<="] = function(sign) return sign <= 0 end,
    [">"] = function(sign) return sign > 0 end,
    [">="] = function(sign) return sign >= 0 end,
}

-- Rows ----------------------------------------------------------------------

local function is_null(value)
    return value == nil or type(value) == "userdata"
end

-- Moments that PostgreSQL would keep as equal get equal texts.
local function moment(value)
    local head, fraction = value:match("^(.-T%d%d:%d%d:%d%d)%.?(%d*)Z$")
    if not head then fault("not a moment in UTC: " .. value) end
    return head .. "." .. (fraction .. "000"):sub(1, 3) .. "Z"
end

local function clock(value)
    local head, fraction = value:match("^(%d%d:%d%d:?%d?%d?)%.?(%d*)$")
    if not head then fault("not a time: " .. value) end
    if #head == 5 then head = head .. ":00" end
    fraction = fraction:gsub("0+$", "")
    return fraction == "" and head or head .. "." .. fraction
end

local function exact_value(value)
    local digits = value
    if type(value) == "number" then
        digits = (value % 1 == 0 and "%.0f" or "%.15g"):format(value)
    end
    return decimal.parse(tostring(digits))
        or fault("not a number: " .. tostring(digits))
end

local function incoming(value, kind)
    if is_null(value) then return nil end
    if EXACT[kind] then
        return exact_value(value)
    elseif kind == "float" then
        return tonumber(value)
    elseif kind == "datetime" then
        return moment(value)
    elseif kind == "time" then
        return clock(value)
    elseif kind == "uuid" then
        return value:lower()
    end
    return value
end

local function outgoing(value, kind)
    if value == nil or not EXACT[kind] then return value end
    local digits = decimal.format(value)
    if kind == "decimal" then return digits end
    local size = value.sign < 0 and decimal.negate(value) or value
    if decimal.compare(size, SAFE) > 0 then return digits end
    return tonumber(digits)
end

-- Nodes ---------------------------------------------------------------------

local function all_args(node, row)
    local values = {}
    for at, arg in ipairs(node.args) do
        local value = evaluate(arg, row)
        if value == nil then return nil end
        values[at] = value
    end
    return values
end

local function as_text(value)
    return type(value) == "table" and decimal.format(value) or value
end

local function logical_and(node, row)
    local a = evaluate(node.args[1], row)
    if a == false then return false end
    local b = evaluate(node.args[2], row)
    if b == false then return false end
    if a == nil or b == nil then return nil end
    return true
end

local function logical_or(node, row)
    local a = evaluate(node.args[1], row)
    if a == true then return true end
    local b = evaluate(node.args[2], row)
    if b == true then return true end
    if a == nil or b == nil then return nil end
    return false
end

local function cast(node, row)
    local value = evaluate(node.args[1], row)
    if value == nil then return nil end
    if node.type == "decimal" then return decimal.round(value, node.scale) end
    if node.type == "float" then return as_float(value) end
    if EXACT[node.type] then return check_exact(node.type, value) end
    return value
end

local function convert(value, kind)
    if kind == "float" then return as_float(value) end
    return value
end

-- Functions -----------------------------------------------------------------

local function extreme(wanted)
    return function(node, row)
        local best
        for _, arg in ipairs(node.args) do
            local value = evaluate(arg, row)
            if value ~= nil
                and (best == nil or order(value, best) == wanted) then
                best = value
            end
        end
        return best and convert(best, node.type)
    end
end

local function date_part(pattern)
    return function(_, date)
        return decimal.parse(date:match(pattern))
    end
end

local function absolute(_, value)
    if type(value) == "number" then return math.abs(value) end
    return value.sign < 0 and decimal.negate(value) or value
end

local function ascii_case(from, to, by)
    return function(_, value)
        return (value:gsub(("[%s-%s]"):format(from, to), function(letter)
            return string.char(letter:byte() + by)
        end))
    end
end

local function rounded(_, value, digits)
    local scale = digits and tonumber(decimal.format(digits)) or 0
    return decimal.round(value, scale)
end

-- Get the values of their arguments; one null argument gives null.
local STRICT = {
    abs = absolute,
    ceil = function(_, value) return decimal.ceil(value) end,
    contains = function(_, value, part)
        return value:find(part, 1, true) ~= nil
    end,
    day = date_part("(%d%d)$"),
    ends_with = function(_, value, part)
        return part == "" or value:sub(-#part) == part
    end,
    floor = function(_, value) return decimal.floor(value) end,
    length = function(_, value)
        return decimal.from_integer(text.length(value))
    end,
    lower = ascii_case("A", "Z", 32),
    month = date_part("%-(%d%d)%-"),
    round = rounded,
    starts_with = function(_, value, part)
        return value:sub(1, #part) == part
    end,
    trim = function(_, value) return value:match("^ *(.-) *$") end,
    upper = ascii_case("a", "z", -32),
    year = date_part("^(%d+)"),
}

-- Evaluate their arguments themselves.
local LAZY = {
    coalesce = function(node, row)
        for _, arg in ipairs(node.args) do
            local value = evaluate(arg, row)
            if value ~= nil then return convert(value, node.type) end
        end
    end,
    when = function(node, row)
        local branch = evaluate(node.args[1], row) == true and 2 or 3
        return convert(evaluate(node.args[branch], row), node.type)
    end,
    min = extreme(-1),
    max = extreme(1),
}

local function call(node, row)
    local lazy = LAZY[node.name]
    if lazy then return lazy(node, row) end
    local args = all_args(node, row)
    if not args then return nil end
    local value = STRICT[node.name](node, unpack(args))
    if EXACT[node.type] then check_exact(node.type, value) end
    return value
end

local NODES = {
    column = function(node, row) return incoming(row[node.name], node.type) end,
    value = function(node) return incoming(node.value, node.type) end,
    call = call,
    cast = cast,
    ["and"] = logical_and,
    ["or"] = logical_or,
    ["not"] = function(node, row)
        local value = evaluate(node.args[1], row)
        if value == nil then return nil end
        return not value
    end,
    neg = function(node, row)
        local value = evaluate(node.args[1], row)
        if value == nil then return nil end
        if node.type == "float" then return -value end
        return check_exact(node.type, decimal.negate(value))
    end,
    is_nil = function(node, row) return evaluate(node.args[1], row) == nil end,
    not_nil = function(node, row) return evaluate(node.args[1], row) ~= nil end,
    [".."] = function(node, row)
        local args = all_args(node, row)
        return args and as_text(args[1]) .. as_text(args[2])
    end,
}

evaluate = function(node, row)
    local own = NODES[node.op]
    if own then return own(node, row) end
    local args = all_args(node, row)
    if not args then return nil end
    local compare = COMPARE[node.op]
    if compare then return compare(order(args[1], args[2])) end
    return arithmetic(node, args[1], args[2])
end

--- Value of a typed tree for one row.
-- @tparam table tree
-- @tparam table row column → value as in the API's JSON; nil or host.null
-- @return[1] the value; nil for null
-- @return[2] nil
-- @treturn[2] string "out of range", "division by zero", or what is wrong with
--   a value of the row
local function entry(tree, row)
    local ok, result = pcall(evaluate, tree, row)
    if ok then return outgoing(result, tree.type) end
    if type(result) == "table" and result.fault then
        return nil, result.fault
    end
    error(result, 0)
end

return entry
