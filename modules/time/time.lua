--- Dates and moments (ISO 8601), zones and durations: see README.md.
--
-- A date is "2026-01-31", a moment "2026-01-31T08:30:00.000Z", as fields of
-- records have them; inside they are days or seconds since 1970.
-- SPDX-License-Identifier: Apache-2.0
local native, options = ...

local time = {}

local DAY = 86400
local MONTH_DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
local WEEKDAYS = { "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
    "Saturday", "Sunday" }
local MONTHS = { "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December" }
local floor = math.floor

local function wrong(what, ...)
    misuse("time: " .. what:format(...))
end

-- The calendar --------------------------------------------------------------

local function is_leap(year)
    return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
end

local function month_length(year, month)
    return month == 2 and is_leap(year) and 29 or MONTH_DAYS[month]
end

local function days_of(year, month, day)
    if month <= 2 then year = year - 1 end
    local era = floor(year / 400)
    local of_era = year - era * 400
    local of_year = floor((153 * (month + (month > 2 and -3 or 9)) + 2) / 5)
        + day - 1
    return era * 146097 + of_era * 365 + floor(of_era / 4)
        - floor(of_era / 100) + of_year - 719468
end

local function civil_of(days)
    days = days + 719468
    local era = floor(days / 146097)
    local of_era = days - era * 146097
    local year = floor((of_era - floor(of_era / 1460) + floor(of_era / 36524)
        - floor(of_era / 146096)) / 365)
    local of_year = of_era - (365 * year + floor(year / 4) - floor(year / 100))
    local month = floor((5 * of_year + 2) / 153)
    local day = of_year - floor((153 * month + 2) / 5) + 1
    month = month < 10 and month + 3 or month - 9
    return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

local function weekday_of(days)
    return (days + 3) % 7 + 1
end

-- ISO 8601: the week with the year's first Thursday is its first.
local function week_of(days)
    local thursday = days - weekday_of(days) + 4
    local year = civil_of(thursday)
    return floor((thursday - days_of(year, 1, 1)) / 7) + 1, year
end

-- Zones ---------------------------------------------------------------------

local function offset_at(zone, seconds)
    if zone == "UTC" or zone == "Z" then return 0, "UTC" end
    local offset, name = native.offset(zone, floor(seconds))
    if not offset then
        misuse(("time: there is no zone '%s'"):format(tostring(zone)))
    end
    return offset, name
end

local function zone_of(zone)
    if zone == nil then zone = options.zone end
    if type(zone) ~= "string" then wrong("the zone must be a string") end
    return zone
end

-- The moment of a clock on the wall. One that comes twice is the first; one that
-- is left out is as much later as the clock is put forward.
local function from_local(seconds, zone)
    local before = offset_at(zone, seconds - DAY)
    local after = offset_at(zone, seconds + DAY)
    if offset_at(zone, seconds - before) == before then
        return seconds - before
    elseif offset_at(zone, seconds - after) == after then
        return seconds - after
    end
    return seconds - before
end

-- Reading -------------------------------------------------------------------

local function read_date(text)
    local year, month, day = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
    if not year then year, month, day = text:match("^(%d%d%d%d)(%d%d)(%d%d)$") end
    if year then
        year, month, day = tonumber(year), tonumber(month), tonumber(day)
        if year < 1 or month < 1 or month > 12 or day < 1
            or day > month_length(year, month) then
            return nil, "there is no such day"
        end
        return days_of(year, month, day)
    end
    local week
    year, week, day = text:match("^(%d%d%d%d)%-?W(%d%d)%-?([1-7])$")
    if year then
        year, week, day = tonumber(year), tonumber(week), tonumber(day)
        local fourth = days_of(year, 1, 4)
        local days = fourth - weekday_of(fourth) + (week - 1) * 7 + day
        local _, week_year = week_of(days)
        if week < 1 or week_year ~= year then
            return nil, "there is no such week"
        end
        return days
    end
    year, day = text:match("^(%d%d%d%d)%-(%d%d%d)$")
    if year then
        year, day = tonumber(year), tonumber(day)
        if day < 1 or day > (is_leap(year) and 366 or 365) then
            return nil, "there is no such day"
        end
        return days_of(year, 1, 1) + day - 1
    end
    return nil, "it is not written as 2026-01-31"
end

-- Seconds of a day from "08:30", "08:30:15.25", "0830".
local function read_clock(text)
    local hour, minute, rest = text:match("^(%d%d):?(%d%d)(.*)$")
    if not hour then return nil end
    local second = 0
    if rest ~= "" then
        second = tonumber(rest:match("^:?(%d%d)$")
            or rest:match("^:?(%d%d[.,]%d+)$") and rest:gsub("^:", "")
                :gsub(",", ".") or "")
    end
    hour, minute = tonumber(hour), tonumber(minute)
    if not second or minute > 59 or second >= 61
        or hour > 23 and not (hour == 24 and minute == 0 and second == 0) then
        return nil
    end
    return hour * 3600 + minute * 60 + second
