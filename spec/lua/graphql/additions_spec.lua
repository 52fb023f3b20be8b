-- What is added to the reference schema, and where it gives way.
-- SPDX-License-Identifier: Apache-2.0
local sets = require("support.sets")
local types = require("lunette.graphql.types")

local function reference(opts)
    return types.new(sets.reference(), opts)
end

local function names(list)
    local found = {}
    for i, item in ipairs(list) do found[i] = item.name end
    return table.concat(found, " ")
end

local function written(field)
    local args = {}
    for i, arg in ipairs(field.args or {}) do
        args[i] = arg.name .. ": " .. types.text(arg.type)
    end
    return ("%s(%s): %s"):format(field.name, table.concat(args, ", "),
        types.text(field.type))
end

describe("beyond the reference, a schema", function()
    it("keeps every type, field, argument and value of it", function()
        local strict, wide = reference { strict = true }, reference()
        for _, name in ipairs(strict:names()) do
            local own, more = strict:type(name), wide:type(name)
            assert.equal(own.kind, more.kind, name)
            for _, field in ipairs(own.fields or {}) do
                local same = assert(more.by[field.name], field.name)
                assert.equal(types.text(field.type), types.text(same.type))
                for i, arg in ipairs(field.args or {}) do
                    assert.equal(arg.name, same.args[i].name)
                    assert.equal(types.text(arg.type),
                        types.text(same.args[i].type))
                end
            end
            for i, value in ipairs(own.values or {}) do
                assert.equal(value.name, more.values[i].name)
            end
        end
    end)

    it("has only types that its roots reach, and all they name", function()
        local schema, seen = reference(), {}
        local function visit(name)
            if seen[name] then return end
            seen[name] = true
            local type = assert(schema:type(name), name)
            for _, field in ipairs(type.fields or {}) do
                visit(types.bottom(field.type))
                for _, arg in ipairs(field.args or {}) do
                    visit(types.bottom(arg.type))
                end
            end
        end
        for _, root in ipairs { "Query", "Mutation", "Subscription", "Node" } do
            visit(root)
        end
        for _, name in ipairs(schema:names()) do
            assert.is_true(seen[name] or false, name)
        end
    end)

    it("adds nothing in strict mode", function()
        local strict = reference { strict = true }
        for _, name in ipairs { "SortOrder", "QueryMode", "JsonPathInput",
            "UserOrderByManyInput", "UserDistinctField", "UserGroupBy",
            "UserAggregateSum" } do
            assert.is_nil(strict:type(name), name)
        end
        assert.is_nil(strict:root("query").by.usersGroupBy)
        assert.is_nil(strict:type("User").by.postsConnection)
    end)

    it("sorts by several keys, also of to-one relations", function()
        local schema = reference()
        assert.equal("id title views publishedAt author reviewer",
            names(schema:type("PostOrderByManyInput").fields))
        assert.equal("UserOrderByManyInput", types.text(
            schema:type("PostOrderByManyInput").by.author.type))
        assert.equal("ASC DESC", names(schema:type("SortOrder").values))
    end)

    it("aggregates numbers, and takes extremes of dates and texts", function()
        local schema = reference()
        assert.equal("count sum avg min max",
            names(schema:type("AggregateUser").fields))
        assert.equal("age score", names(schema:type("UserAggregateSum").fields))
        assert.equal("createdAt updatedAt email name age score",
            names(schema:type("UserAggregateMax").fields))
        local tag = schema:type("AggregateTag")
        assert.equal("count min max", names(tag.fields))
        local line = types.new(sets.shop()):type("OrderLineAggregateSum").by
        assert.equal("Long", types.text(line.quantity.type))
        assert.equal("Decimal", types.text(line.total.type))
    end)

    it("groups by scalars and by relations whose key is in the row", function()
        local schema = reference()
        assert.equal("postsGroupBy(by: [PostGroupByField!]!,"
            .. " where: PostWhereInput, having: PostGroupByHavingInput,"
            .. " orderBy: [PostGroupByOrderInput!], skip: Int, first: Int):"
            .. " [PostGroupBy!]!", written(schema:root("query").by.postsGroupBy))
        assert.equal("id title views publishedAt author reviewer",
            names(schema:type("PostGroupByField").values))
        assert.equal("id createdAt updatedAt email name age score active role",
            names(schema:type("UserDistinctField").values))
    end)

    it("filters lists and Json", function()
        local where = reference():type("UserWhereInput").by
        assert.equal("String", types.text(where.nicknames_contains.type))
        assert.equal("[String!]",
            types.text(where.nicknames_contains_some.type))
        assert.equal("Boolean", types.text(where.nicknames_is_empty.type))
        assert.equal("Json", types.text(where.meta.type))
        assert.equal("JsonPathInput", types.text(where.meta_path.type))
        assert.equal("QueryMode", types.text(where.mode.type))
        assert.truthy(reference():type("UserScalarWhereInput").by.mode)
    end)

    it("connects relations", function()
        local schema = reference()
        local field = schema:type("User").by.postsConnection
        assert.equal("PostConnection!", types.text(field.type))
        assert.equal(schema:type("User").by.posts.args, field.args)
    end)
end)

