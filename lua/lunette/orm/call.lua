--- Calls: root fields that an app answers by a function of its own.
--
-- A call is planned into what the worker needs to run it (kind "write", since
-- it runs in the system VM as a write does) and what to make of its result:
--
-- planned = { what="call", call=CALL of the release set,
--             args={ {field=FIELD, value=VALUE or nil, default=bool} },
--             params=, result=RESULT }
-- RESULT = { kind="nothing" } | { kind="scalar", field= }
--        | { kind="model", model=, list=, required=, sql=, params=, result= }
--        | { kind="object", name=, list=, members={ {key=, typename=text,
--            name=, result=RESULT} } }
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.call
local context_module = require("lunette.orm.context")
local convert = require("lunette.orm.write.convert")
local errors = require("lunette.graphql.errors")
local fail = require("lunette.orm.write.fail")
local faults = require("lunette.orm.write.faults")
local read = require("lunette.orm.read")
local seek = require("lunette.orm.write.seek")
local sql = require("lunette.orm.sql")
local values = require("lunette.orm.write.values")

local call = {}

-- Planning ------------------------------------------------------------------

local function may_call(by, roles)
    if roles.admin then return true end
    for _, role in ipairs(by) do
        if roles[role] or role == "public" then return true end
    end
    if #by > 0 then return false end
    for role in pairs(roles) do
        if role ~= "public" then return true end
    end
    return false
end

