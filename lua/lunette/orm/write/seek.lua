--- Finding the rows that selectors name.
--
-- All selectors of one list are resolved by one statement for each unique field
-- that they use. Rows that are about to change are locked, in the order of
-- their ids, so that two writes of the same rows wait for each other instead of
-- blocking each other. Only rows that are about to be deleted are locked against
-- others that link to them: a change of a row does not stop such links.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.seek
local base = require("lunette.orm.sql")
local errors = require("lunette.graphql.errors")
local fail = require("lunette.orm.write.fail")
local graph = require("lunette.orm.write.graph")
local sql = require("lunette.orm.write.sql")
local values = require("lunette.orm.write.values")

local seek = {}

--- Text of a selector's value; nil when no row can have it.
function seek.key(job, selector)
    local text = values.text(job, selector.value)
    if text == host.null then return nil, "null" end
    local field = selector.field
    if type(text) == "table" then
        job.rehearsal.need(text, field.type == "id" and field.id_type or nil)
        return text, text
    end
    if field.type == "id" and not values.is_id(field, text) then
        return nil, text
    end
    return text, text
end

--- Leaves with 3039: `selector` names no row.
function seek.absent(job, selector)
    local _, shown = seek.key(job, selector)
    fail.with(errors.absent(selector.model.name, selector.field.graphql, shown))
end

--- The end of a statement that finds rows t: nothing, or in order and locked to
-- be changed (`lock` is true) or to be deleted ("delete").
function seek.lock_clause(lock)
    if not lock then return "" end
    return (" ORDER BY t.\"id\" FOR %s OF t"):format(lock == "delete"
        and "UPDATE" or "NO KEY UPDATE")
end

-- SQL that tells whether row t is a child of parent `$n` by `relation`.
local function linked_sql(relation, parent_sql)
    if relation.kind == "foreign" then
        return "t." .. sql.quote(relation.column) .. " = " .. parent_sql
    elseif relation.kind == "own" then
        return ("t.\"id\" = (SELECT p.%s FROM %s p WHERE p.\"id\" = %s)")
            :format(sql.quote(relation.column), sql.table(relation.parent),
                parent_sql)
    end
    local join = relation.join
    return ("EXISTS (SELECT 1 FROM %s j WHERE j.%s = %s AND j.%s = t.\"id\")")
        :format(sql.table(join), sql.quote(join.near), parent_sql,
            sql.quote(join.far))
end
seek.linked_sql = linked_sql

local function by_field(job, selectors)
    local groups, order = {}, {}
    for i, selector in ipairs(selectors) do
        local key = seek.key(job, selector)
        if key then
            local group = groups[selector.field]
            if not group then
                group = { field = selector.field, keys = {}, at = {} }
                groups[selector.field] = group
                order[#order + 1] = group
            end
            group.keys[#group.keys + 1] = key
            group.at[#group.keys] = i
        end
    end
    return order
end

local function search(job, model, group, options, found)
    local params = sql.params()
    local keys = params.push(values.array(group.keys), "text[]")
    local linked = "NULL"
    if options.parent then
        linked = linked_sql(options.relation, params.push(options.parent,
            graph.id_type(options.relation.parent)))
    end
    local rows = sql.query(job, ("SELECT k.n, t.\"id\", %s FROM unnest(%s)"
        .. " WITH ORDINALITY AS k(v, n) JOIN %s t ON t.%s = k.v::%s%s")
        :format(linked, keys, sql.table(model), sql.quote(group.field.column),
            group.field.pg, seek.lock_clause(options.lock)), params.list)
    for _, row in ipairs(rows) do
        found[group.at[tonumber(row[1])]] =
            { id = row[2], linked = row[3] == "t" or row[3] == "true" }
    end
end

--- Resolves selectors of one model to a list of {id=, linked=}, in their order;
-- leaves with 3039 at the first that names no row.
-- Options: `lock` (as of `lock_clause`), `relation` and `parent` (an id: fills
-- `linked`), `lenient` (false in the list instead of leaving).
function seek.rows(job, model, selectors, options)
    local found = {}
    for _, group in ipairs(by_field(job, selectors)) do
        search(job, model, group, options, found)
    end
    for i, selector in ipairs(selectors) do
        if not found[i] then
            if not options.lenient then seek.absent(job, selector) end
            found[i] = false
        end
    end
    return found
end

--- Ids of the rows that selectors name, without repetition.
function seek.ids(job, model, selectors, options)
    local ids, seen = {}, {}
    for _, row in ipairs(seek.rows(job, model, selectors, options)) do
        if not seen[row.id] then
            seen[row.id] = true
            ids[#ids + 1] = row.id
        end
    end
    return ids
end

--- The condition and parameter of one selector: "t.col = $n::type".
function seek.condition(params, selector, key)
    return "t." .. sql.quote(selector.field.column) .. " = "
        .. params.push(key, selector.field.pg)
end

--- Id of the one row that a selector names, locked (`lock` as of `lock_clause`);
-- nil when there is none.
function seek.one(job, selector, lock)
    local key = seek.key(job, selector)
    if not key then return nil end
    local params = sql.params()
    local rows = sql.query(job, ("SELECT t.\"id\" FROM %s t WHERE %s%s")
        :format(sql.table(selector.model), seek.condition(params, selector,
            key), seek.lock_clause(lock)), params.list)
    return rows[1] and rows[1][1]
end

local function is_id_of(selector, key)
    return key ~= nil and selector.field == base.id_field(selector.model)
end

--- The ids that a relation's selectors give, in their order, when all are ids:
-- the foreign key will tell whether there are such rows. nil when the rows have
-- to be looked for.
function seek.assume(job, relation, selectors)
    if relation.unique then return nil end
    local ids, list = {}, job.assumed[relation.field] or {}
    for i, selector in ipairs(selectors) do
        local key = seek.key(job, selector)
        if not is_id_of(selector, key) then return nil end
        ids[i] = key
    end
    for _, id in ipairs(ids) do list[#list + 1] = id end
    job.assumed[relation.field] = list
    return ids
end

return seek
