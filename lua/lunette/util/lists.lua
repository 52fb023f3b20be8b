--- Small helpers for lists and maps.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.util.lists
local lists = {}

local function before(a, b)
    local ta, tb = type(a), type(b)
    if ta ~= tb then return ta < tb end
    if ta == "number" or ta == "string" then return a < b end
    return tostring(a) < tostring(b)
end

--- The keys of a map in a fixed order: numbers first, then strings.
function lists.keys(map)
    local keys = {}
    for key in pairs(map) do keys[#keys + 1] = key end
    table.sort(keys, before)
    return keys
end

--- A set of the items: item → true.
function lists.set(items)
    local set = {}
    for _, item in ipairs(items) do set[item] = true end
    return set
end

--- A new table with the pairs of both; `b` wins.
function lists.merged(a, b)
    local out = {}
    for key, value in pairs(a) do out[key] = value end
    for key, value in pairs(b) do out[key] = value end
    return out
end

--- Whether a table is a plain list: keys 1..n and no others.
function lists.is_list(value)
    local count = 0
    for _ in pairs(value) do count = count + 1 end
    return count == #value
end

--- Marks a table as a list, so that it is one in JSON even when it is empty.
function lists.marked(items)
    local host = rawget(_G, "host")
    return host and setmetatable(items, host.array_mt) or items
end

--- A list in pieces of at most `size` items; the list itself when it is short.
function lists.pieces(items, size)
    if #items <= size then return { items } end
    local pieces = {}
    for at, item in ipairs(items) do
        if (at - 1) % size == 0 then pieces[#pieces + 1] = {} end
        local piece = pieces[#pieces]
        piece[#piece + 1] = item
    end
    return pieces
end

--- Position of an item in a list, or nil.
function lists.find(items, wanted)
    for at, item in ipairs(items) do
        if item == wanted then return at end
    end
end

return lists
