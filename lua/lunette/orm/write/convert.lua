--- Values as apps see them, and the texts that PostgreSQL gets.
--
-- Between the framework and an app values are plain data (core/vm/data.h): a
-- whole number or float is a number, a bigint beyond 2^53 a text, a decimal or
-- money a text ("12.50"), dates, enums and ids are texts, a list or Json is a
-- table, a record is { id = }. No value is convert.null() where a field is told to be empty, and
-- nothing at all where a field is not told.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.convert
local decimal = require("lunette.util.decimal")
local sql = require("lunette.orm.sql")
local text_of = require("lunette.util.text")

local convert = {}

local EXACT = 2 ^ 53
local MAX_DEPTH = 60

--- The value that empties a field.
function convert.null()
    return { __op = "null" }
end

function convert.is_null(value)
    return type(value) == "table" and value.__op == "null"
end

-- To PostgreSQL -------------------------------------------------------------

local function json_of(value, depth)
    if convert.is_null(value) then return host.null end
    if type(value) ~= "table" then return value end
    if value.__record then return value.id end
    if depth > MAX_DEPTH then error("nested too deep", 0) end
    local copy = {}
    for key, item in pairs(value) do copy[key] = json_of(item, depth + 1) end
    if #copy > 0 then
        for key in pairs(copy) do
            if type(key) ~= "number" then
                error("mixes a list and named values", 0)
            end
        end
        return setmetatable(copy, host.array_mt)
    end
    return copy
end

-- As a text, which is taken as it is.
local function exact(number)
    if number % 1 == 0 then return ("%.0f"):format(number) end
    local text = ("%.14g"):format(number)
    return text:find("e", 1, true) and ("%.20f"):format(number) or text
end

local function is_finite(value)
    return value == value and value ~= math.huge and value ~= -math.huge
end

local EXACT_TYPES = { decimal = true, money = true, bigint = true }

-- The value as host.coerce reads it; nil and why not.
local function plain(field, value)
    if field.scalar == "ID" and type(value) == "table" and value.__record then
        value = value.id
    end
    local kind = type(value)
    if kind == "number" then
        if not is_finite(value) then return nil, "must be a finite number" end
        if field.type == "text" or field.type == "enum" then
            return nil, "must be a text, not a number"
        end
        if field.type == "id" or field.type == "uuid" then
            return ("%.0f"):format(value)
        end
        return EXACT_TYPES[field.type] and exact(value) or value
    end
    if field.type == "json" then
        local ok, result = pcall(json_of, value, 1)
        if not ok then return nil, result end
        return result
    end
    if kind == "table" then
        return nil, "must be one value, not a table"
    end
    return value
end

local function plain_list(field, value)
    if type(value) ~= "table" then return nil, "must be a list" end
    local items = setmetatable({}, host.array_mt)
    for i, item in ipairs(value) do
        local made, problem = plain(field, item)
        if made == nil then
            return nil, ("item %d %s"):format(i, problem)
        end
        items[i] = made
    end
    for key in pairs(value) do
        if type(key) ~= "number" then return nil, "must be a list" end
    end
    return items
end

-- Any value of Lua is a value of Json, also a text.
local function json_text(value)
    local ok, result = pcall(json_of, value, 1)
    if ok then ok, result = pcall(host.json_encode, result) end
    if ok then return result end
    return nil, "is no value of Json: " .. tostring(result)
end

--- The text of a value that an app gives to a scalar field; host.null where it
-- empties the field. nil and what is wrong: "must be a whole number".
-- @tparam ?string ptype of lunette.orm.sql, where it is not that of the field
function convert.text(field, value, ptype)
    if value == nil or convert.is_null(value) then return host.null end
    if field.type == "json" and not field.list then return json_text(value) end
    local made, problem = (field.list and plain_list or plain)(field, value)
    if made == nil then return nil, problem end
    local text, wrong = host.coerce(ptype or sql.parameter_type(field), made, {
        name = field.graphql, values = field.values, enum = field.enum,
        list = field.list or nil })
    if text == nil then return nil, "does not fit: " .. wrong end
    return text
