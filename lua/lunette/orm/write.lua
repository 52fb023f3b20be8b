--- Writes: planning and running the root fields of a mutation.
--
-- A write is planned once for each shape of its input and run in one
-- transaction that the host opens, commits when `write.run` returns a value and
-- rolls back when it returns a reason. How each operation works is told in the
-- modules below lunette.orm.write.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write
local access = require("lunette.orm.write.access")
local context_module = require("lunette.orm.context")
local create = require("lunette.orm.write.create")
local data = require("lunette.orm.write.data")
local delete = require("lunette.orm.write.delete")
local direct = require("lunette.orm.write.direct")
local errors = require("lunette.graphql.errors")
local fail = require("lunette.orm.write.fail")
local faults = require("lunette.orm.write.faults")
local filter = require("lunette.orm.filter")
local graph = require("lunette.orm.write.graph")
local many = require("lunette.orm.write.many")
local nested = require("lunette.orm.write.nested")
local once = require("lunette.orm.write.once")
local read = require("lunette.orm.read")
local seek = require("lunette.orm.write.seek")
local select = require("lunette.orm.select")
local sql = require("lunette.orm.write.sql")
local update = require("lunette.orm.write.update")
local upsert = require("lunette.orm.write.upsert")
local values = require("lunette.orm.write.values")

local write = {}

-- Planning ------------------------------------------------------------------

local function fresh_context(context)
    return context_module.new(context.service, context.request, context.schema,
        context.selections)
end

