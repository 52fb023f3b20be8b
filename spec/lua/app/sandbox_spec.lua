-- What the files of an app can and cannot do while they are loaded.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local cjson = require("cjson")

-- The error of an app whose file runs `code`.
local function errors_of(code)
    return apps.errors({ test = 'app "test" {}\n' .. code })
end

local function runs(code)
    assert.same({}, errors_of(code))
end

local function first(code)
    return (errors_of(code)[1] or "no error"):gsub("^apps/test/app%.lua:%d+: ", "")
end

describe("the environment of an app", function()
    it("has the harmless parts of Lua", function()
        runs([[
            local list = {}
            for key, value in pairs({ a = 1 }) do
                table.insert(list, ("%s=%d"):format(key, value))
            end
            assert(table.concat(list) == "a=1" and #list == 1)
            assert(math.floor(1.5) == 1 and select("#", 1, 2) == 2)
            assert(tostring(12) == "12" and tonumber("12") == 12)
            assert(pcall(error, "x") == false and type(next) == "function")
            assert(("abc"):upper():sub(1, 2) == "AB")
            assert(("a,b"):gsub(",", ";") == "a;b")
        ]])
    end)

    it("tells no addresses", function()
        runs([[
            assert(tostring({}) == "table" and tostring(error) == "function")
            assert(not pcall(string.format, "%p", {}))
            assert(string.format("%s", {}) == "table")
        ]])
    end)

    for word in ([[io os debug package load loadstring dofile setfenv
        getfenv ffi jit _G print collectgarbage newproxy]]):gmatch("%S+") do
        it("has no " .. word, function()
            assert.equal(("'%s' is not available to apps"):format(word),
                first("local x = " .. word))
        end)
    end

    it("has metatables of tables, but of nothing else", function()
        runs([[
            local Point = { __add = function(a, b) return a.x + b.x end }
            local function point(x) return setmetatable({ x = x }, Point) end
            assert(point(1) + point(2) == 3)
            assert(getmetatable(point(1)) == Point)
            assert(getmetatable("") == nil and rawlen({ 1, 2 }) == 2)
            assert(not getmetatable(text) and not pcall(setmetatable, text, {}))
        ]])
        assert.equal("coroutine.wrap works only inside a function that a"
            .. " request calls", first("coroutine.wrap(function() end)"))
    end)

    it("takes plain tables as options, whatever becomes of them", function()
        assert.equal("model: a table with a metatable cannot be an option",
            first('model "A" { fields = setmetatable({}, {'
                .. " __index = function() while true do end end }) }"))
        assert.equal("text: a table with a metatable cannot be an option",
            first('model "A" { fields = { a = text (setmetatable({}, {})) } }'))
        local deep = "{}"
        for _ = 1, 50 do deep = "{ " .. deep .. " }" end
        assert.equal("model: a table nested deeper than 40 levels cannot be an"
            .. " option", first('model "A" { fields = {}, order = ' .. deep
            .. " }"))
    end)

    it("keeps its words", function()
        assert.equal("'text' is a word of Lunette and cannot be set",
            first("text = 1"))
        assert.equal("this value cannot be changed", first("text.x = 1"))
        assert.equal("this value cannot be changed",
            first('local f = text {} f.word = "int"'))
        assert.equal("a word has no fields", first("local f = text {}.options"))
    end)

    it("is not shared between apps", function()
        local errors = apps.errors({ a = 'app "a" {}\nstring.x = 1 shared = 1',
            b = 'app "b" {}\nassert(string.x == nil) local y = shared' })
        assert.same({ "apps/b/app.lua:2: unknown word 'shared'" }, errors)
    end)

    it("leaves the framework's string functions alone", function()
        runs([[string.find = nil string.format = nil table.sort = nil
            model "Thing" { fields = { a = text {} } }]])
        assert.equal("x", ("x"):format())
        assert.equal(3, #("abc"):rep(1))
    end)

    it("bounds what texts can cost", function()
        for _, code in ipairs({ '("x"):rep(1e9)', '("x"):rep(1e5, ("y"):rep(100))',
            '("a"):rep(20000):find("b")',
            '("a"):find(".-.-.-.-.-b")', 'string.format(("x"):rep(20000))',
            'local t = {} for i = 1, 200 do t[i] = ("x"):rep(1e4) end '
                .. "table.concat(t)" }) do
            assert.equal(1, #errors_of(code), code)
        end
    end)

    it("goes on behind a word that is not built yet", function()
        assert.same({
            "apps/test/app.lua:2: workflow is not built yet",
            "apps/test/app.lua:3: unknown word 'modl'; did you mean 'model'?",
        }, errors_of('workflow "X" { a = { after = days(3) + 1 } }\n'
            .. 'modl "Y" {}'))
    end)

    it("warns of words in functions that are not there", function()
        local function warned(code)
            local set = apps.set({ test = 'app "test" {}\n' .. code })
            local lines = {}
            for i, entry in ipairs(set.warnings) do
                lines[i] = entry.line .. ": " .. entry.message
            end
            return table.concat(lines, "\n")
        end
        local function run(body)
            return warned('query "q" { run = function() ' .. body .. " end }")
        end
        assert.equal("2: unknown word 'fnd'; did you mean 'find'?",
            run('return fnd("X")'))
        assert.equal("3: unknown word 'helprs'; did you mean 'helpers'?",
            warned('query "q" { run = function() return function()\n return'
                .. " helprs() end end } function helpers() end"))
        assert.equal("2: 'print' is not available to apps", run('print("x")'))
        assert.equal("2: 'count' is no local variable: write local count; what"
            .. " requests share belongs into the database",
            run("count = (count or 0) + 1"))
        assert.equal("", warned('limit = 5 query "q" { run = function() return'
            .. " helper(limit, me, coroutine.wrap, math.random) end }"
            .. " function helper() end"))
        assert.equal("notify is not built yet",
            first('query "q" { run = function() notify("x") end }'))
    end)

    it("ends a loop over a word that is not built yet", function()
        local errors = errors_of("for x in each(1) do end")
        assert.is_truthy(errors[1]:find("too many uses", 1, true))
    end)

    it("gives the line of the app, also inside helpers", function()
        assert.same({ "apps/test/app.lua:3: Thing.a: unknown option 'z'" },
            errors_of('local function short(options)\n local field = '
                .. 'text(options) return field end\n'
                .. 'model "Thing" { fields = { a = short { z = 1 } } }'))
    end)
end)

describe("an escape", function()
    -- Endless loops and memory are the host's to stop, not this environment's.
    local STATIC = { globals = true, meta = true, env = true, bytecode = true,
        jit = true, api = true }
    local file = assert(io.open("spec/data/escapes.json"))
    local cases = cjson.decode(file:read("*a"))
    file:close()
    for _, case in ipairs(cases) do
        if STATIC[case.category] then
            it("is denied: " .. case.name, function()
                local errors = errors_of("local function run()\n"
                    .. case.lua_snippet .. "\nend\n"
                    .. "if run() == 'ESCAPED' then error('ESCAPED') end")
                -- A word that is refused stands for nothing: what a snippet
                -- concludes from using it does not count, the app is refused.
                local all = table.concat(errors, "\n")
                assert.is_true(all:find("not available to apps", 1, true) ~= nil
                    or all:find("unknown word", 1, true) ~= nil
                    or all:find("ESCAPED", 1, true) == nil, all)
            end)
        end
    end
end)
