--- `query "name" { ... }` and `mutation "name" { ... }`: an app's own fields of
-- the API.
--
-- CALL = { app=, kind="query|mutation", name=, graphql=, help=, args={FIELD},
--          returns=RETURNS, by={role}, place={file, line} }
-- RETURNS = { kind="nothing" } | { kind="scalar", field=FIELD }
--         | { kind="model", model=key, list=bool, required=bool }
--         | { kind="object", name=, list=bool, required=bool,
--             fields={ {name=, graphql=, help=, returns=RETURNS} } }
-- An empty `by` means everybody who is logged in.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.calls
local lists = require("lunette.util.lists")
local names = require("lunette.util.names")
local options = require("lunette.model.options")
local roles = require("lunette.access.roles")
local scalar = require("lunette.model.scalar")
local text = require("lunette.util.text")

local calls = {}

local OPTIONS = { args = "table", returns = "any", by = "any", title = "string",
    help = "string", graphql = "graphql", run = "function" }
local ARG_OPTIONS = lists.set({ "required", "default", "min", "max", "size",
    "digits", "title", "help", "graphql" })
local RESULT_OPTIONS = lists.set({ "required", "size", "digits", "title",
    "help", "graphql" })
local MAX_NAME, MAX_ARGS, MAX_DEPTH = 60, 100, 4
local IS_RECORD = lists.set({ "ref", "refs" })
local NO_VALUE = lists.set({ "created", "updated" })

local RETURNS_USAGE = 'text, "Model", list "Model", list(text) or a table of'
    .. " fields"

-- Names ---------------------------------------------------------------------

-- top_leads → topLeads; with the prefix of the app, hrTopLeads.
local function api_name(app, name)
    local camel = names.snake_to_camel(name)
    if not app.prefix then return camel end
    return names.lower_first(app.prefix .. names.upper_first(camel))
end

local function check_name(self, name, said)
    local problem
    if type(name) ~= "string" or not name:find("^%l[%l%d_]*$")
        or name:find("_$") or name:find("__", 1, true) then
        problem = "must be lower-case letters, digits and '_'"
    elseif #name > MAX_NAME then
        problem = ("is longer than %d characters"):format(MAX_NAME)
    end
    if not problem then return true end
    self.app.report:error(self.place, tostring(name), "%s name %s %s", said,
        text.quote(name), problem)
end

-- Fields of arguments and results -------------------------------------------

local function report(self, word, message, ...)
    self.app.report:error(self.place, word, self.subject .. message, ...)
end

-- What a value stands for: what a word recorded, also for a word without braces.
local function declared_of(self, value)
    local token = type(value) == "table" and self.app.tokens[value] or nil
    if not token then return nil end
    if token.what == "type" then
        return { word = token.word, options = {}, place = self.place }
    end
    return token
end

-- An id without a kind is that of any model, whatever its key is kept as.
local function any_id(declared)
    local item = declared.item
    if declared.word == "id" and not declared.id_type then
        return lists.merged(declared, { id_type = "text" })
    elseif item and item.word == "id" and not item.id_type then
        return lists.merged(declared, { item = any_id(item) })
    end
    return declared
end

-- FIELD of a scalar type, or nil after a report. `kept` are its options.
local function build_scalar(self, name, declared, kept)
    if NO_VALUE[declared.word] then
        return report(self, declared.word,
            ".%s: %s is for the fields of models; write datetime", name,
            text.quote(declared.word))
    end
    local context = { app = self.app, model = { name = self.type_name },
        subject = self.subject .. "." .. name, enums = self.enums,
        options = kept }
    declared = any_id(declared)
    local field = scalar.build(name, declared, context)
    if field then field.column, field.unique, field.index = nil, nil, nil end
    return field
end

local function in_order(found)
    table.sort(found, function(a, b)
        local x, y = a.declared.sequence or 0, b.declared.sequence or 0
        if x ~= y then return x < y end
        return a.name < b.name
    end)
    return found
end

-- Models --------------------------------------------------------------------

