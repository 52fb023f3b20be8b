-- Replays the contract cases without the host: planners, executor and database.
-- LUNETTE_CASES names another file of cases. What needs the schema or events is
-- left to the contract runner (spec/contract/opencrud).
-- SPDX-License-Identifier: Apache-2.0
local cjson = require("cjson")
local db = require("support.db")
local host = require("support.host")
local server = require("support.server")
local sets = require("support.sets")

local PATH = os.getenv("LUNETTE_CASES") or "spec/contract/opencrud/cases.json"

local function read_cases()
    local file = io.open(PATH)
    if not file then return {} end
    local text = file:read("*a")
    file:close()
    return cjson.decode(text)
end

local function with_lists(value)
    if type(value) ~= "table" then return value end
    for _, item in pairs(value) do with_lists(item) end
    if #value > 0 or next(value) == nil then
        setmetatable(value, host.array_mt)
    end
    return value
end

local function fill(value, saved)
    if type(value) == "string" then
        return (value:gsub("%${(%w+)}", function(name) return saved[name] end))
    elseif type(value) ~= "table" then
        return value
    end
    local copy = setmetatable({}, getmetatable(value))
    for key, item in pairs(value) do copy[key] = fill(item, saved) end
    return copy
end

local function at(value, path)
    for key in path:gmatch("[^.]+") do
        if type(value) ~= "table" then return nil end
        value = value[tonumber(key) and tonumber(key) + 1 or key]
    end
    return value
end

local function is_part(want, got)
    if type(want) ~= "table" then return want == got end
    if type(got) ~= "table" or (#want > 0 and #want ~= #got) then
        return false
    end
    for key, item in pairs(want) do
        if not is_part(item, got[key]) then return false end
    end
    return true
end

local function check_error(want, response, saved)
    assert.is_table(response.errors, "it succeeded")
    if want.validation then
        assert.is_true(response.data == nil or response.data == host.null)
        return
    end
    local err = response.errors[1]
    if want.code then assert.equal(want.code, err.code, err.message) end
    local parts = want.contains
    for _, part in ipairs(type(parts) == "table" and parts or { parts }) do
        assert.truthy(err.message:find(fill(part, saved), 1, true), err.message)
    end
end

local function check(expect, response, saved)
    if expect.error then return check_error(expect.error, response, saved) end
    assert.is_nil(response.errors and response.errors[1].message)
    if expect.data then
        assert.same(fill(expect.data, saved), response.data)
    elseif expect.match then
        assert.is_true(is_part(fill(expect.match, saved), response.data))
    elseif expect.differ then
        assert.not_same(at(response, expect.differ[1]),
            at(response, expect.differ[2]))
    end
end

local function step(one, on, saved, clock)
    if one.sleepMs then
        clock.ms = clock.ms + one.sleepMs
    elseif one.query then
        on.now = clock.ms
        local response = on:run(fill(one.query, saved),
            { variables = with_lists(fill(one.variables or {}, saved)) })
        check(one.expect, response, saved)
        for name, path in pairs(one.save or {}) do
            saved[name] = at(response, path)
        end
    end
end

describe("contract cases", function()
    if not db.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end
    local connection = db.connect()
    for _, case in ipairs(read_cases()) do
        it(case.name, function()
            local on = server.new(sets.from_datamodel(case.datamodel),
                connection)
            local saved, clock = {}, { ms = 1767607200000 }
            for _, one in ipairs(case.steps) do step(one, on, saved, clock) end
        end)
    end
end)
