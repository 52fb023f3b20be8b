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

local function try_create(job, _, data)
    if not create.is_nested(job, data) then return create.try(job, data) end
    sql.query(job, "SAVEPOINT lunette_upsert")
    local id = create.try(job, data)
    sql.query(job, id and "RELEASE SAVEPOINT lunette_upsert"
        or "ROLLBACK TO SAVEPOINT lunette_upsert")
    return id
end

local function must_create(job, _, data)
    return create.row(job, data)
end

--- Runs the branch that fits; returns the id of the row, or nil and the answer
-- (see update.selected).
function upsert.row(job, selector, made, changed)
    local steps = {
        { update.selected, changed }, { try_create, made },
        { update.selected, changed },
        -- the conflict is about another row: the insert says which field
        { must_create, made },
    }
    for _, step in ipairs(steps) do
        local id, answer = step[1](job, selector, step[2])
        if id or answer then return id, answer end
    end
end

return upsert
