--- What each app gets: the policy of the architects, applied.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.rules
local catalog = require("lunette.policy.catalog")
local file = require("lunette.policy.file")
local levels = require("lunette.policy.levels")
local limits = require("lunette.policy.limits")
local lists = require("lunette.util.lists")
local places = require("lunette.policy.places")
local text = require("lunette.util.text")
local versions = require("lunette.policy.versions")

local rules = {}

local Rules = {}
Rules.__index = Rules

local MAPS = { "modules", "limits", "models", "extend" }
local SINGLE = { "isolation", "push", "rollback", "prefix" }

--- Reads the policy and the manifests of the modules.
-- @tparam table sources { path = of the policy file, to be shown, text = of it or
--   nil when there is none, modules = see lunette.policy.catalog }
-- @tparam table report lunette.app.report
-- @tparam table tools sha256, and guarded where there is one
-- @tparam ?boolean strict also warn of apps that are not here
function rules.read(sources, report, tools, strict)
    local self = setmetatable({ path = sources.path or "policy.lua",
        exists = sources.text ~= nil, report = report, strict = strict }, Rules)
    self.modules = catalog.read(sources.modules or {}, report, tools)
    local declarations = sources.text
        and file.read({ path = self.path, text = sources.text }, report, tools)
        or {}
    self.levels = levels.read(declarations, self.modules, report)
    return self
end

--- Everything that the policy says of an app, the nearest word for each thing.
-- @tparam string name
-- @treturn table modules, limits, models, extend = name → entry; isolation,
--   push, rollback, prefix = entry | nil (entry: see lunette.policy.levels)
function Rules:of(name)
    local out = { modules = {}, limits = {}, models = {}, extend = {} }
    for _, level in ipairs(self.levels) do
        if not level.apps or level.apps[name] then
            for _, key in ipairs(MAPS) do
                out[key] = lists.merged(out[key], level[key] or {})
            end
            for _, key in ipairs(SINGLE) do
                out[key] = level[key] or out[key]
            end
        end
    end
    return out
end

-- Modules -------------------------------------------------------------------

