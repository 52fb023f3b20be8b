-- The line of code that a message is about, and the place of its caret.
-- SPDX-License-Identifier: Apache-2.0
local excerpt = require("lunette.app.excerpt")

local function entry_of(text, entry)
    entry.file = "apps/x/app.lua"
    excerpt.add({ entry }, { { files = { { path = entry.file, text = text } } } })
    return entry
end

-- The caret line that the command line shows below the source.
local function marked(text, entry)
    entry_of(text, entry)
    return entry.source .. "\n" .. (" "):rep(entry.column - 1)
        .. ("^"):rep(entry.width)
end

describe("an excerpt", function()
    it("marks the word that is wrong", function()
        assert.equal("name = txt {}\n       ^^^",
            marked("a\nname = txt {}\nb", { line = 2, word = "txt", message = "" }))
    end)

    it("takes the word that stands alone, not a part of another", function()
        assert.equal("contact = cont {}\n          ^^^^",
            marked("contact = cont {}", { line = 1, word = "cont", message = "" }))
    end)

    it("finds a word with characters that patterns know", function()
        assert.equal('ref "a.b-c" {}\n     ^^^^^',
            marked('ref "a.b-c" {}', { line = 1, word = "a.b-c", message = "" }))
    end)

    it("takes what the message quotes when the word is not on the line", function()
        assert.equal("local x = end\n          ^^^", marked("local x = end",
            { line = 1, message = "unexpected symbol near 'end'" }))
        assert.equal('b = ref "Thnig"\n         ^^^^^', marked('b = ref "Thnig"',
            { line = 1, word = "X.b", message = "X.b refers to 'Thnig'" }))
    end)

    it("marks the beginning of the code when nothing is found", function()
        assert.equal("  end\n  ^", marked("  end", { line = 1, message = "strange" }))
    end)

    it("counts characters, not bytes", function()
        local entry = entry_of("'größe', größer", { line = 1, word = "größer", message = "" })
        assert.same({ 10, 6 }, { entry.column, entry.width })
    end)

    it("shows nothing of lines that are not there, too long or not text", function()
        for _, case in ipairs({ { "a", 2 }, { "", 1 }, { ("a"):rep(1000), 1 },
            { "a\27[2Jb", 1 }, { "a", 0 } }) do
            local entry = entry_of(case[1], { line = case[2], word = "a", message = "" })
            assert.is_nil(entry.source)
            assert.is_nil(entry.column)
        end
    end)

    it("leaves entries without a file alone", function()
        local entry = { message = "no app" }
        excerpt.add({ entry }, {})
        assert.same({ message = "no app" }, entry)
    end)

    it("takes lines that end in CR LF", function()
        assert.equal("a = b\n    ^",
            marked("x\r\na = b\r\n", { line = 2, word = "b", message = "" }))
    end)
end)
