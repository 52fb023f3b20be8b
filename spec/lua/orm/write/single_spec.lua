-- Writes that the host runs without a transaction: one statement changes
-- everything, so that a failure leaves nothing behind.
-- SPDX-License-Identifier: Apache-2.0
local compile = require("lunette.orm.compile")
local parse = require("support.parse")
local writes = require("support.writes")

local MODELS = [[
    type L { id: ID! @id  name: String @unique  ts: [T]  o: O
        @relation(link: INLINE) }
    type T { id: ID! @id  t: String @unique  n: Int  l: L }
    type O { id: ID! @id  o: Int  l: L }
    type Alone { id: ID! @id  a: String @unique  n: Int } ]]

local SINGLE = {
    'createT(data: { t: "x" }) { id t l { id } }',
    'updateT(where: { t: "x" }, data: { n: 1 }) { n }',
    'updateT(where: { t: "x" }, data: { n: 1, l: { connect: { name: "l" } } })'
        .. " { n }",
    'deleteAlone(where: { a: "x" }) { n }', "deleteManyAlones { count }",
    "updateManyLs(data: { name: null }) { count }",
}

local SEVERAL = {
    'createT(data: { t: "x" }) { l { name } }',
    'createT(data: { l: { connect: { id: "l" } } }) { id }',
    'createL(data: { ts: { create: [{ t: "x" }] } }) { id }',
    'updateT(where: { t: "x" }, data: {}) { n }',
    'updateT(where: { t: "x" }, data: { n: 1, l: { create: {} } }) { n }',
    'updateL(where: { name: "l" }, data: { name: "m", o: { connect: {'
        .. ' id: "o" } } }) { name }',
    'upsertAlone(where: { a: "x" }, create: {}, update: { n: 1 }) { n }',
    'deleteL(where: { name: "l" }) { name }', "deleteManyLs { count }",
}

describe("writes without a transaction", writes.with_database(function(w)
    local function is_single(text)
        local plan = assert(compile.operation(w.server.service, {
            doc = parse.document("mutation { " .. text .. " }"),
            variables = {}, roles = { admin = true },
        }))
        return plan.fields[1].write.single
    end

    it("are those that one statement does", function()
        w:models(MODELS)
        for _, text in ipairs(SINGLE) do assert.is_true(is_single(text), text) end
        for _, text in ipairs(SEVERAL) do assert.is_nil(is_single(text), text) end
    end)

    it("send at most one statement that writes, as the last", function()
        w:models(MODELS)
        w:ok('mutation { createL(data: { name: "l" }) { id }'
            .. ' createAlone(data: { a: "x" }) { id } }')
        for _, text in ipairs(SINGLE) do
            local log = w:statements(function() w:ok("mutation { " .. text
                .. " }") end)
            for i = 1, #log - 1 do assert.equal("SELECT", log[i]:sub(1, 6)) end
        end
    end)
end))
