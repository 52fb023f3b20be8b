--- Versions of core modules, and what fits what is asked for.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.policy.versions
local versions = {}

-- { exact, numbers }, or nil.
local function read(wanted)
    local exact, rest = wanted:match("^(=?)%s*(%d[%d.]*)$")
    if not rest or rest:find("%.%.") or rest:find("%.$") then return nil end
    local numbers = {}
    for number in rest:gmatch("%d+") do
        numbers[#numbers + 1] = tonumber(number)
    end
    if #numbers > 3 then return nil end
    return { exact = exact == "=", numbers = numbers }
end

--- Whether a text is a version: "1.2.0".
function versions.is_version(text)
    return type(text) == "string" and #text <= 40
        and text:find("^%d+%.%d+%.%d+$") ~= nil
end

--- Whether a text says which versions are wanted: "1", "1.2", "1.2.3", "=1.2.3".
function versions.is_wanted(text)
    return type(text) == "string" and #text <= 40 and read(text) ~= nil
end

-- Up to the first number that is not 0 nothing may differ: 1.x may replace 1.2,
-- 0.3 may not replace 0.2.
local function significant(numbers)
    for at = 1, #numbers do
        if numbers[at] ~= 0 then return at end
    end
    return #numbers
end

local function begins_with(have, numbers, count)
    for at = 1, count do
        if have[at] ~= numbers[at] then return false end
    end
    return true
end

local function at_least(have, numbers)
    for at = 1, #numbers do
        if have[at] ~= numbers[at] then return have[at] > numbers[at] end
    end
    return true
end

--- Whether a version is what is wanted: "1.2" is 1.2 or later before 2,
-- "=1.2" is any 1.2.
-- @tparam string version
-- @tparam string wanted
function versions.fits(version, wanted)
    local have, asked = read(version).numbers, read(wanted)
    if asked.exact then
        return begins_with(have, asked.numbers, #asked.numbers)
    end
    return begins_with(have, asked.numbers, significant(asked.numbers))
        and at_least(have, asked.numbers)
end

return versions
