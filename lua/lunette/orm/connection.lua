--- Connections: edges, page info and aggregates of one list, in one row.
--
-- What is not selected is not read: a count alone fetches no rows, edges alone
-- are the list itself, and whether there is a next page is told by one row too
-- many: of the list itself, from which the host makes the page where it knows its
-- size, or of an array of which the edges are the front. As soon as anything else
-- looks at the same page, the page is a CTE whose rows are numbered in the order
-- in which they were taken; that costs PostgreSQL half as much again. The
-- connection of a relation is the same inside of a scalar sub-select; the page
-- of an inner one hides that of the outer.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.connection
local aggregate = require("lunette.orm.aggregate")
local order = require("lunette.orm.order")
local select = require("lunette.orm.select")
local sql = require("lunette.orm.sql")
local window = require("lunette.orm.window")

local connection = {}

local NUMBER = '"#"'
-- Added to a limit to find out whether there is more.
local ONE_MORE = "::int8 + 1"

-- Which of the parts are asked for, whether they share a page, and whether that
-- may be the array with one row too many, or even the list.
local function survey(context, self)
    local asks, slice, counted = self.asks, self.slice, false
    for _, item in ipairs(self.fields) do
        local what = item.def.meta.what
        if what then asks[what] = (asks[what] or 0) + 1 end
        for _, inner in ipairs(what == "pageInfo"
            and context.selections:of(item) or {}) do
            local name = inner.name
            counted = counted or (name == "hasNextPage" and slice.first ~= nil)
            self.shared = self.shared or name == "startCursor"
                or name == "endCursor"
                or (name == "hasPreviousPage" and slice.last ~= nil)
        end
    end
    self.shared = self.shared
        or (asks.edges and asks.aggregate and slice.paged)
        or (counted and asks.edges ~= 1)
    self.array = counted and not self.shared
    self.list = self.array and slice.size and not asks.aggregate
        and not slice.offset and not next(slice.behind)
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

-- A cursor is a text, also where the id is a number.
local function cursor_type(model)
    local ctype, suffix = sql.result_type(sql.id_field(model))
    if ctype == "int8" then return "text", "::text" end
    return ctype, suffix
end

local function cursor(context, self, row, key)
    local ctype, suffix = cursor_type(self.model)
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
    if self.list then
        self.rows = select.window(self.scope, row, self.from, self.tie,
            self.slice, nil, ONE_MORE)
        return { key = item.key, rows = shape, limit = self.slice.size }
    elseif self.array then
        self.rows = select.window(self.scope, row, self.from, self.tie,
            self.slice, "ROW", ONE_MORE)
        return { key = item.key, records = shape, col = out:add(context,
            "page.rows[1:" .. self.slice.first .. "]") }
    end
    local text
    if self.shared then
        local alias = self.scope.alias
        text = "SELECT " .. row:list("ROW")
            .. page(self, alias, table.concat(row.joins))
            .. page_order(self, alias)
    else
        text = select.window(self.scope, row, self.from, self.tie,
            self.slice, "ROW")
    end
    local col = out:add(context, "ARRAY(" .. text .. ")")
    return { key = item.key, records = shape, col = col }
end

-- Page info -----------------------------------------------------------------

local function page_cursor(context, self, out, key, backwards)
    local ctype, suffix = cursor_type(self.model)
    local alias = context:alias()
    self.scope:column("id")
    local text = "(SELECT " .. sql.column(alias, "id") .. suffix
        .. page(self, alias) .. page_order(self, alias, backwards)
        .. " LIMIT 1)"
    return { key = key, col = out:add(context, text), type = ctype }
end

