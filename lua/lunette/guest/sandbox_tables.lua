--- The table library of apps, in Lua: can be suspended between any two steps.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.sandbox_tables
local native = native
local select, tonumber, type, unpack = select, tonumber, type, unpack
local join, raise = native.concat, native.raise
local floor = math.floor

local tables = { unpack = unpack }

-- Items that are joined in one step of C.
local CHUNK = 4000

local function check(list, name)
    if type(list) ~= "table" then
        raise("bad argument #1 to '" .. name .. "' (table expected, got "
            .. type(list) .. ")")
    end
end

local function check_number(value, position, name)
    local number = tonumber(value)
    if not number then
        raise("bad argument #" .. position .. " to '" .. name
            .. "' (number expected, got " .. type(value) .. ")")
    end
    return floor(number)
end

function tables.concat(list, separator, first, last)
    check(list, "concat")
    separator = separator == nil and "" or separator
    if type(separator) ~= "string" and type(separator) ~= "number" then
        raise("bad argument #2 to 'concat' (string expected, got "
            .. type(separator) .. ")")
    end
    first = first == nil and 1 or check_number(first, 3, "concat")
    last = last == nil and #list or check_number(last, 4, "concat")
    if last < first then return "" end
    if last - first < CHUNK then return join(list, separator, first, last) end
    local parts = {}
    for from = first, last, CHUNK do
        local to = from + CHUNK - 1
        parts[#parts + 1] = join(list, separator, from, to < last and to or last)
    end
    return tables.concat(parts, separator)
end

function tables.insert(list, ...)
    check(list, "insert")
    local size = #list
    local count = select("#", ...)
    if count == 1 then
        list[size + 1] = (...)
        return
    elseif count ~= 2 then
        raise("wrong number of arguments to 'insert'")
    end
    local at, value = ...
    at = check_number(at, 2, "insert")
    for i = size, at, -1 do list[i + 1] = list[i] end
    list[at] = value
end

function tables.remove(list, at)
    check(list, "remove")
    local size = #list
    if at == nil then
        if size == 0 then return nil end
        at = size
    end
    at = check_number(at, 2, "remove")
    if at < 1 or at > size then return nil end
    local value = list[at]
    for i = at, size - 1 do list[i] = list[i + 1] end
    list[size] = nil
    return value
end

function tables.maxn(list)
    check(list, "maxn")
    local max = 0
    for key in next, list do
        if type(key) == "number" and key > max then max = key end
    end
    return max
end

-- Moves the item at `root` down until none below is greater.
local function sift(list, root, last, less)
    local item = list[root]
    while true do
        local child = 2 * root
        if child > last then break end
        if child < last and less(list[child], list[child + 1]) then
            child = child + 1
        end
        if not less(item, list[child]) then break end
        list[root] = list[child]
        root = child
    end
    list[root] = item
end

local function by_value(a, b)
    return a < b
end

function tables.sort(list, less)
    check(list, "sort")
    if less == nil then less = by_value end
    if type(less) ~= "function" then
        raise("bad argument #2 to 'sort' (function expected, got "
            .. type(less) .. ")")
    end
    local size = #list
    for root = floor(size / 2), 1, -1 do sift(list, root, size, less) end
    for last = size, 2, -1 do
        list[1], list[last] = list[last], list[1]
        sift(list, 1, last - 1, less)
    end
end

return tables
