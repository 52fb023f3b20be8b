--- What every GraphQL schema has: scalars, directives, introspection types.
--
-- Plain data in the shape of lunette.graphql.types, shared by all schemas and
-- never changed.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.builtin
local builtin = {}

--- What a scalar accepts as a literal, and what a reader should know of it.
-- `literals`: kinds of value literals. `specified`: named by the GraphQL
-- specification, so not printed.
builtin.SCALARS = {
    Boolean = { specified = true, literals = { bool = true },
        description = "`true` or `false`." },
    Float = { specified = true, literals = { int = true, float = true },
        description = "A signed double-precision number (IEEE 754)." },
    ID = { specified = true, literals = { int = true, string = true },
        description = "A unique identifier, serialized as a string." },
    Int = { specified = true, literals = { int = true },
        description = "A signed 32-bit integer." },
    String = { specified = true, literals = { string = true },
        description = "Text, as UTF-8." },
    Date = { literals = { string = true },
        description = "A day without time: `2024-02-29`." },
    DateTime = { literals = { string = true },
        description = "A moment in ISO 8601, answered in UTC with "
            .. "milliseconds: `2016-07-31T23:59:01.000Z`." },
    Decimal = { literals = { int = true, float = true, string = true },
        description = "An exact decimal number, answered as a string." },
    File = { literals = {}, description = "A stored file." },
    Json = { literals = { string = true },
        description = "Any JSON. A literal is a string that holds JSON; a "
            .. "variable is an object or a list." },
    Long = { literals = { int = true, string = true },
        description = "A 64-bit integer; a string beyond 2^53." },
    Time = { literals = { string = true },
        description = "A time of day: `13:45:00`." },
    UUID = { literals = { string = true },
        description = "A UUID in its hexadecimal form." },
}

local function named(name) return { kind = "named", name = name } end
local function nonnull(of) return { kind = "nonnull", of = of } end
local function list(of) return { kind = "list", of = of } end
local function strict_list(name) return nonnull(list(nonnull(named(name)))) end

local STRING, BOOLEAN = named("String"), named("Boolean")

local function object(name, description, fields)
    local type = {
        name = name, kind = "OBJECT", role = "introspection",
        description = description, fields = {}, by = {},
    }
    for i, row in ipairs(fields) do
        local field = { name = row[1], type = row[2], args = row[3] or {},
            args_by = {}, meta = {} }
        for _, arg in ipairs(field.args) do field.args_by[arg.name] = arg end
        type.fields[i], type.by[field.name] = field, field
    end
    return type
end

local function enum(name, description, values)
    local type = { name = name, kind = "ENUM", role = "introspection",
        description = description, values = {}, by = {} }
    for i, value in ipairs(values) do
        type.values[i] = { name = value }
        type.by[value] = type.values[i]
    end
    return type
end

local function with_deprecated()
    return { { name = "includeDeprecated", type = BOOLEAN, meta = {},
        default = "false" } }
end

