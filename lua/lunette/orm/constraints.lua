--- Names of the constraints and indexes of a model's table.
--
-- They are derived from table and column, so that an error of the database leads
-- back to the field (lunette.orm.write.faults).
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.constraints
local constraints = {}

-- PostgreSQL cuts names at 63 bytes; a hash keeps those apart that would be cut
-- to the same.
local MAX, HASH = 63, 8

local function join(suffix, ...)
    local name = table.concat({ ... }, "_")
    suffix = tostring(suffix)
    local whole = name .. "_" .. suffix
    if #whole <= MAX then return whole end
    return ("%s_%s_%s"):format(name:sub(1, MAX - HASH - #suffix - 2),
        host.sha256(name):sub(1, HASH), suffix)
end

function constraints.primary(place) return join("pkey", place) end
function constraints.unique(place, column) return join("key", place, column) end
function constraints.index(place, column) return join("idx", place, column) end
function constraints.foreign(place, column) return join("fkey", place, column) end
function constraints.check(place, column) return join("check", place, column) end
function constraints.rule(place, number) return join(number, place, "check") end

return constraints
