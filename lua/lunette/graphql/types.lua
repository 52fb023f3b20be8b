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
local registry = require("lunette.graphql.types.registry")
local rules = require("lunette.graphql.types.rules")

local types = {}

-- Role of a type → function (schema, model, extra) that makes it.
local build = {}
for _, part in ipairs({ "outputs", "filters", "inputs", "nested", "roots",
    "additions" }) do
    local makers = require("lunette.graphql.types." .. part)
    for role, maker in pairs(makers) do build[role] = maker end
end
build.callObject = require("lunette.graphql.types.calls").callObject

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

-- Whether an update of the model has anything to set, beside `without`.
function Schema:has_update(model, without)
    local shape = self:shape(model)
    return rules.contains(shape.scalars, rules.is_updatable)
        or rules.contains(shape.relations, function(made)
            return made ~= without and not made.readonly
        end)
end

function Schema:has_update_many(model)
    return rules.contains(self:shape(model).scalars, rules.is_updatable)
end

function Schema:has_create(model, without)
    local shape = self:shape(model)
    return rules.contains(shape.scalars, rules.is_creatable)
        or rules.contains(shape.relations, function(made)
            return made ~= without and not made.readonly
        end)
end

function Schema:has_unique(model)
    return rules.contains(self:shape(model).scalars, function(made)
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

--- Notes that `name` is made by `build[role](schema, model, extra)`. The same
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

--- Notes a type that the reference does not have: its name, or nil when
-- another type has it.
function Schema:add(name, role, model, extra)
    local known = self.registry[name]
    if known and (known.role ~= role or known.model ~= model) then
        return nil
    end
    self:register(name, role, model, extra)
    return name
end

--- The names of the types that are added for a model, by the keys of
-- names.additions; what is not there is not offered.
function Schema:additions(model)
    return self.added[model] or {}
end

-- Using it ------------------------------------------------------------------

--- Whether a client may name the version of a row: all tables count it, unless
-- the model keeps something else in that column.
function Schema:is_versioned(model)
    if self.strict then return false end
    for _, made in ipairs(model.fields) do
        if made.name == "version" or made.column == "version" then
            return made.kind == "scalar" and not made.list
                and (made.type == "int" or made.type == "bigint")
        end
    end
    return true
end

--- Whether objects of a model are found by `node(id:)`.
function Schema:is_node(model)
    return rules.contains(self:shape(model).scalars, function(made)
        return made.type == "id" and made.graphql == "id"
            and made.scalar == "ID"
    end)
end

--- The names of a model's root fields; see lunette.graphql.names.
function Schema:roots(model)
    local roots = self.roots_of[model]
    if not roots then
        roots = names.roots(model.name)
        self.roots_of[model] = roots
    end
    return roots
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

--- Lets go of the types that were made; they are made again when asked for.
function Schema:forget()
    self.made, self.list_arguments = {}, {}
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
function Schema.field(_, type, name)
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
function Schema.possible(_, type)
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
        added = {}, shapes = {}, relations = {}, list_arguments = {},
        roots_of = {},
        conflicts = {}, refs = { named = {}, nonnull = {}, list = {} },
    }, Schema)
    for _, model in ipairs(set.models) do schema.by_key[model.key] = model end
    registry.fill(schema)
    return schema
end

return types