end

-- "Z", "+02:00", "-0530", "+02" in seconds; nil for none.
local function read_offset(text)
    if text == "Z" or text == "z" then return 0 end
    local sign, hour, minute = text:match("^([+-])(%d%d):?(%d?%d?)$")
    if not sign or #minute == 1 then return nil end
    minute = minute == "" and 0 or tonumber(minute)
    hour = tonumber(hour)
    if hour > 23 or minute > 59 then return nil end
    return (sign == "-" and -1 or 1) * (hour * 3600 + minute * 60)
end

-- { days } or { seconds }, or nil and what is wrong.
local function read(text, zone)
    if #text > 64 then return nil, "it is too long" end
    local date, clock = text:match("^([%dW-]+)[Tt ](.+)$")
    if not date then
        local days, problem = read_date(text)
        if not days then return nil, problem end
        return { days = days }
    end
    local days, problem = read_date(date)
    if not days then return nil, problem end
    local plain, offset = clock:match("^([%d:.,]+)(.*)$")
    local of_day = plain and read_clock(plain)
    if not of_day then return nil, "there is no such time of the day" end
    local seconds = days * DAY + of_day
    if offset == "" then
        return { seconds = from_local(seconds, zone) }
    end
    local ahead = read_offset(offset)
    if not ahead then return nil, "the offset is not written as +02:00" end
    return { seconds = seconds - ahead }
end

local function given(value, zone)
    if type(value) ~= "string" then
        wrong("a date or moment must be a string, not a %s", type(value))
    end
    local read_value, problem = read(value, zone)
    if not read_value then wrong("'%s': %s", value:sub(1, 40), problem) end
    return read_value
end

-- Writing -------------------------------------------------------------------

local function check_year(year)
    if year < 1 or year > 9999 then wrong("the year %d is out of range", year) end
end

local function date_text(days)
    local year, month, day = civil_of(days)
    check_year(year)
    return ("%04d-%02d-%02d"):format(year, month, day)
end

local function moment_text(seconds)
    local ms = floor(seconds * 1000 + 0.5)
    local days = floor(ms / (DAY * 1000))
    local rest = ms - days * DAY * 1000
    return ("%sT%02d:%02d:%02d.%03dZ"):format(date_text(days),
        floor(rest / 3600000), floor(rest / 60000) % 60,
        floor(rest / 1000) % 60, rest % 1000)
end

local function text_of(value)
    if value.days then return date_text(value.days) end
    return moment_text(value.seconds)
end

--- A date or moment as records have it.
function time.parse(text, zone)
    if type(text) ~= "string" then return nil, "it is not a string" end
    local value, problem = read(text, zone_of(zone))
    if not value then return nil, problem end
    return text_of(value)
end

-- Parts ---------------------------------------------------------------------

local function parts_of(value, zone)
    local parts = {}
    local days = value.days
    if value.seconds then
        local offset, name = offset_at(zone, value.seconds)
        local ms = floor((value.seconds + offset) * 1000 + 0.5)
        days = floor(ms / (DAY * 1000))
        local rest = ms - days * DAY * 1000
        parts.hour, parts.minute = floor(rest / 3600000), floor(rest / 60000) % 60
        parts.second, parts.ms = floor(rest / 1000) % 60, rest % 1000
        parts.offset, parts.zone = offset, name
    end
    parts.year, parts.month, parts.day = civil_of(days)
    parts.weekday = weekday_of(days)
    parts.yearday = days - days_of(parts.year, 1, 1) + 1
    parts.week, parts.week_year = week_of(days)
    return parts
end

function time.parts(value, zone)
    zone = zone_of(zone)
    return parts_of(given(value, zone), zone)
end

local function whole(parts, name, least, most, otherwise)
    local value = parts[name]
    if value == nil then value = otherwise end
    if type(value) ~= "number" or value % 1 ~= 0 or value < least
        or value > most then
        wrong("the %s must be a whole number from %d to %d", name, least, most)
    end
    return value
end

function time.from(parts, zone)
    zone = zone_of(zone)
    if type(parts) ~= "table" then wrong("the parts must be a table") end
    local year = whole(parts, "year", 1, 9999)
    local month = whole(parts, "month", 1, 12, 1)
    local day = whole(parts, "day", 1, month_length(year, month), 1)
    local days = days_of(year, month, day)
    if parts.hour == nil then return date_text(days) end
    local seconds = days * DAY + whole(parts, "hour", 0, 23) * 3600
        + whole(parts, "minute", 0, 59, 0) * 60
        + whole(parts, "second", 0, 59, 0) + whole(parts, "ms", 0, 999, 0) / 1000
    return moment_text(from_local(seconds, zone))
