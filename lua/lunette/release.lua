--- Which release of each app a load is about.
--
-- A job of the supervisor (core/supervise/reload.h) says why there is a load: a start
-- or a save of the apps folder ("load"), a switch of another node ("follow"), a
-- push, a rollback. Each begins with what is served now and changes some apps of
-- it. The last event counts: a file that is saved, a push, a rollback.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.release
local compile = require("lunette.app.compile")
local store = require("lunette.release.store")
local text = require("lunette.util.text")

local release = {}

local FILES_MAX = 1000
local FILES_BYTES = 16 * 1024 * 1024

local function problem(message, ...)
    return { { message = message:format(...) } }
end

-- What is served now --------------------------------------------------------

-- Sources of releases that the database has. `known` are sources at hand, by
-- app, each with its hash.
local function stored(db, apps, known)
    local sources = {}
    for app, hash in pairs(apps) do
        local source = known and known[app]
        if not source or source.hash ~= hash then
            local files = store.files(db, app, hash)
            if not files then
                return nil, problem("release %s+%s is not in the database any"
                    .. " more", app, hash:sub(1, 8))
            end
            source = { name = app, files = files, hash = hash }
        end
        sources[#sources + 1] = source
    end
    table.sort(sources, function(a, b) return a.name < b.name end)
    return sources
end

local function with(sources, source)
    local out = {}
    for _, other in ipairs(sources) do
        if other.name ~= source.name then out[#out + 1] = other end
    end
    out[#out + 1] = source
    table.sort(out, function(a, b) return a.name < b.name end)
    return out
end

-- The apps folder -----------------------------------------------------------

-- What the folder held when it was last taken: app → hash.
local function read_record(options)
    local content = host.read_file(options.data .. "/folder.json", 1e6)
    return content and host.json_decode(content) or {}
end

-- Does the folder bring something new for an app? What it brought before is no
-- news: the app may have been pushed or rolled back since.
local function is_news(db, source, record, current)
    local last = record[source.name]
    if last then return last ~= source.hash end
    return current.epoch == 0 or not current.apps[source.name]
        or not store.has(db, source.name, source.hash)
end

--- The apps folder over what is served.
function release.of_folder(db, options, folder)
    local current, record = store.current(db), read_record(options)
    local known, apps, changed, held = {}, {}, {}, {}
    for _, source in ipairs(folder) do
        source.hash = compile.hash(source.files)
        known[source.name], held[source.name] = source, source.hash
    end
    for app, hash in pairs(current.apps) do
        if known[app] or not record[app] then apps[app] = hash end
    end
    for _, source in ipairs(folder) do
        if is_news(db, source, record, current) then
            changed[source.name] = current.apps[source.name] ~= source.hash
                or nil
            apps[source.name] = source.hash
        elseif current.epoch == 0 then
            apps[source.name] = source.hash
        end
    end
    local sources, errors = stored(db, apps, known)
    if not sources then return nil, errors end
    local present = {}
    for _, source in ipairs(folder) do
        if apps[source.name] then present[#present + 1] = source end
    end
    return { sources = sources, current = current, changed = changed,
        folder = present, record = held, by = "files", why = "saved" }
end

--- The apps folder alone, for a program that embeds the runtime: nothing is
-- stored, nobody follows.
function release.of_embedder(folder)
    local changed = {}
    for _, source in ipairs(folder) do changed[source.name] = true end
    return { sources = folder, current = { epoch = 0, apps = {} },
        changed = changed, folder = folder, embedded = true }
end

--- What the database says, for a node that starts or follows.
function release.of_store(db)
    local current = store.current(db)
    local sources, errors = stored(db, current.apps)
    if not sources then return nil, errors end
    return { sources = sources, current = current, changed = {},
        keep = true, by = current.by or "database", why = current.why or "",
        pushed = current.by ~= "files",
        settled = (current.why or ""):find("^rolled back") ~= nil }
end

-- Rights --------------------------------------------------------------------

-- Roles of a login by the directory, closed over the roles of the set that is
-- served (not of the one that is pushed), narrowed by the token.
local function roles_of(db, set, job)
    local given, closed = {}, {}
    local rows = db:query('select unnest(roles) from base."user" where'
        .. " login = $1 and active", { job.login })
    for _, row in ipairs(rows or {}) do given[#given + 1] = row[1] end
    if job.login == "admin" then given[#given + 1] = "admin" end
    for _, name in ipairs(given) do
        closed[name] = true
        for _, role in ipairs(set and set.roles or {}) do
            if role.name == name then
                for _, implied in ipairs(role.implies or {}) do
                    closed[implied] = true
                end
            end
        end
    end
    if not job.roles or #job.roles == 0 then return closed end
    local narrow = {}
    for _, name in ipairs(job.roles) do
        narrow[name] = (closed[name] or closed.admin) or nil
    end
    return narrow
end

--- May the caller of a job release this app? Admins always; others by login or
-- role in the policy's `push`.
-- @tparam table granted roles and logins
-- @treturn ?{table,...} errors
function release.refuse(db, job, granted)
    local content = job.set and host.read_file(job.set, 2 ^ 28)
    local roles = roles_of(db, content and host.json_decode(content), job)
    local narrowed = job.roles and #job.roles > 0
    if roles.admin then return nil end
    for _, name in ipairs(granted.roles) do
        if roles[name] then return nil end
    end
    for _, name in ipairs(granted.logins) do
        if name == job.login and not narrowed then return nil end
    end
    local errors = problem("'%s' may not release the app '%s'; policy.lua"
        .. " grants that with push = { roles = {...}, logins = {...} }",
        job.login, job.app)
    errors.forbidden = true
    return errors
end

-- A push --------------------------------------------------------------------

local function check_file(file, seen)
    if type(file) ~= "table" or type(file.path) ~= "string"
        or type(file.text) ~= "string" then
        return "it is not { path, text }"
    elseif #file.path > 200 or file.path:find("%.%.")
        or not file.path:find("^[%w_][%w_./-]*%.%w+$") then
        return "this is no path below the app"
    elseif seen[file.path] then
        return "it is there twice"
    end
    seen[file.path] = true
end

-- The files of a push: { lua and templates of mails, data }.
local function pushed_files(job)
    local lua, data, seen, bytes = {}, {}, {}, 0
    if type(job.files) ~= "table" or #job.files > FILES_MAX then
        return nil, problem("a push has at most %d files", FILES_MAX)
    end
    for _, file in ipairs(job.files) do
        local wrong = check_file(file, seen)
        if wrong then
            return nil, problem("file '%s': %s", tostring(type(file) == "table"
                and file.path), wrong)
        end
        bytes = bytes + #file.text
        local shown = ("apps/%s/%s"):format(job.app, file.path)
        local one = { path = shown, text = file.text }
        if file.path:find("%.lua$") or file.path:find("^mail/[^/]+$") then
            lua[#lua + 1] = one
        elseif file.path:find("^data/") then
            one.app = job.app
            data[#data + 1] = one
        end
    end
    if bytes > FILES_BYTES then
        return nil, problem("the files have more than %d bytes", FILES_BYTES)
    end
    return lua, data
end

--- The pushed app over what is served.
function release.of_push(db, job)
    local current = store.current(db)
    local lua, data = pushed_files(job)
    if not lua then return nil, data end
    local source = { name = job.app, files = lua, hash = compile.hash(lua) }
    local apps = {}
    for app, hash in pairs(current.apps) do
        if app ~= job.app then apps[app] = hash end
    end
    local sources, errors = stored(db, apps)
    if not sources then return nil, errors end
    return { sources = with(sources, source), current = current, data = data,
        changed = { [job.app] = true }, ask = true, confirm = job.confirm,
        pushed = true, by = job.login, why = job.note or "" }
end

-- A rollback ----------------------------------------------------------------

-- The hash that a rollback is to.
local function target_of(db, job, current)
    local now = current.apps[job.app]
    if not now then
        local names = {}
        for name in pairs(current.apps) do names[#names + 1] = name end
        return nil, problem("there is no app '%s'%s", job.app,
            text.did_you_mean(job.app, names))
    elseif job.from and job.from ~= now:sub(1, #job.from) then
        return nil, problem("release %s of '%s' is not served any more",
            job.from, job.app)
    elseif not job.to then
        local hash = store.previous(db, job.app, now)
        return hash, not hash and problem("there is no earlier release of"
            .. " '%s'", job.app)
    end
    local hash = store.find(db, job.app, job.to)
    if not hash then
        return nil, problem("there is no release '%s' of '%s'; 'lunette"
            .. " releases %s' lists them", job.to, job.app, job.app)
    elseif hash == now then
        return nil, problem("'%s' of '%s' is what is served", job.to, job.app)
    end
    return hash
end

local function same_apps(a, b)
    for app, hash in pairs(a) do
        if b[app] ~= hash then return false end
    end
    for app in pairs(b) do
        if not a[app] then return false end
    end
    return true
end

--- An older release of an app over what is served. `warm` when it is the set
-- that the workers still have.
function release.of_rollback(db, job)
    local current = store.current(db)
    local hash, errors = target_of(db, job, current)
    if not hash then return nil, errors end
    local apps = {}
    for app, other in pairs(current.apps) do apps[app] = other end
    apps[job.app] = hash
    local choice = { current = current, changed = { [job.app] = true },
        keep = true, back = true, settled = true,
        by = job.login or "automatic",
        why = job.why and "rolled back: " .. job.why or "rolled back",
        apps = apps }
    if job.warm and same_apps(apps, job.warm) then
        choice.warm = true
        return choice
    end
    choice.sources, errors = stored(db, apps)
    if not choice.sources then return nil, errors end
    return choice
end

-- Afterwards ----------------------------------------------------------------

--- Keeps the releases of a choice that was found good.
function release.store(db, choice, set, keep_count)
    local versions, news = {}, false
    for _, app in ipairs(set.apps) do versions[app.name] = app.version end
    if choice.embedded or choice.back then return end
    for _, source in ipairs(choice.sources) do
        if choice.current.apps[source.name] ~= source.hash then
            news = true
            store.put(db, { app = source.name, hash = source.hash,
                version = versions[source.name], files = source.files,
                by = choice.by, notes = choice.ask and choice.why or "" })
        end
    end
    if news then store.prune(db, keep_count) end
end

-- For releases that were pushed; what a developer saves is only watched when
-- policy says so.
local TRIAL = { errors = 0.5, requests = 20, within_ms = 60000 }

--- How the releases of a set are watched in their first minute
-- (core/serve/probation.h); those that are not new are passed over there.
function release.trials(choice, set)
    local out = setmetatable({}, host.array_mt)
    for _, app in ipairs(choice.settled and {} or set.apps) do
        local limits = app.rollback
        if limits == nil and choice.pushed then limits = TRIAL end
        if limits then
            out[#out + 1] = { app = app.name, hash = app.hash,
                errors = limits.errors, requests = limits.requests,
                within_ms = limits.within_ms }
        end
    end
    return out
end

--- app → hash of what was chosen.
function release.apps(choice)
    if choice.apps then return choice.apps end
    local apps = {}
    for _, source in ipairs(choice.sources) do
        apps[source.name] = source.hash or compile.hash(source.files)
    end
    return apps
end

--- Does the database say already that this is served?
function release.is_current(choice)
    return choice.current.epoch > 0
        and same_apps(release.apps(choice), choice.current.apps)
end

return release
