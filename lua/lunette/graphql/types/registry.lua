--- The names of all types of a schema, and how each is made.
--
-- Only what a client can reach is named: an input without fields is dropped,
-- and with it every field that would use it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.registry
local calls = require("lunette.graphql.types.calls")
local names = require("lunette.graphql.names")
local rules = require("lunette.graphql.types.rules")

local registry = {}

local function register_scalars(schema, model)
    for _, made in ipairs(schema:shape(model).scalars) do
        if made.enum then
            schema:register(made.enum, "enum", nil, made)
        else
            schema:register(made.scalar, "scalar", nil, made.scalar)
        end
        if made.list and rules.is_creatable(made) then
            schema:register(model.name .. "Create" .. made.graphql .. "Input",
                "scalarList", model, made)
            schema:register(model.name .. "Update" .. made.graphql .. "Input",
                "scalarList", model, made)
        end
    end
end

local function register_nested(schema, relation)
    local target, own = relation.model, relation.names
    local without = relation.opposite
    local has_create = schema:has_create(target, without)
    local many = relation.field.many
    schema:register(own.create, "nestedCreate", target, relation)
    schema:register(own.update, "nestedUpdate", target, relation)
    if has_create then
        schema:register(own.create_item,
            without and "createWithout" or "create", target, without)
    end
    if schema:has_update(target, without) then
        schema:register(own.update_data, "updateData", target, without)
        if many then
            schema:register(own.update_item, "updateWithWhere", target,
                relation)
        end
        if has_create then
            schema:register(many and own.upsert_item or own.upsert,
                many and "upsertWithWhere" or "upsertNested", target, relation)
        end
    end
    if not many then return end
    schema:register(target.name .. "ScalarWhereInput", "scalarWhere", target)
    if schema:has_update_many(target) then
        schema:register(own.update_many, "updateManyWithWhere", target)
        schema:register(own.update_many_data, "updateManyData", target)
    end
end

local function register_inputs(schema, model)
    local name = model.name
    if schema:has_create(model) then
        schema:register(name .. "CreateInput", "create", model)
    end
    if schema:has_update(model) then
        schema:register(name .. "UpdateInput", "update", model)
    end
    if schema:has_update_many(model) then
        schema:register(name .. "UpdateManyMutationInput", "updateMany", model)
    end
    schema:register(name .. "WhereInput", "where", model)
    if schema:has_unique(model) then
        schema:register(name .. "WhereUniqueInput", "whereUnique", model)
    end
    schema:register(name .. "SubscriptionWhereInput", "subscriptionWhere",
        model)
end

local function register_model(schema, model)
    local name = model.name
    schema:register(name, "model", model)
    schema:register(name .. "Connection", "connection", model)
    schema:register(name .. "Edge", "edge", model)
    schema:register("Aggregate" .. name, "aggregate", model)
    schema:register(name .. "OrderByInput", "orderBy", model)
    schema:register(name .. "SubscriptionPayload", "payload", model)
    schema:register(name .. "PreviousValues", "previousValues", model)
    register_inputs(schema, model)
    register_scalars(schema, model)
    for _, made in ipairs(schema:shape(model).relations) do
        if not made.readonly then
            register_nested(schema, schema:relation(made))
        end
    end
end

-- What goes beyond the reference, after all of the reference: a name that is
-- taken there stays as it is, and the addition is left out.
local function register_aggregates(schema, model, own)
    local added = {}
    for _, fn in ipairs(rules.AGGREGATES) do
        for _, made in ipairs(schema:shape(model).scalars) do
            local scalar = rules.aggregate(fn, made)
            if scalar then
                added[fn] = schema:add(own[fn], "aggregateOf", model, fn)
                schema:register(scalar, "scalar", nil, scalar)
            end
        end
    end
    return added
end

local function register_additions(schema, model)
    local own = names.additions(model.name)
    local added = register_aggregates(schema, model, own)
    schema.added[model] = added
    added.distinct = schema:add(own.distinct, "groupable", model)
    if schema.sort_order then
        added.order = schema:add(own.order, "orderByMany", model)
    end
    for _, name in ipairs { "group", "group_key", "group_field",
        "group_order", "having" } do
        if schema.registry[own[name]] then return end
    end
    added.group = schema:add(own.group, "group", model)
    added.group_key = schema:add(own.group_key, "groupKey", model)
    added.group_field = schema:add(own.group_field, "groupable", model)
    added.group_order = schema:add(own.group_order, "groupOrder", model)
    added.having = schema:add(own.having, "having", model)
end

local function add_first(schema, list, role)
    for _, name in ipairs(list) do
        if schema:add(name, role) then return name end
    end
end

local function has_json(schema)
    return rules.contains(schema.models, function(model)
        return rules.contains(schema:shape(model).scalars, function(made)
            return made.type == "json"
        end)
    end)
end

local function register_beyond(schema)
    if #schema.models == 0 then return end
    schema.sort_order = add_first(schema, names.SORT_ORDER, "sortOrder")
    schema.query_mode = add_first(schema, names.QUERY_MODE, "queryMode")
    if has_json(schema) then
        schema.json_path = add_first(schema, names.JSON_PATH, "jsonPath")
        schema:register("Float", "scalar", nil, "Float")
    end
    for _, model in ipairs(schema.models) do
        register_additions(schema, model)
    end
end

local function register_common(schema)
    schema:register("Query", "query")
    for _, name in ipairs({ "Boolean", "String" }) do
        schema:register(name, "scalar", nil, name)
    end
    if #schema.models == 0 then return end
    schema:register("Mutation", "mutation")
    schema:register("Subscription", "subscription")
    schema:register("BatchPayload", "batch")
    schema:register("PageInfo", "pageInfo")
    schema:register("MutationType", "mutationType")
    schema:register("Int", "scalar", nil, "Int")
    schema:register("Long", "scalar", nil, "Long")
    local function is_node(model) return schema:is_node(model) end
    if rules.contains(schema.models, is_node) then
        schema:register("Node", "node")
        schema:register("ID", "scalar", nil, "ID")
    end
end

--- Names every type of `schema`.
function registry.fill(schema)
    register_common(schema)
    for _, model in ipairs(schema.models) do register_model(schema, model) end
    calls.register(schema)
    if not schema.strict then register_beyond(schema) end
end

return registry
