--- The OpenCRUD type system of a release set, made on demand.
--
-- A schema knows the name of every type at once (a line in a registry) and
-- makes a type when it is first asked for: a hundred models are some 3,300
-- types, of which an operation touches a dozen. What a type or field *means*
-- stands in its `role` and `meta`; planners read those, never names.
--
-- The tables given out are shared and must not be changed.
--
-- Type: `{name, kind, role, model, fields, by, values, interfaces, possible,
-- description}`; field: `{name, type, args, args_by, meta, description}`;
-- type reference: `{kind="named", name}`, `{kind="list", of}` or
-- `{kind="nonnull", of}`. References are interned: equal ones are the same
-- table.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types
local builtin = require("lunette.graphql.builtin")
local names = require("lunette.graphql.names")

local types = {}

local Schema = {}
Schema.__index = Schema

-- Type references -----------------------------------------------------------

local function interned(cache, key, kind)
    local made = cache[key]
    if not made then
        made = { kind = kind, of = key }
        cache[key] = made
    end
    return made
end

function Schema:named(name)
    local ref = self.refs.named[name]
    if not ref then
        ref = { kind = "named", name = name }
        self.refs.named[name] = ref
    end
    return ref
end

function Schema:nonnull(of)
    return interned(self.refs.nonnull, of, "nonnull")
end

function Schema:list(of)
    return interned(self.refs.list, of, "list")
end

-- [name!]
function Schema:list_of(name)
    return self:list(self:nonnull(self:named(name)))
end

-- name!
function Schema:required(name)
    return self:nonnull(self:named(name))
end

-- Fields --------------------------------------------------------------------

local function field(name, tref, meta, description)
    return { name = name, type = tref, meta = meta or {},
        description = description }
end

local NO_ARGS = {}

local function with_args(made, args)
    made.args, made.args_by = args or NO_ARGS, {}
    for _, arg in ipairs(made.args) do made.args_by[arg.name] = arg end
    return made
end

local function output(name, tref, meta, description)
    return with_args(field(name, tref, meta, description))
end

local function object(role, fields)
    return { kind = "OBJECT", role = role, fields = fields }
end

local function input(role, fields)
    return { kind = "INPUT_OBJECT", role = role, fields = fields }
end

-- Models --------------------------------------------------------------------

