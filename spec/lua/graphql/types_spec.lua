-- The type system that a release set gives.
-- SPDX-License-Identifier: Apache-2.0
local sets = require("support.sets")
local types = require("lunette.graphql.types")

local function reference()
    return types.new(sets.reference(), { strict = true })
end

local function count(map)
    local n = 0
    for _ in pairs(map) do n = n + 1 end
    return n
end

describe("a schema", function()
    it("makes no type before it is asked for", function()
        local schema = reference()
        assert.equal(0, count(schema.made))
        schema:type("UserWhereInput")
        assert.equal(1, count(schema.made))
    end)

    it("gives the same table every time", function()
        local schema = reference()
        assert.equal(schema:type("User"), schema:type("User"))
    end)

    it("knows the name of every type", function()
        local schema = reference()
        for _, name in ipairs(schema:names()) do
            assert.equal(name, schema:type(name).name)
        end
    end)

    it("names no type that does not exist", function()
        local schema = reference()
        for _, name in ipairs(schema:names()) do
            local type = schema:type(name)
            for _, field in ipairs(type.fields or {}) do
                assert.truthy(schema:type(types.bottom(field.type)),
                    name .. "." .. field.name)
                for _, arg in ipairs(field.args or {}) do
                    assert.truthy(schema:type(types.bottom(arg.type)))
                end
            end
        end
    end)

    it("reaches every type from its roots", function()
        local schema = reference()
        local seen = {}
        local function visit(name)
            if seen[name] then return end
            seen[name] = true
            local type = schema:type(name)
            for _, other in ipairs(type.interfaces or {}) do visit(other) end
            for _, field in ipairs(type.fields or {}) do
                visit(types.bottom(field.type))
                for _, arg in ipairs(field.args or {}) do
                    visit(types.bottom(arg.type))
                end
            end
        end
        visit("Query")
        visit("Mutation")
        visit("Subscription")
        for _, name in ipairs(schema:names()) do
            assert.is_true(seen[name] or false, name)
        end
    end)

    it("interns references, so that equal ones are the same", function()
        local schema = reference()
        local a = schema:type("User").by.id.type
        local b = schema:type("Post").by.id.type
        assert.equal("ID!", types.text(a))
        assert.equal(a, b)
    end)

    it("tells of two types under one name", function()
        local set = sets.from_datamodel [[
            type User { id: ID! @id }
            type UserEdge { id: ID! @id }
        ]]
        local schema = types.new(set)
        assert.equal(1, #schema.conflicts)
        assert.equal("UserEdge", schema.conflicts[1].name)
        assert.equal(0, #reference().conflicts)
    end)
end)

describe("the meaning of a field", function()
    local schema = reference()
    local set = schema.set

    it("is a field of the model, for filters", function()
        local where = schema:type("UserWhereInput")
        assert.equal("where", where.role)
        assert.same({ what = "filter", op = "not_in",
            field = sets.find(set, "User", "age") }, where.by.age_not_in.meta)
        assert.same({ what = "bool", op = "AND" }, where.by.AND.meta)
        assert.equal("some", where.by.posts_some.meta.op)
        assert.equal("is", schema:type("PostWhereInput").by.author.meta.op)
    end)

    it("is what a root does", function()
        local query, mutation = schema:root("query"), schema:root("mutation")
        local user = sets.find(set, "User")
        for name, what in pairs({ user = "one", users = "list",
            usersConnection = "connection" }) do
            assert.same({ what = what, model = user }, query.by[name].meta)
        end
        assert.equal("node", query.by.node.meta.what)
        for name, what in pairs({ createUser = "create", updateUser = "update",
            upsertUser = "upsert", deleteUser = "delete",
            updateManyUsers = "updateMany", deleteManyUsers = "deleteMany" }) do
            assert.same({ what = what, model = user }, mutation.by[name].meta)
        end
    end)

    it("is a key and a direction, for an order", function()
        local value = schema:type("UserOrderByInput").by.email_DESC
        assert.equal(sets.find(set, "User", "email"), value.field)
        assert.is_true(value.desc)
    end)

    it("is set, list or nested, for data", function()
        local create = schema:type("UserCreateInput")
        assert.equal("set", create.by.email.meta.what)
        assert.equal("list", create.by.nicknames.meta.what)
        assert.equal("nested", create.by.posts.meta.what)
        assert.equal("createWithout",
            schema:type("PostCreateWithoutAuthorInput").role)
    end)

    it("is a verb of its relation where only that one uses the type", function()
        local two_sided = schema:type("PostUpdateManyWithoutAuthorInput")
        assert.same({ what = "verb", verb = "deleteMany",
            field = sets.find(set, "User", "posts") },
            two_sided.by.deleteMany.meta)
        local shared = schema:type("UserCreateOneInput")
        assert.is_nil(shared.by.create.meta.field)
    end)
end)

describe("inputs", function()
    it("without fields are dropped, with what would use them", function()
        local schema = types.new(sets.from_datamodel [[
            type A { id: ID! @id  bs: [B] }
            type B { id: ID! @id }
        ]])
        assert.is_nil(schema:type("BUpdateDataInput"))
        assert.is_nil(schema:type("BUpdateManyDataInput"))
        local many = schema:type("BUpdateManyInput").by
        assert.is_nil(many.update)
        assert.is_nil(many.upsert)
        assert.is_nil(many.updateMany)
        assert.truthy(many.deleteMany)
        local mutation = schema:root("mutation").by
        assert.is_nil(mutation.updateB)
        assert.is_nil(mutation.upsertB)
        assert.is_nil(mutation.updateManyBs)
        assert.truthy(mutation.updateA)
    end)

    it("leave out what only the server sets", function()
        local set = sets.shop()
        local schema = types.new(set)
        local create = schema:type("OrderLineCreateInput").by
        assert.is_nil(create.total)
        assert.truthy(create.unitPrice)
        assert.is_nil(schema:type("SaleOrderCreateInput").by.createdAt)
        assert.is_nil(schema:type("OrderLineUpdateInput").by.total)
        assert.truthy(schema:type("OrderLineWhereInput").by.total_gt)
        assert.truthy(schema:type("OrderLineOrderByInput").by.total_ASC)
    end)

    it("require what has no default", function()
        local create = reference():type("UserCreateInput").by
        assert.equal("String!", types.text(create.email.type))
        assert.equal("Boolean", types.text(create.active.type))
        assert.equal("ID", types.text(create.id.type))
    end)
end)

describe("filters", function()
    it("are those of the scalar", function()
        local where = types.new(sets.shop()):type("SaleOrderWhereInput").by
        assert.truthy(where.number_gte)
        assert.truthy(where.placedOn_lt)
        assert.truthy(where.externalRef_not_in)
        assert.truthy(where.externalRef_starts_with)
        assert.truthy(where.state_in)
        assert.is_nil(where.state_lt)
        assert.is_nil(where.number_contains)
    end)

    it("do not exist for Json and lists", function()
        local where = reference():type("UserWhereInput").by
        assert.is_nil(where.meta)
        assert.is_nil(where.nicknames)
    end)
end)
