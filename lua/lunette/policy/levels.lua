--- The declarations of a policy, each judged: what they say and where.
--
-- A level is `default`, a group or an app. Everything it says is an entry
-- { value, place, label }, so that it can be told which line gives what.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.levels
local limits = require("lunette.policy.limits")
local lists = require("lunette.util.lists")
local text = require("lunette.util.text")
local units = require("lunette.policy.units")
local versions = require("lunette.policy.versions")

local levels = {}

local RIGHTS = { "read", "create", "write", "delete" }
local NAME, MODEL = "^%l[%l%d_]*$", "^%l[%l%d_]*%.[%u*]%w*$"
local TEXTS = { type = "list", of = "text" }
local PUSH = { roles = TEXTS, logins = TEXTS }
local ROLLBACK = {
    { "errors", "errors", { type = "share" }, 0.5 },
    { "requests", "requests", { type = "int", least = 1, most = 1000000 }, 20 },
    { "within", "within_ms", { type = "time", least = 1000, most = 3600000 },
        60000 },
}

local Level = {}
Level.__index = Level

function Level:error(path, ...)
    self.report:error(self.place(self.declared, path), path[#path], ...)
end

function Level:entry(path, value)
    return { value = value, place = self.place(self.declared, path),
        label = self.label }
end

-- Whether a value is a table of the wanted keys; reports those that are not.
function Level:check_keys(path, value, known)
    if type(value) ~= "table" then
        self:error(path, "%s must be a table { ... }", path[#path])
        return false
    end
    for _, key in ipairs(lists.keys(value)) do
        if not known[key] then
            local name = tostring(key)
            self:error(lists.merged(path, { [#path + 1] = name }),
                "%s has no %s%s", path[#path] or self.label, text.quote(name),
                text.did_you_mean(name, lists.keys(known)))
        end
    end
    return true
end

-- Modules -------------------------------------------------------------------

local function option_value(level, path, module, raw, name)
    local option = module.options[name]
    if not option then
        local names = { "version" }
        for _, one in ipairs(module.options) do names[#names + 1] = one.name end
        level:error(path, "module %s has no option %s%s",
            text.quote(module.name), text.quote(name),
            text.did_you_mean(name, names))
        return nil
    end
    local value, wrong = units.read(raw, option.kind)
    if value == nil then
        level:error(path, "%s: option %s %s", module.name, text.quote(name),
            wrong)
    end
    return value
end

local function module_options(level, path, module, raw)
    local options = {}
    for _, option in ipairs(module.options) do
        options[option.name] = option.default
        if option.required and raw[option.name] == nil then
            level:error(path, "module %s needs the option %s: %s",
                text.quote(module.name), text.quote(option.name), option.doc)
        end
    end
    for _, key in ipairs(lists.keys(raw)) do
        local name = tostring(key)
        if name ~= "version" then
            local value = option_value(level,
                lists.merged(path, { [#path + 1] = name }), module, raw[key],
                name)
            if value ~= nil then options[name] = value end
        end
    end
    return options
end

local function read_grant(level, name, raw)
    local path = { "modules", name }
    local module = level.catalog[name]
    if module == nil then
        level:error(path, "there is no module %s%s", text.quote(name),
            text.did_you_mean(name, lists.keys(level.catalog)))
    end
    if not module then return nil end
    if raw == false then return level:entry(path, false) end
    if raw == true then raw = {} end
    if type(raw) ~= "table" then
        level:error(path, "module %s must be followed by its options { ... }",
            text.quote(name))
        return nil
    end
    local wanted = raw.version
    if wanted ~= nil and not versions.is_wanted(wanted) then
        level:error({ "modules", name, "version" }, "version %s must be written"
            .. " as \"1\", \"1.2\" or \"=1.2.3\"", text.quote(wanted))
        wanted = nil
    end
    return level:entry(path, { version = wanted,
        options = module_options(level, path, module, raw) })
end

local READ = {}

function READ.modules(level, raw)
    local clean = {}
    if type(raw) ~= "table" then
        level:error({ "modules" }, "modules must be a table { \"csv\","
            .. " http = { hosts = { ... } } }")
        return clean
    end
    for _, key in ipairs(lists.keys(raw)) do
        local value = raw[key]
        if type(key) == "number" and type(value) == "string" then
            clean[value] = read_grant(level, value, {})
        elseif type(key) == "string" then
            clean[key] = read_grant(level, key, value)
        else
            level:error({ "modules" }, "modules: item %s is no name of a module",
                tostring(key))
        end
    end
    return clean
end

-- The rest ------------------------------------------------------------------

function READ.limits(level, raw)
    local clean = {}
    if not level:check_keys({ "limits" }, raw, limits.by_key) then
        return clean
    end
    for _, limit in ipairs(limits.list) do
        if raw[limit.key] ~= nil then
            local path = { "limits", limit.key }
            local value, wrong = units.read(raw[limit.key], limit.kind)
            if value == nil then
                level:error(path, "limit %s %s", text.quote(limit.key), wrong)
            else
                clean[limit.key] = level:entry(path, value)
            end
        end
    end
    return clean
end

local function rights_of(level, path, raw)
    if raw == "all" then return lists.set(RIGHTS) end
    local rights = {}
    for _, right in ipairs(type(raw) == "table" and raw or { raw }) do
        if not lists.find(RIGHTS, right) then
            level:error(path, "unknown right %s%s; rights are %s or 'all'",
                text.quote(right), text.did_you_mean(right, RIGHTS),
                text.quoted_list(RIGHTS))
        else
            rights[right] = true
        end
    end
    return rights
end

local function is_model(level, path, name)
    if type(name) == "string" and name:find(MODEL) and
        not name:find("%*.") then
        return true
    end
    level:error(path, "%s is no model; write \"app.Model\" or \"app.*\"",
        text.quote(name))
end

function READ.models(level, raw)
    local clean = {}
    if type(raw) ~= "table" then
        level:error({ "models" }, "models must be a table"
            .. " { [\"app.Model\"] = \"read\" }")
        return clean
    end
    for _, name in ipairs(lists.keys(raw)) do
        local path = { "models", tostring(name) }
        if type(name) ~= "string" then
            level:error({ "models", tostring(raw[name]) }, "models must say what"
                .. " may be done with %s: [%s] = \"read\"",
                text.quote(raw[name]), ("%q"):format(tostring(raw[name])))
        elseif is_model(level, path, name) then
            clean[name] = level:entry(path, rights_of(level, path, raw[name]))
        end
    end
    return clean
end

function READ.extend(level, raw)
    local clean = {}
    local names, wrong = units.read(raw, TEXTS)
    if not names then level:error({ "extend" }, "extend %s", wrong) end
    for _, name in ipairs(names or {}) do
        local path = { "extend", name }
        if is_model(level, path, name) then
            clean[name] = level:entry(path, true)
        end
    end
    return clean
end

function READ.isolation(level, raw)
    local value, wrong = units.read(raw, { type = "enum",
        values = { "worker", "process" } })
    if not value then level:error({ "isolation" }, "isolation %s", wrong) end
    return value and level:entry({ "isolation" }, value)
end

function READ.prefix(level, raw)
    if type(raw) ~= "string" or not raw:find("^%u%w*$") or #raw > 40 then
        level:error({ "prefix" }, "prefix must be the beginning of type names:"
            .. " \"Hr\"")
        return nil
    end
    return level:entry({ "prefix" }, raw)
end

function READ.push(level, raw)
    local value = { roles = {}, logins = {} }
    if not level:check_keys({ "push" }, raw, PUSH) then return nil end
    for key, kind in pairs(PUSH) do
        local clean, wrong = units.read(raw[key] or {}, kind)
        if not clean then
            level:error({ "push", key }, "push: %s %s", key, wrong)
        end
        value[key] = clean or value[key]
    end
    return level:entry({ "push" }, value)
end

local function rollback_value(raw, kind)
    if kind.type ~= "share" then return units.read(raw, kind) end
    if type(raw) == "number" and raw > 0 and raw <= 1 then return raw end
    return nil, "must be a share of the requests, above 0 and up to 1"
end

function READ.rollback(level, raw)
    local path, value, known = { "rollback" }, {}, {}
    if raw == false then return level:entry(path, false) end
    for _, row in ipairs(ROLLBACK) do known[row[1]] = true end
    if not level:check_keys(path, raw, known) then return nil end
    for _, row in ipairs(ROLLBACK) do
        value[row[2]] = row[4]
        if raw[row[1]] ~= nil then
            local clean, wrong = rollback_value(raw[row[1]], row[3])
            if clean == nil then
                level:error({ "rollback", row[1] }, "rollback: %s %s", row[1],
                    wrong)
            end
            value[row[2]] = clean
        end
    end
    return level:entry(path, value)
end

local KEYS = { default = { "modules", "limits", "models", "extend",
    "isolation", "push", "rollback" } }
KEYS.group = { "apps", unpack(KEYS.default) }
KEYS.app = { "prefix", unpack(KEYS.default) }

-- One level -----------------------------------------------------------------

-- The apps of a group: a set of names.
local function apps_of(level, declared)
    if declared.word == "default" then return nil end
    if declared.word == "app" then return { [declared.name] = true } end
    local names = units.read(declared.options.apps or {}, TEXTS) or {}
    if #names == 0 then
        level:error({ "apps" }, "%s needs the apps that it is for:"
            .. " apps = { \"sales\" }", level.label)
    end
    for _, name in ipairs(names) do
        if not name:find(NAME) then
            level:error({ "apps", name }, "%s is no name of an app",
                text.quote(name))
        end
    end
    return lists.set(names)
end

local function label_of(declared)
    return declared.name and ('%s "%s"'):format(declared.word, declared.name)
        or declared.word
end

local function check_twice(level, seen)
    local first = seen[level.label]
    if first then
        level:error({}, "%s is declared twice; the first is at line %d",
            level.label, first.declared.line)
    end
    seen[level.label] = level
end

local function read_level(declared, place, report, modules)
    local level = setmetatable({ declared = declared, place = place,
        report = report, catalog = modules, label = label_of(declared),
        word = declared.word, name = declared.name }, Level)
    level:check_keys({}, declared.options, lists.set(KEYS[declared.word]))
    level.apps = apps_of(level, declared)
    for _, key in ipairs(KEYS[declared.word]) do
        local raw = declared.options[key]
        if raw ~= nil and READ[key] then level[key] = READ[key](level, raw) end
    end
    return level
end

local ORDER = { default = 1, group = 2, app = 3 }

--- Judges declarations.
-- @tparam {table,...} declarations of lunette.policy.file
-- @tparam table modules of lunette.policy.catalog
-- @tparam table report
-- @treturn {table,...} levels, those that count more behind those that count
--   less: { word, label, apps = set of names | nil for all, modules = name →
--   entry, limits, models, extend = the same, isolation, push, rollback, prefix =
--   entry | nil }
function levels.read(declarations, modules, report)
    local list, seen = {}, {}
    for at, declared in ipairs(declarations) do
        list[at] = read_level(declared, declarations.place, report, modules)
        list[at].at = at
        check_twice(list[at], seen)
    end
    table.sort(list, function(a, b)
        if a.word ~= b.word then return ORDER[a.word] < ORDER[b.word] end
        return a.at < b.at
    end)
    return list
end

return levels
