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
    UUID = MEMBERS, Boolean = EQUALS, Json = {}, File = {},
}

local function add_scalar_filters(schema, fields, made)
    if made.list then return end
    for _, row in ipairs(OPERATORS[made.scalar] or MEMBERS) do
        local ref = row.list and schema:list_of(made.scalar)
            or schema:named(made.scalar)
        fields[#fields + 1] = make.field(made.graphql .. row[1], ref,
            { what = "filter", field = made, op = row[2] })
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
    return make.input("where", fields)
end

function build.scalarWhere(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        add_scalar_filters(schema, fields, made)
    end
    add_logic(schema, fields, model.name .. "ScalarWhereInput")
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
