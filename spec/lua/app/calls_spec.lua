-- query, mutation, hooks and functions as defaults: what is declared, and what
-- is refused.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local language = require("lunette.app.language")
local sdl = require("lunette.graphql.sdl")
local types = require("lunette.graphql.types")

local LEAD = 'model "Lead" { fields = { name = text {} } }\n'

local function set_of(text)
    return apps.set({ test = 'app "test" {}\n' .. LEAD .. text })
end

local function type_in(text, name, options)
    local schema = types.new(set_of(text), options or {})
    local printed = "\n" .. sdl.print(schema)
    return printed:match("\n%l+ (" .. name .. " .-\n})\n") or ""
end

local function sorted_lines(text)
    return (text:gsub("%s+", " "))
end

describe("a call", function()
    it("is in the release set with its arguments, result and roles", function()
        local set = set_of [[
            role "manager" {}
            query "top_leads" {
              args = { n = int { default = 5, min = 1 }, state = enum { "A" } },
              returns = list "Lead", by = { "manager", "portal" },
              run = function() end,
            }]]
        local call = set.calls[1]
        assert.same({ "test", "query", "top_leads", "topLeads" },
            { call.app, call.kind, call.name, call.graphql })
        assert.same({ "test.manager", "portal" }, { unpack(call.by) })
        assert.equal("n", call.args[1].name)
        assert.equal(1, call.args[1].min)
        assert.equal("TopLeadsState", call.args[2].enum)
        assert.same({ kind = "model", model = "test.Lead", list = true,
            required = false }, call.returns)
        assert.same({ file = "apps/test/app.lua", line = 4 }, call.place)
        assert.equal("test:app.lua", set.apps[1].files[1].chunk)
    end)

    it("is a root field with typed arguments", function()
        local text = [[query "find_them" { args = {
              ids = list(id) { required = true }, n = int { default = 5 },
              m = int { default = 1, required = true }, day = date {
              default = today(), required = true }, price = money {
              default = "1.5" }, how = json { default = { a = 1 } },
              words = list(text) { default = { 'x"y' } } },
              returns = text { required = true }, run = function() end }]]
        local query = type_in(text, "Query")
        assert.is_truthy(query:find('findThem(day: Date, how: Json = '
            .. [["{\"a\":1}", ids: [ID!]!, m: Int! = 1, n: Int = 5, ]]
            .. [[price: Decimal = "1.5", words: [String!] = ["x\"y"]): String!]],
            1, true), query)
    end)

    it("takes records by their ids", function()
        local text = [[query "of" { args = { lead = ref "Lead" {
            required = true }, all = refs "Lead" {} }, run = function() end }]]
        assert.is_truthy(type_in(text, "Query"):find(
            "of(all: [ID!], lead: ID!): Boolean!", 1, true))
        assert.equal("test.Lead", set_of(text).calls[1].args[1].target)
    end)

    it("returns objects of its own, also in lists and nested", function()
        local text = [[query "stats" { returns = { count = int {},
            total = decimal { required = true }, best = "Lead",
            all = list "Lead", by_day = list { day = date, n = int } },
            run = function() end }
            mutation "tidy_up" { run = function() end }]]
        assert.equal("Stats { all: [Lead!]! best: Lead byDay: [StatsByDay!]! "
            .. "count: Int total: Decimal! }",
            sorted_lines(type_in(text, "Stats")))
        assert.equal("StatsByDay { day: Date n: Int }",
            sorted_lines(type_in(text, "StatsByDay")))
        assert.is_truthy(type_in(text, "Mutation"):find(
            "tidyUp: Boolean!", 1, true))
    end)

    it("takes the prefix of its app", function()
        local set = apps.set({ hr = 'app "hr" { prefix = "Hr" }\nquery "stats"'
            .. " { returns = { n = int }, run = function() end }" })
        assert.equal("hrStats", set.calls[1].graphql)
        assert.equal("HrStats", set.calls[1].returns.name)
    end)

    it("is absent in strict mode", function()
        local text = 'query "stats" { returns = { n = int {} }, run = function()'
            .. ' end } mutation "go" { run = function() end }'
        assert.equal("", type_in(text, "Stats", { strict = true }))
        local query = type_in(text, "Query", { strict = true })
        assert.is_nil(query:find("stats", 1, true))
    end)
