--- Templates of mails: {field}, {partner.name}, {#lines} ... {/lines}.
--
-- A name stands for a value; `#` repeats what follows for each item of a list, or
-- shows it when the value is there and not false; `^` shows it otherwise. Other
-- braces, as in style sheets, are text.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.mail.template
local template = {}

local MAX_BYTES, MAX_DEPTH = 4 * 1024 * 1024, 8
local TAG = "(){([#^/]?)([%a_][%w_.]*)}()"
local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
    ['"'] = "&quot;", ["'"] = "&#39;" }

local Filling = {}
Filling.__index = Filling

local function line_at(text, position)
    local _, lines = text:sub(1, position - 1):gsub("\n", "")
    return lines + 1
end

function Filling:fail(position, what, ...)
    error({ problem = ("%s:%d: "):format(self.name,
        line_at(self.text, position)) .. what:format(...) }, 0)
end

function Filling:add(text)
    self.bytes = self.bytes + #text
    if self.bytes > MAX_BYTES then
        error({ problem = ("%s: the text would be longer than %d bytes"):format(
            self.name, MAX_BYTES) }, 0)
    end
    self.out[#self.out + 1] = text
end

-- The innermost scope that has the first word of the path.
local function look_up(scopes, path)
    local first, rest = path:match("^([^.]+)%.?(.*)$")
    for at = #scopes, 1, -1 do
        local scope = scopes[at]
        local value = type(scope) == "table" and scope[first]
        if value ~= nil and value ~= false or type(scope) == "table"
            and scope[first] == false then
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

function Filling:value(position, scopes, path)
    local value = path == "this" and scopes[#scopes] or look_up(scopes, path)
    if value == nil then
        self:fail(position, "there is no value '%s'", path)
    elseif type(value) == "table" then
        self:fail(position, "'%s' is a list; write {#%s} ... {/%s}", path,
            path, path)
    end
    local text = shown(value)
    self:add(self.html and text:gsub("[&<>\"']", ESCAPES) or text)
end

-- Where the section that was opened ends: position of its end tag and behind.
function Filling:close_of(from, position, path)
    local depth, at = 0, from
    while true do
        local start, sign, name, behind = self.text:match(TAG, at)
        if not start then
            self:fail(position, "{#%s} has no {/%s}", path, path)
        end
        if sign == "/" and name == path then
            if depth == 0 then return start, behind end
            depth = depth - 1
        elseif sign ~= "" and sign ~= "/" and name == path then
            depth = depth + 1
        end
        at = behind
    end
end

function Filling:section(sign, path, scopes, from, to, depth)
    if depth > MAX_DEPTH then
        self:fail(from, "sections are nested deeper than %d", MAX_DEPTH)
    end
    local value = look_up(scopes, path)
    local is_list = type(value) == "table" and (#value > 0
        or next(value) == nil)
    local empty = not value or value == "" or is_list and #value == 0
    if sign == "^" then
        if empty then self:run(scopes, from, to, depth) end
        return
    end
    for _, item in ipairs(empty and {} or is_list and value or { value }) do
        scopes[#scopes + 1] = item
        self:run(scopes, from, to, depth)
        scopes[#scopes] = nil
    end
end

-- Fills text[from, to).
function Filling:run(scopes, from, to, depth)
    local at = from
    while true do
        local start, sign, path, behind = self.text:match(TAG, at)
        if not start or start >= to then break end
        self:add(self.text:sub(at, start - 1))
        if sign == "" then
            self:value(start, scopes, path)
        elseif sign == "/" then
            self:fail(start, "{/%s} was not opened", path)
        else
            local close, after = self:close_of(behind, start, path)
            self:section(sign, path, scopes, behind, close, depth + 1)
            behind = after
        end
        at = behind
    end
    self:add(self.text:sub(at, to - 1))
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
    local filling = setmetatable({ name = name, text = text, html = html,
        out = {}, bytes = 0 }, Filling)
    local ok, err = pcall(filling.run, filling, { values }, 1, #text + 1, 0)
    if ok then return table.concat(filling.out) end
    if type(err) == "table" and err.problem then return nil, err.problem end
    error(err, 0)
end

return template