end

-- Bounds --------------------------------------------------------------------

local function number_of(value)
    return decimal.parse(type(value) == "number"
        and (value % 1 == 0 and "%.0f" or "%.14g"):format(value)
        or tostring(value))
end

local NUMBERS = { int = true, bigint = true, float = true, decimal = true,
    money = true }

local function out_of_bounds(field, text)
    if NUMBERS[field.type] and (field.min or field.max) then
        local number = number_of(tonumber(text) and text:find("[eE]")
            and tonumber(text) or text)
        if not number then return nil end
        if field.min and decimal.compare(number, number_of(field.min)) < 0 then
            return "must be at least " .. field.min
        elseif field.max
            and decimal.compare(number, number_of(field.max)) > 0 then
            return "must be at most " .. field.max
        end
    elseif field.size and text_of.length(text) > field.size then
        return ("must be at most %d characters long"):format(field.size)
    end
end

--- What is wrong with the text of a value: bounds that a column's constraint
-- would check. nil when nothing is.
function convert.problem(field, text)
    if text == nil or text == host.null then
        return field.required and "must not be null" or nil
    end
    if not field.list then return out_of_bounds(field, text) end
    for _, item in ipairs(convert.items(text)) do
        local problem = item ~= host.null and out_of_bounds(field, item)
        if problem then return problem end
    end
end

-- From PostgreSQL -----------------------------------------------------------

--- The items of the text of an array: texts, host.null for NULL.
function convert.items(text)
    local items, at = {}, 2
    while at < #text do
        local byte = text:sub(at, at)
        if byte == '"' then
            local parts, from = {}, at + 1
            while true do
                local stop = text:find('[\\"]', from)
                if not stop then return items end
                parts[#parts + 1] = text:sub(from, stop - 1)
                if text:sub(stop, stop) == '"' then
                    at = stop + 1
                    break
                end
                parts[#parts + 1] = text:sub(stop + 1, stop + 1)
                from = stop + 2
            end
            items[#items + 1] = table.concat(parts)
        else
            local stop = text:find("[,}]", at)
            local word = text:sub(at, stop - 1)
            items[#items + 1] = word == "NULL" and host.null or word
            at = stop
        end
        at = at + 1
    end
    return items
end

local function json_value(value)
    if value == host.null then return convert.null() end
    if type(value) ~= "table" then return value end
    local copy = {}
    for key, item in pairs(value) do copy[key] = json_value(item) end
    return copy
end

--- A whole number where that is exact, else its text.
function convert.whole(text)
    local number = tonumber(text)
    -- 2^53 + 1 reads as 2^53
    if number and math.abs(number) <= EXACT
        and ("%.0f"):format(number) == text then
        return number
    end
    return text
end

--- A moment as PostgreSQL writes it, in ISO form with milliseconds.
function convert.moment(text)
    local day, time, fraction = text:match(
        "^(%d+%-%d%d%-%d%d)[ T](%d%d:%d%d:%d%d)%.?(%d*)[Z+]")
    if not day then return text end
    return ("%sT%s.%sZ"):format(day, time, (fraction .. "000"):sub(1, 3))
end

local VALUES = {
    int = tonumber, float = tonumber, bigint = convert.whole, datetime = convert.moment,
    created = convert.moment, updated = convert.moment,
    bool = function(text) return text == "t" or text == "true" end,
    json = function(text) return json_value(host.json_decode(text)) end,
}

--- The value of a scalar field's text, as an app gets it; nil for null.
function convert.value(field, text)
    if text == nil or text == host.null then return nil end
    local read = VALUES[field.type]
    if not field.list then
        if read then return read(text) end
        return text
    end
    local list = {}
    for i, item in ipairs(convert.items(text)) do
        if item == host.null then
            list[i] = convert.null()
        elseif read then
            list[i] = read(item)
        else
            list[i] = item
        end
    end
    return list
end

return convert
