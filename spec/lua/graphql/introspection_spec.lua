-- The schema as clients ask for it.
-- SPDX-License-Identifier: Apache-2.0
require("support.host")
local cjson = require("cjson")
local introspection = require("lunette.graphql.introspection")
local parse = require("support.parse")
local selections = require("lunette.graphql.selections")
local sets = require("support.sets")
local types = require("lunette.graphql.types")

-- Answers the first field of a query.
local function text_of(schema, query, variables)
    local doc = parse.document(query)
    local fragments = {}
    for _, fragment in ipairs(doc.fragments) do
        fragments[fragment.name] = fragment
    end
    local operation = doc.operations[1]
    local collector = selections.new(schema, operation, fragments,
        variables or {})
    local items = collector:collect(schema:root("query"),
        { operation.selections })
    local text = introspection.field(schema, items[1], collector)
    return text
end

local function ask(query, variables)
    local schema = types.new(sets.reference(), { strict = true })
    return cjson.decode(text_of(schema, query, variables))
end

local function by_name(list)
    local found = {}
    for _, item in ipairs(list) do found[item.name] = item end
    return found
end

local REF = "kind name ofType { kind name ofType { kind name ofType {"
    .. " kind name } } }"

describe("__type", function()
    it("has fields, arguments and types", function()
        local type = ask('{ __type(name: "User") { kind name fields {'
            .. " name args { name type { " .. REF .. " } } type { " .. REF
            .. " } isDeprecated } } }")
        assert.equal("OBJECT", type.kind)
        local posts = by_name(type.fields).posts
        assert.equal(7, #posts.args)
        assert.equal("LIST", posts.type.kind)
        assert.equal("NON_NULL", posts.type.ofType.kind)
        assert.equal("Post", posts.type.ofType.ofType.name)
        assert.is_false(posts.isDeprecated)
    end)

    it("is null where the kind has no such thing", function()
        local type = ask('{ __type(name: "Role") { kind fields { name }'
            .. " inputFields { name } interfaces { name }"
            .. " possibleTypes { name } ofType { name }"
            .. " enumValues(includeDeprecated: true) { name } } }")
        assert.equal("ENUM", type.kind)
        assert.equal(cjson.null, type.fields)
        assert.equal(cjson.null, type.inputFields)
        assert.equal(cjson.null, type.interfaces)
        assert.equal(cjson.null, type.possibleTypes)
        assert.equal(cjson.null, type.ofType)
        assert.equal(3, #type.enumValues)
    end)

    it("knows interfaces and who has them", function()
        local node = ask('{ __type(name: "Node") { kind possibleTypes { name }'
            .. " } }")
        assert.equal("INTERFACE", node.kind)
        assert.equal(3, #node.possibleTypes)
        local user = ask('{ __type(name: "User") { interfaces { name } } }')
        assert.equal("Node", user.interfaces[1].name)
    end)

    it("takes its name from a variable", function()
        local query = "query($n: String!) { __type(name: $n) { name } }"
        assert.equal("Post", ask(query, { n = "Post" }).name)
        assert.equal(cjson.null, ask(query, { n = "Nope" }))
    end)

    it("is null for what is not there", function()
        assert.equal(cjson.null, ask('{ __type(name: "Nope") { name } }'))
    end)

    it("describes introspection itself", function()
        local type = ask('{ __type(name: "__Type") { fields { name } } }')
        assert.truthy(by_name(type.fields).ofType)
    end)

    it("spreads fragments, keeps aliases and skips", function()
        local type = ask([[{ __type(name: "Tag") { ...F n: name
            kind @skip(if: true) __typename } }
            fragment F on __Type { inner: fields { ...G } }
            fragment G on __Field { name }]])
        assert.equal("Tag", type.n)
        assert.equal("__Type", type.__typename)
        assert.is_nil(type.kind)
        assert.equal("id", type.inner[1].name)
    end)
end)

describe("__schema", function()
    it("has roots and directives", function()
        local schema = ask("{ __schema { queryType { name } mutationType {"
            .. " name } subscriptionType { name } directives { name locations"
            .. " args { name defaultValue } } } }")
        assert.equal("Query", schema.queryType.name)
        assert.equal("Mutation", schema.mutationType.name)
        assert.equal("Subscription", schema.subscriptionType.name)
        local directives = by_name(schema.directives)
        assert.equal("FIELD", directives.skip.locations[1])
        assert.equal('"No longer supported"',
            directives.deprecated.args[1].defaultValue)
    end)

    it("lists every type once", function()
        local seen = {}
        for _, type in ipairs(ask("{ __schema { types { name } } }").types) do
            assert.is_nil(seen[type.name])
            seen[type.name] = true
        end
        assert.is_true(seen.UserWhereInput)
        assert.is_true(seen.__Schema)
        assert.is_true(seen.Long)
    end)

    it("escapes descriptions", function()
        local set = sets.reference()
        sets.find(set, "User").title = 'A "person"\nor\\two\1'
        local answer = cjson.decode(text_of(types.new(set),
            '{ __type(name: "User") { description } }'))
        assert.equal('A "person"\nor\\two\1', answer.description)
    end)

    it("keeps answers by what was selected", function()
        local schema = types.new(sets.reference())
        local a = text_of(schema, "{ __schema { types { name } } }")
        local b = text_of(schema, "{ __schema { types { kind } } }")
        local c = text_of(schema, "{ x: __schema { types { name } } }")
        assert.not_equal(a, b)
        assert.equal(a, c)
    end)
end)

describe("a plan of introspection", function()
    it("is not cached where a name decides it", function()
        assert.is_true(introspection.depends_on_value({ name = "__type" }))
        assert.is_false(introspection.depends_on_value({ name = "__schema" }))
    end)
end)
