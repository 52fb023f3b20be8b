--- Whether texts are dates, times, moments or uuids as the API writes them.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.util.dates
local dates = {}

local MONTH_DAYS = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
local UUID = "^" .. ("%x"):rep(8) .. ("%-" .. ("%x"):rep(4)):rep(3) .. "%-"
    .. ("%x"):rep(12) .. "$"

--- How each type is written, for messages.
dates.EXAMPLE = { date = "2026-01-31", time = "08:30:00",
    datetime = "2026-01-31T08:30:00Z",
    uuid = "01890a5d-ac96-774b-bcce-b302099a8057" }

local function is_leap(year)
    return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

function dates.is_date(value)
    local year, month, day = value:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
    if not year then return false end
    year, month, day = tonumber(year), tonumber(month), tonumber(day)
    return year > 0 and month >= 1 and month <= 12 and day >= 1
        and day <= MONTH_DAYS[month]
        and (month ~= 2 or day < 29 or is_leap(year))
end

--- 08:30, 08:30:00 or 08:30:00.5
function dates.is_time(value)
    local hour, minute, rest = value:match("^(%d%d):(%d%d)(.*)$")
    if not hour or tonumber(hour) > 23 or tonumber(minute) > 59 then
        return false
    end
    if rest == "" then return true end
    local second, fraction = rest:match("^:(%d%d)(.*)$")
    return second ~= nil and tonumber(second) < 60
        and (fraction == "" or fraction:find("^%.%d%d?%d?%d?%d?%d?$") ~= nil)
end

--- A moment in UTC: 2026-01-31T08:30:00Z, with or without a fraction.
function dates.is_datetime(value)
    local date, time = value:match("^([%d-]+)T(%d%d:%d%d:%d%d%.?%d*)Z$")
    return date ~= nil and dates.is_date(date) and dates.is_time(time)
end

function dates.is_uuid(value)
    return value:find(UUID) ~= nil
end

--- By the name of the type.
dates.IS = { date = dates.is_date, time = dates.is_time,
    datetime = dates.is_datetime, uuid = dates.is_uuid }

return dates
