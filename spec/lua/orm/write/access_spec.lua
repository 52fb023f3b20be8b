-- Which rights a write needs.
-- SPDX-License-Identifier: Apache-2.0
local sets = require("support.sets")
local writes = require("support.writes")

local MODELS = [[
    type L { id: ID! @id  name: String @unique  ts: [T]  ms: [M] }
    type T { id: ID! @id  t: String @unique  l: L }
    type M { id: ID! @id  m: String @unique  ls: [L] } ]]

local ALL = { "read", "create", "write", "delete" }

-- Everybody may do everything with L; role "r" what `rights` says with T and M.
local function set_with(rights)
    local set = sets.from_datamodel(MODELS)
    for _, model in ipairs(set.models) do
        model.access = {}
        for _, operation in ipairs(ALL) do
            local may = model.name == "L" or rights:find(operation, 1, true)
            model.access[operation] = may and { "other", "r" } or { "other" }
        end
    end
    return set
end

local NESTED = {
    { "create", 'create: [{ t: "new" }]', "read create" },
    { "connect", 'connect: [{ t: "b" }]', "read write" },
    { "set", 'set: [{ t: "b" }]', "read write" },
    { "disconnect", 'disconnect: [{ t: "a" }]', "read write" },
    { "delete", 'delete: [{ t: "a" }]', "read delete" },
    { "update", 'update: [{ where: { t: "a" }, data: { t: "x" } }]',
        "read write" },
    { "upsert", 'upsert: [{ where: { t: "a" }, update: { t: "x" },'
        .. ' create: { t: "y" } }]', "read create write" },
    { "updateMany", 'updateMany: [{ where: {}, data: { t: "x" } }]',
        "read write" },
    { "deleteMany", "deleteMany: [{}]", "read delete" },
}

describe("access", writes.with_database(function(w)
    local function fill(rights)
        w:set(set_with(rights))
        w:ok('mutation { createL(data: { name: "l", ts: { create: [{ t: "a" }]'
            .. ' } }) { id } createT(data: { t: "b" }) { id }'
            .. ' createM(data: { m: "m" }) { id } }')
    end
    local as_r = { roles = { r = true, public = true } }

    for _, case in ipairs(NESTED) do
        local verb, text, rights = unpack(case)
        it("asks for the rights of a nested " .. verb, function()
            local mutation = ('mutation { updateL(where: { name: "l" }, data: {'
                .. ' name: "l2", ts: { %s } }) { id } }'):format(text)
            for missing in rights:gmatch("%a+") do
                local left = rights:gsub(missing, "")
                if missing ~= "read" or verb == "connect" or verb == "set" then
                    fill(left)
                    w:fails("FORBIDDEN", mutation, nil, as_r)
                    w:sees("{ ls { name ts { t } } }",
                        '{"ls":[{"name":"l","ts":[{"t":"a"}]}]}')
                end
            end
            fill(rights)
            w:ok(mutation, as_r)
        end)
    end

    it("asks for the rights of each operation at the root", function()
        local roots = {
            create = { 'createT(data: { t: "n" }) { id }' },
            write = { 'updateT(where: { t: "a" }, data: {}) { id }',
                "updateManyTs(data: {}) { count }",
                'upsertT(where: { t: "a" }, create: {}, update: {}) { id }' },
            delete = { 'deleteT(where: { t: "a" }) { id }',
                "deleteManyTs { count }" },
        }
        for operation, list in pairs(roots) do
            for _, text in ipairs(list) do
                fill(("read create write delete"):gsub(operation, ""))
                w:fails("FORBIDDEN", "mutation { " .. text .. " }", nil, as_r)
                fill("read create write delete")
                w:ok("mutation { " .. text .. " }", as_r)
            end
        end
    end)

    it("who may not read cannot choose by values what to write", function()
        fill("create write delete")
        for _, text in ipairs {
            'updateManyTs(where: { t_gt: "a" }, data: {}) { count }',
            'deleteManyTs(where: { OR: [{ t_starts_with: "b" }] }) { count }',
            'updateL(where: { name: "l" }, data: { ts: { updateMany: [{ where:'
                .. ' { t_gt: "a" }, data: { t: "x" } }] } }) { id }',
            'updateL(where: { name: "l" }, data: { ts: { deleteMany: [{ t_gt:'
                .. ' "a" }] } }) { id }',
        } do
            w:fails("FORBIDDEN", "mutation { " .. text .. " }", nil, as_r)
        end
        w:sees("{ ts { t } }", '{"ts":[{"t":"a"},{"t":"b"}]}')
        w:ok('mutation { updateManyTs(where: {}, data: {}) { count } }', as_r)
    end)

    it("a link between needs the right to write the row that names it",
        function()
        fill("read")
        w:ok('mutation { updateL(where: { name: "l" }, data: { ms: { connect:'
            .. ' [{ m: "m" }] } }) { id } }', as_r)
        w:fails("FORBIDDEN", 'mutation { updateM(where: { m: "m" }, data: {'
            .. ' ls: { connect: [{ name: "l" }] } }) { id } }', nil, as_r)
    end)

    it("one forbidden field leaves the others of the request", function()
        fill("read")
        local response = w:run('mutation { a: updateL(where: { name: "l" },'
            .. ' data: { name: "z" }) { name } b: deleteT(where: { t: "a" })'
            .. " { id } }", as_r)
        assert.equal("z", response.data.a.name)
        assert.equal("FORBIDDEN", response.errors[1].ext)
    end)
end))
