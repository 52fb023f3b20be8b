--- What functions of apps change: create, set, delete.
--
-- The values of an app become the DATA of lunette.orm.write.data, and the write
-- executor does the rest: one statement for each model and level, hooks, rules.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.change
local access = require("lunette.orm.write.access")
local convert = require("lunette.orm.write.convert")
local create = require("lunette.orm.write.create")
local data = require("lunette.orm.write.data")
local fail = require("lunette.orm.write.fail")
local filter = require("lunette.runtime.filter")
local find = require("lunette.runtime.find")
local many = require("lunette.orm.write.many")
local misuse = require("lunette.runtime.misuse")
local rights = require("lunette.runtime.rights")
local sql = require("lunette.orm.sql")
local update = require("lunette.orm.write.update")
local write = require("lunette.orm.write")

local change = {}

local MAX_DEPTH = 10
-- Rows of one statement; between statements others have their turn.
local AT_ONCE = 1000
local NULL = { null = true }

local function check_writes(running, what)
    if running.ctx.reads then
        fail.with({ ext = "VALIDATION_FAILED", app = running.app,
            message = ("a query changes nothing: %s belongs into a mutation")
                :format(what) })
    end
end

-- The job of this root field, with the needs of its rights.
local function begin(running)
    return write.job(running.ctx)
end

local function check_needs(running, needs)
    for _, need in ipairs(needs) do
        rights.need(running, need.model, need.operation)
    end
end

-- Values --------------------------------------------------------------------

local function value_of(model, field, value)
    if field.created or field.updated or field.stored then
        misuse.with("%s.%s is set by the server", model.name, field.name)
    end
    local text, problem = convert.text(field, value)
    if text == nil then
        misuse.with("%s.%s %s", model.name, field.name, problem)
    elseif text == host.null then
        return NULL
    end
    local wrong = convert.problem(field, text)
    if wrong then
        fail.with(fail.invalid_reason(("%s %s"):format(field.graphql, wrong)))
    end
    return { const = text }
end

local function id_of(model, value)
    if type(value) == "table" then value = value.id end
    if type(value) == "number" then value = ("%.0f"):format(value) end
    if type(value) ~= "string" then
        misuse.with("a %s is needed, or its id", model.name)
    end
    return value
end

local function selector(model, value)
    return { model = model, field = sql.id_field(model),
        value = { const = id_of(model, value) } }
end

local function is_record(value)
    return type(value) ~= "table" or value.__record ~= nil
        or value.id ~= nil and next(value, next(value)) == nil
end

local function items_of(relation, value)
    if not relation.parent_many then return { value } end
    if type(value) ~= "table" or value.__record then
        misuse.with("%s takes a list", relation.field.name)
    end
    return value
end

local row_data

-- New rows and known ones, sorted into the verbs of OpenCRUD.
local function link_of(state, relation, value, depth)
    local verbs, child = {}, relation.child
    for _, item in ipairs(items_of(relation, value)) do
        local verb = is_record(item) and "connect" or "create"
        verbs[verb] = verbs[verb] or {}
        if verb == "create" then
            access.need(state.needs, child, "create")
            table.insert(verbs.create, row_data(state, child, item,
                relation.opposite, depth + 1))
        else
            table.insert(verbs.connect, selector(child, item))
        end
    end
    if verbs.connect then access.need_link(state.needs, relation) end
    return next(verbs) and { relation = relation, verbs = verbs } or nil
end

local function by_field(model, given)
    local found = {}
    if type(given) ~= "table" then
        misuse.with("values are written { field = value }")
    end
    for name, value in pairs(given) do
        if type(name) ~= "string" then
            misuse.with("values are written { field = value }")
        end
        found[filter.field(model, name)] = { value = value }
    end
    return found
end

-- DATA of a new row (lunette.orm.write.data).
function row_data(state, model, given, back, depth)
    if depth > MAX_DEPTH then
        misuse.with("values are nested deeper than %d levels", MAX_DEPTH)
    end
    local made = { model = model, sets = {}, links = {} }
    local entries = by_field(model, given)
    for _, field in ipairs(model.fields) do
        local entry = entries[field]
        if entry and field.kind == "scalar" then
            local value = value_of(model, field, entry.value)
            if not (value.null and (field.type == "id" or field.default)) then
                table.insert(made.sets, { field = field, value = value })
            end
        elseif entry and field ~= back
            and not convert.is_null(entry.value) then
            local relation = state.graph:relation(field)
            table.insert(made.links,
                link_of(state, relation, entry.value, depth))
        end
    end
    data.require_relations(state, made, back)
    return made
