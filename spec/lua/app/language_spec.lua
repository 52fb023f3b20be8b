-- Every example of docs/language.md compiles without an error.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")

local BASE = [[
app "base" {}
role "employee" {}
model "Partner" { fields = { name = text {} } }
model "User" { fields = { login = text { size = 60, unique = true } } }
access "Partner" { portal = "read" }
access "User" { portal = "read" }
]]
local SHOP = 'app "shop" { depends = { "base" } }\n'

describe("an example of docs/language.md", function()
    local blocks = apps.blocks("docs/language.md")

    it("is found", function()
        assert.is_true(#blocks >= 8)
    end)

    for at, block in ipairs(blocks) do
        it("compiles: " .. block:match("^[^\n]*"), function()
            local text = block:find('^app "') and block or SHOP .. block
            assert.same({}, apps.errors({ base = BASE, shop = text }), at)
        end)
    end

    it("names only built words and options", function()
        local types = require("lunette.model.types")
        local file = assert(io.open("docs/language.md"))
        local text = file:read("*a")
        file:close()
        for word in pairs(types.SCALARS) do
            assert.is_truthy(text:find("`" .. word .. "[ `]"), word)
        end
        for _, allowed in pairs(types.RELATIONS) do
            for option in pairs(allowed) do
                assert.is_truthy(text:find("`" .. option .. "[ `]"), option)
            end
        end
    end)
end)
