--- What a function of an app may do with which model.
--
-- An app may name its own models, read those of the apps it depends on, and do
-- with others what policy grants. Within that it acts with the rights of the
-- caller, or with its own inside of `as_app`.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.rights
local fail = require("lunette.orm.write.fail")
local misuse = require("lunette.runtime.misuse")

local rights = {}

local EVERYTHING = { admin = true }

local function app_of(service, name)
    local apps = service.apps_by_name
    if not apps then
        apps = {}
        for _, app in ipairs(service.set.apps) do
            apps[app.name] = app
            app.depends_on = {}
            for _, other in ipairs(app.depends or {}) do
                app.depends_on[other] = true
            end
        end
        service.apps_by_name = apps
    end
    return apps[name]
end

local function owner_of(model)
    return model.key:match("^[^.]+")
end

--- Whether the app `name` may at all do `operation` (read, create, write,
-- delete) with `model`.
function rights.granted(service, name, model, operation)
    local owner = owner_of(model)
    if owner == name then return true end
    local app = app_of(service, name)
    local grant = app.foreign and app.foreign[model.key]
    if grant and grant[operation] then return true end
    return operation == "read" and app.depends_on[owner] or false
end

local function caller_may(model, operation, roles)
    if roles.admin then return true end
    local holders = model.access and model.access[operation]
    for _, role in ipairs(holders or {}) do
        if roles[role] then return true end
    end
    return false
end

--- Leaves unless the running function may do `operation` with `model`.
function rights.need(running, model, operation)
    if not rights.granted(running.service, running.app, model, operation) then
        misuse.with("the app '%s' may not %s '%s': policy would have to grant"
            .. " it", running.app, operation, model.key)
    end
    if not running.as_app
        and not caller_may(model, operation, running.ctx.roles) then
        fail.with({ ext = "FORBIDDEN", app = running.app,
            message = ("%s of '%s' is not allowed"):format(operation,
                model.key) })
    end
end

--- The model that an operation names.
function rights.model(running, key, operation)
    local model = running.service.by_key[key]
    if not model then misuse.with("there is no model '%s'", tostring(key)) end
    rights.need(running, model, operation)
    return model
end

--- The roles that planners check: of the caller, or of somebody who may do
-- everything, inside of `as_app`.
function rights.roles(running)
    return running.as_app and EVERYTHING or running.ctx.roles
end

return rights
