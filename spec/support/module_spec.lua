--- The words of the specs of core modules, and the examples of their pages.
-- See module_spec.c, which runs this with the path of a spec or of a README.md.
-- SPDX-License-Identifier: Apache-2.0
local path = ...

package.path = "lua/?.lua"
null = setmetatable({}, { __metatable = false })

local passed, failed = 0, 0

local function is_spec(info)
    return info and (info.source:find("_spec.lua$")
        or info.source:find("README.md$"))
end

host.ffi = require("ffi")

function host.where()
    for level = 2, 20 do
        local info = debug.getinfo(level, "Sl")
        if is_spec(info) then
            return info.short_src .. ":" .. info.currentline .. ": "
        end
    end
    return ""
end

-- Values as text ------------------------------------------------------------

local function plain(value)
    if type(value) ~= "string" then return tostring(value) end
    return (("%q"):format(value):gsub("\\\n", "\\n"):gsub("\\13", "\\r"))
end

local function member(key, text)
    if type(key) == "number" then return text end
    return (key:find("^[%a_][%w_]*$") and key or "[" .. plain(key) .. "]")
        .. " = " .. text
end

-- As one would write it, keys in order.
local function shown(value, depth)
    if value == null then return "null" end
    if type(value) ~= "table" or getmetatable(value) == false
        or (depth or 0) > 4 then
        return plain(value)
    end
    local keys, parts = {}, {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b)
        if type(a) ~= type(b) then return type(a) == "number" end
        return a < b
    end)
    for at, key in ipairs(keys) do
        parts[at] = member(key, shown(value[key], (depth or 0) + 1))
    end
    return #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
end

-- Words of specs ------------------------------------------------------------

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for key, value in pairs(a) do
        if not same(value, b[key]) then return false end
    end
    for key in pairs(b) do
        if a[key] == nil then return false end
    end
    return true
end

function equal(actual, expected)
    if not same(actual, expected) then
        error(("expected %s, got %s"):format(shown(expected), shown(actual)), 2)
    end
end

function fails(wanted, fn)
    local ok, message = pcall(fn)
    if ok then error("expected an error: " .. wanted, 2) end
    if not tostring(message):find(wanted, 1, true) then
        error(("expected the error %q, got %q"):format(wanted,
            tostring(message)), 2)
    end
end

function test(sentence, fn)
    local ok, message = xpcall(fn, debug.traceback)
    if ok then
        passed = passed + 1
        return
    end
    failed = failed + 1
    print("FAILED " .. sentence .. "\n" .. tostring(message))
end

local GLOBALS = { "assert", "error", "getmetatable", "ipairs", "math", "next",
    "pairs", "pcall", "rawequal", "rawget", "rawset", "select", "setmetatable",
    "string", "table", "tonumber", "tostring", "type", "unpack" }

function grant(name, options, answer)
    local globals = {}
    for _, key in ipairs(GLOBALS) do globals[key] = _G[key] end
    local function ask(asked)
        if answer then return answer(asked) end
        error("there is no loop in this spec", 0)
    end
    return require("lunette.guest.modules").new(push_module(name, options or ""),
        ask, globals, { decimals = require("lunette.guest.decimals"),
            null = null, word = function() end })(name)
end

-- The examples of a page ----------------------------------------------------

-- Options as a grant without any gives them, as JSON.
local function defaults(name)
    local units = require("lunette.policy.units")
    local parts = {}
    for _, option in ipairs(dofile("modules/" .. name
        .. "/manifest.lua").options) do
        local value = option.default ~= nil and units.read(option.default,
            { type = option.type, of = option.of, values = option.values,
                least = 0, most = math.huge })
        local text = tostring(value)
        if type(value) == "string" then text = ("%q"):format(value) end
        if type(value) == "table" then
            text = '["' .. table.concat(value, '","') .. '"]'
        end
        if option.default ~= nil then
            parts[#parts + 1] = ('"%s":%s'):format(option[1], text)
        end
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

-- `expression  --> value` becomes a check of it.
local function with_checks(line)
    local code, value = line:match("^(.-)%s*%-%-> (.+)$")
    if not code then return line end
    local name, made = code:match("^local ([%w_]+) = (.*)$")
    if name then
        return ("%s check(%s, %q)"):format(code, name, value), made
    end
    return ("check(%s, %q)"):format(code, value)
end

local function check(value, expected)
    if shown(value) ~= expected then
        error(("the page says %s, but it is %s"):format(expected, shown(value)),
            2)
    end
end

local function run_block(code, line, name)
    local loaded = {}
    local words = setmetatable({ check = check, null = null,
        require = function(other)
            loaded[other] = loaded[other] or grant(other, defaults(other))
            return loaded[other]
        end }, { __index = _G })
    local main = assert(load(("\n"):rep(line) .. code, "=" .. path, "t", words))
    -- What needs a network cannot run here.
    if not code:find("check(", 1, true) then return end
    words[name] = words.require(name)
    main()
end

local function run_page(text)
    local name = path:match("modules/([^/]+)/")
    local at, from, lines = 0, nil, {}
    for line in (text .. "\n"):gmatch("([^\n]*)\n") do
        at = at + 1
        if line == "```lua" then
            from, lines = at, {}
        elseif line == "```" and from then
            local code, begins = table.concat(lines, "\n"), from
            test(("the example of line %d"):format(begins), function()
                run_block(code, begins, name)
            end)
            from = nil
        elseif from then
            lines[#lines + 1] = (with_checks(line))
        end
    end
end

if path:find("%.md$") then
    local file = assert(io.open(path))
    run_page(file:read("*a"))
    file:close()
else
    assert(loadfile(path))()
end
print(("%d passed, %d failed"):format(passed, failed))
return failed > 0 or passed == 0
