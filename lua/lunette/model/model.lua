--- Declared model → MODEL of the release set, its relations not yet resolved.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.model
local expression = require("lunette.model.expression")
local lists = require("lunette.util.lists")
local names = require("lunette.util.names")
local options = require("lunette.model.options")
local relation = require("lunette.model.relation")
local scalar = require("lunette.model.scalar")
local text = require("lunette.util.text")

local model = {}

local ADDED = { check = "any", fields = "table" }
local OPTIONS = lists.merged(ADDED, { title = "string", label = "string",
    order = "any", graphql = "graphql" })
local MAX_NAME = 60
local MAX_FIELDS = 500
-- Every table of PostgreSQL has these columns.
local SYSTEM = { ctid = true, xmin = true, xmax = true, cmin = true,
    cmax = true, tableoid = true }

-- Fields --------------------------------------------------------------------

local function name_problem(name)
    if type(name) ~= "string" then
        return "a field needs a name: fields = { name = text {} }"
    elseif not name:find("^%a[%w_]*$") or name:find("_$") then
        return ("field name %s must be letters, digits and '_'")
            :format(text.quote(name))
    elseif #name > MAX_NAME then
        return ("field name %s is longer than %d characters")
            :format(text.quote(name), MAX_NAME)
    elseif SYSTEM[name] then
        return ("field name %s is a column of the database's own")
            :format(text.quote(name))
    end
end

-- What stands behind `name =`, when it is a field.
local function declared_field(self, name, value)
    local app, place = self.app, self.place
    local token = type(value) == "table" and app.tokens[value] or nil
    local subject = self.model.name .. "." .. tostring(name)
    if token and token.returned then
        app.report:error(place, "list", '%s: a list of records is written refs'
            .. ' "%s" {} or many "%s" {}', subject,
            type(token.returned) == "string" and token.returned or "Model",
            type(token.returned) == "string" and token.returned or "Model")
        return nil
    end
    if token and token.what == "field" then return token, subject end
    if token and token.what == "later" then
        if not token.reported then
            app.report:error(place, token.word, "%s: %s is not built yet",
                subject, token.word)
        end
    elseif token and token.usage then
        app.report:error(place, token.word, "%s: write %s = %s", subject, name,
            token.usage)
    elseif token and token.what == "declaration"
        or type(value) == "function" then
        app.report:error(place, name,
            '%s: a relation is written ref "Model" {}', subject)
    else
        app.report:error(place, name,
            "%s is not a field; write %s = text {} or another type", subject,
            tostring(name))
    end
end

local function sorted_fields(self, raw)
    local found = {}
    for _, name in ipairs(lists.keys(raw)) do
        local problem = name_problem(name)
        if problem then
            self.app.report:error(self.place, tostring(name), "%s: %s",
                self.model.name, problem)
        else
            local declared, subject = declared_field(self, name, raw[name])
            if declared then
                found[#found + 1] = { name = name, declared = declared,
                    subject = subject }
            end
        end
    end
    table.sort(found, function(a, b)
        if a.declared.sequence ~= b.declared.sequence then
            return a.declared.sequence < b.declared.sequence
        end
        return a.name < b.name
    end)
    return found
end

local function build_field(self, entry)
    local context = { app = self.app, model = self.model,
        subject = entry.subject, enums = self.enums }
    local build = entry.declared.relation and relation.build or scalar.build
    local field = build(entry.name, entry.declared, context)
    if field then field.file = entry.declared.place.file end
    return field
end

local function check_id(self, field)
    if field.name == "id" and field.type ~= "id" then
        self.app.report:error({ file = field.file, line = field.line }, "id",
            '%s.id: the key is written id {}, id "text" {} or id "bigint" {}',
            self.model.name)
    elseif field.name == "version" and (field.kind ~= "scalar"
        or field.type ~= "bigint") then
        self.app.report:error({ file = field.file, line = field.line },
            "version", "%s.version: every table has the column 'version'; "
            .. "declare it as bigint {} to show it", self.model.name)
    elseif field.name == "version" then
        field.readonly, field.required = true, true
    end
