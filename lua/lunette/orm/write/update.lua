--- Changing one row, with whatever is nested in the change.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.update
local links = require("lunette.orm.write.links")
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

local function assign_links(job, data, texts)
    local rest = {}
    for _, link in ipairs(data.links) do
        if is_assignment(link) then
            local selectors = link.verbs.connect
            local found = seek.rows(job, link.relation.child, selectors, {})
            texts[link.relation.column] = found[#found].id
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

--- "a = $1, ..., version = ..." for assignments of a model's columns.
function update.assignments(job, model, texts, params)
    local parts = {}
    for i, column in ipairs(sql.columns(texts)) do
        parts[i] = sql.quote(column) .. " = " .. params.push(texts[column],
            sql.column_type(job, model, column))
    end
    return table.concat(parts, ", ")
        .. links.touched(job, model, params, texts)
end

local function assign(job, model, texts, params, condition)
    local assignments = update.assignments(job, model, texts, params)
    local rows = sql.query(job, ("UPDATE %s t SET %s WHERE %s RETURNING \"id\"")
        :format(sql.table(model), assignments, condition(params)), params.list)
    return rows[1] and rows[1][1]
end

--- Changes the row `id`.
function update.row(job, id, data)
    local texts = update.texts(job, data)
    local rest = assign_links(job, data, texts)
    if next(texts) then
        assign(job, data.model, texts, sql.params(), function(params)
            return "t.\"id\" = " .. params.push(id, graph.id_type(data.model))
        end)
    end
    job.nested(job, id, rest)
end

-- One statement finds, locks and changes the row.
local function assign_selected(job, selector, data, texts)
    local key = seek.key(job, selector)
    if not key then return nil end
    return assign(job, data.model, texts, sql.params(), function(params)
        return seek.condition(params, selector, key)
    end)
end

--- Changes the row that a selector names; returns its id, nil when there is no
-- such row.
function update.selected(job, selector, data)
    local texts = update.texts(job, data)
    local rest = assign_links(job, data, texts)
    local id
    if next(texts) then
        id = assign_selected(job, selector, data, texts)
    else
        id = seek.one(job, selector)
    end
    if id then job.nested(job, id, rest) end
    return id
end

return update
