--- CSV (RFC 4180): fields in quotes may hold commas, quotes and line ends.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.data.csv
local csv = {}

-- One field from `at`: its text, the position behind it, whether it was quoted.
local function field_at(text, at, line)
    if text:sub(at, at) ~= '"' then
        local stop = text:find("[,\r\n]", at) or #text + 1
        return text:sub(at, stop - 1), stop, false
    end
    local parts, from = {}, at + 1
    while true do
        local quote = text:find('"', from, true)
        if not quote then
            error(("line %d: a quoted field has no end"):format(line), 0)
        end
        parts[#parts + 1] = text:sub(from, quote - 1)
        if text:sub(quote + 1, quote + 1) ~= '"' then
            return table.concat(parts), quote + 1, true
        end
        parts[#parts + 1] = '"'
        from = quote + 2
    end
end

local function count_lines(text)
    local _, count = text:gsub("\n", "")
    return count
end

--- Parses CSV with a header.
-- @tparam string text
-- @treturn[1] {string,...} names of the header
-- @treturn[1] {table,...} rows: { line=, [name]=text | nil for an empty field }
-- @treturn[2] nil
-- @treturn[2] string what is wrong, with its line
function csv.parse(text)
    local ok, header, rows = pcall(csv.read, text)
    if ok then return header, rows end
    return nil, header
end

local function row_at(text, at, line)
    local row = { line = line }
    while true do
        local value, stop, quoted = field_at(text, at, line)
        row[#row + 1] = (value ~= "" or quoted) and value or false
        if quoted then line = line + count_lines(value) end
        local mark = text:sub(stop, stop)
        if mark ~= "," then
            if mark ~= "" and mark ~= "\r" and mark ~= "\n" then
                error(("line %d: text after a quoted field"):format(line), 0)
            end
            local _, finish = text:find("^\r?\n", stop)
            return row, (finish or #text) + 1, line + 1
        end
        at = stop + 1
    end
end

--- As parse, but raises the message.
function csv.read(text)
    text = text:gsub("^\239\187\191", "")
    local header, at, line = row_at(text, 1, 1)
    for i, name in ipairs(header) do
        if not name then error(("line 1: column %d has no name"):format(i), 0) end
    end
    local rows = {}
    while at <= #text do
        local cells
        local row_line = line
        cells, at, line = row_at(text, at, line)
        if #cells > 1 or cells[1] then
            if #cells ~= #header then
                error(("line %d has %d fields, the header has %d"):format(
                    row_line, #cells, #header), 0)
            end
            local row = { line = row_line }
            for i, name in ipairs(header) do row[name] = cells[i] or nil end
            rows[#rows + 1] = row
        end
    end
    local names = {}
    for i, name in ipairs(header) do names[i] = name end
    return names, rows
end

return csv
