--- GraphQL for specs, end to end but for C: text in, response out.
--
--     local server = server.new(set, db)
--     server:run('mutation { createTodo(data: {}) { id } }')  --> {data=, errors=}
--
-- Statements run on a blocking connection; rows become JSON by way of
-- PostgreSQL. Mutations run each in a transaction of its own, as in the host.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.server
local bind = require("support.bind")
local cjson = require("cjson")
local direct = require("support.direct")
local compile = require("lunette.orm.compile")
local host = require("support.host")
local parse = require("support.parse")
local tables = require("support.tables")
local write = require("lunette.orm.write")

local server = {}

local Server = {}
Server.__index = Server

-- Rows → response -----------------------------------------------------------

local object

local function moment(text)
    local head, fraction = text:match("^(%d+%-%d+%-%d+T%d+:%d+:%d+)%.?(%d*)")
    return ("%s.%sZ"):format(head, (fraction .. "000"):sub(1, 3))
end

local function scalar(field, value)
    if value == nil or value == host.null then return host.null end
    if field.list then
        local list = {}
        for i, item in ipairs(value) do
            list[i] = scalar({ type = field.type }, item)
        end
        return list
    end
    if field.type == "timestamptz" then return moment(value) end
    return value
end

local function cell(row, col)
    local value = row["f" .. (col + 1)]
    if value == nil then return host.null end
    return value
end

local function member(field, row)
    if field.json then return cjson.decode("[" .. field.json .. "]")[1] end
    if field.object then
        if field.present and cell(row, field.present) == host.null then
            return host.null
        end
        return object(field.object, row)
    end
    local value = cell(row, field.col)
    if field.record then
        return value == host.null and value or object(field.record, value)
    elseif field.records then
        local list = {}
        for i, item in ipairs(value == host.null and {} or value) do
            list[i] = object(field.records, item)
        end
        return list
    end
    return scalar(field, value)
end

function object(shape, row)
    local out = {}
    for _, field in ipairs(shape.fields) do
        out[field.key] = member(field, row)
    end
    return out
end

-- The object whose column `present` is there.
local function variant(shapes, row)
    for _, shape in ipairs(shapes) do
        if cell(row, shape.present) ~= host.null then
            return object(shape, row)
        end
    end
    return host.null
end

local function rendered(result, rows)
    local list = {}
    for i, row in ipairs(rows) do
        row = cjson.decode(row[1])
        if result.kind == "variants" then
            list[i] = variant(result.of, row)
        else
            list[i] = object(result.of, row)
        end
    end
    if result.kind == "rows" then return list end
    return list[1] or host.null
end

-- Running -------------------------------------------------------------------

-- A statement whose rows come as JSON records. One that writes cannot stand
-- inside another.
local function as_json(text)
    local writing, list, from =
        text:match("^(WITH .*RETURNING [t.]*%*%)) SELECT (.*) (FROM w AS t%d+.*)$")
    if writing then
        return writing .. " SELECT row_to_json(ROW(" .. list .. ")) " .. from
    end
    return "SELECT row_to_json(ROW(x.*)) FROM (" .. text .. ") x"
end

function Server:select(text, params, result)
    local rows, err = self.db:query(as_json(text), params)
    if not rows then return nil, err end
    local value = rendered(result, rows)
    return { value = value, json = value == host.null and "null" or nil }
end

function Server:query(field, scope)
    local answer, err = self:select(field.sql, scope.texts[field],
        field.result)
    if answer then return answer.value end
    return nil, { message = err.message, code = err.code, ext = "INTERNAL" }
end

local function value_of(answer)
    if answer.value ~= nil then return answer.value end
    return cjson.decode(answer.json)
end

local RETRIED = { ["40001"] = true, ["40P01"] = true }

-- What the host tries first: the one statement of a write, when it has one. nil
-- when there is no row or it failed.
function Server:direct(field, scope)
    local made = field.write.direct
    if not made or os.getenv("LUNETTE_TEST_DIRECT") == "0" then return nil end
    local run = direct.new(scope.texts[field], scope.user, self.now)
    if not run:fits(made) then return nil end
    local answer = self:select(made.sql, run:params(made.params, made.ids),
        made.result)
    return answer and answer.json ~= "null" and answer.value or nil
end

function Server:write(field, scope, tries)
    local found = self:direct(field, scope)
    if found then return found end
    local ctx = {
        db = self.db, user = scope.user, params = scope.texts[field],
        now = self.now,
        select = function(_, ...) return self:select(...) end,
    }
    local single = field.write.single
    if not single then self.db:exec("BEGIN") end
    local answer, reason = write.run(ctx, field.write)
    if not single then self.db:exec(answer and "COMMIT" or "ROLLBACK") end
    if answer then return value_of(answer) end
    if reason.db and RETRIED[reason.db.code] and (tries or 0) < 5 then
        return self:write(field, scope, (tries or 0) + 1)
    end
    return nil, reason
end

function Server:field(field, scope)
    if field.kind == "const" then
        return cjson.decode("[" .. field.json .. "]")[1]
    elseif field.kind == "error" then
        return nil, field.error
    end
    return self[field.kind == "write" and "write" or "query"](self, field,
        scope)
end

-- All values are looked at before anything runs.
local function bind_all(plan, scope)
    scope.texts = {}
    for _, field in ipairs(plan.fields) do
        local holder = field.write or field
        scope.texts[field] = bind.texts(holder.params or {}, scope)
    end
end

local function refused(errors)
    return { errors = errors }
end

local function respond(self, plan, scope)
    local response = { data = {} }
    for _, field in ipairs(plan.fields) do
        local value, err = self:field(field, scope)
        if err then
            response.errors = response.errors or {}
            table.insert(response.errors, err)
            value = host.null
            if not field.nullable then response.data = host.null end
        end
        if response.data ~= host.null then response.data[field.key] = value end
    end
    return response
end

--- Runs a document; options: variables, roles, user, operation_name.
function Server:run(text, options)
    options = options or {}
    local doc = parse.document(text)
    local request = {
        doc = doc, variables = options.variables or {}, user = options.user,
        roles = options.roles or { admin = true, public = true },
        operation_name = options.operation_name,
    }
    local plan, errors = compile.operation(self.service, request)
    if not plan then return refused(errors) end
    local scope = { literals = bind.literals(doc), user = options.user,
        variables = request.variables }
    local ok, bad = pcall(bind_all, plan, scope)
    if not ok then
        if type(bad) ~= "table" then error(bad, 0) end
        return refused({ { message = bad.input, code = bad.code,
            ext = "BAD_USER_INPUT" } })
    end
    return respond(self, plan, scope)
end

--- A server of a service whose tables are there.
function server.on(db, service)
    return setmetatable({ db = db, service = service }, Server)
end

--- A server of `set`, whose tables are made anew.
function server.new(set, db, options)
    tables.create(db, set)
    return server.on(db, compile.service(set, options))
end

return server
