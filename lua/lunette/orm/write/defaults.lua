--- Values that the server gives to a new or changed row.
--
-- They are given here and not by the database, so that every way in (API, data
-- files, apps' own code) has the same ones.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.defaults
local sql = require("lunette.orm.sql")
local values = require("lunette.orm.write.values")

local defaults = {}

local MOMENTS = {
    datetime = function(now) return now end,
    created = function(now) return now end,
    updated = function(now) return now end,
    date = function(now) return now:sub(1, 10) end,
    time = function(now) return now:sub(12, 23) end,
    text = function(now) return now end,
}

local function plain(field, value)
    if field.type == "json" then return host.json_encode(value) end
    if type(value) == "number" then return ("%.17g"):format(value) end
    if type(value) == "table" then return host.json_encode(value) end
    return tostring(value)
end

local function list(field, value)
    local texts = {}
    for i, item in ipairs(value) do
        texts[i] = item == host.null and host.null or plain(field, item)
    end
    return values.array(texts)
end

--- Text of the default of a field, or nil when it has none.
function defaults.of(job, field)
    local default = field.default
    if not default then return nil end
    if default.lua then return nil end
    if default.me then return job.user end
    if default.now then
        local moment = MOMENTS[field.type]
        return moment and moment(job.now)
    end
    if default.value == nil or default.value == host.null then return nil end
    if field.list then return list(field, default.value) end
    return plain(field, default.value)
end

local function is_server_time(field)
    return field.created or field.updated
end

-- A declared "version" counts from 1 as the hidden one does.
local function first_version(field)
    local counts = field.column == "version"
        and (field.type == "bigint" or field.type == "int")
    return counts and "1" or nil
end

-- A list without a value is empty, unless an app computes it.
local function is_filled_list(field)
    return field.list and not (field.default and field.default.lua)
end

--- Completes a new row: `row.texts` (column → text) has what the caller gave.
function defaults.fill(job, model, texts)
    for _, field in ipairs(model.fields) do
        local column = field.column or field.link and field.link.kind == "own"
            and field.link.column
        if column and texts[column] == nil and field.type ~= "id" then
            if is_server_time(field) then
                texts[column] = job.now
            elseif not field.stored then
                texts[column] = defaults.of(job, field)
                    or is_filled_list(field) and "{}" or first_version(field)
            end
        end
    end
end

--- Id of a new row; nil where the database counts.
function defaults.id(model, job)
    local kind = sql.id_field(model).id_type or "uuid"
    if job.rehearsal then return job.rehearsal.id(kind) end
    if kind == "uuid" then return host.uuid() end
    if kind == "text" then return host.id25() end
    return nil
end

--- Assignments that every change of a row carries: "version" and the fields
-- that hold the time of the last change. `assigned` are the columns already
-- set.
function defaults.touch(model, assigned)
    local parts, times = {}, {}
    local has_version = true
    for _, field in ipairs(model.fields) do
        if field.updated and not assigned[field.column] then
            times[#times + 1] = field.column
        elseif field.column == "version" then
            has_version = not assigned.version
                and (field.type == "int" or field.type == "bigint")
        end
    end
    if has_version then parts[1] = '"version" = "version" + 1' end
    return parts, times
end

return defaults