-- The fields of a model that the caller's roles see, in order of declaration,
-- and apart by kind. The one place where fields are hidden.
function Schema:shape(model)
    local shape = self.shapes[model]
    if shape then return shape end
    shape = { all = {}, scalars = {}, relations = {} }
    self.shapes[model] = shape
    for _, made in ipairs(model.fields) do
        if self:is_visible(model, made) then
            local kind = made.kind == "relation" and shape.relations
                or shape.scalars
            shape.all[#shape.all + 1], kind[#kind + 1] = made, made
        end
    end
    return shape
end

-- `only = role` will answer here; all fields are seen for now.
function Schema:is_visible(_, made)
    return made.kind ~= "relation" or self.by_key[made.target] ~= nil
end

local function is_given_by_server(made)
    return made.created or made.updated or made.stored or made.readonly
end

-- An id that counts is given by the database.
local function is_creatable(made)
    if made.type == "id" then
        return made.scalar == "ID" or made.scalar == "UUID"
    end
    return not is_given_by_server(made)
end

local function is_updatable(made)
    return made.type ~= "id" and not is_given_by_server(made)
end

local function is_required_input(made)
    return made.required and made.default == nil and not made.list
        and not made.many and made.type ~= "id"
end

local function contains(list, pick)
    for _, item in ipairs(list) do
        if pick(item) then return true end
    end
    return false
end

-- Whether an update of the model has anything to set, beside `without`.
function Schema:has_update(model, without)
    local shape = self:shape(model)
    return contains(shape.scalars, is_updatable)
        or contains(shape.relations, function(made)
            return made ~= without and not made.readonly
        end)
end

function Schema:has_update_many(model)
    return contains(self:shape(model).scalars, is_updatable)
end

function Schema:has_create(model, without)
    local shape = self:shape(model)
    return contains(shape.scalars, is_creatable)
        or contains(shape.relations, function(made)
            return made ~= without and not made.readonly
        end)
end

function Schema:has_unique(model)
    return contains(self:shape(model).scalars, function(made)
        return made.unique and not made.list
    end)
end

-- What a relation field leads to: `model`, `opposite` (visible field or nil)
-- and the names of its inputs.
function Schema:relation(made)
    local relation = self.relations[made]
    if relation then return relation end
    local target = self.by_key[made.target]
    local opposite
    for _, other in ipairs(self:shape(target).relations) do
        if other.name == made.inverse then opposite = other end
    end
    local arity = made.many and "Many"
        or made.required and "OneRequired" or "One"
    relation = {
        field = made, model = target, opposite = opposite,
        names = names.relation(target.name,
            opposite and opposite.graphql, arity),
    }
    self.relations[made] = relation
    return relation
end

-- Objects -------------------------------------------------------------------

local function list_args(schema, model)
    local args = schema.list_arguments[model]
    if args then return args end
    local function arg(name, type_name)
        return field(name, schema:named(type_name))
    end
    args = {
        arg("where", model.name .. "WhereInput"),
        arg("orderBy", model.name .. "OrderByInput"),
        arg("skip", "Int"), arg("after", "String"), arg("before", "String"),
        arg("first", "Int"), arg("last", "Int"),
    }
    schema.list_arguments[model] = args
    return args
end

local function scalar_ref(schema, made)
    if made.list then return schema:nonnull(schema:list_of(made.scalar)) end
    if made.required or made.type == "id" then
        return schema:required(made.scalar)
    end
    return schema:named(made.scalar)
end

local function scalar_output(schema, made)
    return output(made.graphql, scalar_ref(schema, made),
        { what = "scalar", field = made }, made.help or made.title)
end

local function relation_output(schema, made)
    local target = schema.by_key[made.target]
    local meta = { what = "relation", field = made }
    local text = made.help or made.title
    if made.many then
        local out = field(made.graphql, schema:list_of(target.name), meta, text)
        return with_args(out, list_args(schema, target))
    end
    local ref = schema:named(target.name)
    if made.required then ref = schema:nonnull(ref) end
    return output(made.graphql, ref, meta, text)
end

local build = {}

function build.model(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).all) do
        local make = made.kind == "relation" and relation_output
            or scalar_output
        fields[#fields + 1] = make(schema, made)
    end
    local type = object("model", fields)
    type.interfaces = schema:is_node(model) and { "Node" } or {}
    type.description = model.title
    return type
end

function build.connection(schema, model)
    return object("connection", {
        output("pageInfo", schema:required("PageInfo"), { what = "pageInfo" }),
        output("edges",
            schema:nonnull(schema:list(schema:named(model.name .. "Edge"))),
            { what = "edges" }),
        output("aggregate", schema:required("Aggregate" .. model.name),
            { what = "aggregate" }),
    })
end

function build.edge(schema, model)
    return object("edge", {
        output("node", schema:required(model.name), { what = "node" }),
        output("cursor", schema:required("String"), { what = "cursor" }),
    })
end

function build.aggregate(schema)
    return object("aggregate", {
        output("count", schema:required("Int"), { what = "count" }),
    })
end

function build.batch(schema)
    return object("batch", {
        output("count", schema:required("Long"), { what = "count" },
            "How many records were changed."),
    })
end

function build.pageInfo(schema)
    local function flag(name)
        return output(name, schema:required("Boolean"), { what = name })
    end
    local function cursor(name)
        return output(name, schema:named("String"), { what = name })
    end
    return object("pageInfo", {
        flag("hasNextPage"), flag("hasPreviousPage"),
        cursor("startCursor"), cursor("endCursor"),
    })
end

function build.node(schema)
    local type = {
        kind = "INTERFACE", role = "node", interfaces = {}, possible = {},
        fields = { output("id", schema:required("ID"), { what = "scalar" }) },
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
    return object("previousValues", fields)
end

function build.payload(schema, model)
    return object("payload", {
        output("mutation", schema:required("MutationType"),
            { what = "mutation" }),
        output("node", schema:named(model.name), { what = "node" }),
        output("updatedFields", schema:list_of("String"),
            { what = "updatedFields" }),
        output("previousValues",
            schema:named(model.name .. "PreviousValues"),
            { what = "previousValues" }),
    })
end

-- Enums and scalars ---------------------------------------------------------

local function enum(role, values)
    local by = {}
    for _, value in ipairs(values) do by[value.name] = value end
    return { kind = "ENUM", role = role, values = values, by = by }
end

function build.enum(_, _, made)
    local values = {}
    for i, value in ipairs(made.values) do values[i] = { name = value } end
    return enum("enum", values)
end

function build.mutationType()
    return enum("mutationType", {
        { name = "CREATED" }, { name = "UPDATED" }, { name = "DELETED" },
    })
end

function build.orderBy(schema, model)
    local values = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        if not made.list and made.type ~= "file" then
            table.insert(values,
                { name = made.graphql .. "_ASC", field = made, desc = false })
            table.insert(values,
                { name = made.graphql .. "_DESC", field = made, desc = true })
        end
    end
    return enum("orderBy", values)
end

function build.scalar(_, _, name)
    local scalar = builtin.SCALARS[name]
    return { kind = "SCALAR", role = "scalar",
        description = scalar and scalar.description }
end

-- Filters -------------------------------------------------------------------

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
        fields[#fields + 1] = field(made.graphql .. row[1], ref,
            { what = "filter", field = made, op = row[2] })
    end
end

local function add_relation_filters(schema, fields, made)
    local ref = schema:named(schema.by_key[made.target].name .. "WhereInput")
    local function add(suffix, op)
        fields[#fields + 1] = field(made.graphql .. suffix, ref,
            { what = "relation", field = made, op = op })
    end
    if not made.many then return add("", "is") end
    add("_every", "every")
    add("_some", "some")
    add("_none", "none")
end

local function add_logic(schema, fields, type_name)
    for _, op in ipairs({ "AND", "OR", "NOT" }) do
        fields[#fields + 1] = field(op, schema:list_of(type_name),
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
    return input("where", fields)
end

function build.scalarWhere(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        add_scalar_filters(schema, fields, made)
    end
    add_logic(schema, fields, model.name .. "ScalarWhereInput")
    return input("scalarWhere", fields)
end

function build.whereUnique(schema, model)
    local fields = {}
    for _, made in ipairs(schema:shape(model).scalars) do
        if made.unique and not made.list then
            fields[#fields + 1] = field(made.graphql,
                schema:named(made.scalar), { what = "unique", field = made })
        end
    end
    return input("whereUnique", fields)
end

function build.subscriptionWhere(schema, model)
    local own = model.name .. "SubscriptionWhereInput"
    local function row(name, ref) return field(name, ref, { what = name }) end
    local fields = {
        row("mutation_in", schema:list_of("MutationType")),
        row("updatedFields_contains", schema:named("String")),
        row("updatedFields_contains_every", schema:list_of("String")),
        row("updatedFields_contains_some", schema:list_of("String")),
        row("node", schema:named(model.name .. "WhereInput")),
    }
    add_logic(schema, fields, own)
    return input("subscriptionWhere", fields)
end

-- Inputs of create and update -----------------------------------------------

-- `verb`: "Create" or "Update".
local function scalar_input(schema, model, made, verb)
    local text = made.help or made.title
    if made.list then
        local name = model.name .. verb .. made.graphql .. "Input"
        return field(made.graphql, schema:named(name),
            { what = "list", field = made }, text)
    end
    local ref = schema:named(made.scalar)
    if verb == "Create" and is_required_input(made) then
        ref = schema:nonnull(ref)
    end
    return field(made.graphql, ref, { what = "set", field = made }, text)
end

local function add_scalar_inputs(schema, fields, model, verb)
    local pick = verb == "Create" and is_creatable or is_updatable
    for _, made in ipairs(schema:shape(model).scalars) do
        if pick(made) then
            fields[#fields + 1] = scalar_input(schema, model, made, verb)
        end
    end
end

local function add_relation_inputs(schema, fields, model, verb, without)
    for _, made in ipairs(schema:shape(model).relations) do
        if made ~= without and not made.readonly then
            local own = schema:relation(made).names
            local ref = schema:named(verb == "Create" and own.create
                or own.update)
            if verb == "Create" and is_required_input(made) then
                ref = schema:nonnull(ref)
            end
            fields[#fields + 1] = field(made.graphql, ref,
                { what = "nested", field = made }, made.help or made.title)
        end
    end
end

local function data_input(role, verb)
    return function(schema, model, without)
        local fields = {}
        add_scalar_inputs(schema, fields, model, verb)
        add_relation_inputs(schema, fields, model, verb, without)
        local type = input(role, fields)
        type.without = without
        return type
    end
end

build.create = data_input("create", "Create")
build.createWithout = data_input("createWithout", "Create")
build.update = data_input("update", "Update")
build.updateData = data_input("updateData", "Update")

local function scalars_input(role)
    return function(schema, model)
        local fields = {}
        add_scalar_inputs(schema, fields, model, "Update")
        return input(role, fields)
    end
end

build.updateMany = scalars_input("updateMany")
build.updateManyData = scalars_input("updateManyData")

function build.scalarList(schema, _, made)
    local type = input("scalarList", {
        field("set", schema:list_of(made.scalar),
            { what = "values", field = made }),
    })
    type.field = made
    return type
end

-- Inputs of relations -------------------------------------------------------

-- Collects the verbs of one relation input. A one-sided relation shares its
-- inputs with all others that lead to the same model: `field` is nil there,
-- and the relation is the one of the surrounding "nested" field.
local function verb_list(schema, relation)
    local fields = {}
    local made = relation.opposite and relation.field or nil
    local function add(verb, type_name, many)
        local ref = many and schema:list_of(type_name)
            or schema:named(type_name)
        fields[#fields + 1] = field(verb, ref,
            { what = "verb", verb = verb, field = made })
    end
    return fields, add
end

function build.nestedCreate(schema, model, relation)
    local fields, add = verb_list(schema, relation)
    local many = relation.field.many
    if schema:has_create(model, relation.opposite) then
        add("create", relation.names.create_item, many)
    end
    if schema:has_unique(model) then
        add("connect", model.name .. "WhereUniqueInput", many)
    end
    return input("nestedCreate", fields)
end

local function nested_update_many(schema, model, relation)
    local fields, add = verb_list(schema, relation)
    local unique, own = model.name .. "WhereUniqueInput", relation.names
    if schema:has_create(model, relation.opposite) then
        add("create", own.create_item, true)
    end
    add("delete", unique, true)
    add("connect", unique, true)
    add("set", unique, true)
    add("disconnect", unique, true)
    if schema:has_update(model, relation.opposite) then
        add("update", own.update_item, true)
        if schema:has_create(model, relation.opposite) then
            add("upsert", own.upsert_item, true)
        end
    end
    add("deleteMany", model.name .. "ScalarWhereInput", true)
    if schema:has_update_many(model) then
        add("updateMany", own.update_many, true)
    end
    return input("nestedUpdate", fields)
end

local function nested_update_one(schema, model, relation)
    local fields, add = verb_list(schema, relation)
    local own = relation.names
    local has_create = schema:has_create(model, relation.opposite)
    if has_create then add("create", own.create_item) end
    if schema:has_update(model, relation.opposite) then
        add("update", own.update_data)
        if has_create then add("upsert", own.upsert) end
    end
    if not relation.field.required then
        add("delete", "Boolean")
        add("disconnect", "Boolean")
    end
    add("connect", model.name .. "WhereUniqueInput")
    return input("nestedUpdate", fields)
end

function build.nestedUpdate(schema, model, relation)
    local make = relation.field.many and nested_update_many
        or nested_update_one
    return make(schema, model, relation)
end

-- An input of required parts: rows of { name, type name }.
local function parts(schema, role, rows)
    local fields = {}
    for i, row in ipairs(rows) do
        fields[i] = field(row[1], schema:required(row[2]), { what = row[1] })
    end
    return input(role, fields)
end

function build.updateWithWhere(schema, model, relation)
    return parts(schema, "updateWithWhere", {
        { "where", model.name .. "WhereUniqueInput" },
        { "data", relation.names.update_data },
    })
end

function build.upsertWithWhere(schema, model, relation)
    return parts(schema, "upsertWithWhere", {
        { "where", model.name .. "WhereUniqueInput" },
        { "update", relation.names.update_data },
        { "create", relation.names.create_item },
    })
end

function build.upsertNested(schema, _, relation)
    return parts(schema, "upsertNested", {
        { "update", relation.names.update_data },
        { "create", relation.names.create_item },
    })
end

function build.updateManyWithWhere(schema, model)
    return parts(schema, "updateManyWithWhere", {
        { "where", model.name .. "ScalarWhereInput" },
        { "data", model.name .. "UpdateManyDataInput" },
    })
end

-- Roots ---------------------------------------------------------------------

local function root_field(name, ref, what, model, args)
    return with_args(field(name, ref, { what = what, model = model }), args)
end

function build.query(schema)
    local fields = {}
    local function add(...) fields[#fields + 1] = root_field(...) end
    for _, model in ipairs(schema.models) do
        local own = schema.roots_of[model]
        local ref = schema:named(model.name)
        if schema:has_unique(model) then
            add(own.one, ref, "one", model, { field("where",
                schema:required(model.name .. "WhereUniqueInput")) })
        end
        add(own.many, schema:nonnull(schema:list(ref)), "list", model,
            list_args(schema, model))
        add(own.connection, schema:required(model.name .. "Connection"),
            "connection", model, list_args(schema, model))
    end
    if schema.registry.Node then
        add("node", schema:named("Node"), "node", nil,
            { field("id", schema:required("ID")) })
    end
    return object("query", fields)
end

local function add_updates(schema, model, add)
    local own, name = schema.roots_of[model], model.name
    local where = field("where", schema:required(name .. "WhereUniqueInput"))
    local update = schema:required(name .. "UpdateInput")
    add(own.update, schema:named(name), "update", model,
        { field("data", update), where })
    if not schema:has_create(model) then return end
    add(own.upsert, schema:required(name), "upsert", model, {
        where, field("create", schema:required(name .. "CreateInput")),
        field("update", update),
    })
end

local function add_batches(schema, model, add)
    local own, name = schema.roots_of[model], model.name
    local where = field("where", schema:named(name .. "WhereInput"))
    local batch = schema:required("BatchPayload")
    if schema:has_update_many(model) then
        local data = schema:required(name .. "UpdateManyMutationInput")
        add(own.updateMany, batch, "updateMany", model,
            { field("data", data), where })
    end
    add(own.deleteMany, batch, "deleteMany", model, { where })
end

function build.mutation(schema)
    local fields = {}
    local function add(...) fields[#fields + 1] = root_field(...) end
    for _, model in ipairs(schema.models) do
        local own, name = schema.roots_of[model], model.name
        local data = schema:has_create(model)
            and field("data", schema:required(name .. "CreateInput"))
        add(own.create, schema:required(name), "create", model, { data or nil })
        if schema:has_unique(model) then
            if schema:has_update(model) then
                add_updates(schema, model, add)
            end
            add(own.delete, schema:named(name), "delete", model, {
                field("where", schema:required(name .. "WhereUniqueInput")) })
        end
        add_batches(schema, model, add)
    end
    return object("mutation", fields)
end

function build.subscription(schema)
    local fields = {}
    for _, model in ipairs(schema.models) do
        fields[#fields + 1] = root_field(
            schema.roots_of[model].subscription,
            schema:named(model.name .. "SubscriptionPayload"),
            "subscription", model,
            { field("where",
                schema:named(model.name .. "SubscriptionWhereInput")) })
    end
    return object("subscription", fields)
end

-- Registry ------------------------------------------------------------------

-- Notes that `name` is made by `build[role](schema, model, extra)`. The same
-- type may be met many times; two different ones under one name are a
-- conflict.
function Schema:register(name, role, model, extra)
    local known = self.registry[name]
    if known then
        if known.role ~= role or known.model ~= model then
            table.insert(self.conflicts, { name = name, role = role,
                model = model, other_role = known.role,
                other_model = known.model })
        end
        return
    end
    self.registry[name] = { role = role, model = model, extra = extra }
end

local function register_scalars(schema, model)
    for _, made in ipairs(schema:shape(model).scalars) do
        if made.enum then
            schema:register(made.enum, "enum", nil, made)
        else
            schema:register(made.scalar, "scalar", nil, made.scalar)
        end
        if made.list and is_creatable(made) then
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
    schema.roots_of[model] = names.roots(name)
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
    if contains(schema.models, function(m) return schema:is_node(m) end) then
        schema:register("Node", "node")
        schema:register("ID", "scalar", nil, "ID")
    end
end

-- Using it ------------------------------------------------------------------

--- Whether objects of a model are found by `node(id:)`.
function Schema:is_node(model)
    return contains(self:shape(model).scalars, function(made)
        return made.type == "id" and made.graphql == "id"
            and made.scalar == "ID"
    end)
end

--- A type by name, introspection types included; nil when there is none.
function Schema:type(name)
    local type = self.made[name]
    if type then return type end
    local entry = self.registry[name]
    if not entry then return builtin.TYPES[name] end
    type = build[entry.role](self, entry.model, entry.extra)
    type.name, type.model = name, entry.model
    if type.fields then
        type.by = {}
        for _, made in ipairs(type.fields) do type.by[made.name] = made end
    end
    self.made[name] = type
    return type
end

local ROOTS = { query = "Query", mutation = "Mutation",
    subscription = "Subscription" }

--- The type of an operation, by "query", "mutation" or "subscription"; nil
-- when the schema has none.
function Schema:root(operation)
    return self:type(ROOTS[operation])
end

--- The field `name` of an object or interface, `__typename` and, on the query
-- root, `__schema` and `__type` included; nil when there is none.
function Schema:field(type, name)
    if name == "__typename" then return builtin.TYPENAME end
    if type.role == "query" then
        if name == "__schema" then return builtin.SCHEMA end
        if name == "__type" then return builtin.TYPE end
    end
    return type.by and type.by[name]
end

--- Names of all types without those of introspection, sorted by bytes.
function Schema:names()
    if not self.sorted then
        local sorted = {}
        for name in pairs(self.registry) do sorted[#sorted + 1] = name end
        table.sort(sorted)
        self.sorted = sorted
    end
    return self.sorted
end

--- The names of the object types that a composite type may be.
function Schema:possible(type)
    return type.possible or { type.name }
end

--- The type at the bottom of a reference.
function types.bottom(tref)
    while tref.kind ~= "named" do tref = tref.of end
    return tref.name
end

--- A reference as it is written: "[User!]!".
function types.text(tref)
    if tref.kind == "named" then return tref.name end
    if tref.kind == "list" then return "[" .. types.text(tref.of) .. "]" end
    return types.text(tref.of) .. "!"
end

--- Makes the schema of a release set as a caller with `roles` sees it.
-- @tparam table set release set
-- @tparam ?table opts `strict`: only what the OpenCRUD reference has; `roles`:
-- the caller's closed set of roles (today every set sees the same schema)
-- @treturn table schema; `conflicts` lists names that two types claim
function types.new(set, opts)
    opts = opts or {}
    local schema = setmetatable({
        set = set, strict = opts.strict or false, roles = opts.roles,
        models = set.models, by_key = {}, registry = {}, made = {},
        shapes = {}, relations = {}, list_arguments = {}, roots_of = {},
        conflicts = {}, refs = { named = {}, nonnull = {}, list = {} },
    }, Schema)
    for _, model in ipairs(set.models) do schema.by_key[model.key] = model end
    register_common(schema)
    for _, model in ipairs(set.models) do register_model(schema, model) end
    return schema
end

return types
