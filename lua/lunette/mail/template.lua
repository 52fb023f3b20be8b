--- Templates of mails: {field}, {partner.name}, {#lines} ... {/lines}.
--
-- A name stands for a value; `#` repeats what follows for each item of a list, or
-- shows it when the value is there and not false; `^` shows it otherwise. Other
-- braces, as in style sheets, are text.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.mail.template
local template = {}

local MAX_BYTES, MAX_DEPTH, MAX_STEPS = 4 * 1024 * 1024, 8, 200000
local MAX_KNOWN = 200
local TAG = "(){([#^/]?)([%a_][%w_.]*)}()"
local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
    ['"'] = "&quot;", ["'"] = "&#39;" }

local function fail(what, ...)
    error({ problem = what:format(...) }, 0)
end

local function fail_at(line, what, ...)
    error({ line = line, problem = what:format(...) }, 0)
end

-- Reading -------------------------------------------------------------------

-- A template as a list of texts (strings), values { path, line } and sections
-- { path, line, sign, list }.
local function read(text)
    local open, line, counted, at = { {} }, 1, 1, 1
    while true do
        local start, sign, path, behind = text:match(TAG, at)
        local list = open[#open]
        list[#list + 1] = text:sub(at, (start or 0) - 1)
        if not start then break end
        local _, lines = text:sub(counted, start - 1):gsub("\n", "")
        line, counted, at = line + lines, start, behind
        if sign == "" then
            list[#list + 1] = { path = path, line = line }
        elseif sign ~= "/" then
            if #open > MAX_DEPTH then
                fail_at(line, "sections are nested deeper than %d", MAX_DEPTH)
            end
            local section = { path = path, line = line, sign = sign, list = {} }
            list[#list + 1] = section
            section.list.section = section
            open[#open + 1] = section.list
        elseif list.section and list.section.path == path then
            open[#open] = nil
        else
            fail_at(line, "{/%s} was not opened", path)
        end
    end
    local section = open[#open].section
    if section then
        fail_at(section.line, "{%s%s} has no {/%s}", section.sign,
            section.path, section.path)
    end
    return open[1]
end

local known, count = {}, 0

local function known_or_read(text)
    local list = known[text]
    if list then return list end
    list = read(text)
    if count >= MAX_KNOWN then known, count = {}, 0 end
    known[text], count = list, count + 1
    return list
end

-- Filling -------------------------------------------------------------------

local Filling = {}
Filling.__index = Filling

function Filling:add(text)
    self.bytes = self.bytes + #text
    if self.bytes > MAX_BYTES then
        fail("the text would be longer than %d bytes", MAX_BYTES)
    end
    self.out[#self.out + 1] = text
end

-- The value of the innermost scope that has the first word of the path.
local function look_up(scopes, path)
    if path == "this" then return scopes[#scopes] end
    local first, rest = path:match("^([^.]+)%.?(.*)$")
    for at = #scopes, 1, -1 do
        local value = type(scopes[at]) == "table" and scopes[at][first]
        if value or type(scopes[at]) == "table" and scopes[at][first] ~= nil then
            for word in rest:gmatch("[^.]+") do
                if type(value) ~= "table" then return nil end
                value = value[word]
            end
            return value
        end
    end
end

local function shown(value)
    if type(value) == "number" and value % 1 == 0
        and math.abs(value) < 2 ^ 53 then
        return ("%d"):format(value)
    end
    return tostring(value)
end

function Filling:value(tag, scopes)
    local value = look_up(scopes, tag.path)
    if value == nil then
        fail_at(tag.line, "there is no value '%s'", tag.path)
    elseif type(value) == "table" then
        fail_at(tag.line, "'%s' is a list; write {#%s} ... {/%s}", tag.path,
            tag.path, tag.path)
    end
    local text = shown(value)
    self:add(self.html and text:gsub("[&<>\"']", ESCAPES) or text)
end

function Filling:section(tag, scopes)
    local value = look_up(scopes, tag.path)
    local is_list = type(value) == "table" and (#value > 0
        or next(value) == nil)
    local empty = not value or value == "" or is_list and #value == 0
    if tag.sign == "^" then
        if empty then self:run(tag.list, scopes) end
        return
    end
    for _, item in ipairs(empty and {} or is_list and value or { value }) do
        scopes[#scopes + 1] = item
        self:run(tag.list, scopes)
        scopes[#scopes] = nil
    end
end

function Filling:run(list, scopes)
    self.steps = self.steps + #list
    if self.steps > MAX_STEPS then
        fail("there is too much to fill in")
    end
    for _, part in ipairs(list) do
        if type(part) == "string" then
            self:add(part)
        elseif part.sign then
            self:section(part, scopes)
        else
            self:value(part, scopes)
        end
    end
end

--- Fills a template.
-- @tparam string name for messages: "quotation.html"
-- @tparam string text
-- @tparam table values
-- @tparam boolean html values are escaped
-- @treturn[1] string
-- @treturn[2] nil
-- @treturn[2] string "quotation.html:3: there is no value 'nmae'"
function template.fill(name, text, values, html)
    local filling = setmetatable({ html = html, out = {}, bytes = 0,
        steps = 0 }, Filling)
    local ok, err = pcall(function()
        filling:run(known_or_read(text), { values })
    end)
    if ok then return table.concat(filling.out) end
    if type(err) ~= "table" or not err.problem then error(err, 0) end
    return nil, ("%s:%s %s"):format(name, err.line and err.line .. ":" or "",
        err.problem)
end

--- What is wrong with a template, whatever its values.
-- @treturn[1] nil
-- @treturn[2] string
-- @treturn[2] number line
function template.problem(text)
    local ok, err = pcall(read, text)
    if ok then return nil end
    if type(err) ~= "table" then error(err, 0) end
    return err.problem, err.line
end

return template
