--- Arguments and variables as one typed tree.
--
-- Whatever a client writes as a literal, a variable, or a variable inside a
-- literal becomes the same tree of nodes, checked against the input types:
-- unknown and missing fields, null where a value must be, one item for a list,
-- defaults of variables, variables that were not sent.
--
-- Only the *shape* of variables is looked at, because plans are cached by
-- shape: keys present, null or not, list or object or scalar, and the values
-- of enums that decide the plan (`orderBy`; types with `decides`). Values of
-- scalars are read by the host when a plan runs; a node says where they are
-- (`src`).
--
-- NODE is one of
--
--     {kind="absent"}                     not given, or a variable not sent
--     {kind="null"}
--     {kind="object", type=, fields={{name=, meta=, node=}...},
--      by={name→node}}
--     {kind="list", items={NODE...}}      objects, literals of scalars, or
--                                         enums that decide
--     {kind="scalars", scalar=, src=, enum_values=}  a list in one variable
--     {kind="scalar", scalar=, src=, enum_values=, value=}
--     {kind="bool", value=true|false|nil, src=}      nil: in a variable
--     {kind="enum", value=, order=, src=}  an enum that decides, such as an
--                                          orderBy; `order` is its entry
--
-- `src`: `{lit=N}`, `{var=, path={...}}` or `{const=text}`. A variable that
-- holds one scalar where a list is meant is a "scalars" node: its reader takes
-- the scalar as a list of one.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.input
local errors = require("lunette.graphql.errors")
local text = require("lunette.util.text")
local types = require("lunette.graphql.types")

local input = {}

local kind_of = type

local ABSENT, NULL = { kind = "absent" }, { kind = "null" }

local Failure = {}

-- Leaves the whole tree; caught at the entries of this module.
local function fail(message, at)
    local reason = errors.input(message)
    if at then reason.line, reason.col = at.line, at.col end
    error(setmetatable({ reason = reason }, Failure), 0)
end

local function catch(fn, ...)
    local ok, result = pcall(fn, ...)
    if ok then return result end
    if getmetatable(result) == Failure then return nil, result.reason end
    error(result, 0)
end

local function object_node(type)
    return { kind = "object", type = type, fields = {}, by = {} }
end

