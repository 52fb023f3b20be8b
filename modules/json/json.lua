--- JSON (RFC 8259) without losing digits: see README.md.
-- SPDX-License-Identifier: Apache-2.0
local native, limits = ...

local json = {}

-- Tables that are lists also when they are empty. No metatable says so: what has
-- one cannot leave the app.
local arrays = setmetatable({}, { __mode = "k" })

local function wrong(what, ...)
    misuse("json: " .. what:format(...))
end

-- Decoding ------------------------------------------------------------------

local DECODE = { numbers = true, null = true }
local NUMBERS = { exact = true, decimal = true }

local function check_options(options, known)
    if options == nil then return {} end
    if type(options) ~= "table" then wrong("the options must be a table") end
    for key in pairs(options) do
        if not known[key] then
            wrong("unknown option '%s'", tostring(key))
        end
    end
    return options
end

local function make_decimal(text)
    local ok, value = pcall(decimals.new, text)
    if ok then return value end
    -- Beyond 38 digits only a float has room, if at all.
    local number = tonumber(text)
    if number and number - number == 0 then return number end
end

function json.decode(text, options)
    if type(text) ~= "string" then wrong("the text must be a string") end
    options = check_options(options, DECODE)
    local numbers = options.numbers or "exact"
    if not NUMBERS[numbers] then
        wrong("option 'numbers' must be \"exact\" or \"decimal\"")
    end
    if #text > limits.bytes then
        wrong("the text is longer than %d bytes", limits.bytes)
    end
    local missing = options.null
    if missing == nil then missing = null end
    local decoder, open = native.decoder(), {}
    local done, problem
    repeat
        done, problem = native.step(decoder, text, open, limits.depth, missing,
            make_decimal, numbers == "decimal", arrays)
        if done == nil then wrong("%s", problem) end
    until done
    return open[0]
end

-- Encoding ------------------------------------------------------------------

function json.array(list)
    list = list or {}
    if type(list) ~= "table" then wrong("a list must be a table") end
    arrays[list] = true
    return list
end

-- How many items a list has; nil for an object.
local function length_of(value)
    local count, most = 0, 0
    for key in next, value do
        if type(key) ~= "number" then return nil end
        if key < 1 or key % 1 ~= 0 then return nil end
        count = count + 1
        if key > most then most = key end
    end
    if count == 0 then return arrays[value] and 0 or nil end
    return most == count and count or nil
end

function json.is_array(value)
    return type(value) == "table" and length_of(value) ~= nil
end

local Writer = {}
Writer.__index = Writer

function Writer.fail(_, what, ...)
    error({ message = what:format(...) })
end

function Writer:add(text)
    self.bytes = self.bytes + #text
    if self.bytes > limits.bytes then
        self:fail("the text would be longer than %d bytes", limits.bytes)
    end
    self.count = self.count + 1
    self.parts[self.count] = text
end

function Writer:line(depth)
    if self.indent then
        self:add("\n" .. (" "):rep(self.indent * depth))
    end
end

function Writer:array(value, count, depth)
    self:add("[")
    for at = 1, count do
        if at > 1 then self:add(",") end
        self:line(depth)
        self:value(value[at], depth)
    end
    if count > 0 then self:line(depth - 1) end
    self:add("]")
end

local function key_text(self, key)
    if type(key) == "string" then return key end
    if type(key) == "number" then return native.number(key) or "?" end
    self:fail("a %s cannot be the name of a member", type(key))
end

function Writer:object(value, depth)
    local keys, by_text = {}, {}
    for key in next, value do
        local text = key_text(self, key)
        if by_text[text] then self:fail("two members are called '%s'", text) end
        keys[#keys + 1], by_text[text] = text, key
    end
    table.sort(keys)
    self:add("{")
    for at, text in ipairs(keys) do
        if at > 1 then self:add(",") end
        self:line(depth)
        self:add(native.quote(text))
        self:add(self.indent and ": " or ":")
        self:value(value[by_text[text]], depth)
    end
    if #keys > 0 then self:line(depth - 1) end
    self:add("}")
end

function Writer:table(value, depth)
    if value == null then return self:add("null") end
    depth = depth + 1
    if depth > limits.depth then
        self:fail("more than %d tables inside each other", limits.depth)
    end
    local count = length_of(value)
    if count then return self:array(value, count, depth) end
    self:object(value, depth)
end

function Writer:value(value, depth)
    local kind = type(value)
    if kind == "string" then
        self:add(native.quote(value))
    elseif kind == "number" then
        self:add(native.number(value) or self:fail("%s is no number of JSON",
            tostring(value)))
    elseif kind == "boolean" then
        self:add(value and "true" or "false")
    elseif kind == "table" then
        self:table(value, depth)
    elseif kind == "nil" then
        self:add("null")
    elseif decimals.text(value) then
        self:add(decimals.text(value))
    else
        self:fail("a %s cannot be written", kind)
    end
end

local ENCODE = { indent = true }

function json.encode(value, options)
    options = check_options(options, ENCODE)
    local indent = options.indent
    if indent and (type(indent) ~= "number" or indent < 0 or indent > 16) then
        wrong("option 'indent' must be a number from 0 to 16")
    end
    local writer = setmetatable({ parts = {}, count = 0, bytes = 0,
        indent = indent }, Writer)
    local ok, problem = pcall(writer.value, writer, value, 0)
    if not ok then
        if type(problem) ~= "table" or not problem.message then
            error(problem, 0)
        end
        wrong("%s", problem.message)
    end
    return table.concat(writer.parts)
end

return json
