-- Apps → release sets, and every error of a load.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local compile = require("lunette.app.compile")

local function one_error(text)
    local errors = apps.errors_of(text)
    assert.equal(1, #errors, table.concat(errors, "\n"))
    return (errors[1]:gsub("^apps/test/app%.lua:", ""))
end

local function model(fields, rest)
    return ('model "Thing" { fields = { %s }, %s }\n'):format(fields, rest or "")
end

describe("a field", function()
    local wrong = {
        ['name = text { requird = true }'] =
            "2: Thing.name: unknown option 'requird'; did you mean 'required'?",
        ['name = text { required = 1 }'] =
            "2: Thing.name: 'required' must be true or false",
        ['name = text { search = true }'] =
            "2: Thing.name: search is not built yet",
        ['name = text { "x" }'] =
            "2: Thing.name: value '1' has no name; options are written name = value",
        ['name = text'] = "2: Thing.name: write name = text {}",
        ['name = "text"'] =
            "2: Thing.name is not a field; write name = text {} or another type",
        ['text {}'] = "2: Thing: a field needs a name: fields = { name = text {} }",
        ['name = txt {}'] = "2: unknown word 'txt'; did you mean 'text'?",
        ['name = compute {}'] = "2: unknown word 'compute'",
        ['name = related "a.b"'] = "2: related is not built yet",
        ['name = days(3)'] = "2: Thing.name: days is not built yet",
        ['name = file {}'] = "2: file is not built yet",
        ['["a-b"] = text {}'] =
            "2: Thing: field name 'a-b' must be letters, digits and '_'",
        ['name = text { size = 0 }'] =
            "2: Thing.name: 'size' must be a whole number from 1 to 10000000",
        ['n = int { default = "1" }'] = "2: Thing.n: the default must be a whole number",
        ['n = int { default = 1.5 }'] = "2: Thing.n: the default must be a whole number",
        ['n = int { default = 3000000000 }'] =
            "2: Thing.n: the default does not fit into int",
        ['n = int { default = 1, min = 2 }'] =
            "2: Thing.n: the default is less than min = 2",
        ['n = int { min = 3, max = 2 }'] = "2: Thing.n: 'min' is more than 'max'",
        ['n = int { min = 1.5 }'] = "2: Thing.n: 'min' must be a whole number",
        ['n = bigint { default = 9007199254740994 }'] =
            "2: Thing.n: the default is not exact above 2^53; write it as a text",
        ['n = money { default = 1.005 }'] =
            "2: Thing.n: the default has more than 2 digits behind the point",
        ['n = decimal { digits = { 3, 5 } }'] = "2: Thing.n: 'digits' must be "
            .. "{ digits, of them behind the point }, at most 65",
        ['n = date { default = "1.2.2026" }'] =
            "2: Thing.n: the default must be written as '2026-01-31'",
        ['n = date { default = "2026-02-29" }'] =
            "2: Thing.n: the default must be written as '2026-01-31'",
        ['n = time { default = "25:00" }'] =
            "2: Thing.n: the default must be written as '08:30:00'",
        ['n = datetime { default = "2026-01-31" }'] =
            "2: Thing.n: the default must be written as '2026-01-31T08:30:00Z'",
        ['n = uuid { default = "x" }'] = "2: Thing.n: the default must be "
            .. "written as '01890a5d-ac96-774b-bcce-b302099a8057'",
        ['n = text { size = 3, default = "äöüß" }'] =
            "2: Thing.n: the default is longer than size = 3",
        ['n = text { default = me }'] = "2: Thing.n: 'me' cannot be the default "
            .. "of text; 'me' is for ref \"base.User\"",
        ['n = text { stored = function() end }'] =
            "2: Thing.n: stored = function is not built yet",
        ['n = int { stored = function() end }'] =
            "2: Thing.n: stored = function is not built yet",
        ['n = int { stored = "a" }'] = "2: Thing.n: 'stored' must be sql \"...\"",
        ['n = int { stored = sql "m + 1" }'] =
            "2: Thing.n: stored: unknown column 'm'; did you mean 'n'?",
        ['n = int { stored = sql "n + 1" }'] =
            "2: Thing.n: stored: 'n' uses itself",
        ['n = int { default = 1, stored = sql "1" }'] =
            "2: Thing.n: a stored field has no default",
        ['e = enum { "A", "A" }'] = "2: Thing.e: 'A' stands there twice",
        ['e = enum { "A", default = "B" }'] =
            "2: Thing.e: the default 'B' is no value of the enum; did you mean 'A'?",
        ['e = enum "Rol" {}'] = "2: Thing.e: unknown enum 'Rol'",
        ['l = list(ref "X" {}) {}'] = "2: Thing.l: list(ref) is not possible",
        ['l = list(text) { unique = true }'] =
            "2: Thing.l: unknown option 'unique'",
        ['id = text {}'] = '2: Thing.id: the key is written id {}, '
            .. 'id "text" {} or id "bigint" {}',
        ['id = id "serial" {}'] = "2: Thing.id: unknown kind of id 'serial'; "
            .. "it is 'bigint', 'text' or 'uuid'",
        ['id = id "text" { scalar = "Int" }'] =
            "2: Thing.id: an id 'text' cannot be of type Int",
        ['id = id { scalar = "Long" }'] =
            "2: Thing.id: 'scalar' must be 'UUID' or 'Int'",
        ['l = list(id) {}'] = '2: Thing.l: write list(id "text")',
        ['version = text {}'] = "2: Thing.version: every table has the column "
            .. "'version'; declare it as bigint {} to show it",
        ['xmin = int {}'] =
            "2: Thing: field name 'xmin' is a column of the database's own",
        ['from_date = date {}, fromDate = date {}'] =
            "2: Thing.fromDate: 'from_date' and 'fromDate' are both 'fromDate' "
            .. "in the API",
        ['AND = text {}'] = "2: Thing.AND: the name 'AND' is reserved in the API",
        ['a = text {}, a_in = text { graphql = "a_in" }'] =
            "2: Thing.a_in: 'a_in' is the name of a filter of 'a'",
        ['a = text "x"'] = '2: text is used wrongly; write text {}',
    }
    for source, message in pairs(wrong) do
        it("is refused: " .. source, function()
            assert.equal(message, one_error(model(source)))
        end)
    end

    it("is refused on the line where it stands", function()
        assert.equal("4: Thing.b: unknown option 'x'",
            one_error('model "Thing" { fields = {\n a = text {},\n'
                .. ' b = text { x = 1 } } }'))
    end)

    it("keeps the order of its declaration", function()
        local found = apps.models_of(model([[zeta = text {}, alpha = int {},
            mid = ref "Thing" {}, beta = bool {}]])).Thing
        local order = {}
        for _, field in ipairs(found.fields) do order[#order + 1] = field.name end
        assert.same({ "id", "zeta", "alpha", "mid", "beta" }, order)
    end)
end)

describe("a field of the release set", function()
    local by = apps.models_of([[
enum "Role" { "ADMIN", "USER" }
model "Thing" { fields = {
  id = id "bigint" {}, t = text { size = 10, default = "x" }, u = text {},
  i = int { min = 1, max = 9, default = 3 }, g = bigint { default = "9007199254740993" },
  d = decimal { digits = { 12, 4 }, default = 0.1 }, m = money { min = "0.01" },
  f = float { default = 0.5 }, b = bool { default = false }, da = date { default = today() },
  ti = time {}, dt = datetime { default = now }, j = json { default = { a = { 1 } } },
  r = enum "Role" { default = "USER" }, s = enum { "A", "B" }, uu = uuid {},
  l = list(int) { default = { 1, 2 } }, lm = list(money) {}, lr = list(enum "Role") {},
  ca = created {}, ua = updated { required = false }, x = id "text" { unique = true },
  some_name = text { graphql = "some_name" }, version = bigint {},
  half = decimal { digits = { 9, 3 }, stored = sql "i / 2" },
  twice = decimal { stored = sql "half * 2" },
} }
access "Thing" { admin = "all" }
]]).Thing.by_name

    local pg = { id = "bigint", t = "text", i = "integer", g = "bigint",
        d = "numeric(12,4)", m = "numeric(18,2)", f = "double precision",
        b = "boolean", da = "date", ti = "time", dt = "timestamptz(3)",
        j = "jsonb", r = "text", s = "text", uu = "uuid", l = "integer[]",
        lm = "numeric(18,2)[]", lr = "text[]", ca = "timestamptz(3)",
        x = "text", version = "bigint" }
    for name, wanted in pairs(pg) do
        it(name .. " is " .. wanted, function()
            assert.equal(wanted, by[name].pg)
        end)
    end

    it("has exact defaults", function()
        assert.same({ value = "x" }, by.t.default)
        assert.same({ value = 3 }, by.i.default)
        assert.same({ value = "9007199254740993" }, by.g.default)
        assert.same({ value = "0.1" }, by.d.default)
        assert.same({ value = false }, by.b.default)
        assert.same({ now = true }, by.da.default)
        assert.same({ now = true }, by.dt.default)
        assert.same({ value = { a = { 1 } } }, by.j.default)
        assert.same({ value = "USER" }, by.r.default)
        assert.same({ value = { 1, 2 } }, by.l.default)
    end)

    it("has its enum", function()
        assert.equal("Role", by.r.enum)
        assert.equal("Role", by.r.scalar)
        assert.equal("ThingS", by.s.enum)
        assert.same({ "A", "B" }, by.s.values)
        assert.equal("Role", by.lr.enum)
    end)

    it("has a type and a GraphQL type of its own", function()
        assert.equal("datetime", by.ca.type)
        assert.is_true(by.ca.created)
        assert.is_true(by.ca.required)
        assert.is_false(by.ua.required)
        assert.equal("ID", by.x.scalar)
        assert.equal("text", by.x.type)
        assert.equal("some_name", by.some_name.graphql)
        assert.equal(100000, by.u.size)
        assert.equal("bigint", by.id.id_type)
    end)

    it("has the formula of a stored column inlined", function()
        assert.equal('round(div("i" * 1e17, 2) * 1e-17, 16)', by.half.stored.sql)
        assert.equal('((round(div("i" * 1e17, 2) * 1e-17, 16))::numeric(9,3) * 2)',
            by.twice.stored.sql)
    end)
end)

describe("a model", function()
    local wrong = {
        ['model "thing" { fields = {} }'] =
            "2: model name 'thing' must be CamelCase, as in 'OrderLine'",
        ['model "Thing"'] = "2: model 'Thing' has no { ... }",
        ['model "Thing" {}'] = "2: Thing has no fields = { ... }",
        ['model "Thing" { fields = {}, mixins = { "x" } }'] =
            "2: Thing: mixins is not built yet",
        ['model "Thing" { fields = {}, lable = "x" }'] =
            "2: Thing: unknown option 'lable'; did you mean 'label'?",
        ['model "Thing" { fields = {}, label = "{nme}" }'] =
            "2: Thing: label names the unknown field 'nme'",
        ['model "Thing" { fields = { a = json {} }, order = "-a" }'] =
            "2: Thing: 'a' has no order",
        ['model "Thing" { fields = { a = int {} }, order = "-b" }'] =
            "2: Thing: order names the unknown field 'b'; did you mean 'a'?",
        ['model "Thing" { fields = { a = int {} }, check = { "a >", "x" } }'] =
            "2: Thing: check 'a >': something is missing at the end",
        ['model "Thing" { fields = { a = int {} }, check = { "a", "x" } }'] =
            "2: Thing: check 'a': it gives a value; a check must be true or false",
        ['model "Thing" { fields = { a = int {} }, check = { "a > 0", "{b}" } }'] =
            "2: Thing: the message of check names the unknown field 'b'; "
            .. "did you mean 'a'?",
        ['model "Thing" { fields = { a = int {} }, check = function() end }'] =
            "2: Thing: check = function is not built yet",
        ['model "Thing" { fields = {} } model "Thing" { fields = {} }'] =
            "2: model 'Thing' is declared twice; the first is at "
            .. "apps/test/app.lua:2",
        ['model "Thing" { fields = {} } model "ThingEdge" { fields = {} }'] =
            "2: model 'test.Thing' and model 'test.ThingEdge' "
            .. "(apps/test/app.lua:2) both give the type 'ThingEdge'",
        ['model "AUser" { fields = {} } model "A_User" { fields = {} }'] =
            "2: model 'test.A_User' and model 'test.AUser' would share the table "
            .. "'test.a_user'",
    }
    for source, message in pairs(wrong) do
        it("is refused: " .. source, function()
            assert.equal(message, one_error(source))
        end)
    end

    it("may not take a name of GraphQL or of the API", function()
        for _, name in ipairs({ "Query", "PageInfo", "String", "LunetteX" }) do
            local errors = table.concat(apps.errors_of(
                ('model "%s" { fields = {} }'):format(name)), "\n")
            assert.is_truthy(errors:find("is reserved", 1, true))
        end
        assert.is_truthy(table.concat(apps.errors_of(
            'model "Datum" { fields = {} } model "Data" { fields = {} }'))
            :find("the API field 'data'", 1, true))
    end)

    it("has checks that are true, not null", function()
        local thing = apps.models_of(model("a = int {}",
            'check = { { "a > 0", "no {a}" }, { "a < 9" } }')).Thing
        assert.equal('(("a" > 0)) IS TRUE', thing.checks[1].sql)
        assert.equal("no {a}", thing.checks[1].message)
        assert.equal("a < 9", thing.checks[2].message)
        assert.is_truthy(thing.checks[1].name:find("^check_%x+$"))
        assert.equal(">", thing.checks[1].tree.op)
    end)

    it("has table and type names", function()
        local by = apps.models_of([[model "OrderLine" { fields = {},
            title = "Line", order = { "-id" } }
            model "GC" { fields = {}, graphql = "Gc_Type" }]])
        assert.equal("order_line", by.OrderLine.table)
        assert.same({ { field = "id", desc = true } }, by.OrderLine.order)
        assert.equal("gc", by.Gc_Type.table)
        assert.equal("test.GC", by.Gc_Type.key)
    end)
end)

describe("an app", function()
    it("must be called as its folder", function()
        assert.same({ "apps/test/app.lua:1: the app is called 'tset', "
            .. "but its folder 'test'" }, apps.errors({ test = 'app "tset" {}' }))
        assert.same({ "apps/test/app.lua: the app does not say its name; "
            .. 'begin with app "test" {}' }, apps.errors({ test = "" }))
    end)

    it("may lie in several files, app.lua first", function()
        local set = apps.set({ test = {
            ["app.lua"] = 'app "test" {}\nkinds = { "A" }',
            ["a/deep.lua"] = 'model "Thing" { fields = { e = enum '
                .. "{ kinds[1] } } }",
            ["numbers.lua"] = "this is not Lua",
            ["data/x.csv"] = "a,b",
        } })
        assert.equal("apps/test/a/deep.lua", set.models[1].file)
    end)

    it("has its messages carry the path", function()
        assert.same({ "apps/test/sub/x.lua:2: boom" }, apps.errors({ test = {
            ["app.lua"] = 'app "test" {}', ["sub/x.lua"] = '\nerror("boom")' } }))
        assert.same({ "apps/test/app.lua:3: unexpected symbol near '<eof>'" },
            apps.errors({ test = 'app "test" {\n\n' }))
    end)

    it("refuses bytecode, plain or hidden", function()
        local code = string.dump(function() end)
        for _, text in ipairs({ code, "\239\187\191" .. code, "#x\n" .. code }) do
            assert.equal(1, #apps.errors({ test = {
                ["app.lua"] = 'app "test" {}', ["x.lua"] = text } }))
        end
    end)

    it("tells all errors at once, by file and line", function()
        assert.same({
            "apps/a/app.lua:2: X.b refers to 'Y', which does not exist; "
                .. "did you mean 'X'?",
            "apps/a/app.lua:3: unknown word 'modle'; did you mean 'model'?",
            "apps/b/app.lua:1: the app depends on 'c', which is not here"
                .. "; did you mean 'a'?",
        }, apps.errors({
            a = 'app "a" {}\nmodel "X" { fields = { b = ref "Y" {} } }\n'
                .. 'modle "Z" {}',
            b = 'app "b" { depends = { "c" } }',
        }))
    end)

    it("is not drowned in errors", function()
        local fields = {}
        for i = 1, 300 do fields[i] = ("f%d = text { x = 1 }"):format(i) end
        local errors = apps.errors_of(model(table.concat(fields, ", ")))
        assert.equal(201, #errors)
        assert.equal("and 100 more", errors[201])
    end)

    it("cannot depend on itself in a circle", function()
        assert.same({ "apps/a/app.lua:1: apps depend on each other in a circle: "
            .. "a -> b -> a" }, apps.errors({ a = 'app "a" { depends = { "b" } }',
            b = 'app "b" { depends = { "a" } }' }))
    end)

    it("may name models of the apps it depends on only", function()
        local base = 'app "base" {}\nmodel "Partner" { fields = {} }\n'
            .. 'access "Partner" { portal = "read" }'
        local function sales(depends, target)
            return ('app "sales" { depends = { %s } }\nmodel "Order" { fields = '
                .. '{ partner = ref "%s" {} } }'):format(depends, target)
        end
        assert.same({ "apps/sales/app.lua:2: Order.partner refers to "
            .. "'base.Partnr', which does not exist; did you mean "
            .. "'base.Partner'?" },
            apps.errors({ base = base, sales = sales('"base"', "base.Partnr") }))
        assert.same({ "apps/sales/app.lua:2: Order.partner refers to "
            .. "'base.Partner', but 'depends' does not name the app 'base'" },
            apps.errors({ base = base, sales = sales("", "base.Partner") }))
        local set = apps.set({ base = base,
            sales = sales('"base"', "base.Partner") })
        assert.equal("base", set.apps[1].name)
        assert.equal("base.Partner", set.models[2].fields[2].target)
    end)

    it("cannot bring a type that another brings, but for a prefix", function()
        local text = 'app "%s" { %s }\nmodel "Order" { fields = {} }'
        assert.same({ "apps/hr/app.lua:2: model 'hr.Order' and model "
            .. "'crm.Order' (apps/crm/app.lua:2) both give the type 'Order'; "
            .. 'give one of the apps a prefix: app "hr" { prefix = "Hr" }' },
            apps.errors({ crm = text:format("crm", ""),
                hr = text:format("hr", "") }))
        local set = apps.set({ crm = text:format("crm", ""),
            hr = text:format("hr", 'prefix = "Hr"') })
        assert.equal("HrOrder", set.models[2].name)
        assert.equal("order", set.models[2].table)
    end)

    it("has a hash of its files, and the set an id of the hashes", function()
        local a = apps.set({ test = 'app "test" {}' })
        local b = apps.set({ test = 'app "test" {}' })
        local c = apps.set({ test = 'app "test" {} ' })
        assert.same(a, b)
        assert.is_truthy(a.id:find("^%x+$") and #a.id == 16)
        assert.is_truthy(a.apps[1].hash:find("^%x+$") and #a.apps[1].hash == 8)
        assert.not_equal(a.id, c.id)
    end)

    it("uses no core module without a policy", function()
        assert.same({ "apps/test/app.lua:1: the app uses 'mail', which is no "
            .. "module" }, apps.errors({ test = 'app "test" { uses = { "mail" } }' }))
    end)
end)

describe("compiling", function()
    it("gives the same set whatever the order of apps", function()
        local a = { name = "a", files = { { path = "apps/a/app.lua",
            text = 'app "a" {}' } } }
        local b = { name = "b", files = { { path = "apps/b/app.lua",
            text = 'app "b" {}' } } }
        assert.same(compile.apps({ a, b }), compile.apps({ b, a }))
    end)
end)