end

function time.date(moment, zone)
    zone = zone_of(zone)
    local value = given(moment, zone)
    if value.days then return date_text(value.days) end
    return date_text(floor((value.seconds
        + offset_at(zone, value.seconds)) / DAY))
end

function time.offset(moment, zone)
    zone = zone_of(zone)
    local value = given(moment, zone)
    return (offset_at(zone, value.seconds or value.days * DAY))
end

function time.is_zone(name)
    return type(name) == "string"
        and (name == "UTC" or native.offset(name, 0) ~= nil)
end

-- Durations -----------------------------------------------------------------

local DATE_UNITS = { "years", "months", "weeks", "days" }
local CLOCK_UNITS = { hours = 3600, minutes = 60, seconds = 1 }
local KNOWN = { hours = true, minutes = true, seconds = true }

for _, unit in ipairs(DATE_UNITS) do KNOWN[unit] = true end

for unit in pairs(KNOWN) do
    time[unit] = function(count)
        if type(count) ~= "number" then
            misuse(("time: the number of %s must be a number"):format(unit))
        end
        return { [unit] = count }
    end
end

local ISO = { { "Y", "years" }, { "M", "months" }, { "W", "weeks" },
    { "D", "days" } }
local ISO_CLOCK = { { "H", "hours" }, { "M", "minutes" }, { "S", "seconds" } }

local function take_units(text, units, out)
    for _, unit in ipairs(units) do
        local number, rest = text:match("^(%d+%.?%d*)" .. unit[1] .. "(.*)$")
        if number then out[unit[2]], text = tonumber(number), rest end
    end
    return text
end

-- "P1Y2M10DT2H30M"
local function read_iso_duration(text)
    local sign, rest = text:match("^(-?)P(.+)$")
    if not rest or #text > 64 then return nil end
    local out = {}
    rest = take_units(rest, ISO, out)
    if rest:find("^T.") then rest = take_units(rest:sub(2), ISO_CLOCK, out) end
    if rest ~= "" then return nil end
    if sign == "-" then
        for unit, count in pairs(out) do out[unit] = -count end
    end
    return out
end

local function read_duration(duration)
    if type(duration) == "string" then
        local out = read_iso_duration(duration)
        if not out then
            wrong("the duration '%s' is not written as P1Y2M10DT2H30M",
                duration:sub(1, 40))
        end
        return out
    elseif type(duration) ~= "table" then
        wrong("a duration must be a table { days = 3 } or a string")
    end
    for unit, count in pairs(duration) do
        if not KNOWN[unit] then
            wrong("a duration has no '%s'", tostring(unit))
        elseif type(count) ~= "number" or count ~= count
            or count > 1e9 or count < -1e9
            or not CLOCK_UNITS[unit] and count % 1 ~= 0 then
            wrong("the %s of a duration must be a whole number", unit)
        end
    end
    return duration
end

-- Days later by years, months, weeks and days.
local function later_days(days, duration, sign)
    local months = sign * ((duration.years or 0) * 12 + (duration.months or 0))
    if months ~= 0 then
        local year, month, day = civil_of(days)
        local count = year * 12 + month - 1 + months
        year, month = floor(count / 12), count % 12 + 1
        check_year(year)
        days = days_of(year, month, math.min(day, month_length(year, month)))
    end
    return days + sign * ((duration.weeks or 0) * 7 + (duration.days or 0))
end

local function clock_seconds(duration)
    local seconds = 0
    for unit, length in pairs(CLOCK_UNITS) do
        seconds = seconds + (duration[unit] or 0) * length
    end
    return seconds
end

-- Days of the calendar keep the time on the wall; hours are hours.
local function later(value, duration, sign, zone)
    local seconds = clock_seconds(duration)
    if value.days then
        if seconds ~= 0 then wrong("a date has no hours, minutes or seconds") end
        return { days = later_days(value.days, duration, sign) }
    end
    local moved = value.seconds
    if duration.years or duration.months or duration.weeks or duration.days then
        local wall = moved + offset_at(zone, moved)
        local days = floor(wall / DAY)
        local to = later_days(days, duration, sign)
        if to ~= days then
            moved = from_local(to * DAY + wall - days * DAY, zone)
        end
    end
    return { seconds = moved + sign * seconds }
end

local function shift(value, duration, zone, sign)
    zone = zone_of(zone)
    return text_of(later(given(value, zone), read_duration(duration), sign,
        zone))
end

function time.add(value, duration, zone)
    local moved = shift(value, duration, zone, 1)
    return moved
end

function time.subtract(value, duration, zone)
    local moved = shift(value, duration, zone, -1)
    return moved
end

local UNIT_SECONDS = { weeks = 7 * DAY, days = DAY, hours = 3600, minutes = 60,
    seconds = 1, ms = 0.001 }

