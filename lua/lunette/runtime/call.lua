--- Functions of apps: calling one, and doing what it asks until it returns.
--
-- The function runs in the VM of its app (core/vm/call.h); what it asks of the
-- database is done here, in the transaction of the root field where there is one,
-- with the rights of the caller.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.call
local call_planner = require("lunette.orm.call")
local errors = require("lunette.graphql.errors")
local fail = require("lunette.orm.write.fail")
local find = require("lunette.runtime.find")
local misuse = require("lunette.runtime.misuse")
local operations = require("lunette.runtime.operations")

local call = {}

-- Why it failed -------------------------------------------------------------

local REASONS = {}

function REASONS.REFUSED(_, fault)
    return fail.invalid_reason(fault.message)
end

function REASONS.BUDGET(app, fault)
    return { ext = "BUDGET_EXCEEDED", app = app, limit = fault.limit,
        max = fault.max, message = ("the app '%s' used more than it may: the"
            .. " limit '%s' is exceeded"):format(app, fault.limit or "?"),
        detail = fault.message }
end

function REASONS.DEADLINE(_, fault)
    return { ext = "DEADLINE_EXCEEDED", message = "the request took too long",
        detail = fault.message }
end

function REASONS.QUARANTINED(app, fault)
    return { ext = "UNAVAILABLE", app = app,
        message = "the application is in quarantine", reason = fault.message }
end

function REASONS.UNAVAILABLE(app, fault)
    return { ext = "UNAVAILABLE", app = app,
        message = "the process of the application has ended, try again",
        detail = fault.message }
end

local function internal(detail)
    return { ext = "INTERNAL", message = "internal error", detail = detail }
end

-- Leaves for the fault of a function of `app`; the log gets the stack.
local function fail_with(ctx, app, fault)
    local read = REASONS[fault.code]
    local reason = read and read(app, fault) or internal(fault.message)
    reason.app, reason.release = app, ctx:release(app)
    fail.with(reason)
end

-- Running -------------------------------------------------------------------

--- Calls `entry` of `app` with `message` (lunette.guest.entries) and returns its
-- result; leaves by lunette.orm.write.fail when it does not return.
-- @tparam table ctx of core/bind/task.h
function call.run(ctx, app, entry, message)
    local running = { ctx = ctx, app = app, service = ctx.service,
        given = message.ids and { model = message.model, ids = message.ids } }
    ctx.now = ctx.now or host.now()
    message.me, message.roles, message.now = ctx.user, ctx.roles, ctx.now
    local event, value = ctx:call(app, entry, message)
    while event == "asks" do
        local ok, answer = pcall(operations.run, running, value)
        if ok then
            event, value = ctx:answer(answer,
                type(answer) == "table" and answer.encoded ~= nil)
        else
            local text = misuse.text(answer)
            if not text then
                ctx:leave()
                error(answer, 0)
            end
            event, value = ctx:refuse(text)
        end
    end
    if event == "failed" then fail_with(ctx, app, value) end
    return value
end

-- What the app returned is not what it declared: its mistake.
local function answer_of(job, planned, result)
    local ok, answer = pcall(call_planner.answer, job, planned, result)
    if ok then return answer end
    if type(answer) ~= "table" or not answer.message then error(answer, 0) end
    local app = planned.call.app
    job.ctx:blame(app)
    fail_with(job.ctx, app, { code = "INTERNAL", message = answer.message })
end

--- The message of a call with these arguments (lunette.guest.entries).
function call.message(declared, args)
    return { args = args, kinds = call_planner.kinds(declared) }
end

--- Answers a root field that is a function of an app.
-- @tparam table job of lunette.orm.write
-- @tparam table planned of lunette.orm.call
function call.field(job, planned)
    local declared = planned.call
    if not job.ctx:release(declared.app) then
        fail.with(errors.not_implemented(declared.graphql))
    end
    local result = call.run(job.ctx, declared.app, declared.kind .. ":"
        .. declared.name, call.message(declared,
        call_planner.arguments(job, planned)))
    return answer_of(job, planned, result)
end

--- hooks.invoke of lunette.orm.write.hooks.
function call.hook(job, app, entry, message)
    return call.run(job.ctx, app, entry, message)
end

--- hooks.rows of lunette.orm.write.hooks.
function call.rows(job, model, ids)
    return find.all(job.ctx, model, ids)
end

return call
