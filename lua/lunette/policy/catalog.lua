--- The core modules that are there: the manifests of the folder `modules`.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.catalog
local lists = require("lunette.util.lists")
local text = require("lunette.util.text")
local units = require("lunette.policy.units")
local versions = require("lunette.policy.versions")

local catalog = {}

local KEYS = { name = "string", version = "string", title = "string",
    capabilities = "table", options = "table", functions = "table",
    types = "table" }
local OPTION_KEYS = { type = "string", default = "any", min = "any",
    max = "any", values = "table", of = "string", required = "boolean",
    doc = "string" }
local FUNCTION_KEYS = { args = "table", returns = "string", doc = "string" }

--- What a module may need; each is told by `lunette policy explain`.
catalog.CAPABILITIES = { "network", "clock", "random", "log", "database",
    "memory" }

local RESERVED_OPTIONS = lists.set({ "version" })

local function check_keys(report, place, said, value, allowed)
    for _, key in ipairs(lists.keys(value)) do
        local kind = allowed[key]
        if type(key) == "string" and not kind then
            report:error(place, key, "%s: unknown key %s%s", said,
                text.quote(key), text.did_you_mean(key, lists.keys(allowed)))
        elseif kind and kind ~= "any" and type(value[key]) ~= kind then
            report:error(place, key, "%s: %s must be a %s", said,
                text.quote(key), kind)
        end
    end
end

local function bound(raw, kind, otherwise)
    if raw == nil then return otherwise end
    return units.read(raw, { type = kind.of or kind.type, least = 0,
        most = math.huge }) or otherwise
end

local function read_option(report, place, raw)
    local name = raw[1]
    if type(name) ~= "string" or RESERVED_OPTIONS[name] then
        report:error(place, "options", "an option has no name of its own")
        return nil
    end
    local said = "option " .. text.quote(name)
    check_keys(report, place, said, raw, OPTION_KEYS)
    if not lists.find(units.KINDS, raw.type)
        or raw.type == "list" and not lists.find(units.KINDS, raw.of)
        or raw.type == "enum" and type(raw.values) ~= "table" then
        report:error(place, name, "%s: 'type' must be %s", said,
            text.quoted_list(units.KINDS, "or"))
        return nil
    end
    local kind = { type = raw.type, of = raw.of, values = raw.values }
    kind.least, kind.most = bound(raw.min, kind, 0), bound(raw.max, kind, 2 ^ 53)
    local option = { name = name, kind = kind, doc = raw.doc or "",
        required = raw.required == true }
    if raw.default ~= nil then
        local wrong
        option.default, wrong = units.read(raw.default, kind)
        if option.default == nil then
            report:error(place, name, "%s: the default %s", said, wrong)
        end
    end
    return option
end

local function read_options(report, place, raw)
    local list = {}
    for _, one in ipairs(raw or {}) do
        local option = type(one) == "table"
            and read_option(report, place, one)
        if option then
            list[#list + 1], list[option.name] = option, option
        end
    end
    return list
end

local function check_functions(report, place, raw)
    for at, one in ipairs(raw or {}) do
        local name = type(one) == "table" and one[1]
        if type(name) ~= "string" then
            report:error(place, "functions", "function %d has no name", at)
        else
            check_keys(report, place, "function " .. text.quote(name), one,
                FUNCTION_KEYS)
        end
    end
end

local function check_capabilities(report, place, raw)
    for _, name in ipairs(raw or {}) do
        if not lists.find(catalog.CAPABILITIES, name) then
            report:error(place, tostring(name), "unknown capability %s%s",
                text.quote(name), text.did_you_mean(tostring(name),
                    catalog.CAPABILITIES))
        end
    end
end

-- Runs a manifest in an empty environment.
local function run(source, chunk, tools)
    if source:sub(1, 1) == "\27" then return nil, "this is bytecode" end
    local main, wrong = load(source, chunk, "t", {})
    if not main then return nil, wrong end
    local manifest
    local function go() manifest = main() end
    local ok, problem
    if tools.guarded then
        ok, problem = tools.guarded(go)
    else
        ok, problem = pcall(go)
    end
    if not ok then return nil, tostring(problem) end
    if type(manifest) ~= "table" then return nil, "returns no table" end
    return manifest
end

local function read_manifest(report, source, tools)
    local path = ("modules/%s/manifest.lua"):format(source.name)
    local place = { file = path }
    local raw, wrong = run(source.manifest, "=" .. path, tools)
    if not raw then
        wrong = wrong:gsub("^" .. path:gsub("%p", "%%%0") .. ":", "line ")
        report:error(place, nil, "%s", wrong)
        return nil
    end
    check_keys(report, place, "the manifest", raw, KEYS)
    if raw.name ~= source.name then
        report:error(place, "name", "the module is called %s, but its folder %s",
            text.quote(raw.name), text.quote(source.name))
    end
    if not versions.is_version(raw.version) then
        report:error(place, "version", "version %s must be written as '1.2.0'",
            text.quote(raw.version))
        return nil
    end
    if not source.code then
        report:error(place, nil, "the module has no %s.lua", source.name)
    end
    check_capabilities(report, place, raw.capabilities)
    check_functions(report, place, raw.functions)
    return { name = source.name, version = raw.version,
        title = raw.title or source.name,
        capabilities = raw.capabilities or {},
        options = read_options(report, place, raw.options),
        functions = raw.functions or {}, types = raw.types or {},
        hash = tools.sha256(source.manifest .. "\n" .. (source.code or ""))
            :sub(1, 8) }
end

--- Reads the manifests.
-- @tparam {table,...} sources { name, manifest, code } texts of
--   modules/NAME/manifest.lua and modules/NAME/NAME.lua
-- @tparam table report lunette.app.report
-- @tparam table tools sha256, and guarded where there is one
-- @treturn table name → false for a manifest that is wrong, or { name, version,
--   title, capabilities, options (list and
--   by name: { name, kind, default, required, doc }), functions, types, hash }
function catalog.read(sources, report, tools)
    local modules = {}
    for _, source in ipairs(sources) do
        modules[source.name] = read_manifest(report, source, tools) or false
    end
    return modules
end

return catalog
