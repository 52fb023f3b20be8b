--- Values of a write: where they come from, and their text for PostgreSQL.
--
-- While a write is planned every value becomes a PARAM of the whole root field
-- (the host checks and coerces all of them before anything runs) and is kept as
-- VALUE = {slot=N} | {const=text} | {null=true}. When it runs, `values.text`
-- gives the text. Enum values and booleans of the document are constants.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.values
local sql = require("lunette.orm.sql")

local values = {}

local NULL = { null = true }

local function source_of(node)
    if node.src then return node.src end
    return { const = tostring(node.value) }
end

-- Text of a value that is part of the plan, else nil.
local function constant(node)
    return source_of(node).const
end

local function add(params, param)
    params[#params + 1] = param
    return { slot = #params }
end

local function param_of(field, ptype, src)
    local param = { type = ptype, src = src, name = field.graphql }
    if ptype == "enum" then
        param.values = field.values
        param.enum = field.enum
    end
    return param
end

--- The value that `node` gives to `field` of a row.
function values.of(params, field, node)
    if node.kind == "null" then return NULL end
    local const = constant(node)
    if const then return { const = const } end
    return add(params, param_of(field, sql.parameter_type(field),
        source_of(node)))
end

--- The value by which a selector looks for a row: an id in any form, since a
-- malformed one is simply an id that no row has.
function values.selector(params, field, node)
    local ptype = sql.parameter_type(field)
    if field.type == "id" then ptype = "id" end
    return add(params, param_of(field, ptype, source_of(node)))
end

local function all_constants(items)
    local texts = {}
    for i, item in ipairs(items) do
        texts[i] = constant(item)
        if not texts[i] then return nil end
    end
    return texts
end

--- The value of a scalar list, from the node of its `set`.
function values.list(params, field, node)
    if node.kind == "null" then return NULL end
    local src = node.src
    if node.kind ~= "scalars" then
        local items = node.kind == "list" and node.items or { node }
        local texts = all_constants(items)
        if texts then return { const = values.array(texts) } end
        src = { list = {} }
        for i, item in ipairs(items) do src.list[i] = source_of(item) end
    end
    local param = param_of(field, sql.parameter_type(field), src)
    param.list = true
    return add(params, param)
end

--- Text of a value, or host.null.
function values.text(job, value)
    if value.null then return host.null end
    if value.const then return value.const end
    local text = job.params[value.slot]
    if text == nil then return host.null end
    return text
end

--- PostgreSQL array of texts; host.null becomes NULL.
function values.array(texts)
    local parts = {}
    for i, text in ipairs(texts) do
        if text == host.null then
            parts[i] = "NULL"
        else
            parts[i] = '"' .. tostring(text):gsub('[\\"]', "\\%0") .. '"'
        end
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x"
    .. "%x%x%x%x$"

local IS_ID = {
    uuid = function(text) return text:find(UUID) ~= nil end,
    bigint = function(text)
        return text:find("^%-?%d+$") ~= nil and #text <= 18
    end,
    text = function() return true end,
}

--- Whether `text` can be an id of this field at all.
function values.is_id(field, text)
    return IS_ID[field.id_type or "uuid"](text)
end

-- Days since 1970-01-01 → year, month, day (proleptic Gregorian).
local function civil(days)
    local z = days + 719468
    local era = math.floor(z / 146097)
    local doe = z - era * 146097
    local yoe = math.floor((doe - math.floor(doe / 1460)
        + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
    local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
    local mp = math.floor((5 * doy + 2) / 153)
    local month = mp < 10 and mp + 3 or mp - 9
    return yoe + era * 400 + (month <= 2 and 1 or 0), month,
        doy - math.floor((153 * mp + 2) / 5) + 1
end

--- Unix milliseconds as an ISO timestamp: "2026-01-05T10:00:00.000Z".
function values.timestamp(ms)
    local seconds = math.floor(ms / 1000)
    local days = math.floor(seconds / 86400)
    local rest = seconds - days * 86400
    local year, month, day = civil(days)
    return ("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ"):format(year, month, day,
        math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60,
        ms - seconds * 1000)
end

return values
