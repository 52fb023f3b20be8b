--- `extend "other.Model" { ... }`: what apps add to models of other apps.
--
-- An app may extend a model when its `depends` names the model's app and policy
-- grants it. Without a policy nothing is granted.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.extensions
local model = require("lunette.model.model")
local text = require("lunette.util.text")

local extensions = {}

local function models_of(context, app)
    local keys = {}
    for key, builder in pairs(context.by_key) do
        if builder.app ~= app and context.may_name(app, builder.app.name) then
            keys[#keys + 1] = key
        end
    end
    return keys
end

local function fail(app, declared, message, ...)
    app.report:error(declared.place, declared.name, "extend %s" .. message,
        text.quote(declared.name), ...)
end

-- The builder of the model that is extended, or nil after a report.
local function find(context, app, declared)
    local key = declared.name
    local owner = key:match("^([^.]+)%.")
    local builder = context.by_key[owner and key or app.name .. "." .. key]
    if builder and builder.app == app then
        fail(app, declared, ": the model is this app's own; write it in"
            .. " model \"%s\"", builder.declared_name)
    elseif owner and not context.may_name(app, owner) then
        fail(app, declared, ": 'depends' does not name the app %s",
            text.quote(owner))
    elseif builder then
        return builder
    elseif not context.is_broken(owner or app.name) then
        fail(app, declared, ": there is no such model%s",
            text.did_you_mean(key, models_of(context, app)))
    end
end

--- Adds all extensions to their models, in the order of the apps.
-- @tparam {table,...} apps records of lunette.app.load
-- @tparam table context { by_key, may_name, is_broken, hooks, enums, digest,
--   may_extend = function(app, key) → whether policy grants it }
function extensions.read(apps, context)
    for _, app in ipairs(apps) do
        for _, declared in ipairs(app.extensions) do
            local builder = find(context, app, declared)
            if builder and not context.may_extend(app, builder.model.key) then
                fail(app, declared, ": policy must grant app '%s': extend ="
                    .. " { '%s' }", app.name, declared.name)
            elseif builder then
                model.extend(builder, app, declared, context)
            end
        end
    end
end

return extensions
