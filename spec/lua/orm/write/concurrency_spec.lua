-- Several connections write at the same time.
-- SPDX-License-Identifier: Apache-2.0
local db = require("support.db")
local server = require("support.server")
local writes = require("support.writes")

describe("writes at the same time", writes.with_database(function(w)
    -- Runs text(i) on `count` connections; returns how many succeeded and the
    -- numbers of the errors of the rest.
    local function together(count, text)
        local good, numbers = 0, {}
        db.together(count, function(connection, i)
            local response = server.on(connection, w.server.service)
                :run(text(i))
            if response.errors then
                numbers[#numbers + 1] = response.errors[1].code
                    or response.errors[1].message
            else
                good = good + 1
            end
        end)
        return good, numbers
    end

    it("a hundred upserts of one selector all succeed", function()
        w:models [[ type T { id: ID! @id  t: String @unique  n: Int  k: K
            @relation(link: INLINE) } type K { id: ID! @id  k: Int  t: T } ]]
        assert.equal(50, (together(50, function(i)
            return ('mutation { upsertT(where: { t: "flat" }, create: {'
                .. ' t: "flat", n: %d }, update: { n: %d }) { n } }')
                :format(i, i)
        end)))
        assert.equal(50, (together(50, function(i)
            return ('mutation { upsertT(where: { t: "nested" }, create: {'
                .. ' t: "nested", k: { create: { k: %d } } }, update: { n: %d'
                .. " }) { n } }"):format(i, i)
        end)))
        w:sees("{ ts { t } ks { t { t } } }", [[{"ts":[{"t":"flat"},
            {"t":"nested"}],"ks":[{"t":{"t":"nested"}}]}]])
        assert.equal("50", w:value("max(version) FROM test.t"))
    end)

    it("one wins a unique value, the rest get 3010", function()
        w:models [[ type T { id: ID! @id  t: String @unique } ]]
        local good, numbers = together(20, function()
            return 'mutation { createT(data: { t: "one" }) { t } }'
        end)
        assert.equal(1, good)
        assert.equal(19, #numbers)
        for _, number in ipairs(numbers) do assert.equal(3010, number) end
    end)

    it("opposite orders of connects do not fail", function()
        w:models [[ type P { id: ID! @id  p: String @unique  cs: [C] }
            type C { id: ID! @id  c: String @unique  p: P } ]]
        local items, backwards = {}, {}
        for i = 1, 20 do
            w:ok(('mutation { createC(data: { c: "%d" }) { id } }'):format(i))
            items[i] = ('{ c: "%d" }'):format(i)
            backwards[21 - i] = items[i]
        end
        for i = 1, 20 do
            w:ok(('mutation { createP(data: { p: "%d" }) { id } }'):format(i))
        end
        assert.equal(20, (together(20, function(i)
            local list = i % 2 == 0 and items or backwards
            return ('mutation { updateP(where: { p: "%d" }, data: { cs: {'
                .. " connect: [%s] } }) { id } }"):format(i,
                table.concat(list, ", "))
        end)))
        assert.equal("1", w:value("count(DISTINCT p) FROM test.c"))
    end)

    it("a one-to-one partner is never shared or lost", function()
        w:models [[ type P { id: ID! @id  p: String @unique
                c: C @relation(link: INLINE) }
            type C { id: ID! @id  c: String @unique  p: P! } ]]
        w:ok('mutation { createP(data: { p: "0", c: { create: { c: "c" } } })'
            .. " { id } }")
        for i = 1, 16 do
            w:ok(('mutation { createP(data: { p: "%d" }) { id } }'):format(i))
        end
        assert.equal(16, (together(16, function(i)
            return ('mutation { updateP(where: { p: "%d" }, data: { c: {'
                .. ' connect: { c: "c" } } }) { id } }'):format(i)
        end)))
        assert.equal("1", w:value("count(c) FROM test.p"))
    end)

    it("deleting a parent and adding to it leave no orphan", function()
        w:models [[ type P { id: ID! @id  p: String @unique  cs: [C] }
            type C { id: ID! @id  p: P! } ]]
        for _ = 1, 5 do
            w:ok('mutation { createP(data: { p: "p" }) { id } }')
            local good = together(8, function(i)
                if i == 4 then
                    return 'mutation { deleteP(where: { p: "p" }) { id } }'
                end
                return 'mutation { createC(data: { p: { connect: { p: "p" } } })'
                    .. " { id } }"
            end)
            local parents = tonumber(w:value("count(*) FROM test.p"))
            assert.equal(parents == 0 and 1 or 7, good)
            w:ok("mutation { deleteManyCs { count } deleteManyPs { count } }")
        end
    end)

    it("overlapping updateMany and deleteMany end", function()
        w:models [[ type T { id: ID! @id  n: Int } ]]
        w.db:exec("INSERT INTO test.t (id, n) SELECT 'i' || i, i"
            .. " FROM generate_series(1, 300) i")
        local good, numbers = together(12, function(i)
            if i % 4 == 0 then
                return ("mutation { deleteManyTs(where: { n_gt: %d }) { count } }")
                    :format(300 - i)
            end
            return ("mutation { updateManyTs(where: { n_gt: %d }, data: { n: %d"
                .. " }) { count } }"):format(i, 300 - i)
        end)
        assert.equal(12, good, tostring(numbers[1]))
    end)
end))
