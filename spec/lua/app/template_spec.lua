-- The app that `lunette new` writes.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local compile = require("lunette.app.compile")
local template = require("lunette.app.template")

describe("lunette new", function()
    for _, name in ipairs({ "stock", "time_off", "a" }) do
        it("writes an app '" .. name .. "' without errors or warnings", function()
            local files = template.files(name)
            local by_path = {}
            for _, file in ipairs(files) do
                by_path[file.path:sub(#name + 2)] = file.text
            end
            local set, errors, warnings = compile.apps({ { name = name,
                files = { { path = "apps/" .. files[1].path,
                    text = files[1].text } } } })
            assert.same({}, errors or {})
            assert.same({}, warnings or set.warnings)
            assert.equal(2, #apps.set({ [name] = by_path }).models)
        end)
    end

    it("writes apps that can stand beside each other", function()
        local one, two = template.files("one")[1], template.files("two")[1]
        assert.equal(4, #apps.set({ one = one.text, two = two.text }).models)
    end)

    it("refuses a name that is none", function()
        for _, name in ipairs({ "", "Stock", "a b", "../x", "1a", "a-b" }) do
            assert.is_nil((template.files(name)))
        end
    end)
end)
