-- What mail asks of the host; the queue is in spec/e2e/module_mail.test.mjs.
-- SPDX-License-Identifier: Apache-2.0
local operations
local mail = grant("mail", "{}", function(operation)
    operations[#operations + 1] = operation
    return operation.op == "enqueue" and "id-1" or nil
end)

local function sent(message)
    operations = {}
    equal(mail.send(message), "id-1")
    equal({ operations[2].op, operations[2].data }, { "module", { wake = true } })
    equal({ operations[1].op, operations[1].module }, { "enqueue", "mail" })
    return operations[1].data
end

test("puts a message into the queue, and wakes it", function()
    equal(sent { to = { "a@example.com" }, subject = "s", text = "t",
        values = { n = 1, deep = { list = { true, "x" } } } },
        { to = { "a@example.com" }, subject = "s", text = "t",
            values = { n = 1, deep = { list = { true, "x" } } } })
end)

test("writes attachments in base64", function()
    for bytes, text in pairs { [""] = "", a = "YQ==", ab = "YWI=", abc = "YWJj",
        ["\0\255\n"] = "AP8K" } do
        equal(sent { attachments = { { name = "n", type = "t", data = bytes } } }
            .attachments, { { name = "n", type = "t", data = text } })
    end
    local long = ("x"):rep(100000)
    local data = sent { attachments = { { name = "n", data = long } } }
        .attachments[1].data
    equal(#data, math.ceil(100000 / 3) * 4)
    equal(data:find("[^%w+/=]"), nil)
    equal(data:sub(65533, 65540), "eHh4eHh4")
end)

test("takes exact numbers as texts, and nothing for null", function()
    local decimal = require("lunette.guest.decimals").new
    equal(sent { to = "a", cc = null, values = { price = decimal("12.50"),
        none = null } }, { to = "a", values = { price = "12.50" } })
end)

test("refuses what no message is made of", function()
    local function send(message)
        return function() sent(message) end
    end
    local deep = {}
    deep.deep = deep
    fails("mail: a message must be a table", send("x"))
    fails("mail: a function cannot be a part", send { text = print })
    fails("mail: the values are nested too deeply", send { values = deep })
    fails("mail: a record cannot be a part of a message",
        send { values = { r = setmetatable({}, {}) } })
    fails("mail: attachment 1 has no data", send { attachments = { {} } })
    fails("mail: attachment 1 is no table", send { attachments = { "x" } })
    fails("mail: 'attachments' must be a list", send { attachments = "x" })
end)
