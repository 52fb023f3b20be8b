-- SPDX-License-Identifier: Apache-2.0
local places = require("lunette.policy.places")

local SOURCE = [[
app "crm" {              -- modules = { http = {} } in a comment
  title = "modules",
  modules = {
    "csv", "http 1",
    ["mail"] = { from = "a--b", domains = "x" },
    http_more = 1, http = { hosts == 1,
      hosts = {
        "a.example" } },
  },
}
app "hr" { modules = { log = {} } }]]

describe("the line of a word", function()
    local lines = places.lines(SOURCE)

    local function line(...)
        return places.find(lines, 1, 10, { ... })
    end

    it("is that of the key or the text, below the word before it", function()
        assert.equal(4, line("modules", "csv"))
        assert.equal(4, line("modules", "http"))
        assert.equal(5, line("modules", "mail", "from"))
        assert.equal(5, line("modules", "mail", "domains"))
        assert.equal(7, line("modules", "mail", "hosts"))
        assert.equal(8, line("modules", "hosts", "a.example"))
    end)

    it("is the last one found when the word is not there", function()
        assert.equal(4, line("modules", "csv", "nowhere"))
        assert.equal(1, line("nowhere"))
    end)

    it("is never one of another declaration", function()
        assert.equal(4, line("modules", "csv", "log"))
        assert.equal(11, places.find(lines, 11, 11, { "modules", "log" }))
    end)

    it("is not in a comment", function()
        assert.is_nil(lines[1]:find("modules"))
        assert.is_truthy(lines[5]:find("a--b", 1, true))
    end)
end)
