-- Prints what doc-tables.mjs writes into documents, as JSON: the manifests of the
-- core modules and the limits of apps.
-- SPDX-License-Identifier: Apache-2.0
-- usage: luajit tools/policy-tables.lua (in the project's folder)
package.path = "lua/?.lua;" .. package.path
local cjson = require("cjson")
local limits = require("lunette.policy.limits")
local units = require("lunette.policy.units")

local out = { modules = {}, limits = {} }

for path in assert(io.popen("ls modules/*/manifest.lua")):lines() do
    local manifest = dofile(path)
    for _, option in ipairs(manifest.options or {}) do
        if option.default ~= nil then
            local kind = { type = option.type, of = option.of,
                values = option.values, least = 0, most = math.huge }
            local value = units.read(option.default, kind)
            if value == nil then value = option.default end
            option.shown = units.show(value, kind)
        end
        if type(option.default) == "table" then option.default = nil end
    end
    out.modules[#out.modules + 1] = manifest
end

for at, limit in ipairs(limits.list) do
    out.limits[at] = { key = limit.key, doc = limit.doc,
        default = units.show(limit.default, limit.kind),
        least = units.show(limit.kind.least, limit.kind),
        most = units.show(limit.kind.most, limit.kind) }
end

print(cjson.encode(out))
