--- Plans of reads: one prepared statement per root field, however deep.
--
-- The plan is plain data (see orm/compile.lua): SQL, where each parameter
-- comes from, and the shape that turns columns into JSON.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.read
local connection = require("lunette.orm.connection")
local filter = require("lunette.orm.filter")
local group = require("lunette.orm.group")
local merge = require("lunette.orm.merge")
local select = require("lunette.orm.select")
local sql = require("lunette.orm.sql")
local window = require("lunette.orm.window")

local read = {}

local function statement(context, text, result)
    return { kind = "sql", sql = context:statement(text),
        params = context.params, result = result }
end

local function one(context, model, item)
    local args = context.selections:args(item)
    local field, node = filter.unique(context, model, args.where)
    local scope = select.scope(context, model)
    local value = filter.value(context, field, node)
    local condition = scope:column(field.column) .. " = " .. value
    local text, shape = select.one(context, scope, condition,
        context.selections:of(item))
    local plan = statement(context, text, { kind = "row", of = shape })
    plan.merged = merge.of(plan.sql, context.params)
    return plan
end

local function list(context, model, item)
    local scope = select.scope(context, model)
    local slice = window.of(context, model, context.selections:args(item),
        scope.alias)
    local from = sql.table(model) .. " AS " .. scope.alias
    local text, shape = select.rows(context, scope, from, nil, slice,
        context.selections:of(item))
    return statement(context, text, { kind = "rows", of = shape })
end

local function connected(context, model, item)
    local text, shape, kind = connection.plan(context, model, item)
    return statement(context, text, { kind = kind, of = shape })
end

-- The models that `node` may answer with.
local function nodes(context)
    local found = {}
    for _, model in ipairs(context.service.set.models) do
        if context:can_read(model) and context.schema:is_node(model) then
            found[#found + 1] = model
        end
    end
    return found
end

-- One statement over all models, each joined to a single empty row. Ids of one
-- type share a parameter; the shape is that of the model which was found.
local function node(context, _, item)
    local id = context.selections:args(item).id
    local row, shapes, values = select.row(), {}, {}
    for i, model in ipairs(nodes(context)) do
        local scope, field = select.scope(context, model), sql.id_field(model)
        local ptype = sql.compared_type(field)
        values[ptype] = values[ptype] or filter.value(context, field, id)
        local from = sql.table(model) .. " AS " .. scope.alias
        local condition = sql.column(scope.alias, "id") .. " = "
            .. values[ptype]
        local shape, present = select.join(context, row, scope, from,
            condition, context.selections:of(item, model.name))
        shape.present = present
        shapes[i] = shape
    end
    if #shapes == 0 then return { kind = "const", json = "null" } end
    return statement(context, "SELECT " .. row:list() .. " FROM (SELECT 1) AS "
        .. context:alias() .. table.concat(row.joins),
        { kind = "variants", of = shapes })
end

local function groups(context, model, item)
    local text, shape = group.plan(context, model, item)
    return statement(context, text, { kind = "rows", of = shape })
end

local PLANS = { one = one, list = list, connection = connected, node = node,
    groupBy = groups }

--- Plans a root field of the query.
-- @tparam table context of this root field
-- @tparam table item merged field (graphql/selections.lua)
-- @treturn table PFIELD without its response key
function read.field(context, item)
    local meta = item.def.meta
    if meta.model then context:require_read(meta.model) end
    return PLANS[meta.what](context, meta.model, item)
end

--- The selection of one record by id, for the result of a write: parameter 1
-- is the id; further ones are those of the arguments inside the selection.
-- @tparam table context a fresh one
-- @tparam table model
-- @tparam table fields merged selection of the model's type
-- @treturn table {sql=, params=, result=}; params[1].src is {id=true}
function read.selection(context, model, fields)
    context:require_read(model)
    local ptype = sql.parameter_type(sql.id_field(model))
    local id = context:param { type = ptype, src = { id = true } }
    local scope = select.scope(context, model)
    local text, shape =
        select.one(context, scope, scope:column("id") .. " = " .. id, fields)
    return { sql = context:statement(text), params = context.params,
        result = { kind = "row", of = shape } }
end

--- The selection of records by their ids, in the order of these; parameter 1 is
-- an array of ids. As read.selection.
function read.selections(context, model, fields)
    context:require_read(model)
    local scope, row = select.scope(context, model), select.row()
    local id = sql.id_field(model)
    local ids = context:param { type = sql.parameter_type(id), list = true,
        src = { id = true } }
    local shape = select.object(context, scope, row, fields)
    return {
        sql = context:statement(("SELECT %s FROM unnest(%s) WITH ORDINALITY AS"
            .. " k(id, n) JOIN %s AS %s ON %s = k.id%s ORDER BY k.n"):format(
            row:list(), ids, sql.table(model), scope.alias,
            sql.column(scope.alias, "id"), table.concat(row.joins))),
        params = context.params, result = { kind = "rows", of = shape },
    }
end

return read
