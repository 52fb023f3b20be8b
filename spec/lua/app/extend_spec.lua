-- extend "other.Model": what an app may add to models of another one.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local db = require("support.db")
local schema = require("lunette.schema")

local BASE = [[app "base" {}
role "user" {}
model "Partner" { fields = { name = text {} },
  before_create = function() end }
enum "Kind" { "A" }]]
local POLICY = { text = 'app "crm" { extend = { "base.Partner" } }'
    .. ' app "hr" { extend = { "base.*" } }' }

local function crm(text)
    return 'app "crm" { depends = { "base" } }\n' .. text
end

local function set_of(text, others)
    local all = { base = BASE, crm = crm(text) }
    for name, other in pairs(others or {}) do all[name] = other end
    return apps.set(all, POLICY)
end

local function errors_of(text, others, policy)
    local all = { base = BASE, crm = crm(text) }
    for name, other in pairs(others or {}) do all[name] = other end
    return apps.errors(all, policy or POLICY)
end

local function partner_of(set)
    for _, model in ipairs(set.models) do
        if model.key == "base.Partner" then return model end
    end
end

local function field_of(model, name)
    for _, field in ipairs(model.fields) do
        if field.name == name then return field end
    end
end

describe("extend", function()
    it("adds fields, also of the enums and models of the app", function()
        local set = set_of [[
            enum "Grade" { "GOOD" }
            model "Lead" { fields = { partner = ref "base.Partner" {} } }
            extend "base.Partner" { fields = {
                grade = enum "Grade" {}, kind = enum "base.Kind" {},
                leads = many "Lead" { by = "partner" },
                main = ref "Lead" { one_sided = true },
                size = enum { "S", "L" } } }]]
        local partner = partner_of(set)
        assert.equal("crm", field_of(partner, "grade").added_by)
        assert.same({ "GOOD" }, { unpack(field_of(partner, "grade").values) })
        assert.equal("Kind", field_of(partner, "kind").enum)
        assert.equal("crm.Lead", field_of(partner, "leads").target)
        assert.equal("crm.Lead", field_of(partner, "main").target)
        assert.equal("PartnerSize", field_of(partner, "size").enum)
        assert.equal("grade", field_of(partner, "grade").column)
    end)

    it("adds hooks behind those of the model, in the order of the apps",
        function()
            local set = set_of([[
                extend "base.Partner" { before_create = function() end,
                    fields = { n = int { default = function() end } } }]],
                { hr = [[app "hr" { depends = { "base", "crm" } }
                extend "base.Partner" { before_create = function() end }]] })
            assert.same({
                { app = "base", entry = "hook:before_create:Partner" },
                { app = "crm", entry = "hook:before_create:base.Partner" },
                { app = "hr", entry = "hook:before_create:base.Partner" },
            }, set.hooks["base.Partner"].before_create)
            assert.same({ lua = true, app = "crm",
                entry = "default:base.Partner.n" },
                field_of(partner_of(set), "n").default)
        end)

    it("adds checks over all fields of the model", function()
        local set = set_of [[extend "base.Partner" {
            fields = { n = int {} },
            check = { "n == nil or length(name) > n", "{name} is short" } }]]
        assert.equal("{name} is short", partner_of(set).checks[1].message)
    end)

    local LEAD = 'model "Lead" { fields = { name = text {} } }\n'
    local cases = {
        { 'extend "base.Partner" { fields = { name = text {} } }',
            "apps/crm/app.lua:2: base.Partner: the app 'base' has given it a"
            .. " field 'name' already: apps/base/app.lua:3" },
        { 'extend "base.Partner" { fields = { n = int { required = true } } }',
            "apps/crm/app.lua:2: base.Partner.n: a field of another app's model"
            .. " cannot be required without a default: its own app does not"
            .. " know it" },
        { 'extend "base.Partner" { fields = { version = bigint {} } }',
            "apps/crm/app.lua:2: base.Partner: 'version' cannot be added to"
            .. " another app's model" },
        { 'extend "base.Partner" { label = "{name}" }',
            "apps/crm/app.lua:2: extend 'base.Partner': unknown option 'label'"
        },
        { 'extend "base.Partnr" {}', "apps/crm/app.lua:2: extend 'base.Partnr':"
            .. " there is no such model; did you mean 'base.Partner'?" },
        { 'extend "hr.Job" {}', "apps/crm/app.lua:2: extend 'hr.Job': 'depends'"
            .. " does not name the app 'hr'" },
        { LEAD .. 'extend "Lead" {}', "apps/crm/app.lua:3: extend 'Lead': the"
            .. ' model is this app\'s own; write it in model "Lead"' },
        { 'extend "base.Partner" { check = { "nmae == nil", "x" } }',
            "apps/crm/app.lua:2: Partner: check 'nmae == nil': unknown column"
            .. " 'nmae'; did you mean 'name'?" },
        { 'extend "base.Partner" { after_write = function() end }\n'
            .. 'extend "base.Partner" { after_write = function() end }',
            "apps/crm/app.lua:3: extend 'base.Partner': the app has a"
            .. " 'after_write' of this model already" },
        { 'extend "base.Partner"',
            "apps/crm/app.lua:2: extend 'base.Partner' has no { ... }" },
    }
    for _, case in ipairs(cases) do
        it("refuses: " .. case[1], function()
            assert.equal(case[2], errors_of(case[1])[1])
        end)
    end

    it("refuses a field that two apps add, and names both places", function()
        local errors = errors_of('extend "base.Partner" { fields = { n = int {}'
            .. " } }", { hr = 'app "hr" { depends = { "base" } }\n\n'
            .. 'extend "base.Partner" { fields = { n = text {} } }' })
        assert.same({ "apps/hr/app.lua:3: base.Partner: the app 'crm' has given"
            .. " it a field 'n' already: apps/crm/app.lua:2" }, errors)
    end)

    it("needs a grant of policy, which it names", function()
        assert.same({ "apps/crm/app.lua:2: extend 'base.Partner': policy must"
            .. " grant app 'crm': extend = { 'base.Partner' }" },
            errors_of('extend "base.Partner" {}', nil, {}))
    end)
end)

