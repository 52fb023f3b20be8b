--- Mails that apps send: they become rows of lunette.mail in the transaction of
-- the root field, and leave once it has committed (modules/mail).
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.mail
local fail = require("lunette.orm.write.fail")
local faults = require("lunette.orm.write.faults")
local find = require("lunette.runtime.find")
local graph = require("lunette.orm.write.graph")
local message = require("lunette.mail.message")
local misuse = require("lunette.runtime.misuse")

local mail = {}

local INSERT = "insert into lunette.mail (id, app, release, message,"
    .. " recipients) values ($1, $2, $3, $4, $5)"

local function app_of(running)
    for _, app in ipairs(running.service.set.apps) do
        if app.name == running.app then return app end
    end
end

local function grant_of(app)
    for _, grant in ipairs(app.modules or {}) do
        if grant.name == "mail" then return grant end
    end
    misuse.with("policy must grant app '%s': modules must include 'mail'",
        app.name)
end

local function list(items)
    return setmetatable(items, host.array_mt)
end

local function insert(running, made)
    local id = host.uuid()
    local out = made.message
    list(out.to)
    list(out.cc)
    list(out.attachments)
    find.spend(running, 1, 1)
    local rows, err = running.ctx.db:query(INSERT, { id, running.app,
        running.ctx:release(running.app), host.json_encode(out),
        host.json_encode(list(made.recipients)) })
    if not rows then
        fail.with(faults.reason({ graph = graph.of(running.service),
            assumed = {} }, err))
    end
    return id
end

--- { module = "mail", data = the message } → its id
function mail.enqueue(running, asked)
    if running.ctx.reads then
        fail.with({ ext = "VALIDATION_FAILED", app = running.app,
            message = "a query changes nothing: mail.send belongs into a"
                .. " mutation" })
    end
    local app = app_of(running)
    local made, problem = message.build({ app = app.name,
        options = grant_of(app).options or {}, templates = app.mail },
        asked.data)
    if not made then misuse.with("%s", problem) end
    return insert(running, made)
end

return mail
