--- What lists offer beyond the reference: more keys, aggregates and groups.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.additions
local make = require("lunette.graphql.types.make")
local rules = require("lunette.graphql.types.rules")

local build = {}

-- Order ---------------------------------------------------------------------

function build.sortOrder()
    return make.choice("sortOrder", {
        { name = "ASC", desc = false, description = "Nulls come last." },
        { name = "DESC", desc = true, description = "Nulls come first." },
    })
end

-- One key each; a relation leads to the keys of its target.
function build.orderByMany(schema, model)
    local fields, direction = {}, schema:named(schema.sort_order)
    for _, made in ipairs(schema:shape(model).all) do
        if rules.is_sortable(made) then
            fields[#fields + 1] = make.field(made.graphql, direction,
                { what = "key", field = made })
        elseif made.kind == "relation" and not made.many then
            local target = schema.by_key[made.target]
            local order = schema:additions(target).order
            if order then
                fields[#fields + 1] = make.field(made.graphql,
                    schema:named(order), { what = "key", field = made })
            end
        end
    end
    local type = make.input("orderByMany", fields)
    type.decides = true
    return type
end

-- The fields by which rows are grouped or told apart.
function build.groupable(schema, model)
    local values = {}
    for _, made in ipairs(schema:shape(model).all) do
        if rules.is_groupable(made) then
            values[#values + 1] = { name = made.graphql, field = made }
        end
    end
    return make.choice("groupable", values)
end

-- Aggregates ----------------------------------------------------------------

-- Calls `add(fn, field, scalar)` for every aggregate of a model.
local function each_aggregate(schema, model, add)
    for _, fn in ipairs(rules.AGGREGATES) do
        for _, made in ipairs(schema:shape(model).scalars) do
            local scalar = rules.aggregate(fn, made)
            if scalar then add(fn, made, scalar) end
        end
    end
end

function build.aggregateOf(schema, model, fn)
    local fields = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        local scalar = rules.aggregate(fn, made)
        if scalar then
            fields[#fields + 1] = make.output(made.graphql,
                schema:named(scalar), { what = "aggregateOf", fn = fn,
                    field = made, scalar = scalar })
        end
    end
    return make.object("aggregateOf", fields)
end

-- Groups --------------------------------------------------------------------

function build.group(schema, model)
    local added = schema:additions(model)
    return make.object("group", {
        make.output("key", schema:required(added.group_key),
            { what = "groupKey" },
            "What the rows of the group have in common: the fields of `by`."),
        make.output("aggregate", schema:required("Aggregate" .. model.name),
            { what = "aggregate" }),
    })
end

-- The meanings are those of the model's own fields, so that keys are selected
-- as fields of a row are.
function build.groupKey(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).all) do
        if rules.is_groupable(made) then
            local relation = made.kind == "relation"
            fields[#fields + 1] = make.output(made.graphql,
                schema:named(relation and schema.by_key[made.target].name
                    or made.scalar),
                { what = relation and "relation" or "scalar", field = made },
                made.help or made.title)
        end
    end
    return make.object("groupKey", fields)
end

function build.groupOrder(schema, model)
    local values = {}
    local function add(name, fn, made)
        values[#values + 1] = { name = name .. "_ASC", fn = fn, field = made,
            desc = false }
        values[#values + 1] = { name = name .. "_DESC", fn = fn, field = made,
            desc = true }
    end
    add("count", "count")
    for _, made in ipairs(schema:shape(model).all) do
        if rules.is_groupable(made) then
            add("key_" .. made.graphql, "key", made)
        end
    end
    each_aggregate(schema, model, function(fn, made)
        add(fn .. "_" .. made.graphql, fn, made)
    end)
    return make.choice("groupOrder", values)
end

local COMPARE = {
    { "", "eq" }, { "_not", "not" }, { "_lt", "lt" }, { "_lte", "lte" },
    { "_gt", "gt" }, { "_gte", "gte" },
}

function build.having(schema, model)
    local fields, taken = {}, {}
    local function add(fn, made, scalar)
        local name = made and fn .. "_" .. made.graphql or fn
        for _, row in ipairs(COMPARE) do
            if not taken[name .. row[1]] then
                taken[name .. row[1]] = true
                fields[#fields + 1] = make.field(name .. row[1],
                    schema:named(scalar), { what = "having", fn = fn,
                        field = made, scalar = scalar, op = row[2] })
            end
        end
    end
    add("count", nil, "Int")
    each_aggregate(schema, model, add)
    local own = schema:additions(model).having
    for _, op in ipairs { "AND", "OR", "NOT" } do
        fields[#fields + 1] = make.field(op, schema:list_of(own),
            { what = "bool", op = op })
    end
    return make.input("having", fields)
end

return build
