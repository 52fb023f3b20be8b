-- Every example of an app in the documents compiles without an error.
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
local POLICY = { text = 'app "shop" { extend = { "base.Partner" } }' }
local SHOP = 'app "shop" { depends = { "base" } }\n'

local function documents()
    local list = { "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md" }
    for path in assert(io.popen("ls docs/*.md")):lines() do
        list[#list + 1] = path
    end
    return list
end

local count = 0
for _, path in ipairs(documents()) do
    local blocks = apps.blocks(path)
    count = count + #blocks
    if #blocks > 0 then
        describe("an example of " .. path, function()
            for at, block in ipairs(blocks) do
                it("compiles: " .. block:match("^[^\n]*"), function()
                    local name = block:match('^app "([%w_]+)"') or "shop"
                    local text = block:find('^app "') and block or SHOP .. block
                    local wanted = { [name] = text }
                    if text:find('"base', 1, true) then wanted.base = BASE end
                    assert.same({}, apps.errors(wanted, POLICY), at)
                end)
            end
        end)
    end
end

describe("the examples of apps in the documents", function()
    it("are found", function() assert.is_true(count >= 12) end)
end)
