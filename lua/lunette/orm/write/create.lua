--- Creating rows, with whatever is nested in them.
--
-- A tree of rows becomes a batch: ids are given in the order of the document
-- (so that default order follows it), what the rows refer to is looked for, the
-- rows are inserted (insert.lua), and then linked to rows that hold the link.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.create
local defaults = require("lunette.orm.write.defaults")
local fail = require("lunette.orm.write.fail")
local hooks = require("lunette.orm.write.hooks")
local insert = require("lunette.orm.write.insert")
local links = require("lunette.orm.write.links")
local seek = require("lunette.orm.write.seek")
local values = require("lunette.orm.write.values")

local create = {}

-- Collecting ----------------------------------------------------------------

local function new_batch()
    return { rows = {}, seeks = {}, later = {}, pairs = {} }
end

local function new_row(job, batch, data)
    local row = { model = data.model, texts = {}, refs = {} }
    batch.rows[#batch.rows + 1] = row
    for _, set in ipairs(data.sets) do
        local text = values.text(job, set.value)
        if text ~= host.null or set.field.type ~= "id" then
            row.texts[set.field.column] = text
        end
    end
    row.own_id = row.texts.id ~= nil
    if row.own_id and job.rehearsal then job.rehearsal.need(row.texts.id) end
    row.id = row.texts.id or defaults.id(data.model, job)
    row.texts.id = row.id
    return row
end

local add_row

local function add_created(job, batch, row, relation, child_data)
    local child = add_row(job, batch, child_data)
    if relation.kind == "own" then
        row.refs[relation.column] = child
    elseif relation.kind == "foreign" then
        child.refs[relation.column] = row
    else
        batch.pairs[#batch.pairs + 1] =
            { relation = relation, parent = row, child = child }
    end
end

-- Where `create` and `connect` name a partner both, the connected one counts.
local function add_connected(batch, row, relation, verbs)
    local selectors = verbs.connect
    if relation.kind == "own" then
        if verbs.create and relation.child_required then
            fail.required(relation)
        end
        batch.seeks[#batch.seeks + 1] = { row = row, relation = relation,
            selector = selectors[#selectors] }
    else
        batch.later[#batch.later + 1] = { row = row, relation = relation,
            selectors = selectors, taken = verbs.create ~= nil }
    end
end

function add_row(job, batch, data)
    local row = new_row(job, batch, data)
    for _, link in ipairs(data.links) do
        local relation = link.relation
        for _, child in ipairs(link.verbs.create or {}) do
            add_created(job, batch, row, relation, child)
        end
        if link.verbs.connect then
            add_connected(batch, row, relation, link.verbs)
        end
    end
    return row
end

-- Links that a new row holds itself -----------------------------------------

local function group_seeks(seeks)
    local groups, order = {}, {}
    for _, each in ipairs(seeks) do
        local key = each.relation.child.key
            .. (each.relation.unique and " locked" or "")
        local group = groups[key]
        if not group then
            group = { model = each.relation.child,
                lock = each.relation.unique, seeks = {}, selectors = {} }
            groups[key] = group
            order[#order + 1] = group
        end
        group.seeks[#group.seeks + 1] = each
        group.selectors[#group.selectors + 1] = each.selector
    end
    return order
end

-- A row of this very batch that a selector names: it is not in the table yet.
local function among_new(job, batch, each)
    local selector = each.selector
    local key = seek.key(job, selector)
    for _, row in ipairs(batch.rows) do
        if key and row ~= each.row and row.model == selector.model
            and row.texts[selector.field.column] == key then
            return row
        end
    end
    seek.absent(job, selector)
end

local function fill_seek(job, batch, each, found)
    local relation, row = each.relation, each.row
    if found then
        row.refs[relation.column] = nil
        row.texts[relation.column] = found.id
        if relation.unique then
            links.free_child(job, relation, nil, found.id)
        end
    elseif relation.parent_required then
        row.refs[relation.column] = among_new(job, batch, each)
    else
        batch.later[#batch.later + 1] = { row = row, relation = relation,
            selectors = { each.selector } }
    end
end

-- What a rehearsed write will have for ids is not known yet.
local function has_id(job, rows, id)
    for _, row in ipairs(rows) do
        if row.own_id and (job.rehearsal or row.id == id) then return true end
    end
end

-- The rows of a group whose selectors are ids of one relation, taken on trust,
-- unless a row of the batch, not in the table yet, has one of them.
local function assumed(job, batch, group)
    local relation = group.seeks[1].relation
    for _, each in ipairs(group.seeks) do
        if each.relation ~= relation then return nil end
    end
    local ids = seek.assume(job, relation, group.selectors)
    local found = {}
    for i, id in ipairs(ids or {}) do
        if has_id(job, batch.rows, id) then return nil end
        found[i] = { id = id }
    end
    return ids and found
end

local function fill_seeks(job, batch)
    for _, group in ipairs(group_seeks(batch.seeks)) do
        local found = assumed(job, batch, group) or seek.rows(job, group.model,
            group.selectors, { lock = group.lock, lenient = true })
        for i, each in ipairs(group.seeks) do
            fill_seek(job, batch, each, found[i])
        end
    end
end

-- Links that other rows hold ------------------------------------------------

local function add_pairs(job, batch)
    local groups, order = {}, {}
    for _, pair in ipairs(batch.pairs) do
        local group = groups[pair.relation]
        if not group then
            group = { relation = pair.relation, parents = {}, children = {} }
            groups[pair.relation] = group
            order[#order + 1] = group
        end
        group.parents[#group.parents + 1] = pair.parent.id
        group.children[#group.children + 1] = pair.child.id
    end
    for _, group in ipairs(order) do
        links.add_pairs(job, group.relation, group.parents, group.children)
    end
end

local function connect_later(job, batch)
    for _, each in ipairs(batch.later) do
        local relation = each.relation
        local ids = seek.ids(job, relation.child, each.selectors,
            { lock = relation.kind == "foreign" or relation.unique })
        links.attach(job, relation, each.row.id, ids, not each.taken)
    end
end

-- Entry ---------------------------------------------------------------------

-- Makes sure that the place which a nested create takes is free.
local function make_room(job, relation, parent)
    if relation.parent_many or relation.child_many then return end
    if relation.child_required and (relation.parent_required
        or #links.children(job, relation, parent) > 0) then
        fail.required(relation)
    end
    if relation.kind == "foreign" then
        links.free_parent(job, relation, parent)
    elseif relation.kind == "join" then
        links.detach(job, relation, parent)
    end
end

local function tell_created(job, groups)
    for _, group in ipairs(groups) do
        if hooks.has(job, group.model, "after_create") then
            local ids = {}
            for i, row in ipairs(group.rows) do ids[i] = row.id end
            hooks.tell(job, group.model, "after_create", ids)
        end
    end
end

-- Hooks of new rows see all rows and links of the batch.
local function run(job, batch, lenient_row)
    local groups = insert.all(job, batch.rows, lenient_row)
    if not groups then return false end
    add_pairs(job, batch)
    connect_later(job, batch)
    tell_created(job, groups)
    return true
end

local function is_one_row(job, batch)
    return #batch.rows == 1 and #batch.later == 0 and #batch.pairs == 0
        and not job.graph:is_hooked(batch.rows[1].model)
end

--- The rows of a create, in the order of the document, and whether inserting
-- them is all there is to do. The first is the row itself.
function create.rows(job, data)
    local batch = new_batch()
    add_row(job, batch, data)
    fill_seeks(job, batch)
    return batch.rows, #batch.later == 0 and #batch.pairs == 0
end

--- Creates one row with all that is nested in it; returns its id. Where one
-- statement does it all: nil and the answer.
function create.row(job, data)
    local batch = new_batch()
    local row = add_row(job, batch, data)
    fill_seeks(job, batch)
    if job.plain and is_one_row(job, batch) then
        return nil, insert.answered(job, row)
    end
    run(job, batch)
    return row.id
end

--- The same, but returns nil when the row conflicts with one that exists. What
-- was nested in it may have been written then: the caller undoes it.
function create.try(job, data)
    local batch = new_batch()
    local row = add_row(job, batch, data)
    fill_seeks(job, batch)
    return run(job, batch, row) and row.id or nil
end

--- Creates several rows of one model; returns their ids in order.
function create.list(job, list)
    local batch, made, ids = new_batch(), {}, {}
    for i, data in ipairs(list) do made[i] = add_row(job, batch, data) end
    fill_seeks(job, batch)
    run(job, batch)
    for i, row in ipairs(made) do ids[i] = row.id end
    return ids
end

--- Whether `create.try` can have written something when it returns nil.
function create.is_nested(job, data)
    return #data.links > 0 or job.graph:is_hooked(data.model)
end

--- Creates children of an existing row.
function create.children(job, relation, parent, list)
    if #list == 0 then return end
    make_room(job, relation, parent)
    local batch, made = new_batch(), {}
    for i, data in ipairs(list) do
        made[i] = add_row(job, batch, data)
        if relation.kind == "foreign" then
            made[i].texts[relation.column] = parent
        end
    end
    fill_seeks(job, batch)
    run(job, batch)
    if relation.kind ~= "foreign" then
        local ids = {}
        for i, row in ipairs(made) do ids[i] = row.id end
        links.attach(job, relation, parent, ids, true)
    end
end


return create