-- How the grant is written: mail = { from = ... }
local function example(app, module)
    local needs = {}
    for _, option in ipairs(module.options) do
        if option.required then needs[#needs + 1] = option.name .. " = ..." end
    end
    local grant = #needs > 0
        and ("%s = { %s }"):format(module.name, table.concat(needs, ", "))
        or ('"%s"'):format(module.name)
    return ('app "%s" { modules = { %s } }'):format(app.name, grant)
end

local function place_of(app, use)
    if not app.place.line then return app.place end
    for _, source in ipairs(app.files or {}) do
        if source.path == app.place.file then
            return { file = source.path, line = places.find(
                places.lines(source.text), app.place.line, math.huge,
                { "uses", use.name }) }
        end
    end
    return app.place
end

local function why_not(self, app, use, entry)
    local module, name = self.modules[use.name], text.quote(use.name)
    if module == nil then
        return ("the app uses %s, which is no module%s"):format(name,
            text.did_you_mean(use.name, lists.keys(self.modules)))
    elseif not module then
        return ("the app uses the module %s, whose manifest is wrong")
            :format(name)
    elseif not entry or entry.value == false then
        local where = self.exists and "in " .. self.path
            or ("in %s, which is not there yet"):format(self.path)
        local no = entry and ("%s:%d takes it away"):format(entry.place.file,
            entry.place.line) or "policy does not grant it"
        return ("the app uses the module %s, but %s; grant it %s: %s"):format(
            name, no, where, example(app, module))
    elseif use.version and not versions.fits(module.version, use.version) then
        return ("the app uses %s %s, but the module here is %s"):format(name,
            use.version, module.version)
    elseif entry.value.version
        and not versions.fits(module.version, entry.value.version) then
        return ("the app uses %s, which %s:%d grants in version %s, but the"
            .. " module here is %s"):format(name, entry.place.file,
            entry.place.line, entry.value.version, module.version)
    end
end

--- Why an app does not get a module that it uses, and the place of the word;
-- nil when it does.
function Rules:lacks(app, use, entry)
    local wrong = why_not(self, app, use, entry)
    if wrong then return wrong, place_of(app, use) end
end

local function export_modules(self, app, said)
    local out = {}
    for _, use in ipairs(app.uses) do
        local entry = said.modules[use.name]
        local wrong, place = self:lacks(app, use, entry)
        if wrong then
            app.report:error(place, use.name, "%s", wrong)
        else
            local module = self.modules[use.name]
            out[#out + 1] = { name = use.name, version = module.version,
                hash = module.hash, options = entry.value.options }
        end
    end
    return lists.marked(out)
end

-- The rest ------------------------------------------------------------------

--- The limits of an app as they are in the release set.
function rules.limits_of(said)
    local out = {}
    for _, limit in ipairs(limits.list) do
        local entry = said.limits[limit.key]
        out[limit.set_key] = entry and entry.value or limit.default
    end
    return out
end

local function value_of(entry, otherwise)
    if entry then return entry.value end
    return otherwise
end

--- Judges what an app uses, and gives the app what is granted: `app.policy` and
-- its prefix.
-- @tparam table app with name, place, files, uses = { { name, version }, ... },
--   prefix, report
function Rules:apply(app)
    local said = self:of(app.name)
    app.policy_said = said
    app.policy = {
        modules = export_modules(self, app, said),
        limits = rules.limits_of(said),
        isolation = value_of(said.isolation, "worker"),
        push = value_of(said.push),
        rollback = value_of(said.rollback), -- false: never; nil: not said
    }
    app.prefix = value_of(said.prefix, app.prefix)
end

--- Whether policy lets an app extend a model of another one.
-- @tparam table app
-- @tparam string key "base.Partner"
function rules.may_extend(app, key)
    local said = app.policy_said.extend
    return said[key] ~= nil or said[key:gsub("%..*$", ".*")] ~= nil
end

-- Models that a name stands for, sorted.
local function matching(keys, name)
    if keys[name] then return { name } end
    local prefix, found = name:match("^(.*%.)%*$"), {}
    for _, key in ipairs(prefix and lists.keys(keys) or {}) do
        if key:sub(1, #prefix) == prefix then found[#found + 1] = key end
    end
    return found
end

local function check_models(self, by_app, keys, entries)
    for _, name in ipairs(lists.keys(entries)) do
        local app = name:match("^[^.]+")
        if by_app[app] and #matching(keys, name) == 0 then
            self.report:error(entries[name].place, name,
                "there is no model %s%s", text.quote(name),
                text.did_you_mean(name, lists.keys(keys)))
        end
    end
end

local function foreign_of(said, keys)
    local out = {}
    -- Words for single models count more than those for all of an app.
    for _, name in ipairs(lists.keys(said.models)) do
        for _, key in ipairs(matching(keys, name)) do
            if key == name or not said.models[key] then
                out[key] = said.models[name].value
            end
        end
    end
    return out
end

local function extend_of(said, keys)
    local found = {}
    for name in pairs(said.extend) do
        for _, key in ipairs(matching(keys, name)) do found[key] = true end
    end
    return lists.marked(lists.keys(found))
end

local function check_roles(self, by_app, roles, push)
    for _, name in ipairs(push and push.value.roles or {}) do
        local app = name:match("^([^.]+)%.")
        if not roles[name] and (not app or by_app[app]) then
            self.report:error(push.place, name, "there is no role %s%s",
                text.quote(name), text.did_you_mean(name, lists.keys(roles)))
        end
    end
end

--- Finishes when all models and roles are known: what the policy names must be
-- there, unless its app is not.
-- @tparam {table,...} apps
-- @tparam table keys set of model keys
-- @tparam table roles set of role names
function Rules:finish(apps, keys, roles)
    local by_app = {}
    for _, app in ipairs(apps) do by_app[app.name] = app end
    roles = lists.merged(roles, lists.set({ "admin", "portal", "public" }))
    for _, app in ipairs(apps) do
        local said = app.policy_said
        check_models(self, by_app, keys, said.models)
        check_models(self, by_app, keys, said.extend)
        check_roles(self, by_app, roles, said.push)
        app.policy.foreign = foreign_of(said, keys)
        app.policy.extend = extend_of(said, keys)
    end
    self:check_names(by_app)
end

-- A policy may be for more apps than are here: a load tells only what looks like
-- a mistake.
function Rules:check_names(by_app)
    for _, level in ipairs(self.levels) do
        for _, name in ipairs(lists.keys(level.apps or {})) do
            local near = not by_app[name]
                and text.did_you_mean(name, lists.keys(by_app)) or ""
            if near ~= "" or not by_app[name] and self.strict then
                self.report:warn(level.place(level.declared,
                    level.word == "group" and { "apps", name } or {}), name,
                    "%s names the app %s, which is not here%s", level.label,
                    text.quote(name), near)
            end
        end
    end
end

return rules
