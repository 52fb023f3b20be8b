--- JSON as PostgreSQL writes it (jsonb) → values of Lua.
--
-- In Lua, so that a large value is decoded in the slices and the budget of the
-- app that reads it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.json
local byte, char, find, sub = string.byte, string.char, string.find, string.sub
local concat, floor = table.concat, math.floor

local json = {}

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

-- UTF-8 of a code point.
local function utf8(code)
    if code < 0x80 then return char(code) end
    if code < 0x800 then
        return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40)
    end
    return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40,
        0x80 + code % 0x40)
end

-- The text behind the quote at `at`; the position after its end.
local function text(source, at)
    local from, parts = at + 1, nil
    while true do
        local stop = find(source, '["\\]', from)
        if byte(source, stop) == 34 then
            if not parts then return sub(source, at + 1, stop - 1), stop + 1 end
            parts[#parts + 1] = sub(source, from, stop - 1)
            return concat(parts), stop + 1
        end
        parts = parts or {}
        parts[#parts + 1] = sub(source, from, stop - 1)
        local escape = sub(source, stop + 1, stop + 1)
        if escape == "u" then
            parts[#parts + 1] =
                utf8(tonumber(sub(source, stop + 2, stop + 5), 16))
            from = stop + 6
        else
            parts[#parts + 1] = ESCAPES[escape] or escape
            from = stop + 2
        end
    end
end

local value

local function list(source, at, null)
    local out, count = {}, 0
    at = find(source, "%S", at + 1)
    while byte(source, at) ~= 93 do
        count = count + 1
        out[count], at = value(source, at, null)
        at = find(source, "[^%s,]", at)
    end
    return out, at + 1
end

local function object(source, at, null)
    local out = {}
    at = find(source, "%S", at + 1)
    while byte(source, at) ~= 125 do
        local name, behind = text(source, at)
        out[name], at = value(source, find(source, "[^%s:]", behind), null)
        at = find(source, "[^%s,]", at)
    end
    return out, at + 1
end

-- The value at `at`, and the position after it.
function value(source, at, null)
    local first = byte(source, at)
    if first == 34 then return text(source, at) end
    if first == 123 then return object(source, at, null) end
    if first == 91 then return list(source, at, null) end
    if first == 116 then return true, at + 4 end
    if first == 102 then return false, at + 5 end
    if first == 110 then return null, at + 4 end
    local _, stop = find(source, "^[-+%d.eE]+", at)
    return tonumber(sub(source, at, stop)), stop + 1
end

--- Decodes the text of a jsonb; null inside of it becomes `null`.
function json.decode(source, null)
    return (value(source, find(source, "%S"), null))
end

return json
