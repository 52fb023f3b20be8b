--- What a developer tries out: tests of apps, and lines of the shell.
--
-- A trial runs in the transaction of a root field (core/serve/trial.h) and ends
-- with a rollback to its beginning, unless it is a line of the shell that may
-- write. Everything it asks is done behind a savepoint, so that it goes on after
-- what failed.
--
-- TRIAL = { kind="test", app=, number= }
--       | { kind="line", app=, code=, login=, write= }
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.trial
local call = require("lunette.runtime.call")
local convert = require("lunette.orm.write.convert")
local errors = require("lunette.graphql.errors")
local fail = require("lunette.orm.write.fail")
local misuse = require("lunette.runtime.misuse")
local operations = require("lunette.runtime.operations")
local text = require("lunette.util.text")
local values = require("lunette.orm.write.values")

local trial = {}

local ADMIN = { roles = { admin = true } }
local BUILT_IN = { public = true, portal = true, admin = true }
local USERS = "base.User"

-- Acting as somebody --------------------------------------------------------

-- The context with the rights of `identity`, at the time of the trial.
local function acting(state, identity)
    local own = setmetatable({ user = identity.id, roles = identity.roles,
        now = state.now }, { __index = state.ctx })
    own.db = own
    for _, name in ipairs({ "query", "fetch", "select" }) do
        local run = state.ctx[name]
        own[name] = function(...)
            state.count = state.count + 1
            return run(...)
        end
    end
    return own
end

local function run_sql(ctx, sql, params)
    local rows, err = ctx:query(sql, params or {})
    if rows then return rows end
    error(err and err.message or "a statement failed", 0)
end

-- Roles ---------------------------------------------------------------------

local function known_roles(service)
    local known = {}
    for _, role in ipairs(service.set.roles) do known[role.name] = role end
    return known
end

