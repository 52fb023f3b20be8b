--- Runs the files of one app and gives what they declare, unjudged.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.load
local globals = require("lunette.app.globals")
local plain = require("lunette.app.plain")
local sandbox = require("lunette.app.sandbox")
local text = require("lunette.util.text")
local vocabulary = require("lunette.app.vocabulary")
local words = require("lunette.app.words")

local load_app = {}

local MAX_FILE = 4000000

-- Files that are data of the framework, not declarations.
local SKIPPED = { ["numbers.lua"] = true }

local function inside(app, path)
    local prefix = "apps/" .. app.name .. "/"
    local at = path:find(prefix, 1, true)
    return at and path:sub(at + #prefix) or path
end

-- app.lua first, then by path.
local function lua_files(app, files)
    local chosen = {}
    for _, file in ipairs(files) do
        local short = inside(app, file.path)
        if short:find("%.lua$") and not SKIPPED[short] then
            chosen[#chosen + 1] = { path = file.path, text = file.text,
                short = short }
        end
    end
    table.sort(chosen, function(a, b)
        if (a.short == "app.lua") ~= (b.short == "app.lua") then
            return a.short == "app.lua"
        end
        return a.short < b.short
    end)
    return chosen
end

-- "sales:app.lua:14: message" → 14, "message"
local function split_message(chunk, message)
    local prefix = chunk:sub(2) .. ":"
    if message:sub(1, #prefix) ~= prefix then return nil, message end
    local line, rest = message:sub(#prefix + 1):match("^(%d+): (.*)$")
    return tonumber(line), rest or message
end

local function fail(app, path, chunk, err)
    local message = type(err) == "string" and err or "error without a text"
    local line, rest = split_message(chunk, message)
    app.broken = true
    app.report:error({ file = path, line = line }, nil, "%s",
        (rest:gsub("%c", " ")))
end

-- One file that another file's error message names is told by its path.
local function compile_file(app, file, chunk)
    if file.text:sub(1, 1) == "\27" then
        return nil, "this is bytecode; apps are read as text"
    elseif #file.text > MAX_FILE then
        return nil, ("longer than %d bytes"):format(MAX_FILE)
    end
    local bad = text.bad_utf8(file.text)
    if bad then
        local _, lines = file.text:sub(1, bad):gsub("\n", "")
        return nil, ("%s:%d: byte %d is no UTF-8; save the file as UTF-8")
            :format(chunk:sub(2), lines + 1, file.text:byte(bad))
    end
    return load(file.text, chunk, "t", app.environment)
end

local function guarded(host, fn)
    if host and host.guarded then return host.guarded(fn) end
    return pcall(fn)
end

local function run_file(app, file, host)
    local chunk = ("=%s:%s"):format(app.name, file.short)
    app.chunks[chunk] = file.path
    local main, err = compile_file(app, file, chunk)
    if not main then return fail(app, file.path, chunk, err) end
    local ok, problem
    local inner_ok, inner = sandbox.run(function()
        ok, problem = guarded(host, main)
    end)
    if not inner_ok then ok, problem = false, inner end
    if not ok then return fail(app, file.path, chunk, problem) end
    app.mains[#app.mains + 1] = { path = file.path, run = main }
end

-- What functions name is known when all files were run.
local function check_functions(app)
    if app.broken then return end
    for _, main in ipairs(app.mains) do
        app.check_globals(main.path, globals.inside(main.run))
    end
end

local function take_options(app)
    for _, data in pairs(app.tokens) do
        if type(data.options) == "table" then
            data.options = plain.options(app, data)
        end
    end
end

local function check_complete(app)
    local lists = { app.manifests, app.roles, app.models, app.access,
        app.extensions, app.calls }
    for _, list in ipairs(lists) do
        for at = #list, 1, -1 do
            local entry = list[at]
            if not entry.options then
                app.report:error(entry.place, entry.name,
                    "%s %s has no { ... }", entry.word, text.quote(entry.name))
                table.remove(list, at)
            end
        end
    end
end

--- Loads an app.
-- @tparam table source { name = folder, files = { {path, text}, ... } }
-- @tparam table report lunette.app.report
-- @tparam ?table host its `guarded(fn)` runs the files under a limit
-- @treturn table { name, path, manifests, roles, models, access, enums,
--   extensions, calls, ran = { {path, chunk, text}, ... } in their order,
--   tokens = token → what the word recorded, broken = a file did not run }
function load_app.run(source, report, host)
    local app = {
        name = source.name, path = ("apps/%s/app.lua"):format(source.name),
        report = report, chunks = {},
        tokens = setmetatable({}, { __mode = "k" }), token_count = 0,
        sequence = 0, sunk = 0, manifests = {}, roles = {},
        models = {}, access = {}, enums = {}, extensions = {}, calls = {},
        tests = {},
        files = source.files, ran = {}, mains = {},
        later_options = vocabulary.LATER_OPTIONS,
    }
    app.environment = words.environment(app)
    local files = lua_files(app, source.files)
    if not files[1] or files[1].short ~= "app.lua" then
        report:error({ file = app.path }, nil, "an app needs the file app.lua")
        app.broken = true
    end
    for at, file in ipairs(files) do
        run_file(app, file, host)
        app.ran[at] = { path = file.path, text = file.text,
            chunk = app.name .. ":" .. file.short }
    end
    check_functions(app)
    take_options(app)
    check_complete(app)
    return app
end

return load_app
