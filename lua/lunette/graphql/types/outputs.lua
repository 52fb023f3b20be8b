--- What a client gets: objects, enums and scalars.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.outputs
local builtin = require("lunette.graphql.builtin")
local make = require("lunette.graphql.types.make")
local rules = require("lunette.graphql.types.rules")

local build = {}

local function scalar_ref(schema, made)
    if made.list then return schema:nonnull(schema:list_of(made.scalar)) end
    if made.required or made.type == "id" then
        return schema:required(made.scalar)
    end
    return schema:named(made.scalar)
end

local function scalar_output(schema, made)
    return make.output(made.graphql, scalar_ref(schema, made),
        { what = "scalar", field = made }, made.help or made.title)
end

local function relation_output(schema, made)
    local target = schema.by_key[made.target]
    local meta = { what = "relation", field = made }
    local text = made.help or made.title
    if made.many then
        local out = make.field(made.graphql, schema:list_of(target.name), meta,
            text)
        return make.with_args(out, make.list_args(schema, target))
    end
    local ref = schema:named(target.name)
    if made.required then ref = schema:nonnull(ref) end
    return make.output(made.graphql, ref, meta, text)
end

-- "linesConnection" beside "lines", for every list of a model that has no field
-- of that name.
local function add_connections(schema, model, fields)
    local taken = {}
    for _, made in ipairs(fields) do taken[made.name] = true end
    for _, made in ipairs(schema:shape(model).relations) do
        local name = made.graphql .. "Connection"
        if made.many and not taken[name] then
            local target = schema.by_key[made.target]
            local out = make.field(name,
                schema:required(target.name .. "Connection"),
                { what = "relationConnection", field = made },
                made.help or made.title)
            fields[#fields + 1] =
                make.with_args(out, make.list_args(schema, target))
        end
    end
end

-- Every table counts the changes of its rows.
local VERSION = { name = "version", graphql = "version", kind = "scalar",
    type = "bigint", scalar = "Int", column = "version", pg = "bigint",
    required = true, help = "How often the record was written; "
        .. "goes with `version` of updates and deletes." }

local function add_version(schema, model, fields)
    for _, made in ipairs(fields) do
        if made.name == "version" then return end
    end
    if schema:is_versioned(model) then
        fields[#fields + 1] = scalar_output(schema, VERSION)
    end
end

function build.model(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).all) do
        local make_field = made.kind == "relation" and relation_output
            or scalar_output
        fields[#fields + 1] = make_field(schema, made)
    end
    if not schema.strict then
        add_connections(schema, model, fields)
        add_version(schema, model, fields)
    end
    local type = make.object("model", fields)
    type.interfaces = schema:is_node(model) and { "Node" } or {}
    type.description = model.title
    return type
end

function build.connection(schema, model)
    return make.object("connection", {
        make.output("pageInfo", schema:required("PageInfo"),
            { what = "pageInfo" }),
        make.output("edges",
            schema:nonnull(schema:list(schema:named(model.name .. "Edge"))),
            { what = "edges" }),
        make.output("aggregate", schema:required("Aggregate" .. model.name),
            { what = "aggregate" }),
    })
end

function build.edge(schema, model)
    return make.object("edge", {
        make.output("node", schema:required(model.name), { what = "node" }),
        make.output("cursor", schema:required("String"), { what = "cursor" }),
    })
end

function build.aggregate(schema, model)
    local fields = {
        make.output("count", schema:required("Int"), { what = "count" }),
    }
    local added = schema:additions(model)
    for _, fn in ipairs(rules.AGGREGATES) do
        if added[fn] then
            fields[#fields + 1] = make.output(fn, schema:required(added[fn]),
                { what = "aggregates" })
        end
    end
    return make.object("aggregate", fields)
end

function build.batch(schema)
    return make.object("batch", {
        make.output("count", schema:required("Long"), { what = "count" },
            "How many records were changed."),
    })
end

function build.pageInfo(schema)
    local function flag(name)
        return make.output(name, schema:required("Boolean"), { what = name })
    end
    local function cursor(name)
        return make.output(name, schema:named("String"), { what = name })
    end
    return make.object("pageInfo", {
        flag("hasNextPage"), flag("hasPreviousPage"),
        cursor("startCursor"), cursor("endCursor"),
    })
end

function build.node(schema)
    local type = {
        kind = "INTERFACE", role = "node", interfaces = {}, possible = {},
        fields = {
            make.output("id", schema:required("ID"), { what = "scalar" }),
        },
        description = "An object with an id.",
    }
    for _, model in ipairs(schema.models) do
        if schema:is_node(model) then
            table.insert(type.possible, model.name)
        end
    end
    return type
end

function build.previousValues(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        fields[#fields + 1] = scalar_output(schema, made)
    end
    return make.object("previousValues", fields)
end

function build.payload(schema, model)
    return make.object("payload", {
        make.output("mutation", schema:required("MutationType"),
            { what = "mutation" }),
        make.output("node", schema:named(model.name), { what = "node" }),
        make.output("updatedFields", schema:list_of("String"),
            { what = "updatedFields" }),
        make.output("previousValues",
            schema:named(model.name .. "PreviousValues"),
            { what = "previousValues" }),
    })
end

-- Enums and scalars ---------------------------------------------------------


function build.enum(_, _, made)
    local values = {}
    for i, value in ipairs(made.values) do values[i] = { name = value } end
    return make.enum("enum", values)
end

function build.mutationType()
    return make.enum("mutationType", {
        { name = "CREATED" }, { name = "UPDATED" }, { name = "DELETED" },
    })
end

function build.orderBy(schema, model)
    local values = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        if rules.is_sortable(made) then
            table.insert(values,
                { name = made.graphql .. "_ASC", field = made, desc = false })
            table.insert(values,
                { name = made.graphql .. "_DESC", field = made, desc = true })
        end
    end
    return make.choice("orderBy", values)
end

function build.scalar(_, _, name)
    local scalar = builtin.SCALARS[name]
    return { kind = "SCALAR", role = "scalar",
        description = scalar and scalar.description }
end

return build