describe("what another app added to a table", function()
    if not db.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end
    local connection

    before_each(function()
        connection = db.connect()
        connection:exec("set client_min_messages = warning")
        for _, name in ipairs { "base", "crm", "lunette" } do
            connection:exec("drop schema if exists " .. name .. " cascade")
        end
    end)
    after_each(function()
        for _, name in ipairs { "base", "crm", "lunette" } do
            connection:exec("drop schema if exists " .. name .. " cascade")
        end
        connection:close()
    end)

    local ADDED = [[
        model "Tag" { fields = {} }
        extend "base.Partner" { fields = {
            n = int { required = true, default = 3, unique = true, max = 9 },
            tag = ref "Tag" {}, tags = refs "Tag" { one_sided = true } },
            check = { "n ~= 4", "not 4" } }]]

    local function apply(set, accept)
        local ok, steps = schema.apply(connection, set, { accept = accept })
        if not ok then error(steps[1].message, 2) end
        return steps
    end

    it("stays when the app goes, and holds nobody up", function()
        apply(set_of(ADDED))
        connection:exec("insert into base.partner (id, n) values"
            .. " (gen_random_uuid(), 5)")
        apply(apps.set({ base = BASE }))
        connection:exec("insert into base.partner (id) values"
            .. " (gen_random_uuid()), (gen_random_uuid())")
        connection:exec("insert into base.partner (id, n, tag) values"
            .. " (gen_random_uuid(), 4, gen_random_uuid())")
        local rows = connection:exec("select n from base.partner order by n")
        assert.same({ "4", "5" }, { rows[1][1], rows[2][1] })
        assert.same({}, apply(apps.set({ base = BASE })))
    end)

    it("goes when its loss is accepted", function()
        apply(set_of(ADDED))
        connection:exec("insert into base.partner (id, n) values"
            .. " (gen_random_uuid(), 5)")
        local base = apps.set({ base = BASE .. '\nmodel "New" { fields = {} }' })
        apply(base, { ["base.partner.n"] = true })
        local names = connection:exec("select column_name from"
            .. " information_schema.columns where table_schema = 'base' and"
            .. " table_name = 'partner' order by 1")
        local list = {}
        for i, row in ipairs(names) do list[i] = row[1] end
        assert.same({ "id", "name", "tag", "version" }, list)
    end)
end)
