--- Which permissions a write needs, and whether the caller has them.
--
-- The needs of the root and of every nested write are gathered while the write
-- is planned: a caller who may not do a part of it gets FORBIDDEN for all of
-- it, before anything is written.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.access
local access = {}

--- An empty list of needs.
function access.needs()
    return {}
end

--- Adds: `operation` (read, create, write, delete) on `model`.
function access.need(needs, model, operation)
    needs[#needs + 1] = { model = model, operation = operation }
end

--- What a new or cut link needs: the right to write the row that holds it, and
-- to read the other side.
function access.need_link(needs, relation)
    if relation.kind == "foreign" then
        access.need(needs, relation.child, "write")
    else
        access.need(needs, relation.parent, "write")
    end
    access.need(needs, relation.child, "read")
end

local function may(model, operation, roles)
    local holders = model.access and model.access[operation]
    for _, role in ipairs(holders or {}) do
        if roles[role] then return true end
    end
    return false
end

--- Whether `roles` (closed over what they imply) cover all needs.
function access.granted(needs, roles)
    if roles.admin then return true end
    for _, need in ipairs(needs) do
        if not may(need.model, need.operation, roles) then return false end
    end
    return true
end

return access
