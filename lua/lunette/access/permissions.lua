--- `access "Order" { user = "read", manager = "all" }` → who may do what.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.access.permissions
local lists = require("lunette.util.lists")
local roles = require("lunette.access.roles")
local text = require("lunette.util.text")

local permissions = {}

local OPERATIONS = { "read", "create", "write", "delete" }
local IS_OPERATION = lists.set(OPERATIONS)
local SPELLED = { "all", unpack(OPERATIONS) }

local function fail(line, word, message, ...)
    line.app.report:error(line.place, word, "access to %s: " .. message,
        line.model.name, ...)
end

local function unknown_operation(line, word)
    fail(line, tostring(word), "unknown operation %s%s", text.quote(word),
        text.did_you_mean(tostring(word), SPELLED))
end

local function grant_word(line, granted, word)
    if word == "all" then
        for _, operation in ipairs(OPERATIONS) do granted[operation] = true end
    elseif IS_OPERATION[word] then
        granted[word] = true
    else
        unknown_operation(line, word)
    end
end

local function grant_pair(line, granted, operation, value)
    local token = type(value) == "table" and line.app.tokens[value]
    if not IS_OPERATION[operation] and operation ~= "all" then
        unknown_operation(line, operation)
    elseif value == true then
        grant_word(line, granted, operation)
    elseif type(value) == "table" then
        if not (token and token.reported) then
            fail(line, operation,
                "%s = { ... }: a filter is not built yet", operation)
        end
    elseif value ~= false then
        fail(line, operation, "%s must be true", text.quote(operation))
    end
end

-- "all", "read", { "read", "write" }, { read = true }
local function grants_of(line, value)
    local granted = {}
    local token = type(value) == "table" and line.app.tokens[value] or nil
    if type(value) == "string" then
        grant_word(line, granted, value)
    elseif type(value) == "table" and not token then
        for _, key in ipairs(lists.keys(value)) do
            if type(key) == "number" then
                grant_word(line, granted, value[key])
            else
                grant_pair(line, granted, key, value[key])
            end
        end
    elseif token and token.what == "later" then
        if not token.reported then
            fail(line, nil, "%s is not built yet", token.word)
        end
    else
        fail(line, nil,
            "rights are written \"all\", \"read\" or { read = true, ... }")
    end
    return granted
end

local function add_role(context, line, name, value)
    if line.app.later_options[name] then
        return fail(line, name, "%s is not built yet", name)
    end
    local role, problem = roles.resolve(context.roles, line.app, name)
    if problem then return fail(line, tostring(name), "%s", problem) end
    if not role then return end
    if line.seen[role] then
        return fail(line, name, "role %s stands there twice", text.quote(name))
    end
    line.seen[role] = true
    for operation in pairs(grants_of(line, value)) do
        table.insert(line.model.access[operation], role)
    end
end

local function own_names(context, app)
    local names = {}
    for _, builder in ipairs(context.builders) do
        if builder.app == app then names[#names + 1] = builder.declared_name end
    end
    return names
end

local function find_model(context, app, declared)
    local owner, name = declared.name:match("^([^.]+)%.(.+)$")
    if owner and owner ~= app.name then
        app.report:error(declared.place, declared.name,
            "access to '%s': only the app '%s' can give rights to its models",
            declared.name, owner)
        return nil
    end
    local builder = context.by_key[app.name .. "." .. (name or declared.name)]
    if builder then return builder end
    if app.broken then return nil end
    app.report:error(declared.place, declared.name,
        "access to unknown model %s%s", text.quote(declared.name),
        text.did_you_mean(declared.name, own_names(context, app)))
end

local function read_line(context, app, declared)
    local builder = find_model(context, app, declared)
    if not builder then return end
    builder.has_access = true
    builder.access_seen = builder.access_seen or {}
    local line = { app = app, place = declared.place, model = builder.model,
        seen = builder.access_seen }
    for _, name in ipairs(lists.keys(declared.options)) do
        add_role(context, line, name, declared.options[name])
    end
end

--- Fills `access` of every model; warns of models that nobody may use.
-- @tparam {table,...} apps records of lunette.app.load
-- @tparam table context { builders, by_key, roles }
function permissions.read(apps, context)
    for _, builder in ipairs(context.builders) do
        builder.model.access = {}
        for _, operation in ipairs(OPERATIONS) do
            builder.model.access[operation] = lists.marked({})
        end
    end
    for _, app in ipairs(apps) do
        for _, declared in ipairs(app.access) do
            read_line(context, app, declared)
        end
    end
    for _, builder in ipairs(context.builders) do
        for _, operation in ipairs(OPERATIONS) do
            table.sort(builder.model.access[operation])
        end
        if not builder.has_access then
            builder.app.report:warn(builder.place, builder.declared_name,
                "%s has no access rules: only admin may use it",
                builder.model.name)
        end
    end
end

return permissions
