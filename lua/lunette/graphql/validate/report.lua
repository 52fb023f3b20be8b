--- What a validation has found, and words for it.
--
-- The texts are those of graphql-js, which developers know.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.validate.report
local errors = require("lunette.graphql.errors")
local sdl = require("lunette.graphql.sdl")
local text = require("lunette.util.text")

local report = {}

-- Names longer than this get no suggestions, and values longer are cut.
local LONGEST_NAME, LONGEST_VALUE = 64, 120
local MOST_SUGGESTIONS = 5

local Report = {}
Report.__index = Report

-- Raised when the report is full.
local Full = {}

--- An empty report that holds at most `max` errors.
function report.new(max)
    return setmetatable({ errors = {}, max = max }, Report)
end

--- Adds an error at a node of the AST. Raises when the report is full; see
-- `report.guard`.
function Report:add(node, message, ...)
    if select("#", ...) > 0 then message = message:format(...) end
    local reason = errors.invalid(message)
    reason.line, reason.col = node and node.line, node and node.col
    self.errors[#self.errors + 1] = reason
    if #self.errors >= self.max then error(Full, 0) end
end

--- Runs `fn(...)` until it ends or its report is full.
function report.guard(fn, ...)
    local ok, err = pcall(fn, ...)
    if not ok and err ~= Full then error(err, 0) end
end

-- Suggestions ---------------------------------------------------------------

local function distance(word, option)
    if word:lower() == option:lower() then return 1 end
    return text.distance(word:lower(), option:lower())
end

local function near(word, options)
    local threshold = math.floor(#word * 0.4) + 1
    local found = {}
    for _, option in ipairs(options) do
        if math.abs(#option - #word) <= threshold then
            local edits = word == option and 0 or distance(word, option)
            if edits <= threshold then
                found[#found + 1] = { name = option, edits = edits }
            end
        end
    end
    table.sort(found, function(a, b)
        if a.edits ~= b.edits then return a.edits < b.edits end
        return sdl.before(a.name, b.name)
    end)
    return found
end

local function or_list(words)
    if #words == 1 then return words[1] end
    if #words == 2 then return words[1] .. " or " .. words[2] end
    local last = words[#words]
    return table.concat(words, ", ", 1, #words - 1) .. ", or " .. last
end

--- ' Did you mean "x" or "y"?' from ready names, or "".
-- @tparam {string,...} names
-- @tparam ?string what such as "the enum value"
function report.mean(names, what)
    if #names == 0 then return "" end
    local words = {}
    for i = 1, math.min(#names, MOST_SUGGESTIONS) do
        words[i] = '"' .. names[i] .. '"'
    end
    return " Did you mean " .. (what and what .. " " or "")
        .. or_list(words) .. "?"
end

--- The same, from all the names that `word` may have been meant for.
function report.did_you_mean(word, options, what)
    if #word > LONGEST_NAME then return "" end
    local names = {}
    for i, option in ipairs(near(word, options)) do names[i] = option.name end
    return report.mean(names, what)
end

--- Names of a list of fields, values or arguments.
function report.names(list)
    local names = {}
    for i, item in ipairs(list) do names[i] = item.name end
    return names
end

-- Values as text ------------------------------------------------------------

local print_value

local PRINT = {
    int = function(value) return value.value end,
    float = function(value) return value.value end,
    enum = function(value) return value.value end,
    string = function(value)
        return '"' .. value.value:gsub('[%c"\\]', function(char)
            if char == "\n" then return "\\n" end
            if char == '"' or char == "\\" then return "\\" .. char end
            return ("\\u%04x"):format(char:byte())
        end) .. '"'
    end,
    bool = function(value) return tostring(value.value) end,
    null = function() return "null" end,
    var = function(value) return "$" .. value.name end,
    list = function(value)
        local items = {}
        for i, item in ipairs(value.items) do items[i] = print_value(item) end
        return "[" .. table.concat(items, ", ") .. "]"
    end,
    object = function(value)
        local fields = {}
        for i, field in ipairs(value.fields) do
            fields[i] = field.name .. ": " .. print_value(field.value)
        end
        return "{" .. table.concat(fields, ", ") .. "}"
    end,
}

function print_value(value)
    return PRINT[value.kind](value)
end

--- A value as text, in full.
report.print = print_value

--- A value as text for a message, cut where it is long.
function report.show(value)
    local shown = print_value(value)
    if #shown <= LONGEST_VALUE then return shown end
    return shown:sub(1, LONGEST_VALUE) .. "..."
end

return report
