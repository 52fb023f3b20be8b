--- Errors of the database as reasons that a client understands.
--
-- Only names of models and fields appear in them, never a value that the caller
-- did not send. What has no meaning to a client (a lost connection, a
-- deadlock, ...) is passed on as `{db = err}` for the host to judge.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.faults
local constraints = require("lunette.orm.constraints")
local errors = require("lunette.graphql.errors")
local fail = require("lunette.orm.write.fail")

local faults = {}

local function column_of(field)
    if field.column then return field.column end
    return field.link and field.link.kind == "own" and field.link.column or nil
end

-- The field whose column a constraint is for; `name_of` is one of
-- lunette.orm.constraints.
local function field_of_constraint(model, constraint, name_of)
    for _, field in ipairs(model.fields) do
        local column = column_of(field)
        if column and name_of(model.table, column) == constraint then
            return field
        end
    end
end

local function field_of_column(model, column)
    for _, field in ipairs(model.fields) do
        if column_of(field) == column then return field end
    end
end

local function unique(graph, model, err)
    if err.constraint == constraints.primary(model.table) then
        return errors.unique(model.name, "id")
    end
    local field = field_of_constraint(model, err.constraint,
        constraints.unique)
    if not field then return nil end
    if field.kind == "relation" then
        return fail.required_reason(graph:relation(field))
    end
    return errors.unique(model.name, field.graphql)
end

-- Which of the ids that nobody looked for is missing: the only one, or the one
-- that the message names ("...: Key (product)=(x) is not present ...").
local function assumed_id(ids, message)
    if not ids then return nil end
    if #ids == 1 then return ids[1] end
    for _, id in ipairs(ids) do
        if (message or ""):find("=(" .. id .. ")", 1, true) then return id end
    end
end

-- A link to a row that was never looked for, because its id was given
-- (seek.assume), leads to a row that is not there.
local function foreign(graph, model, err, job)
    local field = field_of_constraint(model, err.constraint,
        constraints.foreign)
    if not field or field.kind ~= "relation" then return nil end
    local id = assumed_id(job.assumed[field], err.message)
    if id then
        return errors.absent(graph.models[field.target].name, "id", id)
    end
    return fail.required_reason(graph:relation(field))
end

local function not_null(graph, model, err)
    local field = field_of_column(model, err.column)
    if not field then return nil end
    if field.kind == "relation" then
        return fail.required_reason(graph:relation(field))
    end
    return errors.null(field.graphql)
end

local function bounds(field)
    local parts = {}
    if field.min then parts[#parts + 1] = "at least " .. field.min end
    if field.max then parts[#parts + 1] = "at most " .. field.max end
    if field.size then
        parts[#parts + 1] = ("at most %d characters long"):format(field.size)
    end
    if #parts == 0 then return "has a value that is not allowed" end
    return "must be " .. table.concat(parts, " and ")
end

-- The rule of a model that a constraint stands for: by its own name, or by its
-- number where it has none.
local function rule_of(model, constraint)
    for i, rule in ipairs(model.checks or {}) do
        if (rule.name or constraints.rule(model.table, i))
            == constraint then
            return rule
        end
    end
end

-- "{due} is before {start}": which rows and values broke the rule the database
-- does not say reliably, so the fields are named by their titles.
local function spoken(model, message)
    return (message:gsub("{([%w_]+)[^{}]*}", function(name)
        for _, field in ipairs(model.fields) do
            if field.name == name then return field.title or field.graphql end
        end
    end))
end

local function check(_, model, err)
    local rule = rule_of(model, err.constraint)
    if rule then
        return fail.invalid_reason(rule.message and spoken(model, rule.message)
            or "a rule of " .. model.name .. " is broken")
    end
    local field = field_of_constraint(model, err.constraint,
        constraints.check)
    return field and fail.invalid_reason(field.graphql .. " " .. bounds(field))
end

local READERS = {
    ["23505"] = unique, ["23503"] = foreign,
    ["23502"] = not_null, ["23514"] = check,
}

local INPUT = {
    ["22001"] = true, ["22003"] = true, ["22007"] = true, ["22008"] = true,
    ["22012"] = true, ["22021"] = true, ["22P02"] = true,
}

local function general(code)
    if code == "23505" or code == "23503" then
        return { ext = "CONFLICT",
            message = "the change conflicts with existing data" }
    elseif code == "23502" or code == "23514" then
        return fail.invalid_reason("a value breaks a rule of its field")
    elseif INPUT[code] then
        return errors.input("the input is not valid")
    end
end

--- What an error of the database means.
function faults.reason(job, err)
    local read = READERS[err.code]
    local model = read and job.graph:model_of(err.schema, err.table)
    local reason = model and read(job.graph, model, err, job)
        or general(err.code)
    if not reason then return { db = err, message = err.message } end
    reason.db = err
    return reason
end

return faults
