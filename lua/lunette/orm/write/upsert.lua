--- Update or create.
--
-- Two callers who create the same row at the same time both succeed: the insert
-- of the later one does nothing (ON CONFLICT), what it wrote before is undone,
-- and it goes on as an update.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.upsert
local create = require("lunette.orm.write.create")
local sql = require("lunette.orm.write.sql")
local update = require("lunette.orm.write.update")

local upsert = {}

local function try_create(job, data)
    if not create.is_nested(data) then return create.try(job, data) end
    sql.query(job, "SAVEPOINT lunette_upsert")
    local id = create.try(job, data)
    sql.query(job, id and "RELEASE SAVEPOINT lunette_upsert"
        or "ROLLBACK TO SAVEPOINT lunette_upsert")
    return id
end

--- Runs the branch that fits; returns the id of the row.
function upsert.row(job, selector, made, changed)
    local id = update.selected(job, selector, changed)
        or try_create(job, made)
        or update.selected(job, selector, changed)
    -- the conflict was about another row: let the insert say which field
    return id or create.row(job, made)
end

return upsert
