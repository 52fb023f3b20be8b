-- Changing records, and upsert.
-- SPDX-License-Identifier: Apache-2.0
local writes = require("support.writes")

describe("update", writes.with_database(function(w)
    it("moves version and updatedAt, also of rows that get a link", function()
        w:models [[
            type L { id: ID! @id  name: String @unique  ts: [T] }
            type T { id: ID! @id  t: String @unique  tags: [Int]  l: L
                createdAt: DateTime! @createdAt
                updatedAt: DateTime! @updatedAt } ]]
        w.server.now = 0
        w:ok('mutation { createL(data: { name: "l" }) { id }'
            .. ' createT(data: { t: "t" }) { id } }')
        w.server.now = 1000
        w:sees('mutation { updateT(where: { t: "t" }, data: { tags: { set: [1]'
            .. " } }) { createdAt updatedAt tags } }", [[{"updateT":{
            "createdAt":"1970-01-01T00:00:00.000Z",
            "updatedAt":"1970-01-01T00:00:01.000Z","tags":[1]}}]])
        w.server.now = 2000
        w:ok('mutation { updateL(where: { name: "l" }, data: { ts: { connect:'
            .. ' [{ t: "t" }] } }) { id } }')
        w:sees("{ ts { updatedAt } }",
            '{"ts":[{"updatedAt":"1970-01-01T00:00:02.000Z"}]}')
        assert.equal("3", w:value("version FROM test.t"))
        -- linked already: nothing changes
        w:ok('mutation { updateL(where: { name: "l" }, data: { ts: { connect:'
            .. ' [{ t: "t" }] } }) { id } }')
        assert.equal("3", w:value("version FROM test.t"))
        assert.equal("1", w:value("version FROM test.l"))
        w.server.now = 3000
        w:ok("mutation { updateManyTs(data: { tags: { set: [] } }) { count } }")
        w:sees("{ ts { updatedAt tags } }",
            '{"ts":[{"updatedAt":"1970-01-01T00:00:03.000Z","tags":[]}]}')
    end)

    it("changes the very field it was found by", function()
        w:models [[ type T { id: ID! @id  t: String! @unique  n: Int } ]]
        w:ok('mutation { createT(data: { t: "a" }) { id } }')
        w:sees('mutation { updateT(where: { t: "a" }, data: { t: "b" }) { t } }',
            '{"updateT":{"t":"b"}}')
        w:fails(3039, 'mutation { updateT(where: { t: "a" }, data: { n: 1 })'
            .. " { t } }", "No Node for the model T with value a for t found.")
        w:fails(3039, 'mutation { updateT(where: { t: "a" }, data: {}) { t } }')
        w:sees('mutation { updateT(where: { t: "b" }, data: {}) { t n } }',
            '{"updateT":{"t":"b","n":null}}')
    end)

    it("refuses null for a required field (3020), clears others", function()
        w:models [[ type T { id: ID! @id  t: String! @unique  n: Int
            l: L  r: L! @relation(name: "R") } type L { id: ID! @id  a: Int } ]]
        w:ok('mutation { createT(data: { t: "a", n: 1, r: { create: {} },'
            .. " l: { create: {} } }) { id } }")
        w:fails(3020, 'mutation { updateT(where: { t: "a" }, data: { t: null })'
            .. " { t } }", "Fieldname if known: t")
        w:sees('mutation($n: Int) { updateT(where: { t: "a" }, data: { n: $n,'
            .. " l: null, r: null }) { n l { a } r { a } } }",
            '{"updateT":{"n":1,"l":{"a":null},"r":{"a":null}}}')
        w:sees('mutation { updateT(where: { t: "a" }, data: { n: null })'
            .. " { n } }", '{"updateT":{"n":null}}')
    end)

    it("needs exactly one unique value (3040, 3045)", function()
        w:models [[ type T { id: ID! @id  t: String @unique  c: [T2] }
            type T2 { id: ID! @id  t: String @unique  p: T } ]]
        w:fails(3040, "mutation { updateT(where: {}, data: {}) { t } }")
        w:fails(3040, "mutation { updateT(where: { t: null }, data: {}) { t } }",
            "You provided an invalid argument for the where selector on T.")
        w:fails(3045, 'mutation { updateT(where: { t: "a", id: "b" }, data: {})'
            .. " { t } }")
        w:fails(3040, "mutation { createT(data: { c: { connect: [{}] } })"
            .. " { t } }", "selector on T2")
        w:fails(3045, 'mutation { createT(data: { c: { connect: [{ t: "a",'
            .. ' id: "b" }] } }) { t } }', "selector on T2")
        w:sees("{ ts { t } }", '{"ts":[]}')
    end)

    it("a plain connect is part of the row's own statement", function()
        w:models [[ type L { id: ID! @id  name: String @unique  ts: [T] }
            type T { id: ID! @id  t: String @unique  n: Int  l: L } ]]
        w:ok('mutation { createL(data: { name: "l" }) { id }'
            .. ' createT(data: { t: "t" }) { id } }')
        local log = w:statements(function()
            w:sees('mutation { updateT(where: { t: "t" }, data: { n: 1, l: {'
                .. ' connect: { name: "l" } } }) { n l { name } } }',
                '{"updateT":{"n":1,"l":{"name":"l"}}}')
        end)
        assert.equal(3, #log)
        assert.equal("2", w:value("version FROM test.t"))
    end)

    it("runs all verbs of a list in the fixed order", function()
        w:models [[ type P { id: ID! @id  p: String @unique  cs: [C] }
            type C { id: ID! @id  c: String @unique  n: Int  ps: [P] } ]]
        w:ok([[mutation { createP(data: { p: "p", cs: { create: [{ c: "a" },
            { c: "b" }, { c: "d" }] } }) { id } createC(data: { c: "x" })
            { id } }]])
        w:ok([[mutation { updateP(where: { p: "p" }, data: { cs: {
            deleteMany: [{ c: "e9" }]
            updateMany: [{ where: { c: "e2" }, data: { c: "e9" } }]
            disconnect: [{ c: "x" }]
            connect: [{ c: "x" }]
            delete: [{ c: "b" }]
            upsert: [{ where: { c: "e1" }, update: { c: "e2" },
                       create: { c: "never" } },
                     { where: { c: "f" }, update: { c: "never" },
                       create: { c: "f" } }]
            update: [{ where: { c: "e" }, data: { c: "e1" } },
                     { where: { c: "a" }, data: { n: 5 } }]
            create: [{ c: "e" }] } }) { id } }]])
        w:sees("{ ps { cs { c n } } cs { c } }", [[{"ps":[{"cs":[
            {"c":"a","n":5},{"c":"d","n":null},{"c":"f","n":null}]}],
            "cs":[{"c":"a"},{"c":"d"},{"c":"x"},{"c":"f"}]}]])
    end)

    it("nests to any depth", function()
        w:models [[
            type A { id: ID! @id  a: String @unique  bs: [B] }
            type B { id: ID! @id  b: String @unique  a: A!  cs: [C] }
            type C { id: ID! @id  c: String @unique  bs: [B]  d: D }
            type D { id: ID! @id  d: String @unique  c: C
                @relation(link: INLINE) } ]]
        w:ok([[mutation { createA(data: { a: "a", bs: { create: [{ b: "b",
            cs: { create: [{ c: "c", d: { create: { d: "d" } } }] } }] } })
            { id } }]])
        w:ok([[mutation { updateA(where: { a: "a" }, data: { bs: { update: [{
            where: { b: "b" }, data: { b: "b2", cs: { update: [{
                where: { c: "c" }, data: { d: { update: { d: "d2" } } } }],
                create: [{ c: "c2", d: { create: { d: "d3" } } }] } } }],
            upsert: [{ where: { b: "zz" }, update: {}, create: { b: "b3",
                cs: { connect: [{ c: "c" }] } } }] } }) { id } }]])
        w:sees("{ as { a bs { b cs { c d { d c { c } } } } } }", [[{"as":[
            {"a":"a","bs":[{"b":"b2","cs":[
            {"c":"c","d":{"d":"d2","c":{"c":"c"}}},
            {"c":"c2","d":{"d":"d3","c":{"c":"c2"}}}]},
            {"b":"b3","cs":[{"c":"c","d":{"d":"d2","c":{"c":"c"}}}]}]}]}]])
        w:fails(3041, [[mutation { updateA(where: { a: "a" }, data: { bs: {
            update: [{ where: { b: "b3" }, data: { b: "changed", cs: { update:
            [{ where: { c: "c2" }, data: { c: "changed" } }] } } }] } })
            { id } }]], "The relation BToC has no node for the model B connected"
            .. " to a Node for the model C with the value 'c2' for the field 'c'"
            .. " on your mutation path.")
        w:sees('{ b(where: { b: "b3" }) { b } }', '{"b":{"b":"b3"}}')
    end)

    it("works on relations to the same model, of every kind", function()
        w:models [[
            type H { id: ID! @id  n: String @unique
                wife: H @relation(name: "M", link: INLINE)
                husband: H @relation(name: "M")
                kids: [H] @relation(name: "K")  father: H @relation(name: "K")
                fans: [H] @relation(name: "F")  stars: [H] @relation(name: "F")
            } ]]
        w:ok([[mutation { createH(data: { n: "a", wife: { create: { n: "b",
            kids: { create: [{ n: "c" }] } } }, kids: { create: [{ n: "d" }] },
            fans: { create: [{ n: "e" }] } }) { id } }]])
        w:ok([[mutation { updateH(where: { n: "d" }, data: {
            husband: { connect: { n: "a" } }, father: { disconnect: true },
            stars: { connect: [{ n: "a" }, { n: "d" }] } }) { id } }]])
        w:sees([[{ hs { n wife { n } husband { n } kids { n } father { n }
            fans { n } stars { n } } }]], [[{"hs":[
            {"n":"a","wife":{"n":"d"},"husband":null,"kids":[],"father":null,
             "fans":[{"n":"d"},{"n":"e"}],"stars":[]},
            {"n":"b","wife":null,"husband":null,"kids":[{"n":"c"}],
             "father":null,"fans":[],"stars":[]},
            {"n":"c","wife":null,"husband":null,"kids":[],"father":{"n":"b"},
             "fans":[],"stars":[]},
            {"n":"d","wife":null,"husband":{"n":"a"},"kids":[],"father":null,
             "fans":[{"n":"d"}],"stars":[{"n":"a"},{"n":"d"}]},
            {"n":"e","wife":null,"husband":null,"kids":[],"father":null,
             "fans":[],"stars":[{"n":"a"}]}]}]])
        w:ok([[mutation { updateH(where: { n: "d" }, data: { stars: { set:
            [{ n: "e" }] } }) { id } }]])
        w:sees('{ hs(where: { stars_some: { n: "e" } }) { n } }',
            '{"hs":[{"n":"d"}]}')
    end)

    it("takes everything from variables", function()
        w:models [[ type L { id: ID! @id  name: String @unique  ts: [T] }
            type T { id: ID! @id  t: String @unique  tags: [String]  l: L } ]]
        w:ok("mutation($d: LCreateInput!) { createL(data: $d) { id } }", {
            variables = [[{"d":{"name":"l","ts":{"create":[{"t":"a",
                "tags":{"set":["x","y"]}},{"t":"b"}]}}}]] })
        w:ok([[mutation($w: LWhereUniqueInput!, $d: LUpdateInput!, $t: String,
            $s: [String!]) { updateL(where: $w, data: $d) { id }
            updateT(where: { t: $t }, data: { tags: { set: $s } }) { id } }]], {
            variables = [[{"w":{"name":"l"},"d":{"ts":{"update":{"where":
                {"t":"a"},"data":{"t":"c"}},"disconnect":{"t":"b"}}},"t":"c",
                "s":["z"]}]] })
        w:sees("{ ls { ts { t tags } } }",
            '{"ls":[{"ts":[{"t":"c","tags":["z"]}]}]}')
        w:ok("mutation($b: Boolean) { updateT(where: { t: \"c\" }, data: { l: {"
            .. " disconnect: $b } }) { id } }", { variables = '{"b":true}' })
        w:sees("{ ls { ts { t } } }", '{"ls":[{"ts":[]}]}')
    end)
end))

describe("upsert", writes.with_database(function(w)
    it("runs the branch that fits, and only it", function()
        w:models [[ type L { id: ID! @id  name: String! @unique  ts: [T] }
            type T { id: ID! @id  t: String @unique  l: L } ]]
        local text = [[mutation { upsertL(where: { name: "l" },
            create: { name: "l", ts: { create: [{ t: "made" }] } },
            update: { name: "m", ts: { create: [{ t: "changed" }] } }) {
            name ts { t } } }]]
        w:sees(text, '{"upsertL":{"name":"l","ts":[{"t":"made"}]}}')
        w:sees(text,
            '{"upsertL":{"name":"m","ts":[{"t":"made"},{"t":"changed"}]}}')
    end)

    it("names the field when another row is in the way", function()
        w:models [[ type L { id: ID! @id  a: String @unique  b: Int @unique
            ts: [T] } type T { id: ID! @id  t: String @unique  l: L } ]]
        w:ok('mutation { createL(data: { a: "x", b: 1, ts: { create: [{'
            .. ' t: "t" }] } }) { id } }')
        w:fails(3010, 'mutation { upsertL(where: { a: "y" }, create: { a: "y",'
            .. " b: 1 }, update: {}) { id } }", "on L. Details: Field name = b")
        w:fails(3010, 'mutation { upsertL(where: { a: "y" }, create: { a: "z",'
            .. ' b: 1, ts: { create: [{ t: "u" }] } }, update: {}) { id } }',
            "on L. Details: Field name = b")
        w:fails(3010, 'mutation { upsertL(where: { a: "y" }, create: { a: "z",'
            .. ' ts: { create: [{ t: "t" }] } }, update: {}) { id } }',
            "on T. Details: Field name = t")
        w:sees("{ ls { a } ts { t } }", '{"ls":[{"a":"x"}],"ts":[{"t":"t"}]}')
    end)

    it("undoes what the losing branch wrote before it became an update",
        function()
        w:models [[ type L { id: ID! @id  a: String @unique  n: Int
            k: K @relation(link: INLINE) }
            type K { id: ID! @id  k: Int  l: L } ]]
        w:ok('mutation { createL(data: { a: "x" }) { id } }')
        -- the row appears between the search and the insert
        local update = require("lunette.orm.write.update")
        local selected, calls = update.selected, 0
        update.selected = function(...)
            calls = calls + 1
            if calls > 1 then return selected(...) end
        end
        local ok, err = pcall(w.sees, w, 'mutation { upsertL(where: { a: "x" },'
            .. ' create: { a: "x", k: { create: { k: 1 } } }, update: { n: 7 })'
            .. " { n k { k } } }", '{"upsertL":{"n":7,"k":null}}')
        update.selected = selected
        assert(ok, err)
        w:sees("{ ks { k } }", '{"ks":[]}')
    end)
end))
