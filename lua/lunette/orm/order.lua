--- The order of a list, and the rows that lie beyond a cursor in that order.
--
-- An order is a list of keys that ends in something unique, `id` ascending
-- unless a key is unique itself. NULL sorts as the greatest value (ascending:
-- last), which is what PostgreSQL does by itself and what the comparison with
-- the cursor row below repeats.
--
-- Key: `{column=, required=, desc=, path=, export=, inner=, outer=}`. `path` lists the
-- to-one relations that lead to where the column stands; without it the column
-- is the row's own. `inner` is its SQL beside the table of the rows, `outer`
-- its SQL around a sub-select of them, which has to export it as `export`.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.order
local errors = require("lunette.graphql.errors")
local filter = require("lunette.orm.filter")
local sql = require("lunette.orm.sql")

local order = {}

-- Each may need a join.
local MAX_KEYS = 10

-- Keys ----------------------------------------------------------------------

local function decides(field)
    return field.kind == "scalar"
        and (field.name == "id" or (field.unique and field.required))
end

-- Whether every row has a row at the end of `path`.
local function is_there(path)
    for _, relation in ipairs(path or {}) do
        if relation.link.kind ~= "own" or not relation.required then
            return false
        end
    end
    return true
end

-- Appends a key unless the keys before it decide already.
local function append(keys, field, desc, path)
    if keys.decided then return end
    local at = #keys + 1
    local column = field.kind == "relation" and field.link.column
        or field.column
    keys[at] = {
        column = column, desc = desc or false, path = path,
        required = is_there(path) and (field.required or field.name == "id"),
        export = path and "#" .. at,
    }
    keys.decided = not path and decides(field)
end

local function field_named(model, name)
    for _, field in ipairs(model.fields) do
        if field.name == name then return field end
    end
end

local function append_declared(keys, model)
    for _, key in ipairs(model.order or {}) do
        local field = field_named(model, key.field)
        if field and field.kind == "scalar" and not field.list then
            append(keys, field, key.desc)
        end
    end
end

local function one_entry(context, node)
    local found
    for _, entry in ipairs(node.kind == "object" and node.fields or {}) do
        if entry.node.kind ~= "absent" then
            if found then found = nil break end
            found = entry
        end
    end
    if not found or found.node.kind == "null" then
        context:refuse(errors.arguments("Every object of 'orderByMany' names"
            .. " exactly one field and its direction."))
    end
    return found
end

-- Appends the key of an orderByMany object.
local function append_asked(context, keys, node)
    local path, entry = {}, one_entry(context, node)
    while entry.meta.field.kind == "relation" do
        path[#path + 1] = entry.meta.field
        context:require_read(context:target(entry.meta.field))
        entry = one_entry(context, entry.node)
    end
    local field, last = entry.meta.field, path[#path]
    if last and last.link.kind == "own" and field.name == "id" then
        -- the row at hand holds that id
        field, path[#path] = last, nil
    end
    append(keys, field, entry.node.order.desc, path[1] and path or nil)
end

local function append_many(context, keys, node)
    local items = node.kind == "list" and node.items or { node }
    if #items > MAX_KEYS then
        context:refuse(errors.limit("keys of orderByMany", MAX_KEYS))
    end
    for _, item in ipairs(items) do append_asked(context, keys, item) end
end

-- Places --------------------------------------------------------------------

-- The LEFT JOINs that lead from the row under `alias` to the columns of all
-- keys, and the SQL of these columns, key → text.
local function reach(context, keys, alias)
    local joins, known, places = {}, {}, {}
    for _, key in ipairs(keys) do
        local near, trail = alias, ""
        for _, relation in ipairs(key.path or {}) do
            trail = trail .. "." .. relation.name
            if not known[trail] then
                known[trail] = context:alias()
                local from, tie =
                    filter.related(context, relation, near, known[trail])
                joins[#joins + 1] = " LEFT JOIN " .. from .. " ON " .. tie
            end
            near = known[trail]
        end
        places[key] = sql.column(near, key.column)
    end
    return table.concat(joins), places
end

--- The keys of a list of `model` whose rows stand under `alias`: by the enum
-- value `asked` ({field=, desc=}), by the NODE `many` of an orderByMany or,
-- without both, by the order that the model declares.
-- @treturn table keys
-- @treturn string joins that they need beside the table, or ""
function order.keys(context, model, alias, asked, many)
    local keys = {}
    if asked then
        append(keys, asked.field, asked.desc)
    elseif many then
        append_many(context, keys, many)
    else
        append_declared(keys, model)
    end
    append(keys, sql.id_field(model), false)
    local joins, places = reach(context, keys, alias)
    for _, key in ipairs(keys) do
        key.inner = places[key]
        key.outer = key.path and sql.column(alias, key.export) or key.inner
    end
    return keys, joins
end

--- ORDER BY of `keys` at "inner" or "outer".
function order.sql(keys, level, reversed)
    local parts = {}
    for i, key in ipairs(keys) do
        local desc = key.desc ~= (reversed or false)
        parts[i] = key[level]
            .. (desc and " DESC NULLS FIRST" or " ASC NULLS LAST")
    end
    return " ORDER BY " .. table.concat(parts, ", ")
end

-- Cursors -------------------------------------------------------------------

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
local function from_key(keys, i, level, value_at, after)
    local key = keys[i]
    local column, at = key[level], value_at(key)
    local greater = after ~= key.desc
    if i == #keys then return beyond(column, at, greater, false) end
    local rest = from_key(keys, i + 1, level, value_at, after)
    local strict = beyond(column, at, greater, not key.required)
    if key.required then
        -- the range first: an index on the key can start at the cursor
        return ("(%s%s%s AND (%s OR %s))"):format(column,
            greater and " >= " or " <= ", at, strict, rest)
    end
    return ("(%s OR (%s IS NOT DISTINCT FROM %s AND %s))")
        :format(strict, column, at, rest)
end

--- The row whose id is the SQL text `id`: a function key → SQL of its value,
-- which is NULL when there is no such row. It is read once.
function order.cursor(context, model, keys, id)
    local alias = context:alias()
    local joins, places = reach(context, keys, alias)
    local list, at = {}, {}
    for i, key in ipairs(keys) do
        list[i], at[key] = places[key] .. " AS k" .. i, "k" .. i
    end
    local name = context:table("SELECT " .. table.concat(list, ", ")
        .. " FROM " .. sql.table(model) .. " AS " .. alias .. joins
        .. " WHERE " .. sql.column(alias, "id") .. " = " .. id)
    return function(key)
        if not key then return "EXISTS (SELECT 1 FROM " .. name .. ")" end
        return "(SELECT " .. at[key] .. " FROM " .. name .. ")"
    end
end

--- The condition that keeps the rows after (or before) a cursor, a function of
-- order.cursor. Without such a row nothing is kept.
function order.beyond(keys, level, cursor, after)
    local condition = from_key(keys, 1, level, cursor, after)
    for _, key in ipairs(keys) do
        if not key.required then return cursor() .. " AND " .. condition end
    end
    return condition
end

return order
