--- Names that would be spelled alike in the API or the database.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.app.collisions
local api = require("lunette.graphql.names")
local lists = require("lunette.util.lists")
local text = require("lunette.util.text")

local collisions = {}

local RESERVED_TYPES = lists.set({ "Query", "Mutation", "Subscription", "Node",
    "PageInfo", "BatchPayload", "MutationType", "Int", "Float", "String",
    "Boolean", "ID", "DateTime", "Date", "Time", "Json", "Long", "Decimal",
    "UUID", "File", "Upload" })
local RESERVED_FIELDS = lists.set({ "AND", "OR", "NOT" })

-- Types that every model brings, as %s.
local DERIVED = { "%sConnection", "%sEdge", "Aggregate%s", "%sWhereInput",
    "%sWhereUniqueInput", "%sScalarWhereInput", "%sCreateInput",
    "%sUpdateInput", "%sUpdateDataInput", "%sUpdateManyDataInput",
    "%sUpdateManyMutationInput", "%sOrderByInput", "%sPreviousValues",
    "%sSubscriptionPayload", "%sSubscriptionWhereInput" }
local FILTERS = { "not", "in", "not_in", "lt", "lte", "gt", "gte", "contains",
    "not_contains", "starts_with", "not_starts_with", "ends_with",
    "not_ends_with", "every", "some", "none" }

local function prefix_hint(app, other)
    if app == other then return "" end
    return ('; give one of the apps a prefix: app "%s" { prefix = "%s" }')
        :format(app.name, (app.name:gsub("^%l", string.upper)))
end

-- Types ---------------------------------------------------------------------

local function reserved(name)
    return RESERVED_TYPES[name] or name:find("^__") or name:find("^Lunette")
end

-- Gives a type name to its owner, or reports why not.
local function claim(owners, name, owner)
    local first = owners[name]
    if reserved(name) then
        owner.app.report:error(owner.place, name,
            "%s: the type name %s is reserved", owner.said, text.quote(name))
    elseif first and first ~= owner then
        owner.app.report:error(owner.place, name,
            "%s and %s (%s:%d) both give the type %s%s", owner.said, first.said,
            first.place.file, first.place.line, text.quote(name),
            prefix_hint(owner.app, first.app))
    else
        owners[name] = owner
        return true
    end
end

local function check_types(builders, enums, calls)
    local owners, claims = {}, {}
    for _, builder in ipairs(builders) do
        local owner = { app = builder.app, place = builder.place,
            said = "model '" .. builder.model.key .. "'" }
        if claim(owners, builder.model.name, owner) then
            claims[#claims + 1] = { owner, builder.model.name }
        end
    end
    for _, enum in ipairs(enums) do
        local said = enum.field and "the enum of " .. enum.field
            or "enum '" .. enum.key .. "'"
        claim(owners, enum.graphql, { app = enum.app, place = enum.place,
            said = said })
    end
    for _, pair in ipairs(claims) do
        for _, pattern in ipairs(DERIVED) do
            claim(owners, pattern:format(pair[2]), pair[1])
        end
    end
    for _, call in ipairs(calls) do
        local owner = { app = call.owner, place = call.place, said = call.said }
        for _, object in ipairs(call.objects) do
            claim(owners, object.name, owner)
        end
    end
end

-- Root fields ---------------------------------------------------------------

local QUERIES = { "one", "many", "connection" }
local MUTATIONS = { "create", "update", "upsert", "delete", "updateMany",
    "deleteMany" }

-- The calls of apps beside the fields of models. `seen` as of check_roots.
local function check_calls(seen, calls)
    for _, call in ipairs(calls) do
        local first = seen[call.kind][call.graphql]
        local of_all = call.kind == "query" and call.graphql == "node"
        if of_all or first then
            call.owner.report:error(call.place, call.name,
                "%s gives the API field '%s' that %s has; name it with "
                .. "graphql = \"...\"", call.said, call.graphql,
                of_all and "every service" or ("%s (%s:%d)"):format(first.said,
                    first.place.file, first.place.line))
        end
        seen[call.kind][call.graphql] = first or call
    end
end

local function check_roots(builders, calls)
    local seen = { query = {}, mutation = {} }
    local function add(builder, group, name)
        local first = seen[group][name]
        local of_all = group == "query" and name == "node"
        if of_all or first and first ~= builder then
            builder.app.report:error(builder.place, builder.declared_name,
                "model '%s' gives the API field '%s' that %s has; "
                .. "name it with graphql = \"...\"", builder.model.key, name,
                first and first.said or "every service")
        end
        builder.said = "model '" .. builder.model.key .. "'"
        seen[group][name] = first or builder
    end
    local types = {}
    for _, builder in ipairs(builders) do
        if not types[builder.model.name] then
            types[builder.model.name] = true
            local roots = api.roots(builder.model.name)
            for _, key in ipairs(QUERIES) do
                add(builder, "query", roots[key])
            end
            for _, key in ipairs(MUTATIONS) do
                add(builder, "mutation", roots[key])
            end
        end
    end
    check_calls(seen, calls)
end

-- Fields --------------------------------------------------------------------

local function field_error(builder, field, message, ...)
    builder.app.report:error({ file = field.file, line = field.line },
        field.name, "%s.%s: " .. message, builder.model.name, field.name, ...)
end

local function check_filters(builder, field, by_graphql)
    for _, filter in ipairs(FILTERS) do
        local head = field.graphql:sub(1, -#filter - 2)
        if field.graphql == head .. "_" .. filter and by_graphql[head] then
            field_error(builder, field, "'%s' is the name of a filter of '%s'",
                field.graphql, by_graphql[head].name)
        end
    end
end

local function check_fields(builder)
    local by_graphql = {}
    for _, field in ipairs(builder.model.fields) do
        local first = by_graphql[field.graphql]
        if RESERVED_FIELDS[field.graphql] or field.graphql:find("^__") then
            field_error(builder, field, "the name '%s' is reserved in the API",
                field.graphql)
        elseif first then
            field_error(builder, field,
                "'%s' and '%s' are both '%s' in the API", first.name,
                field.name, field.graphql)
        end
        by_graphql[field.graphql] = first or field
    end
    for _, field in ipairs(builder.model.fields) do
        if field.graphql:find("_", 1, true) then
            check_filters(builder, field, by_graphql)
        end
    end
end

-- Tables --------------------------------------------------------------------

local function check_tables(builders)
    local seen = {}
    local function add(builder, schema, name, said)
        local key = schema .. "." .. name
        local first = seen[key]
        if first and first ~= said then
            builder.app.report:error(builder.place, builder.declared_name,
                "%s and %s would share the table '%s'", said, first, key)
        end
        seen[key] = first or said
    end
    for _, builder in ipairs(builders) do
        add(builder, builder.model.schema, builder.model.table,
            "model '" .. builder.model.key .. "'")
    end
    for _, builder in ipairs(builders) do
        for _, field in ipairs(builder.model.fields) do
            local link = field.link
            if link and link.kind == "join" then
                add(builder, link.schema, link.table, "relation '"
                    .. link.table .. "'")
            end
        end
    end
end

--- Reports names that collide.
-- @tparam {table,...} builders of lunette.model.model
-- @tparam {table,...} enums { graphql, app, place }
-- @tparam {table,...} calls of lunette.app.calls
function collisions.check(builders, enums, calls)
    check_types(builders, enums, calls)
    check_roots(builders, calls)
    for _, builder in ipairs(builders) do check_fields(builder) end
    check_tables(builders)
end

return collisions
