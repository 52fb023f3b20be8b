--- The words of the language, as data: what each is, and where it may be used.
--
-- The environment of the loader (lunette.app.words), that of the workers
-- (lunette.guest), the annotations for editors and the page docs/language.md come
-- from this table, so that a program means the same everywhere.
--
-- Word: `{name, kind, at, type, doc}`. `kind`: "declaration", "type", "relation",
-- "value", "filter" or "helper". `at`: "load" (only while the files are read),
-- "request" (only inside a function that Lunette calls) or "both". `type` is its
-- type as LuaCATS writes it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.language
local language = {}

local FIELD = "fun(options?: table): lunette.Field"
local NAMED = "fun(name: string): fun(options: table)"
local COMPARED = "fun(value: any): lunette.Filter"
local TEXTUAL = "fun(text: string): lunette.Filter"
local RELATED = "fun(model: string): fun(options: table): lunette.Field"

--- All words, in the order in which they are told.
language.WORDS = {
    { "app", "declaration", "load", NAMED,
        "What an app says of itself: version, title, depends, uses, prefix,"
        .. " on_upgrade." },
    { "role", "declaration", "load", NAMED, "A role that users may have." },
    { "model", "declaration", "load", NAMED,
        "A business object: its fields, checks and hooks." },
    { "extend", "declaration", "load", NAMED,
        "Adds fields, checks and hooks to a model of another app." },
    { "access", "declaration", "load", NAMED,
        "Which roles may read, create, write and delete a model." },
    { "query", "declaration", "load", NAMED,
        "A field of the API's Query: args, returns, by, run." },
    { "mutation", "declaration", "load", NAMED,
        "A field of the API's Mutation; run works in one transaction." },

    { "test", "declaration", "load",
        "fun(sentence: string): fun(run: fun(t: lunette.Test))",
        "What the app does, tried out: rolled back at its end." },

    { "text", "type", "load", FIELD, "Text of at most `size` characters." },
    { "int", "type", "load", FIELD, "A whole number of 32 bits." },
    { "bigint", "type", "load", FIELD, "A whole number of 64 bits." },
    { "float", "type", "load", FIELD, "A number that need not be exact." },
    { "decimal", "type", "load", FIELD, "An exact decimal number." },
    { "money", "type", "load", FIELD, "An exact amount of money." },
    { "bool", "type", "load", FIELD, "True or false." },
    { "date", "type", "load", FIELD, "A day." },
    { "time", "type", "load", FIELD, "A time of day." },
    { "datetime", "type", "load", FIELD, "A moment." },
    { "created", "type", "load", FIELD, "When the record was made." },
    { "updated", "type", "load", FIELD, "When the record was last changed." },
    { "json", "type", "load", FIELD, "Any JSON." },
    { "uuid", "type", "load", FIELD, "A UUID." },
    { "enum", "type", "load", "fun(name_or_values: string|table): any",
        "One of several named values." },
    { "id", "type", "load", "fun(kind_or_options?: string|table): any",
        "The key of a record." },
    { "list", "type", "load", "fun(item: any): any",
        "A list: of a type, and in `returns` of a model or an object." },

    { "ref", "relation", "load", RELATED, "One record of a model." },
    { "refs", "relation", "load", RELATED, "Any number of records of a model." },
    { "many", "relation", "load", RELATED,
        "The records whose ref names this one." },
    { "single", "relation", "load", RELATED,
        "The one record whose ref names this one." },

    { "me", "value", "both", "lunette.Record|any",
        "The user who is logged in; as a default: of a ref \"base.User\"." },
    { "now", "value", "both", "fun(): string", "The moment of the request." },
    { "today", "value", "both", "fun(): string", "The day of the request." },
    { "null", "value", "both", "lunette.Null",
        "No value: in filters, and to empty a field." },
    { "sql", "value", "both", "fun(expression: string): any",
        "An expression over the fields of one record." },

    { "gt", "filter", "both", COMPARED, "Greater than." },
    { "gte", "filter", "both", COMPARED, "Greater than or equal." },
    { "lt", "filter", "both", COMPARED, "Less than." },
    { "lte", "filter", "both", COMPARED, "Less than or equal." },
    { "ne", "filter", "both", COMPARED, "Not equal." },
    { "contains", "filter", "both", TEXTUAL, "Has this text in it." },
    { "starts_with", "filter", "both", TEXTUAL, "Begins with this text." },
    { "ends_with", "filter", "both", TEXTUAL, "Ends with this text." },
    { "one_of", "filter", "both", "fun(values: table): lunette.Filter",
        "One of several values." },
    { "either", "filter", "both", "fun(filters: table): lunette.Filter",
        "At least one of several filters." },
    { "none", "filter", "both", "fun(filters: table): lunette.Filter",
        "None of several filters." },
    { "any", "filter", "both",
        "fun(relation: string, filter?: table): lunette.Filter",
        "At least one related record fits." },

    { "find", "helper", "request",
        "fun(model: string, filter?: table, options?: table): lunette.Records",
        "The records that fit; options: order, limit, offset." },
    { "one", "helper", "request",
        "fun(model: string, filter?: table|string): lunette.Record?",
        "The record that fits, or nil." },
    { "create", "helper", "request",
        "fun(model: string, values: table): lunette.Record|lunette.Records",
        "Makes a record, or of a list several at once." },
    { "each", "helper", "request",
        "fun(list: table): fun(): integer, lunette.Record",
        "Goes over records: for i, record in each(records) do." },
    { "as_app", "helper", "request", "fun(run: function): any",
        "Runs a function with the rights of the app, not the caller's." },
    { "fail", "helper", "request", "fun(message: string)",
        "Refuses the request with a message for the caller." },
    { "log", "helper", "request", "fun(message: string, fields?: table)",
        "Writes a line to the log." },
}

for _, word in ipairs(language.WORDS) do
    word.name, word.kind, word.at, word.type, word.doc = unpack(word)
    for at = #word, 1, -1 do word[at] = nil end
end

--- Options of `model` and `extend` that are functions, in the order in which
-- they run.
language.HOOKS = { "before_create", "after_create", "before_write",
    "after_write", "before_delete", "after_delete" }

--- Names of the words of a kind, or with `at`, in order.
function language.names(kind, at)
    local names = {}
    for _, word in ipairs(language.WORDS) do
        if (not kind or word.kind == kind) and (not at or word.at == at) then
            names[#names + 1] = word.name
        end
    end
    return names
end

local function short(app, model)
    local owner, name = model:match("^([^.]+)%.(.+)$")
    return owner == app and name or model
end

--- The entries by which a worker calls the functions of an app
-- (core/vm/call.h). `model` is a key: "sales.Lead"; the app's own models are
-- named without it.
language.entry = {
    call = function(kind, name) return kind .. ":" .. name end,
    hook = function(app, hook, model)
        return "hook:" .. hook .. ":" .. short(app, model)
    end,
    default = function(app, model, field)
        return "default:" .. short(app, model) .. "." .. field
    end,
    upgrade = "upgrade",
}

return language
