--- The functions of an app by the name under which the host calls them
-- (core/vm/call.h), and what crosses at each call.
--
-- | entry | message | result |
-- | --- | --- | --- |
-- | `query:NAME`, `mutation:NAME` | `args`, their `kinds` | what `run(args)` returns |
-- | `default:MODEL.FIELD` | `model`, `values` = {{field → value}, ...} | a list of values |
-- | `hook:before_create:MODEL` | `model`, `values` as above | the values |
-- | `hook:before_write:MODEL` | `model`, `rows`, `changes` | the changes |
-- | `hook:HOOK:MODEL` | `model`, `rows`, `changes` or nil | nothing |
-- | `test:N` | | { ok=, message=, got=, expected= } |
-- | `shell` | `code` | what lunette.guest.shell gives |
-- | `upgrade` | { state } or { } | { state } or { } |
-- | others | `args` | what the function returns |
--
-- `rows` are as lunette.guest.records reads them.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.entries
local records = require("lunette.guest.records")
local shell = require("lunette.guest.shell")
local tests = require("lunette.guest.tests")
local values = require("lunette.guest.values")

local entries = {}

-- What a function of the app returns becomes plain data.
local function plain(value, depth)
    local kind = type(value)
    if kind == "function" or kind == "userdata" or kind == "thread"
        or kind == "cdata" then
        return values.crossing(value)
            or error(("the result holds a %s"):format(kind), 0)
    elseif kind ~= "table" then
        return value
    elseif depth > 60 then
        error("the result is nested too deeply, or refers to itself", 0)
    end
    if value == records.NOBODY then return { __op = "null" } end
    local crossing = records.crossing(value)
    if crossing ~= nil then return crossing end
    local out = {}
    for key, member in pairs(value) do out[key] = plain(member, depth + 1) end
    return out
end
entries.plain = plain

local CALLS = {}

function CALLS.default(self, run, message)
    local results = {}
    local drafts = records.drafts(self, message.model, message.values)
    for i = 1, #drafts do
        local value = run(drafts[i])
        -- no hole in the list: the host knows false of a field as it is
        if value == nil then value = records.NULL end
        results[i] = plain(value, 1)
    end
    return results
end

function CALLS.hook(self, run, message, hook)
    if hook == "before_create" then
        local list = records.drafts(self, message.model, message.values)
        run(list)
        return plain(list, 1)
    end
    local rows = records.known(self, message.model, message.rows, message.ids)
    local changes = message.changes and records.drafts(self, message.model,
        { message.changes })[1]
    run(rows, changes)
    if hook == "before_write" then return plain(changes, 1) end
end

-- Without a state it is asked for one: a list of it, or of nothing.
local function upgrade(run, message)
    return { run and plain(run(message[1]), 1) }
end

local function call(self, entry, message)
    if entry == "shell" then return shell.run(self, message.code) end
    local run = self.functions[entry]
    if entry == "upgrade" then return upgrade(run, message) end
    if not run then error(("the app has no '%s'"):format(entry), 0) end
    local kind, rest = entry:match("^(%a+):(.*)$")
    if kind == "default" then return CALLS.default(self, run, message) end
    if kind == "hook" then
        return CALLS.hook(self, run, message, rest:match("^[^:]+"))
    end
    if kind == "test" then return tests.run(self, run) end
    return plain(run(records.arguments(self, message.args or {},
        message.kinds or {})), 1)
end

--- Makes the function that the host calls.
function entries.caller(self)
    return function(entry, message)
        local current = self.current()
        current.message, current.as_app = message, 0
        return call(self, entry, message)
    end
end

return entries
