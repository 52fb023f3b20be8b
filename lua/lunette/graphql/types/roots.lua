--- Root fields: queries, mutations and subscriptions of every model.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.roots
local calls = require("lunette.graphql.types.calls")
local make = require("lunette.graphql.types.make")
local names = require("lunette.graphql.names")

local build = {}

local function root_field(name, ref, what, model, args)
    return make.with_args(
        make.field(name, ref, { what = what, model = model }), args)
end

local function group_args(schema, model, added)
    local int = schema:named("Int")
    return {
        make.field("by", schema:nonnull(schema:list_of(added.group_field))),
        make.field("where", schema:named(model.name .. "WhereInput")),
        make.field("having", schema:named(added.having)),
        make.field("orderBy", schema:list_of(added.group_order)),
        make.field("skip", int), make.field("first", int),
    }
end

-- Groups of every model, under names that no other root field has.
local function add_groups(schema, fields, add)
    local taken = {}
    for _, made in ipairs(fields) do taken[made.name] = true end
    for _, model in ipairs(schema.models) do
        local added = schema:additions(model)
        local name = names.additions(model.name).groupBy
        if added.group and not taken[name] then
            taken[name] = true
            add(name, schema:nonnull(schema:list_of(added.group)), "groupBy",
                model, group_args(schema, model, added))
        end
    end
end

function build.query(schema)
    local fields = {}
    local function add(...) fields[#fields + 1] = root_field(...) end
    for _, model in ipairs(schema.models) do
        local own = schema:roots(model)
        local ref = schema:named(model.name)
        if schema:has_unique(model) then
            add(own.one, ref, "one", model, { make.field("where",
                schema:required(model.name .. "WhereUniqueInput")) })
        end
        add(own.many, schema:nonnull(schema:list(ref)), "list", model,
            make.list_args(schema, model))
        add(own.connection, schema:required(model.name .. "Connection"),
            "connection", model, make.list_args(schema, model))
    end
    if schema.registry.Node then
        add("node", schema:named("Node"), "node", nil,
            { make.field("id", schema:required("ID")) })
    end
    calls.add(schema, fields, "query")
    add_groups(schema, fields, add)
    return make.object("query", fields)
end

-- The arguments of a change of one row: also `version`, where rows count it.
local function versioned(schema, model, args)
    if schema:is_versioned(model) then
        args[#args + 1] = make.field("version", schema:named("Int"))
    end
    return args
end

local function add_updates(schema, model, add)
    local own, name = schema:roots(model), model.name
    local where = make.field("where",
        schema:required(name .. "WhereUniqueInput"))
    local update = schema:required(name .. "UpdateInput")
    add(own.update, schema:named(name), "update", model,
        versioned(schema, model, { make.field("data", update), where }))
    if not schema:has_create(model) then return end
    add(own.upsert, schema:required(name), "upsert", model, {
        where, make.field("create", schema:required(name .. "CreateInput")),
        make.field("update", update),
    })
end

local function add_batches(schema, model, add)
    local own, name = schema:roots(model), model.name
    local where = make.field("where", schema:named(name .. "WhereInput"))
    local batch = schema:required("BatchPayload")
    if schema:has_update_many(model) then
        local data = schema:required(name .. "UpdateManyMutationInput")
        add(own.updateMany, batch, "updateMany", model,
            { make.field("data", data), where })
    end
    add(own.deleteMany, batch, "deleteMany", model, { where })
end

function build.mutation(schema)
    local fields = {}
    local function add(...) fields[#fields + 1] = root_field(...) end
    for _, model in ipairs(schema.models) do
        local own, name = schema:roots(model), model.name
        local data = schema:has_create(model)
            and make.field("data", schema:required(name .. "CreateInput"))
        add(own.create, schema:required(name), "create", model, { data or nil })
        if schema:has_unique(model) then
            if schema:has_update(model) then
                add_updates(schema, model, add)
            end
            add(own.delete, schema:named(name), "delete", model,
                versioned(schema, model, { make.field("where",
                    schema:required(name .. "WhereUniqueInput")) }))
        end
        add_batches(schema, model, add)
    end
    calls.add(schema, fields, "mutation")
    return make.object("mutation", fields)
end

function build.subscription(schema)
    local fields = {}
    for _, model in ipairs(schema.models) do
        fields[#fields + 1] = root_field(
            schema:roots(model).subscription,
            schema:named(model.name .. "SubscriptionPayload"),
            "subscription", model,
            { make.field("where",
                schema:named(model.name .. "SubscriptionWhereInput")) })
    end
    return make.object("subscription", fields)
end

return build
