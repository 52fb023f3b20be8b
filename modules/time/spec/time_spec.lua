-- SPDX-License-Identifier: Apache-2.0
local time = grant("time", '{"zone": "UTC"}')
local berlin = grant("time", '{"zone": "Europe/Berlin"}')

test("reads ISO 8601", function()
    for text, expected in pairs({
        ["2026-01-31"] = "2026-01-31",
        ["20260131"] = "2026-01-31",
        ["2026-031"] = "2026-01-31",
        ["2026-W05-6"] = "2026-01-31",
        ["2020-W53-5"] = "2021-01-01",
        ["2024-02-29"] = "2024-02-29",
        ["2026-01-31T08:30Z"] = "2026-01-31T08:30:00.000Z",
        ["2026-01-31T08:30:15.5Z"] = "2026-01-31T08:30:15.500Z",
        ["2026-01-31 08:30:15,25+02:00"] = "2026-01-31T06:30:15.250Z",
        ["20260131T083015-0530"] = "2026-01-31T14:00:15.000Z",
        ["2026-01-31T08:30+02"] = "2026-01-31T06:30:00.000Z",
        ["2026-12-31T24:00Z"] = "2027-01-01T00:00:00.000Z",
        ["2026-01-31T08:30"] = "2026-01-31T08:30:00.000Z",
        ["0001-01-01"] = "0001-01-01",
    }) do
        equal(text .. " " .. tostring(time.parse(text)), text .. " " .. expected)
    end
    equal(time.parse("2026-07-01T12:00", "Europe/Berlin"),
        "2026-07-01T10:00:00.000Z")
    equal(berlin.parse("2026-01-01T12:00"), "2026-01-01T11:00:00.000Z")
end)

test("reads nothing else", function()
    for _, text in ipairs({ "", "2026-02-29", "2026-13-01", "2026-00-01",
        "2026-1-1", "31.01.2026", "2026-01-31T25:00Z", "2026-01-31T08:60Z",
        "2026-01-31T08:30+25:00", "2026-W54-1", "2025-W53-1", "2026-366",
        "2026-01-31T", "2026-01-31T08:30:15.Z", "today", "0000-01-01",
        ("1"):rep(100) }) do
        local value, problem = time.parse(text)
        equal(value, nil)
        equal(type(problem), "string")
    end
    equal(time.parse(5), nil)
end)

test("knows zones and their changes", function()
    local function offset(moment, zone) return time.offset(moment, zone) / 3600 end
    equal(offset("2026-01-01T00:00Z", "Europe/Berlin"), 1)
    equal(offset("2026-07-01T00:00Z", "Europe/Berlin"), 2)
    equal(offset("2026-03-29T00:59:59Z", "Europe/Berlin"), 1)
    equal(offset("2026-03-29T01:00:00Z", "Europe/Berlin"), 2)
    equal(offset("2026-10-25T00:59:59Z", "Europe/Berlin"), 2)
    equal(offset("2026-10-25T01:00:00Z", "Europe/Berlin"), 1)
    equal(offset("2026-01-01T00:00Z", "Asia/Kolkata"), 5.5)
    equal(offset("2026-01-01T00:00Z", "America/New_York"), -5)
    equal(offset("2026-01-01T00:00Z", "Australia/Sydney"), 11)
    equal(offset("2026-07-01T00:00Z", "Australia/Sydney"), 10)
    -- Far behind the last change in the file: the rule of every year.
    equal(offset("2099-07-01T00:00Z", "Europe/Berlin"), 2)
    equal(offset("2099-12-01T00:00Z", "Europe/Berlin"), 1)
    equal(offset("2099-01-01T00:00Z", "Australia/Sydney"), 11)
    equal(offset("2099-07-01T00:00Z", "Asia/Tokyo"), 9)
    -- Before the first.
    equal(offset("1900-01-01T00:00Z", "Europe/Berlin"), 1)
    equal(time.is_zone("Europe/Berlin"), true)
    for _, name in ipairs({ "Mars/Base", "../../../etc/passwd", "/etc/passwd",
        "", "Europe", "tzdata.zi", "Europe/../UTC" }) do
        equal(time.is_zone(name), false)
    end
    fails("time: there is no zone 'Mars/Base'", function()
        time.parts("2026-01-01T00:00Z", "Mars/Base")
    end)
end)

