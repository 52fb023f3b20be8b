-- What wrk sends: the requests of a file, one body a line, again and again.
-- SPDX-License-Identifier: Apache-2.0
--
-- usage: wrk -s load.lua URL -- BODIES HEADERS SEED PATH [check]
-- BODIES has one JSON body a line; "@@@@@@@@" in it becomes eight characters
-- that no other request has. HEADERS is text of header lines. With "check" each
-- answer with GraphQL errors counts as failed, which takes wrk much time. At the
-- end one line of JSON goes to the standard output.
-- luacheck: globals setup init request response done wrk wrong number
local threads = {}

function setup(thread)
    thread:set("number", #threads)
    threads[#threads + 1] = thread
end

local DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
local requests, sent, prefix = {}, 0, ""

local function base36(value, width)
    local text = {}
    for i = width, 1, -1 do
        local digit = value % 36
        text[i] = DIGITS:sub(digit + 1, digit + 1)
        value = (value - digit) / 36
    end
    return table.concat(text)
end

--- The text as it is, or the list of its pieces between the marks.
local function pieces(text)
    local list, at = {}, 1
    for before, after in text:gmatch("()@@@@@@@@()") do
        list[#list + 1] = text:sub(at, before - 1)
        at = after
    end
    list[#list + 1] = text:sub(at)
    return #list == 1 and text or list
end

wrong = 0 -- a global, so that the main thread can read it

local function check(_, _, body)
    if body:find('"errors":', 1, true) then
        wrong = wrong + 1
    end
end

function init(args)
    if args[5] == "check" then
        response = check
    end
    local head = ("POST %s HTTP/1.1\r\nhost: %s\r\n%s"):format(
        args[4], wrk.host, args[2])
    for body in io.lines(args[1]) do
        local text = ("%scontent-length: %d\r\n\r\n%s"):format(head, #body, body)
        requests[#requests + 1] = pieces(text)
    end
    -- Threads begin at different places of the file.
    sent = math.floor(#requests / 3) * number
    prefix = base36(tonumber(args[3]) * 8 + number, 4)
end

local unique = 0

function request()
    sent = sent % #requests + 1
    local text = requests[sent]
    if type(text) == "string" then
        return text
    end
    unique = unique + 1
    return table.concat(text, prefix .. base36(unique, 4))
end

function done(summary, latency)
    local errors, failed = summary.errors, 0
    for _, thread in ipairs(threads) do
        failed = failed + thread:get("wrong")
    end
    print(("\n{\"requests\":%d,\"seconds\":%.6f,\"bytes\":%d,\"p50\":%d," ..
        "\"p99\":%d,\"failed\":%d}"):format(
        summary.requests, summary.duration / 1e6, summary.bytes,
        latency:percentile(50), latency:percentile(99),
        failed + errors.connect + errors.read + errors.write + errors.status +
        errors.timeout))
end
