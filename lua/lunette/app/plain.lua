--- What app code hands over, as plain tables that it cannot change any more.
--
-- A metatable could run code of the app in the middle of the framework; a table
-- that the app keeps could become another one while it is judged.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.plain
local plain = {}

local MAX_DEPTH = 40

local function copy(app, value, seen, depth, wrong)
    if type(value) ~= "table" or app.tokens[value] then return value end
    if seen[value] then return seen[value] end
    if getmetatable(value) ~= nil then wrong("a table with a metatable") end
    if depth > MAX_DEPTH then
        wrong(("a table nested deeper than %d levels"):format(MAX_DEPTH))
        return nil
    end
    local made = {}
    seen[value] = made
    for key, item in next, value do
        if type(key) ~= "table" then
            made[key] = copy(app, item, seen, depth + 1, wrong)
        else
            wrong("a table as a key")
        end
    end
    return made
end

--- A copy of the options of a word: functions and what words returned stay as
-- they are.
-- @tparam table app record of lunette.app.load
-- @tparam table data what the word recorded: place, word, options
function plain.options(app, data)
    local function wrong(what)
        app.report:error(data.place, data.word,
            "%s: %s cannot be an option", data.word, what)
    end
    return copy(app, data.options, {}, 1, wrong)
end

return plain