local function add_field(node, field, value)
    node.fields[#node.fields + 1] =
        { name = field.name, meta = field.meta, node = value }
    node.by[field.name] = value
end

local function enum_values(type)
    local values = {}
    for i, value in ipairs(type.values) do values[i] = value.name end
    return values
end

-- What kind of node a named type makes: "object", "order", "enum", "scalar".
local function class_of(type)
    if type.kind == "INPUT_OBJECT" then return "object" end
    if type.decides then return "order" end
    return type.kind == "ENUM" and "enum" or "scalar"
end

-- Values of variables -------------------------------------------------------

-- Where in a variable a value stands; `names` for messages, `keys` for the
-- host (0-based in lists).
local function step(place, key)
    return { var = place.var, up = place, key = key, at = place.at }
end

local function keys_of(place)
    local reversed, keys = {}, {}
    while place.up do
        reversed[#reversed + 1] = place.key
        place = place.up
    end
    for i = #reversed, 1, -1 do keys[#keys + 1] = reversed[i] end
    return keys
end

local function src_of(place)
    local keys = keys_of(place)
    return { var = place.var, path = #keys > 0 and keys or nil }
end

local function fail_at(place, message, ...)
    local keys = keys_of(place)
    for i, key in ipairs(keys) do keys[i] = tostring(key) end
    local where = #keys > 0 and (" at '%s'"):format(table.concat(keys, "."))
        or ""
    fail(("variable '$%s'%s: %s"):format(place.var, where,
        message:format(...)), place.at)
end

local function is_list(value)
    return kind_of(value) == "table"
        and getmetatable(value) == host.array_mt
end

local function kind_text(value)
    if value == host.null then return "null" end
    if is_list(value) then return "a list" end
    if kind_of(value) == "table" then return "an object" end
    if kind_of(value) == "number" then return "a number" end
    return ({ string = "a string", boolean = "a boolean" })[kind_of(value)]
        or "something else"
end

local from_value

local function expect_object(type, value, place)
    if kind_of(value) ~= "table" or is_list(value) then
        fail_at(place, "expected %s, found %s", type.name, kind_text(value))
    end
end

local function refuse_unknown_keys(type, value, place)
    local unknown
    for key in pairs(value) do
        key = tostring(key)
        if not type.by[key] and (not unknown or key < unknown) then
            unknown = key
        end
    end
    if not unknown then return end
    local known = {}
    for i, field in ipairs(type.fields) do known[i] = field.name end
    fail_at(place, "%s is not a field of %s%s",
        text.quote(unknown):gsub("%%", "%%%%"), type.name,
        text.did_you_mean(unknown, known))
end

local function object_value(schema, type, value, place)
    expect_object(type, value, place)
    refuse_unknown_keys(type, value, place)
    local node = object_node(type)
    for _, field in ipairs(type.fields) do
        local item = value[field.name]
        if item ~= nil then
            add_field(node, field,
                from_value(schema, field.type, item, step(place, field.name)))
        elseif field.type.kind == "nonnull" then
            fail_at(place, "field '%s' of type %s is required", field.name,
                types.text(field.type))
        end
    end
    return node
end

local function order_value(type, value, place)
    local order = kind_of(value) == "string" and type.by[value]
    if not order then
        fail_at(place, "%s is not a value of %s",
            kind_of(value) == "string"
                and text.quote(value):gsub("%%", "%%%%") or kind_text(value),
            type.name)
    end
    return { kind = "enum", value = value, order = order, src = src_of(place) }
end

local function scalar_value(type, value, place)
    if kind_of(value) == "table" and type.name ~= "Json" then
        fail_at(place, "expected %s, found %s", type.name, kind_text(value))
    end
    if type.name == "Boolean" then
        return { kind = "bool", src = src_of(place) }
    end
    return {
        kind = "scalar", scalar = type.name, src = src_of(place),
        enum_values = type.kind == "ENUM" and enum_values(type) or nil,
    }
end

local function list_value(schema, tref, value, place)
    local type = schema:type(types.bottom(tref))
    local class = class_of(type)
    if class ~= "object" and class ~= "order" then
        if not is_list(value) then scalar_value(type, value, place) end
        return {
            kind = "scalars", scalar = type.name, src = src_of(place),
            enum_values = type.kind == "ENUM" and enum_values(type) or nil,
        }
    end
    local node = { kind = "list", items = {} }
    if not is_list(value) then
        node.items[1] = from_value(schema, tref.of, value, place)
        return node
    end
    for i, item in ipairs(value) do
        node.items[i] = from_value(schema, tref.of, item, step(place, i - 1))
    end
    return node
end

-- The node of a JSON value that stands at `place`.
function from_value(schema, tref, value, place)
    if tref.kind == "nonnull" then
        if value == host.null then
            fail_at(place, "expected %s, found null", types.text(tref))
        end
        return from_value(schema, tref.of, value, place)
    end
    if value == host.null then return NULL end
    if tref.kind == "list" then
        return list_value(schema, tref, value, place)
    end
    local type = schema:type(tref.name)
    local class = class_of(type)
    if class == "object" then
        return object_value(schema, type, value, place)
    elseif class == "order" then
        return order_value(type, value, place)
    end
    return scalar_value(type, value, place)
end

-- Literals ------------------------------------------------------------------

local from_literal

local function definition(vardefs, name)
    for _, def in ipairs(vardefs or {}) do
        if def.name == name then return def end
    end
end

local function is_required_but(tref, node)
    return tref.kind == "nonnull"
        and (node.kind == "null" or node.kind == "absent")
end

local function from_variable(context, tref, value)
    local def = definition(context.vardefs, value.name)
    if not def then
        fail(("variable '$%s' is not defined"):format(value.name), value)
    end
    local sent = context.variables[value.name]
    local node = ABSENT
    if sent ~= nil then
        node = from_value(context.schema, def.type, sent,
            { var = value.name, at = def })
    elseif def.default then
        node = from_literal(context, def.type, def.default)
    end
    if is_required_but(tref, node) then
        fail(("variable '$%s' of type %s is required")
            :format(value.name, types.text(tref)), def)
    end
    return node
end

local function object_literal(context, type, value)
    if value.kind ~= "object" then
        fail(("expected %s"):format(type.name), value)
    end
    local node = object_node(type)
    for _, entry in ipairs(value.fields) do
        local field = type.by[entry.name]
        if not field then
            fail(("'%s' is not a field of %s"):format(entry.name, type.name),
                entry)
        end
        local item = from_literal(context, field.type, entry.value)
        if item.kind ~= "absent" then add_field(node, field, item) end
    end
    for _, field in ipairs(type.fields) do
        if field.type.kind == "nonnull" and not node.by[field.name] then
            fail(("field '%s' of type %s is required in %s"):format(
                field.name, types.text(field.type), type.name), value)
        end
    end
    return node
end

local function enum_literal(type, value)
    local entry = value.kind == "enum" and type.by[value.value]
    if not entry then
        fail(("expected a value of %s"):format(type.name), value)
    end
    local src = { const = value.value }
    if type.decides then
        return { kind = "enum", value = value.value, order = entry, src = src }
    end
    return {
        kind = "scalar", scalar = type.name, src = src, value = value.value,
        enum_values = enum_values(type),
    }
end

local function scalar_literal(type, value)
    if type.kind == "ENUM" then return enum_literal(type, value) end
    if value.kind == "bool" and type.name == "Boolean" then
        return { kind = "bool", value = value.value,
            src = { const = tostring(value.value) } }
    end
    if not value.lit then fail(("expected %s"):format(type.name), value) end
    return { kind = "scalar", scalar = type.name, src = { lit = value.lit } }
end

local function list_literal(context, tref, value)
    local node = { kind = "list", items = {} }
    local items = value.kind == "list" and value.items or { value }
    for i, item in ipairs(items) do
        local made = from_literal(context, tref.of, item)
        node.items[i] = made.kind == "absent" and NULL or made
    end
    return node
end

-- The node of a literal, in which variables may stand.
function from_literal(context, tref, value)
    if value.kind == "var" then return from_variable(context, tref, value) end
    if tref.kind == "nonnull" then
        if value.kind == "null" then
            fail(("expected %s, found null"):format(types.text(tref)), value)
        end
        return from_literal(context, tref.of, value)
    end
    if value.kind == "null" then return NULL end
    if tref.kind == "list" then return list_literal(context, tref, value) end
    local type = context.schema:type(tref.name)
    if type.kind == "INPUT_OBJECT" then
        return object_literal(context, type, value)
    end
    return scalar_literal(type, value)
end

-- Entries -------------------------------------------------------------------

--- The node of an argument.
-- @tparam table schema made by lunette.graphql.types
-- @tparam table tref type of the argument
-- @tparam ?table value VALUE of the AST; nil: not given
-- @tparam table variables name → JSON value, as sent
-- @tparam {table,...} vardefs definitions of the operation's variables
-- @treturn[1] table NODE
-- @treturn[2] nil
-- @treturn[2] table error
function input.node(schema, tref, value, variables, vardefs)
    if not value then return ABSENT end
    return catch(from_literal, { schema = schema, variables = variables or {},
        vardefs = vardefs }, tref, value)
end

local IS_SIZE = { first = true, last = true }

-- The number of a `first` or `last` if it is a usual one; never that of the
-- default of a variable, which no key of a plan has.
local function size_of(value, variables)
    if value.kind == "int" then return host.page_size(value.value) end
    local sent = value.kind == "var" and variables and variables[value.name]
    if kind_of(sent) == "number" then return host.page_size(sent) end
end

--- The nodes of all arguments of a field, by name; absent ones are left out.
-- Those of `first` and `last` may have a `size` (core/graphql/page_size.h).
-- @treturn[1] table name → NODE
-- @treturn[2] nil
-- @treturn[2] table error
function input.arguments(schema, field, args, variables, vardefs)
    local nodes = {}
    for _, arg in ipairs(args) do
        local known = field.args_by[arg.name]
        local node, err = input.node(schema, known.type, arg.value, variables,
            vardefs)
        if not node then return nil, err end
        if node.kind ~= "absent" then nodes[arg.name] = node end
        if IS_SIZE[arg.name] and node.kind == "scalar" then
            node.size = size_of(arg.value, variables)
        end
    end
    return nodes
end

--- Checks the variables sent with an operation, used or not: one error for
-- each that its type does not take.
-- @treturn {table,...} errors, empty when all is well
function input.check(schema, operation, variables)
    local found = {}
    for _, def in ipairs(operation.variables) do
        local value = { kind = "var", name = def.name, line = def.line,
            col = def.col }
        local _, err = input.node(schema, def.type, value, variables,
            operation.variables)
        found[#found + 1] = err
    end
    return found
end

--- Names of the variables whose value, not only shape, decides the plan.
-- These are the ones that hold an enum which decides, such as an `orderBy`. (A
-- `where` may hold `mode` among values that decide nothing: the cache of plans
-- knows that member by name.)
function input.order_variables(schema, operation)
    local found = {}
    for _, def in ipairs(operation.variables) do
        local type = schema:type(types.bottom(def.type))
        if type and type.decides then found[#found + 1] = def.name end
    end
    return found
end

return input
