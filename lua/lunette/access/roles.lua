--- The roles of all apps, closed over what they imply.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.access.roles
local lists = require("lunette.util.lists")
local options = require("lunette.model.options")
local text = require("lunette.util.text")

local roles = {}

--- Roles that exist without being declared: nobody logged in, outside users,
-- and the one that may do everything.
roles.BUILT_IN = { "public", "portal", "admin" }
local BUILT_IN = lists.set(roles.BUILT_IN)

local OPTIONS = { title = "string", implies = "table" }

local function known_to(self, app)
    local names = { unpack(roles.BUILT_IN) }
    for _, role in ipairs(self.list) do
        if role.app == app.name then
            names[#names + 1] = role.short
        elseif self.may_name(app, role.app) then
            names[#names + 1] = role.name
        end
    end
    return names
end

--- Full name of a role that an app names, or nil and what is wrong.
function roles.resolve(self, app, name)
    local owner = type(name) == "string" and name:match("^([^.]+)%.")
    if BUILT_IN[name] then return name end
    local full = owner and name or app.name .. "." .. tostring(name)
    if owner and owner ~= app.name and not self.may_name(app, owner) then
        return nil, ("role %s belongs to an app that 'depends' does not name")
            :format(text.quote(name))
    elseif self.by_name[full] then
        return full
    elseif self.is_broken(owner or app.name) then
        return nil
    end
    return nil, ("unknown role %s%s"):format(text.quote(name),
        text.did_you_mean(tostring(name), known_to(self, app)))
end

local function name_problem(self, app, name)
    if BUILT_IN[name] then
        return "is built in"
    elseif not name:find("^%l[%l%d_]*$") or #name > 60 then
        return "must be lower-case letters, digits and '_'"
    elseif self.by_name[app.name .. "." .. name] then
        return "is declared twice"
    end
end

local function add(self, app, declared)
    local problem = name_problem(self, app, declared.name)
    if problem then
        app.report:error(declared.place, declared.name, "role %s %s",
            text.quote(declared.name), problem)
        return
    end
    local role = { name = app.name .. "." .. declared.name,
        short = declared.name, app = app.name, place = declared.place,
        owner = app, implies = {} }
    local clean = options.read(app, declared.place, "role '" .. declared.name
        .. "'", declared.options, OPTIONS)
    role.title, role.asked = clean.title, clean.implies or {}
    self.by_name[role.name] = role
    self.list[#self.list + 1] = role
end

local function link(self, role)
    role.direct = {}
    for _, name in ipairs(role.asked) do
        local full, problem = roles.resolve(self, role.owner, name)
        if full == "admin" then
            full = nil
            problem = "'admin' cannot be implied; it is given to users"
        end
        if problem then
            role.owner.report:error(role.place, tostring(name),
                "role '%s' implies: %s", role.short, problem)
        elseif full then
            role.direct[#role.direct + 1] = full
        end
    end
end

local function close(self, role)
    local found, queue = {}, { unpack(role.direct) }
    while #queue > 0 do
        local name = table.remove(queue)
        if name == role.name then
            role.owner.report:error(role.place, role.short,
                "role '%s' implies itself", role.short)
        elseif not found[name] then
            found[name] = true
            local next_role = self.by_name[name]
            for _, implied in ipairs(next_role and next_role.direct or {}) do
                queue[#queue + 1] = implied
            end
        end
    end
    role.implies = lists.marked(lists.keys(found))
end

--- Reads the roles of all apps.
-- @tparam {table,...} apps records of lunette.app.load
-- @tparam table context { may_name, is_broken }
-- @treturn table roles; for `resolve`
function roles.read(apps, context)
    local self = { list = {}, by_name = {}, may_name = context.may_name,
        is_broken = context.is_broken }
    for _, app in ipairs(apps) do
        for _, declared in ipairs(app.roles) do add(self, app, declared) end
    end
    for _, role in ipairs(self.list) do link(self, role) end
    for _, role in ipairs(self.list) do close(self, role) end
    return self
end

--- The `roles` of the release set: the built-in ones first.
function roles.export(self)
    local out = {}
    for _, name in ipairs(roles.BUILT_IN) do
        out[#out + 1] = { name = name, implies = lists.marked({}) }
    end
    for _, role in ipairs(self.list) do
        out[#out + 1] = { name = role.name, app = role.app, title = role.title,
            implies = role.implies }
    end
    return out
end

return roles
