--- `require` inside an app: the core modules that policy granted it.
--
-- A module's Lua runs here, in the VM and the budget of the app, once, when it is
-- first required. It gets `local native, options, ask, needs = ...`: the functions
-- of its C part, the options of the grant, the modules it works with by name, and a
-- function that asks the C part to
-- do what takes time (core/vm/module.h), or the host to do operation `op` of
-- lunette.runtime.operations. What it returns is what the app gets,
-- read-only.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.modules
local error, pairs, setfenv, setmetatable, type =
    error, pairs, setfenv, setmetatable, type
local select, tostring = select, tostring

local modules = {}

-- In a message: short, on one line.
local function shown(name)
    local text = tostring(name)
    if #text > 40 then text = text:sub(1, 40) .. "..." end
    return (text:gsub("%c", "?"))
end

-- A module that is called as a word of apps is (decimal, json, time, log) stays
-- that word for who writes local json = require "json".
local function read_only(name, content, word_of)
    return setmetatable({}, { __metatable = false, __index = content,
        __newindex = function(_, key)
            error(("%s.%s: a module cannot be changed"):format(name,
                shown(key)), 2)
        end,
        __call = function(_, ...)
            local word = word_of(name)
            if word == nil then
                error(("the module '%s' is no function"):format(name), 2)
            end
            return word(...)
        end })
end

-- What a module raises is told with the line of the app.
local function misuse(message)
    error(host.where() .. message, 0)
end

--- Makes the `require` of an app.
-- @tparam table granted of lun_vm_modules_push: name → { chunk, native, options }
-- @tparam function ask of the host, as for every other operation: gets
--   { op = "module", module = name, data = value } and returns the answer
-- @tparam table globals what the Lua of modules sees: trusted functions of this
--   VM, without a way out
-- @tparam table shared what modules have in common with the words of apps:
--   `decimals` (lunette.guest.decimals), `null`, and word(name) → the word of
--   that name or nil
-- @treturn function require(name)
function modules.new(granted, ask, globals, shared)
    local loaded = {}

    local function asker(name)
        return function(data, op)
            return ask({ op = op or "module", module = name, data = data })
        end
    end

    local load
    function load(name, module)
        local needs = {}
        for other, needed in pairs(module.needs or {}) do
            needs[other] = load(other, needed)
        end
        local environment = {}
        for key, value in pairs(globals) do environment[key] = value end
        environment.decimals, environment.null = shared.decimals, shared.null
        environment.misuse = misuse
        local content = setfenv(module.chunk, environment)(module.native,
            module.options, asker(name), needs)
        if type(content) ~= "table" then
            error(("the module '%s' returns no table"):format(name), 3)
        end
        return read_only(name, content, shared.word)
    end

    return function(...)
        local name = ...
        if type(name) ~= "string" or select("#", ...) ~= 1 then
            error('require takes the name of a module: require "csv"', 2)
        end
        local content = loaded[name]
        if content then return content end
        local module = granted[name]
        if not module then
            error(("the app has no module '%s': it must stand in its 'uses',"
                .. " and policy must grant it"):format(shown(name)), 2)
        end
        content = load(name, module)
        loaded[name] = content
        return content
    end
end

return modules
