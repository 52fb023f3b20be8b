--- The calls of apps (`query` and `mutation`): root fields, arguments, and the
-- object types that they return.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.calls
local make = require("lunette.graphql.types.make")

local calls = {}

-- Arguments -----------------------------------------------------------------

local function quoted(value)
    return host.json_encode(tostring(value))
end

local LITERALS = {
    enum = tostring, bool = tostring,
    int = function(value) return ("%.0f"):format(value) end,
    float = function(value) return ("%.17g"):format(value) end,
    json = function(value) return quoted(host.json_encode(value)) end,
}

-- A default as it is written in a document; nil when there is none that could.
local function literal(field)
    local value = field.default and field.default.value
    if value == nil then return nil end
    local write = LITERALS[field.type] or quoted
    if field.type == "bigint" and type(value) == "number" then
        write = LITERALS.int
    end
    if not field.list then return write(value) end
    local items = {}
    for i, item in ipairs(value) do items[i] = write(item) end
    return "[" .. table.concat(items, ", ") .. "]"
end

-- An argument whose default depends on the day cannot be told to be non-null.
local function argument(schema, field)
    local tref = field.list and schema:list_of(field.scalar)
        or schema:named(field.scalar)
    if field.required and not (field.default and field.default.now) then
        tref = schema:nonnull(tref)
    end
    local made = make.field(field.graphql, tref,
        { what = "argument", field = field }, field.help or field.title)
    made.default = literal(field)
    return made
end

-- Results -------------------------------------------------------------------

local function scalar_type(schema, field)
    if field.list then return schema:nonnull(schema:list_of(field.scalar)) end
    if field.required then return schema:required(field.scalar) end
    return schema:named(field.scalar)
end

local function result_type(schema, returns)
    if returns.kind == "nothing" then return schema:required("Boolean") end
    if returns.kind == "scalar" then
        return scalar_type(schema, returns.field)
    end
    local name = returns.name
    if returns.kind == "model" then name = schema.by_key[returns.model].name end
    if returns.list then return schema:nonnull(schema:list_of(name)) end
    if returns.required then return schema:required(name) end
    return schema:named(name)
end

--- The object type of a call: `extra` is what it returns.
function calls.callObject(schema, _, extra)
    local fields = {}
    for i, member in ipairs(extra.fields) do
        fields[i] = make.output(member.graphql,
            result_type(schema, member.returns),
            { what = "callMember", member = member }, member.help)
    end
    return make.object("callObject", fields)
end

-- Root fields ---------------------------------------------------------------

local function each_scalar(call, visit)
    local function results(returns)
        if returns.kind == "scalar" then visit(returns.field) end
        for _, member in ipairs(returns.fields or {}) do
            results(member.returns)
        end
    end
    for _, field in ipairs(call.args) do visit(field) end
    results(call.returns)
end

local function register_objects(schema, returns)
    if returns.kind ~= "object" then return end
    schema:register(returns.name, "callObject", nil, returns)
    for _, member in ipairs(returns.fields) do
        register_objects(schema, member.returns)
    end
end

--- The calls that a schema has: none in strict mode.
function calls.of(schema, kind)
    local found = {}
    for _, call in ipairs(not schema.strict and schema.set.calls or {}) do
        if call.kind == kind then found[#found + 1] = call end
    end
    return found
end

--- Names the types that the calls of apps need.
function calls.register(schema)
    for _, kind in ipairs { "query", "mutation" } do
        for _, call in ipairs(calls.of(schema, kind)) do
            register_objects(schema, call.returns)
            each_scalar(call, function(field)
                if field.enum then
                    schema:register(field.enum, "enum", nil, field)
                else
                    schema:register(field.scalar, "scalar", nil, field.scalar)
                end
            end)
        end
    end
    if calls.of(schema, "mutation")[1] then
        schema:register("Mutation", "mutation")
    end
end

--- Adds the calls of a kind to the fields of a root.
function calls.add(schema, fields, kind)
    for _, call in ipairs(calls.of(schema, kind)) do
        local args = {}
        for i, field in ipairs(call.args) do
            args[i] = argument(schema, field)
        end
        fields[#fields + 1] = make.with_args(make.field(call.graphql,
            result_type(schema, call.returns), { what = "call", call = call },
            call.help), args)
    end
end

return calls
