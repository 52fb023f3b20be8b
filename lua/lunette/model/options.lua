--- Reads the table of options behind a word: every key is known and fits, or it
-- is reported.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.options
local lists = require("lunette.util.lists")
local text = require("lunette.util.text")
local types = require("lunette.model.types")

local options = {}

local MAX_STRING = 2000

local function one_of(...)
    local allowed = { ... }
    return function(value)
        if lists.find(allowed, value) then return value end
        return nil, "must be " .. text.quoted_list(allowed, "or")
    end
end

local function of_type(kind, said)
    return function(value)
        if type(value) == kind then return value end
        return nil, "must be " .. said
    end
end

local function whole(value, least, most)
    return type(value) == "number" and value % 1 == 0 and value >= least
        and value <= most
end

local KINDS = { boolean = of_type("boolean", "true or false"),
    table = of_type("table", "a table { ... }"),
    ["function"] = of_type("function", "a function"),
    delete = one_of("cascade"), id_scalar = one_of("UUID", "Int"),
    on_delete = one_of("restrict", "set_null", "cascade") }

function KINDS.any(value)
    return value
end

KINDS["string"] = function(value)
    if type(value) ~= "string" then return nil, "must be a text" end
    if #value > MAX_STRING or value:find("[%z\1-\8\11-\31]") then
        return nil, ("must be a text of at most %d characters")
            :format(MAX_STRING)
    end
    return value
end

function KINDS.name(value)
    if type(value) == "string" and value:find("^%a[%w_]*$")
        and #value <= 60 then
        return value
    end
    return nil, "must be the name of a field"
end

function KINDS.graphql(value)
    if type(value) == "string" and value:find("^%a[%w_]*$")
        and #value <= 100 then
        return value
    end
    return nil, "must be a GraphQL name"
end

function KINDS.relation(value)
    if type(value) == "string" and value:find("^%a[%w_]*$")
        and #value <= 100 then
        return value
    end
    return nil, "must be a name: letters, digits and '_'"
end

function KINDS.size(value)
    if whole(value, 1, types.MAX_TEXT_SIZE) then return value end
    return nil, ("must be a whole number from 1 to %d")
        :format(types.MAX_TEXT_SIZE)
end

function KINDS.digits(value)
    if type(value) == "table" and #value == 2
        and whole(value[1], 1, types.MAX_DIGITS)
        and whole(value[2], 0, value[1]) then
        return { value[1], value[2] }
    end
    return nil, ("must be { digits, of them behind the point }, at most %d")
        :format(types.MAX_DIGITS)
end

function KINDS.number(value)
    if type(value) == "number" and value == value
        and math.abs(value) < math.huge then
        return value
    elseif type(value) == "string" and value:find("^-?%d+%.?%d*$") then
        return value
    end
    return nil, "must be a number"
end

-- A table of options, and what it belongs to.
local Reader = {}
Reader.__index = Reader

function Reader:error(word, message, ...)
    if select("#", ...) > 0 then message = message:format(...) end
    self.app.report:error(self.place, word, "%s", self.subject .. message)
end

function Reader:not_built(word)
    self:error(word, ": %s is not built yet", word)
end

--- Reports a word of the language that is not built yet, unless its place was
-- reported when it was read.
function Reader:later(token)
    if not token.reported then self:not_built(token.word) end
end

-- What app code put there: a token's record, or nothing.
function Reader:token(value)
    return type(value) == "table" and self.app.tokens[value] or nil
end

function Reader:formula(value)
    local token = self:token(value)
    if token and token.what == "sql" then return token.text end
    if type(value) == "function" then
        return nil, self:not_built("stored = function")
    end
    self:error("stored", ": 'stored' must be sql \"...\"")
end

function Reader:value(key, value, kind)
    local token = self:token(value)
    if token and token.what == "later" then
        return nil, self:later(token)
    elseif kind == "formula" then
        return self:formula(value)
    elseif kind == "any" then
        return value
    elseif token then
        return nil, self:error(key, ": %s cannot be a word of Lunette",
            text.quote(key))
    end
    local clean, problem = KINDS[kind](value)
    if clean == nil then
        self:error(key, ": %s %s", text.quote(key), problem)
    end
    return clean
end

function Reader:unknown(key, allowed)
    if type(key) ~= "string" then
        self:error(nil, ": value %s has no name; options are written "
            .. "name = value", text.quote(key))
    elseif self.vocabulary[key] then
        self:not_built(key)
    else
        self:error(key, ": unknown option %s%s", text.quote(key),
            text.did_you_mean(key, lists.keys(allowed)))
    end
end

--- Reads options.
-- @tparam table app whose word it was; its report gets the errors
-- @tparam table place { file, line }
-- @tparam string subject "Lead.name": begins every message
-- @tparam table raw
-- @tparam table allowed key → kind
-- @tparam ?boolean positional whether raw may hold a list too
-- @treturn table the options that are right
-- @treturn table reader with :error(word, message, ...), :token(value),
--   :not_built(word), :later(token)
function options.read(app, place, subject, raw, allowed, positional)
    local reader = setmetatable({ app = app, place = place, subject = subject,
        vocabulary = app.later_options }, Reader)
    local clean = {}
    for _, key in ipairs(lists.keys(raw)) do
        local kind = allowed[key]
        if kind then
            clean[key] = reader:value(key, raw[key], kind)
        elseif not (positional and type(key) == "number") then
            reader:unknown(key, allowed)
        end
    end
    return clean, reader
end

return options
