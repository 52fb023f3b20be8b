--- What happens to the relations of a row that is changed.
--
-- The order of the verbs is fixed and does not depend on the document: all
-- creates of the row's relations, then all updates, and so on; within a verb
-- the order of the model's fields.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.nested
local create = require("lunette.orm.write.create")
local delete = require("lunette.orm.write.delete")
local fail = require("lunette.orm.write.fail")
local links = require("lunette.orm.write.links")
local many = require("lunette.orm.write.many")
local required = require("lunette.orm.write.required")
local seek = require("lunette.orm.write.seek")
local update = require("lunette.orm.write.update")
local values = require("lunette.orm.write.values")

local nested = {}

local ORDER = {
    "create", "update", "upsert", "delete", "connect", "set", "disconnect",
    "updateMany", "deleteMany",
}

local VERBS = {}

local function by_id(id)
    return { field = "id", value = id }
end

-- `true` of a to-one relation's `delete` or `disconnect`.
local function is_set(job, flag)
    if flag == true then return true end
    local text = values.text(job, flag)
    return text == "true" or text == "t" or text == true
end

local function flagged(job, items)
    return items[1] ~= nil and is_set(job, items[1])
end

-- Rows that selectors name; leaves with 3041 when one is not a child of `id`.
-- `lock` as of seek.lock_clause.
local function connected(job, relation, id, selectors, lock)
    local ids, seen = {}, {}
    local rows = seek.rows(job, relation.child, selectors,
        { lock = lock, relation = relation, parent = id })
    for _, row in ipairs(rows) do
        if not row.linked then
            fail.unconnected(relation, by_id(id), by_id(row.id))
        end
        if not seen[row.id] then
            seen[row.id] = true
            ids[#ids + 1] = row.id
        end
    end
    return ids
end

-- The child of a to-one relation; leaves with 3041 when there is none.
local function only_child(job, relation, id, lock)
    local child = links.children(job, relation, id, lock)[1]
    if not child then fail.unconnected(relation, by_id(id)) end
    return child
end

function VERBS.create(job, relation, id, items)
    create.children(job, relation, id, items)
end

local function update_child(job, relation, id, item)
    if not relation.parent_many then
        local child = links.children(job, relation, id, true)[1]
        if not child then fail.unconnected(relation) end
        return update.row(job, child, item.data)
    end
    local row = seek.rows(job, relation.child, { item.where },
        { lock = true, relation = relation, parent = id })[1]
    if not row.linked then
        fail.unconnected(relation, nil, {
            field = item.where.field.graphql,
            value = seek.key(job, item.where),
        })
    end
    update.row(job, row.id, item.data)
end

function VERBS.update(job, relation, id, items)
    for _, item in ipairs(items) do update_child(job, relation, id, item) end
end

-- Only children count: a row that exists elsewhere means create.
local function upsert_child(job, relation, id, item)
    local child
    if item.where then
        local row = seek.rows(job, relation.child, { item.where }, {
            lock = true, relation = relation, parent = id, lenient = true,
        })[1]
        child = row and row.linked and row.id or nil
    else
        child = links.children(job, relation, id, true)[1]
    end
    if child then
        update.row(job, child, item.update)
    else
        create.children(job, relation, id, { item.create })
    end
end

function VERBS.upsert(job, relation, id, items)
    for _, item in ipairs(items) do upsert_child(job, relation, id, item) end
end

function VERBS.delete(job, relation, id, items)
    if relation.parent_many then
        delete.ids(job, relation.child, connected(job, relation, id, items,
            "delete"))
    elseif flagged(job, items) then
        delete.ids(job, relation.child,
            { only_child(job, relation, id, "delete") })
    end
end

function VERBS.connect(job, relation, id, items)
    required.check_exchange(relation)
    links.attach(job, relation, id, seek.ids(job, relation.child, items,
        { lock = relation.kind == "foreign" or relation.unique }))
end

local function difference(a, b)
    local without, rest = {}, {}
    for _, id in ipairs(b) do without[id] = true end
    for _, id in ipairs(a) do
        if not without[id] then rest[#rest + 1] = id end
    end
    return rest
end

function VERBS.set(job, relation, id, items)
    local wanted = #items == 0 and {} or seek.ids(job, relation.child, items,
        { lock = relation.kind == "foreign" })
    local present = links.children(job, relation, id,
        relation.kind == "foreign")
    local leaving = difference(present, wanted)
    required.check_leaving(relation, leaving)
    if #leaving > 0 then links.detach(job, relation, id, leaving) end
    links.attach(job, relation, id, difference(wanted, present))
end

function VERBS.disconnect(job, relation, id, items)
    if relation.parent_many then
        required.check_cut(relation)
        links.detach(job, relation, id, connected(job, relation, id, items,
            true))
    elseif flagged(job, items) then
        required.check_cut(relation)
        only_child(job, relation, id, true)
        links.detach(job, relation, id)
    end
end

function VERBS.updateMany(job, relation, id, items)
    for _, item in ipairs(items) do
        many.update(job, relation.child, item.filter, item.data, relation, id)
    end
end

function VERBS.deleteMany(job, relation, id, items)
    for _, item in ipairs(items) do
        many.delete(job, relation.child, item.filter, relation, id)
    end
end

--- Runs the verbs of `list` (LINKs, see data.lua) on the row `id`.
function nested.run(job, id, list)
    for _, verb in ipairs(ORDER) do
        for _, link in ipairs(list) do
            local items = link.verbs[verb]
            if items then VERBS[verb](job, link.relation, id, items) end
        end
    end
end

return nested
