--- The arguments of a list: which rows, in which order, which part.
--
-- A window is `{keys, joins, filter, cursors={conditions}, distinct={columns},
-- limit, size, offset, reversed, paged}`: `limit` and `offset` are SQL texts,
-- `size` is the number of `first` when it is known to the plan,
-- `reversed` means that the rows are taken from the end (`last`) and have to be
-- turned round afterwards. `joins` bring what the keys need of other tables.
-- `distinct` keeps the first row, in the order asked for, of each combination
-- of these columns; cursors and counts look at what is kept. `behind.after` and
-- `behind.before` tell of what a cursor cuts off: whether its row `exists`, and
-- conditions that hold for that row `itself` and for those `farther` away.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.window
local errors = require("lunette.graphql.errors")
local filter = require("lunette.orm.filter")
local order = require("lunette.orm.order")
local sql = require("lunette.orm.sql")

local window = {}

local NEGATIVE = { first = 3026, last = 3027, skip = 3028 }

local function given(node)
    return node and node.kind ~= "absent" and node.kind ~= "null"
end

--- The SQL text of an argument that counts rows; nil when it is not given. A
-- usual size is a constant: of a parameter PostgreSQL only guesses that it is a
-- tenth of all rows, and may take the wrong index.
function window.count_param(context, args, name)
    local node = args[name]
    if not given(node) then return nil end
    if node.size then return ("%d"):format(node.size) end
    return context:param {
        type = "int4", src = node.src, name = name, min = 0,
        error = NEGATIVE[name],
    }
end

-- Order and distinct --------------------------------------------------------

local function asked_keys(context, model, args, alias)
    local one, many = args.orderBy, args.orderByMany
    if given(one) and given(many) then
        context:refuse(errors.arguments("'orderBy' and 'orderByMany' cannot be"
            .. " used together."))
    end
    return order.keys(context, model, alias, given(one) and one.order or nil,
        given(many) and many or nil)
end

--- The columns that a list of enum values {field=} names, each once.
function window.columns(node)
    local columns, seen = {}, {}
    for _, item in ipairs(node.kind == "list" and node.items or { node }) do
        local field = item.order and item.order.field
        if field and not seen[field] then
            seen[field] = true
            columns[#columns + 1] = field.kind == "relation"
                and field.link.column or field.column
        end
    end
    return columns
end

local function asked_distinct(args)
    if not given(args.distinct) then return nil end
    local columns = window.columns(args.distinct)
    return #columns > 0 and columns or nil
end

-- Cursors -------------------------------------------------------------------

local function add_cursor(context, out, model, alias, args, name)
    if not given(args[name]) then return end
    local after, level = name == "after", out.level
    local id = filter.value(context, sql.id_field(model), args[name])
    local cursor = order.cursor(context, model, out.keys, id)
    out.cursors[#out.cursors + 1] =
        order.beyond(out.keys, level, cursor, after)
    out.behind[name] = {
        exists = cursor(), itself = sql.column(alias, "id") .. " = " .. id,
        farther = order.beyond(out.keys, level, cursor, not after),
    }
end

-- Entry ---------------------------------------------------------------------

--- The window that `args` (name → NODE) ask of `model`'s rows under `alias`.
function window.of(context, model, args, alias)
    local out = { cursors = {}, behind = {}, distinct = asked_distinct(args) }
    out.keys, out.joins = asked_keys(context, model, args, alias)
    -- where cursors and limits look at the keys
    out.level = out.distinct and "outer" or "inner"
    if given(args.first) and given(args.last) then
        context:refuse(errors.first_and_last())
    end
    out.filter = filter.condition(context, model, args.where, alias)
    add_cursor(context, out, model, alias, args, "after")
    add_cursor(context, out, model, alias, args, "before")
    out.first = window.count_param(context, args, "first")
    out.last = window.count_param(context, args, "last")
    out.limit = out.first or out.last
    out.size = out.first and args.first.size
    out.offset = window.count_param(context, args, "skip")
    out.reversed = out.last ~= nil
    out.paged = out.limit ~= nil or out.offset ~= nil
    return out
end

--- " LIMIT x OFFSET y", or "". `extra` is added to the limit.
function window.slice(self, extra)
    local text = ""
    if self.limit then
        text = " LIMIT " .. self.limit .. (extra or "")
    end
    if self.offset then text = text .. " OFFSET " .. self.offset end
    return text
end

return window
