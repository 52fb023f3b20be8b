--- What functions of apps ask of the host, by name (lunette.guest.records).
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.operations
local change = require("lunette.runtime.change")
local find = require("lunette.runtime.find")
local mail = require("lunette.runtime.mail")
local misuse = require("lunette.runtime.misuse")

local operations = {}

local OPERATIONS = {
    find = find.find, read = find.read, related = find.related,
    create = change.create, set = change.set, delete = change.delete,
    enqueue = mail.enqueue,
}

-- The roles of the caller as a part of keys.
local function roles_key(roles)
    local names = {}
    for name in pairs(roles) do names[#names + 1] = name end
    table.sort(names)
    return table.concat(names, ",")
end

--- Does what the running function asks. Raises by lunette.runtime.misuse what is
-- the app's mistake, and leaves by lunette.orm.write.fail where the request ends.
-- @tparam table running { ctx=, app=, service= }
-- @tparam table asked { op =, as_app =, ... }
function operations.run(running, asked)
    local run = type(asked) == "table" and OPERATIONS[asked.op]
    if not run then
        misuse.with("there is no operation '%s'", type(asked) == "table"
            and tostring(asked.op) or type(asked))
    end
    running.as_app = asked.as_app or nil
    running.roles_key = running.roles_key or roles_key(running.ctx.roles)
    return run(running, asked)
end

return operations
