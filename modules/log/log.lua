--- Lines in the server's log: see README.md.
-- SPDX-License-Identifier: Apache-2.0
local native, options = ...

local log = {}

local LEVELS = { "debug", "info", "warn", "error" }
local MAX_MESSAGE, MAX_VALUE, MAX_FIELDS = 4096, 1024, 16

-- What every line has already.
local RESERVED = { app = true, release = true, request = true, dropped = true,
    time = true, level = true, message = true }

local rank = {}
for at, level in ipairs(LEVELS) do rank[level] = at end

local function text_of(value)
    local text = decimals.text(value)
    if not text then
        text = type(value) == "table" and value ~= null and "table"
            or value == null and "null" or tostring(value)
    end
    if #text > MAX_VALUE then text = text:sub(1, MAX_VALUE) .. "..." end
    return text
end

-- Names, sorted, and their texts.
local function split(fields)
    local names, texts = {}, {}
    if fields == nil then return names, texts end
    if type(fields) ~= "table" then
        misuse("log: the fields must be a table")
    end
    for name in next, fields do
        if type(name) ~= "string" or not name:find("^[%a_][%w_.-]*$")
            or #name > 64 then
            misuse("log: the name of a field must be a word")
        elseif RESERVED[name] then
            misuse(("log: the field '%s' has its own meaning"):format(name))
        end
        names[#names + 1] = name
    end
    if #names > MAX_FIELDS then
        misuse(("log: more than %d fields"):format(MAX_FIELDS))
    end
    table.sort(names)
    for at, name in ipairs(names) do texts[at] = text_of(fields[name]) end
    return names, texts
end

function log.enabled(level)
    if not rank[level] then
        misuse("log: the level must be debug, info, warn or error")
    end
    return rank[level] >= rank[options.level] and native.enabled(level)
end

local function write(level, message, fields)
    if type(message) ~= "string" then
        misuse("log: the message must be a string")
    end
    if #message > MAX_MESSAGE then
        message = message:sub(1, MAX_MESSAGE) .. "..."
    end
    local names, texts = split(fields)
    if log.enabled(level) then
        native.write(level, message, names, texts, options.rate)
    end
end

function log.debug(message, fields) write("debug", message, fields) end
function log.info(message, fields) write("info", message, fields) end
function log.warn(message, fields) write("warn", message, fields) end
function log.error(message, fields) write("error", message, fields) end

return log
