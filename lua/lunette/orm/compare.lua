--- Comparisons of one value: operators of filters on scalars, lists and Json.
--
-- The texts sought by `_contains` and its like go through functions that know
-- no wildcards, so nothing has to be escaped.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.compare
local sql = require("lunette.orm.sql")

local compare = {}

local UNKNOWN = "NULL::bool"

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
function compare.value(context, field, node)
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
            .. compare.value(context, field, node)
    end
    return "(" .. column .. " = ANY(" .. list_value(context, field, node)
        .. ")) IS NOT TRUE"
end

-- Text without upper and lower case.
local FOLDED = {
    eq = "%s = %s", ["not"] = "%s <> %s", lt = "%s < %s", lte = "%s <= %s",
    gt = "%s > %s", gte = "%s >= %s",
}
local FOLDED_LISTS = { ["in"] = "%s = ANY(%s)", not_in = "%s <> ALL(%s)" }

local function folded_text(context, field, op, column, node)
    column = sql.fold(column)
    if FOLDED_LISTS[op] then
        local list = ("ARRAY(SELECT %s FROM unnest(%s) AS v)"):format(
            sql.fold("v"), list_value(context, field, node))
        return FOLDED_LISTS[op]:format(column, list)
    end
    local value = sql.fold(compare.value(context, field, node))
    if FOLDED[op] then return FOLDED[op]:format(column, value) end
    local negated = op:match("^not_(.+)$")
    local condition = TEXT_OPS[negated or op](column, value)
    return negated and "NOT (" .. condition .. ")" or condition
end

local function text_match(context, field, op, column, node)
    local negated = op:match("^not_(.+)$")
    local text = column
    if field.type == "uuid" or field.type == "id"
        and field.id_type ~= "text" then
        text = column .. "::text"
    end
    local value = context:param(param_of(field, node,
        field.scalar == "ID" and "id" or "text"))
    local condition = TEXT_OPS[negated or op](text, value)
    return negated and "NOT (" .. condition .. ")" or condition
end

local SPECIAL = {}

function SPECIAL.has(context, field, column, node)
    return column .. " @> ARRAY[" .. compare.value(context, field, node) .. "]"
end

function SPECIAL.has_every(context, field, column, node)
    return column .. " @> " .. list_value(context, field, node)
end

function SPECIAL.has_some(context, field, column, node)
    return column .. " && " .. list_value(context, field, node)
end

local function bool_value(context, name, node)
    return context:param { type = "bool", src = source_of(node), name = name }
end

function SPECIAL.is_empty(context, field, column, node)
    return "(cardinality(" .. column .. ") = 0) = "
        .. bool_value(context, field.graphql, node)
end

function SPECIAL.json_contains(context, field, column, node)
    return column .. " @> " .. compare.value(context, field, node)
end

function SPECIAL.has_key(context, field, column, node)
    return column .. " ? " .. context:param { type = "text",
        src = source_of(node), name = field.graphql }
end

--- The condition that the SQL text `column` fits `op` and the value of `node`,
-- both of the type of `field` (a field, or {type=, graphql=}).
-- @tparam ?boolean folded upper and lower case are the same
function compare.scalar(context, field, op, column, node, folded)
    if node.kind == "null" then
        return NULL_FORMS[op] and column .. NULL_FORMS[op] or UNKNOWN
    elseif SPECIAL[op] then
        return SPECIAL[op](context, field, column, node)
    elseif folded and field.type == "text" then
        return folded_text(context, field, op, column, node)
    elseif field.type == "id" and (op == "not" or op == "not_in") then
        return excluding_id(context, field, op, column, node)
    elseif op == "eq" then
        return column .. " = " .. compare.value(context, field, node)
    elseif op == "not" then
        return column .. " <> " .. compare.value(context, field, node)
    elseif op == "in" then
        return column .. " = ANY(" .. list_value(context, field, node) .. ")"
    elseif op == "not_in" then
        return column .. " <> ALL(" .. list_value(context, field, node) .. ")"
    elseif COMPARE[op] then
        return column .. COMPARE[op] .. compare.value(context, field, node)
    end
    return text_match(context, field, op, column, node)
end

-- Paths of Json -------------------------------------------------------------

local AT_PATH = {
    text = "(CASE jsonb_typeof(%s) WHEN 'string' THEN %s #>> '{}' END)",
    number = "(CASE jsonb_typeof(%s) WHEN 'number' THEN (%s)::numeric END)",
    bool = "(CASE jsonb_typeof(%s) WHEN 'boolean' THEN (%s)::bool END)",
}

local PATH_OPS = {}

function PATH_OPS.exists(context, field, place, node)
    return "(" .. place .. " IS NOT NULL) = "
        .. bool_value(context, field.graphql, node)
end

function PATH_OPS.equals(context, field, place, node)
    return place .. " = " .. compare.value(context, field, node)
end

function PATH_OPS.contains(context, field, place, node)
    return place .. " @> " .. compare.value(context, field, node)
end

local function at_path(context, field, find_place, entry, folded)
    local meta, node = entry.meta, entry.node
    local compared = meta.what == "filter"
    if node.kind == "null" and not (compared and NULL_FORMS[meta.op]) then
        return UNKNOWN
    end
    local place = find_place()
    if not compared then
        return PATH_OPS[meta.what](context, field, place, node)
    end
    return compare.scalar(context, meta.field, meta.op,
        AT_PATH[meta.field.graphql]:format(place, place), node, folded)
end

--- The condition on what stands at a path of a Json field; nil when nothing is
-- asked of it. Without anything there, or with something of another type, the
-- answer is unknown, as for a null field.
function compare.path(context, field, column, node, folded)
    if node.kind == "null" then return UNKNOWN end
    local place, parts = nil, {}
    -- a parameter that nothing uses would have no type: only when it is needed
    local function find_place()
        place = place or "(" .. column .. " #> " .. list_value(context,
            { type = "text", graphql = "path" }, node.by.path) .. ")"
        return place
    end
    for _, entry in ipairs(node.fields) do
        if entry.meta.what ~= "path" and entry.node.kind ~= "absent" then
            parts[#parts + 1] =
                at_path(context, field, find_place, entry, folded)
        end
    end
    return sql.all(parts)
end

return compare