end

-- Operations ----------------------------------------------------------------

-- Creates the rows from `first` on; appends their ids.
local function create_some(running, model, given, first, ids)
    local job, list = begin(running), {}
    local state = { graph = job.graph, needs = access.needs() }
    local last = math.min(first + AT_ONCE - 1, #given)
    find.spend(running, 1, last - first + 1)
    for i = first, last do
        list[#list + 1] = row_data(state, model, given[i], nil, 1)
    end
    check_needs(running, state.needs)
    for _, id in ipairs(create.list(job, list)) do ids[#ids + 1] = id end
end

--- { model =, values = { {field → value}, ... } } → { id, ... }
function change.create(running, asked)
    check_writes(running, "create")
    local model = rights.model(running, asked.model, "create")
    local given, ids = asked.values or {}, {}
    for first = 1, #given, AT_ONCE do
        create_some(running, model, given, first, ids)
    end
    return ids
end

-- A link that is a plain column of the row: as if it were a field of it.
local function link_column(running, relation, value)
    local field = filter.link_field(running.service, relation.field)
    if relation.kind ~= "own" or relation.unique or not field then return nil end
    if convert.is_null(value) then
        if relation.parent_required then fail.required(relation) end
        return { field = field, value = NULL }
    end
    return { field = field,
        value = { const = id_of(relation.child, value) } }
end

-- DATA of a change.
local function change_data(running, state, model, given)
    local made = { model = model, sets = {}, links = {} }
    local entries = by_field(model, given)
    for _, field in ipairs(model.fields) do
        local entry = entries[field]
        if entry and field.kind == "scalar" then
            local value = value_of(model, field, entry.value)
            if value.null and field.required then
                fail.with(fail.invalid_reason(field.graphql
                    .. " must not be null"))
            end
            table.insert(made.sets, { field = field, value = value })
        elseif entry then
            local relation = state.graph:relation(field)
            local set = link_column(running, relation, entry.value)
            if set then
                access.need_link(state.needs, relation)
                state.assumed[relation.field] = { set.value.const }
                table.insert(made.sets, set)
            elseif relation.parent_many then
                misuse.with("%s.%s: a list of records is not set at once",
                    model.name, field.name)
            else
                table.insert(made.links,
                    link_of(state, relation, entry.value, 1))
            end
        end
    end
    return made
end

local function ids_filter(model, ids)
    local array, pg = find.id_array(model, ids)
    return { sql = ('t."id" = ANY($1::%s[])'):format(pg),
        params = { { const = array } } }
end

--- { model =, ids =, values = {field → value} } → how many were changed
function change.set(running, asked)
    check_writes(running, "set")
    local model = rights.model(running, asked.model, "write")
    local job = begin(running)
    local state = { graph = job.graph, needs = access.needs(),
        assumed = job.assumed }
    local made = change_data(running, state, model, asked.values or {})
    check_needs(running, state.needs)
    find.spend(running, 1, #asked.ids)
    if #made.links > 0 then
        for _, id in ipairs(asked.ids) do update.row(job, id, made) end
        return #asked.ids
    end
    local count = many.update(job, model, ids_filter(model, asked.ids), made)
    local distinct, seen = 0, {}
    for _, id in ipairs(asked.ids) do
        if not seen[id] then distinct, seen[id] = distinct + 1, true end
    end
    if count < distinct then
        misuse.with("set: %d of %d %s are not there any more",
            distinct - count, distinct, model.name)
    end
    return count
end

--- { model =, ids = } → how many were deleted
function change.delete(running, asked)
    check_writes(running, "delete")
    local model = rights.model(running, asked.model, "delete")
    find.spend(running, 1, #asked.ids)
    return many.delete(begin(running), model, ids_filter(model, asked.ids))
end

return change