local function model_keys(self)
    local keys = {}
    for key, builder in pairs(self.context.by_key) do
        if builder.app == self.app then
            keys[#keys + 1] = builder.declared_name
        elseif self.context.may_name(self.app, builder.app.name) then
            keys[#keys + 1] = key
        end
    end
    return keys
end

local function model_of(self, name)
    local app, context = self.app, self.context
    local owner = name:match("^([^.]+)%.")
    local key = owner and name or app.name .. "." .. name
    if owner and owner ~= app.name and not context.may_name(app, owner) then
        report(self, name, " names %s, but 'depends' does not name the app"
            .. " %s", text.quote(name), text.quote(owner))
    elseif context.by_key[key] then
        return key
    elseif not context.is_broken(owner or app.name) then
        report(self, name, " names %s, which is no model%s",
            text.quote(name), text.did_you_mean(name, model_keys(self)))
    end
end

-- Arguments -----------------------------------------------------------------

local function wrong_argument(self, name, declared)
    if declared and declared.what == "later" then
        if not declared.reported then
            report(self, declared.word, ".%s: %s is not built yet", name,
                declared.word)
        end
    elseif declared and declared.relation then
        report(self, declared.word, '.%s: an argument cannot be %s; write ref'
            .. ' "Model" {} or refs "Model" {}', name, declared.word)
    elseif declared and declared.returned then
        report(self, "list", ".%s: an argument is a list of a type, as in"
            .. " list(text), or json", name)
    else
        report(self, name, ".%s is not an argument; write %s = text {} or"
            .. " another type", name, name)
    end
end

-- A record, given by its id.
local function build_record(self, entry)
    local declared = entry.declared
    local clean = options.read(self.app, declared.place,
        self.subject .. "." .. entry.name, declared.options,
        { required = "boolean", title = "string", help = "string",
            graphql = "graphql" })
    local key = model_of(self, declared.target)
    return key and {
        name = entry.name, graphql = clean.graphql
            or names.snake_to_camel(entry.name),
        kind = "scalar", type = "text", scalar = "ID", pg = "text",
        list = declared.word == "refs", required = clean.required or false,
        target = key, title = clean.title, help = clean.help,
        line = declared.place.line,
    }
end

local function build_argument(self, entry)
    if entry.declared.relation then return build_record(self, entry) end
    local field = build_scalar(self, entry.name, entry.declared, ARG_OPTIONS)
    if not field then return nil end
    if field.default and field.default.lua then
        report(self, "default", ".%s: the default of an argument cannot be a"
            .. " function", entry.name)
        field.default = nil
    end
    -- An empty list is a value: a list is only asked for when it is required.
    field.required = field.required
        or entry.declared.options.required == true
    return field
end

local function build_arguments(self, raw)
    local found, args, seen = {}, lists.marked({}), {}
    for _, name in ipairs(lists.keys(raw)) do
        local declared = declared_of(self, raw[name])
        local fits = declared and declared.what ~= "later"
            and (not declared.relation or IS_RECORD[declared.word])
            and not declared.returned
            and (declared.what == "field" or not declared.what)
        if check_name(self, name, self.subject .. ": the argument") then
            if fits then
                found[#found + 1] = { name = name, declared = declared }
            else
                wrong_argument(self, name, declared)
            end
        end
    end
    if #found > MAX_ARGS then
        report(self, "args", " has more than %d arguments", MAX_ARGS)
        return args
    end
    for _, entry in ipairs(in_order(found)) do
        local field = build_argument(self, entry)
        local first = field and seen[field.graphql]
        if first then
            report(self, entry.name, ": '%s' and '%s' are both '%s' in the API",
                first, entry.name, field.graphql)
        elseif field then
            seen[field.graphql] = entry.name
            args[#args + 1] = field
        end
    end
    return args
end

-- Results -------------------------------------------------------------------

local result_of

local function object_of(self, raw, type_name, depth)
    if depth > MAX_DEPTH then
        return report(self, "returns", ": objects are nested deeper than %d"
            .. " levels", MAX_DEPTH)
    end
    local found, fields, seen = {}, lists.marked({}), {}
    for _, name in ipairs(lists.keys(raw)) do
        if check_name(self, name, self.subject .. ": the result") then
            found[#found + 1] = { name = name, value = raw[name],
                declared = declared_of(self, raw[name]) or {} }
        end
    end
    for _, entry in ipairs(in_order(found)) do
        local returns, graphql, help = result_of(self, entry.name, entry.value,
            type_name .. names.upper_first(names.snake_to_camel(entry.name)),
            depth + 1)
        local first = graphql and seen[graphql]
        if first then
            report(self, entry.name, ": '%s' and '%s' are both '%s' in the API",
                first, entry.name, graphql)
        elseif returns then
            seen[graphql] = entry.name
            fields[#fields + 1] = { name = entry.name, graphql = graphql,
                help = help, returns = returns }
        end
    end
    if #found == 0 then
        return report(self, "returns", ": an object needs fields: { count ="
            .. " int {} }")
    end
    local object = { kind = "object", name = type_name, fields = fields }
    self.objects[#self.objects + 1] = object
    return object
end

local function model_result(self, name, list, required)
    local key = model_of(self, name)
    return key and { kind = "model", model = key, list = list,
        required = required or false }
end

-- list "Model", list { name = text {} }
local function listed(self, declared, type_name, depth)
    local returned = declared.returned
    if type(returned) == "string" then
        return model_result(self, returned, true)
    end
    local object = object_of(self, returned, type_name, depth)
    if object then object.list = true end
    return object
end

-- ref "Model" { required = true }: as "Model", with options.
local function related(self, name, declared)
    if declared.word ~= "ref" then
        return report(self, declared.word, ".%s: write \"Model\" or list"
            .. " \"Model\"", name)
    end
    local clean = options.read(self.app, declared.place,
        self.subject .. "." .. name, declared.options,
        { required = "boolean", title = "string", help = "string",
            graphql = "graphql" })
    return model_result(self, declared.target, false, clean.required),
        clean.graphql, clean.help or clean.title
end

-- RETURNS of a value, with the API name and the help of the field it is for.
function result_of(self, name, value, type_name, depth)
    local declared = declared_of(self, value)
    local graphql = names.snake_to_camel(name)
    if type(value) == "string" then
        return model_result(self, value, false), graphql
    elseif type(value) == "table" and not declared then
        return object_of(self, value, type_name, depth), graphql
    elseif declared and declared.relation then
        local returns, own, help = related(self, name, declared)
        return returns, own or graphql, help
    elseif declared and declared.returned then
        return listed(self, declared, type_name, depth), graphql
    elseif declared and declared.what == "later" then
        if not declared.reported then
            report(self, declared.word, ": %s is not built yet", declared.word)
        end
    elseif declared and (declared.what == "field" or not declared.what) then
        local field = build_scalar(self, name, declared, RESULT_OPTIONS)
        return field and { kind = "scalar", field = field },
            field and field.graphql, field and (field.help or field.title)
    else
        report(self, "returns", ": 'returns' is %s", RETURNS_USAGE)
    end
end

local function build_result(self, value)
    if value == nil then return { kind = "nothing" } end
    return (result_of(self, "result", value, self.type_name, 1))
end

-- Roles ---------------------------------------------------------------------

local function build_by(self, raw)
    local by = lists.marked({})
    if raw == nil then return by end
    local list = type(raw) == "string" and { raw } or raw
    if type(list) ~= "table" or self.app.tokens[list] or #list == 0
        or not lists.is_list(list) then
        report(self, "by", ": 'by' is written \"manager\" or { \"manager\","
            .. " \"clerk\" }")
        return by
    end
    for _, name in ipairs(list) do
        local role, problem = roles.resolve(self.context.roles, self.app, name)
        if problem then
            report(self, tostring(name), ": by: %s", problem)
        elseif role then
            by[#by + 1] = role
        end
    end
    return by
end

-- Calls ---------------------------------------------------------------------

local function build(self, declared)
    local subject = ("%s '%s'"):format(declared.word, declared.name)
    self.subject, self.place = subject, declared.place
    if not check_name(self, declared.name, declared.word) then return end
    local app = self.app
    local clean = options.read(app, declared.place, subject, declared.options,
        OPTIONS)
    local api = clean.graphql or api_name(app, declared.name)
    self.type_name = names.upper_first(api)
    if declared.options.run == nil then
        report(self, "run", " has no run = function(args) ... end")
    end
    app.has_functions = true
    return { app = app.name, kind = declared.word, name = declared.name,
        graphql = api, help = clean.help or clean.title,
        args = build_arguments(self, clean.args or {}),
        returns = build_result(self, declared.options.returns)
            or { kind = "nothing" },
        by = build_by(self, clean.by), place = declared.place,
        objects = self.objects, said = subject, owner = app }
end

--- Reads the calls of all apps.
-- @tparam {table,...} apps records of lunette.app.load
-- @tparam table context { by_key, may_name, is_broken, enums, roles }
-- @treturn {CALL,...} each with `owner` (app), `said` and `objects` (the object
--   types it brings) for lunette.app.collisions, until calls.export
function calls.read(apps, context)
    local list, first = {}, {}
    for _, app in ipairs(apps) do
        for _, declared in ipairs(app.calls) do
            local self = { app = app, context = context, objects = {},
                enums = context.enums }
            local call = build(self, declared)
            local key = call and table.concat({ app.name, call.kind,
                call.name }, " ")
            if call and first[key] then
                app.report:error(declared.place, call.name,
                    "%s is declared twice; the first is at %s:%d", call.said,
                    first[key].place.file, first[key].place.line)
            elseif call then
                first[key] = call
                list[#list + 1] = call
            end
        end
    end
    return list
end

local function strip(field)
    field.file, field.kind = nil, "scalar"
    return field
end

--- The `calls` of the release set.
function calls.export(list)
    local out = lists.marked({})
    for at, call in ipairs(list) do
        for _, arg in ipairs(call.args) do strip(arg) end
        call.objects, call.said, call.owner = nil, nil, nil
        out[at] = call
    end
    return out
end

return calls
