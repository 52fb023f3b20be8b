--- What the command line does for developers, beside `check` and `schema`.
--
-- Runs like lunette.loader: on the command line, with the blocking functions of
-- core/bind/loader.h.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.tools
local annotations = require("lunette.app.annotations")
local catalog = require("lunette.policy.catalog")
local loader = require("lunette.loader")
local policy_files = require("lunette.policy.read")
local reports = require("lunette.app.report")

local tools = {}

local FILE_BYTES = 1024 * 1024

local function list(items)
    return setmetatable(items or {}, host.array_mt)
end

-- Annotations ---------------------------------------------------------------

-- The modules whose manifests are right.
local function modules_of(apps)
    local sources, message = policy_files.sources(apps)
    if not sources then return nil, message end
    local found = {}
    local modules = catalog.read(sources.modules, reports.new(),
        { sha256 = host.sha256 })
    for _, source in ipairs(sources.modules) do
        if modules[source.name] then
            found[#found + 1] = modules[source.name]
        end
    end
    return found
end

local function pages(models, modules)
    local folder = annotations.FOLDER .. "/"
    local out = {
        { folder .. "lunette.lua", annotations.words(models) },
        { folder .. "models.lua", annotations.models(models) },
    }
    for _, module in ipairs(modules) do
        out[#out + 1] = { folder .. module.name .. ".lua",
            annotations.module(module) }
    end
    return out
end

-- A configuration that somebody has changed is theirs.
local function write_configuration(folder)
    local path = folder .. "/.luarc.json"
    local wanted = host.json_encode(annotations.configuration()) .. "\n"
    local text = host.read_file(path, FILE_BYTES)
    if text == wanted then return true end
    if text then return true, annotations.FOLDER end
    local ok, message = host.write_file(path, wanted)
    return ok, message
end

--- `lunette annotations`: writes them beside the apps.
-- @tparam table options apps and folder (where they are written)
-- @treturn string {"ok":, "files":, "library":, "errors":} as JSON; `library` is
--   there when a .luarc.json was left as it is
function tools.annotations(options)
    local set, errors = loader.compile(options.apps)
    local modules, message = modules_of(options.apps)
    if not modules then
        return host.json_encode({ ok = false,
            errors = list({ { message = message } }) })
    end
    local files, ok = list(), true
    for _, page in ipairs(pages(set and set.models or {}, modules)) do
        ok, message = host.write_file(options.folder .. "/" .. page[1], page[2])
        if not ok then break end
        files[#files + 1] = page[1]
    end
    local library
    if ok then ok, library = write_configuration(options.folder) end
    if not ok then
        errors = { { message = message or library } }
    end
    return host.json_encode({ ok = ok and set ~= nil, files = files,
        library = ok and library or nil, errors = list(errors) })
end

return tools
