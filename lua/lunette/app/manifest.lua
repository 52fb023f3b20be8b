--- `app "sales" { ... }`: what an app says of itself, and the order of apps.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.manifest
local lists = require("lunette.util.lists")
local options = require("lunette.model.options")
local text = require("lunette.util.text")
local versions = require("lunette.policy.versions")

local manifest = {}

local OPTIONS = { version = "string", title = "string", depends = "table",
    uses = "table", prefix = "graphql", on_upgrade = "function" }
local MAX_NAME = 40
local RESERVED = lists.set({ "lunette", "public", "information_schema",
    "portal", "admin", "pg_catalog", "pg_toast" })
local NO_VERSION = "0.0.0"

local function check_name(app)
    local name, problem = app.name, nil
    if not name:find("^%l[%l%d_]*$") then
        problem = "must be lower-case letters, digits and '_'"
    elseif #name > MAX_NAME then
        problem = ("is longer than %d characters"):format(MAX_NAME)
    elseif RESERVED[name] or name:find("^pg_") or name:find("^lunette") then
        problem = "is reserved"
    end
    if problem then
        app.report:error({ file = app.path }, name, "app name %s %s",
            text.quote(name), problem)
    end
end

local function check_version(app, version)
    if version and not version:find("^%d+%.%d+%.%d+[%w.-]*$")
        or version and #version > 40 then
        app.report:error(app.place, version,
            "version %s must be written as '1.2.0'", text.quote(version))
        return NO_VERSION
    end
    return version or NO_VERSION
end

local function text_list(app, key, raw)
    local clean, seen = {}, {}
    for _, at in ipairs(lists.keys(raw or {})) do
        local value = raw[at]
        if type(at) ~= "number" or type(value) ~= "string" then
            app.report:error(app.place, key, "%s must be a list of names: "
                .. "{ \"base\" }", text.quote(key))
        elseif not seen[value] then
            seen[value] = true
            clean[#clean + 1] = value
        end
    end
    return clean
end

-- { "csv", "http 1.2" } → { { name = "csv" }, { name = "http", version = "1.2" } }
local function read_uses(app, raw)
    local uses = {}
    for at, module in ipairs(text_list(app, "uses", raw)) do
        local name, version = module:match("^(%l[%l%d]*) ?(.*)$")
        if not name or version ~= "" and not versions.is_wanted(version) then
            app.report:error(app.place, module, "'uses' takes names of modules,"
                .. " with a version when wanted: { \"csv\", \"http 1.2\" }")
        end
        uses[at] = { name = name or module,
            version = version ~= "" and version or nil }
    end
    return uses
end

local function find_declaration(app)
    if #app.manifests > 1 then
        app.report:error(app.manifests[2].place, "app",
            "app is declared twice; the first is at %s:%d",
            app.manifests[1].place.file, app.manifests[1].place.line)
    end
    local declared = app.manifests[1]
    if not declared then
        if not app.broken then
            app.report:error({ file = app.path }, "app",
                'the app does not say its name; begin with app "%s" {}',
                app.name)
        end
    elseif declared.name ~= app.name then
        app.report:error(declared.place, declared.name,
            "the app is called %s, but its folder %s",
            text.quote(declared.name), text.quote(app.name))
    end
    return declared
end

--- Reads the manifest of an app into the record: version, title, depends,
-- prefix, on_upgrade, has_functions.
function manifest.read(app)
    check_name(app)
    local declared = find_declaration(app)
    app.place = declared and declared.place or { file = app.path }
    local clean = declared and options.read(app, app.place, "app",
        declared.options, OPTIONS) or {}
    app.title, app.prefix = clean.title, clean.prefix
    app.has_functions = clean.on_upgrade ~= nil
    app.on_upgrade = clean.on_upgrade ~= nil
    app.version = check_version(app, clean.version)
    app.depends = text_list(app, "depends", clean.depends)
    if app.prefix and not app.prefix:find("^%u") then
        app.report:error(app.place, app.prefix,
            "prefix %s must begin with a capital letter",
            text.quote(app.prefix))
    end
    app.uses = read_uses(app, clean.uses)
end

local function check_depends(app, by_name)
    local present = {}
    for _, name in ipairs(app.depends) do
        if name == app.name then
            app.report:error(app.place, name, "the app depends on itself")
        elseif by_name[name] then
            present[#present + 1] = name
        else
            app.report:error(app.place, name,
                "the app depends on %s, which is not here%s", text.quote(name),
                text.did_you_mean(name, lists.keys(by_name)))
        end
    end
    table.sort(present)
    return present
end

--- Orders apps so that each stands behind those it depends on; apps without an
-- order between them stand by name. Reports missing apps and circles.
-- @treturn {table,...}
function manifest.order(apps)
    local by_name, state, ordered = {}, {}, {}
    for _, app in ipairs(apps) do by_name[app.name] = app end
    local function visit(name, path)
        local app = by_name[name]
        path[#path + 1] = name
        if state[name] == "open" then
            app.report:error(app.place, "depends",
                "apps depend on each other in a circle: %s",
                table.concat(path, " -> ", lists.find(path, name)))
        elseif not state[name] then
            state[name] = "open"
            for _, other in ipairs(app.present) do visit(other, path) end
            state[name] = "done"
            ordered[#ordered + 1] = app
        end
        path[#path] = nil
    end
    for _, app in ipairs(apps) do app.present = check_depends(app, by_name) end
    for _, name in ipairs(lists.keys(by_name)) do visit(name, {}) end
    return ordered
end

return manifest
