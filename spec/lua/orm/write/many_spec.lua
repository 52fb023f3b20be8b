-- updateMany and deleteMany.
-- SPDX-License-Identifier: Apache-2.0
local writes = require("support.writes")

describe("updateMany and deleteMany", writes.with_database(function(w)
    it("count twenty thousand rows and change them in one statement", function()
        w:models [[ type T { id: ID! @id  n: Int  l: [Int] }
            type C { id: ID! @id  t: T! } ]]
        w.db:exec("INSERT INTO test.t (id, n) SELECT 'i' || i, i"
            .. " FROM generate_series(1, 20000) i")
        local log = w:statements(function()
            w:sees("mutation { updateManyTs(where: { n_gt: 100 }, data: {"
                .. " n: 0, l: { set: [1, 2] } }) { count } }",
                '{"updateManyTs":{"count":19900}}')
        end)
        assert.equal(1, #log)
        assert.equal("2", w:value("max(version) FROM test.t"))
        w:ok('mutation { createC(data: { t: { connect: { id: "i1" } } })'
            .. " { id } }")
        w:fails(3042, "mutation { deleteManyTs { count } }")
        w:sees("mutation { deleteManyTs(where: { n: 0 }) { count } }",
            '{"deleteManyTs":{"count":19900}}')
        w:sees("mutation { c: deleteManyCs { n: count __typename }"
            .. " t: deleteManyTs { count } }", [[{"c":{"n":1,
            "__typename":"BatchPayload"},"t":{"count":100}}]])
    end)

    it("takes filters over relations, and null", function()
        w:models [[ type P { id: ID! @id  p: String  cs: [C] }
            type C { id: ID! @id  n: Int  p: P } ]]
        w:ok('mutation { createP(data: { p: "a", cs: { create: [{ n: 1 },'
            .. ' { n: 2 }] } }) { id } b: createP(data: { p: "b" }) { id }'
            .. " c: createC(data: { n: 3 }) { id } }")
        w:sees('mutation { updateManyCs(where: { OR: [{ p: { p: "a" }, n: 2 },'
            .. " { p: null }] }, data: { n: 9 }) { count } }",
            '{"updateManyCs":{"count":2}}')
        w:sees("mutation { deleteManyPs(where: { cs_none: {} }) { count } }",
            '{"deleteManyPs":{"count":1}}')
        w:sees("mutation { updateManyPs(where: {}, data: {}) { count } }",
            '{"updateManyPs":{"count":1}}')
        w:sees("{ ps { p cs { n } } cs { n } }", [[{"ps":[{"p":"a",
            "cs":[{"n":1},{"n":9}]}],"cs":[{"n":1},{"n":9},{"n":9}]}]])
    end)

    it("nested, touch own children only", function()
        w:models [[ type P { id: ID! @id  p: String @unique  cs: [C]  ms: [M] }
            type C { id: ID! @id  n: Int  p: P! }
            type M { id: ID! @id  n: Int  ps: [P] } ]]
        for _, p in ipairs({ "a", "b" }) do
            w:ok(('mutation { createP(data: { p: "%s", cs: { create: [{ n: 1 },'
                .. " { n: 2 }] }, ms: { create: [{ n: 1 }, { n: 2 }] } })"
                .. " { id } }"):format(p))
        end
        w:ok([[mutation { updateP(where: { p: "a" }, data: {
            cs: { updateMany: [{ where: { n: 1 }, data: { n: 10 } },
                { where: {}, data: { n: 20 } }] },
            ms: { deleteMany: [{ n_gt: 1 }, { n: 99 }] } }) { id } }]])
        w:ok([[mutation { updateP(where: { p: "b" }, data: {
            cs: { deleteMany: {} } }) { id } }]])
        w:sees("{ ps { p cs { n } ms { n } } ms { n } }", [[{"ps":[
            {"p":"a","cs":[{"n":20},{"n":20}],"ms":[{"n":1}]},
            {"p":"b","cs":[],"ms":[{"n":1},{"n":2}]}],
            "ms":[{"n":1},{"n":1},{"n":2}]}]])
    end)

    it("report a unique violation of the change", function()
        w:models [[ type T { id: ID! @id  u: Int @unique } ]]
        w:ok("mutation { a: createT(data: { u: 1 }) { id }"
            .. " b: createT(data: { u: 2 }) { id } }")
        w:fails(3010, "mutation { updateManyTs(data: { u: 3 }) { count } }",
            "violated on T. Details: Field name = u")
    end)
end))
