--- The environment in which the files of one app run.
--
-- Words only record what was written and where; lunette.model and
-- lunette.access judge it when all files of all apps were read. What a word
-- returns is an opaque token: app code can pass it on, but not look into it or
-- change it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.words
local language = require("lunette.app.language")
local lists = require("lunette.util.lists")
local sandbox = require("lunette.app.sandbox")
local text = require("lunette.util.text")
local types = require("lunette.model.types")
local vocabulary = require("lunette.app.vocabulary")

local words = {}

local MAX_SUNK = 10000
local MAX_TOKENS = 200000
local DEEPEST_HELPER = 12

-- Where it was written ------------------------------------------------------

-- The innermost line of the app on the stack. Level 3 is the caller of a word.
local function place_of(app)
    for level = 3, DEEPEST_HELPER do
        local info = debug.getinfo(level, "Sl")
        if not info then break end
        local path = app.chunks[info.source]
        if path then return { file = path, line = info.currentline } end
    end
    return { file = app.path }
end

-- Tokens --------------------------------------------------------------------

local function read_only()
    error("this value cannot be changed", 2)
end

local function new_token(app, data, methods)
    app.token_count = app.token_count + 1
    if app.token_count > MAX_TOKENS then
        error(("more than %d words in one app"):format(MAX_TOKENS), 0)
    end
    local token = setmetatable({}, methods)
    app.tokens[token] = data
    return token
end

-- Methods of tokens; `call` gets the app, the token's data and the argument.
local function methods_of(app, name, call)
    return {
        __metatable = false, __newindex = read_only,
        __index = function(self)
            local data = app.tokens[self]
            if data.is_module then return new_token(app, data, app.sink) end
            error("a word has no fields", 2)
        end,
        __tostring = function() return name end,
        __call = function(self, argument)
            return call(app.tokens[self], argument, self)
        end,
    }
end

-- Words that are not built yet ----------------------------------------------

-- A value that swallows every use of it, so that the rest of the file is still
-- read.
local function sink_methods(app)
    local methods = { __metatable = false }
    local function itself(self, other)
        app.sunk = app.sunk + 1
        if app.sunk > MAX_SUNK then
            error("too many uses of words that are not built yet", 0)
        end
        return app.tokens[self] and self or other
    end
    for _, event in ipairs({ "__index", "__add", "__sub", "__mul", "__div",
        "__mod", "__pow", "__unm", "__concat" }) do
        methods[event] = itself
    end
    methods.__newindex = function() end
    methods.__lt = function() return false end
    methods.__le = methods.__lt
    methods.__call = function(self)
        local data = app.tokens[self]
        if data.declares and not data.reported then
            data.reported = true
            app.report:error(place_of(app), data.word, "%s is not built yet",
                data.word)
        end
        return itself(self)
    end
    return methods
end

-- A fresh sink for every mention, so that every place is reported: declarations
-- when they are called, the rest where it is used as a value.
local function later(app, word, declares, reported)
    return new_token(app, { what = "later", word = word, declares = declares,
        reported = reported }, app.sink)
end

-- Fields --------------------------------------------------------------------

local function wrong_use(app, word, hint)
    app.report:error(place_of(app), word, "%s is used wrongly; write %s", word,
        hint)
end

local function field_token(app, data)
    app.sequence = app.sequence + 1
    data.what, data.sequence = "field", app.sequence
    data.place = data.place or place_of(app)
    return new_token(app, data, app.field_methods)
end

local function declare_enum(app, data, options)
    table.insert(app.enums, { name = data.enum, values = { unpack(options) },
        place = data.place })
end

-- The braces behind `ref "X"`, `id "text"`, `enum "Role"`, `list(text)`.
local function complete(app, data, options, self)
    if not data.open or type(options) ~= "table"
        or app.tokens[options] then
        wrong_use(app, data.word, data.usage)
        return self
    end
    data.open, data.options = false, options
    if data.word == "enum" and data.enum and #options > 0 then
        declare_enum(app, data, options)
    end
    return self
end

local function scalar_word(app, word)
    local usage = word .. " {}"
    local function call(_, options)
        if options ~= nil
            and (type(options) ~= "table" or app.tokens[options]) then
            wrong_use(app, word, usage)
            options = nil
        end
        return field_token(app, { word = word, usage = usage,
            options = options or {} })
    end
    return new_token(app, { what = "type", word = word, usage = usage },
        methods_of(app, word, call))
end

