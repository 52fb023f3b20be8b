--- The string library of apps. Patterns are matched by core/vm/pattern.c, which
-- may come back before it is done; replacements are called from here.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.sandbox_strings
local concat = require("lunette.guest.sandbox_tables").concat

local native = native
local select, tonumber, tostring, type, unpack =
    select, tonumber, tostring, type, unpack
local byte, sub = string.byte, string.sub
local find_builtin, rep_builtin = string.find, string.rep
local metafield, raise = native.metafield, native.raise
local native_format, scan, rescan = native.format, native.scan, native.rescan
local floor, huge = math.floor, math.huge

local strings = {}

local NAMED = { number = true, boolean = true, ["nil"] = true, cdata = true }
local MAX_SIZE = 2 ^ 31 - 1
local MAX_MEMORY = host and host.limits.memory or MAX_SIZE
local PERCENT, CARET, ZERO, NINE = byte("%^09", 1, 4)

--- As tostring, without addresses.
local function text_of(value)
    local kind = type(value)
    if kind == "string" then return value end
    if NAMED[kind] then return tostring(value) end
    local make = kind == "table" and metafield(value, "__tostring")
    if not make then return kind end
    local text = make(value)
    if type(text) ~= "string" then
        raise("'__tostring' must return a string")
    end
    return text
end
strings.tostring = text_of

-- Arguments -------------------------------------------------------------------

local function refuse(position, name, expected, value)
    raise("bad argument #" .. position .. " to '" .. name .. "' (" .. expected
        .. " expected, got " .. (value == nil and "no value" or type(value))
        .. ")")
end

local function check_text(value, position, name)
    if type(value) == "string" then return value end
    if type(value) == "number" then return tostring(value) end
    refuse(position, name, "string", value)
end

local function check_number(value, default, position, name)
    if value == nil then return default end
    local number = tonumber(value)
    if not number then refuse(position, name, "number", value) end
    return floor(number)
end

-- Where to begin, within the text and one behind it.
local function check_init(value, size, name)
    local init = check_number(value, 1, 3, name)
    if init < 0 then init = size + init + 1 end
    if init > size + 1 then return size + 1 end
    return init >= 1 and init or 1
end

-- Searching -------------------------------------------------------------------

-- Until the search is done; everything it looks at stays an argument.
local function wait(text, pattern, first, ...)
    if first == false then
        return wait(text, pattern, rescan(text, pattern, ...))
    end
    return first, ...
end

local function captured(text, first, last, ...)
    if not first then return nil end
    if select("#", ...) == 0 then return sub(text, first, last) end
    return ...
end

