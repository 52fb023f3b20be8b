--- Plans for specs: text of an operation in, PLAN out.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.plans
require("support.host")
local compile = require("lunette.orm.compile")
local parse = require("support.parse")

local plans = {}

--- Compiles `text` for a caller with `opts.roles` ({"public"}); `opts` also
-- takes `variables` and `operation_name`. Returns the plan and the document, or
-- nil and errors.
function plans.compile(service, text, opts)
    opts = opts or {}
    local roles = {}
    for _, role in ipairs(opts.roles or { "public" }) do roles[role] = true end
    local doc = parse.document(text)
    local plan, errors = compile.operation(service, {
        doc = doc, roles = roles, variables = opts.variables or {},
        operation_name = opts.operation_name,
    })
    if not plan then return nil, errors end
    return plan, doc
end

--- The first root field of an operation.
function plans.field(service, text, opts)
    local plan, doc = plans.compile(service, text, opts)
    if not plan then return nil, doc end
    return plan.fields[1], doc
end

-- As text -------------------------------------------------------------------

local function sorted_keys(value)
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
    return keys
end

local function text_of(value)
    if type(value) == "string" then return ("%q"):format(value) end
    if type(value) ~= "table" then return tostring(value) end
    local parts = {}
    if value[1] ~= nil then
        for i, item in ipairs(value) do parts[i] = text_of(item) end
        return "[" .. table.concat(parts, ", ") .. "]"
    end
    for i, key in ipairs(sorted_keys(value)) do
        parts[i] = key .. "=" .. text_of(value[key])
    end
    return "{" .. table.concat(parts, " ") .. "}"
end

local BREAKS = { " LEFT JOIN LATERAL ", " WHERE ", " ORDER BY ", " AND " }

--- SQL in lines, for reading and comparing.
function plans.lines(sql)
    for _, word in ipairs(BREAKS) do
        sql = sql:gsub(word, "\n" .. word:sub(2))
    end
    return (sql:gsub(' FROM (["(p])', "\nFROM %1"))
end

--- Everything of a plan as text that changes when the plan does.
function plans.text(plan)
    local parts = {}
    for _, field in ipairs(plan.fields) do
        parts[#parts + 1] = ("-- %s: %s%s"):format(field.key, field.kind,
            field.nullable and ", nullable" or "")
        if field.kind == "sql" then
            parts[#parts + 1] = plans.lines(field.sql) .. ";"
            for i, param in ipairs(field.params) do
                parts[#parts + 1] = ("-- $%d %s"):format(i, text_of(param))
            end
            parts[#parts + 1] = "-- result " .. text_of(field.result)
        else
            parts[#parts + 1] = "-- " .. text_of(field.json or field.error)
        end
    end
    if #plan.value_vars > 0 then
        parts[#parts + 1] = "-- value_vars " .. text_of(plan.value_vars)
    end
    return table.concat(parts, "\n") .. "\n"
end

return plans
