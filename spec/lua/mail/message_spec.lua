-- SPDX-License-Identifier: Apache-2.0
local message = require("lunette.mail.message")

local OPTIONS = { from = { "crm@example.com", "example.org" },
    domains = { "example.com" }, recipients = 3, size = 2000 }

local function build(asked, templates)
    return message.build({ app = "crm", options = OPTIONS,
        templates = templates }, asked)
end

local function with(changes)
    local asked = { to = "ann@example.com", subject = "Hello", text = "Text" }
    for key, value in pairs(changes) do asked[key] = value end
    return asked
end

local function refused(changes, templates)
    local made, why = build(with(changes), templates)
    assert.is_nil(made)
    return why
end

describe("a message", function()
    it("names everybody once, and tells nobody of bcc", function()
        local made = build(with { to = { "Ann <ann@example.com>",
            "bob@example.com" }, bcc = { "eve@example.com", "ann@example.com" } })
        assert.same({ "ann@example.com", "bob@example.com", "eve@example.com" },
            made.recipients)
        assert.same({ { name = "Ann", address = "ann@example.com" },
            { name = "", address = "bob@example.com" } }, made.message.to)
        assert.is_nil(made.message.bcc)
        assert.same({ name = "", address = "crm@example.com" },
            made.message.from)
    end)

    it("comes from whom policy names", function()
        assert.equal("CRM@example.com",
            build(with { from = "CRM@example.com" }).message.from.address)
        assert.equal("any@example.org",
            build(with { from = "Any <any@example.org>" }).message.from.address)
        assert.equal("policy must grant app 'crm': modules.mail.from must"
            .. " include 'boss@example.com'",
            refused { from = "boss@example.com" })
        local made, why = message.build({ app = "crm", options = {
            from = { "example.org" }, domains = { "*" } } }, with {})
        assert.is_nil(made)
        assert.equal("mail: 'from' is needed: policy names no address", why)
    end)

    it("goes where policy allows, to no more than it allows", function()
        for _, field in ipairs { "to", "cc", "bcc" } do
            assert.equal("policy must grant app 'crm': modules.mail.domains must"
                .. " include 'example.org'",
                refused { [field] = "x@example.org" })
        end
        assert.equal("mail: there are 4 recipients, and policy allows 3",
            refused { to = { "a@example.com", "b@example.com",
                "c@example.com", "d@example.com" } })
    end)

    it("is built of templates", function()
        local templates = { ["hi.txt"] = "Subject: Hi {n}\n\nText {n}",
            ["hi.html"] = "<b>{n}</b>", ["bare.txt"] = "No subject {n}" }
        local made = build({ to = "ann@example.com", template = "hi",
            values = { n = "<1>" } }, templates)
        assert.same({ "Hi <1>", "Text <1>", "<b>&lt;1&gt;</b>" },
            { made.message.subject, made.message.text, made.message.html })
        made = build({ to = "ann@example.com", template = "bare",
            subject = "About {n}", values = { n = 2 } }, templates)
        assert.same({ "About 2", "No subject 2" },
            { made.message.subject, made.message.text })
        assert.equal("mail: mail/hi.txt:1: there is no value 'n'",
            refused({ template = "hi" }, templates))
        assert.equal("mail: the subject holds a line end or another control"
            .. " character", refused({ subject = "About {n}", template = "bare",
                values = { n = "1\r\nBcc: x@example.com" } }, templates))
        made = build({ to = "ann@example.com", template = "bare",
            subject = "s", values = { n = "1\r\nBcc: x@example.com" } },
            templates)
        assert.is_table(made)
    end)

    it("is not larger than policy allows", function()
        assert.equal("mail: the message is larger than policy allows",
            refused { text = ("x"):rep(2001) })
        assert.equal("mail: the message is larger than policy allows",
            refused { attachments = { { name = "a", data = ("x"):rep(2000) } } })
    end)

    it("says what is wrong", function()
        local long = ("x"):rep(501)
        for changes, why in pairs {
            [{ colour = 1 }] = "unknown field 'colour'",
            [{ to = 5 }] = "'5' in 'to' is not a text",
            [{ text = {} }] = "'text' must be a text",
            [{ text = "a\0b" }] = "'text' holds a zero byte",
            [{ subject = "" }] = "'subject' is needed",
            [{ subject = long }] = "the subject is longer than 500 bytes",
            [{ subject = long, template = "t" }] = "the subject is longer than",
            [{ values = "x" }] = "'values' must be a table",
            [{ template = "a/b" }] = "'template' must be the name of a file",
            [{ template = "nope" }] = "the app has no mail/nope.txt",
            [{ attachments = { "x" } }] = "attachment 1 is no table",
            [{ attachments = { { name = "../x", data = "" } } }] =
                "attachment 1 has no usable name",
            [{ attachments = { { name = "x", type = "x", data = "" } } }] =
                "the type must be written like",
            [{ attachments = { { name = "x", data = "abc" } } }] = "has no data",
        } do
            local said = refused(changes, { ["t.txt"] = "x" })
            assert.is_truthy(said:find(why, 1, true), said)
        end
        assert.equal("mail: a message must be a table",
            select(2, build("x")))
    end)
end)
