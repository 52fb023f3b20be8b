-- Every example of an app in the documents compiles without an error.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local compile = require("lunette.app.compile")
local modules = require("support.modules")

local BASE = [[
app "base" {}
role "employee" {}
model "Partner" { fields = { name = text {} } }
model "User" { fields = { login = text { size = 60, unique = true } } }
access "Partner" { portal = "read" }
access "User" { portal = "read" }
]]
local POLICY = { text = 'app "shop" { extend = { "base.Partner" } }\n'
    .. 'default { modules = { "cache", "crypto", "csv", "decimal", "json", "log",'
    .. ' "time" } }', modules = modules.sources() }
local SHOP = 'app "shop" { depends = { "base" } }\n'

local function documents()
    local list = { "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md" }
    for path in assert(io.popen("ls docs/*.md")):lines() do
        list[#list + 1] = path
    end
    return list
end

-- What an example of a policy names.
local NAMED = {
    { name = "base", files = { { path = "apps/base/app.lua", text = BASE } } },
    { name = "sales", files = { { path = "apps/sales/app.lua", text =
        'app "sales" {}\nrole "manager" {}\nrole "developer" {}\n'
        .. 'model "Order" { fields = {} }' } } },
    { name = "crm", files = { { path = "apps/crm/app.lua",
        text = 'app "crm" {}' } } },
}

local function policy_errors(text, manifests)
    local _, _, errors = compile.grants(NAMED, { policy = { text = text,
        modules = manifests or POLICY.modules } })
    local lines = {}
    for at, entry in ipairs(errors or {}) do lines[at] = compile.format(entry) end
    return lines
end

-- Examples that say in their first line what they are.
local KINDS = {
    { "^%-%- policy%.lua\n", function(block)
        assert.same({}, policy_errors(block))
    end },
    { "^%-%- modules/%l+/manifest%.lua\n", function(block)
        local name = block:match("/(%l+)/")
        local manifests = modules.sources()
        manifests[#manifests + 1] = { name = name, manifest = block,
            code = "return {}" }
        local text = 'app "crm" { modules = { "' .. name
            .. '", http = { hosts = "a.example" } } }'
        assert.same({}, policy_errors(text, manifests))
    end },
    { "^%-%- modules/%l+/%l+%.lua\n", function(block)
        local options = { words = { "Hello" }, length = 100 }
        local main = assert(load(block, "=module", "t", setmetatable({
            misuse = error }, { __index = _G })))
        assert.equal("Hello Eve", main({}, options).hello("Eve"))
    end },
}

local function check_app(block, at)
    local found = ("\n" .. block):match('\napp "([%w_]+)"')
    local name, text = found or "shop", found and block or SHOP .. block
    local wanted = { [name] = text }
    if text:find('"base', 1, true) then wanted.base = BASE end
    assert.same({}, apps.errors(wanted, POLICY), at)
end

local count = 0
for _, path in ipairs(documents()) do
    local blocks = apps.blocks(path)
    count = count + #blocks
    if #blocks > 0 then
        describe("an example of " .. path, function()
            for at, block in ipairs(blocks) do
                it("compiles: " .. block:match("^[^\n]*"), function()
                    for _, kind in ipairs(KINDS) do
                        if block:find(kind[1]) then return kind[2](block) end
                    end
                    check_app(block, at)
                end)
            end
        end)
    end
end

describe("the examples of apps in the documents", function()
    it("are found", function() assert.is_true(count >= 12) end)
end)
