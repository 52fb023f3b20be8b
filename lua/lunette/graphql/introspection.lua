--- Answers `__schema` and `__type` with JSON text, straight from the schema.
--
-- A selection is turned into writers once (one per selected field), then runs
-- over the types. References to types are written once per selection and
-- reused: a thousand fields of type `ID` cost one. Whole answers are kept for
-- the next time, by what was selected.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.introspection
local builtin = require("lunette.graphql.builtin")
local errors = require("lunette.graphql.errors")

local introspection = {}

-- Pieces of text that one answer may have (some 20 bytes each), and bytes of
-- answers that one schema keeps.
local MAX_PIECES = 2000000
local MAX_KEPT = 16 * 1024 * 1024

-- JSON ----------------------------------------------------------------------

local function escape_char(char)
    if char == '"' or char == "\\" then return "\\" .. char end
    if char == "\n" then return "\\n" end
    return ("\\u%04x"):format(char:byte())
end

local function quoted(text)
    if text == nil then return "null" end
    return '"' .. text:gsub('[%c"\\]', escape_char) .. '"'
end

local TooLong = {}

local function push(out, piece)
    local n = out.n + 1
    if n > MAX_PIECES then error(TooLong, 0) end
    out[n], out.n = piece, n
end

-- What the fields of introspection types are ---------------------------------
--
-- An object of `__Type` is a type of the schema or a list or non-null
-- reference; of `__Field`, `__InputValue`, `__EnumValue` and `__Directive` the
-- tables of lunette.graphql.types and builtin.

local KINDS = { list = "LIST", nonnull = "NON_NULL" }

local function resolved(schema, tref)
    if tref.kind == "named" then return schema:type(tref.name) end
    return tref
end

local function types_named(schema, list)
    local found = {}
    for i, name in ipairs(list) do found[i] = schema:type(name) end
    return found
end

