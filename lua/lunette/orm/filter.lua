--- Conditions from `where` arguments: one NODE tree becomes one SQL condition.
--
-- Conditions follow SQL's three-valued logic, as OpenCRUD's do: `f_not: x` does
-- not find rows whose `f` is null. The texts sought by `_contains` and its like
-- go through functions that know no wildcards, so nothing has to be escaped.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.filter
local errors = require("lunette.graphql.errors")
local sql = require("lunette.orm.sql")

local filter = {}

local FALSE, TRUE, UNKNOWN = "false", "true", "NULL::bool"

-- Scalars -------------------------------------------------------------------

local COMPARE = { lt = " < ", lte = " <= ", gt = " > ", gte = " >= " }

local TEXT_OPS = {
    contains = function(column, value)
        return "strpos(" .. column .. ", " .. value .. ") > 0"
    end,
    starts_with = function(column, value)
        return "starts_with(" .. column .. ", " .. value .. ")"
    end,
    ends_with = function(column, value)
        return ("right(%s, length(%s)) = %s"):format(column, value, value)
    end,
}

local NULL_FORMS = {
    eq = " IS NULL", ["in"] = " IS NULL",
    ["not"] = " IS NOT NULL", not_in = " IS NOT NULL",
}

local function source_of(node)
    if node.src then return node.src end
    if node.kind == "enum" then return { const = node.value } end
    return { const = tostring(node.value) }
end

local function param_of(field, node, ptype)
    local param = { type = ptype, src = source_of(node), name = field.graphql }
    if ptype == "enum" then
        param.values, param.enum = field.values, field.enum
    end
    -- an id that cannot be one is an id that nothing has
    if field.type == "id" and ptype ~= "id" then
        param.invalid = "null"
    end
    return param
end

--- Adds the value of `node`, compared with `field`, and returns its SQL.
function filter.value(context, field, node)
    return context:param(param_of(field, node, sql.compared_type(field)))
end

local function list_value(context, field, node)
    local param = param_of(field, node, sql.compared_type(field))
    param.list = true
    if node.kind == "list" then
        local items = {}
        for i, item in ipairs(node.items) do items[i] = source_of(item) end
        param.src = { list = items }
    elseif node.kind ~= "scalars" then
        param.src = { list = { source_of(node) } }
    end
    return context:param(param)
end

-- `_not` and `_not_in` on an id: a malformed id (bound as NULL) excludes no row.
local function excluding_id(context, field, op, column, node)
    if op == "not" then
        return column .. " IS DISTINCT FROM "
            .. filter.value(context, field, node)
    end
    return "(" .. column .. " = ANY(" .. list_value(context, field, node)
        .. ")) IS NOT TRUE"
end

local function text_match(context, field, op, column, node)
    local negated = op:match("^not_(.+)$")
    local text = column
    if field.type == "id" and field.id_type ~= "text" then
        text = column .. "::text"
    end
    local value = context:param(param_of(field, node,
        field.type == "id" and "id" or "text"))
    local condition = TEXT_OPS[negated or op](text, value)
    return negated and "NOT (" .. condition .. ")" or condition
end

local function scalar(context, field, op, column, node)
    if node.kind == "null" then
        return NULL_FORMS[op] and column .. NULL_FORMS[op] or UNKNOWN
    elseif field.type == "id" and (op == "not" or op == "not_in") then
        return excluding_id(context, field, op, column, node)
    elseif op == "eq" then
        return column .. " = " .. filter.value(context, field, node)
    elseif op == "not" then
        return column .. " <> " .. filter.value(context, field, node)
    elseif op == "in" then
        return column .. " = ANY(" .. list_value(context, field, node) .. ")"
    elseif op == "not_in" then
        return column .. " <> ALL(" .. list_value(context, field, node) .. ")"
    elseif COMPARE[op] then
        return column .. COMPARE[op] .. filter.value(context, field, node)
    end
    return text_match(context, field, op, column, node)
end

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

local function to_one(context, field, alias, node)
    local empty = node.kind == "object" and #node.fields == 0
    if field.link.kind == "own" and (empty or node.kind == "null") then
        return sql.column(alias, field.link.column)
            .. (empty and " IS NOT NULL" or " IS NULL")
    end
    local near = context:alias()
    local from, tie = filter.related(context, field, alias, near)
    local found = exists(from, tie,
        filter.condition(context, context:target(field), node, near))
    return node.kind == "null" and "NOT " .. found or found
end

local function to_many(context, field, op, alias, node)
    if node.kind == "null" then
        context:refuse(errors.to_many_null(field.graphql))
    end
    local near = context:alias()
    local from, tie = filter.related(context, field, alias, near)
    local condition =
        filter.condition(context, context:target(field), node, near)
    if op == "some" then return exists(from, tie, condition) end
    if op == "none" then return "NOT " .. exists(from, tie, condition) end
    if not condition then return TRUE end
    -- a child for which the condition is unknown does not satisfy it
    return "NOT " .. exists(from, tie, "(" .. condition .. ") IS NOT TRUE")
end

local function relation(context, meta, alias, node)
    local field = meta.field
    context:require_read(context:target(field))
    if meta.op == "is" then return to_one(context, field, alias, node) end
    return to_many(context, field, meta.op, alias, node)
end

-- AND, OR, NOT --------------------------------------------------------------

local function operands(node)
    return node.kind == "list" and node.items or { node }
end

local function conjunction(context, model, node, alias)
    local parts = {}
    for _, item in ipairs(operands(node)) do
        parts[#parts + 1] = filter.condition(context, model, item, alias)
    end
    return sql.all(parts)
end

local function disjunction(context, model, node, alias)
    local parts = {}
    for i, item in ipairs(operands(node)) do
        local condition = filter.condition(context, model, item, alias)
        parts[i] = condition and "(" .. condition .. ")" or TRUE
    end
    if #parts == 0 then return FALSE end
    return "(" .. table.concat(parts, " OR ") .. ")"
end

-- NOT: [a, b] is neither a nor b.
local function negation(context, model, node, alias)
    local parts = {}
    for _, item in ipairs(operands(node)) do
        local condition = filter.condition(context, model, item, alias)
        parts[#parts + 1] = condition and "NOT (" .. condition .. ")" or FALSE
    end
    return sql.all(parts)
end

local BOOL = { AND = conjunction, OR = disjunction, NOT = negation }

-- Entry ---------------------------------------------------------------------

local function one(context, model, meta, node, alias)
    if node.kind == "absent" then return nil end
    if meta.what == "bool" then
        if node.kind == "null" then return nil end
        return BOOL[meta.op](context, model, node, alias)
    elseif meta.what == "relation" then
        return relation(context, meta, alias, node)
    end
    local field = meta.field
    return scalar(context, field, meta.op, sql.column(alias, field.column),
        node)
end

--- The condition of `node` (a where or scalarWhere object) for the rows of
-- `model` under `alias`; nil when every row fits. Adds its parameters to
-- `context` and refuses what the caller may not ask.
function filter.condition(context, model, node, alias)
    if not node or node.kind ~= "object" then return nil end
    local parts = {}
    for _, entry in ipairs(node.fields) do
        parts[#parts + 1] = one(context, model, entry.meta, entry.node, alias)
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
