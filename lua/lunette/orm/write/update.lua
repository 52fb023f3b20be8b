--- Changing one row, with whatever is nested in the change.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.update
local change = require("lunette.orm.write.change")
local seek = require("lunette.orm.write.seek")
local sql = require("lunette.orm.write.sql")
local graph = require("lunette.orm.write.graph")
local values = require("lunette.orm.write.values")

local update = {}

-- A link that is one assignment of the row itself: a plain `connect` of a
-- relation whose column the row has and whose other side may be shared.
local function is_assignment(link)
    local relation, verbs = link.relation, link.verbs
    return relation.kind == "own" and relation.child_many
        and verbs.connect ~= nil and next(verbs, next(verbs)) == nil
end

--- Whether all `links` are assignments of the row itself.
function update.is_assignments(links_given)
    for _, link in ipairs(links_given) do
        if not is_assignment(link) then return false end
    end
    return true
end

local function child_of(job, relation, selectors)
    local ids = seek.assume(job, relation, selectors)
    if ids then return ids[#ids] end
    local found = seek.rows(job, relation.child, selectors, {})
    return found[#found].id
end

local function assign_links(job, data, texts)
    local rest = {}
    for _, link in ipairs(data.links) do
        if is_assignment(link) then
            texts[link.relation.column] = child_of(job, link.relation,
                link.verbs.connect)
        else
            rest[#rest + 1] = link
        end
    end
    return rest
end

--- Texts of the columns that a change assigns.
function update.texts(job, data)
    local texts = {}
    for _, set in ipairs(data.sets) do
        texts[set.field.column] = values.text(job, set.value)
    end
    return texts
end

local function statement(job, model, texts, params, condition)
    local assignments = change.assignments(job, model, texts, params)
    return ("UPDATE %s t SET %s WHERE %s")
        :format(sql.table(model), assignments, condition(params))
end

local function assign(job, model, texts, condition)
    local params = sql.params()
    local text = statement(job, model, texts, params, condition)
    local rows = sql.query(job, text .. " RETURNING \"id\"", params.list)
    return rows[1] and rows[1][1]
end

--- Changes the row `id`, which is locked.
function update.row(job, id, data)
    local texts = update.texts(job, data)
    local rest = assign_links(job, data, texts)
    if next(texts) and change.is_hooked(job, data.model) then
        change.rows(job, data.model, { id }, texts, function()
            job.nested(job, id, rest)
        end)
        return
    end
    if next(texts) then
        assign(job, data.model, texts, function(params)
            return "t.\"id\" = " .. params.push(id, graph.id_type(data.model))
        end)
    end
    job.nested(job, id, rest)
end

-- A condition that one statement uses to find, lock and change the row.
local function by_selector(selector, key)
    return function(params) return seek.condition(params, selector, key) end
end

local function answered(job, selector, key, data, texts)
    local params = sql.params()
    local answer = sql.answer(job, statement(job, data.model, texts, params,
        by_selector(selector, key)), params.list)
    if not sql.is_empty(answer) then return answer end
end

local function selected_hooked(job, selector, data)
    local id = seek.one(job, selector, true)
    if id then update.row(job, id, data) end
    return id
end

--- Changes the row that a selector names; returns its id, nil when there is no
-- such row. Where one statement does it all: nil and the answer.
function update.selected(job, selector, data)
    if change.is_hooked(job, data.model) then
        return selected_hooked(job, selector, data)
    end
    local texts = update.texts(job, data)
    local rest = assign_links(job, data, texts)
    local key = seek.key(job, selector)
    if not key then return nil end
    if next(texts) and job.plain and #rest == 0 then
        return nil, answered(job, selector, key, data, texts)
    end
    local id
    if next(texts) then
        id = assign(job, data.model, texts, by_selector(selector, key))
    else
        id = seek.one(job, selector, true)
    end
    if id then job.nested(job, id, rest) end
    return id
end

return update