-- `id {}`, `id "text" {}`; `enum {...}`, `enum "Role" {}`
local function named_word(app, word, usage, key)
    local function call(_, argument)
        local data = { word = word, usage = usage }
        if type(argument) == "string" then
            data[key], data.open, data.options = argument, true, {}
        elseif type(argument) == "table" and not app.tokens[argument] then
            data.options = argument
        else
            wrong_use(app, word, usage)
            data.options = {}
        end
        return field_token(app, data)
    end
    return new_token(app, { what = "type", word = word, usage = usage },
        methods_of(app, word, call))
end

local function relation_word(app, word)
    local usage = word .. ' "Model" {}'
    return function(target)
        if type(target) ~= "string" then
            wrong_use(app, word, usage)
            target = ""
        end
        return field_token(app, { word = word, usage = usage, relation = true,
            target = target, options = {}, open = true })
    end
end

-- What stands in the brackets of list(...): a type, and where something is
-- returned also the name of a model or a table of fields.
local function list_word(app)
    local usage = "list(text) {}"
    return function(item)
        local data = app.tokens[item]
        if type(item) == "string" then
            return field_token(app, { word = "list", usage = usage,
                returned = item, options = {} })
        elseif type(item) == "table" and not data then
            return field_token(app, { word = "list", usage = usage,
                returned = item, options = {} })
        elseif not data or data.what ~= "type" and data.what ~= "field"
            and data.what ~= "later" then
            wrong_use(app, "list", usage)
            data = { what = "type", word = "text" }
        end
        return field_token(app, { word = "list", usage = usage, item = data,
            options = {}, open = true })
    end
end

-- Declarations --------------------------------------------------------------

-- name "x" { ... }: records { name, options, place } in a list of the app.
local function declaration(app, word, list)
    local usage = word .. ' "name" {}'
    return function(name)
        local data = { name = name, place = place_of(app), word = word,
            what = "declaration" }
        if type(name) ~= "string" then
            wrong_use(app, word, usage)
            data.name = "?"
        end
        table.insert(list, data)
        return new_token(app, data, methods_of(app, word,
            function(_, options, self)
                if data.options or type(options) ~= "table"
                    or app.tokens[options] then
                    wrong_use(app, word, usage)
                else
                    data.options = options
                end
                return self
            end))
    end
end

-- test "sentence" (function(t) ... end)
local function test_word(app)
    local usage = 'test "sentence" (function(t) ... end)'
    return function(sentence)
        local place = place_of(app)
        if type(sentence) ~= "string" then
            wrong_use(app, "test", usage)
            sentence = "?"
        end
        return function(run)
            if type(run) ~= "function" then
                wrong_use(app, "test", usage)
            else
                table.insert(app.tests, { name = sentence, place = place })
            end
        end
    end
end

local function sql_word(app)
    return function(source)
        if type(source) ~= "string" then
            wrong_use(app, "sql", 'sql "a * b"')
            source = ""
        end
        return new_token(app, { what = "sql", text = source }, app.marker)
    end
end

-- What only means something while a request runs.
local function helper(app, word)
    return function()
        app.report:error(place_of(app), word, "'%s' works only while a request"
            .. " runs: call it inside a function, as in run = function() ..."
            .. " end", word)
        return later(app, word, false, true)
    end
end

-- What a filter takes, when it is not any value.
local FILTER_TAKES = {
    one_of = { "table", "one_of { value, value } takes a list" },
    either = { "table", "either { filter, filter } takes a list of filters" },
    none = { "table", "none { filter, filter } takes a list of filters" },
    any = { "string", 'any("lines", { ... }) takes the name of a relation' },
}

-- As strict as lunette.guest.filters, which is there when functions run.
local function filter_word(app, word)
    local takes = FILTER_TAKES[word]
    return function(value)
        if takes and type(value) ~= takes[1] then
            error(takes[2], 2)
        elseif value == nil then
            error(word .. " needs a value", 2)
        end
        return new_token(app, { what = "filter", word = word }, app.marker)
    end
end

local function marker(app, word)
    local token
    token = new_token(app, { what = "marker", word = word },
        methods_of(app, word, function() return token end))
    return token
end

local function uses(app, name)
    local declared = app.manifests[1]
    local list = declared and declared.options and declared.options.uses
    for _, use in ipairs(type(list) == "table" and list or {}) do
        if type(use) == "string" and use:match("^%S*") == name then
            return true
        end
    end
    return false
end

-- A module that is called as a word is (decimal, json, time, log) stays that word
-- for who writes local json = require "json".
local function module_token(app, name, word)
    local data = word ~= nil and app.tokens[word]
    if data then
        data.is_module = true
        return word
    end
    local methods = app.sink
    if word then
        methods = lists.merged(app.sink, { __call = function(_, ...)
            return word(...)
        end })
    end
    return new_token(app, { what = "module", word = name }, methods)
