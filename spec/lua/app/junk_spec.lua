-- Declarations of random junk are told what is wrong with them; none breaks the
-- loader, and what it takes makes a schema without conflicts.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local sdl = require("lunette.graphql.sdl")
local types = require("lunette.graphql.types")

local PROGRAMS = 1000

local ATOMS = { "1", "-1", "1.5", "true", "false", "nil", '"x"', '""', '"Lead"',
    '"base.Partner"', '"manager"', "function() end", "text", "int", "text {}",
    "int { min = 1 }", 'ref "Lead" {}', 'ref "Lead"', 'refs "Lead" {}',
    'many "Lead" {}', "list(text)", 'list "Lead"', "list { a = int }",
    "list(list(text))", "list(5)", 'enum { "A", "B" }', 'enum "State" {}',
    'enum "No"', "id", "id {}", 'id "text" {}', 'sql "a"', "gt(1)", "me",
    "now()", "today()", "null", "days(3)", "created", "json {}",
    "decimal { digits = { 5, 2 } }", "setmetatable({}, {})", "math.huge",
    "0/0", "either {}", "app", "model", 'role "r"', 'model "Q"' }
local KEYS = { "args", "returns", "by", "run", "title", "help", "graphql",
    "fields", "check", "default", "required", "min", "max", "size",
    "before_create", "after_write", "a", "b_c", "name", "order", "label",
    "on_upgrade", "version", "depends", "uses", "limit", "unique" }
local WRAPPERS = { "text ", "int ", 'ref "Lead" ', "list(text) ", "enum " }
local RESULTS = { "text", "list(int)", '"Lead"', 'list "Lead"', "nil",
    "{ a = int, b_c = { a = text } }", "list { a = bool {}, b = list(text) }" }
local WORDS = { 'query "q%d"', 'mutation "m%d"', 'extend "base.Partner"',
    'model "M%d"', 'query "stats"', 'extend "Lead"', 'access "Lead"',
    'role "r%d"' }

local HEAD = [[app "test" { depends = { "base" } }
role "manager" {}
enum "State" { "A" }
model "Lead" { fields = { name = text {} } }
]]
local BASE = 'app "base" {}\nmodel "Partner" { fields = { name = text {} } }'
local POLICY = { text = 'app "test" { extend = { "base.Partner" } }' }

local random = math.random

local function value(depth)
    if depth <= 0 or random() < 0.45 then return ATOMS[random(#ATOMS)] end
    local parts = {}
    for i = 1, random(0, 4) do
        local dice, inner = random(), value(depth - 1)
        if dice < 0.25 then
            parts[i] = inner
        elseif dice < 0.35 then
            parts[i] = ("[%d] = %s"):format(random(-1, 5), inner)
        else
            parts[i] = KEYS[random(#KEYS)] .. " = " .. inner
        end
    end
    local body = "{ " .. table.concat(parts, ", ") .. " }"
    return random() < 0.3 and WRAPPERS[random(#WRAPPERS)] .. body or body
end

local function declaration(number)
    local word = WORDS[random(#WORDS)]:format(number)
    local body = value(3)
    if word:find("^query") or word:find("^mutation") then
        body = ("{ args = %s, returns = %s, by = %s, run = function() end }")
            :format(random() < 0.6 and "nil" or value(2),
                random() < 0.5 and RESULTS[random(#RESULTS)] or value(3),
                random() < 0.6 and "nil" or value(1))
    elseif random() < 0.5 then
        body = ("{ fields = %s, before_create = %s, check = %s }")
            :format(value(3), value(0), value(2))
    end
    return word .. " (" .. body .. ")"
end

local function program()
    local lines = { HEAD }
    for i = 1, random(1, 3) do lines[i + 1] = declaration(i) end
    return table.concat(lines, "\n")
end

local function check(text)
    local set, errors = apps.compile({ base = BASE, test = text }, POLICY)
    for _, entry in ipairs(errors or {}) do
        assert(not entry.message:find("0x%x%x%x%x"), entry.message)
    end
    if not set then return end
    local schema = types.new(set, {})
    sdl.print(schema)
    assert(#schema.conflicts == 0, "types conflict")
    return true
end

describe("random junk", function()
    it("never breaks the loader", function()
        math.randomseed(tonumber(os.getenv("LUNETTE_TEST_SEED")) or 7)
        local taken = 0
        for _ = 1, PROGRAMS do
            local text = program()
            local ok, result = pcall(check, text)
            if not ok then error(tostring(result) .. "\n" .. text) end
            if result then taken = taken + 1 end
        end
        assert.is_true(taken > 10)
    end)
end)
