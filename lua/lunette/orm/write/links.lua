--- Links between existing rows: who is linked, linking and cutting.
--
-- Wherever a link is kept, a row whose link column changes counts as changed
-- (version, updated).
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.links
local change = require("lunette.orm.write.change")
local fail = require("lunette.orm.write.fail")
local graph = require("lunette.orm.write.graph")
local seek = require("lunette.orm.write.seek")
local sql = require("lunette.orm.write.sql")

local links = {}

-- The model whose rows hold the link column.
local function holder(relation)
    return relation.kind == "own" and relation.parent or relation.child
end

local function parent_param(params, relation, id)
    return params.push(id, graph.id_type(relation.parent))
end

local function child_param(params, relation, id)
    return params.push(id, graph.id_type(relation.child))
end

-- The same for rows with hooks: they are locked and looked up first.
local function set_hooked(job, relation, params, id, condition)
    local model = holder(relation)
    local ids = sql.ids(sql.query(job, ("SELECT \"id\" FROM %s WHERE %s"
        .. " ORDER BY \"id\" FOR NO KEY UPDATE"):format(sql.table(model),
        condition), params.list))
    change.rows(job, model, ids, { [relation.column] = id or host.null })
end

-- Sets the link column of rows to `value`, SQL for `id` (nil: NULL), where
-- `condition` holds.
local function set_column(job, relation, params, value, condition, id)
    local model = holder(relation)
    if change.is_hooked(job, model) then
        return set_hooked(job, relation, params, id, condition)
    end
    sql.query(job, ("UPDATE %s SET %s = %s%s WHERE %s")
        :format(sql.table(model), sql.quote(relation.column), value,
            change.touched(job, model, params), condition), params.list)
end

--- Ids of the children of a row. `lock` as of seek.lock_clause.
function links.children(job, relation, parent, lock)
    local params = sql.params()
    local linked = seek.linked_sql(relation, parent_param(params, relation,
        parent))
    return sql.ids(sql.query(job, ("SELECT t.\"id\" FROM %s t WHERE %s%s")
        :format(sql.table(relation.child), linked, lock
            and seek.lock_clause(lock) or " ORDER BY t.\"id\""), params.list))
end

-- Own column ----------------------------------------------------------------

-- The other row that holds the only link to `child`.
local function free_holder(job, relation, parent, child)
    local params = sql.params()
    local condition = sql.quote(relation.column) .. " = "
        .. child_param(params, relation, child)
    if parent then
        condition = condition .. " AND \"id\" <> "
            .. parent_param(params, relation, parent)
    end
    if not relation.parent_required then
        set_column(job, relation, params, "NULL", condition)
        return
    end
    local rows = sql.query(job, ("SELECT 1 FROM %s WHERE %s LIMIT 1")
        :format(sql.table(relation.parent), condition), params.list)
    if #rows > 0 then fail.required(relation) end
end

--- Makes sure that `child` of a one-to-one relation kept in the parent is free,
-- or is already `parent`'s (nil: a row to be created).
function links.free_child(job, relation, parent, child)
    if relation.parent_required and relation.child_required then
        fail.required(relation)
    end
    free_holder(job, relation, parent, child)
end

local function set_own(job, relation, parent, child)
    local params = sql.params()
    local value = child_param(params, relation, child)
    set_column(job, relation, params, value, ("\"id\" = %s AND %s IS DISTINCT"
        .. " FROM %s"):format(parent_param(params, relation, parent),
        sql.quote(relation.column), value), child)
end

local function attach_own(job, relation, parent, child, fresh)
    if relation.unique then
        if relation.child_required and not fresh then
            local old = links.children(job, relation, parent)[1]
            if old and old ~= child then fail.required(relation) end
        end
        links.free_child(job, relation, parent, child)
    end
    set_own(job, relation, parent, child)
end

-- Column of the child -------------------------------------------------------

local function other_parent(job, relation, parent, child)
    local params = sql.params()
    local condition = ("\"id\" = %s AND %s <> %s"):format(
        child_param(params, relation, child), sql.quote(relation.column),
        parent_param(params, relation, parent))
    local rows = sql.query(job, ("SELECT 1 FROM %s WHERE %s")
        :format(sql.table(relation.child), condition), params.list)
    return #rows > 0
end

