-- How operations become plans.
-- SPDX-License-Identifier: Apache-2.0
local plans = require("support.plans")
local sets = require("support.sets")
local compile = require("lunette.orm.compile")

local function readable_by(role)
    return { read = { role }, create = {}, write = {}, delete = {} }
end

describe("compile.operation", function()
    local service = compile.service(sets.reference(), { strict = true })

    local function fields(text, opts)
        local plan = assert(plans.compile(service, text, opts))
        return plan.fields, plan
    end

    local function refusal(text, opts)
        local plan, errors = plans.compile(service, text, opts)
        assert.is_nil(plan)
        return errors[1]
    end

    it("plans root fields in the order of the response", function()
        local found = fields("{ b: users { id } a: user(where: { id: 1 }) { id }"
            .. " __typename }")
        assert.same({ "b", "a", "__typename" },
            { found[1].key, found[2].key, found[3].key })
        assert.same({ false, true, false }, { found[1].nullable,
            found[2].nullable, found[3].nullable })
        assert.equal('"Query"', found[3].json)
    end)

    it("picks the operation by name", function()
        local two = "query A { users { id } } query B { tags { id } }"
        assert.equal("tags", fields(two, { operation_name = "B" })[1].key)
        assert.equal("GRAPHQL_VALIDATION_FAILED", refusal(two).ext)
        assert.matches("unknown operation 'C'",
            refusal(two, { operation_name = "C" }).message)
    end)

    it("refuses documents and variables that do not fit the schema", function()
        assert.equal("GRAPHQL_VALIDATION_FAILED", refusal("{ nope }").ext)
        local bad = refusal("query ($w: UserWhereInput) { users(where: $w)"
            .. " { id } }", { variables = { w = { nope = 1 } } })
        assert.equal("BAD_USER_INPUT", bad.ext)
    end)

    it("names the variables whose values decide the plan", function()
        local _, plan = fields("query ($o: UserOrderByInput, $n: Int,"
            .. " $a: Boolean!, $b: Boolean = true) { users(orderBy: $o, first:"
            .. " $n) @skip(if: $a) { id name @include(if: $b) } }",
            { variables = { a = true } })
        assert.same({ "o", "#n", "a", "b" }, plan.value_vars)
        assert.equal(0, #plan.fields)
    end)

    it("decides @skip and @include, defaults of variables too", function()
        local text = "query ($a: Boolean = false) { x: __typename"
            .. " @include(if: $a) y: __typename @skip(if: $a)"
            .. " z: __typename @skip(if: false) @include(if: false) }"
        local function keys(opts)
            local list = {}
            for i, field in ipairs(fields(text, opts)) do list[i] = field.key end
            return list
        end
        assert.same({ "y" }, keys())
        assert.same({ "x" }, keys({ variables = { a = true } }))
    end)

    it("keeps a plan that depends on a literal out of the cache", function()
        local _, plan = fields('{ __type(name: "User") { name } }')
        assert.is_true(plan.uncached)
        _, plan = fields('{ users { posts(first: 1) { id } } }')
        assert.is_nil(plan.uncached)
        _, plan = fields('{ users { posts(first: 1) { id }'
            .. ' posts(first: 1) { title } } }')
        assert.is_true(plan.uncached)
    end)

    it("answers introspection with text", function()
        local found = fields("{ __schema { queryType { name } } }")
        assert.same({ "const", '{"queryType":{"name":"Query"}}' },
            { found[1].kind, found[1].json })
    end)

    it("refuses what is wrong with one field in that field alone", function()
        local found = fields("{ a: users(first: 1, last: 1) { id }"
            .. " b: user(where: {}) { id }"
            .. ' c: user(where: { id: "a", email: "b" }) { id }'
            .. " d: users(where: { posts_none: null }) { id }"
            .. " e: user(where: { id: null }) { id }"
            .. " f: users { posts(first: 1, last: 2) { id } }"
            .. " g: users { id } }")
        local numbers = {}
        for i, field in ipairs(found) do
            numbers[i] = field.error and field.error.code or field.kind
        end
        assert.same({ 3014, 3040, 3045, 3033, 3040, 3014, "sql" }, numbers)
    end)

    it("answers subscriptions with NOT_IMPLEMENTED", function()
        local found = fields("subscription { user { mutation } }")
        assert.equal("NOT_IMPLEMENTED", found[1].error.ext)
    end)

    it("plans mutations with the write planner", function()
        local found, plan = fields("mutation { deleteManyUsers { count } }")
        assert.same({ "mutation", "write" }, { plan.op, found[1].kind })
    end)

    it("never puts a literal or a variable into a statement", function()
        local found = fields('query ($v: String) { users(where: { name:'
            .. ' "evil1", name_in: ["evil2"], email: $v, posts_some:'
            .. ' { title_contains: "evil3" } }, first: 77777, after: "evil4")'
            .. ' { id posts(last: 88888, before: "evil5") { id } } }',
            { variables = { v = "evil6" } })
        for _, word in ipairs { "evil", "77777", "88888" } do
            assert.is_nil(found[1].sql:find(word, 1, true))
        end
    end)
end)

describe("a caller without the right to read", function()
    local set = sets.reference()
    sets.find(set, "Tag").access = readable_by("tagger")
    local service = compile.service(set, { strict = true })

    local function outcome(text, roles)
        local field = assert(plans.field(service, text, { roles = roles }))
        return field.error and field.error.ext or field.kind
    end

    it("is refused every way to the model", function()
        for _, text in ipairs {
            "{ tags { id } }", "{ tagsConnection { aggregate { count } } }",
            '{ tag(where: { id: "t" }) { id } }',
            "{ posts { tags { id } } }", "{ users { posts { tags { id } } } }",
            "{ posts(where: { tags_some: {} }) { id } }",
            '{ users(where: { posts_some: { NOT: [{ tags_every:'
                .. ' { name: "x" } }] } }) { id } }',
            '{ users { posts(where: { tags_none: {} }) { id } } }',
        } do
            assert.equal("FORBIDDEN", outcome(text, { "public" }), text)
            assert.equal("sql", outcome(text, { "public", "tagger" }), text)
        end
    end)

    it("may read the rest, and admin everything", function()
        assert.equal("sql", outcome("{ posts { id } }", { "public" }))
        assert.equal("sql", outcome("{ tags { id } }", { "admin" }))
    end)

    it("finds no node of that model", function()
        local field = assert(plans.field(service, '{ node(id: "x") { id } }'))
        assert.equal(2, #field.result.of)
        assert.is_nil(field.sql:find('"tag"', 1, true))
    end)
end)

describe("the declared order of a model", function()
    local set = sets.reference()
    local user = sets.find(set, "User")

    local function order_by(keys, args)
        user.order = keys
        local service = compile.service(set, { strict = true })
        local field = assert(plans.field(service,
            "{ users" .. (args or "") .. " { id } }"))
        return field.sql:match("ORDER BY (.+)$")
    end

    it("is the default, with id to break ties", function()
        assert.equal('t0."name" DESC NULLS FIRST, t0."age" ASC NULLS LAST,'
            .. ' t0."id" ASC NULLS LAST',
            order_by { { field = "name", desc = true }, { field = "age" } })
        assert.equal('t0."id" ASC NULLS LAST', order_by(nil))
    end)

    it("ends at a field that is unique and required", function()
        assert.equal('t0."email" ASC NULLS LAST',
            order_by { { field = "email" }, { field = "age" } })
    end)

    it("gives way to orderBy", function()
        assert.equal('t0."age" ASC NULLS LAST, t0."id" ASC NULLS LAST',
            order_by({ { field = "name" } }, "(orderBy: age_ASC)"))
    end)
end)
