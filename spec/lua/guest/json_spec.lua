-- SPDX-License-Identifier: Apache-2.0
local json = require("lunette.guest.json")

local NULL = {}
local function decode(text) return json.decode(text, NULL) end

describe("JSON of the database", function()
    it("is read with every kind of value", function()
        assert.same({ a = { 1, -2.5e10, true, false }, b = {}, c = { d = "e" } },
            decode('{"a": [1, -2.5e10, true, false], "b": {}, "c": {"d": "e"}}'))
        assert.same({ 12, "s", true }, { decode("12"), decode('"s"'),
            decode("true") })
        assert.same({ {}, {}, { { {} } } },
            { decode("[]"), decode("{}"), decode("[[{}]]") })
    end)

    it("keeps its nulls, also in lists", function()
        local value = decode('[1, null, {"x": null}]')
        assert.equal(NULL, value[2])
        assert.equal(NULL, value[3].x)
        assert.equal(NULL, decode("null"))
    end)

    it("has its escapes undone", function()
        assert.equal('a"b\\c/d\n\t\r\b\f', decode('"a\\"b\\\\c\\/d\\n\\t\\r\\b\\f"'))
        assert.equal("\1é€", decode('"\\u0001\\u00e9\\u20ac"'))
        assert.equal("", decode('""'))
        assert.equal("\\", decode('"\\\\"'))
    end)

    it("is the same behind any space", function()
        assert.same({ a = { 1, 2 } }, decode(' {"a":[1 ,2]} '))
        assert.same({ a = { 1, 2 } }, decode('{ "a" : [ 1, 2 ] }'))
    end)

    it("may be deep", function()
        local value = decode(("["):rep(500) .. ("]"):rep(500))
        for _ = 1, 499 do value = value[1] end
        assert.same({}, value)
    end)
end)
