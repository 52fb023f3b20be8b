--- LuaCATS annotations, so that editors complete and check the files of apps.
--
-- Words, options, models and modules come from the tables that define them:
-- lunette.app.language, lunette.model.types, the release set and the manifests of
-- the modules.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.annotations
local language = require("lunette.app.language")
local lists = require("lunette.util.lists")
local types = require("lunette.model.types")

local annotations = {}

local HEAD = "-- Written by 'lunette annotations': run it again, do not edit.\n"

--- Where the annotations stand, beside the configuration.
annotations.FOLDER = ".annotations"

-- Lines ---------------------------------------------------------------------

local Page = {}
Page.__index = Page

local function page(meta)
    return setmetatable({ ("---@meta %s\n%s"):format(meta, HEAD) }, Page)
end

function Page:add(line, ...)
    if select("#", ...) > 0 then line = line:format(...) end
    self[#self + 1] = line
end

function Page:doc(doc)
    if doc and doc ~= "" then
        self[#self + 1] = "---" .. doc:gsub("%s+", " ")
    end
end

function Page:text()
    return table.concat(self, "\n") .. "\n"
end

-- Types that all apps have --------------------------------------------------

local BASE = [[
---@class lunette.Field what `text {}`, `ref "X" {}` and their like declare

---@class lunette.Filter a condition: `gt(3)`, `one_of { 1, 2 }`

---@class lunette.Null

---@class lunette.Expression what `sql "..."` says

---An exact decimal number: it calculates and compares without rounding.
---@class lunette.Decimal
---@operator add(lunette.Decimal|number|string): lunette.Decimal
---@operator sub(lunette.Decimal|number|string): lunette.Decimal
---@operator mul(lunette.Decimal|number|string): lunette.Decimal
---@operator div(lunette.Decimal|number|string): lunette.Decimal
---@operator mod(lunette.Decimal|number|string): lunette.Decimal
---@operator unm: lunette.Decimal
local Decimal = {}
---Rounded to so many digits behind the point (0).
---@param scale? integer
---@return lunette.Decimal
function Decimal:round(scale) end
---The nearest number that is not exact.
---@return number
function Decimal:tonumber() end

---One record. Its fields are read when they are first asked for.
---@class lunette.Record
---@field id string
local Record = {}
---@param changes table
function Record:set(changes) end
function Record:delete() end

---Records of one model, at 1, 2, 3 and so on.
---@class lunette.Records
---@field [integer] lunette.Record
local Records = {}
---@param changes table
function Records:set(changes) end
function Records:delete() end
---@return integer
function Records:count() end

---@class lunette.FindOptions
---@field order? string|string[] fields; "-name" for descending
---@field limit? integer
---@field offset? integer

---What a test works with. Each test is rolled back at its end.
---@class lunette.Test
local Test = {}
---@param got any
---@param expected any
---@param said? string
function Test:equal(got, expected, said) end
---The function fails, with an error in which the pattern is found.
---@param pattern string
---@param run function
function Test:fails(pattern, run) end
---The function fails because the caller may not do that.
---@param run function
function Test:denied(run) end
---A new user with these roles.
---@param ... string
---@return lunette.Record
function Test:user(...) end
---The same test as this user, or as a new one with this role.
---@param user lunette.Record|string|nil nil: nobody is logged in
---@return lunette.Test
function Test:as(user) end
---Calls a query or mutation as a client would.
---@param name string
---@param args? table
---@return any
function Test:call(name, args) end
---The function takes at most so many statements of the database.
---@param most integer
---@param run function
function Test:queries(most, run) end
---Moves the clock: `t:travel "30d"`, `"90m"`, or seconds.
---@param duration string|number
function Test:travel(duration) end
]]

-- Options -------------------------------------------------------------------

-- Kinds of options (lunette.model.options) in LuaCATS.
local KINDS = { boolean = "boolean", string = "string", table = "table",
    ["function"] = "function", any = "any", name = "string",
    graphql = "string", relation = "string", size = "integer",
    number = "number|string", digits = "integer[]",
    formula = "lunette.Expression|any", delete = '"cascade"',
    on_delete = '"restrict"|"set_null"|"cascade"',
    id_scalar = '"UUID"|"Int"' }

local function add_options(self, class, options)
    self:add("---@class %s", class)
    for _, name in ipairs(lists.keys(options)) do
        self:add("---@field %s? %s", name, KINDS[options[name]] or "any")
    end
    self:add("")
end

-- Options of declarations: kept here because what may stand in them is told by
-- the functions that read them.
local DECLARATIONS = {
    app = { version = "string", title = "string", depends = "table",
        uses = "table", prefix = "string", on_upgrade = "function" },
    role = { title = "string", implies = "table" },
    model = { title = "string", label = "string", order = "any",
        graphql = "string", fields = "table", check = "any" },
    extend = { fields = "table", check = "any" },
    call = { args = "table", returns = "any", by = "any", title = "string",
        help = "string", graphql = "string", run = "function" },
}

local function field_class(word)
    return "lunette.options." .. word
end

local function add_all_options(self)
    local hooks = {}
    for _, hook in ipairs(language.HOOKS) do
        hooks[hook] = "fun(records: any, changes: any)"
    end
    for _, name in ipairs(lists.keys(DECLARATIONS)) do
        local options = DECLARATIONS[name]
        self:add("---@class %s", field_class(name))
        for _, key in ipairs(lists.keys(options)) do
            self:add("---@field %s? %s", key, KINDS[options[key]] or "any")
        end
        for _, hook in ipairs(language.HOOKS) do
            if name == "model" or name == "extend" then
                self:add("---@field %s? %s", hook, hooks[hook])
            end
        end
        if name == "model" then self:add("---@field [integer] any") end
        self:add("")
    end
    for _, word in ipairs(lists.keys(types.SCALARS)) do
        add_options(self, field_class(word),
            lists.merged(types.COMMON, types.SCALARS[word].options))
    end
    for _, word in ipairs(lists.keys(types.RELATIONS)) do
        add_options(self, field_class(word), types.RELATIONS[word])
    end
end

-- Words ---------------------------------------------------------------------

-- "a: fun(x: T): U, b?: V" at its outer commas.
local function split(text)
    local parts, depth, from = {}, 0, 1
    for at = 1, #text do
        local c = text:sub(at, at)
        if c:find("[%(%[{<]") then depth = depth + 1 end
        if c:find("[%)%]}>]") then depth = depth - 1 end
        if c == "," and depth == 0 then
            parts[#parts + 1] = text:sub(from, at - 1):match("^%s*(.-)%s*$")
            from = at + 1
        end
    end
    local last = text:sub(from):match("^%s*(.-)%s*$")
    if last ~= "" then parts[#parts + 1] = last end
    return parts
end

-- "fun(a: T): U" → { "a: T" }, "U"
local function signature(type)
    if type:sub(1, 4) ~= "fun(" then return nil end
    local inside = type:sub(4):match("^%b()")
    local returns = type:sub(4 + #inside):match("^:%s*(.+)$")
    return split(inside:sub(2, -2)), returns
end

local function add_function(self, name, type, overloads)
    local params, returns = signature(type)
    local plain = {}
    for at, param in ipairs(params) do
        local argument, optional, kind = param:match("^([%w_%.]+)(%??):%s*(.+)$")
        plain[at] = argument or param
        self:add("---@param %s%s %s", plain[at], optional or "",
            kind or "any")
    end
    if returns then self:add("---@return %s", returns) end
    for _, overload in ipairs(overloads or {}) do
        self:add("---@overload %s", overload)
    end
    self:add("function %s(%s) end", name, table.concat(plain, ", "))
end

local function option_class(word)
    if DECLARATIONS[word] or types.SCALARS[word] or types.RELATIONS[word] then
        return field_class(word)
    elseif word == "query" or word == "mutation" then
        return field_class("call")
    end
end

-- The type that the table of words gives, with the options told in full.
local function type_of(word)
    local class = option_class(word.name)
    if not class then return word.type end
    return (word.type:gsub("options(%??): table", "options%1: " .. class))
end

-- What a type of the table of words cannot say.
local GENERIC = {
    each = "---@generic T\n---@param list T[]|{ [integer]: T }\n"
        .. "---@return fun(): integer, T\nfunction each(list) end\n",
    as_app = "---@generic T\n---@param run fun(...): T\n---@return T\n"
        .. "function as_app(run, ...) end\n",
}

local function add_word(self, word, overloads)
    self:doc(word.doc)
    if GENERIC[word.name] then return self:add(GENERIC[word.name]) end
    local type = type_of(word)
    if signature(type) then
        add_function(self, word.name, type, overloads[word.name])
    else
        self:add("---@type %s", type)
        self:add("%s = nil", word.name)
    end
    self:add("")
end

-- Models --------------------------------------------------------------------

-- Types of values by field type; all else is a text.
local VALUES = { int = "integer", bigint = "integer|string", float = "number",
    decimal = "lunette.Decimal", money = "lunette.Decimal", bool = "boolean",
    json = "any" }

local function class_of(model)
    return model.key
end

local function value_of(field)
    if field.kind == "relation" then
        if field.many then return field.target .. ".list" end
        return field.target
    end
    local value = VALUES[field.type] or "string"
    if field.values then
        local quoted = {}
        for at, name in ipairs(field.values) do
            quoted[at] = ('"%s"'):format(
                type(name) == "table" and name.name or name)
        end
        value = #quoted > 0 and "(" .. table.concat(quoted, "|") .. ")" or value
    end
    return field.list and value .. "[]" or value
end

-- What may be written into a field.
local function given_of(field)
    if field.kind == "relation" then
        if field.many then return field.target .. ".list|table" end
        return field.target .. "|string"
    end
    local value = value_of(field)
    if value == "lunette.Decimal" then
        return "lunette.Decimal|number|string"
    end
    return value
end

local function is_written(field)
    return not (field.stored or field.created or field.updated)
end

local function add_record(self, model)
    local class = class_of(model)
    self:doc(model.title)
    self:add("---@class %s: lunette.Record", class)
    for _, field in ipairs(model.fields) do
        local maybe = not (field.required or field.many or field.list
            or field.default)
        self:add("---@field %s%s %s", field.name, maybe and "?" or "",
            value_of(field))
    end
    self:add("local Record = {}")
    self:add("---@param changes %s.values", class)
    self:add("function Record:set(changes) end\n")
end

local function add_list(self, model)
    local class = class_of(model)
    self:add("---@class %s.list: lunette.Records", class)
    self:add("---@field [integer] %s", class)
    self:add("local List = {}")
    self:add("---@param changes %s.values", class)
    self:add("function List:set(changes) end")
    self:add("---@return fun(): integer, %s", class)
    self:add("function List:each() end")
    self:add("---@param keep fun(record: %s): any", class)
    self:add("---@return %s.list", class)
    self:add("function List:where(keep) end")
    self:add("---@param fn string|fun(record: %s): any", class)
    self:add("---@return any[]")
    self:add("function List:map(fn) end\n")
end

local function add_values(self, model)
    self:add("---@class %s.values", class_of(model))
    for _, field in ipairs(model.fields) do
        if is_written(field) then
            self:add("---@field %s? %s|lunette.Null", field.name,
                given_of(field))
        end
    end
    self:add("")
end

-- A block each: Lua has at most 200 locals in a function.
local function add_model(self, model)
    self:add("do")
    add_record(self, model)
    add_list(self, model)
    add_values(self, model)
    self:add("end\n")
end

-- "Lead" and "sales.Lead": an app names its own models in the short way.
local function model_names(models)
    local by_name, order = {}, {}
    local function known(name, model)
        if not by_name[name] then
            by_name[name] = {}
            order[#order + 1] = name
        end
        table.insert(by_name[name], model)
    end
    for _, model in ipairs(models) do
        known(model.key:match("[^.]+$"), model)
        known(model.key, model)
    end
    return order, by_name
end

local function one_of(models, ending)
    local classes = {}
    for at, model in ipairs(models) do classes[at] = class_of(model) .. ending end
    table.sort(classes)
    return table.concat(classes, "|")
end

-- find("Lead") gives leads.
local function model_overloads(models)
    local find, one, create = {}, {}, {}
    local order, by_name = model_names(models)
    for _, name in ipairs(order) do
        local found = by_name[name]
        find[#find + 1] = ('fun(model: "%s", filter?: table|lunette.Filter,'
            .. ' options?: lunette.FindOptions): %s'):format(name,
            one_of(found, ".list"))
        one[#one + 1] = ('fun(model: "%s", filter?: table|string): %s'):format(
            name, one_of(found, "") .. "|nil")
        create[#create + 1] = ('fun(model: "%s", values: %s): %s'):format(name,
            one_of(found, ".values"), one_of(found, ""))
    end
    return { find = find, one = one, create = create }
end

-- Modules -------------------------------------------------------------------

local function add_type(self, described)
    self:add("---@class %s", described[1])
    for _, field in ipairs(described.fields or {}) do
        local kind = field[2]
        local optional = kind:sub(-1) == "?"
        self:add("---@field %s%s %s %s", field[1], optional and "?" or "",
            optional and kind:sub(1, -2) or kind, field.doc or "")
    end
    self:add("")
end

local function add_member(self, name, described)
    self:doc(described.doc)
    local arguments = {}
    for at, argument in ipairs(described.args or {}) do
        local kind = argument[2]
        local optional = kind:sub(-1) == "?"
        arguments[at] = argument[1]
        self:add("---@param %s%s %s %s", argument[1], optional and "?" or "",
            optional and kind:sub(1, -2) or kind, argument.doc or "")
    end
    if described.returns and described.returns ~= "" then
        self:add("---@return %s", described.returns)
    end
    self:add("function %s.%s(%s) end\n", name, described[1],
        table.concat(arguments, ", "))
end

--- The annotations of one module: for require "csv".
-- @tparam table module of lunette.policy.catalog
-- @treturn string
function annotations.module(module)
    local self = page(module.name)
    for _, described in ipairs(module.types or {}) do add_type(self, described) end
    self:doc(module.title)
    self:add("local %s = {}\n", module.name)
    for _, described in ipairs(module.functions or {}) do
        add_member(self, module.name, described)
    end
    self:add("return %s", module.name)
    return self:text()
end

-- All -----------------------------------------------------------------------

-- t:find, t:one and t:create are the words of these names.
local function add_test_methods(self, overloads)
    for _, word in ipairs(language.WORDS) do
        if overloads[word.name] then
            self:doc(word.doc)
            local own = {}
            for at, overload in ipairs(overloads[word.name]) do
                own[at] = overload:gsub("^fun%(", "fun(self: lunette.Test, ")
            end
            if word.name == "find" then
                table.insert(own, 1, "fun(self: lunette.Test,"
                    .. " record: lunette.Record): lunette.Record")
            end
            add_function(self, "Test." .. word.name, (word.type:gsub("^fun%(",
                "fun(self: lunette.Test, ")), own)
            self:add("")
        end
    end
end

--- The words of the language.
-- @tparam {table,...} models of the release set
-- @treturn string
function annotations.words(models)
    local self = page("_")
    self:add(BASE)
    local overloads = model_overloads(models)
    add_test_methods(self, overloads)
    add_all_options(self)
    for _, word in ipairs(language.WORDS) do add_word(self, word, overloads) end
    return self:text()
end

--- The models of the apps.
-- @treturn string
function annotations.models(models)
    local self = page("_")
    for _, model in ipairs(models) do add_model(self, model) end
    return self:text()
end

--- What editors are told of the language of apps, for `.luarc.json`.
-- @treturn table
function annotations.configuration()
    local off = {}
    for _, name in ipairs({ "io", "os", "debug", "package", "ffi", "jit",
        "bit" }) do
        off[name] = "disable"
    end
    return {
        ["runtime.version"] = "LuaJIT",
        ["runtime.builtin"] = off,
        ["workspace.library"] = { annotations.FOLDER },
        ["workspace.checkThirdParty"] = false,
    }
end

return annotations
