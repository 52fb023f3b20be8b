--- Values as a developer reads them: in a failed test, in the shell.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.show
local decimals = require("lunette.guest.decimals")
local records = require("lunette.guest.records")

local show = {}

local DEPTH, MEMBERS, CHARACTERS = 4, 20, 200
local COLUMNS, ROWS, WIDTH = 8, 20, 24

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
    ['"'] = '\\"', ["\\"] = "\\\\" }

local function quoted(text)
    if #text > CHARACTERS then text = text:sub(1, CHARACTERS) .. "..." end
    return '"' .. text:gsub('[%c"\\]', function(c)
        return ESCAPES[c] or ("\\%03d"):format(c:byte())
    end) .. '"'
end

local inspect

local function keys_of(value)
    local keys = {}
    for key in pairs(value) do
        if type(key) == "string" then keys[#keys + 1] = key end
    end
    table.sort(keys)
    return keys
end

local function inspect_table(value, depth)
    if depth > DEPTH then return "{...}" end
    local parts = {}
    for at, item in ipairs(value) do
        if at > MEMBERS then break end
        parts[at] = inspect(item, depth + 1)
    end
    local keys = keys_of(value)
    for at, key in ipairs(keys) do
        if at > MEMBERS then break end
        local name = key:find("^[%a_][%w_]*$") and key
            or "[" .. quoted(key) .. "]"
        parts[#parts + 1] = name .. " = " .. inspect(value[key], depth + 1)
    end
    if #value > MEMBERS or #keys > MEMBERS then parts[#parts + 1] = "..." end
    if #parts == 0 then return "{}" end
    return "{ " .. table.concat(parts, ", ") .. " }"
end

function inspect(value, depth)
    local kind = type(value)
    if kind == "string" then return quoted(value) end
    if kind == "table" then
        local word = rawget(value, "__op") -- null, nobody
        if type(word) == "string" and next(value, "__op") == nil then
            return word
        end
        if records.model_of(value) then return tostring(value) end
        return inspect_table(value, depth)
    end
    if kind == "nil" or kind == "boolean" or kind == "number" then
        return tostring(value)
    end
    return decimals.text(value) or "a " .. kind
end

--- A value on one line, bounded.
function show.inline(value)
    return inspect(value, 1)
end

-- Records -------------------------------------------------------------------

local function is_shown(field)
    return field.kind == "scalar" or field.stored_at
end

local function of_field(record, field)
    local ok, value = pcall(function() return record[field.name] end)
    if not ok then return "?" end
    return show.inline(value)
end

local function pad(text, width)
    local length = select(2, text:gsub("[^\128-\191]", ""))
    return text .. (" "):rep(width - length)
end

local function cut(text)
    if #text <= WIDTH then return text end
    local short = text:sub(1, WIDTH - 3)
    return (short:gsub("[\192-\255][\128-\191]*$", "")) .. "..."
end

local function one_record(record, model)
    local lines, width = { tostring(record) }, 0
    for _, field in ipairs(model.fields) do
        if is_shown(field) then width = math.max(width, #field.name) end
    end
    for _, field in ipairs(model.fields) do
        if is_shown(field) then
            lines[#lines + 1] = "  " .. pad(field.name, width) .. "  "
                .. of_field(record, field)
        end
    end
    return table.concat(lines, "\n")
end

local function columns_of(model)
    local columns = {}
    for _, field in ipairs(model.fields) do
        if is_shown(field) and #columns < COLUMNS then
            columns[#columns + 1] = field
        end
    end
    return columns
end

local function table_of(list, model)
    local columns, rows, widths = columns_of(model), {}, {}
    rows[1] = {}
    for at, field in ipairs(columns) do rows[1][at] = field.name end
    for at, record in ipairs(list) do
        if at > ROWS then break end
        local row = {}
        for i, field in ipairs(columns) do row[i] = cut(of_field(record, field)) end
        rows[at + 1] = row
    end
    for _, row in ipairs(rows) do
        for i, cell in ipairs(row) do
            widths[i] = math.max(widths[i] or 0,
                select(2, cell:gsub("[^\128-\191]", "")))
        end
    end
    for at, row in ipairs(rows) do
        for i, cell in ipairs(row) do row[i] = pad(cell, widths[i]) end
        rows[at] = (table.concat(row, "  "):gsub("%s+$", ""))
    end
    rows[#rows + 1] = ("%d %s"):format(#list, #list == 1 and "record"
        or "records") .. (#list > ROWS and (", the first %d of them")
            :format(ROWS) or "")
    return table.concat(rows, "\n")
end

-- A list of records has methods, also when it has no records.
local function is_empty_list(value)
    return type(value) == "table" and next(value) == nil
        and type(getmetatable(value)) == "table"
        and type(getmetatable(value).__index) == "function"
        and type(value.count) == "function"
end

--- A value as the shell prints it: records as tables.
function show.pretty(value)
    if is_empty_list(value) then return "0 records" end
    local model = records.model_of(value)
    if model then return one_record(value, model) end
    local first = type(value) == "table" and value ~= records.NULL
        and value[1] or nil
    model = first ~= nil and records.model_of(first)
    if model then return table_of(value, model) end
    return show.inline(value)
end

return show
