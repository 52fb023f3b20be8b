--- `test "sentence" (function(t) ... end)`: what `t` offers.
--
-- A test acts with all rights; `t:as(user)` is the same test with those of
-- somebody else. What it asks goes to lunette.runtime.trial, which does each thing
-- behind a savepoint, so that a test can go on after what was refused.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.tests
local decimals = require("lunette.guest.decimals")
local records = require("lunette.guest.records")
local show = require("lunette.guest.show")
local values = require("lunette.guest.values")

local tests = {}

local FAILURE = {}
local UNITS = { ms = 1, s = 1000, m = 60000, h = 3600000, d = 86400000,
    w = 604800000 }
local DENIED = { "FORBIDDEN", "NOT_FOUND", "UNAUTHENTICATED",
    "is not there, or not for this caller" }

local T = {}

-- What stands behind each `t`: { self = guest, guest = the same with an identity }.
local behind = setmetatable({}, { __mode = "k" })

local function of(t)
    local own = behind[t]
    if own then return own end
    error(host.where() .. "t is called with a colon, as in t:equal(1, 1)", 0)
end

-- Failing -------------------------------------------------------------------

local function failure(message, got, expected)
    error(setmetatable({ message = host.where() .. message, got = got,
        expected = expected }, FAILURE), 0)
end

local function text_of(err)
    if type(err) == "table" and getmetatable(err) == FAILURE then
        return err.message
    end
    return type(err) == "string" and err or show.inline(err)
end

local function check_function(run, word)
    if type(run) ~= "function" then
        failure(("t:%s takes a function"):format(word))
    end
end

-- A failure of the test itself goes on, whatever was expected.
local function attempt(run)
    local ok, err = pcall(run)
    if not ok and type(err) == "table" and getmetatable(err) == FAILURE then
        error(err, 0)
    end
    return ok, not ok and text_of(err) or nil
end

-- Comparing -----------------------------------------------------------------

local function exact_of(value)
    local kind = type(value)
    return kind == "number" or kind == "string" and tonumber(value) ~= nil
        or decimals.text(value) ~= nil
end

local function is_decimal(value)
    return decimals.text(value) ~= nil
end

local same

local function same_table(a, b, depth)
    if depth > 20 then return false end
    for key, value in pairs(a) do
        if not same(value, b[key], depth + 1) then return false end
    end
    for key in pairs(b) do
        if a[key] == nil then return false end
    end
    return true
end

function same(a, b, depth)
    if a == b then return true end
    if is_decimal(a) or is_decimal(b) then
        return exact_of(a) and exact_of(b)
            and decimals.new(a) == decimals.new(b)
    end
    if a == records.NULL or b == records.NULL then
        return (a == nil or a == records.NULL)
            and (b == nil or b == records.NULL)
    end
    if type(a) ~= "table" or type(b) ~= "table" or records.model_of(a)
        or records.model_of(b) then
        return false
    end
    return same_table(a, b, depth)
end

--- Two values are equal: decimals as numbers, records by id, tables by content.
function T.equal(t, got, expected, said)
    of(t)
    if same(got, expected, 1) then return end
    failure(said and tostring(said) or "not equal", show.inline(got),
        show.inline(expected))
end

-- Failing on purpose --------------------------------------------------------

local function matches(text, pattern)
    if text:find(pattern, 1, true) then return true end
    local ok, found = pcall(string.find, text, pattern)
    return ok and found ~= nil
end

--- The function fails with an error in which the pattern is found.
function T.fails(t, pattern, run)
    of(t)
    if type(pattern) ~= "string" then failure("t:fails takes a pattern") end
    check_function(run, "fails")
    local ok, text = attempt(run)
    if ok then
        failure("it did not fail", "no error", "an error with "
            .. show.inline(pattern))
    elseif not matches(text, pattern) then
        failure("it failed otherwise", text, "an error with "
            .. show.inline(pattern))
    end
end

--- The function is refused because the caller may not do that, or may not see
-- what it is about.
function T.denied(t, run)
    of(t)
    check_function(run, "denied")
    local ok, text = attempt(run)
    if ok then failure("it was not denied", "no error", "a refusal") end
    for _, sign in ipairs(DENIED) do
        if text:find(sign, 1, true) then return end
    end
    failure("it failed otherwise", text, "a refusal")
end

-- Records -------------------------------------------------------------------

function T.create(t, model, given)
    return records.create(of(t).guest, model, given)
end

