-- Deleting records, and what goes with them.
-- SPDX-License-Identifier: Apache-2.0
local sets = require("support.sets")
local writes = require("support.writes")

describe("delete", writes.with_database(function(w)
    it("answers with the row as it was, relations included", function()
        w:models [[ type L { id: ID! @id  name: String @unique  ts: [T] }
            type T { id: ID! @id  n: Int  l: L } ]]
        w:ok('mutation { createL(data: { name: "l", ts: { create: [{ n: 1 },'
            .. " { n: 2 }] } }) { id } }")
        w:sees('mutation { deleteL(where: { name: "l" }) { name ts(where: {'
            .. ' n_gt: 1 }) { n l { name } } } }', [[{"deleteL":{"name":"l",
            "ts":[{"n":2,"l":{"name":"l"}}]}}]])
        w:sees("{ ls { name } ts { n l { name } } }",
            '{"ls":[],"ts":[{"n":1,"l":null},{"n":2,"l":null}]}')
        assert.equal("2", w:value("min(version) FROM test.t"))
    end)

    it("cuts links of tables between", function()
        w:models [[ type A { id: ID! @id  a: String @unique  bs: [B]  cs: [C] }
            type B { id: ID! @id  b: String  as: [A] }
            type C { id: ID! @id  c: String } ]]
        w:ok('mutation { createA(data: { a: "a", bs: { create: [{ b: "b" }] },'
            .. ' cs: { create: [{ c: "c" }] } }) { id } }')
        w:ok('mutation { deleteManyCs { count } deleteA(where: { a: "a" })'
            .. " { id } }")
        w:sees("{ as { a } bs { b as { a } } cs { c } }",
            '{"as":[],"bs":[{"b":"b","as":[]}],"cs":[]}')
    end)

    it("goes along a chain of owners, and on through circles", function()
        w:models [[
            type P { id: ID! @id  p: String @unique
                cs: [C] @relation(name: "PC", onDelete: CASCADE) }
            type C { id: ID! @id  c: String  p: P! @relation(name: "PC")
                gs: [G] @relation(onDelete: CASCADE)  others: [Other] }
            type G { id: ID! @id  g: String  c: C! }
            type Other { id: ID! @id  o: String  c: C } ]]
        for _, p in ipairs({ "1", "2" }) do
            local text = ([[mutation { createP(data: { p: "%s", cs: { create: [
                { c: "a%s", gs: { create: [{ g: "x%s" }, { g: "y%s" }] },
                others: { create: [{ o: "o%s" }] } }, { c: "b%s" }] } })
                { id } }]]):gsub("%%s", p)
            w:ok(text)
        end
        w:ok('mutation { deleteP(where: { p: "1" }) { p } }')
        w:sees("{ ps { p } cs { c } gs { g } others { o c { c } } }", [[{
            "ps":[{"p":"2"}],"cs":[{"c":"a2"},{"c":"b2"}],
            "gs":[{"g":"x2"},{"g":"y2"}],
            "others":[{"o":"o1","c":null},{"o":"o2","c":{"c":"a2"}}]}]])
        w:sees("mutation { deleteManyPs { count } }",
            '{"deleteManyPs":{"count":1}}')
        w:sees("{ cs { c } gs { g } others { c { c } } }",
            '{"cs":[],"gs":[],"others":[{"c":null},{"c":null}]}')
    end)

    it("deletes partners that both need each other when marked", function()
        w:models [[
            type P { id: ID! @id  p: String @unique
                c: C! @relation(onDelete: CASCADE, link: INLINE) }
            type C { id: ID! @id  c: String @unique  p: P! } ]]
        w:ok('mutation { createP(data: { p: "p", c: { create: { c: "c" } } })'
            .. " { id } }")
        w:fails(3042, 'mutation { deleteC(where: { c: "c" }) { c } }',
            "'CToP' between C and P")
        w:ok('mutation { deleteP(where: { p: "p" }) { p } }')
        w:sees("{ ps { p } cs { c } }", '{"ps":[],"cs":[]}')
    end)

    it("marked on both sides, takes both from either side", function()
        w:models [[
            type P { id: ID! @id  p: String @unique
                c: C! @relation(onDelete: CASCADE, link: INLINE) }
            type C { id: ID! @id  c: String @unique
                p: P! @relation(onDelete: CASCADE) } ]]
        for _, name in ipairs({ "1", "2" }) do
            w:ok(('mutation { createP(data: { p: "%s", c: { create: { c: "%s" }'
                .. " } }) { id } }"):format(name, name))
        end
        w:ok('mutation { deleteP(where: { p: "1" }) { p } }')
        w:ok('mutation { deleteC(where: { c: "2" }) { c } }')
        w:sees("{ ps { p } cs { c } }", '{"ps":[],"cs":[]}')
    end)

    it("rolls back when a row outside needs one that goes", function()
        w:models [[
            type A { id: ID! @id  a: String @unique
                bs: [B] @relation(onDelete: CASCADE) }
            type B { id: ID! @id  b: String  a: A!  es: [E] }
            type E { id: ID! @id  e: String  b: B! } ]]
        w:ok([[mutation { createA(data: { a: "a", bs: { create: [{ b: "b1" },
            { b: "b2", es: { create: [{ e: "e" }] } }] } }) { id } }]])
        w:fails(3042, 'mutation { deleteA(where: { a: "a" }) { a } }',
            "would violate the required relation 'BToE' between B and E")
        w:fails(3042, "mutation { deleteManyAs { count } }", "'BToE'")
        w:sees("{ as { a bs { b } } }",
            '{"as":[{"a":"a","bs":[{"b":"b1"},{"b":"b2"}]}]}')
    end)

    it("takes a row and the ones that need it together", function()
        w:models [[ type A { id: ID! @id  a: Int  up: A @relation(name: "T")
            down: [A] @relation(name: "T", onDelete: CASCADE) } ]]
        w:ok([[mutation { createA(data: { a: 1, down: { create: [{ a: 2, down:
            { create: [{ a: 3 }] } }, { a: 4 }] } }) { id }
            b: createA(data: { a: 5 }) { id } }]])
        w:sees("mutation { deleteManyAs(where: { a: 2 }) { count } }",
            '{"deleteManyAs":{"count":1}}')
        w:sees("{ as { a down { a } } }", [[{"as":[{"a":1,"down":[{"a":4}]},
            {"a":4,"down":[]},{"a":5,"down":[]}]}]])
        w:sees("mutation { deleteManyAs { count } }",
            '{"deleteManyAs":{"count":3}}')
    end)

    it("follows on_delete of refs: restrict, set_null, cascade", function()
        local set = sets.from_datamodel [[
            type A { id: ID! @id  a: String @unique }
            type R { id: ID! @id  a: A }
            type N { id: ID! @id  a: A }
            type C { id: ID! @id  n: Int  a: A } ]]
        sets.find(set, "R", "a").on_delete = "restrict"
        sets.find(set, "C", "a").on_delete = "cascade"
        w:set(set)
        w:ok([[mutation { createA(data: { a: "x" }) { id }
            r: createR(data: { a: { connect: { a: "x" } } }) { id }
            n: createN(data: { a: { connect: { a: "x" } } }) { id }
            c: createC(data: { n: 1, a: { connect: { a: "x" } } }) { id }
            d: createC(data: { n: 2 }) { id } }]])
        w:fails("CONFLICT", 'mutation { deleteA(where: { a: "x" }) { a } }',
            "AToR")
        w:ok("mutation { deleteManyRs { count } }")
        w:ok('mutation { deleteA(where: { a: "x" }) { a } }')
        w:sees("{ as { a } ns { a { a } } cs { n } }",
            '{"as":[],"ns":[{"a":null}],"cs":[{"n":2}]}')
    end)

    it("clears two links of one row to rows that go", function()
        w:models [[
            type A { id: ID! @id  a: Int }
            type B { id: ID! @id  x: A @relation(name: "X")
                y: A @relation(name: "Y") } ]]
        w:ok("mutation { createB(data: { x: { create: { a: 1 } }, y: { create:"
            .. " { a: 2 } } }) { id } }")
        w:sees("mutation { deleteManyAs { count } }",
            '{"deleteManyAs":{"count":2}}')
        w:sees("{ bs { x { a } y { a } } }", '{"bs":[{"x":null,"y":null}]}')
    end)

    it("nested, deletes children with what belongs to them", function()
        w:models [[
            type P { id: ID! @id  p: String @unique  cs: [C] }
            type C { id: ID! @id  c: String @unique  ps: [P]
                gs: [G] @relation(onDelete: CASCADE)  o: O }
            type G { id: ID! @id  g: String  c: C! }
            type O { id: ID! @id  o: String  c: C! @relation(link: INLINE) } ]]
        w:ok([[mutation { createP(data: { p: "p", cs: { create: [
            { c: "a", gs: { create: [{ g: "g" }] } },
            { c: "b", o: { create: { o: "o" } } }] } }) { id } }]])
        w:ok('mutation { createP(data: { p: "q", cs: { connect: [{ c: "a" }] }'
            .. " }) { id } }")
        w:ok('mutation { updateP(where: { p: "p" }, data: { cs: { delete:'
            .. ' [{ c: "a" }] } }) { id } }')
        w:fails(3042, 'mutation { updateP(where: { p: "p" }, data: { cs: {'
            .. ' delete: [{ c: "b" }] } }) { id } }', "'CToO' between C and O")
        w:sees("{ ps { p cs { c } } gs { g } }",
            '{"ps":[{"p":"p","cs":[{"c":"b"}]},{"p":"q","cs":[]}],"gs":[]}')
    end)

    it("is one statement where nothing refers to the model", function()
        w:models [[ type T { id: ID! @id  t: String @unique  l: L }
            type L { id: ID! @id } ]]
        w:ok('mutation { createT(data: { t: "t" }) { id } }')
        local log = w:statements(function()
            w:sees('mutation { deleteT(where: { t: "t" }) { t } }',
                '{"deleteT":{"t":"t"}}')
        end)
        assert.equal(1, #log)
        w:fails(3039, 'mutation { deleteT(where: { t: "t" }) { t } }',
            "with value t for t found.")
    end)
end))
