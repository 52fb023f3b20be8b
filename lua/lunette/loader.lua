--- From app folders to a release set that workers can serve.
--
-- Runs in a process of its own (`lunette __load`) and on the command line, with
-- the blocking functions of core/bind/loader.h. Nothing here knows of workers.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.loader
local compile = require("lunette.app.compile")
local excerpt = require("lunette.app.excerpt")
local explain = require("lunette.policy.explain")
local policy_files = require("lunette.policy.read")
local reports = require("lunette.app.report")
local rules = require("lunette.policy.rules")

local loader = {}

local LUA_BYTES = 4 * 1024 * 1024
local MAIL_BYTES = 1024 * 1024
local DATA_BYTES = 512 * 1024 * 1024
local PLAN_LINES = 50 -- of a refused change that are shown

local function problem(message)
    return { { message = message } }
end

-- Reading -------------------------------------------------------------------

-- Paths are shown as "apps/<name>/...", wherever the folder really is.
local function shown(name, files, below)
    for _, file in ipairs(files) do
        file.path = ("apps/%s/%s%s"):format(name, below or "", file.path)
    end
    return files
end

-- Adds the templates of mails: they are a part of the app's release.
local function read_mail(folder, name, files)
    local found, message = host.read_files(("%s/%s/mail"):format(folder, name),
        { "txt", "html" }, MAIL_BYTES)
    if not found then return message end
    for _, file in ipairs(shown(name, found, "mail/")) do
        files[#files + 1] = file
    end
end

--- The apps in a folder, as lunette.app.compile wants them.
-- @tparam string folder
-- @treturn[1] {table,...} { name, files = { {path, text}, ... } }
-- @treturn[2] nil
-- @treturn[2] {table,...} errors
function loader.read(folder)
    local names, message = host.folders(folder)
    if not names then return nil, problem(message) end
    local sources = {}
    for _, name in ipairs(names) do
        local files
        files, message = host.read_files(folder .. "/" .. name, { "lua" },
            LUA_BYTES)
        if not files then return nil, problem(message) end
        if #files > 0 then
            shown(name, files)
            message = read_mail(folder, name, files)
            if message then return nil, problem(message) end
            sources[#sources + 1] = { name = name, files = files }
        end
    end
    if #sources == 0 then
        return nil, problem(("there is no app in '%s'; 'lunette new APP'"
            .. " makes one"):format(folder))
    end
    return sources
end

-- Files of starting data, each with the app it belongs to.
local function read_data(folder, sources, demo)
    local list = {}
    for _, source in ipairs(sources) do
        for _, kind in ipairs(demo and { "data", "demo" } or { "data" }) do
            local files, message = host.read_files(
                ("%s/%s/%s"):format(folder, source.name, kind),
                { "csv", "json" }, DATA_BYTES)
            if not files then return nil, problem(message) end
            for _, file in ipairs(shown(source.name, files, kind .. "/")) do
                file.app = source.name
                list[#list + 1] = file
            end
        end
    end
    return list
end

-- Compiling -----------------------------------------------------------------

-- What policy gives belongs to the node, not to the releases.
local function compile_sources(sources, folder, opts)
    local policy, message = policy_files.sources(folder)
    if not policy then return nil, problem(message) end
    local set, problems, warnings = compile.apps(sources, { policy = policy,
        tests = opts and opts.tests })
    local texts = { { files = { policy } }, unpack(sources) }
    excerpt.add(problems, texts)
    excerpt.add(set and set.warnings or warnings, texts)
    return set, problems, warnings
end
loader.compile_sources = compile_sources
loader.read_data = read_data

--- Compiles the apps in a folder; changes nothing.
-- @treturn[1] table release set
-- @treturn[1] {table,...} sources
-- @treturn[2] nil
-- @treturn[2] {table,...} errors { file, line, message }
-- @treturn[2] ?{table,...} warnings
function loader.compile(folder)
    local sources, errors = loader.read(folder)
    if not sources then return nil, errors end
    local set, problems, warnings = compile_sources(sources, folder)
    if not set then return nil, problems, warnings end
    return set, sources
end

local function list(items)
    return setmetatable(items or {}, host.array_mt)
end

local function entries(items)
    local out = list()
    for _, item in ipairs(items or {}) do
        out[#out + 1] = { file = item.file, line = item.line,
            message = item.message, source = item.source,
            column = item.column, width = item.width }
    end
    return out
end

local function refused(errors, warnings)
    return { ok = false, errors = entries(errors),
        warnings = entries(warnings) }
end

-- Roles ---------------------------------------------------------------------

-- The roles with all that they imply, as a set.
local function close_roles(set, names)
    local by_name, closed = {}, {}
    for _, role in ipairs(set.roles) do by_name[role.name] = role end
    for _, name in ipairs(names) do
        local role = by_name[name]
        if not role and name ~= "admin" and name ~= "public"
            and name ~= "portal" then
            return nil, name
        end
        closed[name] = true
        for _, implied in ipairs(role and role.implies or {}) do
            closed[implied] = true
        end
    end
    return closed
end

local function unknown_role(set, name)
    local text = require("lunette.util.text")
    local names = { "admin", "public", "portal" }
    for _, role in ipairs(set.roles) do names[#names + 1] = role.name end
    local near = text.nearest and text.nearest(name, names)
    return ("there is no role '%s'%s"):format(name,
        near and ("; did you mean '" .. near .. "'?") or "")
end

-- Errors when the role of requests without a token is none of the set.
local function check_anonymous(set, name)
    if not name or name == "" or close_roles(set, { name }) then return nil end
    return problem("anonymous_role: " .. unknown_role(set, name))
end

-- Loading -------------------------------------------------------------------

-- "sales.order.note, sales.tag" as a set.
local function accepted_losses(text)
    local accept = {}
    for item in (text or ""):gmatch("[^,%s]+") do
        if not item:find("^[%w_]+%.[%w_]+$")
            and not item:find("^[%w_]+%.[%w_]+%.[%w_]+$") then
            return nil, problem(("accept_loss: '%s' is not of the form"
                .. " schema.table.column or schema.table"):format(item))
        end
        accept[item] = true
    end
    return accept
end

-- What was refused, and after it the statements of which nothing was run.
local function with_plan(refusals, steps)
    local errors, plan, seen = {}, {}, {}
    for _, step in ipairs(steps) do seen[step] = true end
    for _, refusal in ipairs(refusals) do
        errors[#errors + 1] = refusal
        if refusal.sql and not seen[refusal.sql] then plan[#plan + 1] = refusal.sql end
    end
    for _, step in ipairs(steps) do plan[#plan + 1] = step end
    for i = 1, math.min(#plan, PLAN_LINES) do
        errors[#errors + 1] = { message = "not run: "
            .. plan[i]:gsub("%s+", " ") }
    end
    if #plan > PLAN_LINES then
        errors[#errors + 1] = { message = ("not run: %d more statements")
            :format(#plan - PLAN_LINES) }
    end
    return errors
end

-- Starting data of the apps folder, or what came with a push.
local function data_of(choice, options)
    if choice.data then return choice.data end
    if not choice.folder then return {} end
    return read_data(options.apps, choice.folder, options.demo)
end

-- Which columns and tables stay though the set has no use for them: those of
-- apps that this load does not change, and all when it goes back.
local function keeper(choice)
    if choice.keep then return function() return true end end
    if choice.current.epoch == 0 then return nil end
    return function(schema) return not choice.changed[schema] end
end

local function change_database(db, set, choice, options)
    local schema = require("lunette.schema")
    local data = require("lunette.data")
    local files, errors = data_of(choice, options)
    if not files then return nil, errors end
    local accept
    accept, errors = accepted_losses(options.accept_loss)
    if not accept then return nil, errors end
    local ok, steps, plan, asked = schema.apply(db, set, { accept = accept,
        owner = options.node,
        keep = keeper(choice), back = choice.back, ask = choice.ask,
        confirm = choice.confirm })
    if not ok then return nil, with_plan(steps, plan), asked end
    local lines
    lines, errors = data.load(db, set, files)
    if not lines then return nil, errors end
    local done = list()
    if #steps > 0 then
        done[1] = ("%d steps changed the tables"):format(#steps)
    end
    for _, line in ipairs(lines) do done[#done + 1] = line end
    return done, nil, nil, steps
end

local function releases(set)
    local out = list()
    for i, app in ipairs(set.apps) do
        out[i] = { app = app.name, version = app.version, hash = app.hash }
    end
    return out
end

local function write_set(set, options)
    local path = ("%s/sets/%s.json"):format(options.data, set.id)
    local ok, message = host.write_file(path, host.json_encode(set))
    if not ok then return nil, problem(message) end
    return path
end

-- What the folder held becomes known when the workers have switched.
local function write_record(choice, options)
    if not choice.record then return true end
    local ok, message = host.write_file(options.data .. "/folder.next",
        host.json_encode(choice.record))
    return ok, not ok and problem(message)
end

-- Can what is served now be gone back to without touching the tables?
local function fits(db, options, steps)
    if #steps == 0 then return true end
    local text = options.job.set and host.read_file(options.job.set, 2 ^ 28)
    local set = text and host.json_decode(text)
    return set ~= nil and require("lunette.schema").fits(db, set)
end

-- Who, beside admins, may release an app: { roles, logins }.
local function grants_of(app, options)
    local policy = policy_files.sources(options.apps)
    local granted = rules.read(policy or {}, reports.new(), host)
    local entry = granted:of(app).push
    return entry and entry.value or { roles = {}, logins = {} }
end

-- The releases that a job is about.
local function choose(db, options)
    local release = require("lunette.release")
    local job = options.job
    if job["do"] == "push" or job["do"] == "rollback" then
        local refusal = job.login
            and release.refuse(db, job, grants_of(job.app, options))
        if refusal then return nil, refusal end
        if job["do"] == "push" then return release.of_push(db, job) end
        return release.of_rollback(db, job)
    elseif job["do"] == "follow" or options.stored then
        return release.of_store(db)
    end
    local folder, errors = loader.read(options.apps)
    if not folder then return nil, errors end
    if job["do"] == "embed" then return release.of_embedder(folder) end
    return release.of_folder(db, options, folder)
end

local function name_of(set, choice)
    for _, app in ipairs(set.apps) do
        if choice.changed[app.name] then
            return ("%s@%s+%s"):format(app.name, app.version, app.hash)
        end
    end
end

local function serve(db, choice, options)
    local release = require("lunette.release")
    local set, problems, warnings = compile_sources(choice.sources, options.apps)
    if not set then return refused(problems, warnings) end
    local wrong = check_anonymous(set, options.anonymous_role)
    if wrong then return refused(wrong, set.warnings) end
    local failed, passed
    if choice.ask then
        failed, passed = require("lunette.selftest").run(choice, options,
            read_data)
    end
    if failed then return refused(failed, set.warnings) end
    local done, errors, asked, steps = change_database(db, set, choice, options)
    if not done then
        local report = refused(errors, set.warnings)
        report.confirm = asked
        return report
    end
    release.store(db, choice, set, options.releases_keep or 20)
    local path
    path, errors = write_set(set, options)
    if not path then return refused(errors, set.warnings) end
    local ok
    ok, errors = write_record(choice, options)
    if not ok then return refused(errors, set.warnings) end
    return { ok = true, id = set.id, file = path, releases = releases(set),
        warnings = entries(set.warnings), steps = done,
        sql = setmetatable(steps, host.array_mt), name = name_of(set, choice),
        epoch = choice.current.epoch, policy = set.policy,
        apps = host.json_encode(release.apps(choice)),
        same = release.is_current(choice),
        trials = release.trials(choice, set), tests = passed,
        by = choice.by, why = choice.why, fits = fits(db, options, steps) }
end

local function load_with(db, options)
    local schema = require("lunette.schema")
    schema.prepare(db)
    if options.job["do"] == "list" then
        return { ok = true, list = require("lunette.release.store").list(db,
            options.job.app or "") }
    end
    local choice, errors = choose(db, options)
    if not choice then
        local report = refused(errors)
        report.forbidden = errors.forbidden
        return report
    elseif choice.warm then
        return { ok = true, warm = true, epoch = choice.current.epoch,
            apps = host.json_encode(choice.apps), by = choice.by,
            why = choice.why }
    end
    return serve(db, choice, options)
end

local function load(options)
    local db, message = host.connect(options.database)
    if not db then
        return refused(problem("cannot reach the database: " .. message))
    end
    options.job = options.job or { ["do"] = "load" }
    local ok, report = pcall(load_with, db, options)
    db:close()
    if ok then return report end
    return refused(problem("the database could not be used: "
        .. (type(report) == "table" and report.message or tostring(report))))
end

--- Loads the apps: compiles, changes the database, writes the set.
-- @tparam table options apps and data (folders), stored (the apps folder is not
--   looked at), node (its name among all), database (conninfo), demo,
--   accept_loss and anonymous_role (texts of the settings), job (what is asked:
--   core/supervise/reload.h), releases_keep, push_tests, test_server and
--   test_database (lunette.selftest)
-- @treturn string the report of core/serve/loadout.h
function loader.run(options)
    return host.json_encode(load(options))
end

-- The command line ----------------------------------------------------------

--- `lunette check`: what is wrong with the apps.
-- @tparam table options apps (folder), app (only this one's lines) or nil
-- @treturn string {"ok":, "errors":, "warnings":, "releases":} as JSON
function loader.check(options)
    local set, second, warnings = loader.compile(options.apps)
    local report
    if set then
        report = { ok = true, errors = list(), releases = releases(set),
            warnings = entries(set.warnings) }
    else
        report = refused(second, warnings)
    end
    return host.json_encode(report)
end

local function no_app(name, apps)
    local text, names = require("lunette.util.text"), {}
    for at, app in ipairs(apps) do names[at] = app.name end
    return problem(("there is no app '%s'%s"):format(name,
        text.did_you_mean(name, names)))
end

local function explained(granted, apps, name)
    for _, app in ipairs(apps) do
        if app.name == name then
            local data = explain.data(granted, app)
            return data, explain.text(data)
        end
    end
end

--- `lunette policy`: what is wrong with the policy, or what an app gets.
-- @tparam table options apps (folder), app (to be explained) or nil
-- @treturn string {"ok":, "errors":, "warnings":, "explained":, "text":} as JSON
function loader.policy(options)
    local sources, errors = loader.read(options.apps)
    if not sources then return host.json_encode(refused(errors)) end
    local policy, message = policy_files.sources(options.apps)
    if not policy then return host.json_encode(refused(problem(message))) end
    local granted, apps, wrong, warnings = compile.grants(sources,
        { policy = policy })
    local texts = { { files = { policy } }, unpack(sources) }
    excerpt.add(wrong, texts)
    excerpt.add(warnings, texts)
    local report = refused(wrong, warnings)
    report.ok, report.policy = wrong == nil, policy.path
    report.exists = policy.text ~= nil
    if options.app then
        report.explained, report.text = explained(granted, apps, options.app)
        if not report.text then
            report = refused(no_app(options.app, apps))
        end
    end
    return host.json_encode(report)
end

--- `lunette push`: the files of an app.
-- @tparam table options apps (folder), app, note
-- @treturn string what POST /push wants as JSON, or what is wrong
function loader.pack(options)
    local folder, name = options.apps .. "/" .. options.app, options.app
    local files = name:find("^[%w_]+$")
        and host.read_files(folder, { "lua" }, LUA_BYTES) or {}
    if #files == 0 then
        return ("there is no app '%s' in '%s'"):format(name, options.apps)
    end
    local function add(below, kinds, bytes)
        for _, file in ipairs(host.read_files(folder .. "/" .. below, kinds,
            bytes) or {}) do
            files[#files + 1] = { path = below .. "/" .. file.path,
                text = file.text }
        end
    end
    add("mail", { "txt", "html" }, MAIL_BYTES)
    add("data", { "csv", "json" }, DATA_BYTES)
    return host.json_encode({ app = name, files = list(files),
        note = options.note })
end

--- `lunette new`: the app.lua of a new app.
-- @tparam table options name
-- @treturn string its text
function loader.new(options)
    local template = require("lunette.app.template")
    local files, message = template.files(options.name)
    if not files then error(message, 0) end
    return files[1].text
end

-- More of the command line: see lunette.tools.
for _, name in ipairs({ "annotations", "test", "excerpts" }) do
    loader[name] = function(options)
        return require("lunette.tools")[name](options)
    end
end

local function set_of(options)
    if options.set then
        local set, message = host.json_decode(options.set)
        return set, set == nil and problem(message) or nil
    end
    return loader.compile(options.apps)
end

local DIRECTORY = "the service has no directory of users (the model User of the"
    .. " app base), so that only 'admin' can log in"

-- What is wrong with a user of the database, or nil.
local function check_user(db, set, login)
    local text = require("lunette.util.text")
    local model
    for _, candidate in ipairs(set.models) do
        if candidate.key == "base.User" then model = candidate end
    end
    if not model then return DIRECTORY end
    local from = (' from "%s"."%s" where active'):format(model.schema, model.table)
    local rows = db:query("select login" .. from .. " and login = $1", { login })
    if not rows or #rows > 0 then return nil end
    local logins = { "admin" }
    rows = db:query("select login" .. from .. " order by login limit 10000", {})
    for i, row in ipairs(rows or {}) do logins[i + 1] = row[1] end
    return ("there is no user '%s'%s"):format(login,
        text.did_you_mean(login, logins))
end

local function check_caller(options)
    local set = set_of(options)
    if not set then return nil end
    for _, role in ipairs(options.roles) do
        if not close_roles(set, { role }) then
            return unknown_role(set, role)
        end
    end
    if options.user == "admin" then return nil end
    local db = host.connect(options.database)
    local message = db and check_user(db, set, options.user)
    if db then db:close() end
    return message
end

--- `lunette token`: whether a service that runs knows a user and roles.
-- @tparam table options set (JSON of a release set), database (conninfo),
--   user (login), roles (list)
-- @treturn string {"message":} as JSON, without a message when all is well
function loader.caller(options)
    return host.json_encode({ message = check_caller(options) })
end

--- `lunette schema`: the SDL.
-- @tparam table options apps (folder) or set (JSON of a release set), strict,
--   roles (list; none: everything)
-- @treturn string {"ok":, "sdl":, "errors":} as JSON
function loader.schema(options)
    local sdl = require("lunette.graphql.sdl")
    local types = require("lunette.graphql.types")
    local set, errors = set_of(options)
    if not set then return host.json_encode(refused(errors)) end
    local roles, unknown
    if options.roles and #options.roles > 0 then
        roles, unknown = close_roles(set, options.roles)
        if not roles then
            return host.json_encode(refused(problem(
                unknown_role(set, unknown))))
        end
    end
    local schema = types.new(set, { strict = options.strict, roles = roles })
    return host.json_encode({ ok = true, sdl = sdl.print(schema) })
end

return loader
