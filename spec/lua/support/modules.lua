--- The core modules of the project, for specs.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.modules
local modules = {}

local function read(path)
    local file = io.open(path)
    local text = file and file:read("*a")
    if file then file:close() end
    return text
end

--- As lunette.app.compile takes them in `policy.modules`.
function modules.sources()
    local list = {}
    for name in assert(io.popen("ls modules")):lines() do
        local manifest = read("modules/" .. name .. "/manifest.lua")
        if manifest then
            list[#list + 1] = { name = name, manifest = manifest,
                code = read(("modules/%s/%s.lua"):format(name, name)) }
        end
    end
    return list
end

return modules
