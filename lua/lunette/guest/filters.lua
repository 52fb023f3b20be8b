--- The helpers of filters: gt(3), either { ... }, any("lines", { ... }).
--
-- A helper makes a table that names its operator in the member OP; the host
-- reads it (lunette.runtime.filter).
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.filters
local records = require("lunette.guest.records")

local filters = {}

local function compared(op)
    return function(value)
        if value == nil then
            error(op .. " needs a value", 2)
        end
        return { __op = op, value = value }
    end
end

local function combined(op)
    return function(list)
        if type(list) ~= "table" then
            error(("%s { filter, filter } takes a list of filters"):format(op),
                2)
        end
        return { __op = op, filters = list }
    end
end

local function one_of(values)
    if type(values) ~= "table" then
        error("one_of { value, value } takes a list", 2)
    end
    return { __op = "in", value = values }
end

local function any(relation, filter)
    if type(relation) ~= "string" then
        error('any("lines", { ... }) takes the name of a relation', 2)
    end
    return { __op = "any", relation = relation, filter = filter or {} }
end

--- The words, by name.
function filters.words()
    return {
        gt = compared("gt"), gte = compared("gte"), lt = compared("lt"),
        lte = compared("lte"), ne = compared("ne"),
        contains = compared("contains"),
        starts_with = compared("starts_with"),
        ends_with = compared("ends_with"),
        one_of = one_of, either = combined("either"), none = combined("none"),
        any = any, null = records.NULL,
    }
end

return filters
