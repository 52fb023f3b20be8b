--- updateMany and deleteMany, of a model or of the children of a row.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.many
local change = require("lunette.orm.write.change")
local delete = require("lunette.orm.write.delete")
local graph = require("lunette.orm.write.graph")
local seek = require("lunette.orm.write.seek")
local sql = require("lunette.orm.write.sql")
local update = require("lunette.orm.write.update")
local values = require("lunette.orm.write.values")

local many = {}

-- The parameters of a filter's condition stand first in its statement.
local function filter_params(job, filter)
    local texts = {}
    for i, value in ipairs(filter.params) do
        texts[i] = values.text(job, value)
    end
    return sql.params(texts)
end

-- Condition over the rows t: the filter, and children of `parent` only.
local function condition_of(filter, relation, parent, params)
    local parts = { filter.sql }
    if relation then
        parts[#parts + 1] = seek.linked_sql(relation, params.push(parent,
            graph.id_type(relation.parent)))
    end
    return #parts > 0 and " WHERE " .. table.concat(parts, " AND ") or ""
end

-- Rows are locked in the order of their ids, so that two writes that overlap
-- wait for each other.
local function hits(model, where, lock)
    return ("SELECT t.\"id\" FROM %s t%s%s"):format(sql.table(model), where,
        seek.lock_clause(lock))
end

local function ids_of(job, model, filter, relation, parent, lock)
    local params = filter_params(job, filter)
    local where = condition_of(filter, relation, parent, params)
    return sql.ids(sql.query(job, hits(model, where, lock), params.list))
end

--- Changes all rows that fit; returns how many. With `relation` and `parent`
-- (an id) only its children.
function many.update(job, model, filter, data, relation, parent)
    local texts = update.texts(job, data)
    if not next(texts) then
        return #ids_of(job, model, filter, relation, parent, true)
    end
    if change.is_hooked(job, model) then
        return change.rows(job, model, ids_of(job, model, filter, relation,
            parent, true), texts)
    end
    local params = filter_params(job, filter)
    local where = condition_of(filter, relation, parent, params)
    local rows = sql.query(job, ("UPDATE %s u SET %s FROM (%s) hit"
        .. " WHERE u.\"id\" = hit.\"id\""):format(sql.table(model),
        change.assignments(job, model, texts, params), hits(model, where,
        true)),
        params.list)
    return rows.n
end

local function delete_alone(job, model, filter)
    local params = filter_params(job, filter)
    local rows = sql.query(job, ("DELETE FROM %s u USING (%s) hit"
        .. " WHERE u.\"id\" = hit.\"id\""):format(sql.table(model),
        hits(model, condition_of(filter, nil, nil, params), "delete")),
        params.list)
    return rows.n
end

--- Deletes all rows that fit; returns how many.
function many.delete(job, model, filter, relation, parent)
    if not relation and job.graph:is_alone(model) then
        return delete_alone(job, model, filter)
    end
    local ids = ids_of(job, model, filter, relation, parent, "delete")
    delete.ids(job, model, ids)
    return #ids
end

return many
