--- The texts of the policy and of the core modules, from where the settings say.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.read
local read = {}

local POLICY_BYTES, MODULE_BYTES = 1024 * 1024, 1024 * 1024

-- The file beside the folder of the apps, unless the setting names another one.
local function policy_of(apps)
    local given = host.policy_file
    -- Releases from the database need no folder of apps; a link leads on.
    local folder = apps:gsub("/+$", "")
    local parent = host.folders(folder) and folder .. "/../"
        or folder:match("^(.*/)[^/]*$") or ""
    local path = given or parent .. "policy.lua"
    local text, message = host.read_file(path, POLICY_BYTES)
    if message then return nil, nil, message end
    if given and not text then
        return nil, nil, ("policy: there is no file '%s'"):format(given)
    end
    return given or "policy.lua", text
end

local function module_of(name)
    local found = { name = name }
    local folder = host.modules_dir .. "/" .. name .. "/"
    local message
    found.manifest, message = host.read_file(folder .. "manifest.lua",
        MODULE_BYTES)
    if not found.manifest then return nil, message end
    found.code, message = host.read_file(folder .. name .. ".lua",
        MODULE_BYTES)
    return found, message
end

--- What lunette.app.compile takes as `policy`.
-- @tparam string apps folder of the apps
-- @treturn[1] table { path, text, modules }
-- @treturn[2] nil
-- @treturn[2] string message
function read.sources(apps)
    local sources = { modules = {} }
    local message
    sources.path, sources.text, message = policy_of(apps)
    if message then return nil, message end
    local names = host.folders(host.modules_dir) or {}
    for _, name in ipairs(names) do
        local found
        found, message = module_of(name)
        if message then return nil, message end
        sources.modules[#sources.modules + 1] = found
    end
    return sources
end

return read
