--- Apps for specs, written as text.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.apps
require("support.host")
local compile = require("lunette.app.compile")

local apps = {}

local function sources(by_name)
    local list = {}
    for name, content in pairs(by_name) do
        local files = {}
        if type(content) == "string" then content = { ["app.lua"] = content } end
        for path, text in pairs(content) do
            files[#files + 1] = { path = "apps/" .. name .. "/" .. path,
                text = text }
        end
        list[#list + 1] = { name = name, files = files }
    end
    table.sort(list, function(a, b) return a.name < b.name end)
    return list
end

--- Compiles { name = text of app.lua | { path = text } }.
-- @tparam table by_name
-- @tparam ?table policy as lunette.app.compile takes it
function apps.compile(by_name, policy)
    return compile.apps(sources(by_name), { policy = policy })
end

--- The release set of right apps.
function apps.set(by_name, policy)
    local set, errors = apps.compile(by_name, policy)
    if not set then
        local lines = {}
        for at, entry in ipairs(errors) do lines[at] = compile.format(entry) end
        error(table.concat(lines, "\n"), 2)
    end
    return set
end

--- The errors of wrong apps, one line each.
function apps.errors(by_name, policy)
    local _, errors = apps.compile(by_name, policy)
    local lines = {}
    for at, entry in ipairs(errors or {}) do lines[at] = compile.format(entry) end
    return lines
end

--- The errors of an app "test" with this text behind its first line.
function apps.errors_of(text)
    return apps.errors({ test = 'app "test" {}\n' .. text })
end

--- The models of such an app by name, and the set.
function apps.models_of(text)
    local set, by_name = apps.set({ test = 'app "test" {}\n' .. text }), {}
    for _, model in ipairs(set.models) do
        by_name[model.name] = model
        model.by_name = {}
        for _, field in ipairs(model.fields) do
            model.by_name[field.name] = field
        end
    end
    return by_name, set
end

--- The fenced lua blocks of a Markdown file.
function apps.blocks(path)
    local file = assert(io.open(path))
    local text, blocks = file:read("*a"), {}
    file:close()
    for block in text:gmatch("\n```lua\n(.-)\n```") do
        blocks[#blocks + 1] = block .. "\n"
    end
    return blocks
end

return apps
