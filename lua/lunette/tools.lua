--- What the command line does for developers, beside `check` and `schema`.
--
-- Runs like lunette.loader: on the command line, with the blocking functions of
-- core/bind/loader.h.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.tools
local annotations = require("lunette.app.annotations")
local excerpt = require("lunette.app.excerpt")
local catalog = require("lunette.policy.catalog")
local loader = require("lunette.loader")
local policy_files = require("lunette.policy.read")
local reports = require("lunette.app.report")

local data = require("lunette.data")
local schema = require("lunette.schema")

local tools = {}

local FILE_BYTES = 1024 * 1024

local function list(items)
    return setmetatable(items or {}, host.array_mt)
end

-- Annotations ---------------------------------------------------------------

-- The modules whose manifests are right.
local function modules_of(apps)
    local sources, message = policy_files.sources(apps)
    if not sources then return nil, message end
    local found = {}
    local modules = catalog.read(sources.modules, reports.new(),
        { sha256 = host.sha256 })
    for _, source in ipairs(sources.modules) do
        if modules[source.name] then
            found[#found + 1] = modules[source.name]
        end
    end
    return found
end

local function pages(models, modules)
    local folder = annotations.FOLDER .. "/"
    local out = {
        { folder .. "lunette.lua", annotations.words(models) },
        { folder .. "models.lua", annotations.models(models) },
    }
    for _, module in ipairs(modules) do
        out[#out + 1] = { folder .. module.name .. ".lua",
            annotations.module(module) }
    end
    return out
end

-- A configuration that somebody has changed is theirs.
local function write_configuration(folder)
    local path = folder .. "/.luarc.json"
    local wanted = host.json_encode(annotations.configuration()) .. "\n"
    local text = host.read_file(path, FILE_BYTES)
    if text == wanted then return true end
    if text then return true, annotations.FOLDER end
    local ok, message = host.write_file(path, wanted)
    return ok, message
end

--- `lunette annotations`: writes them beside the apps.
-- @tparam table options apps and folder (where they are written)
-- @treturn string {"ok":, "files":, "library":, "errors":} as JSON; `library` is
--   there when a .luarc.json was left as it is
function tools.annotations(options)
    local set, errors = loader.compile(options.apps)
    local modules, message = modules_of(options.apps)
    if not modules then
        return host.json_encode({ ok = false,
            errors = list({ { message = message } }) })
    end
    local files, ok = list(), true
    for _, page in ipairs(pages(set and set.models or {}, modules)) do
        ok, message = host.write_file(options.folder .. "/" .. page[1], page[2])
        if not ok then break end
        files[#files + 1] = page[1]
    end
    local library
    if ok then ok, library = write_configuration(options.folder) end
    if not ok then
        errors = { { message = message or library } }
    end
    return host.json_encode({ ok = ok and set ~= nil, files = files,
        library = ok and library or nil, errors = list(errors) })
end

-- Tests ---------------------------------------------------------------------

local PATIENCE = 10 -- a test may do what so many requests do

-- Another database of the same server.
local function database_url(conninfo, name)
    if conninfo:find("^postgres%w*://") then
        return conninfo .. (conninfo:find("?", 1, true) and "&" or "?")
            .. "dbname=" .. name
    end
    return conninfo .. " dbname=" .. name
end

local function has_database(db, name)
    local rows = db:query("select 1 from pg_database where datname = $1",
        { name })
    return rows and #rows > 0
end

local function run_all(conninfo, statements)
    local db, message = host.connect(conninfo)
    if not db then return nil, message end
    for _, sql in ipairs(statements) do
        local rows, err = db:query(sql, {})
        if not rows then
            db:close()
            return nil, err and err.message or "a statement failed"
        end
    end
    db:close()
    return true
end

-- Nothing in it is worth waiting for a disk.
local function make_database(server, name)
    return run_all(database_url(server, "postgres"), {
        ('create database "%s"'):format(name),
        ('alter database "%s" set synchronous_commit = off'):format(name) })
end

local function drop_database(server, name)
    return run_all(database_url(server, "postgres"),
        { ('drop database if exists "%s" with (force)'):format(name) })
end

local function bring_up(db, set, files)
    local ok, refusals = schema.apply(db, set, { accept = {} })
    if not ok then return nil, refusals[1] and refusals[1].message end
    local lines, errors = data.load(db, set, files)
    if not lines then return nil, errors[1] and errors[1].message end
    return true
end

local function open_database(server, name)
    local db = host.connect(database_url(server, name))
    if db then return db end
    local check, message = host.connect(database_url(server, "postgres"))
    if not check then return nil, message end
    local there = has_database(check, name)
    check:close()
    if not there then
        local ok
        ok, message = make_database(server, name)
        if not ok then return nil, message end
    end
    return host.connect(database_url(server, name))
end

-- The tables and starting data of a set in a database that is for tests only:
-- what cannot be changed is made anew.
local function prepare_database(server, name, set, files)
    for try = 1, 2 do
        local db, message = open_database(server, name)
        if not db then return nil, message end
        local ok
        ok, message = bring_up(db, set, files)
        db:close()
        if ok then return database_url(server, name) end
        if try == 2 then return nil, message end
        ok, message = drop_database(server, name)
        if not ok then return nil, message end
    end
end

-- One for each folder of apps, so that they do not change each other's tables.
local function database_name(folder)
    return "lunette_test_" .. host.sha256(folder):sub(1, 8)
end

local function be_patient(set)
    for _, app in ipairs(set.apps) do
        for _, limit in ipairs({ "cpu_ms", "wall_ms", "statements", "rows" }) do
            if app.limits and app.limits[limit] then
                app.limits[limit] = app.limits[limit] * PATIENCE
            end
        end
    end
    return set
end

-- { app=, number=, name=, file=, line= } of those that are wanted.
local function tests_of(set, wanted)
    local found = list()
    for _, app in ipairs(set.apps) do
        local is_wanted = not wanted or wanted[app.name]
        for at, declared in ipairs(is_wanted and app.tests or {}) do
            found[#found + 1] = { app = app.name, number = at,
                name = declared.name, file = declared.file,
                line = declared.line }
        end
    end
    return found
end

local function names_set(names)
    if not names or #names == 0 then return nil end
    local set = {}
    for _, name in ipairs(names) do set[name] = true end
    return set
end

local function refused(errors)
    return { ok = false, errors = list(errors) }
end

--- Brings a database for tests up to the apps of `sources`.
-- @tparam {table,...} sources
-- @tparam ?table wanted apps whose tests are wanted, as a set
-- @tparam table options of tools.test, and files (starting data) and name (in
--   the place of `apps`, for the name of the database)
-- @treturn table what tools.test gives
function tools.prepare(sources, wanted, options)
    local set, errors = loader.compile_sources(sources, options.apps,
        { tests = true })
    if not set then return refused(errors) end
    local found = tests_of(set, wanted)
    local files
    files, errors = options.files, nil
    if not files then files, errors = loader.read_data(options.apps, sources) end
    if not files then return refused(errors) end
    local database, message = options.database, nil
    if #found > 0 and not database then
        database, message = prepare_database(options.server,
            database_name(options.name or options.apps), set, files)
    elseif #found > 0 then
        local db
        db, message = host.connect(database)
        local ok = db and bring_up(db, set, files)
        if db then db:close() end
        database = ok and database
    end
    if #found > 0 and not database then
        return refused({ { message = "no database for the tests: "
            .. tostring(message) } })
    end
    local ok
    ok, message = host.write_file(options.file,
        host.json_encode(be_patient(set)))
    if not ok then return refused({ { message = message } }) end
    return { ok = true, tests = found, database = database,
        set = options.file }
end

--- `lunette test`: compiles the apps with their tests, and brings a database for
-- tests up to them.
-- @tparam table options apps (folder), names (of apps; none: all), file (where
--   the set is written), and server (conninfo of a server where databases can be
--   made) or database (conninfo of one that is for tests)
-- @treturn string {"ok":, "tests":, "database":, "set":, "errors":} as JSON
function tools.test(options)
    local sources, errors = loader.read(options.apps)
    if not sources then return host.json_encode(refused(errors)) end
    return host.json_encode(tools.prepare(sources, names_set(options.names), options))
end

--- "sales:app.lua:14: text" as an entry with its excerpt.
function tools.placed(message, sources)
    local app, file, line, rest = message:match(
        "^([%w_]+):([^:\n]+):(%d+): (.*)$")
    local entry = { message = rest or message }
    if app then
        entry.file, entry.line = ("apps/%s/%s"):format(app, file),
            tonumber(line)
        excerpt.add({ entry }, sources)
    end
    return entry
end

--- The messages of failed tests with the lines of code.
-- @tparam table options apps (folder), messages
-- @treturn string a list of entries as JSON
function tools.excerpts(options)
    local sources = loader.read(options.apps) or {}
    local out = list()
    for at, message in ipairs(options.messages) do
        local first, more = message:match("^([^\n]*)\n?(.*)$")
        out[at] = tools.placed(first, sources)
        if more ~= "" then out[at].stack = more end
    end
    return host.json_encode(out)
end

return tools
