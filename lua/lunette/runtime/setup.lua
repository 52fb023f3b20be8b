--- What the VM of an app has to know from the start: the models it may name.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.setup
local rights = require("lunette.runtime.rights")
local rows = require("lunette.runtime.rows")

local setup = {}

local OPERATIONS = { "read", "create", "write", "delete" }

local function is_named(service, app, model)
    for _, operation in ipairs(OPERATIONS) do
        if rights.granted(service, app.name, model, operation) then
            return true
        end
    end
    return false
end

local function export_field(field, stored)
    return { name = field.name, kind = field.kind, type = field.type,
        list = field.list or nil, many = field.many or nil,
        target = field.target, stored_at = stored or nil }
end

local function export_model(model)
    local layout, fields, known = rows.layout(model), {}, {}
    for i, field in ipairs(layout.fields) do
        fields[i] = export_field(field, true)
        known[field] = true
    end
    for _, field in ipairs(model.fields) do
        if not known[field] then
            fields[#fields + 1] = export_field(field, false)
        end
    end
    return { name = model.key:match("%.(.+)$"), fields = fields,
        app = model.key:match("^[^.]+") }
end

-- Name → hash of the Lua of each module: a VM is kept only while it is the same.
local function modules_of(app)
    local hashes = {}
    for _, module in ipairs(app.modules or {}) do
        hashes[module.name] = module.hash
    end
    return hashes
end

--- The message `setup` of lunette.guest.init.
function setup.of(service, app)
    local models = {}
    for _, model in ipairs(service.set.models) do
        if is_named(service, app, model) then
            models[model.key] = export_model(model)
        end
    end
    return { app = app.name, models = models, modules = modules_of(app) }
end

local function grants_of(app)
    local grants = {}
    for name, grant in pairs(app.modules or {}) do
        if type(grant) == "table" and grant.name then
            name = grant.name
        end
        grants[#grants + 1] = { name = name,
            options = host.json_encode(type(grant) == "table"
                and (grant.options or {}) or {}) }
    end
    table.sort(grants, function(a, b) return a.name < b.name end)
    return grants
end

--- The apps of a set that have functions, as core/bind/apps.c opens them.
function setup.apps(service)
    local list = {}
    for _, app in ipairs(service.set.apps) do
        if app.files and #app.files > 0 then
            list[#list + 1] = {
                name = app.name, files = app.files, limits = app.limits or {},
                release = ("%s@%s+%s"):format(app.name, app.version, app.hash),
                grants = grants_of(app), setup = setup.of(service, app),
                isolated = app.isolation == "process" or nil,
            }
        end
    end
    return list
end

return setup
