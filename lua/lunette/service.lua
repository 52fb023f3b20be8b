--- What the host asks the framework while it serves: one release set at work.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.service
local call = require("lunette.runtime.call")
local compile = require("lunette.orm.compile")
local hooks = require("lunette.orm.write.hooks")
local setup = require("lunette.runtime.setup")
local trial = require("lunette.runtime.trial")
local write = require("lunette.orm.write")

local service = {}

write.register("call", call.field)
write.register("trial", trial.run)
hooks.invoke, hooks.rows = call.hook, call.rows

--- Makes a service of a release set in JSON.
-- @tparam string text the file that the loader wrote
-- @tparam boolean strict exactly the reference schema
function service.load(text, strict)
    local set, problem = host.json_decode(text)
    if not set then
        error("the release set is not readable: " .. problem, 0)
    end
    return compile.service(set, { strict = strict })
end

--- The id of the release set.
function service.id(self)
    return self.set.id
end

--- "sales@1.0.0+1a2b3c4d,base@1.0.0+99887766": the header Lunette-Release.
function service.release(self)
    local parts = {}
    for i, app in ipairs(self.set.apps) do
        parts[i] = ("%s@%s+%s"):format(app.name, app.version, app.hash)
    end
    return table.concat(parts, ",")
end

--- The apps that have functions, as core/bind/apps.c opens them.
function service.apps(self)
    return setup.apps(self)
end

local DIRECTORY_FIELDS = { "login", "active", "roles" }

--- Whether the service has the directory of users: the model base.User.
function service.has_users(self)
    local model = self.by_key["base.User"]
    if not model then return false end
    local names = {}
    for _, field in ipairs(model.fields) do names[field.name] = true end
    for _, name in ipairs(DIRECTORY_FIELDS) do
        if not names[name] then return false end
    end
    return true
end

local BUILT_IN = { public = true, portal = true, admin = true }

--- Closes a list of role names over what they imply; unknown names are dropped.
-- @treturn {string,...} sorted
function service.roles(self, names)
    local known, closed, list = {}, {}, {}
    for _, role in ipairs(self.set.roles) do known[role.name] = role end
    for _, name in ipairs(names) do
        local role = known[name]
        if role or BUILT_IN[name] then closed[name] = true end
        for _, implied in ipairs(role and role.implies or {}) do
            closed[implied] = true
        end
    end
    for name in pairs(closed) do list[#list + 1] = name end
    table.sort(list)
    return list
end

--- Compiles a request into a plan, or gives nil and the errors.
function service.compile(self, request)
    return compile.operation(self, request)
end

return service
