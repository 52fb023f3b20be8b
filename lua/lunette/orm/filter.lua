--- Conditions from `where` arguments: one NODE tree becomes one SQL condition.
--
-- Conditions follow SQL's three-valued logic, as OpenCRUD's do: `f_not: x` does
-- not find rows whose `f` is null. `mode: insensitive` holds for the object
-- where it stands and all inside of it, until another mode; it is passed on as
-- `folded`.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.filter
local compare = require("lunette.orm.compare")
local errors = require("lunette.graphql.errors")
local sql = require("lunette.orm.sql")

local filter = {}

local FALSE, TRUE = "false", "true"

--- Adds the value of `node`, compared with `field`, and returns its SQL.
filter.value = compare.value

-- Relations -----------------------------------------------------------------

--- FROM and the condition that ties the rows of `field`'s target, under the
-- alias `near`, to a row of the model under `alias`.
function filter.related(context, field, alias, near)
    local target = context:target(field)
    local link, from = field.link, sql.table(target) .. " AS " .. near
    local id = sql.column(near, "id")
    if link.kind == "own" then
        return from, id .. " = " .. sql.column(alias, link.column)
    elseif link.kind == "foreign" then
        return from, sql.column(near, link.column) .. " = "
            .. sql.column(alias, "id")
    end
    local join = context:alias()
    return sql.table(link) .. " AS " .. join .. " JOIN " .. from .. " ON "
        .. id .. " = " .. sql.column(join, link.far),
        sql.column(join, link.near) .. " = " .. sql.column(alias, "id")
end

local function exists(from, tie, condition)
    if condition then tie = tie .. " AND " .. condition end
    return "EXISTS (SELECT 1 FROM " .. from .. " WHERE " .. tie .. ")"
end

local function to_one(context, field, alias, node, folded)
    local empty = node.kind == "object" and #node.fields == 0
    if field.link.kind == "own" and (empty or node.kind == "null") then
        return sql.column(alias, field.link.column)
            .. (empty and " IS NOT NULL" or " IS NULL")
    end
    local near = context:alias()
    local from, tie = filter.related(context, field, alias, near)
    local found = exists(from, tie,
        filter.condition(context, context:target(field), node, near, folded))
    return node.kind == "null" and "NOT " .. found or found
end

local function to_many(context, field, op, alias, node, folded)
    if node.kind == "null" then
        context:refuse(errors.to_many_null(field.graphql))
    end
    local near = context:alias()
    local from, tie = filter.related(context, field, alias, near)
    local condition =
        filter.condition(context, context:target(field), node, near, folded)
    if op == "some" then return exists(from, tie, condition) end
    if op == "none" then return "NOT " .. exists(from, tie, condition) end
    if not condition then return TRUE end
    -- a child for which the condition is unknown does not satisfy it
    return "NOT " .. exists(from, tie, "(" .. condition .. ") IS NOT TRUE")
end

local function relation(context, meta, alias, node, folded)
    local field = meta.field
    context:require_read(context:target(field))
    if meta.op == "is" then
        return to_one(context, field, alias, node, folded)
    end
    return to_many(context, field, meta.op, alias, node, folded)
end

-- AND, OR, NOT --------------------------------------------------------------

local BOOL = {}

function BOOL.AND(items, condition_of)
    local parts = {}
    for _, item in ipairs(items) do parts[#parts + 1] = condition_of(item) end
    return sql.all(parts)
end

function BOOL.OR(items, condition_of)
    local parts = {}
    for i, item in ipairs(items) do
        local condition = condition_of(item)
        parts[i] = condition and "(" .. condition .. ")" or TRUE
    end
    if #parts == 0 then return FALSE end
    return "(" .. table.concat(parts, " OR ") .. ")"
end

-- NOT: [a, b] is neither a nor b.
function BOOL.NOT(items, condition_of)
    local parts = {}
    for _, item in ipairs(items) do
        local condition = condition_of(item)
        parts[#parts + 1] = condition and "NOT (" .. condition .. ")" or FALSE
    end
    return sql.all(parts)
end

--- The condition of an AND, OR or NOT (`op`) whose operands stand in `node`;
-- `condition_of(item)` gives that of one, nil when every row fits.
function filter.combine(op, node, condition_of)
    if node.kind == "null" then return nil end
    return BOOL[op](node.kind == "list" and node.items or { node },
        condition_of)
end

-- Entry ---------------------------------------------------------------------

-- The mode that holds inside of an object.
local function mode(node, folded)
    for _, entry in ipairs(node.fields) do
        if entry.meta.what == "mode" and entry.node.kind == "enum" then
            return entry.node.value == "insensitive"
        end
    end
    return folded
end

local function one(context, model, meta, node, alias, folded)
    if node.kind == "absent" or meta.what == "mode" then return nil end
    if meta.what == "bool" then
        return filter.combine(meta.op, node, function(item)
            return filter.condition(context, model, item, alias, folded)
        end)
    elseif meta.what == "relation" then
        return relation(context, meta, alias, node, folded)
    end
    local field = meta.field
    local column = sql.column(alias, field.column)
    if meta.what == "path" then
        return compare.path(context, field, column, node, folded)
    end
    return compare.scalar(context, field, meta.op, column, node, folded)
end

--- The condition of `node` (a where or scalarWhere object) for the rows of
-- `model` under `alias`; nil when every row fits. Adds its parameters to
-- `context` and refuses what the caller may not ask.
-- @tparam ?boolean folded upper and lower case are the same
function filter.condition(context, model, node, alias, folded)
    if not node or node.kind ~= "object" then return nil end
    folded = mode(node, folded)
    local parts = {}
    for _, entry in ipairs(node.fields) do
        parts[#parts + 1] =
            one(context, model, entry.meta, entry.node, alias, folded)
    end
    return sql.all(parts)
end

local function given(node)
    local found, count
    for _, entry in ipairs(node.kind == "object" and node.fields or {}) do
        if entry.node.kind ~= "absent" and entry.node.kind ~= "null" then
            found, count = found or entry, (count or 0) + 1
        end
    end
    return found, count or 0
end

--- The unique field and its value in a whereUnique object: FIELD, NODE.
-- Refuses with 3040 when none is given and 3045 when more than one is.
function filter.unique(context, model, node)
    local found, count = given(node)
    if count == 0 then context:refuse(errors.no_unique(model.name)) end
    if count > 1 then context:refuse(errors.many_unique(model.name)) end
    return found.meta.field, found.node
end

return filter
