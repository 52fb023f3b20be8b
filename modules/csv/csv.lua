--- Comma-separated values as RFC 4180 has them: see README.md.
-- SPDX-License-Identifier: Apache-2.0
local native, limits = ...

local csv = {}

local function wrong(what, ...)
    misuse("csv: " .. what:format(...))
end

-- The options of a call, checked.
local function read_options(options, allowed)
    if options == nil then options = {} end
    if type(options) ~= "table" then wrong("the options must be a table") end
    local clean = {}
    for key, value in pairs(options) do
        local expected = allowed[key]
        if not expected then
            wrong("unknown option '%s'", tostring(key))
        elseif type(value) ~= expected
            and not (key == "header" and type(value) == "boolean") then
            wrong("option '%s' must be a %s", key, expected)
        end
        clean[key] = value
    end
    clean.separator = clean.separator or ","
    if #clean.separator ~= 1 or clean.separator:find('["\r\n]') then
        wrong("option 'separator' must be one character, no quote or line end")
    end
    return clean
end

local PARSE = { header = "table", separator = "string", trim = "boolean" }
local FORMAT = { header = "table", separator = "string",
    spreadsheet = "boolean" }

local function check_names(names)
    local seen = {}
    for at, name in ipairs(names) do
        if type(name) ~= "string" or name == "" then
            wrong("field %d of the header has no name", at)
        elseif seen[name] then
            wrong("the header names '%s' twice", name)
        end
        seen[name] = true
    end
    return names
end

-- An iterator over { fields, line }.
local function records(text, options)
    local at, line = 1, 1
    if text:sub(1, 3) == "\239\187\191" then at = 4 end
    return function()
        local fields, next_at, lines = native.record(text, at,
            options.separator, limits.fields, options.trim)
        if not fields then
            if next_at then wrong("line %d: %s", line + lines, next_at) end
            return nil
        end
        local begins = line
        at, line = next_at, line + lines
        return fields, begins
    end
end

local function named(fields, names, line)
    if #fields ~= #names then
        wrong("line %d: %d fields, but the header has %d", line, #fields,
            #names)
    end
    local record = {}
    for at, name in ipairs(names) do record[name] = fields[at] end
    return record
end

local function open(text, options)
    if type(text) ~= "string" then wrong("the text must be a string") end
    options = read_options(options, PARSE)
    if #text > limits.bytes then
        wrong("the text is longer than %d bytes", limits.bytes)
    end
    local following = records(text, options)
    local names = options.header
    if names == true then
        names = following()
    end
    if not names then return following end
    check_names(names)
    return function()
        local fields, line = following()
        -- An empty line stands for no record when there are several fields.
        while fields and #names > 1 and #fields == 1 and fields[1] == "" do
            fields, line = following()
        end
        if not fields then return nil end
        return named(fields, names, line), line
    end
end

function csv.rows(text, options)
    local following = open(text, options)
    return function() return following() end
end

function csv.parse(text, options)
    local list, count = {}, 0
    local following = open(text, options)
    for row in function() return following() end do
        count = count + 1
        list[count] = row
    end
    return list
end

local function field_text(value, options, at)
    local kind = type(value)
    if kind == "nil" then return "" end
    if kind == "string" then
        if options.spreadsheet and value:find("^[=+@\t\r-]") then
            value = "'" .. value
        end
        return native.quote(value, options.separator)
    elseif kind == "number" then
        local text = ("%.14g"):format(value)
        if tonumber(text) ~= value then text = ("%.17g"):format(value) end
        return text
    elseif kind == "boolean" then
        return tostring(value)
    end
    local text = decimals.text(value)
    if text then return text end
    wrong("row %d: a %s cannot be written", at, kind)
end

local function line_of(row, names, options, at)
    if type(row) ~= "table" then
        wrong("row %d is a %s, not a table", at, type(row))
    end
    local parts = {}
    local count = names and #names or #row
    if count > limits.fields then wrong("row %d: too many fields", at) end
    for index = 1, count do
        local value
        if names then value = row[names[index]] else value = row[index] end
        parts[index] = field_text(value, options, at)
    end
    return table.concat(parts, options.separator)
end

function csv.format(rows, options)
    if type(rows) ~= "table" then wrong("the rows must be a table") end
    options = read_options(options, FORMAT)
    local names, lines, bytes = options.header, {}, 0
    if names == true then wrong("format needs the names of the header") end
    local function add(line)
        bytes = bytes + #line + 2
        if bytes > limits.bytes then
            wrong("the text would be longer than %d bytes", limits.bytes)
        end
        lines[#lines + 1] = line
    end
    if names then add(line_of(check_names(names), nil, options, 0)) end
    for at, row in ipairs(rows) do add(line_of(row, names, options, at)) end
    if #lines > 0 then lines[#lines + 1] = "" end
    return table.concat(lines, "\r\n")
end

return csv
