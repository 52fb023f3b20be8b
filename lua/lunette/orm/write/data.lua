--- Input trees of a write as what the executor works on.
--
-- DATA = { model=, sets={ {field=, value=VALUE} }, links={ LINK } }
-- LINK = { relation=, verbs={ create={DATA}, connect={SELECTOR}, ... } }, in
--        the order of the model's fields
-- SELECTOR = { model=, field=, value=VALUE }
--
-- What the input alone decides (a missing relation, a null that may not be, a
-- selector without a value) leaves planning with a reason.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.data
local access = require("lunette.orm.write.access")
local errors = require("lunette.graphql.errors")
local fail = require("lunette.orm.write.fail")
local values = require("lunette.orm.write.values")

local data = {}

local function given(node)
    return node ~= nil and node.kind ~= "absent" and node.kind ~= "null"
end

local function items_of(node)
    if not given(node) then return {} end
    return node.kind == "list" and node.items or { node }
end

-- Selectors -----------------------------------------------------------------

--- A selector from a whereUnique object.
function data.selector(planning, model, node)
    local found, count = nil, 0
    for _, entry in ipairs(given(node) and node.fields or {}) do
        if given(entry.node) then
            found, count = entry, count + 1
        end
    end
    if count == 0 then fail.with(errors.no_unique(model.name)) end
    if count > 1 then fail.with(errors.many_unique(model.name)) end
    local field = found.meta.field
    return {
        model = model, field = field,
        value = values.selector(planning.params, field, found.node),
    }
end

local function selectors(planning, model, node)
    local list = {}
    for i, item in ipairs(items_of(node)) do
        list[i] = data.selector(planning, model, item)
    end
    return list
end

-- Verbs of a relation -------------------------------------------------------

local function creates(planning, relation, node)
    local list = {}
    for i, item in ipairs(items_of(node)) do
        list[i] = data.create(planning, relation.child, item, relation.opposite)
    end
    return list
end

-- To-many: {where, data}; to-one: the data itself.
local function update_item(planning, relation, node)
    local child, opposite = relation.child, relation.opposite
    if not relation.parent_many then
        return { data = data.update(planning, child, node, opposite) }
    end
    return {
        where = data.selector(planning, child, node.by.where),
        data = data.update(planning, child, node.by.data, opposite),
    }
end

local function upsert_item(planning, relation, node)
    local child, opposite = relation.child, relation.opposite
    return {
        where = relation.parent_many
            and data.selector(planning, child, node.by.where) or nil,
        create = data.create(planning, child, node.by.create, opposite),
        update = data.update(planning, child, node.by.update, opposite),
    }
end

local function map(planning, relation, node, make)
    local list = {}
    for i, item in ipairs(items_of(node)) do
        list[i] = make(planning, relation, item)
    end
    return list
end

