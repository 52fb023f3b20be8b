--- The table library of apps, in Lua: can be suspended between any two steps.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.sandbox_tables
local native = native
local error, select, type, unpack = error, select, type, unpack
local concat = table.concat
local floor = math.floor

local tables = { unpack = unpack }

local function check(list, name)
    if type(list) ~= "table" then
        error(("bad argument #1 to '%s' (table expected, got %s)")
            :format(name, type(list)), 3)
    end
end

function tables.concat(list, separator, first, last)
    check(list, "concat")
    return concat(list, separator, first, last)
end

function tables.insert(list, ...)
    check(list, "insert")
    local size = #list
    local count = select("#", ...)
    if count == 1 then
        list[size + 1] = (...)
        return
    elseif count ~= 2 then
        error("wrong number of arguments to 'insert'", 2)
    end
    local at, value = ...
    if type(at) ~= "number" then
        error("bad argument #2 to 'insert' (number expected)", 2)
    end
    at = floor(at)
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
        error("bad argument #2 to 'sort' (function expected)", 2)
    end
    local size = #list
    for root = floor(size / 2), 1, -1 do sift(list, root, size, less) end
    for last = size, 2, -1 do
        list[1], list[last] = list[last], list[1]
        sift(list, 1, last - 1, less)
    end
end

return tables
