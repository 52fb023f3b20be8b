--- The globals that the files of an app see.
--
-- The loader has read the same files and judged every declaration
-- (lunette.app.words). Here declarations only give up their functions, by the
-- names of lunette.guest.entries; all else that is written at load is let pass.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.words
local filters = require("lunette.guest.filters")
local helpers = require("lunette.guest.helpers")
local language = require("lunette.app.language")
local records = require("lunette.guest.records")
local text = require("lunette.util.text")

local words = {}

-- Field types and all else that is only read by the loader: may be called,
-- indexed and combined, and stays what it is.
local PASSIVE = {}
local function itself(self) return self end
for _, event in pairs { "__call", "__index", "__add", "__sub", "__mul", "__div",
    "__mod", "__pow", "__unm", "__concat" } do
    PASSIVE[event] = itself
end
PASSIVE.__newindex = function() end
PASSIVE.__metatable = false

-- Field constructors keep their options, for the functions in them.
local FIELD = { __metatable = false, __index = function() return nil end }
FIELD.__call = function(self, options)
    if type(options) == "table" then
        return setmetatable({ options = options }, FIELD)
    end
    return self
end

local function field() return setmetatable({}, FIELD) end

-- Declarations --------------------------------------------------------------

local function keep(self, entry, run)
    if type(run) == "function" then self.functions[entry] = run end
end

local function collect_model(self, name, options)
    for _, hook in ipairs(language.HOOKS) do
        keep(self, "hook:" .. hook .. ":" .. name, options[hook])
    end
    local fields = type(options.fields) == "table" and options.fields or {}
    for _, list in pairs { options, fields } do
        for key, value in pairs(list) do
            local made = type(value) == "table"
                and records.raw(value, "options")
            if made and type(key) == "string" then
                keep(self, "default:" .. name .. "." .. key,
                    records.raw(made, "default"))
            end
        end
    end
end

local COLLECT = { model = collect_model, extend = collect_model }

function COLLECT.query(self, name, options)
    keep(self, "query:" .. name, options.run)
end

function COLLECT.mutation(self, name, options)
    keep(self, "mutation:" .. name, options.run)
end

function COLLECT.app(self, _, options)
    keep(self, "upgrade", options.on_upgrade)
end

local function declaration(self, word)
    local collect = COLLECT[word]
    return function(name)
        if not self.loading then
            error(("'%s' stands outside of functions: it is read when the app"
                .. " is loaded"):format(word), 2)
        end
        return function(options)
            if collect and type(options) == "table"
                and type(name) == "string" then
                collect(self, name, options)
            end
        end
    end
end

-- `test "sentence" (function(t) ... end)`
local function test_word(self)
    local count = 0
    return function()
        return function(run)
            count = count + 1
            keep(self, "test:" .. count, run)
        end
    end
end

-- The environment -----------------------------------------------------------

local function built(self)
    local known = {}
    for name, value in pairs(self.globals) do known[name] = value end
    for _, word in ipairs(language.WORDS) do
        if word.kind == "declaration" then
            known[word.name] = declaration(self, word.name)
        elseif word.kind == "type" or word.kind == "relation" then
            known[word.name] = field()
        end
    end
    known.test = test_word(self)
    known.sql = setmetatable({}, PASSIVE)
    known.require = self.require
    for name, value in pairs(filters.words()) do known[name] = value end
    for name, value in pairs(helpers.words(self)) do known[name] = value end
    return known
end

local function did_you_mean(known, name)
    local names = {}
    for word in pairs(known) do names[#names + 1] = word end
    return text.did_you_mean(tostring(name), names)
end

--- Makes the environment of an app; all its files share it.
function words.environment(self)
    local known, own = built(self), {}
    local environment = {}
    -- `me` is another one in each call.
    local function lookup(_, name)
        if name == "me" then return helpers.me(self) end
        local value = known[name]
        if value == nil then value = own[name] end
        if value ~= nil then return value end
        if self.loading then return setmetatable({}, PASSIVE) end
        error(("unknown word '%s'%s"):format(tostring(name),
            did_you_mean(known, name)), 2)
    end
    local function assign(_, name, value)
        if known[name] ~= nil or name == "me" then
            error(("'%s' is a word of Lunette and cannot be set"):format(
                tostring(name)), 2)
        elseif not self.loading then
            error(("'%s' is no local variable: write local %s = ...; what"
                .. " requests share belongs into the database"):format(
                tostring(name), tostring(name)), 2)
        end
        rawset(own, name, value)
    end
    return setmetatable(environment, { __index = lookup, __newindex = assign,
        __metatable = false })
end

return words
