--- The tests of a pushed app, run before anything is changed.
--
-- They run in a database of their own, which is brought up to the tables that
-- the release wants, each in a transaction that is rolled back.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.selftest
local tools = require("lunette.tools")

local selftest = {}

local function problem(message, ...)
    return { { message = message:format(...) } }
end

-- The errors of tests that failed, by the place where they did.
local function failures(tests, results, sources)
    local errors = {}
    for at, result in ipairs(results) do
        if not result.ok then
            local test = tests[at]
            local entry = tools.placed((result.message or "it failed")
                :match("^[^\n]*"), sources)
            if not entry.file then
                entry.file, entry.line = test.file, test.line
            end
            local got = result.got and ("; got %s, expected %s"):format(
                result.got, result.expected) or ""
            entry.message = ("test '%s' failed: %s%s"):format(test.name,
                entry.message, got)
            errors[#errors + 1] = entry
        end
    end
    return errors
end

local function run(prepared, sources)
    local text, message = host.run_tests(prepared.database, prepared.set,
        host.json_encode(prepared.tests))
    if not text then return problem("the tests could not run: %s", message) end
    return failures(prepared.tests, host.json_decode(text), sources)
end

-- Starting data: of the push, and of the other apps where their folder is here.
local function data_of(choice, options, read_data)
    local files, others = {}, {}
    for _, file in ipairs(choice.data) do files[#files + 1] = file end
    for _, source in ipairs(choice.sources) do
        if not choice.changed[source.name] then others[#others + 1] = source end
    end
    for _, file in ipairs(not options.stored
        and read_data(options.apps, others) or {}) do
        files[#files + 1] = file
    end
    return files
end

--- Runs them.
-- @tparam table choice lunette.release
-- @tparam table options of lunette.loader.run
-- @tparam function read_data lunette.loader.read_data
-- @treturn ?{table,...} errors
-- @treturn ?string what they came to, for the one who pushes
function selftest.run(choice, options, read_data)
    local must = options.push_tests == "require"
    if options.push_tests == "off" then return nil end
    local where = options.test_server or options.test_database
    if not where then
        return must and problem("the tests cannot run: there is no"
            .. " test_database") or nil
    end
    local prepared = tools.prepare(choice.sources, choice.changed, {
        apps = options.apps, name = options.data, server = options.test_server,
        database = options.test_database,
        file = options.data .. "/sets/tests.json",
        files = data_of(choice, options, read_data) })
    if not prepared.ok then return prepared.errors end
    if #prepared.tests == 0 then
        return must and problem("the app has no tests, and push_tests asks for"
            .. " some") or nil
    end
    local errors = run(prepared, choice.sources)
    if #errors > 0 then return errors end
    return nil, ("%d tests passed"):format(#prepared.tests)
end

return selftest
