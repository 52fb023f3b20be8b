--- What one statement collects while it is planned: parameters, aliases,
-- tables of its own (WITH) and the rights of the caller.
--
-- Each root field gets a context of its own. A planner that finds a reason to
-- refuse calls `context:refuse`, which leaves the planning of this root field;
-- `context.attempt` turns that into `nil, error`.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.context
local sql = require("lunette.orm.sql")
local errors = require("lunette.graphql.errors")

local context = {}

local Context = {}
Context.__index = Context

local Refusal = {}

--- A fresh context. `schema` is the type system of the caller's roles and
-- `selections` the collector of the operation (graphql/selections.lua).
function context.new(service, request, schema, selections)
    return setmetatable({
        service = service, request = request, schema = schema,
        selections = selections, params = {}, aliases = 0, tables = {},
    }, Context)
end

--- Runs `fn(...)`; what it refuses comes back as `nil, error`.
function context.attempt(fn, ...)
    local ok, result = pcall(fn, ...)
    if ok then return result end
    if getmetatable(result) == Refusal then return nil, result.error end
    error(result, 0)
end

--- Leaves the planning of this root field with an error.
function Context.refuse(_, err)
    error(setmetatable({ error = err }, Refusal), 0)
end

--- A table alias that no other part of the statement has.
function Context:alias()
    local n = self.aliases
    self.aliases = n + 1
    return "t" .. n
end

--- Adds a parameter and returns its text in SQL, with its cast.
function Context:param(param)
    local params = self.params
    local n = #params + 1
    params[n] = param
    return "$" .. n .. sql.cast(param.type, param.list)
end

--- Adds a table to the WITH of the statement, a SELECT that depends on nothing
-- but parameters; returns its name.
function Context:table(text)
    local tables = self.tables
    local name = "c" .. #tables
    tables[#tables + 1] = name .. " AS MATERIALIZED (" .. text .. ")"
    return name
end

--- `text` with the WITH that it needs. PostgreSQL wants to know the type of
-- every parameter, also of a `first` whose rows nobody selects: an expression
-- that is never evaluated tells it.
function Context:statement(text)
    local tables, unused = { unpack(self.tables) }, {}
    local all = table.concat(tables) .. text
    for i, param in ipairs(self.params) do
        if not all:find("$" .. i .. "::", 1, true) then
            unused[#unused + 1] = "$" .. i .. sql.cast(param.type, param.list)
        end
    end
    if #unused > 0 then
        tables[#tables + 1] = "unused AS (SELECT "
            .. table.concat(unused, ", ") .. ")"
    end
    if #tables == 0 then return text end
    local rest = text:match("^WITH (.+)$")
    return "WITH " .. table.concat(tables, ", ")
        .. (rest and ", " .. rest or " " .. text)
end

--- The model that a relation field leads to.
function Context:target(field)
    return self.service.by_key[field.target]
end

--- Whether the caller's roles may read `model`.
function Context:can_read(model)
    local roles = self.request.roles
    if roles.admin then return true end
    for _, role in ipairs(model.access and model.access.read or {}) do
        if roles[role] then return true end
    end
    return false
end

--- Refuses with FORBIDDEN unless the caller may read `model`.
function Context:require_read(model)
    if not self:can_read(model) then self:refuse(errors.forbidden()) end
end

return context
