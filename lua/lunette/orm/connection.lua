--- Connections: edges, page info and count of one list, in one row.
--
-- What is not selected is not read: a count alone fetches no rows, edges alone
-- are the list itself. As soon as two of them look at the same page, the page is
-- a CTE whose rows are numbered in the order in which they were taken.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.connection
local order = require("lunette.orm.order")
local select = require("lunette.orm.select")
local sql = require("lunette.orm.sql")
local window = require("lunette.orm.window")

local connection = {}

local NUMBER = '"#"'

-- Which of the parts are asked for, and whether they share a page.
local function survey(context, self)
    for _, item in ipairs(self.fields) do
        local what = item.def.meta.what
        if what then self.asks[what] = true end
        for _, inner in ipairs(what == "pageInfo"
            and context.selections:of(item) or {}) do
            local name = inner.name
            self.shared = self.shared or name == "startCursor"
                or name == "endCursor"
                or (name == "hasNextPage" and self.slice.first ~= nil)
                or (name == "hasPreviousPage" and self.slice.last ~= nil)
        end
    end
    self.shared = self.shared or (self.asks.edges and self.asks.aggregate
        and self.slice.paged)
end

-- Rows of the page without the one that only tells whether there are more.
local function page(self, alias, joins)
    local from = " FROM page AS " .. alias .. (joins or "")
    if not self.slice.limit then return from end
    return from .. " WHERE " .. alias .. "." .. NUMBER .. " <= "
        .. self.slice.limit
end

local function page_order(self, alias, backwards)
    local desc = self.slice.reversed ~= (backwards or false)
    return " ORDER BY " .. alias .. "." .. NUMBER
        .. (desc and " DESC" or " ASC")
end

-- Edges ---------------------------------------------------------------------

local function cursor(context, self, row, key)
    local ctype, suffix = sql.result_type(sql.id_field(self.model))
    local col = row:add(context, self.scope:column("id") .. suffix)
    return { key = key, col = col, type = ctype }
end

local function edge_shape(context, self, row, item)
    local shape = { fields = {} }
    for i, inner in ipairs(context.selections:of(item)) do
        local what = inner.def.meta.what
        if inner.name == "__typename" then
            shape.fields[i] = { key = inner.key,
                json = '"' .. self.model.name .. 'Edge"' }
        elseif what == "cursor" then
            shape.fields[i] = cursor(context, self, row, inner.key)
        else
            shape.fields[i] = { key = inner.key,
                object = select.object(context, self.scope, row,
                    context.selections:of(inner)) }
        end
    end
    return shape
end

local function edges(context, self, out, item)
    local row = select.row()
    local shape = edge_shape(context, self, row, item)
    local text
    if self.shared then
        local alias = self.scope.alias
        text = "SELECT " .. row:list("ROW")
            .. page(self, alias, table.concat(row.joins))
            .. page_order(self, alias)
    else
        text = select.window(self.scope, row, self.from, nil,
            self.slice, "ROW")
    end
    local col = out:add(context, "ARRAY(" .. text .. ")")
    return { key = item.key, records = shape, col = col }
end

-- Page info -----------------------------------------------------------------

local function page_cursor(context, self, out, key, backwards)
    local ctype, suffix = sql.result_type(sql.id_field(self.model))
    local alias = context:alias()
    self.scope:column("id")
    local text = "(SELECT " .. sql.column(alias, "id") .. suffix
        .. page(self, alias) .. page_order(self, alias, backwards)
        .. " LIMIT 1)"
    return { key = key, col = out:add(context, text), type = ctype }
end

local function more(context, out, key, limit)
    if not limit then return { key = key, json = "false" } end
    local text = "(SELECT count(*) > " .. limit .. " FROM page)"
    return { key = key, col = out:add(context, text), type = "bool" }
end

local PAGE_INFO = {
    __typename = function(_, _, _, key)
        return { key = key, json = '"PageInfo"' }
    end,
    hasNextPage = function(context, self, out, key)
        return more(context, out, key, self.slice.first)
    end,
    hasPreviousPage = function(context, self, out, key)
        return more(context, out, key, self.slice.last)
    end,
    startCursor = function(context, self, out, key)
        return page_cursor(context, self, out, key, false)
    end,
    endCursor = function(context, self, out, key)
        return page_cursor(context, self, out, key, true)
    end,
}

local function page_info(context, self, out, item)
    local shape = { fields = {} }
    for i, inner in ipairs(context.selections:of(item)) do
        shape.fields[i] = PAGE_INFO[inner.name](context, self, out, inner.key)
    end
    return { key = item.key, object = shape }
end

-- Aggregate -----------------------------------------------------------------

local function count_sql(context, self)
    if self.shared then
        return "(SELECT count(*)" .. page(self, context:alias()) .. ")"
    end
    local rows = " FROM " .. self.from .. select.where(nil, self.slice)
    if not self.slice.paged then return "(SELECT count(*)" .. rows .. ")" end
    return "(SELECT count(*) FROM (SELECT true" .. rows
        .. window.slice(self.slice) .. ") AS " .. self.scope.alias .. ")"
end

local function aggregate(context, self, out, item)
    local shape = { fields = {} }
    for i, inner in ipairs(context.selections:of(item)) do
        if inner.name == "__typename" then
            shape.fields[i] = { key = inner.key,
                json = '"Aggregate' .. self.model.name .. '"' }
        else
            shape.fields[i] = { key = inner.key, type = "int8",
                col = out:add(context, count_sql(context, self)) }
        end
    end
    return { key = item.key, object = shape }
end

-- Entry ---------------------------------------------------------------------

local PARTS = { edges = edges, pageInfo = page_info, aggregate = aggregate }

-- The CTE; called when all needed columns are known.
local function page_sql(self)
    local scope, slice = self.scope, self.slice
    select.need_order(scope, slice.keys)
    local extra = (slice.first or slice.last) and "::int8 + 1" or nil
    return "WITH page AS MATERIALIZED (SELECT " .. scope:list()
        .. ", row_number() OVER (" .. order.sql(slice.keys, scope.alias,
            slice.reversed):sub(2) .. ") AS " .. NUMBER .. " FROM ("
        .. select.inner(scope, self.from, nil, slice, extra) .. ") AS "
        .. scope.alias .. ") "
end

--- The statement of a connection field: SQL and the shape of its one row.
function connection.plan(context, model, item)
    local scope = select.scope(context, model)
    local self = {
        model = model, scope = scope, asks = {}, shared = false,
        from = sql.table(model) .. " AS " .. scope.alias,
        slice = window.of(context, model, context.selections:args(item),
            scope.alias),
        fields = context.selections:of(item),
    }
    survey(context, self)
    local out, shape = select.row(), { fields = {} }
    for i, part in ipairs(self.fields) do
        if part.name == "__typename" then
            shape.fields[i] = { key = part.key,
                json = '"' .. model.name .. 'Connection"' }
        else
            local plan = PARTS[part.def.meta.what]
            shape.fields[i] = plan(context, self, out, part)
        end
    end
    local with = self.shared and page_sql(self) or ""
    return with .. "SELECT " .. out:list(), shape
end

return connection
