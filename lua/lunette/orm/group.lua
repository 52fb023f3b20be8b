--- Groups: rows with equal keys, and aggregates of each such group.
--
-- Objects that hang on a key (`key { partner { name } }`) are joined to the
-- groups, after these were sorted and cut.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.group
local aggregate = require("lunette.orm.aggregate")
local compare = require("lunette.orm.compare")
local errors = require("lunette.graphql.errors")
local filter = require("lunette.orm.filter")
local select = require("lunette.orm.select")
local sql = require("lunette.orm.sql")
local types = require("lunette.graphql.types")
local window = require("lunette.orm.window")

local group = {}

local function typename(item, inner)
    return { key = inner.key,
        json = '"' .. types.bottom(item.def.type) .. '"' }
end

-- Keys ----------------------------------------------------------------------

local function column_of(field)
    return field.kind == "relation" and field.link.column or field.column
end

local function grouped_columns(context, node)
    local columns = window.columns(node)
    if #columns == 0 then
        context:refuse(errors.arguments("'by' needs at least one field."))
    end
    for _, column in ipairs(columns) do columns[column] = true end
    return columns
end

-- The shape of a `key`: fields of the row, as far as all rows of a group agree
-- on them.
local function key_shape(context, self, row, item)
    local shape = { fields = {} }
    for i, inner in ipairs(context.selections:of(item)) do
        if inner.name == "__typename" then
            shape.fields[i] = typename(item, inner)
        elseif not self.columns[column_of(inner.def.meta.field)] then
            context:refuse(errors.arguments(("The key '%s' is not in 'by'.")
                :format(inner.name)))
        else
            shape.fields[i] =
                select.object(context, self.scope, row, { inner }).fields[1]
        end
    end
    return shape
end

-- Having --------------------------------------------------------------------

local function having(context, node, alias)
    if not node or node.kind ~= "object" then return nil end
    local parts = {}
    for _, entry in ipairs(node.fields) do
        local meta = entry.meta
        if meta.what == "bool" and entry.node.kind ~= "absent" then
            parts[#parts + 1] = filter.combine(meta.op, entry.node,
                function(item) return having(context, item, alias) end)
        elseif meta.what == "having" and entry.node.kind ~= "absent" then
            parts[#parts + 1] = compare.scalar(context, aggregate.field(meta),
                meta.op, aggregate.sql(meta.fn, meta.field, alias), entry.node)
        end
    end
    return sql.all(parts)
end

-- Order ---------------------------------------------------------------------

local function term(expression, desc)
    return expression .. (desc and " DESC NULLS FIRST" or " ASC NULLS LAST")
end

-- The entries {fn=, field=, desc=} that are asked for, and all keys, so that
-- the order of groups is never left open.
local function asked_order(self, node)
    local entries, seen = {}, {}
    local function add(entry, column)
        if column and seen[column] then return end
        if column then seen[column] = true end
        entries[#entries + 1] =
            { fn = entry.fn, field = entry.field, column = column,
                desc = entry.desc }
    end
    local items = node and (node.kind == "list" and node.items or { node })
    for _, item in ipairs(items or {}) do
        local entry = item.order
        if entry then
            add(entry, entry.fn == "key" and column_of(entry.field) or nil)
        end
    end
    for _, column in ipairs(self.columns) do add({ fn = "key" }, column) end
    return entries
end

local function order_sql(context, self, expression_of)
    local parts = {}
    for i, entry in ipairs(self.order) do
        local text
        if entry.fn ~= "key" then
            text = expression_of(entry.fn, entry.field)
        elseif not self.columns[entry.column] then
            context:refuse(errors.arguments(("The key '%s' is not in 'by'.")
                :format(entry.field.graphql)))
        else
            text = sql.column(self.scope.alias, entry.column)
        end
        parts[i] = term(text, entry.desc)
    end
    return " ORDER BY " .. table.concat(parts, ", ")
end

-- Statements ----------------------------------------------------------------

local function inline(self)
    return function(fn, field)
        return aggregate.sql(fn, field, self.scope.alias)
    end
end

-- Everything after the select list of the SELECT that groups.
local function grouped(context, self)
    local alias, keys = self.scope.alias, {}
    for i, column in ipairs(self.columns) do
        keys[i] = sql.column(alias, column)
    end
    return " FROM " .. sql.table(self.scope.model) .. " AS " .. alias
        .. (self.filter and " WHERE " .. self.filter or "")
        .. " GROUP BY " .. table.concat(keys, ", ")
        .. (self.having and " HAVING " .. self.having or "")
        .. order_sql(context, self, inline(self)) .. window.slice(self)
end

-- The groups with aggregates as columns "#0", "#1" and so on.
local function derived(context, self, list)
    local alias = self.scope.alias
    local parts = {}
    for i, column in ipairs(self.columns) do
        parts[i] = sql.column(alias, column)
    end
    for at, each in ipairs(list) do
        parts[#parts + 1] = ('%s AS "#%d"'):format(
            aggregate.sql(each.fn, each.field, alias), at - 1)
    end
    return "(SELECT " .. table.concat(parts, ", ") .. grouped(context, self)
        .. ") AS " .. alias
end

local function exported(self, list)
    return function(fn, field)
        return sql.column(self.scope.alias, "#" .. list:add(fn, field))
    end
end

-- Adds the aggregates to the row; returns where each stands.
local function add_aggregates(context, row, list, expression_of)
    local cols = {}
    for i, each in ipairs(list) do
        cols[i - 1] = row:add(context, expression_of(each.fn, each.field))
    end
    return cols
end

local function place(shape, cols)
    for _, field in ipairs(shape.fields) do
        if field.col then field.col = cols[field.col] end
        if field.object then place(field.object, cols) end
    end
end

local function statement(context, self, row, list)
    local joined = row.joins[1] or row.nested
    if not joined then
        local cols = add_aggregates(context, row, list, inline(self))
        return "SELECT " .. row:list() .. grouped(context, self), cols
    end
    local order = order_sql(context, self, exported(self, list))
    local cols = add_aggregates(context, row, list, exported(self, list))
    return "SELECT " .. row:list() .. " FROM " .. derived(context, self, list)
        .. table.concat(row.joins) .. order, cols
end

-- Entry ---------------------------------------------------------------------

local function survey(context, model, args)
    local self = { scope = select.scope(context, model) }
    local alias = self.scope.alias
    self.columns = grouped_columns(context, args.by)
    self.filter = filter.condition(context, model, args.where, alias)
    self.having = having(context, args.having, alias)
    self.order = asked_order(self, args.orderBy)
    self.limit = window.count_param(context, args, "first")
    self.offset = window.count_param(context, args, "skip")
    return self
end

--- The statement of a groupBy field: SQL and the shape of a row.
function group.plan(context, model, item)
    local self = survey(context, model, context.selections:args(item))
    local row, list = select.row(), aggregate.list()
    local shape, aggregates = { fields = {} }, {}
    for i, inner in ipairs(context.selections:of(item)) do
        local what = inner.def.meta.what
        if inner.name == "__typename" then
            shape.fields[i] = typename(item, inner)
        elseif what == "groupKey" then
            shape.fields[i] = { key = inner.key,
                object = key_shape(context, self, row, inner) }
        else
            local object = aggregate.shape(context, list, inner)
            aggregates[#aggregates + 1] = object
            shape.fields[i] = { key = inner.key, object = object }
        end
    end
    local text, cols = statement(context, self, row, list)
    for _, object in ipairs(aggregates) do place(object, cols) end
    return text, shape
end

return group
