-- Documents that GraphQL refuses, and those it takes.
-- SPDX-License-Identifier: Apache-2.0
require("support.host")
local cjson = require("cjson")
local parse = require("support.parse")
local sets = require("support.sets")
local types = require("lunette.graphql.types")
local validate = require("lunette.graphql.validate")

local schema = types.new(sets.reference(), { strict = true })

local function check(text)
    return validate.document(schema, parse.document(text))
end

local function messages(text)
    local list = {}
    for i, err in ipairs((check(text))) do list[i] = err.message end
    return list
end

local function is_valid(text)
    assert.same({}, messages(text))
end

-- The document has exactly these errors.
local function has(text, ...)
    assert.same({ ... }, messages(text))
end

describe("documents that graphql-js has judged", function()
    -- Made by spec/contract/graphql/differential.mjs --write.
    local file = assert(io.open("spec/data/validation.json", "rb"))
    local rows = cjson.decode(file:read("*a"))
    file:close()

    it("are valid here where they are valid there", function()
        for _, row in ipairs(rows) do
            local mine = messages(row.document)
            assert.equal(#row.errors == 0, #mine == 0, row.document)
        end
    end)

    it("have errors that graphql-js has too", function()
        for _, row in ipairs(rows) do
            local known = {}
            for _, message in ipairs(row.errors) do
                message = message:gsub("; wrong kind", ".")
                known[message] = true
                known[(message:gsub('"([^"]*)!", found', '"%1", found'))] = true
            end
            for _, message in ipairs(messages(row.document)) do
                local bare = message:gsub('"([^"]*)!", found', '"%1", found')
                assert.truthy(known[bare] or known[message]
                    or message:find('^Fields "') or message:find("%.%.%.$"),
                    message .. "\n" .. row.document)
            end
        end
    end)
end)

describe("an error", function()
    it("says where it is", function()
        local found = check("{\n  users { nmae }\n}")
        assert.equal(1, #found)
        assert.equal(2, found[1].line)
        assert.equal(11, found[1].col)
        assert.equal("GRAPHQL_VALIDATION_FAILED", found[1].ext)
    end)

    it("is one of ten at most", function()
        assert.equal(10, #check("{" .. ("usr{id} "):rep(50) .. "}"))
    end)

    it("cuts long values", function()
        local found = messages('{ users(first: "' .. ("x"):rep(5000)
            .. '") { id } }')
        assert.is_true(#found[1] < 300)
    end)
end)

describe("fields", function()
    it("exist, or a near one is named", function()
        has("{ users { emial } }", 'Cannot query field "emial" on type "User".'
            .. ' Did you mean "email" or "meta"?')
    end)

    it("of an interface are looked for in its types", function()
        has('{ node(id: "1") { email } }', 'Cannot query field "email" on type'
            .. ' "Node". Did you mean to use an inline fragment on "User"?')
    end)

    it("have subfields where they are objects, and only there", function()
        has("{ users }", 'Field "users" of type "[User]!" must have a selection'
            .. ' of subfields. Did you mean "users { ... }"?')
        has("{ users { id { x } } }", 'Field "id" must not have a selection'
            .. ' since type "ID!" has no subfields.')
    end)

    it("of introspection are those of the schema", function()
        is_valid('{ __schema { types { name } }'
            .. ' __type(name: "User") { kind } }')
        is_valid("{ __typename users { __typename } }")
        has("mutation { __schema { types { name } } }",
            'Cannot query field "__schema" on type "Mutation".')
    end)
end)

describe("literals", function()
    it("are judged by kind, never by their text", function()
        is_valid('{ users(where: { createdAt_gt: "not a date" }) { id } }')
        is_valid("{ users(first: 99999999999) { id } }")
        is_valid('mutation { updateUser(data: { meta: "{" }, where: {id: 7})'
            .. " { id } }")
    end)

    it("of Json are strings", function()
        has("mutation { updateUser(data: { meta: {a: 1} }, where: {id: 7})"
            .. " { id } }", 'Expected value of type "Json", found {a: 1}.')
    end)

    it("of an enum are its values", function()
        has("{ users(orderBy: email_UP) { id } }", 'Value "email_UP" does not'
            .. ' exist in "UserOrderByInput" enum. Did you mean the enum value'
            .. ' "email_ASC" or "email_DESC"?')
    end)

    it("may be one item for a list", function()
        is_valid('{ users(where: { AND: { id_in: "a" } }) { id } }')
    end)
end)

describe("variables", function()
    it("are defined and used", function()
        has("query Q($a: Int) { users(first: $b) { id } }",
            'Variable "$b" is not defined by operation "Q".',
            'Variable "$a" is never used in operation "Q".')
    end)

    it("fit where they stand, also inside fragments and inputs", function()
        is_valid("query($i: ID!) { users(where: {id: $i}) { id } }")
        is_valid("query($i: Int = 3) { users(first: $i) { id } }")
        has("query($i: String) { users(where: {AND: [{age: $i}]}) { id } }",
            'Variable "$i" of type "String" used in position expecting type'
            .. ' "Int".')
        has("query($i: ID) { ...F }"
            .. " fragment F on Query { node(id: $i) { id } }",
            'Variable "$i" of type "ID" used in position expecting type "ID!".')
    end)
end)

describe("fragments", function()
    it("are used, known and end", function()
        has("{ users { id } } fragment F on User { id }",
            'Fragment "F" is never used.')
        has("{ users { ...G } }", 'Unknown fragment "G".')
        has("{ users { ...A } }"
            .. " fragment A on User { posts { author { ...B } } }"
            .. " fragment B on User { ...A }",
            'Cannot spread fragment "A" within itself via "B".')
        has("{ users { ...A } } fragment A on User { id ...A }",
            'Cannot spread fragment "A" within itself.')
    end)

    it("can match", function()
        has("{ users { ... on Post { id } } }", "Fragment cannot be spread here"
            .. ' as objects of type "User" can never be of type "Post".')
        is_valid("{ users { ... on Node { id } } }")
    end)
end)

describe("merged fields", function()
    it("are one field", function()
        is_valid("{ users { id id posts { id } posts { title } } }")
        has("{ users { a: name a: email } }", 'Fields "a" conflict because'
            .. ' "name" and "email" are different fields. Use different aliases'
            .. " on the fields to fetch both if this was intentional.")
    end)

    it("have equal arguments, at any depth", function()
        has("{ users { ...F posts(first: 1) { id } } }"
            .. " fragment F on User { posts(first: 2) { id } }",
            'Fields "posts" conflict because they have differing arguments. Use'
            .. " different aliases on the fields to fetch both if this was"
            .. " intentional.")
        has("{ users { posts { a: id } } ...F }"
            .. " fragment F on Query { users { posts { a: title } } }",
            'Fields "users" conflict because subfields "posts" conflict because'
            .. ' subfields "a" conflict because "id" and "title" are different'
            .. " fields. Use different aliases on the fields to fetch both if"
            .. " this was intentional.")
    end)

    it("may differ on types that never meet, but not in shape", function()
        is_valid('{ node(id: "1") { ... on User { a: email }'
            .. " ... on Post { a: title } } }")
        has('{ node(id: "1") { ... on User { a: age } ... on Post { a: title }'
            .. " } }", 'Fields "a" conflict because they return conflicting'
            .. ' types "Int" and "String!". Use different aliases on the fields'
            .. " to fetch both if this was intentional.")
    end)

    it("tell when texts of literals were compared", function()
        local _, compared = check("{ users(first: 1) { id } }")
        assert.is_false(compared)
        _, compared = check("{ users(first: 1) { id } users(first: 1) { id } }")
        assert.is_true(compared)
        _, compared = check("query($n: Int) { users(first: $n) { id }"
            .. " users(first: $n) { id } }")
        assert.is_false(compared)
    end)
end)

describe("hostile documents", function()
    -- Far beyond what a slow machine needs, far below what would hurt.
    local function is_quick(text)
        local doc = parse.document(text)
        local started = os.clock()
        validate.document(schema, doc)
        assert.is_true(os.clock() - started < 2)
    end

    it("with fragments that double at each level are refused", function()
        local out = { "{ users { ...f1 } }" }
        for i = 1, 40 do
            out[#out + 1] = ("fragment f%d on User { posts { author { ...f%d }"
                .. " b: author { ...f%d } } }"):format(i, i + 1, i + 1)
        end
        out[#out + 1] = "fragment f41 on User { id }"
        local text = table.concat(out, "\n")
        is_quick(text)
        has(text, "The document has too many fields to be checked for"
            .. " conflicts.")
    end)

    it("with many operations over many fragments take no long time", function()
        local out = {}
        for i = 1, 400 do
            out[#out + 1] = ("query q%d { users { ...f1 } }"):format(i)
            out[#out + 1] = ("fragment f%d on User { id ...f%d }")
                :format(i, i + 1)
        end
        out[#out + 1] = "fragment f401 on User { id }"
        is_quick(table.concat(out, "\n"))
    end)

    it("with one field many times take no long time", function()
        is_quick("{ users { " .. ("id "):rep(20000) .. "} }")
    end)

    it("with a deep input take no long time", function()
        is_quick("{ users(where: " .. ("{ AND: "):rep(150) .. "{}"
            .. (" }"):rep(150) .. ") { id } }")
    end)
end)