local function all_types(schema)
    local found = types_named(schema, schema:names())
    for _, type in ipairs(builtin.TYPES) do found[#found + 1] = type end
    return found
end

local function text_of(key)
    return function(_, object) return quoted(object[key]) end
end

local function constant(json)
    return function() return json end
end

local function has_fields(type)
    return type.kind == "OBJECT" or type.kind == "INTERFACE"
end

-- Leaves: (schema, object) → JSON text.
local LEAVES = {
    __Schema = { description = constant("null") },
    __Type = {
        kind = function(_, type)
            return '"' .. (KINDS[type.kind] or type.kind) .. '"'
        end,
        name = text_of("name"),
        description = text_of("description"),
        specifiedByURL = constant("null"),
        isOneOf = function(_, type)
            return type.kind == "INPUT_OBJECT" and "false" or "null"
        end,
    },
    __Field = {
        name = text_of("name"), description = text_of("description"),
        isDeprecated = constant("false"), deprecationReason = constant("null"),
    },
    __InputValue = {
        name = text_of("name"), description = text_of("description"),
        defaultValue = text_of("default"),
        isDeprecated = constant("false"), deprecationReason = constant("null"),
    },
    __EnumValue = {
        name = text_of("name"), description = text_of("description"),
        isDeprecated = constant("false"), deprecationReason = constant("null"),
    },
    __Directive = {
        name = text_of("name"), description = text_of("description"),
        isRepeatable = constant("false"),
        locations = function(_, directive)
            return '["' .. table.concat(directive.locations, '","') .. '"]'
        end,
    },
}

-- Objects and lists of objects: (schema, object) → object, list or nil.
-- `shared`: many objects lead to the same ones, so their text is kept.
local NESTED = {
    __Schema = {
        types = { type = "__Type", list = true, get = all_types },
        queryType = { type = "__Type",
            get = function(schema) return schema:root("query") end },
        mutationType = { type = "__Type",
            get = function(schema) return schema:root("mutation") end },
        subscriptionType = { type = "__Type",
            get = function(schema) return schema:root("subscription") end },
        directives = { type = "__Directive", list = true,
            get = builtin.directives },
    },
    __Type = {
        fields = { type = "__Field", list = true, get = function(_, type)
            return has_fields(type) and type.fields or nil
        end },
        inputFields = { type = "__InputValue", list = true,
            get = function(_, type)
                return type.kind == "INPUT_OBJECT" and type.fields or nil
            end },
        enumValues = { type = "__EnumValue", list = true,
            get = function(_, type)
                return type.kind == "ENUM" and type.values or nil
            end },
        interfaces = { type = "__Type", list = true,
            get = function(schema, type)
                return has_fields(type)
                    and types_named(schema, type.interfaces or {}) or nil
            end },
        possibleTypes = { type = "__Type", list = true,
            get = function(schema, type)
                return type.possible and types_named(schema, type.possible)
            end },
        ofType = { type = "__Type", shared = true,
            get = function(schema, type)
                return type.of and resolved(schema, type.of)
            end },
    },
    __Field = {
        args = { type = "__InputValue", list = true, shared = true,
            get = function(_, field) return field.args end },
        type = { type = "__Type", shared = true, get = function(schema, field)
            return resolved(schema, field.type)
        end },
    },
    __InputValue = {
        type = { type = "__Type", shared = true, get = function(schema, value)
            return resolved(schema, value.type)
        end },
    },
    __EnumValue = {},
    __Directive = {
        args = { type = "__InputValue", list = true,
            get = function(_, directive) return directive.args end },
    },
}

-- Writers: (out, object) → nothing ------------------------------------------

local object_writer

local function leaf_writer(schema, get)
    return function(out, object) push(out, get(schema, object)) end
end

local function list_writer(write)
    return function(out, list)
        push(out, "[")
        for i, item in ipairs(list) do
            if i > 1 then push(out, ",") end
            write(out, item)
        end
        push(out, "]")
    end
end

-- Writes what `get` finds, or null. Texts of shared objects are kept by the
-- object, which stands for the same text within one answer.
local function nested_writer(schema, nested, write)
    if nested.list then write = list_writer(write) end
    local kept = nested.shared and {}
    return function(out, object)
        local found = nested.get(schema, object)
        if not found then
            push(out, "null")
        elseif not kept then
            write(out, found)
        else
            local text = kept[found]
            if not text then
                local own = { n = 0 }
                write(own, found)
                text = table.concat(own)
                kept[found] = text
            end
            push(out, text)
        end
    end
end

local function field_writer(schema, type_name, item, selections)
    if item.name == "__typename" then
        return leaf_writer(schema, constant('"' .. type_name .. '"'))
    end
    local leaf = LEAVES[type_name][item.name]
    if leaf then return leaf_writer(schema, leaf), "" end
    local nested = NESTED[type_name][item.name]
    local write, signature = object_writer(schema, nested.type,
        selections:of(item), selections)
    return nested_writer(schema, nested, write), signature
end

-- A writer of objects of an introspection type, and a text that tells
-- selections apart.
function object_writer(schema, type_name, items, selections)
    local keys, writers, signature = {}, {}, {}
    for i, item in ipairs(items) do
        local below
        keys[i] = (i > 1 and ',"' or '{"') .. item.key .. '":'
        writers[i], below = field_writer(schema, type_name, item, selections)
        signature[i] = item.key .. ":" .. item.name .. (below or "")
    end
    local function write(out, object)
        for i, key in ipairs(keys) do
            push(out, key)
            writers[i](out, object)
        end
        push(out, "}")
    end
    return write, "{" .. table.concat(signature, " ") .. "}"
end

-- Answers that are kept -----------------------------------------------------

local function kept_of(schema)
    local kept = schema.introspected
    if not kept then
        kept = { bytes = 0, texts = {} }
        schema.introspected = kept
    end
    return kept
end

local function keep(kept, signature, text)
    if #text > MAX_KEPT then return end
    if kept.bytes + #text > MAX_KEPT then kept.bytes, kept.texts = 0, {} end
    kept.texts[signature], kept.bytes = text, kept.bytes + #text
end

local function answer(schema, type_name, object, item, selections, extra)
    local write, signature = object_writer(schema, type_name,
        selections:of(item), selections)
    local kept = kept_of(schema)
    signature = extra .. signature
    local text = kept.texts[signature]
    if text then return text end
    local out = { n = 0 }
    write(out, object)
    text = table.concat(out)
    keep(kept, signature, text)
    return text
end

-- The name that `__type(name:)` asks for.
local function asked_name(item, selections)
    local value = item.ast.args[1].value
    if value.kind ~= "var" then return value.value end
    local sent = selections.variables[value.name]
    if sent ~= nil then return sent end
    for _, def in ipairs(selections.operation.variables) do
        if def.name == value.name and def.default then
            return def.default.value
        end
    end
end

local function run(schema, item, selections)
    if item.name == "__schema" then
        local text = answer(schema, "__Schema", schema, item, selections, "")
        -- it may have made every type, which takes more room than the answer
        schema:forget()
        return text
    end
    local name = asked_name(item, selections)
    local found = type(name) == "string" and schema:type(name)
    if not found then return "null" end
    return answer(schema, "__Type", found, item, selections, name)
end

--- The JSON text of a `__schema` or `__type` field.
-- @tparam table schema made by lunette.graphql.types
-- @tparam table item merged field (lunette.graphql.selections)
-- @tparam table selections collector of the operation
-- @treturn[1] string JSON
-- @treturn[2] nil
-- @treturn[2] table error
function introspection.field(schema, item, selections)
    local ok, text = pcall(run, schema, item, selections)
    if ok then return text end
    if text == TooLong then
        return nil, errors.limit("introspection", MAX_PIECES)
    end
    error(text, 0)
end

--- Whether the answer of an item depends on a value that the key of a cached
-- plan does not hold: such a plan must not be cached.
function introspection.depends_on_value(item)
    return item.name == "__type"
end

return introspection
