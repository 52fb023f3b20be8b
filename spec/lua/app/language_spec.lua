-- docs/language.md names what is built. (spec/lua/docs_spec.lua compiles its
-- examples.)
-- SPDX-License-Identifier: Apache-2.0
describe("docs/language.md", function()
    it("names every field type and option of a relation", function()
        local types = require("lunette.model.types")
        local file = assert(io.open("docs/language.md"))
        local text = file:read("*a")
        file:close()
        for word in pairs(types.SCALARS) do
            assert.is_truthy(text:find("`" .. word .. "[ `]"), word)
        end
        for _, allowed in pairs(types.RELATIONS) do
            for option in pairs(allowed) do
                assert.is_truthy(text:find("`" .. option .. "[ `]"), option)
            end
        end
    end)

    it("names every word and hook", function()
        local language = require("lunette.app.language")
        local file = assert(io.open("docs/language.md"))
        local text = file:read("*a")
        file:close()
        for _, word in ipairs(language.WORDS) do
            assert.is_truthy(text:find("[`%s(]" .. word.name .. "[`%s({]"),
                word.name)
        end
        for _, hook in ipairs(language.HOOKS) do
            assert.is_truthy(text:find("`" .. hook .. "`", 1, true), hook)
        end
    end)
end)
