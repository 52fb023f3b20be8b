-- The schema as text, held to the reference.
-- SPDX-License-Identifier: Apache-2.0
local sdl = require("lunette.graphql.sdl")
local sets = require("support.sets")
local types = require("lunette.graphql.types")

local DATA = "spec/data/opencrud/"

local function read(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("*a")
    file:close()
    return text
end

local function printed(datamodel, opts)
    local set = sets.from_datamodel(datamodel)
    return sdl.print(types.new(set, { strict = true }), opts)
end

-- The first line that differs, so that a failure can be read.
local function first_difference(want, got)
    local wanted = want:gmatch("([^\n]*)\n")
    for line in got:gmatch("([^\n]*)\n") do
        local expected = wanted()
        if line ~= expected then
            return ("want '%s', got '%s'"):format(tostring(expected), line)
        end
    end
    return wanted() and "the text ends early" or nil
end

describe("the sorted SDL", function()
    for _, name in ipairs({ "reference", "clinic", "defaults", "family", "lonely",
        "names", "onesided", "plurals", "routes", "school", "warehouse" }) do
        it("of the datamodel '" .. name .. "' is the reference's", function()
            local want = read(DATA .. name .. ".graphql")
            local got = printed(read(DATA .. name .. ".prisma"))
            assert.is_nil(first_difference(want, got))
            assert.equal(want, got)
        end)
    end

    it("is the same whether descriptions exist or not", function()
        local set = sets.reference()
        sets.find(set, "User").title = "A person"
        sets.find(set, "User", "email").help = "Where to write to"
        local plain = sdl.print(types.new(set, { strict = true }))
        assert.equal(read(DATA .. "reference.graphql"), plain)
    end)

    it("shows descriptions when asked", function()
        local set = sets.reference()
        sets.find(set, "User").title = "A person"
        sets.find(set, "User", "email").help = "Where to write to"
        local text = sdl.print(types.new(set), { descriptions = true })
        assert.truthy(text:find('"""A person"""\ntype User implements', 1,
            true))
        assert.truthy(text:find('  """Where to write to"""\n  email: String!',
            1, true))
    end)

    it("has the directives that not every schema has", function()
        local text = sdl.print(types.new(sets.reference()))
        assert.equal(1, text:find("directive @transaction on MUTATION\n\n", 1,
            true))
        assert.falsy(text:find("directive @skip", 1, true))
    end)

    it("takes a self relation with one field for one-sided", function()
        local text = printed([[
            type Category { id: ID! @id  parent: Category @relation(name: "C") }
        ]])
        assert.truthy(text:find("parent: CategoryCreateOneInput", 1, true))
        assert.falsy(text:find("WithoutParent", 1, true))
    end)

    it("of a set without models is a query without fields", function()
        assert.equal("type Query\n", sdl.print(types.new({ models = {} },
            { strict = true })))
    end)
end)

describe("the order of names", function()
    it("takes digits for numbers", function()
        assert.is_true(sdl.before("a2", "a10"))
        assert.is_false(sdl.before("a10", "a2"))
    end)

    it("is by bytes otherwise", function()
        assert.is_true(sdl.before("Z", "a"))
        assert.is_true(sdl.before("id", "id_in"))
        assert.is_false(sdl.before("id", "id"))
    end)
end)
