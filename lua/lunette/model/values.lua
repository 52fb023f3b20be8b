--- Constant values in declarations: defaults and bounds that fit their field.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.values
local dates = require("lunette.util.dates")
local decimal = require("lunette.util.decimal")
local lists = require("lunette.util.lists")
local text = require("lunette.util.text")

local values = {}

local MAX_JSON_DEPTH = 20
local WHOLE = { int = { "-2147483648", "2147483647" },
    bigint = { "-9223372036854775808", "9223372036854775807" } }

local function exact(value)
    if type(value) == "number" then
        local format = value % 1 == 0 and "%.0f" or "%.14g"
        return decimal.parse(format:format(value))
    end
    return type(value) == "string" and decimal.parse(value) or nil
end

local function outside(number, field)
    local low = field.min and exact(field.min)
    local high = field.max and exact(field.max)
    if low and decimal.compare(number, low) < 0 then
        return ("is less than min = %s"):format(field.min)
    elseif high and decimal.compare(number, high) > 0 then
        return ("is more than max = %s"):format(field.max)
    end
end

local function check_whole(field, value)
    local number = exact(value)
    if not number or type(value) == "string" and field.type == "int"
        or decimal.compare(number, decimal.cut(number, 0)) ~= 0 then
        return nil, "must be a whole number"
    end
    local limits = WHOLE[field.type]
    if decimal.compare(number, decimal.parse(limits[1])) < 0
        or decimal.compare(number, decimal.parse(limits[2])) > 0 then
        return nil, ("does not fit into %s"):format(field.type)
    end
    if type(value) == "number" and math.abs(value) > 2 ^ 53 then
        return nil, "is not exact above 2^53; write it as a text"
    end
    local problem = outside(number, field)
    return not problem and value or nil, problem
end

-- Decimals leave as text, so that JSON keeps them exact.
local function check_decimal(field, value)
    local number = exact(value)
    if not number then return nil, "must be a decimal number" end
    local digits = field.digits
    if digits then
        local whole = decimal.cut(number, 0)
        if decimal.compare(decimal.round(number, digits[2]), number) ~= 0 then
            return nil, ("has more than %d digits behind the point")
                :format(digits[2])
        elseif #whole > digits[1] - digits[2] then
            return nil, ("has more than %d digits before the point")
                :format(digits[1] - digits[2])
        end
    end
    local problem = outside(number, field)
    return not problem and decimal.format(number) or nil, problem
end

local function check_float(field, value)
    if type(value) ~= "number" or value ~= value
        or math.abs(value) == math.huge then
        return nil, "must be a number"
    end
    if field.min and value < tonumber(field.min) then
        return nil, ("is less than min = %s"):format(field.min)
    elseif field.max and value > tonumber(field.max) then
        return nil, ("is more than max = %s"):format(field.max)
    end
    return value
end

local function check_text(field, value)
    if type(value) ~= "string" or value:find("%z") then
        return nil, "must be a text"
    elseif field.size and text.length(value) > field.size then
        return nil, ("is longer than size = %d"):format(field.size)
    end
    return value
end

local function check_enum(field, value)
    if lists.find(field.values, value) then return value end
    return nil, ("%s is no value of the enum%s"):format(text.quote(value),
        text.did_you_mean(value, field.values))
end

local function check_format(field, value)
    if type(value) == "string" and dates.IS[field.type](value) then
        return value
    end
    return nil, ("must be written as '%s'"):format(dates.EXAMPLE[field.type])
end

local function check_bool(_, value)
    if type(value) == "boolean" then return value end
    return nil, "must be true or false"
end

local function check_json(_, value, tokens, depth)
    depth = depth or 1
    if depth > MAX_JSON_DEPTH then
        return nil, ("is nested deeper than %d levels"):format(MAX_JSON_DEPTH)
    end
    local kind = type(value)
    if kind == "string" or kind == "boolean" then return value end
    if kind == "number" and value == value and math.abs(value) < math.huge then
        return value
    end
    if kind ~= "table" or tokens[value] then return nil, "is not JSON" end
    local copy, is_list = {}, lists.is_list(value)
    for key, item in pairs(value) do
        if not is_list and type(key) ~= "string" then
            return nil, "mixes a list and named values"
        end
        local clean, problem = check_json(nil, item, tokens, depth + 1)
        if problem then return nil, problem end
        copy[key] = clean
    end
    return copy
end

local CHECKS = { int = check_whole, bigint = check_whole,
    decimal = check_decimal, money = check_decimal, float = check_float,
    text = check_text, enum = check_enum, bool = check_bool, json = check_json,
    date = check_format, time = check_format, datetime = check_format,
    uuid = check_format }

--- A constant as the field keeps it.
-- @tparam table field FIELD of the release set
-- @param value
-- @tparam table tokens of the app
-- @return[1] the value for JSON
-- @return[2] nil
-- @treturn[2] string what is wrong: "must be ..."
function values.check(field, value, tokens)
    if not field.list then return CHECKS[field.type](field, value, tokens) end
    if type(value) ~= "table" or tokens[value] or not lists.is_list(value) then
        return nil, "must be a list"
    end
    local copy = lists.marked({})
    for at, item in ipairs(value) do
        local clean, problem = CHECKS[field.type](field, item, tokens)
        if problem then return nil, ("item %d %s"):format(at, problem) end
        copy[at] = clean
    end
    return copy
end

local MARKERS = { datetime = { now = true },
    date = { now = true, today = true } }

-- `me`, `now()`, `today()`
local function marker_default(field, token, reader)
    if token.what == "marker" and not field.list
        and (MARKERS[field.type] or {})[token.word] then
        return { now = true }
    end
    local hint = token.word == "me" and "; 'me' is for ref \"base.User\"" or ""
    reader:error("default", ": %s cannot be the default of %s%s",
        text.quote(token.word or token.what), field.type, hint)
end

--- A default that a function of the app computes when a record is made.
function values.computed(reader)
    reader.app.has_functions = true
    return { lua = true, app = reader.app.name }
end

--- The `default` of a scalar field, or nil after reporting why not.
function values.default(field, value, reader)
    local token = reader:token(value)
    if type(value) == "function" then
        return values.computed(reader)
    elseif token and token.what == "later" then
        return reader:later(token)
    elseif token then
        return marker_default(field, token, reader)
    end
    local clean, problem = values.check(field, value, reader.app.tokens)
    if problem then
        reader:error("default", ": the default %s", problem)
        return nil
    end
    return { value = clean }
end

--- Reports bounds that do not fit: type, order.
function values.check_bounds(field, reader)
    for _, key in ipairs({ "min", "max" }) do
        local bound = field[key]
        if bound ~= nil then
            local probe = { type = field.type, digits = field.digits }
            local clean, problem = CHECKS[field.type](probe,
                field.type == "float" and tonumber(bound) or bound,
                reader.app.tokens)
            if clean == nil then
                reader:error(key, ": '%s' %s", key, problem)
                field[key] = nil
            end
        end
    end
    if field.min and field.max
        and decimal.compare(exact(field.min), exact(field.max)) > 0 then
        reader:error("min", ": 'min' is more than 'max'")
    end
end


return values
