-- Writes that the host runs as one statement, and those of a plan together.
-- SPDX-License-Identifier: Apache-2.0
local compile = require("lunette.orm.compile")
local direct = require("support.direct")
local parse = require("support.parse")
local writes = require("support.writes")

local MODELS = [[
    type L { id: ID! @id  name: String @unique  ts: [T]  o: O
        @relation(link: INLINE) }
    type T { id: ID! @id  t: String @unique  n: Int  l: L }
    type O { id: ID! @id  o: Int  l: L }
    type Alone { id: ID! @id  a: String @unique  n: Int } ]]

local DIRECT = {
    'createT(data: { t: "x" }) { id t l { id } }',
    'createL(data: { ts: { create: [{ t: "x" }] } }) { id }',
    'createT(data: { t: "x", l: { create: { name: "x" } } }) { id }',
    'updateT(where: { t: "x" }, data: { n: 1 }) { n }', "createT(data: {}) { id }",
    'updateT(where: { id: "x" }, data: { n: 1 }) { n }',
    'deleteAlone(where: { a: "x" }) { n }',
}

local NOT_DIRECT = {
    'createT(data: { t: "x" }) { l { name } }',
    'createT(data: { l: { connect: { name: "l" } } }) { id }',
    'createL(data: { ts: { connect: [{ t: "x" }] } }) { id }',
    'updateT(where: { t: "x" }, data: {}) { n }',
    'updateT(where: { t: "x" }, data: { n: 1 }, version: 1) { n }',
    'updateT(where: { t: "x" }, data: { n: 1, l: { create: {} } }) { n }',
    'upsertAlone(where: { a: "x" }, create: {}, update: { n: 1 }) { n }',
    'deleteL(where: { name: "l" }) { name }', "deleteManyLs { count }",
}

describe("a write as one statement", writes.with_database(function(w)
    local function plan_of(text)
        return assert(compile.operation(w.server.service, {
            doc = parse.document("mutation { " .. text .. " }"),
            variables = {}, roles = { admin = true },
        })).fields[1].write
    end

    -- Runs members together; returns the numbers of those that have a row.
    local function run(plan, members)
        local params = {}
        for i, texts in ipairs(members) do
            local one = direct.new(texts)
            local list = one:lists(plan.direct.merged.params, plan.direct.ids)
            for j, items in ipairs(list) do
                params[j] = params[j] or {}
                for _, text in ipairs(items) do
                    params[j][#params[j] + 1] = text
                end
            end
            assert.is_true(one:fits(plan.direct), tostring(i))
        end
        local rows, err = w.db:query(plan.direct.merged.sql,
            direct.arrays(params))
        if not rows then return nil, err.code end
        local numbers = {}
        for i, row in ipairs(rows) do numbers[i] = tonumber(row[#row]) end
        table.sort(numbers)
        return numbers
    end

    it("is known when it is planned", function()
        w:models(MODELS)
        for _, text in ipairs(DIRECT) do
            assert.truthy(plan_of(text).direct, text)
        end
        for _, text in ipairs(NOT_DIRECT) do
            assert.is_nil(plan_of(text).direct, text)
        end
    end)

    it("updates the rows of several, and tells whose are there", function()
        w:models(MODELS)
        w:ok('mutation { a: createT(data: { t: "a" }) { id }'
            .. ' b: createT(data: { t: "b" }) { id } }')
        local plan = plan_of('updateT(where: { t: "a" }, data: { n: 1 }) { n }')
        assert.same({ 1, 3 }, run(plan, { { "a", "5" }, { "c", "6" },
            { "b", "7" } }))
        w:sees("{ ts(orderBy: t_ASC) { t n } }",
            '{"ts":[{"t":"a","n":5},{"t":"b","n":7}]}')
    end)

    it("deletes the rows of several", function()
        w:models(MODELS)
        w:ok('mutation { createAlone(data: { a: "a" }) { id } }')
        local plan = plan_of('deleteAlone(where: { a: "a" }) { n }')
        assert.same({ 2 }, run(plan, { { "x" }, { "a" } }))
        w:sees("{ alones { n } }", '{"alones":[]}')
    end)

    it("creates trees of several, all or none", function()
        w:models(MODELS)
        local plan = plan_of('createL(data: { name: "a", ts: { create: ['
            .. '{ t: "x" }, { t: "y" }] } }) { name }')
        assert.same({ 1, 2 }, run(plan, { { "l1", "x1", "y1" },
            { "l2", "x2", "y2" } }))
        w:sees("{ ls(orderBy: name_ASC) { name ts(orderBy: t_ASC) { t } } }",
            '{"ls":[{"name":"l1","ts":[{"t":"x1"},{"t":"y1"}]},'
            .. '{"name":"l2","ts":[{"t":"x2"},{"t":"y2"}]}]}')
        local _, code = run(plan, { { "l3", "x3", "y3" }, { "l4", "x1", "y4" } })
        assert.equal("23505", code)
        assert.equal("2", w:value("count(*) FROM test.l"))
    end)
end))