end)

describe("a function", function()
    it("makes hooks and defaults part of the release set", function()
        local set = set_of [[
            model "Order" { fields = {
                price = money { default = function() end },
                lead = ref "Lead" { default = function() end },
              },
              after_write = function() end, before_create = function() end }]]
        assert.same({ ["test.Order"] = {
            after_write = { { app = "test",
                entry = "hook:after_write:Order" } },
            before_create = { { app = "test",
                entry = "hook:before_create:Order" } } } }, set.hooks)
        for _, field in ipairs(set.models[2].fields) do
            if field.default then
                assert.same({ lua = true, app = "test",
                    entry = "default:Order." .. field.name }, field.default)
            end
        end
    end)

    it("is not looked for in an app that has none", function()
        assert.is_nil(set_of("").apps[1].files)
        assert.is_truthy(set_of('mutation "go" { run = function() end }')
            .apps[1].files)
    end)
end)

describe("the files of an app", function()
    it("may hold filters, null, me and now outside of functions", function()
        assert.same({}, apps.errors_of([[
            local OPEN = { state = one_of { "new" }, due = null, n = gt(3),
              either { { owner = me }, any("lines", { day = lt(today()) }) } }
            query "q" { run = function() return OPEN end }]]))
    end)

    it("are told at once when a filter is written wrongly", function()
        for code, message in pairs {
            ["gt()"] = "gt needs a value",
            ["either(5)"] = "either { filter, filter } takes a list of filters",
            ["one_of('a')"] = "one_of { value, value } takes a list",
            ["any { a = 1 }"] = 'any("lines", { ... }) takes the name of a'
                .. " relation",
        } do
            assert.same({ "apps/test/app.lua:2: " .. message },
                apps.errors_of("local x = " .. code))
        end
    end)

    it("cannot use what needs a request outside of functions", function()
        for _, word in ipairs(language.names(nil, "request")) do
            local errors = apps.errors_of("local x = " .. word .. '("x")')
            assert.same({ ("apps/test/app.lua:2: '%s' works only while a"
                .. " request runs: call it inside a function, as in run ="
                .. " function() ... end"):format(word) }, errors)
        end
    end)
end)

