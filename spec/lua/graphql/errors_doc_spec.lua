-- docs/errors.md has the errors of OpenCRUD as they are given.
-- SPDX-License-Identifier: Apache-2.0
local errors = require("lunette.graphql.errors")

local RELATION = { name = "RELATION", parent = "MODEL", child = "OTHER" }
local ARGUMENTS = {
    arguments = { "TEXT" }, too_long = { "FIELD" },
    unique = { "MODEL", "FIELD" }, first_and_last = {}, null = { "FIELD" },
    missing = { "FIELD", "MODEL" }, to_many_null = { "FIELD" },
    null_default = { "FIELD", "MODEL" }, absent = { "MODEL", "FIELD", "VALUE" },
    no_unique = { "MODEL" }, many_unique = { "MODEL" },
    unconnected = { RELATION }, required = { RELATION },
}

local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
end

local function line_of(reason)
    return ("| %d | `%s` | %s |"):format(reason.code, reason.ext,
        reason.message)
end

describe("the table of numbers in docs/errors.md", function()
    local text, count = read("docs/errors.md"), 0

    local function check(reason)
        count = count + 1
        assert.is_truthy(text:find(line_of(reason), 1, true), line_of(reason))
    end

    it("has every error with its text", function()
        for name, arguments in pairs(ARGUMENTS) do
            check(errors[name](unpack(arguments)))
        end
        for _, name in ipairs({ "first", "last", "skip" }) do
            check(errors.negative(name))
        end
    end)

    it("has no other", function()
        local _, lines = text:gsub("\n| 3%d%d%d |", "")
        assert.equal(count, lines)
    end)
end)
