-- The target application: what is not built yet is refused by name, and nothing
-- else is wrong with it.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")

local BASE = [[
app "base" { version = "1.0.0" }
model "Partner" { fields = { name = text { required = true } } }
model "User" { fields = { login = text { required = true } } }
access "Partner" { portal = "read" }
access "User" { portal = "read" }
]]

describe("mini.lua", function()
    local file = assert(io.open("spec/data/mini.lua"))
    local mini = file:read("*a")
    file:close()
    local errors = apps.errors({ base = BASE, mini = mini }, {
        text = 'app "mini" { modules = { "mail" } }',
        modules = { { name = "mail", code = "return {}",
            manifest = 'return { name = "mail", version = "1.0.0" }' } } })

    it("has errors of one kind: not built yet", function()
        assert.is_true(#errors > 0)
        for _, line in ipairs(errors) do
            assert.is_truthy(line:find("^apps/mini/app%.lua:%d+: .* is not built yet$"),
                line)
        end
    end)

    it("names every word that is missing", function()
        local all = table.concat(errors, "\n")
        for word in ([[workflow on every view migrate mixins exclude tree
            search track translate sequence locked_if related only]])
            :gmatch("%S+") do
            assert.is_truthy(all:find("%f[%w_]" .. word .. " is not built yet"),
                word)
        end
        assert.is_truthy(all:find("stored = function is not built yet", 1, true))
        assert.is_truthy(all:find("a filter is not built yet", 1, true))
    end)
end)