-- Whether a cursor cuts rows off. Without a filter its own row is one of them.
local function behind(self, out, name)
    local cut = self.slice.behind[name]
    if not cut then return end
    if not (self.slice.filter or self.tie or self.slice.distinct) then
        out[#out + 1] = cut.exists
        return
    end
    for _, condition in ipairs { cut.itself, cut.farther } do
        out[#out + 1] = "EXISTS (SELECT 1 FROM " .. select.source(self.scope,
            self.from, self.tie, self.slice, nil, { condition }) .. ")"
    end
end

-- Whether rows were skipped.
local function skipped(self, out)
    if not self.slice.offset then return end
    local rows = select.source(self.scope, self.from, self.tie, self.slice)
    out[#out + 1] = "(" .. self.slice.offset
        .. " > 0 AND EXISTS (SELECT 1 FROM " .. rows .. "))"
end

-- Whether the list goes on beyond the page. `limit` is the page's when it is
-- cut on this side. The reference looks no further than that; else a cursor on
-- this side, and rows skipped where the page begins, tell too.
local function more(context, self, out, key, limit, side, begins)
    local parts = {}
    if limit and self.list then return { key = key, limit = self.slice.size } end
    if limit and self.array then
        parts[1] = "cardinality(page.rows) > " .. limit
    elseif limit then
        parts[1] = "(SELECT count(*) > " .. limit .. " FROM page)"
    end
    if not context.service.strict then
        if begins then skipped(self, parts) end
        behind(self, parts, side)
    end
    if #parts == 0 then return { key = key, json = "false" } end
    local text = table.concat(parts, " OR ")
    if #parts > 1 then text = "(" .. text .. ")" end
    return { key = key, col = out:add(context, text), type = "bool" }
end

local PAGE_INFO = {
    __typename = function(_, _, _, key)
        return { key = key, json = '"PageInfo"' }
    end,
    hasNextPage = function(context, self, out, key)
        return more(context, self, out, key, self.slice.first, "before",
            self.slice.reversed)
    end,
    hasPreviousPage = function(context, self, out, key)
        return more(context, self, out, key, self.slice.last, "after",
            not self.slice.reversed)
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

-- Reads `list` (of lunette.orm.aggregate) off the rows of the page.
local function aggregate_sql(context, self, list, wrap)
    local slice, scope = self.slice, self.scope
    local alias = self.shared and context:alias() or scope.alias
    local head = "(SELECT " .. list:sql(alias, wrap)
    if self.shared then
        list:need(scope)
        return head .. page(self, alias) .. ")"
    elseif not slice.paged then
        list:need(scope)
        return head .. " FROM " .. select.source(scope, self.from, self.tie,
            slice) .. ")"
    elseif list:is_count() then
        return head .. " FROM (SELECT true FROM " .. select.source(scope,
            self.from, self.tie, slice) .. window.slice(slice) .. ") AS "
            .. alias .. ")"
    end
    list:need(scope)
    return head .. " FROM (" .. select.inner(scope, self.from, self.tie, slice)
        .. ") AS " .. alias .. ")"
end

local function aggregates(context, self, out, item)
    local list = aggregate.list()
    local shape = aggregate.shape(context, list, item)
    if #list == 0 then return { key = item.key, object = shape } end
    local single = #list == 1
    local text = aggregate_sql(context, self, list, not single and "ROW" or nil)
    local col = out:add(context, text)
    if single then
        aggregate.move(shape, col)
        return { key = item.key, object = shape }
    end
    return { key = item.key, record = shape, col = col }
end

-- Entry ---------------------------------------------------------------------

local PARTS = { edges = edges, pageInfo = page_info, aggregate = aggregates }

-- The FROM of the array. Without OFFSET it would be made for each of its uses.
local function array_sql(self)
    return " FROM (SELECT ARRAY(" .. self.rows .. ") AS rows OFFSET 0) AS page"
end

-- The CTE; called when all needed columns are known.
local function page_sql(self)
    local scope, slice = self.scope, self.slice
    select.need_order(scope, slice.keys)
    local extra = (slice.first or slice.last) and ONE_MORE or nil
    return "WITH page AS MATERIALIZED (SELECT " .. scope:list()
        .. ", row_number() OVER (" .. order.sql(slice.keys, "outer",
            slice.reversed):sub(2) .. ") AS " .. NUMBER .. " FROM ("
        .. select.inner(scope, self.from, self.tie, slice, extra) .. ") AS "
        .. scope.alias .. ") "
end

local function plan(context, scope, item, from, tie, wrap)
    local self = {
        model = scope.model, scope = scope, asks = {}, shared = false,
        from = from, tie = tie, slice = window.of(context, scope.model,
            context.selections:args(item), scope.alias),
        fields = context.selections:of(item),
    }
    survey(context, self)
    self.list = self.list and not wrap
    local out, shape = select.row(), { fields = {} }
    for i, part in ipairs(self.fields) do
        if part.name == "__typename" then
            shape.fields[i] = { key = part.key,
                json = '"' .. scope.model.name .. 'Connection"' }
        else
            shape.fields[i] =
                PARTS[part.def.meta.what](context, self, out, part)
        end
    end
    if self.list then return self.rows, shape, "page" end
    local with = self.shared and page_sql(self) or ""
    local tail = self.array and array_sql(self) or ""
    return with .. "SELECT " .. out:list(wrap) .. tail, shape, "row"
end

--- The statement of a connection field: SQL, the shape of its one row or of a
-- page over all its rows, and which of both: "row" or "page".
function connection.plan(context, model, item)
    local scope = select.scope(context, model)
    return plan(context, scope, item,
        sql.table(model) .. " AS " .. scope.alias)
end

--- The same for the rows that are tied to a row of another table: a SELECT of
-- one ROW, and the shape of that record.
-- @tparam table scope of the rows
-- @tparam string from the FROM that brings the scope's alias
-- @tparam string tie
function connection.related(context, scope, item, from, tie)
    return plan(context, scope, item, from, tie, "ROW")
end

return connection