-- `disconnect: true` and `delete: true` of a to-one relation.
local function flag(planning, node)
    if node.value ~= nil then return node.value and { true } or {} end
    planning.params[#planning.params + 1] = { type = "bool", src = node.src }
    return { { slot = #planning.params } }
end

local function cut(planning, relation, node)
    if not given(node) then return {} end
    if relation.parent_many then
        return selectors(planning, relation.child, node)
    end
    return flag(planning, node)
end

local VERBS = {}

function VERBS.create(planning, relation, node)
    access.need(planning.needs, relation.child, "create")
    if relation.kind == "own" then
        access.need_link(planning.needs, relation)
    end
    return creates(planning, relation, node)
end

function VERBS.update(planning, relation, node)
    access.need(planning.needs, relation.child, "write")
    return map(planning, relation, node, update_item)
end

function VERBS.upsert(planning, relation, node)
    access.need(planning.needs, relation.child, "create")
    access.need(planning.needs, relation.child, "write")
    return map(planning, relation, node, upsert_item)
end

function VERBS.delete(planning, relation, node)
    access.need(planning.needs, relation.child, "delete")
    return cut(planning, relation, node)
end

function VERBS.connect(planning, relation, node)
    access.need_link(planning.needs, relation)
    return selectors(planning, relation.child, node)
end

-- An empty `set` is a verb too: it clears the list.
function VERBS.set(planning, relation, node)
    access.need_link(planning.needs, relation)
    return selectors(planning, relation.child, node)
end

function VERBS.disconnect(planning, relation, node)
    access.need_link(planning.needs, relation)
    return cut(planning, relation, node)
end

function VERBS.updateMany(planning, relation, node)
    access.need(planning.needs, relation.child, "write")
    return map(planning, relation, node, function(_, _, item)
        return {
            filter = data.filter(planning, relation.child, item.by.where),
            data = data.update(planning, relation.child, item.by.data),
        }
    end)
end

function VERBS.deleteMany(planning, relation, node)
    access.need(planning.needs, relation.child, "delete")
    return map(planning, relation, node, function(_, _, item)
        return { filter = data.filter(planning, relation.child, item) }
    end)
end

local function link(planning, relation, node)
    local verbs = {}
    for _, entry in ipairs(given(node) and node.fields or {}) do
        if given(entry.node) then
            local verb = entry.meta.verb
            local found = VERBS[verb](planning, relation, entry.node)
            if #found > 0 or verb == "set" then verbs[verb] = found end
        end
    end
    return next(verbs) and { relation = relation, verbs = verbs } or nil
end

-- Filters -------------------------------------------------------------------

--- A condition over the rows `t` of `model`: {sql=, params={VALUE}}; `sql` is
-- nil when every row fits. To choose rows by their values is to read them: how
-- many were hit tells the values.
function data.filter(planning, model, node)
    local condition = planning.filter(model, node)
    if condition.sql then access.need(planning.needs, model, "read") end
    return condition
end

-- Rows ----------------------------------------------------------------------

local function by_field(node)
    local found = {}
    for _, entry in ipairs(node and node.fields or {}) do
        if entry.node.kind ~= "absent" then
            found[entry.meta.field] = entry
        end
    end
    return found
end

local function set_list(planning, field, node)
    local set = given(node) and node.by.set
    if not set or set.kind == "absent" then return nil end
    if set.kind == "null" then return nil end
    return { field = field, value = values.list(planning.params, field, set) }
end

local function set_created(planning, model, field, node)
    if field.list then return set_list(planning, field, node) end
    if node.kind == "null" and field.type == "id" then return nil end
    if node.kind == "null" and field.required and field.default then
        fail.with(errors.null_default(field.graphql, model.name))
    end
    return { field = field, value = values.of(planning.params, field, node) }
end

local function set_updated(planning, _, field, node)
    if field.list then return set_list(planning, field, node) end
    if node.kind == "null" and field.required then
        fail.with(errors.null(field.graphql))
    end
    return { field = field, value = values.of(planning.params, field, node) }
end

-- `back` is the field that leads to the row from which this one is reached.
local function rows(planning, model, node, back, set)
    local made = { model = model, sets = {}, links = {} }
    local entries = by_field(node)
    for _, field in ipairs(model.fields) do
        local entry = entries[field]
        if entry and field.kind == "scalar" then
            made.sets[#made.sets + 1] = set(planning, model, field, entry.node)
        elseif entry and field ~= back then
            local relation = planning.graph:relation(field)
            made.links[#made.links + 1] = link(planning, relation, entry.node)
        end
    end
    return made
end

local function links_by_field(made)
    local found = {}
    for _, each in ipairs(made.links) do found[each.relation.field] = each end
    return found
end

--- Leaves when a relation that a new row must have is not among its links.
function data.require_relations(planning, made, back)
    local links = links_by_field(made)
    for _, relation in ipairs(planning.graph:relations_of(made.model)) do
        local field = relation.field
        if relation.parent_required and field ~= back and not links[field]
            and not field.default then
            fail.with(errors.missing(field.graphql, made.model.name))
        end
    end
end

--- DATA of a row to be created.
function data.create(planning, model, node, back)
    local made = rows(planning, model, node, back, set_created)
    data.require_relations(planning, made, back)
    return made
end

--- DATA of a change.
function data.update(planning, model, node, back)
    return rows(planning, model, node, back, set_updated)
end

return data