end

-- Hooks ---------------------------------------------------------------------

-- The words of hooks, as options.
local function with_hooks(allowed, hooks)
    local all = lists.merged(allowed, {})
    for _, hook in ipairs(hooks) do all[hook] = "function" end
    return all
end

-- Notes the hooks that `app` has for this model.
local function add_hooks(self, app, clean, hooks)
    for _, hook in ipairs(hooks) do
        if clean[hook] then
            app.has_functions = true
            local list = self.hooks[hook] or {}
            self.hooks[hook] = list
            list[#list + 1] = app
        end
    end
end

-- All fields ----------------------------------------------------------------

local function build_fields(self, raw)
    local fields, by_name = {}, {}
    for at, entry in ipairs(sorted_fields(self, raw)) do
        if at > MAX_FIELDS then
            self.app.report:error(self.place, self.model.name,
                "%s has more than %d fields", self.model.name, MAX_FIELDS)
            break
        end
        local field = build_field(self, entry)
        if field then
            fields[#fields + 1], by_name[entry.name] = field, field
            check_id(self, field)
        end
    end
    if not by_name.id then
        by_name.id = scalar.default_id(self.model.line)
        table.insert(fields, 1, by_name.id)
    end
    self.model.fields, self.by_name = fields, by_name
end

-- Expressions ---------------------------------------------------------------

local REFUSED_LINK = "not a column of this model's table"

local function stored_tree(self, field)
    if not self.trees[field.name] then self:compile_stored(field) end
    local state = self.trees[field.name]
    if type(state) == "table" then return state end
    return nil, state == "failed"
end

local function expression_type(field)
    if field.list then return "list" end
    if field.type == "id" then
        return field.id_type
    elseif field.type == "money" then
        return "decimal"
    end
    return field.type == "enum" and "text" or field.type
end

-- The columns that an expression may name.
local function columns_of(self)
    local columns = {}
    for _, field in ipairs(self.model.fields) do
        if field.kind == "scalar" then
            columns[field.name] = { name = field.name, column = field.column,
                type = expression_type(field), values = field.values,
                pg = field.pg, digits = field.digits,
                stored = field.formula and function()
                    return stored_tree(self, field)
                end }
        elseif field.form == "ref" then
            columns[field.name] = { name = field.name, column = field.name,
                type = self.id_type_of(field) or "uuid" }
        else
            columns[field.name] = { name = field.name, refused = REFUSED_LINK }
        end
    end
    return columns
end

local function compile_stored(self, field)
    self.trees[field.name] = "busy"
    local compiled, err = expression.stored(field.formula, self.columns,
        expression_type(field))
    self.trees[field.name] = compiled and compiled.tree or "failed"
    if compiled then
        field.stored = { sql = compiled.sql, tree = compiled.tree }
    else
        self.app.report:error({ file = field.file, line = field.line },
            "stored", "%s.%s: stored: %s", self.model.name, field.name, err)
    end
end

-- Every {name} in a text names a field.
local function check_placeholders(self, what, template)
    for path in template:gmatch("{([^{}]*)}") do
        local first = path:match("^([%a][%w_]*)")
        local field = first and self.by_name[first]
        if not field then
            self.app.report:error(self.place, path,
                "%s: %s names the unknown field %s%s", self.model.name, what,
                text.quote(path), text.did_you_mean(first or "",
                    lists.keys(self.by_name)))
        elseif field.kind == "scalar" and path ~= first then
            self.app.report:error(self.place, path,
                "%s: %s: '%s' has no parts", self.model.name, what, first)
        end
    end
end

local function check_source(self, value)
    if type(value) == "string" then return value end
    local token = type(value) == "table" and self.app.tokens[value]
    if token and token.what == "sql" then return token.text end
    if type(value) == "function" then
        self.app.report:error(self.place, "check",
            "%s: check = function is not built yet", self.model.name)
        return nil
    end
    self.app.report:error(self.place, "check",
        '%s: a check is written { "expression", "message" }', self.model.name)
end

local function build_check(self, raw)
    local source = check_source(self, raw[1])
    if not source then return end
    local message = raw[2]
    if message ~= nil and (type(message) ~= "string" or #message > 500) then
        self.app.report:error(self.place, "check",
            "%s: the message of a check must be a text of at most 500 "
            .. "characters", self.model.name)
        message = nil
    end
    local compiled, err = expression.check(source, self.columns)
    if not compiled then
        self.app.report:error(self.place, "check", "%s: check %s: %s",
            self.model.name, text.quote(source), err)
        return
    end
    if message then
        check_placeholders(self, "the message of check", message)
    end
    local name = "check_" .. self.digest(compiled.sql):sub(1, 8)
    for _, other in ipairs(self.model.checks) do
        if other.name == name then
            self.app.report:error(self.place, "check",
                "%s: check %s stands there twice", self.model.name,
                text.quote(source))
        end
    end
    table.insert(self.model.checks, { name = name, sql = compiled.sql,
        tree = compiled.tree, message = message or source })
end

-- { expr, message } or a list of such
local function build_checks(self, raw)
    if type(raw) == "string" then raw = { raw } end
    if type(raw) == "function" then raw = { raw } end
    if type(raw) ~= "table" or self.app.tokens[raw] or not lists.is_list(raw)
        or #raw == 0 then
        self.app.report:error(self.place, "check",
            '%s: check is written { "expression", "message" }', self.model.name)
        return
    end
    if type(raw[1]) == "table" and not self.app.tokens[raw[1]] then
        for _, one in ipairs(raw) do
            if type(one) == "table" and not self.app.tokens[one] then
                build_check(self, one)
            else
                check_source(self, false)
            end
        end
    elseif #raw > 2 then
        check_source(self, false)
    else
        build_check(self, raw)
    end
end

-- Order ---------------------------------------------------------------------

local function order_entry(self, word)
    local minus, name = tostring(word):match("^(%-?)(.*)$")
    local field = self.by_name[name]
    if type(word) ~= "string" or not field then
        self.app.report:error(self.place, tostring(word),
            "%s: order names the unknown field %s%s", self.model.name,
            text.quote(type(word) == "string" and name or word),
            text.did_you_mean(name, lists.keys(self.by_name)))
    elseif field.kind ~= "scalar" or field.list or field.type == "json" then
        self.app.report:error(self.place, name, "%s: '%s' has no order",
            self.model.name, name)
    else
        return { field = name, desc = minus == "-" }
    end
end

local function build_order(self, raw)
    if type(raw) == "string" then raw = { raw } end
    if type(raw) ~= "table" or self.app.tokens[raw] or not lists.is_list(raw)
        or #raw == 0 then
        self.app.report:error(self.place, "order",
            '%s: order is written "-revenue" or { "-revenue", "name" }',
            self.model.name)
        return nil
    end
    local order = {}
    for _, word in ipairs(raw) do
        order[#order + 1] = order_entry(self, word)
    end
    return #order > 0 and order or nil
end

-- The model -----------------------------------------------------------------

local function name_is_right(app, declared)
    local name = declared.name
    if not name:find("^%u[%w_]*$") then
        app.report:error(declared.place, name,
            "model name %s must be CamelCase, as in 'OrderLine'",
            text.quote(name))
    elseif #name > MAX_NAME then
        app.report:error(declared.place, name,
            "model name %s is longer than %d characters", text.quote(name),
            MAX_NAME)
    else
        return true
    end
end

--- First step: the fields of a model.
-- @tparam table app record of lunette.app.load
-- @tparam table declared { name, options, place }
-- @tparam table tools { enums, digest, hooks = names of hooks }
-- @treturn ?table builder with `model` (MODEL), `by_name`, `hooks` (name → apps
--   that have one) and `added_by` (field → app, where that is another)
function model.start(app, declared, tools)
    if not name_is_right(app, declared) then return nil end
    local clean, reader = options.read(app, declared.place, declared.name,
        declared.options, with_hooks(OPTIONS, tools.hooks))
    local self = { app = app, place = declared.place, reader = reader,
        hooks = {}, added_by = {}, extensions = {},
        clean = clean, enums = tools.enums, digest = tools.digest, trees = {},
        declared_name = declared.name }
    self.model = {
        name = clean.graphql or (app.prefix or "") .. declared.name,
        key = app.name .. "." .. declared.name, app = app.name,
        file = declared.place.file, line = declared.place.line,
        schema = app.name, table = names.camel_to_snake(declared.name),
        title = clean.title, label = clean.label, checks = lists.marked({}),
    }
    if not clean.fields then
        reader:error("fields", " has no fields = { ... }")
    end
    build_fields(self, clean.fields or {})
    add_hooks(self, app, clean, tools.hooks)
    self.compile_stored = compile_stored
    return self
end

-- Extensions ----------------------------------------------------------------

local function clash(self, part, entry)
    local first = self.by_name[entry.name]
    if not first then return false end
    local owner = self.added_by[first] or self.app
    part.app.report:error(entry.declared.place, entry.name,
        "%s: the app '%s' has given it a field '%s' already: %s:%d",
        self.model.key, owner.name, entry.name, first.file or self.place.file,
        first.line or self.place.line)
    return true
end

local function check_added(part, field)
    if field.name == "id" or field.name == "version" then
        part.app.report:error({ file = field.file, line = field.line },
            field.name, "%s: '%s' cannot be added to another app's model",
            part.model.key, field.name)
    elseif field.required and not field.default then
        part.app.report:error({ file = field.file, line = field.line },
            field.name, "%s.%s: a field of another app's model cannot be"
            .. " required without a default: its own app does not know it",
            part.model.key, field.name)
    end
end

local function add_fields(self, part, raw)
    for _, entry in ipairs(sorted_fields(part, raw)) do
        local field = not clash(self, part, entry) and build_field(part, entry)
        if #self.model.fields >= MAX_FIELDS then
            part.app.report:error(part.place, self.model.key,
                "%s has more than %d fields", self.model.key, MAX_FIELDS)
            return
        elseif field then
            field.added_by = part.app.name
            self.added_by[field] = part.app
            table.insert(self.model.fields, field)
            self.by_name[entry.name] = field
            check_added(part, field)
        end
    end
end

--- Adds what another app says of a model by `extend`.
-- @tparam table self builder from start
-- @tparam table app record of lunette.app.load
-- @tparam table declared { name, options, place }
-- @tparam table tools as of start
function model.extend(self, app, declared, tools)
    local clean, reader = options.read(app, declared.place, "extend '"
        .. declared.name .. "'", declared.options,
        with_hooks(ADDED, tools.hooks))
    local part = setmetatable({ app = app, place = declared.place,
        clean = clean, reader = reader }, { __index = self })
    add_fields(self, part, clean.fields or {})
    for _, hook in ipairs(tools.hooks) do
        if clean[hook] and lists.find(self.hooks[hook] or {}, app) then
            reader:error(hook, ": the app has a '%s' of this model already",
                hook)
            clean[hook] = nil
        end
    end
    add_hooks(self, app, clean, tools.hooks)
    table.insert(self.extensions, part)
end

--- Last step, when all models have their fields: what refers to fields.
-- @tparam table self from start
-- @tparam function id_type_of FIELD → id type of its target
function model.finish(self, id_type_of)
    self.id_type_of = id_type_of
    self.columns = columns_of(self)
    for _, field in ipairs(self.model.fields) do
        if field.formula and not self.trees[field.name] then
            compile_stored(self, field)
        end
    end
    local clean = self.clean
    if clean.label then check_placeholders(self, "label", clean.label) end
    if clean.order ~= nil then
        self.model.order = build_order(self, clean.order)
    end
    if clean.check ~= nil then build_checks(self, clean.check) end
    for _, part in ipairs(self.extensions) do
        if part.clean.check ~= nil then build_checks(part, part.clean.check) end
    end
    for _, field in ipairs(self.model.fields) do field.formula = nil end
end

return model
