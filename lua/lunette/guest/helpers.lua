--- The helpers that functions of an app have at request time.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.helpers
local records = require("lunette.guest.records")

local helpers = {}

local FOUR_DIGITS = "%04d-%02d-%02d"

-- Days since 1970-01-01 → year, month, day (proleptic Gregorian).
local function civil(days)
    local floor = math.floor
    local z = days + 719468
    local era = floor(z / 146097)
    local doe = z - era * 146097
    local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524)
        - floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
    local mp = floor((5 * doy + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    return yoe + era * 400 + (month <= 2 and 1 or 0), month,
        doy - floor((153 * mp + 2) / 5) + 1
end

local function date_of(ms)
    return FOUR_DIGITS:format(civil(math.floor(ms / 86400000)))
end

local function moment_of(ms)
    local rest = ms % 86400000
    local seconds = math.floor(rest / 1000)
    return ("%sT%02d:%02d:%02d.%03dZ"):format(date_of(ms),
        math.floor(seconds / 3600), math.floor(seconds / 60) % 60,
        seconds % 60, rest % 1000)
end

local function request_of(self, word)
    local current = self.current()
    local message = current and current.message
    if not message then
        error(("'%s' has a meaning only inside a function that answers a"
            .. " request"):format(word), 3)
    end
    return message
end

--- The record of the caller.
function helpers.me(self)
    local current = self.current()
    local message = not self.loading and current and current.message
    if not message then return records.ME end
    return records.me(self, message)
end

local function find(self)
    return function(model, filter, options)
        request_of(self, "find")
        return records.find(self, model, filter, options)
    end
end

local function one(self)
    return function(model, filter, options)
        request_of(self, "one")
        return records.one(self, model, filter, options)
    end
end

local function create(self)
    return function(model, values)
        request_of(self, "create")
        return records.create(self, model, values)
    end
end

local function give(current, before, ok, ...)
    current.as_app = before
    if ok then return ... end
    error((...), 0)
end

-- Rights of the app, only inside of `run`.
local function as_app(self)
    return function(run, ...)
        request_of(self, "as_app")
        if type(run) ~= "function" then
            error(host.where() .. "as_app(function() ... end) takes a function",
                0)
        end
        local current = self.current()
        local before = current.as_app or 0
        current.as_app = before + 1
        return give(current, before, pcall(run, ...))
    end
end

local function log(shown, fields)
    host.log("info", tostring(shown),
        type(fields) == "table" and records.texts(fields) or nil)
end

local function fail(shown)
    host.fail(tostring(shown))
end

-- for i, record in each(records) do
local function each(list)
    if type(list) ~= "table" then
        error(host.where() .. "each(records) takes records or a list", 0)
    end
    local i = 0
    return function()
        i = i + 1
        if list[i] ~= nil then return i, list[i] end
    end
end

-- In a declaration (`default = today()`) the loader has read what is meant.
local function moment(self, word, shown)
    return function()
        if self.loading then return records.NULL end
        return shown(request_of(self, word).now)
    end
end

--- The words, by name.
function helpers.words(self)
    return {
        find = find(self), one = one(self), create = create(self), each = each,
        as_app = as_app(self), log = log, fail = fail,
        now = moment(self, "now", moment_of),
        today = moment(self, "today", date_of),
    }
end

return helpers