describe("where a name is taken", function()
    it("a field of the model stands and the addition is left out", function()
        local schema = types.new(sets.from_datamodel [[
            type A {
              id: ID! @id  mode: String  tags: [String]
              tags_is_empty: Int  bs: [B]  bsConnection: String
            }
            type B { id: ID! @id  a: A }
        ]])
        local where = schema:type("AWhereInput").by
        assert.equal("String", types.text(where.mode.type))
        assert.equal("QueryMode", types.text(where._mode.type))
        assert.equal("Int", types.text(where.tags_is_empty.type))
        assert.truthy(where.tags_contains)
        assert.equal("String",
            types.text(schema:type("A").by.bsConnection.type))
        assert.equal(0, #schema.conflicts)
    end)

    it("a type of the reference stands, and nothing names the other", function()
        local schema = types.new(sets.from_datamodel [[
            type A { id: ID! @id  n: Int }
            type AGroupBy { id: ID! @id }
            type AAggregateSum { id: ID! @id }
            type AOrderByManyInput { id: ID! @id }
            type ADistinctField { id: ID! @id }
            enum SortOrder { UP DOWN }
        ]])
        assert.equal("model", schema:type("AGroupBy").role)
        assert.is_nil(schema:root("query").by.asGroupBy)
        assert.truthy(schema:root("query").by.aGroupBiesGroupBy
            or schema:root("query").by.aGroupBysGroupBy)
        assert.equal("count avg min max",
            names(schema:type("AggregateA").fields))
        local args = schema:root("query").by.as.args_by
        assert.is_nil(args.orderByMany)
        assert.is_nil(args.distinct)
        assert.equal(0, #schema.conflicts)
    end)

    it("a shared type takes another name", function()
        local schema = types.new(sets.from_datamodel [[
            type A { id: ID! @id  order: SortOrder }
            type QueryMode { id: ID! @id }
            enum SortOrder { UP DOWN }
        ]])
        assert.equal("UP DOWN", names(schema:type("SortOrder").values))
        assert.equal("LunetteSortOrder",
            types.text(schema:type("AOrderByManyInput").by.id.type))
        assert.equal("LunetteQueryMode",
            types.text(schema:type("AWhereInput").by.mode.type))
    end)
end)

describe("a hidden field", function()
    it("appears in none of the additions", function()
        local schema = reference()
        schema.is_visible = function(_, _, made)
            return made.graphql ~= "age" and made.graphql ~= "meta"
                and made.graphql ~= "nicknames" and made.graphql ~= "reviewer"
                and made.graphql ~= "posts"
        end
        schema.shapes = {}
        for _, name in ipairs(schema:names()) do
            local type = schema:type(name)
            if type.role == "query" then type = {} end
            for _, list in ipairs { type.fields or {}, type.values or {} } do
                for _, item in ipairs(list) do
                    for _, hidden in ipairs { "age", "meta", "nicknames",
                        "reviewer", "postsConnection" } do
                        assert.is_nil(item.name:find("%f[%a]" .. hidden
                            .. "%f[%A]"), name .. "." .. item.name)
                    end
                end
            end
        end
    end)
end)
