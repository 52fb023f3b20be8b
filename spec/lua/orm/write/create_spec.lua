-- Creating records.
-- SPDX-License-Identifier: Apache-2.0
local sets = require("support.sets")
local writes = require("support.writes")

describe("create", writes.with_database(function(w)
    it("gives server-made values and defaults", function()
        w:models [[
            type Todo { id: ID! @id  createdAt: DateTime! @createdAt
                updatedAt: DateTime! @updatedAt  title: String
                rank: Int! @default(value: 7)  state: State @default(value: Open)
                done: Boolean! @default(value: false)  tags: [String] }
            enum State { Open Closed }
        ]]
        w.server.now = 1767607200123
        w:sees([[mutation { createTodo(data: {}) {
            createdAt updatedAt title rank state done tags } }]],
            [[{"createTodo":{"createdAt":"2026-01-05T10:00:00.123Z",
            "updatedAt":"2026-01-05T10:00:00.123Z","title":null,"rank":7,
            "state":"Open","done":false,"tags":[]}}]])
        w:sees('mutation { createTodo(data: { rank: 1, state: null, done: true,'
            .. ' tags: { set: ["b", "a", "b", "{\\"x\\",}"] } }) { rank state'
            .. ' done tags } }', [[{"createTodo":{"rank":1,"state":null,
            "done":true,"tags":["b","a","b","{\"x\",}"]}}]])
        assert.equal("1", w:value("min(version) FROM test.todo"))
    end)

    it("refuses null where the default was meant (3036)", function()
        w:models [[ type Todo { id: ID! @id  rank: Int! @default(value: 7) } ]]
        w:fails(3036, "mutation { createTodo(data: { rank: null }) { rank } }",
            "The input value null was not valid for field rank of type Todo.")
        w:fails(3036, "mutation($n: Int) { createTodo(data: { rank: $n })"
            .. " { rank } }", nil, { variables = '{"n":null}' })
        w:sees("mutation($n: Int) { createTodo(data: { rank: $n }) { rank } }",
            '{"createTodo":{"rank":7}}')
    end)

    it("takes the caller's id, and names it when it is taken", function()
        w:models [[ type Todo { id: ID! @id  title: String } ]]
        w:sees('mutation { createTodo(data: { id: "mine" }) { id } }',
            '{"createTodo":{"id":"mine"}}')
        w:fails(3010, 'mutation { createTodo(data: { id: "mine" }) { id } }',
            "A unique constraint would be violated on Todo. Details: Field name"
            .. " = id")
        w:fails(3007, 'mutation { createTodo(data: { id:'
            .. ' "12345678901234567890123456" }) { id } }', "too long")
        local data = w:ok("mutation { createTodo(data: { id: null }) { id } }")
        assert.equal(25, #data.createTodo.id)
    end)

    it("makes uuid ids, and the database counts bigint ids", function()
        w:models("type Todo { id: ID! @id  title: String }",
            { id_type = "uuid" })
        local id = w:ok("mutation { createTodo(data: {}) { id } }").createTodo.id
        assert.truthy(id:find("^%x+%-%x+%-7"))
        w:models([[ type List { id: ID! @id  name: String  todoes: [Todo] }
            type Todo { id: ID! @id  title: String  list: List  tags: [Tag] }
            type Tag { id: ID! @id  name: String  todoes: [Todo] } ]],
            { id_type = "bigint" })
        w:ok("mutation { createList(data: {}) { id } }")
        w:sees('mutation { createList(data: { todoes: { create: [{ title: "a",'
            .. ' tags: { create: [{ name: "x" }, { name: "y" }] } }, {'
            .. ' title: "b" }] } }) { id todoes { id title tags { id name } } }'
            .. ' }', [[{"createList":{"id":"2","todoes":[
            {"id":"1","title":"a","tags":[{"id":"1","name":"x"},
            {"id":"2","name":"y"}]},{"id":"2","title":"b","tags":[]}]}}]])
        w:fails(3039, 'mutation { deleteTodo(where: { id: "x" }) { id } }',
            "with value x for id found")
    end)

    it("reports a missing required relation (3032)", function()
        w:models [[ type User { id: ID! @id  posts: [Post] }
            type Post { id: ID! @id  title: String  author: User! } ]]
        for _, author in ipairs({ "{}", "{ create: null }",
            "{ connect: null }" }) do
            w:fails(3032, ("mutation { createPost(data: { author: %s })"
                .. " { id } }"):format(author), "The field 'author' on type"
                .. " 'Post' is required. Performing this mutation would violate"
                .. " that constraint")
        end
        w:fails("GRAPHQL_VALIDATION_FAILED",
            "mutation { createPost(data: {}) { id } }")
    end)

    it("keeps ids in the order of the document at every level", function()
        w:models [[
            type A { id: ID! @id  n: Int!  parent: A @relation(name: "T")
                kids: [A] @relation(name: "T") } ]]
        w:ok [[mutation { createA(data: { n: 1, parent: { create: { n: 2 } },
            kids: { create: [{ n: 3, kids: { create: [{ n: 4 }, { n: 5 }] } },
            { n: 6 }] } }) { id } }]]
        w:sees("{ as { n parent { n } kids { n } } }", [[{"as":[
            {"n":1,"parent":{"n":2},"kids":[{"n":3},{"n":6}]},
            {"n":2,"parent":null,"kids":[{"n":1}]},
            {"n":3,"parent":{"n":1},"kids":[{"n":4},{"n":5}]},
            {"n":4,"parent":{"n":3},"kids":[]},
            {"n":5,"parent":{"n":3},"kids":[]},
            {"n":6,"parent":{"n":1},"kids":[]}]}]])
    end)

    it("connects to rows of the same mutation", function()
        w:models [[
            type Team { id: ID! @id  name: String! @unique  lead: User
                @relation(name: "Lead", link: INLINE)
                members: [User] @relation(name: "Members") }
            type User { id: ID! @id  email: String! @unique
                team: Team @relation(name: "Members")
                leads: Team @relation(name: "Lead") } ]]
        w:sees([[mutation { createTeam(data: { name: "t",
            lead: { connect: { email: "a" } },
            members: { create: [{ email: "a" }, { email: "b" }] } }) {
            lead { email } members { email } } }]], [[{"createTeam":{
            "lead":{"email":"a"},"members":[{"email":"a"},{"email":"b"}]}}]])
        w:fails(3039, [[mutation { createTeam(data: { name: "u",
            lead: { connect: { email: "z" } } }) { id } }]])
        assert.equal("1", w:value("count(*) FROM test.team"))
    end)

    it("is one INSERT for each model and level", function()
        w:set(sets.shop())
        w:ok [[mutation { a: createPartner(data: { name: "P" }) { id } }]]
        local ids = {}
        for i = 1, 3 do
            ids[i] = w:ok(('mutation { createProduct(data: { name: "p%d",'
                .. ' listPrice: "%d.50" }) { id } }'):format(i, i))
                .createProduct.id
        end
        local partner = w:value("id FROM shop.partner")
        local lines = {}
        for i = 1, 30 do
            lines[i] = ('{ quantity: %d, unitPrice: "1.25", product: { connect:'
                .. ' { id: "%s" } } }'):format(i, ids[i % 3 + 1])
        end
        local log = w:statements(function()
            local data = w:ok(('mutation { createSaleOrder(data: { number: 1,'
                .. ' partner: { connect: { id: "%s" } }, orderLines: { create:'
                .. ' [%s] } }) { number orderLines { quantity } } }')
                :format(partner, table.concat(lines, ", ")))
            assert.equal(30, #data.createSaleOrder.orderLines)
            for i, line in ipairs(data.createSaleOrder.orderLines) do
                assert.equal(i, line.quantity)
            end
        end)
        assert.equal(3, #log) -- two inserts and the answer
    end)

    it("is one statement when only the row itself is asked for", function()
        w:models [[ type Todo { id: ID! @id  title: String  l: L }
            type L { id: ID! @id  todoes: [Todo] } ]]
        w:ok('mutation { createL(data: { id: "l" }) { id } }')
        local log = w:statements(function()
            w:sees('mutation { createTodo(data: { title: "x", l: { connect: {'
                .. ' id: "l" } } }) { title l { id } __typename } }',
                '{"createTodo":{"title":"x","l":{"id":"l"},'
                .. '"__typename":"Todo"}}')
        end)
        assert.equal(1, #log)
        w:ok("mutation { createL(data: {}) { todoes { id } } }")
    end)

    it("finds out that a connected id is of no row of the model", function()
        w:models [[ type Todo { id: ID! @id  title: String  l: L }
            type L { id: ID! @id  todoes: [Todo] } ]]
        w:ok('mutation { createTodo(data: { id: "t" }) { id }'
            .. ' createL(data: { id: "l" }) { id } }')
        for _, text in ipairs({
            'createTodo(data: { l: { connect: { id: "t" } } }) { id }',
            'updateTodo(where: { id: "t" }, data: { l: { connect: { id: "t" } }'
                .. " }) { id }",
        }) do
            w:fails(3039, "mutation { " .. text .. " }", "No Node for the model")
        end
        w:fails(3039, 'mutation { createL(data: { todoes: { create: [{ title:'
            .. ' "a" }] connect: [{ id: "l" }, { id: "t" }] } }) { id } }',
            "No Node for the model Todo with value l for id found.")
        assert.equal("1", w:value("count(*) FROM test.todo"))
    end)

    it("names the one of several connected ids that is missing", function()
        w:models [[ type L { id: ID! @id  ts: [T] }
            type T { id: ID! @id  p: P  l: L } type P { id: ID! @id  n: Int } ]]
        w:ok('mutation { a: createP(data: { id: "a" }) { id }'
            .. ' b: createP(data: { id: "b" }) { id } }')
        w:fails(3039, [[mutation { createL(data: { ts: { create: [
            { p: { connect: { id: "a" } } }, { p: { connect: { id: "z" } } },
            { p: { connect: { id: "b" } } }] } }) { id } }]],
            "No Node for the model P with value z for id found.")
        assert.equal("0", w:value("count(*) FROM test.l"))
    end)

    it("prefers the connected partner to the created one", function()
        for _, holder in ipairs({ "P", "C" }) do
            local function models(need)
                w:models(([[ type P { id: ID! @id  p: String @unique  c: C %s }
                    type C { id: ID! @id  c: String @unique  p: P%s %s } ]])
                    :format(holder == "P" and "@relation(link: INLINE)" or "",
                        need, holder == "C" and "@relation(link: INLINE)" or ""))
                w:ok('mutation { createP(data: { p: "0", c: { create: {'
                    .. ' c: "c" } } }) { id } }')
            end
            local text = 'mutation { createP(data: { p: "1", c: { create: {'
                .. ' c: "d" }, connect: { c: "c" } } }) { c { c } } }'
            models("!")
            w:fails(3042, text)
            models("")
            w:sees(text, '{"createP":{"c":{"c":"c"}}}')
            w:sees("{ cs { c p { p } } }",
                '{"cs":[{"c":"c","p":{"p":"1"}},{"c":"d","p":null}]}')
        end
    end)

    it("writes a thousand records in few statements", function()
        w:models [[ type L { id: ID! @id  ts: [T] }
            type T { id: ID! @id  title: String  tags: [String]  l: L } ]]
        local items = {}
        for i = 1, 1000 do
            items[i] = ('{"title":"t%d","tags":{"set":["a,b","%d"]}}'):format(i, i)
        end
        local log = w:statements(function()
            w:ok("mutation($t: [TCreateWithoutLInput!]) { createL(data: { ts: {"
                .. " create: $t } }) { id } }", { variables = '{"t":['
                .. table.concat(items, ",") .. "]}" })
        end)
        assert.equal(os.getenv("LUNETTE_TEST_DIRECT") == "0" and 3 or 1, #log)
        w:sees('{ ts(where: { title: "t1000" }) { tags l { id } } tsConnection'
            .. " { aggregate { count } } }", ('{"ts":[{"tags":["a,b","1000"],'
            .. '"l":{"id":"%s"}}],"tsConnection":{"aggregate":{"count":1000}}}')
            :format(w:value("id FROM test.l")))
    end)

    it("rolls everything back when a nested row conflicts", function()
        w:models [[ type L { id: ID! @id  name: String @unique  ts: [T] }
            type T { id: ID! @id  title: String @unique  l: L } ]]
        w:fails(3010, 'mutation { createL(data: { name: "l", ts: { create: [{'
            .. ' title: "a" }, { title: "a" }] } }) { id } }',
            "violated on T. Details: Field name = title")
        w:sees("{ ls { name } ts { title } }", '{"ls":[],"ts":[]}')
    end)

    it("names the field or the message of a broken rule", function()
        local set = sets.from_datamodel [[
            type Item { id: ID! @id  qty: Int  code: String  low: Int } ]]
        local item = sets.find(set, "Item")
        sets.find(set, "Item", "qty").min = 1
        sets.find(set, "Item", "qty").max = 10
        sets.find(set, "Item", "code").size = 3
        item.checks = { { name = "low_check", sql = "low < qty",
            message = "low must be below qty" } }
        w:set(set)
        w:fails("VALIDATION_FAILED", "mutation { createItem(data: { qty: 0 })"
            .. " { id } }", "qty must be at least 1 and at most 10")
        w:fails("VALIDATION_FAILED", 'mutation { createItem(data: {'
            .. ' code: "abcd" }) { id } }', "code must be at most 3")
        w:fails("VALIDATION_FAILED", "mutation { createItem(data: { qty: 2,"
            .. " low: 3 }) { id } }", "low must be below qty")
        w:ok("mutation { createItem(data: { qty: 2, low: 1 }) { id } }")
        w:fails("VALIDATION_FAILED", "mutation { updateManyItems(data: {"
            .. " qty: 11 }) { count } }", "qty must be")
    end)

    it("gives the caller and the moment as defaults", function()
        local set = sets.from_datamodel [[
            type User { id: ID! @id  notes: [Note] }
            type Note { id: ID! @id  owner: User  made: DateTime
                editor: String } ]]
        sets.find(set, "Note", "owner").default = { me = true }
        sets.find(set, "Note", "made").default = { now = true }
        sets.find(set, "Note", "editor").default = { me = true }
        w:set(set)
        w.server.now = 0
        w:ok('mutation { createUser(data: { id: "u1" }) { id } }')
        local note = "mutation { createNote(data: {}) { owner { id } made"
            .. " editor } }"
        assert.same({ createNote = { owner = { id = "u1" }, editor = "u1",
            made = "1970-01-01T00:00:00.000Z" } }, w:ok(note, { user = "u1" }))
        w:sees(note, [[{"createNote":{"owner":null,"editor":null,
            "made":"1970-01-01T00:00:00.000Z"}}]])
    end)

    it("never writes a stored column", function()
        w:set(sets.shop())
        w:ok [[mutation { createOrderLine(data: { quantity: 3, unitPrice: "2.50",
            product: { create: { name: "n", listPrice: "1" } },
            saleOrder: { create: { number: 5, partner: { create: {
            name: "p" } } } } }) { id } }]]
        assert.equal("7.5000", w:value("total FROM shop.order_line"))
    end)
end))
