-- SPDX-License-Identifier: Apache-2.0
local text = require("lunette.util.text")

describe("bad_utf8", function()
    it("passes what RFC 3629 allows", function()
        for _, good in ipairs({ "", "plain", "caf\195\169", "\0\9\127",
            "\224\160\128\237\159\191\239\191\191", "\240\144\128\128",
            "\244\143\191\191" }) do
            assert.is_nil(text.bad_utf8(good))
        end
    end)

    it("finds the first byte that is none", function()
        for bytes, at in pairs({ ["a\233"] = 2, ["\128"] = 1, ["\195"] = 1,
            ["\192\128"] = 1, ["\195\169\195"] = 3, ["\237\160\128"] = 1,
            ["\224\159\191"] = 1, ["\244\144\128\128"] = 1, ["x\255"] = 2,
            ["\226\130"] = 1, ["\195\195\169"] = 1 }) do
            assert.equal(at, text.bad_utf8(bytes))
        end
    end)
end)
