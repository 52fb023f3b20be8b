-- SPDX-License-Identifier: Apache-2.0
local decimal = grant("decimal")
local new = decimal.new

local function text(value) return tostring(value) end

test("keeps every digit", function()
    equal(text(new("12.50")), "12.50")
    equal(text(new("9007199254740993")), "9007199254740993")
    equal(text(new(0.1) + new(0.2)), "0.3")
    equal(text(new(1e15)), "1000000000000000")
    equal("Total: " .. new("1.10"), "Total: 1.10")
end)

test("calculates with numbers and texts beside it", function()
    equal(text(new("1.10") + 1), "2.10")
    equal(text(2 * new("1.25")), "2.50")
    equal(text(new("10") - "0.01"), "9.99")
    equal(text(-new("1.5")), "-1.5")
    equal(text(new("7.5") % 2), "1.5")
    equal(text(new(10) / 4), "2.5000000000000000")
end)

test("compares by value", function()
    equal(new("1.0") == new("1.00"), true)
    equal(new("1") < new("1.01"), true)
    equal(new("2") <= new("2.0"), true)
    equal(new("2") > new("10"), false)
    equal(decimal.compare("1.0", 1), 0)
    equal(new("1.5"):compare(2), -1)
end)

test("says what is no decimal", function()
    fails("a decimal is needed here, not 'abc'", function() new("abc") end)
    fails("a decimal is needed here, not a table", function() new({}) end)
    fails("a decimal is needed here, not a nil", function()
        return new(1) + nil
    end)
    fails("a decimal is needed here, not 'x'", function()
        return new(1) + "x"
    end)
    fails("a decimal is needed here, not inf", function()
        new(math.huge)
    end)
    fails("division by zero", function() return new(1) / 0 end)
    fails("more than 38 digits; round first", function()
        return new("1e30") * new("1e30")
    end)
    equal(decimal.parse("1,5"), nil)
    equal(text(decimal.parse("1.5")), "1.5")
    equal(decimal.is(new(1)), true)
    equal(decimal.is("1"), false)
end)

test("rounds by a mode", function()
    equal(text(decimal.round("2.345", 2)), "2.35")
    equal(text(decimal.round("2.345", 2, "half_even")), "2.34")
    equal(text(decimal.divide(10, 3, 2)), "3.33")
    equal(text(decimal.divide(-10, 3, 2, "floor")), "-3.34")
    fails("the mode must be half_up", function()
        decimal.round(1, 0, "nearest")
    end)
    fails("whole number from 0 to 38", function() decimal.round(1, 1.5) end)
end)

test("knows lists", function()
    equal(text(decimal.sum({ "0.1", 0.2, new("0.3") })), "0.6")
    equal(text(decimal.sum({})), "0")
    equal(text(decimal.min({ 3, "1.5", 2 })), "1.5")
    equal(text(decimal.max({ 3, "1.5", 2 })), "3")
    equal(decimal.max({}), nil)
    equal(text(decimal.abs("-2.0")), "2.0")
    fails("a list of decimals", function() decimal.sum(new(1)) end)
end)

test("is written for people", function()
    equal(decimal.format("1234567.5", { digits = 2 }), "1,234,567.50")
    equal(decimal.format("-1234.005", { digits = 2, group = ".", point = "," }),
        "-1.234,01")
    equal(decimal.format("999"), "999")
    equal(decimal.format("1000", { group = "" }), "1000")
end)

-- The table of cases runs here and in PostgreSQL.
test("calculates as PostgreSQL's numeric does", function()
    local values = { "0", "1", "-1", "3", "7", "10", "0.1", "-0.25", "1.50",
        "12.3400", "99.99", "-123.456", "0.0001", "0.00034", "9999", "10000",
        "10001", "123456789", "-98765.4321", "0.333333", "1000000.000001",
        "4999.5", "5000", "0.5" }
    local operations = {
        { "+", function(a, b) return a + b end },
        { "-", function(a, b) return a - b end },
        { "*", function(a, b) return a * b end },
        { "/", function(a, b) return a / b end },
        { "%", function(a, b) return a % b end },
        { "compare", decimal.compare },
    }
    local selects, ours, names = {}, {}, {}
    for _, a in ipairs(values) do
        for _, b in ipairs(values) do
            for _, operation in ipairs(operations) do
                local sign, act = operation[1], operation[2]
                if tonumber(b) ~= 0 or sign ~= "/" and sign ~= "%" then
                    local sql_text = sign == "compare"
                        and ("sign(%s::numeric - %s::numeric)"):format(a, b)
                        or ("(%s::numeric %s %s::numeric)"):format(a, sign, b)
                    selects[#selects + 1] = ("(%d, %s)"):format(#selects + 1,
                        sql_text:gsub("%-%d[%d.]*", "'%0'"))
                    ours[#ours + 1] = text(act(new(a), new(b)))
                    names[#names + 1] = a .. " " .. sign .. " " .. b
                end
            end
        end
    end
    for _, mode in ipairs({ 0, 1, 2, 5 }) do
        for _, a in ipairs(values) do
            selects[#selects + 1] = ("(%d, round('%s'::numeric, %d))")
                :format(#selects + 1, a, mode)
            ours[#ours + 1] = text(decimal.round(a, mode))
            names[#names + 1] = ("round(%s, %d)"):format(a, mode)
        end
    end
    local rows = sql("select r::text from (values " .. table.concat(selects, ", ")
        .. ") as v (i, r) order by i")
    equal(#rows, #ours)
    for at, row in ipairs(rows) do
        equal(names[at] .. " = " .. ours[at], names[at] .. " = " .. row[1])
    end
end)
