-- SPDX-License-Identifier: Apache-2.0
local template = require("lunette.mail.template")

local function fill(text, values, html)
    return template.fill("t", text, values or {}, html)
end

local function problem(text, values)
    local filled, why = fill(text, values)
    assert.is_nil(filled)
    return why
end

describe("a template", function()
    it("takes values by name and path", function()
        assert.equal("Dear Ann, 3 of 2.5 true", fill("Dear {a.b.c}, {n} of {m} {t}",
            { a = { b = { c = "Ann" } }, n = 3, m = 2.5, t = true }))
        assert.equal("false", fill("{f}", { f = false }))
        assert.equal("", fill("", {}))
    end)

    it("leaves other braces alone", function()
        for _, text in ipairs { "p { color: red }", "{}", "{ a }", "{1}", "{a b}",
            "a{b: c}", "}{", "{a.b;}", "{{}}" } do
            assert.equal(text, fill(text))
        end
    end)

    it("escapes values in HTML, and only there", function()
        local values = { x = "<b a=\"1\">'&" }
        assert.equal("<i>&lt;b a=&quot;1&quot;&gt;&#39;&amp;</i>",
            fill("<i>{x}</i>", values, true))
        assert.equal("<i><b a=\"1\">'&</i>", fill("<i>{x}</i>", values))
    end)

    it("does not read values as templates", function()
        assert.equal("{b}%1", fill("{a}", { a = "{b}%1", b = "no" }))
    end)

    it("repeats sections, and sees what is around them", function()
        assert.equal("1:a(x)2:b(x)", fill("{#l}{n}:{c}({o}){/l}", { o = "x",
            l = { { n = 1, c = "a" }, { n = 2, c = "b" } } }))
        assert.equal("a,b,", fill("{#l}{this},{/l}", { l = { "a", "b" } }))
        assert.equal("12|3|", fill("{#a}{#b}{this}{/b}|{/a}",
            { a = { { b = { 1, 2 } }, { b = { 3 } } } }))
        assert.equal("x[x]", fill("{#a}{v}{#a}[{v}]{/a}{/a}",
            { a = { v = "x", a = { v = "x", a = false } } }))
    end)

    it("shows sections by whether there is something", function()
        local text = "{#x}yes{/x}{^x}no{/x}"
        for value, shown in pairs { [true] = "yes", [false] = "no", a = "yes",
            [""] = "no", [0] = "yes" } do
            assert.equal(shown, fill(text, { x = value }))
        end
        assert.equal("no", fill(text, {}))
        assert.equal("no", fill(text, { x = {} }))
    end)

    it("says what is wrong and where", function()
        assert.equal("t:2: there is no value 'a'", problem("x\n{a}"))
        assert.equal("t:1: there is no value 'a.b'", problem("{a.b}", { a = {} }))
        assert.equal("t:1: there is no value 'a.b'", problem("{a.b}", { a = 1 }))
        assert.equal("t:1: 'a' is a list; write {#a} ... {/a}",
            problem("{a}", { a = { 1 } }))
        assert.equal("t:1: {#a} has no {/a}", problem("{#a}", { a = true }))
        assert.equal("t:3: {/a} was not opened", problem("\n\n{/a}"))
        assert.equal("t:1: {#a} has no {/a}", problem("{#a}{#a}{/a}",
            { a = true }))
    end)

    it("does not grow without bounds", function()
        local many = {}
        for i = 1, 1000 do many[i] = i end
        assert.equal("t: the text would be longer than 4194304 bytes",
            problem("{#a}" .. ("x"):rep(5000) .. "{/a}", { a = many }))
        assert.equal("t: there is too much to fill in",
            problem("{#a}{#a}{#a}x{/a}{/a}{/a}", { a = many }))
        local deep = ("{#a}"):rep(10) .. ("{/a}"):rep(10)
        assert.matches("nested deeper than 8", problem(deep, { a = true }))
    end)
end)
