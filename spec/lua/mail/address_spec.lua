-- SPDX-License-Identifier: Apache-2.0
local address = require("lunette.mail.address")

describe("an address", function()
    it("is read with and without a name", function()
        assert.same({ name = "", address = "ann@example.com",
            domain = "example.com" }, address.parse(" ann@Example.com ")
            and { name = "", address = "ann@example.com",
                domain = address.parse("ann@Example.com").domain })
        assert.same({ name = "Ann Lee", address = "a.lee+x@example.com",
            domain = "example.com" },
            address.parse("Ann Lee <a.lee+x@example.com>"))
        assert.equal('Lee, "Ann"',
            address.parse('"Lee, \\"Ann\\"" <a@example.com>').name)
        assert.equal("Jürgen", address.parse("Jürgen <j@example.com>").name)
        assert.is_table(address.parse("root@localhost"))
    end)

    it("is refused when it is none", function()
        for _, text in ipairs { "", "ann", "@example.com", "ann@", "a@b@c.de",
            "a b@example.com", "a..b@example.com", ".a@example.com",
            "a.@example.com", "a@example..com", "a@-x.com", "a@x-.com",
            "a@example", "a@exam_ple.com", "<a@example.com", "a@[127.0.0.1]",
            ("x"):rep(65) .. "@example.com", "a@" .. ("x"):rep(64) .. ".com",
            "a@" .. ("x."):rep(140) .. "com", 'Ann <b> <a@example.com>',
            "j\195\188@example.com" } do
            assert.is_nil(address.parse(text), text)
        end
        assert.is_nil(address.parse(5))
        assert.is_nil(address.parse(nil))
    end)

    it("cannot end its line or bring another one", function()
        for _, text in ipairs { "a@example.com\r\nBcc: b@example.com",
            "a@example.com\nX: y", "Ann\r\n <a@example.com>", "a\0@example.com",
            "a@example.com>,<b@example.com", "a@example.com b@example.com" } do
            assert.is_nil(address.parse(text), text)
        end
        local _, why = address.parse("a@example.com, b@example.com")
        assert.equal("is more than one address; write a list", why)
        _, why = address.parse("a@ex\195\164mple.com")
        assert.equal("has a domain outside of ASCII; write its xn-- form", why)
    end)

    it("is of a domain that a list names", function()
        assert.is_true(address.is_in("example.com", { "Example.com" }))
        assert.is_true(address.is_in("a.example.com", { "*.example.com" }))
        assert.is_true(address.is_in("any.org", { "x.org", "*" }))
        assert.is_false(address.is_in("example.com", { "*.example.com" }))
        assert.is_false(address.is_in("notexample.com", { "*.example.com",
            "example.com" }))
        assert.is_false(address.is_in("example.com", {}))
        assert.is_false(address.is_in("example.com", nil))
    end)
end)
