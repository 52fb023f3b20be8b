--- Everything that is wrong with a set of apps, gathered before it is told.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.report
local Report = {}
Report.__index = Report

local report = {}

local MAX_ENTRIES = 200

--- An empty report.
function report.new()
    return setmetatable({ errors = {}, warnings = {}, seen = {} }, Report)
end

local function add(self, list, place, word, message)
    local entry = { file = place and place.file, line = place and place.line,
        word = word, message = message }
    local text = report.format(entry)
    if self.seen[text] then return end
    self.seen[text] = true
    if #list >= MAX_ENTRIES then
        list.more = (list.more or 0) + 1
        return
    end
    list[#list + 1] = entry
    entry.at = #list
end

--- Records an error.
-- @tparam ?table place { file, line }
-- @tparam ?string word the word of the source that is wrong
-- @tparam string message
-- @param ... for string.format
function Report:error(place, word, message, ...)
    if select("#", ...) > 0 then message = message:format(...) end
    add(self, self.errors, place, word, message)
end

function Report:warn(place, word, message, ...)
    if select("#", ...) > 0 then message = message:format(...) end
    add(self, self.warnings, place, word, message)
end

local function earlier(a, b)
    local file_a, file_b = a.file or "", b.file or ""
    if file_a ~= file_b then return file_a < file_b end
    if (a.line or 0) ~= (b.line or 0) then
        return (a.line or 0) < (b.line or 0)
    end
    return a.at < b.at
end

local function sorted(entries)
    table.sort(entries, earlier)
    for _, entry in ipairs(entries) do entry.at = nil end
    if entries.more then
        local message = ("and %d more"):format(entries.more)
        entries[#entries + 1] = { message = message }
        entries.more = nil
    end
    return entries
end

--- The errors (or nil) and the warnings, by file and line.
function Report:finish()
    local warnings = sorted(self.warnings)
    if #self.errors == 0 then return nil, warnings end
    return sorted(self.errors), warnings
end

--- apps/mini/app.lua:14: Lead.partner refers to ...
function report.format(entry)
    local where = ""
    if entry.file then
        where = entry.file .. (entry.line and ":" .. entry.line or "") .. ": "
    end
    return where .. entry.message
end

return report