-- Whole months from one civil date to another.
local function months_between(from, to)
    local sign = 1
    if to < from then from, to, sign = to, from, -1 end
    local year, month, day = civil_of(floor(from / DAY))
    local to_year, to_month, to_day = civil_of(floor(to / DAY))
    local months = (to_year - year) * 12 + to_month - month
    local last = month_length(to_year, to_month)
    local reached = to_day > day or to_day == day and to % DAY >= from % DAY
        or to_day == last and day > last
    if not reached then months = months - 1 end
    return sign * months
end

function time.diff(from, to, unit)
    unit = unit or "days"
    local zone = zone_of(nil)
    local first, second = given(from, zone), given(to, zone)
    local a = first.seconds or first.days * DAY
    local b = second.seconds or second.days * DAY
    if unit == "months" then return months_between(a, b) end
    if unit == "years" then
        local months = months_between(a, b)
        return months < 0 and -floor(-months / 12) or floor(months / 12)
    end
    local length = UNIT_SECONDS[unit]
    if not length then
        wrong("the unit must be years, months, weeks, days, hours, minutes,"
            .. " seconds or ms")
    end
    return floor((b - a) * 1000 + 0.5) / (length * 1000)
end

-- Beginnings ----------------------------------------------------------------

local START = {}

function START.day(days) return days end

function START.week(days) return days - weekday_of(days) + 1 end

function START.month(days)
    local year, month = civil_of(days)
    return days_of(year, month, 1)
end

function START.quarter(days)
    local year, month = civil_of(days)
    return days_of(year, month - (month - 1) % 3, 1)
end

function START.year(days)
    return days_of((civil_of(days)), 1, 1)
end

function time.start_of(value, unit, zone)
    zone = zone_of(zone)
    local start = START[unit]
    if not start then
        wrong("the unit must be day, week, month, quarter or year")
    end
    value = given(value, zone)
    if value.days then return date_text(start(value.days)) end
    local days = floor((value.seconds + offset_at(zone, value.seconds)) / DAY)
    return moment_text(from_local(start(days) * DAY, zone))
end

-- Formats -------------------------------------------------------------------

local function zone_text(offset)
    local minutes = floor(math.abs(offset) / 60)
    return ("%s%02d%02d"):format(offset < 0 and "-" or "+", floor(minutes / 60),
        minutes % 60)
end

local FORMAT = {
    Y = function(p) return ("%04d"):format(p.year) end,
    y = function(p) return ("%02d"):format(p.year % 100) end,
    m = function(p) return ("%02d"):format(p.month) end,
    d = function(p) return ("%02d"):format(p.day) end,
    e = function(p) return ("%d"):format(p.day) end,
    j = function(p) return ("%03d"):format(p.yearday) end,
    H = function(p) return ("%02d"):format(p.hour or 0) end,
    I = function(p) return ("%02d"):format(((p.hour or 0) + 11) % 12 + 1) end,
    M = function(p) return ("%02d"):format(p.minute or 0) end,
    S = function(p) return ("%02d"):format(p.second or 0) end,
    L = function(p) return ("%03d"):format(p.ms or 0) end,
    p = function(p) return (p.hour or 0) < 12 and "AM" or "PM" end,
    a = function(p) return WEEKDAYS[p.weekday]:sub(1, 3) end,
    A = function(p) return WEEKDAYS[p.weekday] end,
    b = function(p) return MONTHS[p.month]:sub(1, 3) end,
    B = function(p) return MONTHS[p.month] end,
    u = function(p) return ("%d"):format(p.weekday) end,
    V = function(p) return ("%02d"):format(p.week) end,
    G = function(p) return ("%04d"):format(p.week_year) end,
    z = function(p) return zone_text(p.offset or 0) end,
    Z = function(p) return p.zone or "UTC" end,
    ["%"] = function() return "%" end,
}

function FORMAT.F(p) return FORMAT.Y(p) .. "-" .. FORMAT.m(p) .. "-" .. FORMAT.d(p) end

function FORMAT.T(p) return FORMAT.H(p) .. ":" .. FORMAT.M(p) .. ":" .. FORMAT.S(p) end

function time.format(value, pattern, zone)
    zone = zone_of(zone)
    if type(pattern) ~= "string" or #pattern > 1000 then
        wrong("the pattern must be a string of at most 1000 characters")
    end
    local parts = parts_of(given(value, zone), zone)
    local out, at = {}, 1
    while at <= #pattern do
        local c = pattern:sub(at, at)
        if c == "%" then
            at = at + 1
            local letter = pattern:sub(at, at)
            local make = FORMAT[letter]
            if not make then wrong("the pattern has no '%%%s'", letter) end
            c = make(parts)
        end
        out[#out + 1] = c
        at = at + 1
    end
    return table.concat(out)
end

return time
