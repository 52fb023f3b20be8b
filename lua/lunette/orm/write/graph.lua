--- What every write asks about models and their relations.
--
-- A relation is described once for each of its fields, seen from the model that
-- has the field (the parent) to the model that the field leads to (the child):
--
--     { field=, name="OrderToPartner", parent=MODEL, child=MODEL,
--       kind="own|foreign|join", column=, join=LINK, unique=bool,
--       parent_many=, parent_required=, child_many=, child_required= }
--
-- `kind` says where the link is kept: in a column of the parent ("own"), in a
-- column of the child ("foreign") or in a table between. `child_many`: a child
-- may have several parents.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.graph
local sql = require("lunette.orm.sql")

local graph = {}

local Graph = {}
Graph.__index = Graph

local function opposite_of(models, field)
    local target = models[field.target]
    if not field.inverse then return nil end
    for _, other in ipairs(target.fields) do
        if other.name == field.inverse then return other end
    end
end

local function many_parents(field, opposite)
    if opposite then return opposite.many or false end
    if field.link.kind == "own" and field.unique then return false end
    if field.inverse_many ~= nil then return field.inverse_many end
    return field.link.kind ~= "foreign"
end

local function describe(models, model, field)
    local opposite, link = opposite_of(models, field), field.link
    local parent_many = field.many or false
    local child_many = many_parents(field, opposite)
    return {
        field = field, opposite = opposite, name = field.relation,
        parent = model, child = models[field.target],
        kind = link.kind, column = link.column,
        join = link.kind == "join" and link or nil,
        unique = not parent_many and not child_many,
        parent_many = parent_many, child_many = child_many,
        parent_required = field.required and not parent_many or false,
        child_required = opposite ~= nil and opposite.required
            and not opposite.many or false,
    }
end

local function push(map, key, value)
    local list = map[key]
    if not list then
        list = {}
        map[key] = list
    end
    list[#list + 1] = value
end

local function add_join(self, relation)
    local join = relation.join
    for _, side in ipairs({ { relation.parent, join.near },
        { relation.child, join.far } }) do
        local id = table.concat({ join.schema, join.table, side[2] }, ".")
        if not self.seen[id] then
            self.seen[id] = true
            push(self.joins, side[1].key, { join = join, column = side[2] })
        end
    end
end

local function add(self, model, field)
    local relation = describe(self.models, model, field)
    self.by_field[field] = relation
    push(self.relations, model.key, relation)
    if relation.kind == "own" then
        push(self.referrers, relation.child.key, relation)
    elseif relation.kind == "join" then
        add_join(self, relation)
    end
    if relation.parent_required then
        push(self.requirers, relation.child.key, relation)
    end
end

local function build(service)
    local self = setmetatable({
        models = service.by_key, order = {}, by_field = {}, relations = {},
        referrers = {}, requirers = {}, joins = {}, seen = {}, by_table = {},
        hooks = service.set.hooks or {}, hooked = {}, row_shapes = {}, computed = {},
    }, Graph)
    for i, model in ipairs(service.set.models) do
        self.order[model.key] = i
        self.by_table[model.schema .. "." .. model.table] = model
        if self.hooks[model.key] then self.hooked[model.key] = true end
        for _, field in ipairs(model.fields) do
            if field.kind == "relation" then add(self, model, field) end
            if field.default and field.default.lua then
                self.hooked[model.key] = true
            end
        end
    end
    return self
end

local cache = setmetatable({}, { __mode = "k" })

--- The graph of a service's release set, made at the first call.
function graph.of(service)
    local found = cache[service.set]
    if not found then
        found = build(service)
        cache[service.set] = found
    end
    return found
end

--- The description of a relation field.
function Graph:relation(field)
    return self.by_field[field]
end

--- All relations of a model, in the order of their fields.
function Graph:relations_of(model)
    return self.relations[model.key] or {}
end

--- Relations whose parent keeps a column that refers to `model`.
function Graph:referrers_of(model)
    return self.referrers[model.key] or {}
end

--- Relations whose parent must have a `model`.
function Graph:requirers_of(model)
    return self.requirers[model.key] or {}
end

--- Columns of tables between models that hold ids of `model`.
function Graph:joins_of(model)
    return self.joins[model.key] or {}
end

--- Whether functions of apps take part in writes of a model: hooks, or defaults
-- that are computed.
function Graph:is_hooked(model)
    return self.hooked[model.key] == true
end

--- Whether rows of `model` can go without a look at any other table, and without
-- a hook.
function Graph:is_alone(model)
    local hooks = self.hooks[model.key]
    if hooks and (hooks.before_delete or hooks.after_delete) then
        return false
    end
    if self.referrers[model.key] or self.requirers[model.key]
        or self.joins[model.key] then
        return false
    end
    for _, relation in ipairs(self:relations_of(model)) do
        if relation.field.cascade then return false end
    end
    return true
end

--- The model of a table, as the database names it in an error.
function Graph:model_of(schema, table_name)
    return self.by_table[(schema or "") .. "." .. (table_name or "")]
end

--- Full PostgreSQL type of a model's id.
function graph.id_type(model)
    return sql.id_field(model).pg
end

return graph
