--- Declared scalar field → FIELD of the release set.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.scalar
local lists = require("lunette.util.lists")
local names = require("lunette.util.names")
local options = require("lunette.model.options")
local text = require("lunette.util.text")
local types = require("lunette.model.types")
local values = require("lunette.model.values")

local scalar = {}

local COPIED = { "title", "help", "readonly", "was", "size", "digits", "min",
    "max" }
local MAX_VALUES, MAX_VALUE = 1000, 191

local function new_field(name, declared, clean)
    local field = {
        name = name, graphql = clean.graphql or names.snake_to_camel(name),
        kind = "scalar", type = declared.word, list = false, column = name,
        required = clean.required or false, unique = clean.unique or false,
        index = clean.index or false, line = declared.place.line,
    }
    for _, key in ipairs(COPIED) do field[key] = clean[key] end
    return field
end

-- Enums ---------------------------------------------------------------------

local RESERVED_VALUES = lists.set({ "true", "false", "null" })

--- Reports values that cannot be those of a GraphQL enum.
-- @treturn {string,...} the values that are right
function scalar.enum_values(list, report, place, subject)
    local clean, seen = {}, {}
    for _, value in ipairs(list) do
        local problem
        if type(value) ~= "string" or not value:find("^[%a_][%w_]*$")
            or value:find("^__") or #value > MAX_VALUE
            or RESERVED_VALUES[value] then
            problem = "cannot be an enum value: letters, digits and '_'"
        elseif seen[value] then
            problem = "stands there twice"
        elseif #clean >= MAX_VALUES then
            problem = ("is more than the %d values allowed"):format(MAX_VALUES)
        end
        if problem then
            report:error(place, tostring(value), "%s: %s %s", subject,
                text.quote(value), problem)
        else
            seen[value] = true
            clean[#clean + 1] = value
        end
    end
    if #clean == 0 then
        report:error(place, nil, "%s: an enum needs values: { \"A\", \"B\" }",
            subject)
    end
    return clean
end

-- `enum "Role" {}` names a declared enum; `enum { "A" }` gets the name
-- ModelField.
local function fill_enum(field, declared, context)
    if declared.enum then
        local found = context.enums.find(declared.enum, context.app)
        if not found then
            context.reader:error(declared.enum, ": unknown enum %s%s",
                text.quote(declared.enum),
                text.did_you_mean(declared.enum,
                    context.enums.known(context.app)))
        end
        field.enum = found and found.graphql or declared.enum
        field.values = found and found.values or {}
    else
        field.enum = context.model.name .. names.upper_first(field.graphql)
        field.values = scalar.enum_values(declared.options, context.app.report,
            declared.place, context.subject)
        context.enums.add_inline(field, context)
    end
    field.scalar = field.enum
end

-- Types ---------------------------------------------------------------------

local function pg_type(field, def)
    if field.digits then
        return ("numeric(%d,%d)"):format(field.digits[1], field.digits[2])
    end
    return def.pg
end

local function fill_type(field, declared, context)
    local def = types.SCALARS[declared.word]
    field.scalar = def.scalar
    if def.digits then field.digits = field.digits or def.digits end
    field.pg = pg_type(field, def)
    if declared.word == "enum" then
        fill_enum(field, declared, context)
    elseif declared.word == "created" or declared.word == "updated" then
        field[declared.word], field.type = true, "datetime"
    end
end

local function fill_text(field, clean, context)
    if field.type ~= "text" then return end
    if not clean.size and (field.unique or field.index) then
        context.app.report:warn(
            { file = context.reader.place.file, line = field.line }, "size",
            "%s: unbounded text in a unique key or index; give it a size, "
            .. "at most %d", context.subject, types.KEY_SIZE)
    end
    field.size = clean.size or types.TEXT_SIZE
end

-- What is not kept in a table (arguments, results) has fewer options.
local function allowed_in(context, allowed)
    if not context.options then return allowed end
    local fewer = {}
    for key, kind in pairs(allowed) do
        if context.options[key] then fewer[key] = kind end
    end
    return fewer
end

local function simple_field(name, declared, context)
    local def = types.SCALARS[declared.word]
    local allowed = allowed_in(context, lists.merged(types.COMMON,
        def.options))
    local clean, reader = options.read(context.app, declared.place,
        context.subject, declared.options, allowed, declared.word == "enum")
    context.reader = reader
    local field = new_field(name, declared, clean)
    fill_type(field, declared, context)
    if (field.created or field.updated) and clean.required == nil then
        field.required = true
    end
    fill_text(field, clean, context)
    if field.min ~= nil or field.max ~= nil then
        values.check_bounds(field, reader)
    end
    if clean.default ~= nil then
        field.default = values.default(field, clean.default, reader)
    end
    if clean.stored then
        field.formula = clean.stored
        if clean.default ~= nil then
            reader:error("default", ": a stored field has no default")
        end
    end
    return field
end

-- id ------------------------------------------------------------------------

local ID_TYPE = { uuid = "uuid", text = "text", bigint = "bigint" }

-- A field of type ID that is not the primary key: a plain column.
local function foreign_id(field, kind, clean, reader)
    field.type, field.pg = ID_TYPE[kind], types.IDS[kind]
    if kind == "text" then field.size = types.KEY_SIZE end
    if clean.default ~= nil then
        field.default = values.default(field, clean.default, reader)
    end
    return field
end

-- The primary key is an ID in GraphQL, or what `scalar` says; `required` wants
-- it from whoever creates a row.
local function primary_key(field, kind, clean, reader)
    if clean.scalar and clean.scalar ~= types.ID_SCALARS[kind] then
        reader:error("scalar", ": an id %s cannot be of type %s",
            text.quote(kind), clean.scalar)
    end
    field.type, field.id_type, field.pg = "id", kind, types.IDS[kind]
    field.scalar = clean.scalar or "ID"
    field.given = clean.required and field.scalar ~= "Int" or nil
    field.required, field.unique = true, true
    return field
end

local function id_field(name, declared, context)
    local is_key = name == "id" and not context.options
    local allowed = allowed_in(context, is_key and types.KEY_OPTIONS
        or types.ID_OPTIONS)
    local clean, reader = options.read(context.app, declared.place,
        context.subject, declared.options, allowed)
    local kind = declared.id_type or "uuid"
    if not types.IDS[kind] then
        reader:error(kind, ": unknown kind of id %s; it is %s",
            text.quote(kind), text.quoted_list(lists.keys(types.IDS), "or"))
        kind = "uuid"
    end
    local field = new_field(name, declared, clean)
    field.scalar = "ID"
    if not is_key then return foreign_id(field, kind, clean, reader) end
    return primary_key(field, kind, clean, reader)
end

--- The `id` of a model that declares none.
function scalar.default_id(line)
    return { name = "id", graphql = "id", kind = "scalar", type = "id",
        id_type = "uuid", list = false, column = "id", pg = "uuid",
        scalar = "ID", required = true, unique = true, index = false,
        line = line }
end

-- list(...) -----------------------------------------------------------------

local function item_of(declared, reader)
    local item = declared.item
    if item.what == "later" then
        return nil, reader:later(item)
    elseif not types.LISTABLE[item.word] then
        return nil,
            reader:error("list", ": list(%s) is not possible", item.word)
    elseif item.word == "enum" and item.what == "type" then
        return nil, reader:error("list", ': write list(enum "Name")')
    elseif item.word == "id" and item.id_type ~= "text" then
        return nil, reader:error("list", ': write list(id "text")')
    end
    return { word = item.word == "id" and "text" or item.word,
        enum = item.enum, is_id = item.word == "id", place = declared.place,
        options = item.options or {} }
end

local function list_field(name, declared, context)
    local clean, reader = options.read(context.app, declared.place,
        context.subject, declared.options,
        allowed_in(context, types.LIST_OPTIONS))
    context.reader = reader
    local item = item_of(declared, reader)
    if not item then return nil end
    local inner = options.read(context.app, declared.place, context.subject,
        item.options, types.ITEM_OPTIONS, item.word == "enum")
    local field = new_field(name, { word = item.word, place = declared.place },
        lists.merged(clean, inner))
    field.list, field.required = true, false
    fill_type(field, item, context)
    if item.is_id then field.scalar = "ID" end
    field.pg = field.pg .. "[]"
    fill_text(field, inner, context)
    if clean.default ~= nil then
        field.default = values.default(field, clean.default, reader)
    end
    return field
end

--- Makes the FIELD of a scalar, or nil when it is hopeless (reported).
-- @tparam string name
-- @tparam table declared what the word recorded
-- @tparam table context { app, model, subject, enums }
function scalar.build(name, declared, context)
    if declared.word == "list" then
        return list_field(name, declared, context)
    elseif declared.word == "id" then
        return id_field(name, declared, context)
    end
    return simple_field(name, declared, context)
end

return scalar
