-- SPDX-License-Identifier: Apache-2.0
local csv = grant("csv", '{"bytes": 2000000, "fields": 5}')

test("reads rows as lists", function()
    equal(csv.parse("a,b\r\n1,2\r\n"), { { "a", "b" }, { "1", "2" } })
    equal(csv.parse("a,b\n1,2"), { { "a", "b" }, { "1", "2" } })
    equal(csv.parse("a\rb"), { { "a" }, { "b" } })
    equal(csv.parse(""), {})
    equal(csv.parse(",\n"), { { "", "" } })
end)

test("reads quotes, separators and line ends in fields", function()
    equal(csv.parse('"a ""b""","c,d","e\r\nf"\n'),
        { { 'a "b"', "c,d", "e\r\nf" } })
    equal(csv.parse('""'), { { "" } })
    equal(csv.parse("a;b", { separator = ";" }), { { "a", "b" } })
    equal(csv.parse(' a , "b" ,c', { trim = true }), { { "a", "b", "c" } })
end)

test("reads records by the names of the header", function()
    equal(csv.parse("\239\187\191name,qty\nBolt,4\n\nNut,5\n",
        { header = true }),
        { { name = "Bolt", qty = "4" }, { name = "Nut", qty = "5" } })
    equal(csv.parse("Bolt,4", { header = { "name", "qty" } }),
        { { name = "Bolt", qty = "4" } })
end)

test("gives rows one by one with their lines", function()
    local seen = {}
    for row, line in csv.rows('a\n"b\nc"\nd') do
        seen[#seen + 1] = line .. row[1]
    end
    equal(seen, { "1a", "2b\nc", "4d" })
end)

test("says what is wrong and in which line", function()
    fails("csv: line 2: a quoted field has no end", function()
        csv.parse('a\n"b')
    end)
    fails("csv: line 1: a quote inside a field", function()
        csv.parse('a"b')
    end)
    fails("csv: line 2: text behind the closing quote", function()
        csv.parse('x\n"a"b')
    end)
    fails("csv: line 3: 1 fields, but the header has 2", function()
        csv.parse("a,b\n1,2\n3", { header = true })
    end)
    fails("csv: the header names 'a' twice", function()
        csv.parse("a,a\n", { header = true })
    end)
    fails("csv: line 1: too many fields", function()
        csv.parse("1,2,3,4,5,6")
    end)
    fails("csv: the text is longer than 2000000 bytes", function()
        csv.parse(("x"):rep(2000001))
    end)
    fails("a record is longer than 1048576 bytes", function()
        csv.parse('"' .. ("x"):rep(1100000) .. '"')
    end)
    fails("csv: unknown option 'delimiter'", function()
        csv.parse("", { delimiter = ";" })
    end)
    fails("csv: the text must be a string", function() csv.parse(1) end)
    fails("one character", function() csv.parse("", { separator = '"' }) end)
end)

test("tells the place of the caller, not its own", function()
    local ok, message = pcall(function() csv.parse('"') end)
    equal(ok, false)
    equal(message:match("^(.-):"), "modules/csv/spec/csv_spec.lua")
end)

test("writes what it reads", function()
    local rows = { { 'a "b"', "c,d", "e\r\nf", "", " g " } }
    local text = csv.format(rows)
    equal(text, '"a ""b""","c,d","e\r\nf",""," g "\r\n')
    equal(csv.parse(text), rows)
end)

test("writes records in the order of the header", function()
    equal(csv.format({ { qty = 4, name = "Bolt" }, { name = "Nut" } },
        { header = { "name", "qty" } }), "name,qty\r\nBolt,4\r\nNut,\r\n")
    equal(csv.format({ { 0.1, 1e15, true } }), "0.1,1e+15,true\r\n")
    equal(csv.format({ { grant("decimal").new("1.50") } }), "1.50\r\n")
    equal(csv.format({}), "")
end)

test("keeps spreadsheets from running texts as formulas", function()
    equal(csv.format({ { "=1+1", "-2", -2 } }, { spreadsheet = true }),
        "'=1+1,'-2,-2\r\n")
end)

test("refuses what has no text", function()
    fails("csv: row 1: a table cannot be written", function()
        csv.format({ { {} } })
    end)
    fails("csv: row 1 is a number, not a table", function()
        csv.format({ 1 })
    end)
end)

test("cannot be changed", function()
    fails("csv.parse: a module cannot be changed", function()
        csv.parse = nil
    end)
end)