-- Takes over the parameters of a statement that another planner made; those
-- from `first` on become values of the write.
local function adopt(params, others, first)
    local list = {}
    for i = first, #others do
        params[#params + 1] = others[i]
        list[#list + 1] = { slot = #params }
    end
    return list
end

local function new_planning(context, item)
    local planning = {
        context = context, item = item, model = item.def.meta.model,
        args = context.selections:args(item),
        graph = graph.of(context.service), params = {}, needs = access.needs(),
    }
    function planning.filter(model, node)
        local own = fresh_context(context)
        local condition = filter.condition(own, model, node, "t")
        return { sql = condition,
            params = adopt(planning.params, own.params, 1) }
    end
    return planning
end

-- The select list over the written row alone; nil when the selection needs
-- other rows.
local function plan_plain(planning, fields)
    local context, row = fresh_context(planning.context), select.row()
    local scope = select.scope(context, planning.model)
    local shape = select.object(context, scope, row, fields)
    if #row.joins > 0 or row.nested then return nil end
    return { list = row:list(), alias = scope.alias,
        result = { kind = "row", of = shape } }
end

-- The statement that answers with the row: its first parameter is the id.
local function plan_selection(planning)
    local context = planning.context
    local fields = context.selections:of(planning.item)
    local made = read.selection(fresh_context(context), planning.model, fields)
    return { sql = made.sql, result = made.result,
        params = adopt(planning.params, made.params, 2),
        plain = plan_plain(planning, fields) }
end

-- The response keys of a BatchPayload.
local function plan_count(planning)
    local keys = {}
    for i, item in ipairs(planning.context.selections:of(planning.item)) do
        keys[i] = { key = item.key, typename = item.name == "__typename" }
    end
    return keys
end

local VERSION = { graphql = "version", kind = "scalar", type = "bigint",
    scalar = "Int", column = "version", pg = "bigint" }

-- The version that the row must have, when the client gave one.
local function plan_version(planning)
    local node = planning.args.version
    if not node or node.kind == "absent" or node.kind == "null" then
        return nil
    end
    return values.of(planning.params, VERSION, node)
end

local PLANS = {}

function PLANS.create(planning, planned)
    access.need(planning.needs, planning.model, "create")
    planned.data = data.create(planning, planning.model, planning.args.data)
    planned.selection = plan_selection(planning)
end

function PLANS.update(planning, planned)
    access.need(planning.needs, planning.model, "write")
    planned.where = data.selector(planning, planning.model, planning.args.where)
    planned.version = plan_version(planning)
    planned.data = data.update(planning, planning.model, planning.args.data)
    planned.selection = plan_selection(planning)
end

function PLANS.upsert(planning, planned)
    local model, args = planning.model, planning.args
    access.need(planning.needs, model, "create")
    access.need(planning.needs, model, "write")
    planned.where = data.selector(planning, model, args.where)
    planned.create = data.create(planning, model, args.create)
    planned.update = data.update(planning, model, args.update)
    planned.selection = plan_selection(planning)
end

function PLANS.delete(planning, planned)
    access.need(planning.needs, planning.model, "delete")
    planned.where = data.selector(planning, planning.model, planning.args.where)
    planned.version = plan_version(planning)
    planned.selection = plan_selection(planning)
end

function PLANS.updateMany(planning, planned)
    access.need(planning.needs, planning.model, "write")
    planned.filter = data.filter(planning, planning.model,
        planning.args.where)
    planned.data = data.update(planning, planning.model, planning.args.data)
    planned.keys = plan_count(planning)
end

function PLANS.deleteMany(planning, planned)
    access.need(planning.needs, planning.model, "delete")
    planned.filter = data.filter(planning, planning.model,
        planning.args.where)
    planned.keys = plan_count(planning)
end

-- Whether one statement changes everything, and after it nothing can fail: then
-- the host needs no transaction around it.
local SINGLE = {
    create = function(planned)
        return planned.selection.plain and #planned.data.links == 0
    end,
    update = function(planned)
        return planned.selection.plain and #planned.data.sets > 0
            and update.is_assignments(planned.data.links)
    end,
    upsert = function() return false end,
    delete = function(planned)
        return planned.selection.plain and planned.graph:is_alone(planned.model)
    end,
    updateMany = function() return true end,
    deleteMany = function(planned)
        return planned.graph:is_alone(planned.model)
    end,
}

-- Whether functions of apps take part: then it is a transaction, and the hooks
-- decide what is written.
local function is_hooked(planning)
    for _, need in ipairs(planning.needs) do
        if need.operation ~= "read" and planning.graph:is_hooked(need.model)
        then
            return true
        end
    end
    return false
end

local function plan_all(planning)
    local what = planning.item.def.meta.what
    local planned = { what = what, model = planning.model,
        graph = planning.graph, params = planning.params }
    PLANS[what](planning, planned)
    if planned.version or is_hooked(planning) then return planned end
    planned.single = SINGLE[what](planned) and true or nil
    planned.direct = direct.of(planned)
    return planned
end

--- Plans a root field of a mutation; refuses through `context` what the roles
-- of the caller or the input alone forbid.
-- @tparam table context of this root field (orm/context.lua)
-- @tparam table item merged field (graphql/selections.lua)
-- @treturn table PFIELD without its response key: {kind="write", write=...},
-- where write.params are the values that the host binds before write.run, and
-- write.single says that it may run without a transaction, and write.direct is
-- the statement that the host tries first (orm/write/direct.lua)
function write.plan(context, item)
    local what = item.def.meta.what
    if not PLANS[what] then
        context:refuse(errors.not_implemented(item.name))
    end
    local planning = new_planning(context, item)
    local planned, reason = fail.catch(plan_all, planning)
    if not access.granted(planning.needs, context.request.roles) then
        context:refuse(errors.forbidden())
    end
    if reason then context:refuse(reason) end
    return { kind = "write", write = planned }
end

-- Running -------------------------------------------------------------------

--- What a write at work is: the state of all modules below lunette.orm.write.
-- @tparam table ctx as of write.run
-- @tparam ?table planned
function write.job(ctx, planned)
    return {
        ctx = ctx, db = ctx.db, params = ctx.params, user = ctx.user,
        now = values.timestamp(ctx.now or host.now()),
        graph = planned and planned.graph or graph.of(ctx.service),
        nested = nested.run, assumed = {},
        plain = planned and planned.selection and planned.selection.plain,
    }
end

local function selected(job, planned, id)
    local selection, params = planned.selection, { id }
    for i, value in ipairs(selection.params) do
        params[i + 1] = values.text(job, value)
    end
    local answer, err = job.ctx:select(selection.sql, params, selection.result)
    if answer then return answer end
    fail.with(faults.reason(job, err))
end

local function counted(planned, count)
    local parts = {}
    for i, each in ipairs(planned.keys) do
        parts[i] = ('"%s":%s'):format(each.key,
            each.typename and '"BatchPayload"' or tostring(count))
    end
    return { json = "{" .. table.concat(parts, ",") .. "}" }
end

-- Locks the row and leaves when it has another version than the client saw. A
-- row that is not there is found out later.
local function check_version(job, planned)
    local where = planned.where
    local key = planned.version and seek.key(job, where)
    if not key then return end
    local params = sql.params()
    local row = sql.query(job, ("SELECT t.\"version\" FROM %s t WHERE %s FOR %s"
        .. " OF t"):format(sql.table(where.model), seek.condition(params, where,
            key), planned.what == "delete" and "UPDATE" or "NO KEY UPDATE"),
        params.list)[1]
    if row and row[1] ~= values.text(job, planned.version) then
        fail.with(errors.stale())
    end
end

local RUNS = {}

function RUNS.create(job, planned)
    local id, answer = create.row(job, planned.data)
    return answer or selected(job, planned, id)
end

function RUNS.update(job, planned)
    check_version(job, planned)
    local id, answer = update.selected(job, planned.where, planned.data)
    if not id and not answer then seek.absent(job, planned.where) end
    return answer or selected(job, planned, id)
end

function RUNS.upsert(job, planned)
    local id, answer = upsert.row(job, planned.where, planned.create,
        planned.update)
    return answer or selected(job, planned, id)
end

-- The answer is the row as it was: it is read before anything goes.
function RUNS.delete(job, planned)
    local where, model = planned.where, planned.model
    check_version(job, planned)
    if job.plain and job.graph:is_alone(model) then
        return delete.alone(job, where) or seek.absent(job, where)
    end
    local id = seek.one(job, where, "delete")
    if not id then seek.absent(job, where) end
    local answer = selected(job, planned, id)
    delete.ids(job, model, { id })
    return answer
end

function RUNS.updateMany(job, planned)
    return counted(planned, many.update(job, planned.model, planned.filter,
        planned.data))
end

function RUNS.deleteMany(job, planned)
    return counted(planned, many.delete(job, planned.model, planned.filter))
end

local function run(ctx, planned)
    local job = write.job(ctx, planned)
    local function act() return RUNS[planned.what](job, planned) end
    if ctx.once then return once.run(job, act) end
    return act()
end

--- Adds a way to run what was planned elsewhere: `run(job, planned)` gives the
-- answer of a `planned` with this `what`.
function write.register(what, run_planned)
    RUNS[what] = run_planned
end

--- Runs a planned write inside the transaction of `ctx` (planned.single needs
-- none): {params=, user=, db=, select=function}, and `now` (Unix milliseconds)
-- where the clock is not the host's, `once` (orm/write/once.lua) where the client
-- gave a key.
-- @treturn[1] table {json=text}, or what ctx:select gave
-- @treturn[2] nil
-- @treturn[2] table reason {message=, code=, ext=}; {db=err} when the host has
-- to judge
function write.run(ctx, planned)
    return fail.catch(run, ctx, planned)
end

--- Runs several writes in one transaction, in order.
-- @tparam {ctx,...} list
-- @tparam {planned,...} writes
-- @treturn[1] {table,...} answers as of write.run
-- @treturn[2] nil
-- @treturn[2] table reason as of write.run
-- @treturn[2] number which write failed
function write.all(list, writes)
    local answers = {}
    for i, planned in ipairs(writes) do
        local answer, reason = write.run(list[i], planned)
        if not answer then return nil, reason, i end
        answers[i] = answer
    end
    return answers
end

return write