end

-- While declarations are read a module is only a name: its functions are there
-- when functions of the app run.
local function require_word(app, built)
    return function(name)
        if type(name) ~= "string" then
            error('require is used wrongly; write require "csv"', 2)
        elseif not uses(app, name) then
            error(("the module %s is required, but the app does not name it in"
                .. " its 'uses'"):format(text.quote(name)), 2)
        end
        return module_token(app, name, built[name])
    end
end

local function built_words(app)
    local built = sandbox.globals()
    for word in pairs(types.SCALARS) do
        if word ~= "enum" then built[word] = scalar_word(app, word) end
    end
    built.id = named_word(app, "id", 'id {} or id "text" {}', "id_type")
    built.enum = named_word(app, "enum",
        'enum { "A", "B" } or enum "Name" {}', "enum")
    built.list = list_word(app)
    for word in pairs(types.RELATIONS) do
        built[word] = relation_word(app, word)
    end
    built.app = declaration(app, "app", app.manifests)
    built.role = declaration(app, "role", app.roles)
    built.model = declaration(app, "model", app.models)
    built.access = declaration(app, "access", app.access)
    built.extend = declaration(app, "extend", app.extensions)
    built.query = declaration(app, "query", app.calls)
    built.mutation = declaration(app, "mutation", app.calls)
    built.test = test_word(app)
    built.sql = sql_word(app)
    built.require = require_word(app, built)
    built.null = marker(app, "null")
    for _, word in ipairs(language.names("filter")) do
        built[word] = filter_word(app, word)
    end
    for _, word in ipairs(language.names("helper")) do
        built[word] = helper(app, word)
    end
    built.me = marker(app, "me")
    built.now = marker(app, "now")
    built.today = marker(app, "today")
    return built
end

-- The environment -----------------------------------------------------------

local function unknown(word, known)
    local shown = text.quote(word)
    if vocabulary.DENIED[word] then
        return shown .. " is not available to apps"
    end
    return ("unknown word %s%s"):format(shown, text.did_you_mean(word,
        lists.keys(lists.merged(known, vocabulary.LATER))))
end

local function is_later(word)
    return vocabulary.LATER[word] or vocabulary.LATER_VALUES[word]
end

-- Warns of the globals that functions of the app name and that are not there: an
-- error when the function comes to them.
local function check_globals(app, built, own, path, found)
    local set = {}
    for _, each in ipairs(found) do
        if each.is_set then set[each.name] = true end
    end
    for _, each in ipairs(found) do
        local word, where = each.name, { file = path, line = each.line }
        if is_later(word) then
            app.report:error(where, word, "%s is not built yet", word)
        elseif built[word] == nil and own[word] == nil and not each.is_set then
            if set[word] then
                app.report:warn(where, word, "%s is no local variable: write"
                    .. " local %s; what requests share belongs into the"
                    .. " database", text.quote(word), word)
            else
                app.report:warn(where, word, "%s",
                    unknown(word, lists.merged(own, built)))
            end
        end
    end
end

local function lookup(app, built, own)
    return function(_, word)
        local value = built[word]
        if value == nil then value = own[word] end
        if value ~= nil then return value end
        if is_later(word) then
            return later(app, word, vocabulary.LATER[word] or false)
        end
        app.report:error(place_of(app), word, "%s",
            unknown(word, lists.merged(own, built)))
        return later(app, word, false, true)
    end
end

local function assign(app, built, own)
    return function(_, word, value)
        if built[word] ~= nil or vocabulary.LATER[word] then
            app.report:error(place_of(app), word,
                "%s is a word of Lunette and cannot be set", text.quote(word))
            return
        end
        own[word] = value
    end
end

--- Makes the environment of an app; all its files share it.
-- @tparam table app the record that the words fill: see lunette.app.load; it
--   gets check_globals(path, what lunette.app.globals found)
function words.environment(app)
    app.sink = sink_methods(app)
    app.marker = methods_of(app, "sql", function(_, _, self) return self end)
    app.field_methods = methods_of(app, "field", function(data, options, self)
        return complete(app, data, options, self)
    end)
    local built, own = built_words(app), {}
    function app.check_globals(path, found)
        check_globals(app, built, own, path, found)
    end
    return setmetatable({}, { __metatable = false,
        __index = lookup(app, built, own),
        __newindex = assign(app, built, own) })
end

return words
