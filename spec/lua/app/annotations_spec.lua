-- What editors are told: of every word, option, model and module.
-- SPDX-License-Identifier: Apache-2.0
local annotations = require("lunette.app.annotations")
local apps = require("support.apps")
local language = require("lunette.app.language")
local types = require("lunette.model.types")

local SALES = [[
app "sales" { version = "1.0.0" }
role "user" {}
model "Lead" { title = "A lead\nof ours", fields = {
  name = text { required = true }, revenue = money {}, chance = int { default = 10 },
  state = enum { "OPEN", "WON" }, tags = list(text) {}, lines = many "Line" { by = "lead" },
  weighted = money { stored = sql "revenue * chance" }, made = created {}, extra = json {},
} }
model "Line" { fields = { lead = ref "Lead" { required = true }, parent = ref "Line" {},
  number = bigint {} } }
access "Lead" { user = "all" }
access "Line" { user = "all" }
]]

local models = apps.set({ sales = SALES }).models

-- Lines of a page are comments, annotations that are known, or Lua.
local KNOWN = { meta = "^%S+$", class = "^[%w_%.]+.*$", field = "^%S+ .+$",
    param = "^[%w_%.]+%?? .+$", ["return"] = "^.+$", overload = "^fun%b().*$",
    type = "^.+$", operator = "^%l+.*: .+$", generic = "^%u%w*$" }

local function check_page(text)
    assert.is_truthy(load(text, "=page", "t", {}))
    for line in text:gmatch("[^\n]+") do
        local tag, rest = line:match("^%-%-%-@(%w+) ?(.*)$")
        if tag then
            assert.is_truthy(KNOWN[tag], line)
            assert.is_truthy(rest:find(KNOWN[tag]), line)
            local opened, closed = rest:gsub("[%(%[{]", ""), rest:gsub("[%)%]}]", "")
            assert.equal(#opened, #closed, line)
        end
    end
end

local function block(text, class)
    local from = text:find("---@class " .. class:gsub("%p", "%%%0") .. "[:\n ]")
    assert.is_truthy(from, class)
    return text:sub(from):match("^.-\n\n") or text:sub(from)
end

describe("annotations of the words", function()
    local text = annotations.words(models)

    it("are Lua that editors can read", function() check_page(text) end)

    it("have every word of the language with its meaning", function()
        for _, word in ipairs(language.WORDS) do
            local name = word.name:gsub("%p", "%%%0")
            assert.is_truthy(text:find("\nfunction " .. name .. "%(")
                or text:find("\n" .. name .. " = nil\n"), word.name)
            assert.is_truthy(text:find(word.doc, 1, true), word.name)
        end
    end)

    it("have every option of every field type", function()
        for word, type in pairs(types.SCALARS) do
            local own = block(text, "lunette.options." .. word)
            for _, options in ipairs { types.COMMON, type.options } do
                for name in pairs(options) do
                    assert.is_truthy(own:find("@field " .. name .. "? ", 1, true),
                        word .. "." .. name)
                end
            end
        end
    end)

    it("name no option of a declaration that would be refused", function()
        local samples = { app = 'app "x" { %s = 1 }',
            role = 'app "x" {}\nrole "r" { %s = 1 }',
            model = 'app "x" {}\nmodel "M" { %s = 1 }',
            extend = 'app "x" {}\nextend "y.M" { %s = 1 }',
            call = 'app "x" {}\nquery "q" { %s = 1 }' }
        for name, sample in pairs(samples) do
            local own = block(text, "lunette.options." .. name)
            local count = 0
            for option in own:gmatch("@field ([%w_]+)%?") do
                count = count + 1
                for _, line in ipairs(apps.errors({ x = sample:format(option) })) do
                    assert.is_nil(line:find("unknown option", 1, true), line)
                end
            end
            assert.is_true(count > 0)
        end
    end)

    it("give each model its own records, by both of its names", function()
        for _, name in ipairs { "Lead", "sales.Lead" } do
            assert.is_truthy(text:find(('fun(model: "%s", filter?: table|lunette.Filter,'
                .. " options?: lunette.FindOptions): sales.Lead.list"):format(name), 1, true))
            assert.is_truthy(text:find(('fun(model: "%s", values: sales.Lead.values)'
                .. ": sales.Lead"):format(name), 1, true))
        end
    end)

    it("say both models where two apps have one of that name", function()
        local both = apps.set({ sales = SALES, hr = 'app "hr" { prefix = "Hr" }\n'
            .. 'model "Lead" { fields = { name = text {} } }\naccess "Lead" { public = "read" }' })
        local said = annotations.words(both.models)
        assert.equal("hr.Lead|sales.Lead|nil", said:match(
            'fun%(model: "Lead", filter%?: table|string%): (%S+)'))
    end)
end)

describe("annotations of the models", function()
    local text = annotations.models(models)

    it("are Lua that editors can read", function() check_page(text) end)

    it("have every field with the type that an app sees", function()
        local lead = block(text, "sales.Lead")
        for _, line in ipairs { "id string", "name string", "revenue? lunette.Decimal",
            "chance integer", 'state? ("OPEN"|"WON")', "tags string[]",
            "lines sales.Line.list", "weighted? lunette.Decimal", "made string", "extra? any" } do
            assert.is_truthy(lead:find("---@field " .. line .. "\n", 1, true), line)
        end
        local line = block(text, "sales.Line")
        assert.is_truthy(line:find("---@field lead sales.Lead\n", 1, true))
        assert.is_truthy(line:find("---@field parent? sales.Line\n", 1, true))
        assert.is_truthy(line:find("---@field number? integer|string\n", 1, true))
    end)

    it("let only be written what can be", function()
        local values = block(text, "sales.Lead.values")
        assert.is_truthy(values:find("---@field revenue? lunette.Decimal"
            .. "|number|string|lunette.Null", 1, true))
        assert.is_nil(values:find("weighted", 1, true))
        assert.is_nil(values:find("made", 1, true))
    end)

    it("keep a title on one line", function()
        assert.is_truthy(text:find("---A lead of ours\n", 1, true))
    end)
end)

describe("annotations of a module", function()
    it("have its functions and types from the manifest", function()
        local text = annotations.module(dofile("modules/csv/manifest.lua"))
        check_page(text)
        assert.is_truthy(text:find("^%-%-%-@meta csv\n"))
        assert.is_truthy(text:find("---@param text string", 1, true))
        assert.is_truthy(text:find("function csv.parse(text, options) end", 1, true))
        assert.is_truthy(text:find("---@class csv.options", 1, true))
        assert.is_truthy(text:find("\nreturn csv\n$"))
    end)
end)
