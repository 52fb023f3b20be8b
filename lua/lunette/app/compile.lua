--- Apps as text → the release set, or everything that is wrong with them.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.compile
local calls = require("lunette.app.calls")
local collisions = require("lunette.app.collisions")
local enums = require("lunette.app.enums")
local extensions = require("lunette.app.extensions")
local language = require("lunette.app.language")
local lists = require("lunette.util.lists")
local load_app = require("lunette.app.load")
local manifest = require("lunette.app.manifest")
local model = require("lunette.model.model")
local permissions = require("lunette.access.permissions")
local relation = require("lunette.model.relation")
local report = require("lunette.app.report")
local roles = require("lunette.access.roles")
local template = require("lunette.mail.template")
local rules = require("lunette.policy.rules")
local text = require("lunette.util.text")

local compile = {}

local HASH, SET_ID = 8, 16

-- Hashes --------------------------------------------------------------------

--- The hash that names a release: of the paths and texts of its files.
-- @tparam {table,...} files { path, text }
-- @tparam ?function digest host.sha256, when it is not the global one
function compile.hash(files, digest)
    digest = digest or host.sha256
    local sorted, parts = {}, {}
    for at, file in ipairs(files) do sorted[at] = file end
    table.sort(sorted, function(a, b) return a.path < b.path end)
    for _, file in ipairs(sorted) do
        parts[#parts + 1] = ("%d:%s%d:"):format(#file.path, file.path,
            #file.text)
        parts[#parts + 1] = file.text
    end
    return digest(table.concat(parts))
end

-- A change of what policy gives is another set, too.
local function set_id(apps, tools)
    local parts = {}
    for _, app in ipairs(apps) do
        parts[#parts + 1] = app.name .. "=" .. app.full_hash .. ":"
            .. tools.sha256(tools.json_encode(app.policy))
    end
    return tools.sha256(table.concat(parts, ";")):sub(1, SET_ID)
end

-- Apps ----------------------------------------------------------------------

local MAIL = "/mail/([^/]+)$"

-- Templates of mails, by their names below mail/.
local function mail_files(files)
    local list = {}
    for _, file in ipairs(files) do
        local name = file.path:match(MAIL)
        if name and not name:find("%.lua$") then
            list[#list + 1] = { name = name, file = file }
        end
    end
    return list
end

local function check_mail(files, entries)
    for _, one in ipairs(mail_files(files)) do
        local wrong, line = template.problem(one.file.text)
        if wrong then
            entries:error({ file = one.file.path, line = line }, nil, "%s",
                wrong)
        end
    end
end

local function load_all(sources, granted, entries, host)
    local apps = {}
    for _, source in ipairs(sources) do
        local app = load_app.run(source, entries, host)
        manifest.read(app)
        granted:apply(app)
        check_mail(source.files, entries)
        app.full_hash = compile.hash(source.files, host.sha256)
        apps[#apps + 1] = app
    end
    return manifest.order(apps)
end

-- What apps may know of each other.
local function relations_of(apps)
    local by_name = {}
    for _, app in ipairs(apps) do by_name[app.name] = app end
    return {
        may_name = function(app, other)
            return app.name == other or lists.find(app.depends, other) ~= nil
        end,
        is_broken = function(name)
            return not by_name[name] or by_name[name].broken
        end,
    }
end

-- Models --------------------------------------------------------------------

local function start_models(apps, context)
    for _, app in ipairs(apps) do
        for _, declared in ipairs(app.models) do
            local key = app.name .. "." .. declared.name
            local first = context.by_key[key]
            if first then
                app.report:error(declared.place, declared.name,
                    "model %s is declared twice; the first is at %s:%d",
                    text.quote(declared.name), first.place.file,
                    first.place.line)
            else
                local builder = model.start(app, declared, context)
                context.by_key[key] = builder
                context.builders[#context.builders + 1] = builder
            end
        end
    end
end

local function finish_models(context)
    local function id_type_of(field)
        local target = field.target and context.by_key[field.target]
        return target and target.by_name.id.id_type
    end
    for _, builder in ipairs(context.builders) do
        model.finish(builder, id_type_of)
    end
end

local function export_models(builders)
    local out = {}
    for _, builder in ipairs(builders) do
        for _, field in ipairs(builder.model.fields) do
            if not field.added_by then field.file = nil end
            local default = field.default
            if default and default.lua then
                default.entry = language.entry.default(default.app,
                    builder.model.key, field.name)
            end
        end
        out[#out + 1] = builder.model
    end
    return out
end

-- Model key → hook → { {app=, entry=}, ... } in the order in which they run.
local function export_hooks(builders)
    local out = {}
    for _, builder in ipairs(builders) do
        local key, found = builder.model.key, {}
        for hook, apps in pairs(builder.hooks) do
            found[hook] = lists.marked({})
            for at, app in ipairs(apps) do
                found[hook][at] = { app = app.name,
                    entry = language.entry.hook(app.name, hook, key) }
            end
        end
        if next(found) then out[key] = found end
    end
    return out
end

local function export_mail(app)
    local templates
    for _, one in ipairs(mail_files(app.files)) do
        templates = templates or {}
        templates[one.name] = one.file.text
    end
    return templates
end

-- The tests of an app, in the order in which they are numbered.
local function export_tests(app)
    local out = lists.marked({})
    for at, declared in ipairs(app.tests) do
        out[at] = { name = declared.name, file = declared.place.file,
            line = declared.place.line }
    end
    return out
end

local function export_apps(apps, with_tests)
    local out = {}
    for _, app in ipairs(apps) do
        out[#out + 1] = { name = app.name, version = app.version,
            hash = app.full_hash:sub(1, HASH), title = app.title,
            depends = lists.marked(app.depends), prefix = app.prefix,
            on_upgrade = app.on_upgrade or nil,
            modules = app.policy.modules, limits = app.policy.limits,
            foreign = app.policy.foreign, extend = app.policy.extend,
            isolation = app.policy.isolation, push = app.policy.push,
            rollback = app.policy.rollback, mail = export_mail(app),
            tests = with_tests and export_tests(app) or nil,
            files = (app.has_functions or with_tests)
                and lists.marked(app.ran) or nil }
    end
    return out
end

--- Judges only what policy gives to apps and what they ask for, however wrong
-- the apps are otherwise.
-- @tparam {table,...} sources as for compile.apps
-- @tparam table opts the same
-- @treturn table lunette.policy.rules
-- @treturn {table,...} records of the apps, with `policy` and `policy_said`
-- @treturn ?{table,...} errors
-- @treturn {table,...} warnings
function compile.grants(sources, opts)
    local tools, entries, ignored = opts.host or host, report.new(), report.new()
    local granted = rules.read(opts.policy, entries, tools, true)
    local apps, keys, names = {}, {}, {}
    for at, source in ipairs(sources) do
        local app = load_app.run(source, ignored, tools)
        manifest.read(app)
        app.report = entries
        granted:apply(app)
        for _, declared in ipairs(app.models) do
            keys[app.name .. "." .. declared.name] = true
        end
        for _, declared in ipairs(app.roles) do
            names[app.name .. "." .. declared.name] = true
        end
        apps[at] = app
    end
    granted:finish(apps, keys, names)
    return granted, apps, entries:finish()
end

--- Compiles all apps of a service.
-- @tparam {table,...} sources { name = folder, files = { {path, text}, ... } };
--   paths as they are to be shown: "apps/sales/app.lua"
-- @tparam ?table opts host = the host module, when it is not the global one;
--   policy = texts of the policy and of the modules (lunette.policy.rules);
--   without it nothing is granted; tests = whether the set is to have them
-- @treturn[1] table release set; its `warnings` are to be shown
-- @treturn[2] nil
-- @treturn[2] {table,...} errors { file, line, word, message }, by file and
--   line
-- @treturn[2] {table,...} warnings, the same
function compile.apps(sources, opts)
    local tools = opts and opts.host or host
    local entries = report.new()
    local granted = rules.read(opts and opts.policy or {}, entries, tools)
    local apps = load_all(sources, granted, entries, tools)
    local context = relations_of(apps)
    context.digest, context.builders, context.by_key = tools.sha256, {}, {}
    context.enums = enums.read(apps, context.may_name)
    context.hooks, context.may_extend = language.HOOKS, rules.may_extend
    start_models(apps, context)
    extensions.read(apps, context)
    relation.resolve(context)
    finish_models(context)
    context.roles = roles.read(apps, context)
    permissions.read(apps, context)
    granted:finish(apps, context.by_key, context.roles.by_name or {})
    local declared = calls.read(apps, context)
    collisions.check(context.builders, context.enums.list, declared)
    local errors, warnings = entries:finish()
    if errors then return nil, errors, warnings end
    return { id = set_id(apps, tools), apps = export_apps(apps, opts and opts.tests),
        roles = roles.export(context.roles),
        models = export_models(context.builders),
        hooks = export_hooks(context.builders), calls = calls.export(declared),
        warnings = warnings }
end

--- An error or warning as one line: "apps/mini/app.lua:14: Lead.partner ...".
compile.format = report.format

return compile