local function find(value, what, init, plain)
    local text = check_text(value, 1, "find")
    local pattern = check_text(what, 2, "find")
    local from = check_init(init, #text, "find")
    if plain and #pattern <= 16 then
        return find_builtin(text, pattern, from, true)
    end
    return wait(text, pattern, scan(text, pattern, from, false, not not plain))
end

local function match(value, what, init)
    local text = check_text(value, 1, "match")
    local pattern = check_text(what, 2, "match")
    return captured(text, wait(text, pattern,
        scan(text, pattern, check_init(init, #text, "match"))))
end

local function gmatch(value, what)
    local text = check_text(value, 1, "gmatch")
    local pattern = check_text(what, 2, "gmatch")
    local from = 1
    local function step(first, last, ...)
        if not first then
            from = huge
            return nil
        end
        from = (last < first and first or last) + 1
        return captured(text, first, last, ...)
    end
    return function()
        return step(wait(text, pattern, scan(text, pattern, from, true)))
    end
end

-- Replacing -------------------------------------------------------------------

local function capture(text, index, first, last, ...)
    local count = select("#", ...)
    if index == 0 or (index == 1 and count == 0) then
        return sub(text, first, last)
    end
    if index > count then
        raise("invalid capture index %" .. index .. " in replacement string")
    end
    return tostring((select(index, ...)))
end

-- "a%1b%%" → { "a", 1, "b%" }; just the text when nothing is to be put in.
local function template_of(text)
    local parts, from = {}, 1
    local at = find_builtin(text, "%", 1, true)
    if not at then return text end
    while at do
        local code = byte(text, at + 1)
        if not code then raise("invalid use of '%' in replacement string") end
        parts[#parts + 1] = sub(text, from, at - 1)
        local is_index = code >= ZERO and code <= NINE
        if is_index then parts[#parts + 1] = code - ZERO end
        -- "%x" is "x"
        from = is_index and at + 2 or at + 1
        at = find_builtin(text, "%", code == PERCENT and at + 2 or from, true)
    end
    parts[#parts + 1] = sub(text, from)
    return parts
end

local function by_template(replacement)
    local parts = template_of(check_text(replacement, 3, "gsub"))
    if type(parts) == "string" then return function() return parts end end
    return function(text, first, last, ...)
        local out = {}
        for i = 1, #parts do
            local part = parts[i]
            out[i] = type(part) == "string" and part
                or capture(text, part, first, last, ...)
        end
        return concat(out)
    end
end

local function replacer(replacement)
    local kind = type(replacement)
    if kind == "function" then
        return function(text, ...) return replacement(captured(text, ...)) end
    elseif kind == "table" then
        return function(text, ...)
            return replacement[(captured(text, ...))]
        end
    elseif kind == "string" or kind == "number" then
        return by_template(replacement)
    end
    refuse(3, "gsub", "string/function/table", replacement)
end

local function replaced(value, text, first, last)
    if not value then return sub(text, first, last) end
    local kind = type(value)
    if kind ~= "string" and kind ~= "number" then
        raise("invalid replacement value (a " .. kind .. ")")
    end
    return value
end

local function gsub(value, what, replacement, limit)
    local text = check_text(value, 1, "gsub")
    local pattern = check_text(what, 2, "gsub")
    local make = replacer(replacement)
    local max = check_number(limit, huge, 4, "gsub")
    local size, anchored = #text, byte(pattern, 1) == CARET
    local pieces, count, from = {}, 0, 1
    local function step(first, last, ...)
        if not first then return false end
        count = count + 1
        pieces[#pieces + 1] = sub(text, from, first - 1)
        pieces[#pieces + 1] = replaced(make(text, first, last, ...), text,
            first, last)
        from = last + 1
        if last < first then
            pieces[#pieces + 1] = sub(text, first, first)
            from = first + 1
        end
        return not anchored and from <= size + 1
    end
    while count < max
        and step(wait(text, pattern, scan(text, pattern, from))) do
        -- all is done in `step`
    end
    if count == 0 then return text, 0 end
    pieces[#pieces + 1] = sub(text, from)
    return concat(pieces), count
end

-- Lua's own takes a count of 32 bits.
local function rep(value, times, separator)
    local text = check_text(value, 1, "rep")
    local count = check_number(times, nil, 2, "rep")
    if not count then refuse(2, "rep", "number", times) end
    if count <= 0 then return "" end
    local between = separator == nil and ""
        or check_text(separator, 3, "rep")
    local size = (#text + #between) * count
    if size == 0 then return "" end
    if size > MAX_SIZE then raise("resulting string too large") end
    if size > MAX_MEMORY then raise("not enough memory") end
    return rep_builtin(text, count, between)
end

-- The library -----------------------------------------------------------------

local function format_texts(at, template, ...)
    local args, count = { ... }, select("#", ...)
    local text
    repeat
        args[at] = text_of(args[at])
        text, at = native_format(template, unpack(args, 1, count))
    until text
    return text
end

local function format(template, ...)
    local text, at =
        native_format(check_text(template, 1, "format"), ...)
    return text or format_texts(at, template, ...)
end

strings.library = {
    byte = byte, char = string.char, find = find, format = format,
    gmatch = gmatch, gsub = gsub, len = string.len, lower = string.lower,
    match = match, rep = rep, reverse = string.reverse, sub = sub,
    upper = string.upper,
}

return strings