test("agrees with PostgreSQL about zones", function()
    local zones = { "Europe/Berlin", "America/New_York", "America/Sao_Paulo",
        "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca",
        "Pacific/Apia", "Europe/London", "America/St_Johns" }
    local selects, ours = {}, {}
    for _, zone in ipairs(zones) do
        for year = 1971, 2060, 7 do
            for month = 1, 12, 2 do
                local moment = ("%d-%02d-15T12:34:56Z"):format(year, month)
                selects[#selects + 1] = ("(%d, to_char('%s'::timestamptz at time"
                    .. " zone '%s', 'YYYY-MM-DD HH24:MI:SS'))"):format(
                    #selects + 1, moment, zone)
                ours[#ours + 1] = time.format(moment, "%Y-%m-%d %H:%M:%S", zone)
            end
        end
    end
    local rows = sql("select t from (values " .. table.concat(selects, ", ")
        .. ") as v (i, t) order by i")
    for at, row in ipairs(rows) do
        equal(selects[at] .. ours[at], selects[at] .. row[1])
    end
end)

test("takes times on the wall apart and together", function()
    equal(time.parts("2026-01-31"), { year = 2026, month = 1, day = 31,
        weekday = 6, yearday = 31, week = 5, week_year = 2026 })
    equal(berlin.parts("2026-07-01T22:30:00.250Z"), { year = 2026, month = 7,
        day = 2, hour = 0, minute = 30, second = 0, ms = 250, weekday = 4,
        yearday = 183, week = 27, week_year = 2026, offset = 7200,
        zone = "CEST" })
    equal(time.from({ year = 2026, month = 2 }), "2026-02-01")
    equal(berlin.from({ year = 2026, month = 7, day = 2, hour = 0, minute = 30 }),
        "2026-07-01T22:30:00.000Z")
    -- Left out when the clock is put forward, twice when it is put back.
    equal(berlin.from({ year = 2026, month = 3, day = 29, hour = 2, minute = 30 }),
        "2026-03-29T01:30:00.000Z")
    equal(berlin.from({ year = 2026, month = 10, day = 25, hour = 2,
        minute = 30 }), "2026-10-25T00:30:00.000Z")
    equal(berlin.date("2026-07-01T22:30Z"), "2026-07-02")
    equal(time.date("2026-07-01T22:30Z"), "2026-07-01")
    fails("the day must be a whole number from 1 to 28", function()
        time.from({ year = 2026, month = 2, day = 29 })
    end)
end)

test("adds durations", function()
    equal(time.add("2026-01-31", { months = 1 }), "2026-02-28")
    equal(time.add("2024-02-29", { years = 1 }), "2025-02-28")
    equal(time.add("2026-01-31", "P1M1D"), "2026-03-01")
    equal(time.subtract("2026-03-31", { months = 1 }), "2026-02-28")
    equal(time.add("2026-01-31", time.days(3)), "2026-02-03")
    equal(time.add("2026-12-31", { weeks = 1 }), "2027-01-07")
    equal(time.add("2026-01-31T08:00:00Z", { hours = 1.5 }),
        "2026-01-31T09:30:00.000Z")
    equal(time.add("2026-01-31T08:00Z", "-PT30M"), "2026-01-31T07:30:00.000Z")
    -- A day of the calendar keeps the time on the wall, 24 hours do not.
    equal(berlin.add("2026-03-28T11:00Z", { days = 1 }),
        "2026-03-29T10:00:00.000Z")
    equal(berlin.add("2026-03-28T11:00Z", { hours = 24 }),
        "2026-03-29T11:00:00.000Z")
    -- Nothing added changes nothing, also in the hour that comes twice.
    equal(berlin.add("2026-10-25T01:30Z", { days = 0 }),
        "2026-10-25T01:30:00.000Z")
    fails("a date has no hours", function()
        time.add("2026-01-31", { hours = 1 })
    end)
    fails("a duration has no 'day'", function()
        time.add("2026-01-31", { day = 1 })
    end)
    fails("the days of a duration must be a whole number", function()
        time.add("2026-01-31", { days = 0.5 })
    end)
    fails("is not written as P1Y2M10DT2H30M", function()
        time.add("2026-01-31", "1 month")
    end)
    fails("out of range", function()
        time.add("2026-01-31", { years = 9000 })
    end)
end)

test("tells the time between", function()
    equal(time.diff("2026-01-31", "2026-03-01"), 29)
    equal(time.diff("2026-03-01", "2026-01-31"), -29)
    equal(time.diff("2026-01-31T08:00Z", "2026-01-31T09:30Z", "hours"), 1.5)
    equal(time.diff("2026-01-31T08:00Z", "2026-01-31T08:00:00.25Z", "ms"), 250)
    equal(time.diff("2026-01-31", "2026-02-28", "months"), 1)
    equal(time.diff("2026-01-15", "2026-02-14", "months"), 0)
    equal(time.diff("2000-02-29", "2026-02-28", "years"), 26)
    equal(time.diff("2026-02-28", "2000-03-01", "years"), -25)
    fails("the unit must be", function()
        time.diff("2026-01-31", "2026-01-31", "decades")
    end)
end)

test("finds beginnings", function()
    equal(time.start_of("2026-05-13", "week"), "2026-05-11")
    equal(time.start_of("2026-05-13", "month"), "2026-05-01")
    equal(time.start_of("2026-05-13", "quarter"), "2026-04-01")
    equal(time.start_of("2026-05-13", "year"), "2026-01-01")
    equal(berlin.start_of("2026-07-01T22:30Z", "day"),
        "2026-07-01T22:00:00.000Z")
    fails("the unit must be day", function()
        time.start_of("2026-05-13", "hour")
    end)
end)

test("writes for people", function()
    equal(time.format("2026-01-05", "%A, %e %B %Y"), "Monday, 5 January 2026")
    equal(berlin.format("2026-07-01T22:05:09.007Z", "%F %T.%L %z %Z"),
        "2026-07-02 00:05:09.007 +0200 CEST")
    equal(time.format("2026-01-01T15:00Z", "%I:%M %p, week %V of %G, day %j, %%"),
        "03:00 PM, week 01 of 2026, day 001, %")
    fails("the pattern has no '%Q'", function()
        time.format("2026-01-05", "%Q")
    end)
end)

test("counts days as the calendar does, over 800 years", function()
    local rows = sql("select to_char(d, 'YYYY-MM-DD'), extract(isodow from d),"
        .. " extract(week from d), extract(isoyear from d), extract(doy from d)"
        .. " from generate_series('1600-01-01'::timestamp, '2400-12-31',"
        .. " '97 days') d")
    equal(#rows > 3000, true)
    for _, row in ipairs(rows) do
        local parts = time.parts(row[1])
        equal(row[1] .. " " .. parts.weekday .. " " .. parts.week .. " "
            .. parts.week_year .. " " .. parts.yearday,
            table.concat(row, " "))
    end
end)

test("says what is no date", function()
    fails("time: '2026-02-30': there is no such day", function()
        time.add("2026-02-30", { days = 1 })
    end)
    fails("time: a date or moment must be a string, not a nil", function()
        time.format(nil, "%Y")
    end)
end)