-- An id of any length; whether it may be a new one is not the question here.
local function as_id(planned, field)
    local param = planned.params[#planned.params]
    if param then param.type = sql.compared_type(field) end
end

local function plan_args(planned, given)
    local args = {}
    for i, field in ipairs(planned.call.args) do
        local node, arg = given[field.graphql], { field = field }
        if not node or node.kind == "absent" then
            arg.default = field.default ~= nil
        elseif node.kind == "null" then
            arg.default = field.default ~= nil and field.default.now
        elseif field.list then
            arg.value = values.list(planned.params, field, node)
        else
            arg.value = values.of(planned.params, field, node)
        end
        if arg.value and arg.value.slot and field.scalar == "ID" then
            as_id(planned, field)
        end
        args[i] = arg
    end
    return args
end

local plan_result

local function plan_model(context, planned, returns, item)
    local model = context.service.by_key[returns.model]
    local own = context_module.new(context.service, context.request,
        context.schema, context.selections)
    local fields = context.selections:of(item)
    local made = (returns.list and read.selections or read.selection)(own,
        model, fields)
    local params = {}
    for i = 2, #made.params do
        planned.params[#planned.params + 1] = made.params[i]
        params[i - 1] = { slot = #planned.params }
    end
    return { kind = "model", model = model, list = returns.list,
        required = returns.required, sql = made.sql, params = params,
        result = made.result }
end

local function plan_object(context, planned, returns, item)
    local members = {}
    for i, inner in ipairs(context.selections:of(item)) do
        local member = inner.def.meta.member
        members[i] = { key = inner.key }
        if member then
            members[i].name = member.name
            members[i].result = plan_result(context, planned, member.returns,
                inner)
        else
            members[i].typename = returns.name
        end
    end
    return { kind = "object", name = returns.name, list = returns.list,
        members = members }
end

function plan_result(context, planned, returns, item)
    if returns.kind == "model" then
        return plan_model(context, planned, returns, item)
    elseif returns.kind == "object" then
        return plan_object(context, planned, returns, item)
    end
    return returns
end

--- Plans a root field that an app answers; refuses through `context` what the
-- caller's roles may not call.
-- @tparam table context of this root field (orm/context.lua)
-- @tparam table item merged field (graphql/selections.lua)
-- @treturn table PFIELD without its response key: {kind="write", write=planned}
function call.plan(context, item)
    local declared = item.def.meta.call
    if not may_call(declared.by, context.request.roles) then
        context:refuse(errors.forbidden())
    end
    for _, field in ipairs(declared.args) do
        if field.target then
            context:require_read(context.service.by_key[field.target])
        end
    end
    local planned = { what = "call", call = declared, params = {} }
    planned.args = plan_args(planned, context.selections:args(item))
    planned.result = plan_result(context, planned, declared.returns, item)
    return { kind = "write", write = planned }
end

-- Arguments -----------------------------------------------------------------

local MOMENTS = {
    datetime = function(now) return now end,
    date = function(now) return now:sub(1, 10) end,
}

local function argument(job, arg)
    local field = arg.field
    if arg.default then
        if field.default.now then return MOMENTS[field.type](job.now) end
        return field.default.value
    elseif not arg.value then
        return nil
    end
    local text = values.text(job, arg.value)
    if text == host.null then
        if field.required then
            fail.with(errors.input(field.graphql .. " must not be null"))
        end
        return nil
    end
    local problem = convert.problem(field, text)
    if problem then
        fail.with(errors.input(field.graphql .. " " .. problem))
    end
    return convert.value(field, text)
end

-- Leaves when a record that an argument names is not there.
local function check_records(job, field, value)
    local model = job.graph.models[field.target]
    local id, selectors = sql.id_field(model), {}
    for i, each in ipairs(field.list and value or { value }) do
        selectors[i] = { model = model, field = id, value = { const = each } }
    end
    if #selectors > 0 then seek.rows(job, model, selectors, {}) end
end

--- The arguments of a planned call by their names, as the app gets them; leaves
-- by lunette.orm.write.fail when one is out of its bounds or names no record.
function call.arguments(job, planned)
    local args = {}
    for _, arg in ipairs(planned.args) do
        local field, value = arg.field, argument(job, arg)
        if field.target and value ~= nil then
            check_records(job, field, value)
        end
        args[field.name] = value
    end
    return args
end

local MADE = { decimal = true, money = true, json = true }

--- What the VM of an app has to make of arguments, by name: {type=, list=} of
-- exact numbers and Json, and {target=, list=} of records.
function call.kinds(declared)
    local kinds = {}
    for _, field in ipairs(declared.args) do
        if MADE[field.type] or field.target then
            kinds[field.name] = { type = field.type, target = field.target,
                list = field.list or nil }
        end
    end
    return kinds
end

-- Results -------------------------------------------------------------------

-- A result that is not what the app declared is the app's mistake.
local function wrong(planned, path, message, ...)
    local subject = ("%s '%s'"):format(planned.call.kind, planned.call.name)
    error({ app = planned.call.app, message = ("%s:%d: %s returned%s %s")
        :format(planned.call.place.file, planned.call.place.line, subject,
            path and " as '" .. path .. "'" or "", message:format(...)) }, 0)
end

local RAW = { int = true, float = true, bool = true }

local function scalar_json(field, text)
    if field.type == "bigint" and field.scalar == "Long" then
        local is_exact = type(convert.whole(text)) == "number"
        return is_exact and text or '"' .. text .. '"'
    elseif RAW[field.type] or field.type == "json" then
        return text
    elseif field.type == "datetime" then
        return host.json_encode(convert.moment(text))
    end
    return host.json_encode(text)
end

local BOOLEANS = { t = "true", f = "false" }

local function write_scalar(_, planned, result, value, path)
    local field = result.field
    if value == nil and field.list then return "[]" end
    local text, problem = convert.text(field, value, sql.compared_type(field))
    if text == nil then
        wrong(planned, path, "a value that %s", problem)
    elseif text == host.null then
        if field.required then wrong(planned, path, "nothing") end
        return "null"
    end
    if not field.list then
        return scalar_json(field, field.type == "bool" and BOOLEANS[text]
            or text)
    end
    local items = {}
    for i, item in ipairs(convert.items(text)) do
        items[i] = scalar_json(field, field.type == "bool" and BOOLEANS[item]
            or item)
    end
    return "[" .. table.concat(items, ",") .. "]"
end

local function select_json(job, result, id)
    local params = { id }
    for i, value in ipairs(result.params) do
        params[i + 1] = values.text(job, value)
    end
    local answer, err = job.ctx:select(result.sql, params, result.result)
    if not answer then fail.with(faults.reason(job, err)) end
    return answer.json
end

-- A record leaves the app as its id, or as { id = } with more.
local function id_of(planned, result, value, path)
    local id, key = value, result.model.key
    if type(value) == "table" then
        if value.__record and value.__record ~= key then
            wrong(planned, path, "a %s, no %s", value.__record, key)
        end
        id = value.id
    end
    if type(id) == "number" then id = ("%.0f"):format(id) end
    if type(id) ~= "string" then
        wrong(planned, path, "no record of %s", result.model.key)
    end
    return id
end

local function write_model(job, planned, result, value, path)
    if not result.list then
        if value == nil then
            if result.required then wrong(planned, path, "nothing") end
            return "null"
        end
        return select_json(job, result, id_of(planned, result, value, path))
    end
    local ids = {}
    if value ~= nil and type(value) ~= "table" then
        wrong(planned, path, "no list of %s", result.model.key)
    end
    for i, item in ipairs(value or {}) do
        ids[i] = id_of(planned, result, item, path)
    end
    if #ids == 0 then return "[]" end
    return select_json(job, result, values.array(ids))
end

local write

local function write_members(job, planned, result, value, path)
    if type(value) ~= "table" then
        wrong(planned, path, "no table of fields")
    end
    local parts = {}
    for i, member in ipairs(result.members) do
        local text
        if member.typename then
            text = '"' .. member.typename .. '"'
        else
            text = write(job, planned, member.result, value[member.name],
                (path and path .. "." or "") .. member.name)
        end
        parts[i] = ('"%s":%s'):format(member.key, text)
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

local function write_object(job, planned, result, value, path)
    if not result.list then
        if value == nil then return "null" end
        return write_members(job, planned, result, value, path)
    end
    if value ~= nil and type(value) ~= "table" then
        wrong(planned, path, "no list")
    end
    local items = {}
    for i, item in ipairs(value or {}) do
        items[i] = write_members(job, planned, result, item, path)
    end
    return "[" .. table.concat(items, ",") .. "]"
end

local WRITERS = {
    nothing = function() return "true" end,
    scalar = write_scalar, model = write_model, object = write_object,
}

function write(job, planned, result, value, path)
    if convert.is_null(value) then value = nil end
    return WRITERS[result.kind](job, planned, result, value, path)
end

--- The JSON of what the function of a planned call returned: plain data, where a
-- record is its id. Raises {app=, message=} when it is not what was declared.
function call.answer(job, planned, value)
    return { json = write(job, planned, planned.result, value) }
end

return call
