--- The seven arguments of a list: which rows, in which order, which part.
--
-- A window is {keys, where={conditions}, limit, offset, reversed, paged}:
-- `limit` and `offset` are SQL texts, `reversed` means that the rows are taken
-- from the end (`last`) and have to be turned round afterwards.
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

local function count_param(context, args, name)
    local node = args[name]
    if not given(node) then return nil end
    return context:param {
        type = "int4", src = node.src, name = name, min = 0,
        error = NEGATIVE[name],
    }
end

local function asked_order(args)
    local node = args.orderBy
    return given(node) and node.order or nil
end

local function add_cursor(context, out, model, alias, args, name)
    if not given(args[name]) then return end
    local field = sql.id_field(model)
    local id = filter.value(context, field, args[name])
    out.where[#out.where + 1] =
        order.beyond(context, model, out.keys, alias, id, name == "after")
end

--- The window that `args` (name → NODE) ask of `model`'s rows under `alias`.
function window.of(context, model, args, alias)
    local out = { keys = order.keys(model, asked_order(args)), where = {} }
    if given(args.first) and given(args.last) then
        context:refuse(errors.first_and_last())
    end
    out.where[1] = filter.condition(context, model, args.where, alias)
    add_cursor(context, out, model, alias, args, "after")
    add_cursor(context, out, model, alias, args, "before")
    out.first = count_param(context, args, "first")
    out.last = count_param(context, args, "last")
    out.limit = out.first or out.last
    out.offset = count_param(context, args, "skip")
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
