--- Aggregates of rows: what is selected below `aggregate`, as SQL and shape.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.aggregate
local sql = require("lunette.orm.sql")
local types = require("lunette.graphql.types")

local aggregate = {}

-- GraphQL scalar of an aggregate → CTYPE of its column, which is also the PTYPE
-- of a value that it is compared with.
local TYPES = {
    Int = "int4", Long = "int8", Float = "float8", Decimal = "numeric",
    DateTime = "timestamptz", Date = "date", Time = "time", String = "text",
}
-- CTYPE → type of a field (lunette.orm.sql)
local FIELD_TYPES = {
    int4 = "int", int8 = "bigint", float8 = "float", numeric = "decimal",
    timestamptz = "datetime", date = "date", time = "time", text = "text",
}

--- The SQL of one aggregate over rows under `alias`.
-- @tparam string fn "count", "sum", "avg", "min" or "max"
-- @tparam ?table field
function aggregate.sql(fn, field, alias)
    if fn == "count" then return "count(*)" end
    local text = fn .. "(" .. sql.column(alias, field.column) .. ")"
    -- the average of integers is exact and has no end; a Float is what is asked
    if fn == "avg" and sql.result_type(field):match("^int") then
        text = text .. "::float8"
    end
    return text
end

--- A stand-in for a field with the type of the aggregate that `meta` names.
function aggregate.field(meta)
    return { type = FIELD_TYPES[TYPES[meta.scalar]],
        graphql = meta.field and meta.fn .. "_" .. meta.field.graphql
            or meta.fn }
end

-- Lists of aggregates -------------------------------------------------------

local List = {}
List.__index = List

--- Adds an aggregate, once; returns its column number, from 0.
function List:add(fn, field)
    local key = fn .. "." .. (field and field.name or "")
    if not self.at[key] then
        self[#self + 1] = { fn = fn, field = field }
        self.at[key] = #self
    end
    return self.at[key] - 1
end

--- The select list over rows under `alias`.
-- @tparam ?string wrap "ROW": all of it as one column
function List:sql(alias, wrap)
    local parts = {}
    for i, each in ipairs(self) do
        parts[i] = aggregate.sql(each.fn, each.field, alias)
    end
    local text = table.concat(parts, ", ")
    return wrap and wrap .. "(" .. text .. ")" or text
end

--- Notes the columns that the aggregates need of the rows of `scope`.
function List:need(scope)
    for _, each in ipairs(self) do
        if each.field then scope:column(each.field.column) end
    end
end

--- Whether there is nothing but the count, for which all rows are alike.
function List:is_count()
    for _, each in ipairs(self) do
        if each.fn ~= "count" then return false end
    end
    return true
end

local function shape_of(context, list, item)
    local shape = { fields = {} }
    for i, inner in ipairs(context.selections:of(item)) do
        local meta = inner.def.meta
        local made = { key = inner.key }
        if inner.name == "__typename" then
            made.json = '"' .. types.bottom(item.def.type) .. '"'
        elseif meta.what == "aggregates" then
            made.object = shape_of(context, list, inner)
        elseif meta.what == "aggregateOf" then
            made.type = TYPES[meta.scalar]
            made.col = list:add(meta.fn, meta.field)
        else
            made.type, made.col = "int8", list:add("count")
        end
        shape.fields[i] = made
    end
    return shape
end

--- A list without aggregates.
function aggregate.list()
    return setmetatable({ at = {} }, List)
end

--- Adds the aggregates below `item`, a field of type AggregateX, to `list`;
-- returns the shape of their object, whose columns are those of the list.
function aggregate.shape(context, list, item)
    return shape_of(context, list, item)
end

--- Moves the columns of a shape by `count`.
function aggregate.move(shape, count)
    for _, field in ipairs(shape.fields) do
        if field.col then field.col = field.col + count end
        if field.object then aggregate.move(field.object, count) end
    end
end

return aggregate
