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
        getfenv getmetatable setmetatable rawget rawset ffi jit bit _G print
        coroutine collectgarbage newproxy]]):gmatch("%S+") do
        it("has no " .. word, function()
            assert.equal(("'%s' is not available to apps"):format(word),
                first("local x = " .. word))
        end)
    end

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
