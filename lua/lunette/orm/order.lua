--- The order of a list, and the rows that lie beyond a cursor in that order.
--
-- An order is a list of keys {field=FIELD, desc=bool} that ends in something
-- unique, `id` ascending unless a key is unique itself. NULL sorts as the
-- greatest value (ascending: last), which is what PostgreSQL does by itself and
-- what the comparison with the cursor row below repeats.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.order
local sql = require("lunette.orm.sql")

local order = {}

local function decides(field)
    return field.name == "id" or (field.unique and field.required)
end

-- Appends `key` unless the keys before it decide already.
local function append(keys, field, desc)
    if keys.decided then return end
    keys[#keys + 1] = { field = field, desc = desc or false }
    keys.decided = decides(field)
end

local function field_named(model, name)
    for _, field in ipairs(model.fields) do
        if field.name == name then return field end
    end
end

--- The keys of a list of `model`: by the enum value `asked` ({field=, desc=})
-- or, without one, by the order that the model declares.
function order.keys(model, asked)
    local keys = {}
    if asked then
        append(keys, asked.field, asked.desc)
    else
        for _, key in ipairs(model.order or {}) do
            local field = field_named(model, key.field)
            if field and field.kind == "scalar" and not field.list then
                append(keys, field, key.desc)
            end
        end
    end
    append(keys, sql.id_field(model), false)
    return keys
end

--- ORDER BY of `keys` for the rows under `alias`.
function order.sql(keys, alias, reversed)
    local parts = {}
    for i, key in ipairs(keys) do
        local desc = key.desc ~= (reversed or false)
        parts[i] = sql.column(alias, key.field.column)
            .. (desc and " DESC NULLS FIRST" or " ASC NULLS LAST")
    end
    return " ORDER BY " .. table.concat(parts, ", ")
end

-- Rows strictly beyond the value `at`; NULL is greater than any value.
local function beyond(column, at, greater, nullable)
    local strict = column .. (greater and " > " or " < ") .. at
    if not nullable then return strict end
    local null, set = column, at
    if not greater then null, set = at, column end
    return ("(%s OR (%s IS NULL AND %s IS NOT NULL))")
        :format(strict, null, set)
end

-- The condition of the keys from the i-th on.
local function from_key(keys, i, alias, value_at, after)
    local key = keys[i]
    local field = key.field
    local column, at = sql.column(alias, field.column), value_at(field)
    local greater = after ~= key.desc
    if i == #keys then return beyond(column, at, greater, false) end
    local rest = from_key(keys, i + 1, alias, value_at, after)
    local strict = beyond(column, at, greater, not field.required)
    if field.required then
        -- the range first: an index on the key can start at the cursor
        return ("(%s%s%s AND (%s OR %s))"):format(column,
            greater and " >= " or " <= ", at, strict, rest)
    end
    return ("(%s OR (%s IS NOT DISTINCT FROM %s AND %s))")
        :format(strict, column, at, rest)
end

--- The condition that keeps the rows of `model` after (or before) the row whose
-- id is the SQL text `id`. Without such a row nothing is kept.
function order.beyond(context, model, keys, alias, id, after)
    local cursor = context:alias()
    local tail = " FROM " .. sql.table(model) .. " AS " .. cursor
        .. " WHERE " .. sql.column(cursor, "id") .. " = " .. id .. ")"
    local function value_at(field)
        return "(SELECT " .. sql.column(cursor, field.column) .. tail
    end
    local condition = from_key(keys, 1, alias, value_at, after)
    for _, key in ipairs(keys) do
        if not key.field.required and key.field.name ~= "id" then
            return value_at(sql.id_field(model)) .. " IS NOT NULL AND "
                .. condition
        end
    end
    return condition
end

return order
