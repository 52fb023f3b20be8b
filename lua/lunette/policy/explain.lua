--- What an app gets and which line gives it, what it asks for and lacks.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.explain
local limits = require("lunette.policy.limits")
local lists = require("lunette.util.lists")
local units = require("lunette.policy.units")

local explain = {}

local BUILT_IN = "default of Lunette"
local RIGHTS = { "read", "create", "write", "delete" }

-- Where an entry of lunette.policy.levels stands.
local function source_of(entry)
    if not entry then return BUILT_IN end
    return ("%s:%d %s"):format(entry.place.file, entry.place.line, entry.label)
end

local function row(name, value, source)
    return { name = name, value = value, source = source }
end

-- What the module can reach, and with which options.
local function shown_options(module, options)
    local needs = table.concat(module.capabilities, ", ")
    local parts = {}
    for _, option in ipairs(module.options) do
        local value = options[option.name]
        if value ~= nil then
            parts[#parts + 1] = option.name .. " = "
                .. units.show(value, option.kind)
        end
    end
    local shown = table.concat(parts, ", ")
    if needs == "" then return shown end
    return "needs " .. needs .. (shown ~= "" and "; " .. shown or "")
end

local function used_module(rules, app, use, entry)
    local wrong, place = rules:lacks(app, use, entry)
    if wrong then
        local item = row(use.name, wrong, ("%s:%s"):format(place.file,
            place.line or "?"))
        item.state = "lacks"
        return item
    end
    local module = rules.modules[use.name]
    local item = row(use.name, module.version, source_of(entry))
    item.options, item.state = shown_options(module, entry.value.options), "has"
    return item
end

local function modules_of(rules, app, said)
    local out, used = lists.marked({}), {}
    for _, use in ipairs(app.uses) do
        used[use.name] = true
        out[#out + 1] = used_module(rules, app, use, said.modules[use.name])
    end
    for _, name in ipairs(lists.keys(said.modules)) do
        local entry, module = said.modules[name], rules.modules[name]
        if not used[name] and entry.value and module then
            local item = row(name, module.version, source_of(entry))
            item.options = shown_options(module, entry.value.options)
            item.state = "unused"
            out[#out + 1] = item
        end
    end
    return out
end

local function limits_of(said)
    local out = lists.marked({})
    for _, limit in ipairs(limits.list) do
        local entry = said.limits[limit.key]
        out[#out + 1] = row(limit.key, units.show(entry and entry.value
            or limit.default, limit.kind), source_of(entry))
    end
    return out
end

local function models_of(said)
    local out = lists.marked({})
    for _, name in ipairs(lists.keys(said.models)) do
        local entry, rights = said.models[name], {}
        for _, right in ipairs(RIGHTS) do
            if entry.value[right] then rights[#rights + 1] = right end
        end
        out[#out + 1] = row(name, table.concat(rights, ", "), source_of(entry))
    end
    return out
end

local function extend_of(said)
    local out = lists.marked({})
    for _, name in ipairs(lists.keys(said.extend)) do
        out[#out + 1] = row(name, "", source_of(said.extend[name]))
    end
    return out
end

local function push_text(push)
    local parts = {}
    if #push.roles > 0 then
        parts[1] = "role " .. table.concat(push.roles, ", ")
    end
    if #push.logins > 0 then
        parts[#parts + 1] = "login " .. table.concat(push.logins, ", ")
    end
    return #parts > 0 and table.concat(parts, "; ") or "nobody but admin"
end

local function rollback_text(value)
    if value == false then return "not by itself" end
    if not value then
        return "pushed releases, over 50 % errors of at least 20 requests"
            .. " within 1m"
    end
    return ("over %g %% errors of at least %d requests within %s"):format(
        value.errors * 100, value.requests,
        units.show(value.within_ms, { type = "time" }))
end

local function rest_of(app, said)
    local function value(entry, otherwise)
        if entry then return entry.value end
        return otherwise
    end
    local out = lists.marked({
        row("isolation", value(said.isolation, "worker"),
            source_of(said.isolation)),
        row("push", push_text(value(said.push, { roles = {}, logins = {} })),
            source_of(said.push)),
        row("rollback", rollback_text(value(said.rollback)),
            source_of(said.rollback)) })
    if app.prefix then
        out[4] = row("prefix", app.prefix, said.prefix
            and source_of(said.prefix) or app.path)
    end
    return out
end

--- Everything about one app: { app, policy, modules, limits, models, extend,
-- rest }, each a list of { name, value, source, options, state }.
function explain.data(rules, app)
    local said = app.policy_said
    return { app = app.name, policy = rules.path, exists = rules.exists,
        modules = modules_of(rules, app, said), limits = limits_of(said),
        models = models_of(said), extend = extend_of(said),
        rest = rest_of(app, said) }
end

-- Text ----------------------------------------------------------------------

local function add_rows(lines, title, rows)
    if #rows == 0 then return end
    lines[#lines + 1] = title
    local widest = { 10, 10 }
    for _, item in ipairs(rows) do
        widest[1] = math.max(widest[1], #item.name)
        if #item.value <= 40 then
            widest[2] = math.max(widest[2], #item.value)
        end
    end
    local template = ("  %%-%ds  %%-%ds  %%s"):format(widest[1], widest[2])
    for _, item in ipairs(rows) do
        lines[#lines + 1] = template:format(item.name, item.value, item.source)
        if item.options and item.options ~= "" then
            lines[#lines + 1] = (" "):rep(widest[1] + 4) .. item.options
        end
    end
end

local function with_state(items, state)
    local out = {}
    for _, item in ipairs(items) do
        if item.state == state then out[#out + 1] = item end
    end
    return out
end

--- The same as lines for a terminal.
function explain.text(data)
    local lines = { ("app '%s' by %s%s"):format(data.app, data.policy,
        data.exists and "" or ", which is not there") }
    add_rows(lines, "modules", with_state(data.modules, "has"))
    local lacks = with_state(data.modules, "lacks")
    if #lacks > 0 then lines[#lines + 1] = "asked for, but not given" end
    for _, item in ipairs(lacks) do
        lines[#lines + 1] = ("  %s: %s"):format(item.source, item.value)
    end
    add_rows(lines, "granted, but not in 'uses'",
        with_state(data.modules, "unused"))
    add_rows(lines, "limits", data.limits)
    add_rows(lines, "models of other apps, with the app's own rights",
        data.models)
    add_rows(lines, "may extend", data.extend)
    add_rows(lines, "otherwise", data.rest)
    return table.concat(lines, "\n") .. "\n"
end

return explain
