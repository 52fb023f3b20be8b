--- What a client asks by: filters and selectors.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.filters
local make = require("lunette.graphql.types.make")

local build = {}

local EQUALS = {
    { "", "eq" }, { "_not", "not" },
}
local MEMBERS = {
    { "", "eq" }, { "_not", "not" },
    { "_in", "in", list = true }, { "_not_in", "not_in", list = true },
}
local ORDERED = {
    { "", "eq" }, { "_not", "not" },
    { "_in", "in", list = true }, { "_not_in", "not_in", list = true },
    { "_lt", "lt" }, { "_lte", "lte" }, { "_gt", "gt" }, { "_gte", "gte" },
}
local TEXT = {
    { "", "eq" }, { "_not", "not" },
    { "_in", "in", list = true }, { "_not_in", "not_in", list = true },
    { "_lt", "lt" }, { "_lte", "lte" }, { "_gt", "gt" }, { "_gte", "gte" },
    { "_contains", "contains" }, { "_not_contains", "not_contains" },
    { "_starts_with", "starts_with" },
    { "_not_starts_with", "not_starts_with" },
    { "_ends_with", "ends_with" }, { "_not_ends_with", "not_ends_with" },
}

-- Operators by GraphQL scalar; an enum is compared for equality only.
local OPERATORS = {
    ID = TEXT, String = TEXT,
    Int = ORDERED, Long = ORDERED, Float = ORDERED, Decimal = ORDERED,
    DateTime = ORDERED, Date = ORDERED, Time = ORDERED,
    UUID = TEXT, Boolean = EQUALS, Json = {}, File = {},
}

local function add_operators(schema, fields, made, operators)
    for _, row in ipairs(operators) do
        local ref = row.list and schema:list_of(made.scalar)
            or schema:named(made.scalar)
        fields[#fields + 1] = make.field(made.graphql .. row[1], ref,
            { what = "filter", field = made, op = row[2] })
    end
end

local function add_scalar_filters(schema, fields, made)
    if made.list then return end
    add_operators(schema, fields, made, OPERATORS[made.scalar] or MEMBERS)
end

-- Beyond the reference: lists, Json and the mode of text comparisons. `add`
-- leaves out what a field of the model is called already.

local function add_list_filters(schema, add, made)
    local many = schema:list_of(made.scalar)
    local function op(suffix, ref, name)
        add(made.graphql .. suffix, ref,
            { what = "filter", field = made, op = name })
    end
    op("_contains", schema:named(made.scalar), "has")
    op("_contains_every", many, "has_every")
    op("_contains_some", many, "has_some")
    op("_is_empty", schema:named("Boolean"), "is_empty")
end

local function add_json_filters(schema, add, made)
    local json = schema:named("Json")
    local function op(suffix, ref, name)
        add(made.graphql .. suffix, ref,
            { what = "filter", field = made, op = name })
    end
    op("", json, "eq")
    op("_not", json, "not")
    op("_contains", json, "json_contains")
    op("_has_key", schema:named("String"), "has_key")
    add(made.graphql .. "_path", schema:named(schema.json_path),
        { what = "path", field = made })
end

local function add_beyond(schema, model, fields)
    if schema.strict then return end
    local taken = {}
    for _, field in ipairs(fields) do taken[field.name] = true end
    local function add(name, ref, meta)
        if taken[name] then return end
        taken[name] = true
        fields[#fields + 1] = make.field(name, ref, meta)
    end
    for _, made in ipairs(schema:shape(model).scalars) do
        if made.list then
            add_list_filters(schema, add, made)
        elseif made.type == "json" and schema.json_path then
            add_json_filters(schema, add, made)
        end
    end
    if schema.query_mode then
        add(taken.mode and "_mode" or "mode", schema:named(schema.query_mode),
            { what = "mode" })
    end
end

local function add_relation_filters(schema, fields, made)
    local ref = schema:named(schema.by_key[made.target].name .. "WhereInput")
    local function add(suffix, op)
        fields[#fields + 1] = make.field(made.graphql .. suffix, ref,
            { what = "relation", field = made, op = op })
    end
    if not made.many then return add("", "is") end
    add("_every", "every")
    add("_some", "some")
    add("_none", "none")
end

local function add_logic(schema, fields, type_name)
    for _, op in ipairs({ "AND", "OR", "NOT" }) do
        fields[#fields + 1] = make.field(op, schema:list_of(type_name),
            { what = "bool", op = op })
    end
end

function build.where(schema, model)
    local fields, shape = {}, schema:shape(model)
    for _, made in ipairs(shape.scalars) do
        add_scalar_filters(schema, fields, made)
    end
    for _, made in ipairs(shape.relations) do
        add_relation_filters(schema, fields, made)
    end
    add_logic(schema, fields, model.name .. "WhereInput")
    add_beyond(schema, model, fields)
    return make.input("where", fields)
end

function build.scalarWhere(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        add_scalar_filters(schema, fields, made)
    end
    add_logic(schema, fields, model.name .. "ScalarWhereInput")
    add_beyond(schema, model, fields)
    return make.input("scalarWhere", fields)
end

function build.whereUnique(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        if made.unique and not made.list then
            fields[#fields + 1] = make.field(made.graphql,
                schema:named(made.scalar), { what = "unique", field = made })
        end
    end
    return make.input("whereUnique", fields)
end

-- What may stand at a path of a Json field, as if it were a field: text, number
-- or bool.
local AT_PATH = {
    { graphql = "text", type = "text", scalar = "String", operators = TEXT },
    { graphql = "number", type = "decimal", scalar = "Float",
        operators = ORDERED },
    { graphql = "bool", type = "bool", scalar = "Boolean",
        operators = EQUALS },
}

function build.jsonPath(schema)
    local function op(name, ref, what, text)
        return make.field(name, ref, { what = what }, text)
    end
    local fields = {
        op("path", schema:nonnull(schema:list_of("String")), "path",
            "Keys, and indexes of lists, from the top."),
        op("exists", schema:named("Boolean"), "exists",
            "Whether there is anything at the path."),
        op("equals", schema:named("Json"), "equals"),
        op("contains", schema:named("Json"), "contains"),
    }
    for _, made in ipairs(AT_PATH) do
        add_operators(schema, fields, made, made.operators)
    end
    return make.input("jsonPath", fields)
end

function build.queryMode()
    return make.choice("queryMode", {
        { name = "default",
            description = "Upper and lower case are different." },
        { name = "insensitive",
            description = "Upper and lower case are the same." },
    })
end

function build.subscriptionWhere(schema, model)
    local own = model.name .. "SubscriptionWhereInput"
    local function row(name, ref)
        return make.field(name, ref, { what = name })
    end
    local fields = {
        row("mutation_in", schema:list_of("MutationType")),
        row("updatedFields_contains", schema:named("String")),
        row("updatedFields_contains_every", schema:list_of("String")),
        row("updatedFields_contains_some", schema:list_of("String")),
        row("node", schema:named(model.name .. "WhereInput")),
    }
    add_logic(schema, fields, own)
    return make.input("subscriptionWhere", fields)
end

return build
