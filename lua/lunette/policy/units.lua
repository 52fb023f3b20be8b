--- Kinds of values in a policy: sizes, times, lists ..., read and shown.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.units
local lists = require("lunette.util.lists")
local text = require("lunette.util.text")

local units = {}

local MAX_TEXT, MAX_ITEMS = 4000, 1000
local SIZES = { k = 1024, m = 1024 ^ 2, g = 1024 ^ 3 }
local TIMES = { ms = 1, s = 1000, m = 60000, h = 3600000 }

-- "64m" → bytes, "200ms" → milliseconds; a number counts as it is.
local function measured(value, factors)
    if type(value) == "number" then return value end
    if type(value) ~= "string" then return nil end
    local digits, unit = value:match("^(%d+)%s*(%a*)$")
    local factor = unit == "" and 1 or factors[unit]
    return digits and factor and tonumber(digits) * factor or nil
end

local function within(number, kind, shown)
    if number % 1 ~= 0 then return nil, "must be a whole number" end
    if number < kind.least or number > kind.most then
        return nil, ("must be between %s and %s"):format(shown(kind.least),
            shown(kind.most))
    end
    return number
end

local function with_unit(number, steps)
    for _, step in ipairs(steps) do
        if number >= step[2] and number % step[2] == 0 then
            return ("%d%s"):format(number / step[2], step[1])
        end
    end
    return ("%d"):format(number)
end

local function shown_size(number)
    return with_unit(number, { { "g", 1024 ^ 3 }, { "m", 1024 ^ 2 },
        { "k", 1024 } })
end

local function shown_time(number)
    return with_unit(number, { { "h", 3600000 }, { "m", 60000 },
        { "s", 1000 }, { "ms", 1 } })
end

local READ, SHOW = {}, {}

function READ.size(value, kind)
    local number = measured(value, SIZES)
    if not number then return nil, 'must be a size like "64m"' end
    return within(number, kind, shown_size)
end

function READ.time(value, kind)
    local number = measured(value, TIMES)
    if not number then return nil, 'must be a time like "200ms" or "5s"' end
    return within(number, kind, shown_time)
end

function READ.int(value, kind)
    if type(value) ~= "number" then return nil, "must be a whole number" end
    return within(value, kind, function(n) return ("%d"):format(n) end)
end

function READ.bool(value)
    if type(value) == "boolean" then return value end
    return nil, "must be true or false"
end

function READ.text(value)
    if type(value) == "string" and #value <= MAX_TEXT
        and not value:find("[%z\1-\8\11-\31]") then
        return value
    end
    return nil, ("must be a text of at most %d characters"):format(MAX_TEXT)
end

READ.secret = READ.text

function READ.enum(value, kind)
    if lists.find(kind.values, value) then return value end
    return nil, "must be " .. text.quoted_list(kind.values, "or")
        .. text.did_you_mean(value, kind.values)
end

-- A list, or one item without its braces.
function READ.list(value, kind)
    if type(value) ~= "table" then value = { value } end
    if not lists.is_list(value) or #value > MAX_ITEMS then
        return nil, ("must be a list of at most %d items"):format(MAX_ITEMS)
    end
    local clean = {}
    for at, item in ipairs(value) do
        local one, wrong = READ[kind.of](item, kind)
        if one == nil then return nil, ("item %d "):format(at) .. wrong end
        clean[at] = one
    end
    return lists.marked(clean)
end

local function each_item(value, check, right)
    local list, wrong = READ.list(value, { of = "text" })
    for at, item in ipairs(list or {}) do
        if not check(item:lower()) then
            return nil, ("item %d must be %s"):format(at, right)
        end
    end
    return list, wrong
end

local function is_host(item)
    local scheme, rest = item:match("^(%a+)://(.*)$")
    if scheme and scheme ~= "http" and scheme ~= "https" then return false end
    rest = rest or item
    return rest == "*" or rest:find("^%[[%x:.]+%]$") or rest:find("^%x*:[%x:]*:[%x:.]*$")
        or rest:find("^%[[%x:.]+%]:%d+$")
        or rest:gsub("^%*%.", ""):gsub(":%d+$", ""):find("^[%w_.-]+$")
end

-- Hosts that may be asked, each with a scheme and a port where wanted.
function READ.hosts(value)
    return each_item(value, is_host, 'a host like "api.example.com",'
        .. ' "*.example.com" or "https://api.example.com:8443"')
end

local function is_network(item)
    return item:find("^%d+%.%d+%.%d+%.%d+$")
        or item:find("^%d+%.%d+%.%d+%.%d+/%d+$")
        or item:find("^[%x:.]*:[%x:.]*$") or item:find("^[%x:.]*:[%x:.]*/%d+$")
end

-- Addresses: all or none, or those of a list of networks.
function READ.networks(value)
    if type(value) == "boolean" then return value end
    return each_item(value, is_network,
        'a network like "10.1.0.0/16" (or true for all)')
end

SHOW.size, SHOW.time = shown_size, shown_time

function SHOW.secret() return "***" end

function SHOW.list(value, kind)
    if type(value) ~= "table" then return tostring(value) end
    local items = {}
    for at, item in ipairs(value) do
        items[at] = units.show(item, { type = kind.of or "text" })
    end
    return "{ " .. table.concat(items, ", ") .. " }"
end

SHOW.hosts, SHOW.networks = SHOW.list, SHOW.list

--- Names of all kinds.
units.KINDS = lists.keys(READ)

--- Reads a value.
-- @tparam table kind { type, least, most (numbers), values (enum), of (list) }
-- @return[1] the value as it is in the release set
-- @treturn[2] nil
-- @treturn[2] string "must be ..."
function units.read(value, kind)
    return READ[kind.type](value, kind)
end

--- The value as one would write it, on one line.
function units.show(value, kind)
    local show = SHOW[kind.type]
    if show then return show(value, kind) end
    return type(value) == "string" and ("%q"):format(value)
        or tostring(value)
end

return units
