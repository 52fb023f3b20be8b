--- Values of fields inside an app: from the texts of the database, and back.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.values
local convert = require("lunette.orm.write.convert")
local decimals = require("lunette.guest.decimals")
local decode = require("lunette.guest.json").decode

local values = {}

--- What stands for no value.
values.NULL = setmetatable({ __op = "null" }, {
    __metatable = false, __tostring = function() return "null" end,
    __newindex = function() error("null cannot be changed", 2) end,
})

-- As convert.items has null in a list.
rawset(host, "null", values.NULL)

-- Json is the app's own copy: nulls in it become those of the guest in place.
local function json(value)
    if type(value) ~= "table" then return value end
    if value.__op == "null" then return values.NULL end
    for key, item in pairs(value) do
        if type(item) == "table" then value[key] = json(item) end
    end
    return value
end

local function bool(value) return value == true or value == "t" end

local function as_it_is(value) return value end

local INWARD = {
    int = tonumber, float = tonumber, bigint = convert.whole, bool = bool,
    decimal = decimals.new, money = decimals.new, json = json,
    datetime = convert.moment, created = convert.moment,
    updated = convert.moment,
}

local function inward_one(field, value)
    if value == nil then return nil end
    return (INWARD[field.type] or as_it_is)(value)
end

--- The value of a field from what the host sent of it as a value.
function values.inward(field, value)
    if field.list and type(value) == "table" then
        local out = {}
        for i, item in ipairs(value) do out[i] = inward_one(field, item) end
        return out
    end
    return inward_one(field, value)
end

-- The texts of an array's items.
local function items(field, text)
    local out = {}
    for i, item in ipairs(convert.items(text)) do
        out[i] = item == values.NULL and item or inward_one(field, item)
    end
    return out
end

--- The value of a field from the text in a row of the database (false: null).
function values.cell(field, text)
    if not text then return nil end
    if field.list then return items(field, text) end
    if field.type == "json" then return decode(text, values.NULL) end
    return inward_one(field, text)
end

--- What an exact number is outside of the app; nil for any other value.
function values.crossing(value)
    return decimals.text(value)
end

return values