local TYPES = {
    object("__Schema", "The types, roots and directives of a service.", {
        { "description", STRING },
        { "types", strict_list("__Type") },
        { "queryType", nonnull(named("__Type")) },
        { "mutationType", named("__Type") },
        { "subscriptionType", named("__Type") },
        { "directives", strict_list("__Directive") },
    }),
    object("__Type", "A type of the schema, or a list or non-null of one.", {
        { "kind", nonnull(named("__TypeKind")) },
        { "name", STRING },
        { "description", STRING },
        { "specifiedByURL", STRING },
        { "fields", list(nonnull(named("__Field"))), with_deprecated() },
        { "interfaces", list(nonnull(named("__Type"))) },
        { "possibleTypes", list(nonnull(named("__Type"))) },
        { "enumValues", list(nonnull(named("__EnumValue"))),
            with_deprecated() },
        { "inputFields", list(nonnull(named("__InputValue"))),
            with_deprecated() },
        { "ofType", named("__Type") },
        { "isOneOf", BOOLEAN },
    }),
    object("__Field", "A field of an object or interface.", {
        { "name", nonnull(STRING) },
        { "description", STRING },
        { "args", strict_list("__InputValue"), with_deprecated() },
        { "type", nonnull(named("__Type")) },
        { "isDeprecated", nonnull(BOOLEAN) },
        { "deprecationReason", STRING },
    }),
    object("__InputValue", "An argument or a field of an input object.", {
        { "name", nonnull(STRING) },
        { "description", STRING },
        { "type", nonnull(named("__Type")) },
        { "defaultValue", STRING },
        { "isDeprecated", nonnull(BOOLEAN) },
        { "deprecationReason", STRING },
    }),
    object("__EnumValue", "A value of an enum.", {
        { "name", nonnull(STRING) },
        { "description", STRING },
        { "isDeprecated", nonnull(BOOLEAN) },
        { "deprecationReason", STRING },
    }),
    object("__Directive", "An annotation that changes execution.", {
        { "name", nonnull(STRING) },
        { "description", STRING },
        { "isRepeatable", nonnull(BOOLEAN) },
        { "locations", strict_list("__DirectiveLocation") },
        { "args", strict_list("__InputValue"), with_deprecated() },
    }),
    enum("__TypeKind", "What a type is.", { "SCALAR", "OBJECT", "INTERFACE",
        "UNION", "ENUM", "INPUT_OBJECT", "LIST", "NON_NULL" }),
    enum("__DirectiveLocation", "Where a directive may stand.", {
        "QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION",
        "FRAGMENT_SPREAD", "INLINE_FRAGMENT", "VARIABLE_DEFINITION", "SCHEMA",
        "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION",
        "INTERFACE", "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT",
        "INPUT_FIELD_DEFINITION" }),
}

--- Introspection types: a list, and by name.
builtin.TYPES = TYPES
for _, type in ipairs(TYPES) do TYPES[type.name] = type end

--- Fields that every selection (`__typename`) or the query root (`__schema`,
-- `__type`) has beside those of its type.
builtin.TYPENAME = { name = "__typename", type = nonnull(STRING), args = {},
    args_by = {}, meta = { what = "typename" } }
builtin.SCHEMA = { name = "__schema", type = nonnull(named("__Schema")),
    args = {}, args_by = {}, meta = { what = "introspection" } }
builtin.TYPE = { name = "__type", type = named("__Type"),
    args = { { name = "name", type = nonnull(STRING), meta = {} } },
    args_by = {}, meta = { what = "introspection" } }
builtin.TYPE.args_by.name = builtin.TYPE.args[1]

local EXECUTABLE = { "FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT" }

local function directive(name, description, locations, args)
    local made = { name = name, description = description,
        locations = locations, args = args, args_by = {}, at = {} }
    for _, arg in ipairs(args) do made.args_by[arg.name] = arg end
    for _, place in ipairs(locations) do made.at[place] = true end
    return made
end

local DIRECTIVES = {
    directive("deprecated", "Marks what should no longer be used.",
        { "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INPUT_FIELD_DEFINITION",
            "ENUM_VALUE" },
        { { name = "reason", type = STRING, meta = {},
            default = '"No longer supported"' } }),
    directive("include", "Keeps the selection only where `if` is true.",
        EXECUTABLE, { { name = "if", type = nonnull(BOOLEAN), meta = {} } }),
    directive("skip", "Drops the selection where `if` is true.",
        EXECUTABLE, { { name = "if", type = nonnull(BOOLEAN), meta = {} } }),
    directive("specifiedBy", "Names the specification of a scalar.",
        { "SCALAR" }, { { name = "url", type = nonnull(STRING), meta = {} } }),
    directive("transaction", "Runs all fields of the mutation in one "
        .. "transaction: when one fails, none has an effect.",
        { "MUTATION" }, {}),
}

local STRICT = {}
for _, made in ipairs(DIRECTIVES) do
    DIRECTIVES[made.name] = made
    if made.name ~= "transaction" then
        STRICT[#STRICT + 1], STRICT[made.name] = made, made
    end
end

--- Directives of a schema: a list sorted by name, and by name.
function builtin.directives(schema)
    return schema.strict and STRICT or DIRECTIVES
end

return builtin