-- "user" of the app, "sales.user", "admin"
local function full_role(state, name, known)
    local own = state.app .. "." .. tostring(name)
    if known[own] then return own end
    if known[name] or BUILT_IN[name] then return name end
    local names = {}
    for each in pairs(known) do names[#names + 1] = each end
    misuse.with("there is no role %s%s", text.quote(name),
        text.did_you_mean(tostring(name), names))
end

local function close_roles(state, names)
    local known, full, closed = known_roles(state.service), {}, { public = true }
    for _, name in ipairs(names) do
        local role = full_role(state, name, known)
        full[#full + 1], closed[role] = role, true
        for _, implied in ipairs(known[role] and known[role].implies or {}) do
            closed[implied] = true
        end
    end
    return closed, full
end

local function keep_identity(state, identity)
    state.identities[#state.identities + 1] = identity
    return #state.identities
end

-- Users ---------------------------------------------------------------------

local function roles_of_user(state, column, value)
    local model = state.service.by_key[USERS]
    if not model then return nil end
    local rows = run_sql(state.ctx, ('select id, array_to_string(roles, \',\')'
        .. ' from "%s"."%s" where %s = $1 and active'):format(model.schema,
            model.table, column), { value })
    local row = rows[1]
    if not row then return nil end
    local names, known = {}, known_roles(state.service)
    local listed = row[2] ~= host.null and row[2] or ""
    for name in listed:gmatch("[^,]+") do
        if known[name] or BUILT_IN[name] then names[#names + 1] = name end
    end
    return { id = row[1], roles = close_roles(state, names) }
end

-- Values for the fields that a user must have.
local function new_user(model, number, roles)
    local given = {}
    for _, field in ipairs(model.fields) do
        if field.name == "roles" then
            given.roles = roles
        elseif field.required and field.kind == "scalar" and not field.default
            and field.type == "text" then
            given[field.name] = "test-" .. number
        end
    end
    return given
end

local ACTIONS = {}

local function running_of(state, identity, app)
    return { ctx = acting(state, identity), app = app, service = state.service }
end

function ACTIONS.user(state, asked)
    local roles, full = close_roles(state, asked.roles)
    local model, id = state.service.by_key[USERS], nil
    if model then
        state.users = state.users + 1
        id = operations.run(running_of(state, ADMIN, "base"), { op = "create",
            model = USERS, values = { new_user(model, state.users, full) } })[1]
    end
    return { id = id, identity = keep_identity(state, { id = id, roles = roles }) }
end

function ACTIONS.identity(state, asked)
    if asked.id then
        local found = roles_of_user(state, "id", asked.id)
        if not found then misuse.with("there is no such user") end
        return keep_identity(state, found)
    end
    local roles = close_roles(state, asked.roles or {})
    return keep_identity(state, { roles = roles })
end

function ACTIONS.travel(state, asked)
    state.now = state.now + asked.ms
end

function ACTIONS.count(state)
    return state.count
end

-- Calls ---------------------------------------------------------------------

local function find_call(state, name)
    local names = {}
    for _, declared in ipairs(state.service.set.calls or {}) do
        if declared.name == name and declared.app == state.app
            or declared.app .. "." .. declared.name == name
            or declared.graphql == name then
            return declared
        end
        names[#names + 1] = declared.app == state.app and declared.name
            or declared.app .. "." .. declared.name
    end
    misuse.with("there is no query or mutation %s%s", text.quote(name),
        text.did_you_mean(name, names))
end

local function may_call(declared, roles)
    if roles.admin then return true end
    for _, role in ipairs(declared.by) do
        if roles[role] or role == "public" then return true end
    end
    if #declared.by > 0 then return false end
    for role in pairs(roles) do
        if role ~= "public" then return true end
    end
    return false
end

-- Records are given by their ids.
local function with_ids(value)
    if type(value) ~= "table" then return value end
    if value.__record then return value.id end
    local out = {}
    for key, member in pairs(value) do out[key] = with_ids(member) end
    return out
end

local function argument(field, value, now)
    if value == nil and field.default then
        if not field.default.now then return field.default.value end
        local moment = values.timestamp(now)
        return field.type == "date" and moment:sub(1, 10) or moment
    end
    value = with_ids(value)
    if field.scalar == "ID" and type(value) == "string" then return value end
    local made, problem
    if value ~= nil then made, problem = convert.text(field, value) end
    if made == nil or made == host.null then
        if problem then
            fail.with(errors.input(field.graphql .. " " .. problem))
        elseif field.required then
            fail.with(errors.input(field.graphql .. " must not be null"))
        end
        return nil
    end
    problem = convert.problem(field, made)
    if problem then fail.with(errors.input(field.graphql .. " " .. problem)) end
    return convert.value(field, made)
end

local function arguments(declared, given, now)
    local args, names = {}, {}
    for _, field in ipairs(declared.args) do
        args[field.name] = argument(field, given[field.name], now)
        names[#names + 1], names[field.name] = field.name, true
    end
    for name in pairs(given) do
        if not names[name] then
            misuse.with("%s has no argument %s%s", declared.name,
                text.quote(name), text.did_you_mean(tostring(name), names))
        end
    end
    return args
end

-- What the guest needs to know of a result: exact numbers cross as texts.
local function shape_of(returns)
    if returns.kind == "scalar" then
        return { type = returns.field.type, list = returns.field.list or nil }
    elseif returns.kind ~= "object" then
        return {}
    end
    local members = {}
    for _, member in ipairs(returns.fields) do
        members[member.name] = shape_of(member.returns)
    end
    return { members = members, many = returns.list or nil }
end

function ACTIONS.call(state, asked, identity)
    local declared = find_call(state, asked.name)
    if not may_call(declared, identity.roles) then
        fail.with(errors.forbidden())
    end
    local ctx = acting(state, identity)
    ctx.reads = declared.kind == "query"
    local value = call.run(ctx, declared.app, declared.kind .. ":"
        .. declared.name, call.message(declared,
        arguments(declared, asked.args, state.now)))
    return { value = value, shape = shape_of(declared.returns) }
end

-- What is asked -------------------------------------------------------------

-- What `t` itself asks for concerns whatever app; what the code of the app asks
-- is bound to what policy grants it.
local function operate(state, asked)
    local identity = state.identities[asked.identity or 0] or state.own
    if asked.op == "test" then
        local action = ACTIONS[asked.action]
        if not action then misuse.with("there is no such action") end
        return action(state, asked, identity)
    end
    local app = state.app
    if asked.fixture and type(asked.model) == "string" then
        app = asked.model:match("^[^.]+")
    end
    return operations.run(running_of(state, identity, app), asked)
end

local function first_line(detail)
    return detail and detail:match("^[^\n]*") or nil
end

-- "FORBIDDEN: create of 'sales.Lead' is not allowed"
local function text_of(reason)
    if reason.db and not reason.ext then
        return ("%s: %s"):format((reason.db.class or "database"):upper(),
            reason.db.message or "a statement failed")
    end
    local ext = reason.ext or "INTERNAL"
    if ext == "INTERNAL" and reason.detail then
        return "INTERNAL: " .. first_line(reason.detail)
    end
    return ext .. ": " .. tostring(reason.message)
end

-- The answer, or nil and the text of what went wrong.
local function guarded(state, asked)
    run_sql(state.ctx, "savepoint asked")
    local ok, answer, reason = pcall(fail.catch, operate, state, asked)
    if ok and not reason then
        run_sql(state.ctx, "release savepoint asked")
        return true, answer
    end
    run_sql(state.ctx, "rollback to savepoint asked")
    run_sql(state.ctx, "release savepoint asked")
    if ok then return false, text_of(reason) end
    return false, misuse.text(answer) or "INTERNAL: " .. tostring(answer)
end

local function drive(state, entry, message)
    local ctx = state.ctx
    local event, value = ctx:call(state.app, entry, message)
    while event == "asks" do
        local ok, answer = guarded(state, value)
        if ok then
            event, value = ctx:answer(answer, type(answer) == "table"
                and answer.encoded ~= nil)
        else
            event, value = ctx:refuse(answer)
        end
    end
    if event == "returned" then return value end
    return { message = value.message, limit = value.limit, max = value.max }
end

-- Kinds ---------------------------------------------------------------------

local KINDS = {}

function KINDS.test(state, planned)
    return drive(state, "test:" .. planned.number, { roles = ADMIN.roles,
        now = state.now })
end

function KINDS.line(state, planned)
    if planned.login then
        local found = roles_of_user(state, "login", planned.login)
        if not found then
            return { message = ("there is no user %s"):format(
                text.quote(planned.login)) }
        end
        state.own = found
    end
    return drive(state, "shell", { code = planned.code, me = state.own.id,
        roles = state.own.roles, now = state.now })
end

local function run(job, planned)
    local ctx = job.ctx
    local state = { ctx = ctx, service = ctx.service, app = planned.app,
        now = host.now(), identities = {}, own = ADMIN, count = 0, users = 0 }
    if not ctx:release(planned.app) then
        return { json = host.json_encode({
            message = ("the app '%s' has no functions"):format(planned.app) }) }
    end
    run_sql(ctx, "savepoint trial")
    local result = KINDS[planned.kind](state, planned)
    if not (planned.write and result.ok) then
        run_sql(ctx, "rollback to savepoint trial")
    end
    return { json = host.json_encode(result) }
end

--- The plan that C runs for the JSON of a TRIAL.
function trial.plan(json)
    local planned, problem = host.json_decode(json)
    if not planned then error(problem, 0) end
    if not KINDS[planned.kind] then error("this is no trial", 0) end
    planned.what = "trial"
    return { op = "mutation", value_vars = {}, fields = {
        { key = "result", kind = "write", nullable = true, write = planned } } }
end

--- The way to run it, for lunette.orm.write.
trial.run = run

return trial
