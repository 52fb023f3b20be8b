--- Deleting rows, and what goes or changes with them.
--
-- Foreign keys of the database are NO ACTION: everything that a deletion does
-- to other rows is worked out here, so that every changed row is known. First
-- the rows that go are gathered (cascades), then it is checked that none of the
-- rest must have one of them, and then one statement cuts the links and
-- deletes: the order of tables does not matter inside it, also when their rows
-- refer to each other in a circle.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.delete
local change = require("lunette.orm.write.change")
local fail = require("lunette.orm.write.fail")
local hooks = require("lunette.orm.write.hooks")
local seek = require("lunette.orm.write.seek")
local sql = require("lunette.orm.write.sql")

local delete = {}

-- Gathering -----------------------------------------------------------------

local function new_doomed()
    return { order = {}, by_key = {} }
end

-- Adds ids of `model`; returns those that are new.
local function add(doomed, model, ids)
    local entry = doomed.by_key[model.key]
    if not entry then
        entry = { model = model, ids = {}, has = {} }
        doomed.by_key[model.key] = entry
        doomed.order[#doomed.order + 1] = entry
    end
    local fresh = {}
    for _, id in ipairs(ids) do
        if not entry.has[id] then
            entry.has[id] = true
            entry.ids[#entry.ids + 1] = id
            fresh[#fresh + 1] = id
        end
    end
    return fresh
end

-- "t.id IN (SELECT wanted FROM place WHERE known = ANY(list))"
local function ids_in(place, wanted, known, list)
    return ("t.\"id\" IN (SELECT x.%s FROM %s x WHERE x.%s = ANY(%s))"):format(
        sql.quote(wanted), sql.table(place), sql.quote(known), list)
end

-- The condition for the rows t that are children of `ids` by `relation`.
local function children_of(relation, params, ids)
    local list = sql.push_ids(params, relation.parent, ids)
    if relation.kind == "foreign" then
        return "t." .. sql.quote(relation.column) .. " = ANY(" .. list .. ")"
    elseif relation.kind == "own" then
        return ids_in(relation.parent, relation.column, "id", list)
    end
    return ids_in(relation.join, relation.join.far, relation.join.near, list)
end

-- The condition for the rows t that are parents of `ids` by `relation`.
local function parents_of(relation, params, ids)
    local list = sql.push_ids(params, relation.child, ids)
    if relation.kind == "own" then
        return "t." .. sql.quote(relation.column) .. " = ANY(" .. list .. ")"
    elseif relation.kind == "foreign" then
        return ids_in(relation.child, relation.column, "id", list)
    end
    return ids_in(relation.join, relation.join.near, relation.join.far, list)
end

local function lock_rows(job, model, params, condition)
    return sql.ids(sql.query(job, ("SELECT t.\"id\" FROM %s t WHERE %s%s")
        :format(sql.table(model), condition, seek.lock_clause("delete")),
        params.list))
end

local gather

local function gather_related(job, doomed, model, condition_of, relation, ids)
    local params = sql.params()
    gather(job, doomed, model, lock_rows(job, model, params,
        condition_of(relation, params, ids)))
end

function gather(job, doomed, model, ids)
    local fresh = add(doomed, model, ids)
    if #fresh == 0 then return end
    for _, relation in ipairs(job.graph:relations_of(model)) do
        if relation.field.cascade then
            gather_related(job, doomed, relation.child, children_of, relation,
                fresh)
        end
    end
    for _, relation in ipairs(job.graph:referrers_of(model)) do
        if relation.field.on_delete == "cascade" then
            gather_related(job, doomed, relation.parent, parents_of, relation,
                fresh)
        end
    end
end

-- Checking ------------------------------------------------------------------

-- " AND not one of the rows of `model` that go".
local function survivors(doomed, model, params)
    local entry = doomed.by_key[model.key]
    if not entry then return "" end
    return " AND t.\"id\" <> ALL(" .. sql.push_ids(params, model, entry.ids)
        .. ")"
end

local function has_surviving_parent(job, doomed, relation, ids)
    local params = sql.params()
    local condition = parents_of(relation, params, ids)
        .. survivors(doomed, relation.parent, params)
    return #sql.query(job, ("SELECT 1 FROM %s t WHERE %s LIMIT 1")
        :format(sql.table(relation.parent), condition), params.list) > 0
end

local function check(job, doomed, entry)
    local checked = {}
    for _, relation in ipairs(job.graph:requirers_of(entry.model)) do
        checked[relation] = true
        if has_surviving_parent(job, doomed, relation, entry.ids) then
            fail.required(relation)
        end
    end
    for _, relation in ipairs(job.graph:referrers_of(entry.model)) do
        if relation.field.on_delete == "restrict" and not checked[relation]
            and has_surviving_parent(job, doomed, relation, entry.ids) then
            fail.required(relation)
        end
    end
end

-- Deleting ------------------------------------------------------------------

local function cut_column(job, doomed, relation, ids)
    local model, params = relation.parent, sql.params()
    local condition = parents_of(relation, params, ids)
        .. survivors(doomed, model, params)
    if change.is_hooked(job, model) then
        change.rows(job, model, lock_rows(job, model, params, condition),
            { [relation.column] = host.null })
        return
    end
    sql.query(job, ("UPDATE %s t SET %s = NULL%s WHERE %s"):format(
        sql.table(model), sql.quote(relation.column),
        change.touched(job, model, params), condition), params.list)
end

-- One UPDATE a column: a row that loses two links of one kind to rows that go
-- must not be changed twice in one statement.
local function cut_columns(job, doomed, entry)
    for _, relation in ipairs(job.graph:referrers_of(entry.model)) do
        local on_delete = relation.field.on_delete
        if on_delete ~= "cascade" and on_delete ~= "restrict"
            and not relation.parent_required then
            cut_column(job, doomed, relation, entry.ids)
        end
    end
end

local function push_join_deletes(job, entry, params, parts)
    for _, each in ipairs(job.graph:joins_of(entry.model)) do
        parts[#parts + 1] = ("DELETE FROM %s WHERE %s = ANY(%s)"):format(
            sql.table(each.join), sql.quote(each.column),
            sql.push_ids(params, entry.model, entry.ids))
    end
end

local function push_row_delete(entry, params, parts)
    parts[#parts + 1] = ("DELETE FROM %s WHERE \"id\" = ANY(%s)"):format(
        sql.table(entry.model), sql.push_ids(params, entry.model, entry.ids))
end

-- WITH d1 AS (DELETE ...), ... DELETE ...: one statement for all tables.
local function delete_all(job, doomed)
    local params, parts = sql.params(), {}
    for _, entry in ipairs(doomed.order) do
        push_join_deletes(job, entry, params, parts)
    end
    for _, entry in ipairs(doomed.order) do
        push_row_delete(entry, params, parts)
    end
    local last = table.remove(parts)
    for i, part in ipairs(parts) do
        parts[i] = ("d%d AS (%s)"):format(i, part)
    end
    local with = table.concat(parts, ", ")
    if #parts > 0 then with = "WITH " .. with .. " " end
    sql.query(job, with .. last, params.list)
end

-- Hooks ---------------------------------------------------------------------

-- Runs before_delete for what it was not run for; whether there was a hook.
local function tell_doomed(job, doomed, told)
    local any = false
    for _, entry in ipairs(doomed.order) do
        local key = entry.model.key
        if hooks.has(job, entry.model, "before_delete") then
            told[key] = told[key] or {}
            local fresh = {}
            for _, id in ipairs(entry.ids) do
                if not told[key][id] then
                    told[key][id] = true
                    fresh[#fresh + 1] = id
                end
            end
            if #fresh > 0 then
                any = true
                hooks.tell(job, entry.model, "before_delete", fresh)
            end
        end
    end
    return any
end

-- All rows that go. A hook may delete or add some of them: they are gathered
-- again until no hook is new.
local function doom(job, model, ids)
    local told = {}
    while true do
        local doomed = new_doomed()
        gather(job, doomed, model, ids)
        if not tell_doomed(job, doomed, told) then return doomed end
    end
end

local function rows_before(job, doomed)
    local kept = {}
    for _, entry in ipairs(doomed.order) do
        if hooks.has(job, entry.model, "after_delete") then
            kept[#kept + 1] = { model = entry.model,
                rows = hooks.rows(job, entry.model, entry.ids) }
        end
    end
    return kept
end

-- Entry ---------------------------------------------------------------------

--- Deletes rows that are locked already, with all that follows from it.
function delete.ids(job, model, ids)
    if #ids == 0 then return end
    local doomed = doom(job, model, ids)
    local kept = rows_before(job, doomed)
    for _, entry in ipairs(doomed.order) do check(job, doomed, entry) end
    for _, entry in ipairs(doomed.order) do cut_columns(job, doomed, entry) end
    delete_all(job, doomed)
    for _, each in ipairs(kept) do
        if #each.rows > 0 then
            hooks.after_delete(job, each.model, each.rows)
        end
    end
end

--- Deletes the row of a selector and answers with it in one statement: right
-- only where no other table knows the model (graph:is_alone). nil when there is
-- no such row.
function delete.alone(job, selector)
    local key = seek.key(job, selector)
    if not key then return nil end
    local params = sql.params()
    local answer = sql.answer(job, ("DELETE FROM %s t WHERE %s")
        :format(sql.table(selector.model),
            seek.condition(params, selector, key)), params.list)
    if not sql.is_empty(answer) then return answer end
end


return delete
