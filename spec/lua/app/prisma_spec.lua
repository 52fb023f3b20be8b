-- docs/prisma.md against the sets that the API's specs make of datamodels.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local sets = require("support.sets")

local SAME = { "name", "graphql", "kind", "type", "list", "scalar", "required",
    "unique", "created", "updated", "form", "many", "inverse", "relation",
    "inverse_many", "cascade", "target", "enum", "id_type" }

local function shown(value)
    return type(value) == "nil" and "nil" or tostring(value)
end

describe("the example of docs/prisma.md", function()
    local blocks = apps.blocks("docs/prisma.md")

    it("is the reference datamodel", function()
        local mine = apps.set({ test = blocks[1] })
        local wanted = sets.reference()
        assert.equal(#wanted.models, #mine.models)
        for at, model in ipairs(wanted.models) do
            local found = mine.models[at]
            assert.equal(model.key, found.key)
            assert.equal(model.table, found.table)
            assert.equal(#model.fields, #found.fields)
            for i, field in ipairs(model.fields) do
                for _, key in ipairs(SAME) do
                    assert.equal(shown(field[key]), shown(found.fields[i][key]),
                        model.name .. "." .. field.name .. "." .. key)
                end
                assert.same(field.default, found.fields[i].default)
                assert.same(field.values, found.fields[i].values)
                assert.equal(field.link and field.link.kind,
                    found.fields[i].link and found.fields[i].link.kind)
            end
        end
    end)

    it("compiles with names that are not snake_case", function()
        local set = apps.set({ test = blocks[2] })
        local human = set.models[1]
        assert.equal("Name", human.fields[2].graphql)
        assert.equal("Name", human.fields[2].column)
        assert.same({ kind = "join", schema = "test", table = "_human_fans",
            near = "source", far = "target" }, human.fields[7].link)
        assert.same({ kind = "join", schema = "test", table = "_human_fans",
            near = "target", far = "source" }, human.fields[8].link)
    end)
end)
