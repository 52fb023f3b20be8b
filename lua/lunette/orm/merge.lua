--- One statement for many waiting requests of one plan.
--
-- The parameters of all of them come as arrays; each row of the result says in
-- its last column which request it is for, counted from 1. Requests without a
-- row found nothing.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.merge
local sql = require("lunette.orm.sql")

local merge = {}

--- The merged form of a statement that gives at most one row, or nil when it
-- has no parameter to tell its requests apart, or one that is a list.
-- @tparam string text its parameters are written "$n::type"
-- @tparam {PARAM,...} params
function merge.of(text, params)
    if #params == 0 then return nil end
    local arrays, names = {}, {}
    for i, param in ipairs(params) do
        if param.list then return nil end
        arrays[i] = ("$%d%s"):format(i, sql.cast(param.type, true))
        names[i] = "p" .. i
    end
    local inner = text:gsub("%$(%d+)::[%w_]+", "m.p%1")
    return ("SELECT q.*, m.n::int4 FROM unnest(%s) WITH ORDINALITY AS m(%s, n)"
        .. " CROSS JOIN LATERAL (%s) AS q"):format(
        table.concat(arrays, ", "), table.concat(names, ", "), inner)
end

return merge