--- Records that fit; of a record: the same one, as `t` sees it.
function T.find(t, model, filter, options)
    if records.model_of(model) then
        local crossing = records.crossing(model)
        local found = records.find(of(t).guest, crossing.__record, crossing.id)[1]
        if found then return found end
        error(host.where() .. "NOT_FOUND: " .. tostring(model)
            .. " is not there, or not for this caller", 0)
    end
    return records.find(of(t).guest, model, filter, options)
end

function T.one(t, model, filter)
    return records.one(of(t).guest, model, filter)
end

-- Who and when --------------------------------------------------------------

local function ask(t, action, asked)
    asked.op, asked.action = "test", action
    return of(t).guest.ask(asked)
end

-- Records and changes of this test go by its identity.
local function guest_of(self, identity)
    local function own_ask(asked)
        asked.identity, asked.fixture = identity, true
        local answer = self.ask(asked)
        if (asked.op == "set" or asked.op == "delete")
            and type(answer) == "number" and answer < #asked.ids then
            error(host.where() .. ("NOT_FOUND: %d of %d records are not there,"
                .. " or not for this caller"):format(#asked.ids - answer,
                    #asked.ids), 0)
        end
        return answer
    end
    return setmetatable({ ask = own_ask }, { __index = self })
end

local function make(self, identity)
    local t = setmetatable({}, { __index = T, __metatable = false,
        __newindex = function() error("t cannot be changed", 2) end })
    behind[t] = { self = self, guest = guest_of(self, identity) }
    return t
end

--- A new user with these roles: a record where there is a directory of users.
function T.user(t, ...)
    local made = ask(t, "user", { roles = { ... } })
    if made.id and of(t).self.models["base.User"] then
        return records.find(of(make(of(t).self, nil)).guest, "base.User", made.id)[1]
    end
    return { identity = made.identity }
end

--- The same test with the rights of a user, a role, or (nil) of nobody.
function T.as(t, who)
    local asked = {}
    if type(who) == "string" then
        asked.roles = { who }
    elseif who ~= nil and records.model_of(who) then
        asked.id = records.crossing(who).id
    elseif type(who) == "table" and rawget(who, "identity") then
        return make(of(t).self, who.identity)
    elseif who ~= nil then
        failure('t:as takes a user, the name of a role, or nil')
    end
    return make(of(t).self, ask(t, "identity", asked))
end

local function milliseconds(duration)
    if type(duration) == "number" then return duration * 1000 end
    local number, unit = tostring(duration):match("^([%d.]+)%s*(%a+)$")
    number = tonumber(number)
    if number and UNITS[unit] then return number * UNITS[unit] end
    failure('t:travel takes a duration, as in "90s", "10m", "2h" or "31d"')
end

--- Moves the clock of the test: now(), today(), and what the server sets.
function T.travel(t, duration)
    local ms = milliseconds(duration)
    local message = of(t).self.current().message
    message.now = message.now + ms
    ask(t, "travel", { ms = ms })
end

-- Calls and counts ----------------------------------------------------------

local inward

local function inward_members(t, value, members)
    local out = {}
    for key, member in pairs(value) do
        out[key] = inward(t, member, members[key] or {})
    end
    return out
end

-- A result as the app itself would see it: records, exact numbers.
function inward(t, value, shape)
    if shape.type then return values.inward(shape, value) end
    if type(value) ~= "table" then return value end
    if value.__record then
        return records.find(of(t).guest, value.__record, value.id)[1]
    elseif shape.members and not shape.many then
        return inward_members(t, value, shape.members)
    end
    local out = {}
    for key, member in pairs(value) do
        out[key] = inward(t, member, { members = shape.members })
    end
    return out
end

--- Calls a query or mutation as a client of the API would.
function T.call(t, name, args)
    local answer = ask(t, "call", { name = tostring(name),
        args = records.outward(args or {}) })
    return inward(t, answer.value, answer.shape)
end

--- The function takes at most so many statements of the database.
function T.queries(t, most, run)
    if type(most) ~= "number" then failure("t:queries takes a number") end
    check_function(run, "queries")
    local before = ask(t, "count", {})
    run()
    local used = ask(t, "count", {}) - before
    if used > most then
        failure("too many statements", tostring(used), "at most "
            .. tostring(most))
    end
end

-- Running -------------------------------------------------------------------

--- Runs the function of a test.
-- @treturn table { ok=, message=, got=, expected= }
function tests.run(self, run)
    local ok, err = pcall(run, make(self, nil))
    if ok then return { ok = true } end
    if type(err) == "table" and getmetatable(err) == FAILURE then
        return { message = err.message, got = err.got,
            expected = err.expected }
    end
    return { message = text_of(err) }
end

return tests
