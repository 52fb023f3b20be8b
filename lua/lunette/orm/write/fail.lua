--- The ways in which a write ends without its result.
--
-- A reason is `{message=, code=, ext=}` (graphql/errors.lua). Inside a write it
-- leaves as a Lua error, so that every level of nesting unwinds alike;
-- `fail.catch` turns it into `nil, reason` at the edge. Any other error goes on
-- as it is.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.fail
local errors = require("lunette.graphql.errors")

local fail = {}

local Failure = {}

--- Leaves the write for `reason`.
function fail.with(reason)
    error(setmetatable({ reason = reason }, Failure), 0)
end

--- Runs `fn(...)`; a reason raised in it comes back as `nil, reason`.
function fail.catch(fn, ...)
    local ok, result = pcall(fn, ...)
    if ok then return result end
    if getmetatable(result) == Failure then return nil, result.reason end
    error(result, 0)
end

local function names(relation)
    return { name = relation.name, parent = relation.parent.name,
        child = relation.child.name }
end

--- 3041 in its four forms. `parent` and `child` are `{field=, value=}` where
-- the selector of that side is known.
function fail.unconnected(relation, parent, child)
    fail.with(errors.unconnected(names(relation), parent, child))
end

--- The reason 3042: a row would lose what it must have.
function fail.required_reason(relation)
    return errors.required(names(relation))
end

--- 3042
function fail.required(relation)
    fail.with(errors.required(names(relation)))
end

--- The reason for a value that its field or model does not allow.
function fail.invalid_reason(message)
    return { ext = "VALIDATION_FAILED", message = message }
end

return fail
