-- SPDX-License-Identifier: Apache-2.0
local log = grant("log", '{"level": "info", "rate": 5}')
local decimal = grant("decimal")

-- The lines that a function writes, one text each.
local function lines(fn)
    local path = os.tmpname()
    log_open(path)
    fn()
    log_close()
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    os.remove(path)
    local list = {}
    for line in text:gmatch("[^\n]+") do list[#list + 1] = line end
    return list
end

local function has(line, part)
    if not line or not line:find(part, 1, true) then
        error(("%s has no %s"):format(tostring(line), part), 2)
    end
end

test("writes lines with the app, its release and the app's fields", function()
    local found = lines(function()
        log.warn("stock is low", { sku = "A\"1", qty = 4,
            price = decimal.new("1.50"), parts = {}, none = null })
    end)
    equal(#found, 1)
    for _, part in ipairs({ '"level":"warn"', '"app":"spec"',
        '"release":"spec@1.0.0+0"', '"sku":"A\\"1"', '"qty":"4"',
        '"price":"1.50"', '"parts":"table"', '"none":"null"', "stock is low" }) do
        has(found[1], part)
    end
end)

test("drops what is below its level", function()
    equal(#lines(function() log.debug("nothing") end), 0)
    equal(log.enabled("debug"), false)
    fails("log: the level must be debug", function() log.enabled("all") end)
end)

test("writes no more lines than its rate, and says how many it dropped",
    function()
        local quiet = grant("log", '{"level": "info", "rate": 3}')
        local found = lines(function()
            for at = 1, 10 do quiet.info("line " .. at) end
        end)
        equal(#found, 3)
    end)

test("refuses fields that are none", function()
    fails("log: the field 'app' has its own meaning", function()
        log.info("x", { app = "other" })
    end)
    fails("log: the name of a field must be a word", function()
        log.info("x", { [1] = "y" })
    end)
    fails("log: the message must be a string", function() log.info(5) end)
    fails("log: the fields must be a table", function() log.info("x", 5) end)
    local many = {}
    for at = 1, 17 do many["f" .. at] = at end
    fails("log: more than 16 fields", function() log.info("x", many) end)
end)

test("cuts what is too long", function()
    local found = lines(function()
        log.error(("x"):rep(10000), { long = ("y"):rep(2000) })
    end)
    equal(#found[1] < 6000, true)
    has(found[1], "...")
end)