describe("a wrong declaration", function()
    local cases = {
        { 'query "Big" { run = function() end }',
            "query name 'Big' must be lower-case letters, digits and '_'" },
        { 'query "q" {}', "query 'q' has no run = function(args) ... end" },
        { 'query "q" { run = 5 }', "query 'q': 'run' must be a function" },
        { 'query "q"', "query 'q' has no { ... }" },
        { 'query "q" { retruns = text, run = function() end }',
            "query 'q': unknown option 'retruns'; did you mean 'returns'?" },
        { 'query "q" { args = { a = many "Lead" {} }, run = function() end }',
            "query 'q'.a: an argument cannot be many; write ref \"Model\" {} or"
            .. " refs \"Model\" {}" },
        { 'query "q" { args = { a = ref "Laed" {} }, run = function() end }',
            "query 'q' names 'Laed', which is no model; did you mean 'Lead'?" },
        { 'query "q" { args = { a = ref "Lead" { on_delete = "cascade" } }, run'
            .. " = function() end }", "query 'q'.a: unknown option 'on_delete'" },
        { 'query "q" { args = { a = list "Lead" }, run = function() end }',
            "query 'q'.a: an argument is a list of a type, as in list(text), "
            .. "or json" },
        { 'query "q" { args = { a = created }, run = function() end }',
            "query 'q'.a: 'created' is for the fields of models; write "
            .. "datetime" },
        { 'query "q" { args = { a = int { unique = true } }, run = function()'
            .. " end }", "query 'q'.a: unknown option 'unique'" },
        { 'query "q" { args = { a = int { default = "x" } }, run = function()'
            .. " end }", "query 'q'.a: the default must be a whole number" },
        { 'query "q" { args = { a = int { default = function() end } }, run ='
            .. " function() end }",
            "query 'q'.a: the default of an argument cannot be a function" },
        { 'query "q" { args = { a = "text" }, run = function() end }',
            "query 'q'.a is not an argument; write a = text {} or another "
            .. "type" },
        { 'query "q" { args = { a_b = int, a__b = int }, run = function() end }',
            "query 'q': the argument name 'a__b' must be lower-case letters, "
            .. "digits and '_'" },
        { 'query "q" { returns = "Laed", run = function() end }',
            "query 'q' names 'Laed', which is no model; did you mean "
            .. "'Lead'?" },
        { 'query "q" { returns = "base.Partner", run = function() end }',
            "query 'q' names 'base.Partner', but 'depends' does not name the"
            .. " app 'base'" },
        { 'query "q" { returns = {}, run = function() end }',
            "query 'q': an object needs fields: { count = int {} }" },
        { 'query "q" { returns = 5, run = function() end }',
            "query 'q': 'returns' is text, \"Model\", list \"Model\", list(text)"
            .. " or a table of fields" },
        { 'query "q" { returns = many "Lead" {}, run = function() end }',
            "query 'q'.result: write \"Model\" or list \"Model\"" },
        { 'query "q" { by = "boss", run = function() end }',
            "query 'q': by: unknown role 'boss'" },
        { 'query "q" { by = {}, run = function() end }',
            "query 'q': 'by' is written \"manager\" or { \"manager\", "
            .. "\"clerk\" }" },
        { 'query "leads" { run = function() end }',
            "query 'leads' gives the API field 'leads' that model 'test.Lead'"
            .. " (apps/test/app.lua:2) has; name it with graphql = \"...\"" },
        { 'query "node" { run = function() end }',
            "query 'node' gives the API field 'node' that every service has; "
            .. "name it with graphql = \"...\"" },
        { 'mutation "create_lead" { run = function() end }',
            "mutation 'create_lead' gives the API field 'createLead' that model"
            .. " 'test.Lead' (apps/test/app.lua:2) has; name it with graphql ="
            .. " \"...\"" },
        { 'query "lead_edge" { returns = { n = int }, run = function() end }',
            "query 'lead_edge' and model 'test.Lead' (apps/test/app.lua:2) both"
            .. " give the type 'LeadEdge'" },
        { 'query "q" { run = function() end } query "q" { run = function() end'
            .. " }", "query 'q' is declared twice; the first is at "
            .. "apps/test/app.lua:3" },
        { 'model "A" { fields = {}, before_create = 5 }',
            "A: 'before_create' must be a function" },
        { 'model "A" { fields = {}, before_creat = function() end }',
            "A: unknown option 'before_creat'; did you mean 'before_create'?" },
        { 'model "A" { fields = { l = list "Lead" } }',
            'A.l: a list of records is written refs "Lead" {} or many "Lead" {}' },
        { "find = 5", "'find' is a word of Lunette and cannot be set" },
    }
    for _, case in ipairs(cases) do
        it("is refused: " .. case[1], function()
            local errors = apps.errors_of(LEAD .. case[1])
            assert.equal(case[2], ((errors[1] or "none"):gsub(
                "^apps/test/app%.lua:%d+: ", "")))
        end)
    end

    it("of two apps names both", function()
        local errors = apps.errors({
            a = 'app "a" {}\nquery "stats" { returns = { n = int }, run ='
                .. " function() end }",
            b = 'app "b" {}\nquery "stats" { returns = { n = int }, run ='
                .. " function() end }",
        })
        assert.same({ "apps/b/app.lua:2: query 'stats' and query 'stats' "
            .. "(apps/a/app.lua:2) both give the type 'Stats'; give one of the "
            .. "apps a prefix: app \"b\" { prefix = \"B\" }",
            "apps/b/app.lua:2: query 'stats' gives the API field 'stats' that "
            .. "query 'stats' (apps/a/app.lua:2) has; name it with graphql = "
            .. "\"...\"" }, errors)
    end)
end)

describe("on_upgrade", function()
    it("is a function of the app", function()
        local set = apps.set({ test = 'app "test" { on_upgrade = function()'
            .. " end }" })
        assert.is_true(set.apps[1].on_upgrade)
        assert.is_truthy(set.apps[1].files)
        assert.same({ "apps/test/app.lua:1: app: 'on_upgrade' must be a"
            .. " function" }, apps.errors({ test = 'app "test" { on_upgrade ='
            .. " 5 }" }))
    end)
end)
