-- The tables of docs/api.md against a schema with a field of every type.
-- SPDX-License-Identifier: Apache-2.0
local sets = require("support.sets")
local types = require("lunette.graphql.types")

local MODEL = [[
type A {
  id: ID! @id  string: String  int: Int  long: Long  float: Float
  decimal: Decimal  dateTime: DateTime  date: Date  time: Time  uUID: UUID
  boolean: Boolean  json: Json  enum: E  list: [String]  one: B  bs: [B]
}
type B { id: ID! @id  a: A @relation(name: "Many")  }
enum E { X Y }
]]

local function lower_first(name)
    return name:sub(1, 1):lower() .. name:sub(2)
end

-- Rows of the table whose head is `head`: {first cell, second cell, ...}.
local function rows(text, head)
    local list = {}
    local from = assert(text:find(head, 1, true), head)
    for line in text:sub(from):gmatch("([^\n]*)\n") do
        if line:sub(1, 1) ~= "|" then break end
        local cells = {}
        for cell in line:gmatch("|([^|]*)") do cells[#cells + 1] = cell end
        list[#list + 1] = cells
    end
    return list
end

local function words(cell)
    local found = {}
    for word in cell:gmatch("`([^`]+)`") do found[#found + 1] = word end
    return found
end

describe("docs/api.md", function()
    local file = assert(io.open("docs/api.md"))
    local text = file:read("*a")
    file:close()
    local schema = types.new(sets.from_datamodel(MODEL))
    local where = schema:type("AWhereInput").by

    -- field → names of its filters in the schema, without the field
    local function filters(field)
        local found = {}
        for name in pairs(where) do
            if name == field or name:sub(1, #field + 1) == field .. "_" then
                found[#found + 1] = "f" .. name:sub(#field + 1)
            end
        end
        table.sort(found)
        return table.concat(found, " ")
    end

    it("has every filter of every type", function()
        local fields = { ["list of scalars"] = "list", ID = "id", E = "enum" }
        local seen = 0
        for _, cells in ipairs(rows(text, "| type | filters |")) do
            local names = words(cells[1])
            if cells[1]:find("list of scalars", 1, true) then
                names = { "list of scalars" }
            end
            local documented = words(cells[2] or "")
            table.sort(documented)
            if cells[1]:find("enum", 1, true) then names[#names + 1] = "E" end
            for _, name in ipairs(names) do
                seen = seen + 1
                assert.equal(filters(fields[name] or lower_first(name)),
                    table.concat(documented, " "), name)
            end
        end
        assert.equal(14, seen)
    end)

    it("has the types of aggregates", function()
        local seen = 0
        for _, cells in ipairs(rows(text,
            "| field | `sum` | `avg` | `min`, `max` |")) do
            for _, name in ipairs(words(cells[1])) do
                local field = lower_first(name)
                if where[field] then
                    for i, fn in ipairs { "Sum", "Avg", "Min", "Max" } do
                        local made = schema:type("AAggregate" .. fn).by[field]
                        local cell = cells[math.min(i, 3) + 1]
                        local said = words(cell)[1]
                            or (cell:find("its own", 1, true) and name) or nil
                        assert.equal(said, made and types.text(made.type) or nil,
                            fn .. " of " .. name)
                        seen = seen + 1
                    end
                end
            end
        end
        assert.equal(32, seen)
    end)
end)
