-- The two sides of relations and where they are kept.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")

local function models(a, b, rest)
    return ('model "A" { fields = { %s } }\nmodel "B" { fields = { %s } }\n%s')
        :format(a, b, rest or "")
end

local function fields(a, b)
    local by = apps.models_of(models(a, b))
    return by.A.by_name, by.B.by_name
end

local function only_error(a, b)
    local errors = apps.errors_of(models(a, b))
    assert.equal(1, #errors, table.concat(errors, "\n"))
    return (errors[1]:gsub("^apps/test/app%.lua:%d+: ", ""))
end

describe("a relation", function()
    it("of many to one has its column at the ref", function()
        local a, b = fields('b = ref "B" { required = true }',
            'as = many "A" { by = "b" }')
        assert.same({ kind = "own", column = "b" }, a.b.link)
        assert.same({ kind = "foreign", column = "b" }, b.as.link)
        assert.equal("as", a.b.inverse)
        assert.equal("b", b.as.inverse)
        assert.is_true(a.b.inverse_many)
        assert.is_false(b.as.inverse_many)
        assert.is_true(b.as.many)
        assert.equal("restrict", a.b.on_delete)
        assert.is_nil(b.as.on_delete)
        assert.equal("AToB", a.b.relation)
        assert.equal("AToB", b.as.relation)
        assert.equal("test.B", a.b.target)
    end)

    it("finds its other side without 'by' when there is one choice", function()
        local a, b = fields('b = ref "B" {}', 'as = many "A" {}')
        assert.equal("as", a.b.inverse)
        assert.equal("b", b.as.inverse)
        assert.equal("set_null", a.b.on_delete)
    end)

    it("of one to one is unique at the ref", function()
        local a, b = fields('b = ref "B" {}',
            'a = single "A" { by = "b", required = true }')
        assert.is_true(a.b.unique)
        assert.is_false(a.b.inverse_many)
        assert.is_false(b.a.inverse_many)
        assert.is_true(b.a.required)
        assert.same({ kind = "foreign", column = "b" }, b.a.link)
    end)

    it("of many to many has one join table, named by its first side", function()
        local a, b = fields('bs = refs "B" {}', 'as = refs "A" {}')
        assert.same({ kind = "join", schema = "test", table = "_a_bs",
            near = "a", far = "b" }, a.bs.link)
        assert.same({ kind = "join", schema = "test", table = "_a_bs",
            near = "b", far = "a" }, b.as.link)
        assert.is_true(a.bs.inverse_many)
        assert.equal("as", a.bs.inverse)
    end)

    it("may have one side only", function()
        local a = fields('b = ref "B" {}, one = ref "B" { unique = true },'
            .. 'bs = refs "B" { one_sided = true }', "")
        assert.is_nil(a.b.inverse)
        assert.is_true(a.b.inverse_many)
        assert.is_false(a.one.inverse_many)
        assert.is_nil(a.bs.inverse)
        assert.is_true(a.bs.inverse_many)
        assert.equal("join", a.bs.link.kind)
    end)

    it("that is one_sided leaves the other field alone", function()
        local a, b = fields('b = ref "B" { one_sided = true }, c = ref "B" {}',
            'as = many "A" {}')
        assert.is_nil(a.b.inverse)
        assert.equal("as", a.c.inverse)
        assert.equal("c", b.as.inverse)
    end)

    it("is told from others by its name", function()
        local a, b = fields([[own = ref "B" { relation = "Own" },
            rent = ref "B" { relation = "Rent" }]],
            [[rented = many "A" { relation = "Rent" },
            owned = many "A" { relation = "Own" }]])
        assert.equal("owned", a.own.inverse)
        assert.equal("rented", a.rent.inverse)
        assert.equal("own", b.owned.inverse)
        assert.equal("Own", b.owned.relation)
    end)

    it("is told from others by 'by' at either side", function()
        local a, b = fields('x = ref "B" { by = "xs" }, y = ref "B" {}',
            'ys = many "A" { by = "y" }, xs = many "A" {}')
        assert.equal("xs", a.x.inverse)
        assert.equal("y", b.ys.inverse)
        assert.equal("x", b.xs.inverse)
    end)

    it("may lead to the model itself", function()
        local by = apps.models_of([[model "Human" { fields = {
            wife = ref "Human" { unique = true, by = "husband" },
            husband = single "Human" { by = "wife" },
            parent = ref "Human" {}, children = many "Human" { by = "parent" },
            fans = refs "Human" { by = "idols" },
            idols = refs "Human" { by = "fans" },
            friends = refs "Human" { one_sided = true },
        } }]]).Human.by_name
        assert.equal("husband", by.wife.inverse)
        assert.equal("children", by.parent.inverse)
        assert.equal("source", by.fans.link.near)
        assert.equal("target", by.idols.link.near)
        assert.equal(by.fans.link.table, by.idols.link.table)
        assert.is_nil(by.friends.inverse)
        assert.equal("_human_friends", by.friends.link.table)
    end)

    it("keeps its join table when fields are declared in another order",
        function()
            local one = fields('bs = refs "B" {}, x = int {}', 'as = refs "A" {}')
            local two = apps.models_of('model "B" { fields = { as = refs "A" {} } }'
                .. 'model "A" { fields = { x = int {}, bs = refs "B" {} } }').A
            assert.same(one.bs.link, two.by_name.bs.link)
        end)

    it("cascades by one rule, said at either side", function()
        local a, b = fields('b = ref "B" { on_delete = "cascade" }',
            'as = many "A" { by = "b" }')
        assert.equal("cascade", a.b.on_delete)
        assert.is_true(b.as.cascade)
        a, b = fields('b = ref "B" {}',
            'as = many "A" { by = "b", delete = "cascade" }')
        assert.equal("cascade", a.b.on_delete)
        assert.is_true(b.as.cascade)
        a, b = fields('b = ref "B" { delete = "cascade" }',
            'as = many "A" { by = "b" }')
        assert.equal("set_null", a.b.on_delete)
        assert.is_true(a.b.cascade)
        assert.is_nil(b.as.cascade)
    end)

    it("may have reserved words of SQL as names", function()
        local by = apps.models_of([[model "Order" { fields = {
            user = ref "Order" {}, ["group"] = text {}, select = text {} } }]])
        assert.equal("order", by.Order.table)
        assert.equal("group", by.Order.by_name.group.column)
    end)

    it("has a table name that PostgreSQL does not cut", function()
        local long = ("Long"):rep(15)
        local by = apps.models_of(('model "%s" { fields = { %s = refs "%s" {} } }')
            :format(long, ("f"):rep(50), long))
        local link = by[long].by_name[("f"):rep(50)].link
        assert.is_true(#link.table <= 63)
    end)
end)

describe("a wrong relation", function()
    local cases = {
        { 'b = ref "C" {}', "", "A.b refers to 'C', which does not exist; "
            .. "did you mean 'A'?" },
        { 'b = ref "Bb" {}', "", "A.b refers to 'Bb', which does not exist; "
            .. "did you mean 'B'?" },
        { 'bs = many "B" {}', "", "A.bs: no field of 'B' refers back to 'A'; "
            .. "add a ref there, or write refs { one_sided = true }" },
        { 'b = single "B" {}', "", "A.b: no field of 'B' refers back to 'A'; "
            .. "add a ref there" },
        { 'bs = many "B" { by = "aa" }', 'a = ref "A" {}',
            "A.bs: by names the unknown field 'aa' of 'B'; did you mean 'a'?" },
        { 'bs = many "B" { by = "n" }', "n = int {}",
            "A.bs: by = 'n' is no relation" },
        { 'bs = many "B" { by = "b" }', 'b = ref "B" {}',
            "A.bs: by = 'b' refers to 'B', not to 'A'" },
        { 'bs = many "B" { by = "as" }', 'as = refs "A" {}', "A.bs: by = 'as' is "
            .. "written with 'refs'; the other side of 'many' is 'ref'" },
        { 'bs = many "B" {}', 'x = ref "A" {}, y = ref "A" {}', "A.bs: B.x and "
            .. 'B.y could be the other side; say which with by = "..."' },
        { 'b = ref "B" {}', 'x = many "A" {}, y = many "A" {}', "A.b: B.x and "
            .. 'B.y could be the other side; say which with by = "..."' },
        { 'b = ref "B" {}', 'x = many "A" { by = "b" }, y = many "A" { by = "b" }',
            "B.x and B.y both say by = 'b'" },
        { 'b = ref "B" { by = "x" }', 'y = many "A" { by = "b" }, x = many "A" {}',
            "B.y: by = 'b', but A.b says by = 'x'" },
        { 'b = ref "B" { relation = "R" }',
            'as = many "A" { by = "b", relation = "S" }',
            "B.as is the relation 'S', but A.b is 'R'" },
        { 'b = ref "B" { unique = true }', 'as = many "A" { by = "b" }',
            "A.b is unique, but B.as is 'many'; write 'single'" },
        { 'b = ref "B" { on_delete = "set_null", required = true }', "",
            "A.b: a required ref cannot be set to null" },
        { 'b = ref "B" { on_delete = "restrict" }',
            'as = many "A" { by = "b", delete = "cascade" }',
            "A.b: on_delete = 'restrict', but B.as says delete = 'cascade'" },
        { 'b = ref "B" { on_delete = "nothing" }', "", "A.b: 'on_delete' must be "
            .. "'restrict', 'set_null' or 'cascade'" },
        { 'b = ref "B" { default = me }', "",
            "A.b: 'me' is a 'base.User', not a 'B'" },
        { 'b = ref "B" { default = 1 }', "",
            "A.b: the default of a ref can only be 'me' or a function" },
        { "b = ref {}", "", 'ref is used wrongly; write ref "Model" {}' },
        { 'b = ref "B" { track = true }', "", "A.b: track is not built yet" },
        { 'b = ref "B" { one_sided = true, by = "as" }', "", "A.b: 'one_sided' "
            .. "says that there is no other field, 'by' names it" },
    }
    for _, case in ipairs(cases) do
        it("is refused: " .. case[1] .. " | " .. case[2], function()
            local errors = apps.errors_of(models(case[1], case[2]))
            local first = (errors[1] or "none")
                :gsub("^apps/test/app%.lua:%d+: ", "")
            assert.equal(case[3], first)
        end)
    end

    it("is told once", function()
        assert.is_truthy(only_error('bs = many "B" {}',
            'x = ref "A" {}, y = ref "A" {}'))
        assert.is_truthy(only_error('b = ref "B" {}',
            'x = many "A" {}, y = many "A" {}'))
        assert.is_truthy(only_error('b = ref "Bx" {}', 'as = many "A" { by = "b" }'))
    end)
end)
