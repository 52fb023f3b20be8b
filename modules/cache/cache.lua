--- Values kept from request to request: see README.md.
-- SPDX-License-Identifier: Apache-2.0
local native, options = ...

local cache = {}

local UNITS = { ms = 1, s = 1000, m = 60000, h = 3600000 }

local function wrong(what, ...)
    misuse("cache: " .. what:format(...))
end

local function check_key(key)
    if type(key) ~= "string" then
        misuse("cache: the key must be a string")
    elseif #key > 512 then
        misuse("cache: the key is longer than 512 bytes")
    end
end

-- Milliseconds, never more than policy allows.
local function read_ttl(ttl)
    local ms
    if ttl == nil then return options.ttl end
    if type(ttl) == "number" then
        ms = ttl * 1000
    elseif type(ttl) == "string" then
        local count, unit = ttl:match("^(%d+)(%a+)$")
        ms = count and UNITS[unit] and tonumber(count) * UNITS[unit]
    end
    if not ms or ms ~= ms or ms <= 0 then
        misuse('cache: the ttl must be a number of seconds or a time like "5m"')
    end
    return math.min(ms, options.ttl)
end

-- Decimals and null are no plain data: a value that has them is kept with marks
-- in their place, below a key that no app can write.
local PACKED, DECIMAL, NULL = "\0packed", "\0decimal", "\0null"
local DEEPEST = 64

local function packed(value, depth)
    local text = decimals.text(value)
    if text then return { [DECIMAL] = text } end
    if type(value) ~= "table" then return value end
    if value == null then return NULL end
    if depth > DEEPEST or getmetatable(value) ~= nil then return value end
    local out = {}
    for key, item in next, value do out[key] = packed(item, depth + 1) end
    return out
end

local function unpacked(value)
    if value == NULL then return null end
    if type(value) ~= "table" then return value end
    if value[DECIMAL] then return decimals.new(value[DECIMAL]) end
    for key, item in next, value do value[key] = unpacked(item) end
    return value
end

local function restored(value)
    if type(value) == "table" and value[PACKED] ~= nil then
        return unpacked(value[PACKED])
    end
    return value
end

function cache.get(key)
    check_key(key)
    local _, value = native.get(key)
    return restored(value)
end

local function keep(key, value, ttl)
    local kept, problem = native.set(key, value, ttl, options.bytes)
    if kept == nil and not problem:find("larger", 1, true) then
        kept, problem = native.set(key, { [PACKED] = packed(value, 1) }, ttl,
            options.bytes)
    end
    if kept == nil then
        -- Too large for the whole cache; what was kept is out of date.
        if problem:find("larger", 1, true) then
            native.delete(key)
            return false
        end
        misuse("cache: " .. problem)
    end
    return kept
end

function cache.set(key, value, ttl)
    check_key(key)
    if value == nil then wrong("the value is nil; delete(key) forgets one") end
    return keep(key, value, read_ttl(ttl))
end

function cache.fetch(key, ttl, make)
    check_key(key)
    local ms = read_ttl(ttl)
    if type(make) ~= "function" then wrong("fetch needs a function") end
    local found, value = native.get(key)
    if found then return restored(value) end
    value = make()
    if value ~= nil then keep(key, value, ms) end
    return value
end

function cache.delete(key)
    check_key(key)
    return native.delete(key)
end

function cache.clear()
    native.clear()
end

function cache.stats()
    local bytes, count, hits, misses = native.stats()
    return { bytes = bytes, count = count, hits = hits, misses = misses }
end

return cache
