-- SPDX-License-Identifier: Apache-2.0
local json = grant("json", '{"bytes": 100000, "depth": 10}')
local decimal = grant("decimal")

local function through(text, options)
    return json.encode(json.decode(text, options))
end

test("reads every kind of value", function()
    equal(json.decode(' {"a": [1, true, false, "x"], "b": {}} '),
        { a = { 1, true, false, "x" }, b = {} })
    equal(json.decode('"\\u00e9\\n\\ud83d\\ude00"'), "\195\169\n\240\159\152\128")
    equal(json.decode("-0.5e-1"), -0.05)
    equal(json.decode("null") == null, true)
    equal(json.decode('[null]', { null = false }), { false })
end)

test("keeps the digits of numbers", function()
    for _, text in ipairs({ "0", "-1", "9007199254740992", "9007199254740993",
        "-9223372036854775808", "18446744073709551615", "0.1", "1.5",
        "12345678901234.5678", "0.1234567890123456789", "99999999999999.99",
        "123456789012345678901234567890.12", "0.30000000000000004",
        "0.10000000000000001", "1000000.5", "100.00125" }) do
        equal(through(text), text)
    end
    equal(through("12.50", { numbers = "decimal" }), "12.50")
    equal(through("1.0", { numbers = "decimal" }), "1.0")
    equal(type(json.decode("12.5")), "number")
    equal(decimal.is(json.decode("9007199254740993")), true)
    equal(json.decode("1e300"), 1e300)
    equal(json.decode("0.000001234"), 0.000001234)
    equal(json.decode("1.50e2"), 150)
    equal(json.decode("-0.000"), 0)
    equal(json.encode(2 ^ 53), "9007199254740992")
    equal(json.encode(1e300), "1e+300")
    equal(json.decode(json.encode(0.1 + 0.2)), 0.1 + 0.2)
end)

test("tells lists from objects", function()
    equal(through("[]"), "[]")
    equal(through("{}"), "{}")
    equal(through('{"a":[[],{}]}'), '{"a":[[],{}]}')
    equal(json.encode(json.array()), "[]")
    equal(json.encode({}), "{}")
    equal(json.encode({ 1, 2 }), "[1,2]")
    equal(json.encode({ [1] = "a", [3] = "c" }), '{"1":"a","3":"c"}')
    equal(json.is_array({ 1 }), true)
    equal(json.is_array({}), false)
    equal(json.is_array(json.decode("[]")), true)
end)

test("writes keys in one order", function()
    equal(json.encode({ b = 1, a = { d = null, c = "x\"\\\1/" } }),
        '{"a":{"c":"x\\"\\\\\\u0001/","d":null},"b":1}')
    equal(json.encode({ a = { 1 } }, { indent = 2 }),
        '{\n  "a": [\n    1\n  ]\n}')
    equal(json.encode(decimal.new("1.10")), "1.10")
end)

test("says what is wrong and where", function()
    fails("json: ", function() json.decode("[1,]") end)
    for _, text in ipairs({ "", "nul", "01", "1.", "+1", "'a'", "[1", '{"a"}',
        '{"a":1,"a":2}', '"\1"', '"\\x"', "1 2", '"\\ud800"', "NaN",
        '"\255"', "[1e999]" }) do
        fails("json: ", function() json.decode(text) end)
    end
    fails("json: the text is longer than 100000 bytes", function()
        json.decode(("1"):rep(100001))
    end)
    fails("json: ", function() json.decode(("["):rep(11) .. ("]"):rep(11)) end)
    fails("json: the text must be a string", function() json.decode(nil) end)
    fails("json: unknown option 'nul'", function()
        json.decode("1", { nul = 1 })
    end)
    fails("json: a number is too large at byte 2", function()
        json.decode("[1e999]")
    end)
    fails("json: a member name comes twice at byte 14", function()
        json.decode('{"a":1, "a":2}')
    end)
    fails("json: something follows the value at byte 3", function()
        json.decode("1 2")
    end)
end)

test("reads more values than one step takes", function()
    local large = grant("json", '{"bytes": 1000000, "depth": 100}')
    local list = large.decode("[" .. ("1,"):rep(9999) .. "1]")
    equal(#list, 10000)
    local parts = {}
    for at = 1, 5000 do parts[at] = ('"k%d": [{"v": %d}]'):format(at, at) end
    local map = large.decode("{" .. table.concat(parts, ",\n") .. "}")
    for at = 1, 5000 do equal(map["k" .. at], { { v = at } }) end
    local deep = large.decode(("["):rep(100) .. ("]"):rep(100))
    equal(large.encode(deep), ("["):rep(100) .. ("]"):rep(100))
end)

test("reads every byte of a string as it is", function()
    local text = 'a\195\169\226\130\172\240\159\152\128"\\/\b\f\n\r\t\0\127'
    equal(json.decode(json.encode(text)), text)
    equal(json.decode('"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000"'),
        '"\\/\b\f\n\r\t\0')
    for _, bad in ipairs({ '"\\udc00"', '"\\ud800\\u0041"', '"\\u00g0"', '"\\',
        '"\192\128"', '"\237\160\128"', '"\226\130"', '"\10"' }) do
        fails("json: a string", function() json.decode(bad) end)
    end
end)

test("refuses what JSON cannot say", function()
    fails("json: nan is no number of JSON", function() json.encode(0 / 0) end)
    fails("json: a function cannot be written", function()
        json.encode({ print })
    end)
    fails("json: a boolean cannot be the name of a member", function()
        json.encode({ [true] = 1 })
    end)
    fails("json: two members are called '1'", function()
        json.encode({ [1] = "a", ["1"] = "b" })
    end)
    local circle = {}
    circle[1] = circle
    fails("json: more than 10 tables inside each other", function()
        json.encode(circle)
    end)
    fails("json: the text would be longer than 100000 bytes", function()
        json.encode({ ("x"):rep(100000) })
    end)
end)

test("tells the place of the caller", function()
    local _, message = pcall(function() json.decode("[") end)
    equal(message:match("^(.-):"), "modules/json/spec/json_spec.lua")
end)