--- Frees `parent` of a one-to-one relation kept in the child from another child
-- than `child` (nil: any).
function links.free_parent(job, relation, parent, child)
    if relation.child_required then
        for _, old in ipairs(links.children(job, relation, parent)) do
            if old ~= child then fail.required(relation) end
        end
        return
    end
    local params = sql.params()
    local condition = sql.quote(relation.column) .. " = "
        .. parent_param(params, relation, parent)
    if child then
        condition = condition .. " AND \"id\" <> "
            .. child_param(params, relation, child)
    end
    set_column(job, relation, params, "NULL", condition)
end

local function attach_foreign(job, relation, parent, children, fresh)
    if relation.unique then
        local child = children[1]
        if relation.parent_required and (relation.child_required
            or other_parent(job, relation, parent, child)) then
            fail.required(relation)
        end
        if not fresh then links.free_parent(job, relation, parent, child) end
    end
    local params = sql.params()
    local value = parent_param(params, relation, parent)
    set_column(job, relation, params, value, ("\"id\" = ANY(%s) AND %s IS"
        .. " DISTINCT FROM %s"):format(sql.push_ids(params, relation.child,
        children), sql.quote(relation.column), value), parent)
end

-- Table between -------------------------------------------------------------

local function delete_pairs(job, relation, params, condition)
    sql.query(job, ("DELETE FROM %s WHERE %s")
        :format(sql.table(relation.join), condition), params.list)
end

local function free_pairs(job, relation, parent, children)
    local join = relation.join
    local near, far = sql.quote(join.near), sql.quote(join.far)
    if not relation.child_many then
        local params = sql.params()
        delete_pairs(job, relation, params, ("%s = ANY(%s) AND %s <> %s")
            :format(far, sql.push_ids(params, relation.child, children), near,
                parent_param(params, relation, parent)))
    end
    if not relation.parent_many then
        local params = sql.params()
        delete_pairs(job, relation, params, ("%s = %s AND %s <> ALL(%s)")
            :format(near, parent_param(params, relation, parent), far,
                sql.push_ids(params, relation.child, children)))
    end
end

--- Links pairs of parents[i] and children[i] that are not linked yet.
function links.add_pairs(job, relation, parents, children)
    local params = sql.params()
    local join = relation.join
    sql.query(job, ("INSERT INTO %s (%s, %s) SELECT DISTINCT p, c FROM"
        .. " unnest(%s, %s) AS u(p, c) ORDER BY p, c ON CONFLICT DO NOTHING")
        :format(sql.table(join), sql.quote(join.near), sql.quote(join.far),
            sql.push_ids(params, relation.parent, parents),
            sql.push_ids(params, relation.child, children)), params.list)
end

local function attach_pairs(job, relation, parent, children)
    free_pairs(job, relation, parent, children)
    local parents = {}
    for i = 1, #children do parents[i] = parent end
    links.add_pairs(job, relation, parents, children)
end

-- Entry ---------------------------------------------------------------------

--- Links existing rows to `parent`. Old partners lose the link where a side can
-- have one only; 3042 when one of them may not. `fresh`: the parent was made by
-- this write and has no children by this relation yet.
function links.attach(job, relation, parent, children, fresh)
    if #children == 0 then return end
    if relation.kind == "own" then
        attach_own(job, relation, parent, children[#children], fresh)
    elseif relation.kind == "foreign" then
        attach_foreign(job, relation, parent, children, fresh)
    else
        attach_pairs(job, relation, parent, children)
    end
end

--- Links rows that this write made itself, by a link that they do not hold.
function links.attach_new(job, relation, parent, children)
    if relation.kind == "own" then
        set_own(job, relation, parent, children[#children])
    else
        attach_pairs(job, relation, parent, children)
    end
end

--- Cuts the links of `parent` to `children` (ids; nil: to all).
function links.detach(job, relation, parent, children)
    local params = sql.params()
    if relation.kind == "own" then
        set_column(job, relation, params, "NULL", "\"id\" = "
            .. parent_param(params, relation, parent))
        return
    end
    local join = relation.join
    local condition = sql.quote(join and join.near or relation.column) .. " = "
        .. parent_param(params, relation, parent)
    if children then
        condition = condition .. (" AND %s = ANY(%s)")
            :format(sql.quote(join and join.far or "id"),
                sql.push_ids(params, relation.child, children))
    end
    if join then
        delete_pairs(job, relation, params, condition)
    else
        set_column(job, relation, params, "NULL", condition)
    end
end

return links
