--- Names of what the schema makes in the database.
--
-- They are derived from table and column, so that an error of the database leads
-- back to the field (orm/write/faults.lua reads them).
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.schema.names
local names = {}

-- PostgreSQL cuts names at 63 bytes.
local MAX = 63

local function join(...)
    return table.concat({ ... }, "_"):sub(1, MAX)
end

function names.primary(place) return join(place, "pkey") end
function names.unique(place, column) return join(place, column, "key") end
function names.index(place, column) return join(place, column, "idx") end
function names.foreign(place, column) return join(place, column, "fkey") end
function names.check(place, column) return join(place, column, "check") end
function names.rule(place, number) return join(place, "check", number) end

return names
