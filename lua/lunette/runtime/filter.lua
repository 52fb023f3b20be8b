--- Filters of apps ({ state = "new", revenue = gt(5) }) as the input trees that
-- lunette.orm.filter plans.
--
-- A filter becomes a NODE (lunette.graphql.input), the list of its values, and a
-- text that is equal for filters which differ in values only: the key of the plan.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.filter
local convert = require("lunette.orm.write.convert")
local misuse = require("lunette.runtime.misuse")
local rights = require("lunette.runtime.rights")
local sql = require("lunette.orm.sql")
local text = require("lunette.util.text")
local values = require("lunette.orm.write.values")

local filter = {}

local MAX_DEPTH = 20
local MAX_CONDITIONS = 500
local MAX_LIST = 50000

-- Fields --------------------------------------------------------------------

local names_of = setmetatable({}, { __mode = "k" })

local function field_of(model, name)
    local by_name = names_of[model]
    if not by_name then
        by_name = {}
        for _, field in ipairs(model.fields) do by_name[field.name] = field end
        names_of[model] = by_name
    end
    local field = by_name[name]
    if field then return field end
    local known = {}
    for other in pairs(by_name) do known[#known + 1] = other end
    misuse.with("%s has no field %s%s", model.name, text.quote(tostring(name)),
        text.did_you_mean(tostring(name), known))
end
filter.field = field_of

local links = setmetatable({}, { __mode = "k" })

--- The column that a to-one relation is kept in, as if it were a field: an id of
-- the target; nil when the row does not hold it.
function filter.link_field(service, field)
    if not field.link or field.link.kind ~= "own" then return nil end
    local made = links[field]
    if not made then
        local id = sql.id_field(service.by_key[field.target])
        made = { kind = "scalar", name = field.name, graphql = field.graphql,
            column = field.link.column, type = "id", id_type = id.id_type,
            scalar = id.scalar, pg = id.pg }
        links[field] = made
    end
    return made
end

-- Values --------------------------------------------------------------------

local item_fields = setmetatable({}, { __mode = "k" })

-- One item of a field that is a list, as if it were a field.
local function item_of(field)
    local made = item_fields[field]
    if not made then
        made = {}
        for key, value in pairs(field) do made[key] = value end
        made.list = nil
        item_fields[field] = made
    end
    return made
end

local function is_id(field)
    return field.type == "id" or field.type == "uuid"
end

local function plain(value)
    if type(value) == "table" and value.__record then return value.id end
    return value
end

-- The text of a value; an id that cannot be one is an id that nothing has.
local function text_of(field, value)
    local made, problem = convert.text(field, value)
    if made then return made end
    if is_id(field) and type(value) == "string" then return host.null end
    misuse.with("%s %s", field.name, problem)
end

local function push(reader, made)
    reader.texts[#reader.texts + 1] = made
    return { arg = #reader.texts }
end

local function one_value(reader, field, value)
    value = plain(value)
    if type(value) == "table" and field.type ~= "json" then
        misuse.with("%s is compared with a table", field.name)
    end
    return { kind = "scalar", src = push(reader, text_of(field, value)) }
end

local function many_values(reader, field, value)
    if type(value) ~= "table" then
        misuse.with("%s: one_of takes a list", field.name)
    end
    local texts = {}
    for i, item in ipairs(value) do
        local made = text_of(field, plain(item))
        if made ~= host.null then texts[#texts + 1] = made end
        if i > MAX_LIST then
            misuse.with("%s: a list of more than %d values", field.name,
                MAX_LIST)
        end
    end
    return { kind = "scalars", src = push(reader, values.array(texts)) }
end

-- Conditions ----------------------------------------------------------------

local OPS = { gt = "gt", gte = "gte", lt = "lt", lte = "lte", ne = "not",
    ["in"] = "in", contains = "contains", starts_with = "starts_with",
    ends_with = "ends_with" }
local TEXT_OPS = { contains = true, starts_with = true, ends_with = true }
local NOT_ORDERED = { bool = true, json = true, enum = true }

local function note(reader, ...)
    local key = reader.key
    for i = 1, select("#", ...) do key[#key + 1] = (select(i, ...)) end
    reader.count = reader.count + 1
    if reader.count > MAX_CONDITIONS then
        misuse.with("the filter has more than %d conditions", MAX_CONDITIONS)
    end
end

local function compared(reader, field, op, node, name)
    note(reader, name, op, node.kind, ";")
    return { name = name, node = node,
        meta = { what = "filter", field = field, op = op } }
end

local NULL = { kind = "null" }

local function is_array(value)
    return #value > 0 or next(value) == nil
end

local function operator(reader, field, value, name)
    local op = OPS[value.__op]
    if value.__op == "null" then
        return compared(reader, field, "eq", NULL, name)
    elseif value.__op == "nobody" then
        return compared(reader, field, "in", many_values(reader, field, {}),
            name)
    elseif not op then
        misuse.with("%s: %s stands beside fields, not behind one", name,
            tostring(value.__op))
    elseif TEXT_OPS[op] and field.type ~= "text" then
        misuse.with("%s is no text: %s has no meaning", name, op)
    elseif (op == "gt" or op == "gte" or op == "lt" or op == "lte")
        and NOT_ORDERED[field.type] then
        misuse.with("%s is a %s: %s has no meaning", name, field.type, op)
    end
    local operand = value.value
    if op == "not" and convert.is_null(operand) then
        return compared(reader, field, "not", NULL, name)
    elseif op == "in" or op == "not" and type(operand) == "table"
        and not operand.__op and not operand.__record then
        return compared(reader, field, op == "in" and "in" or "not_in",
            many_values(reader, field, operand), name)
    end
    if type(operand) == "table" and operand.__op then
        misuse.with("%s: %s takes a value", name, value.__op)
    end
    return compared(reader, field, op, one_value(reader, field, operand), name)
end

local function scalar(reader, field, value, name)
    local is_table = type(value) == "table" and not value.__record
    if is_table and value.__op then
        return operator(reader, field, value, name)
    elseif field.type == "json" then
        return compared(reader, field, "eq", one_value(reader, field, value),
            name)
    elseif is_table then
        return compared(reader, field, "in", many_values(reader, field, value),
            name)
    end
    return compared(reader, field, "eq", one_value(reader, field, value), name)
end

-- A column that is a list: it has the value.
local function list_field(reader, field, value, name)
    if type(value) == "table" and value.__op ~= nil then
        misuse.with("%s is a list: write %s = value for lists that have it",
            name, name)
    elseif type(value) == "table" then
        return compared(reader, field, "has_every",
            many_values(reader, item_of(field), value), name)
    end
    return compared(reader, field, "has",
        one_value(reader, item_of(field), value), name)
end

local object

local function related(reader, field, op, value, depth)
    local target = reader.service.by_key[field.target]
    rights.need(reader.running, target, "read")
    note(reader, field.name, op, "(")
    local node = object(reader, target, value, depth + 1)
    note(reader, ")")
    return { name = field.name, node = node,
        meta = { what = "relation", field = field, op = op } }
end

local function relation(reader, field, value, depth)
    if field.many then
        misuse.with('%s are many: write any("%s", { ... })', field.name,
            field.name)
    end
    local is_table = type(value) == "table"
    local nested = is_table and not value.__record and not value.__op
        and not is_array(value)
    if nested then return related(reader, field, "is", value, depth) end
    local link = filter.link_field(reader.service, field)
    if link then return scalar(reader, link, value, field.name) end
    if convert.is_null(value) then
        note(reader, field.name, "is null;")
        return { name = field.name, node = NULL,
            meta = { what = "relation", field = field, op = "is" } }
    end
    return related(reader, field, "is", { id = value }, depth)
end

local function member(reader, model, name, value, depth)
    if type(name) ~= "string" then
        misuse.with("a filter has a key that is a %s", type(name))
    end
    local first, rest = name:match("^([^.]+)%.(.+)$")
    local field = field_of(model, first or name)
    if first then
        if field.kind ~= "relation" then
            misuse.with("%s of '%s' leads nowhere", first, name)
        elseif field.many then
            misuse.with('%s are many: write any("%s", { ... })', first, first)
        end
        return related(reader, field, "is", { [rest] = value }, depth)
    elseif field.kind == "relation" then
        return relation(reader, field, value, depth)
    elseif field.list then
        return list_field(reader, field, value, name)
    end
    return scalar(reader, field, value, name)
end

local BOOLS = { either = "OR", none = "NOT" }

-- What stands in the list part: either, none, any, or a filter as it is.
local function combined(reader, model, value, depth)
    if type(value) ~= "table" then
        misuse.with("a filter has a %s without a field", type(value))
    elseif value.__op == "any" then
        local field = field_of(model, value.relation)
        if field.kind ~= "relation" or not field.many then
            misuse.with("any: %s is no list of records", value.relation)
        end
        return related(reader, field, "some", value.filter or {}, depth)
    end
    local op = value.__op and BOOLS[value.__op] or "AND"
    if value.__op and not BOOLS[value.__op] then
        misuse.with("%s stands behind a field: field = %s(...)", value.__op,
            value.__op)
    end
    local list, items = value.filters or { value }, {}
    if value.__op and not is_array(list) then
        -- either { a = 1, b = 2 }: each is a filter of its own
        local apart = {}
        for name, each in pairs(list) do
            apart[#apart + 1] = { name = name, each = each }
        end
        table.sort(apart, function(a, b)
            return tostring(a.name) < tostring(b.name)
        end)
        for i, each in ipairs(apart) do
            apart[i] = { [each.name] = each.each }
        end
        list = apart
    end
    note(reader, op, "[")
    for i, each in ipairs(list) do
        items[i] = object(reader, model,
            type(each) == "table" and each.__op and { each } or each, depth + 1)
        note(reader, ",")
    end
    note(reader, "]")
    return { name = op, node = { kind = "list", items = items },
        meta = { what = "bool", op = op } }
end

function object(reader, model, value, depth)
    if type(value) ~= "table" then
        misuse.with("a filter is written { field = value }, not as a %s",
            type(value))
    elseif depth > MAX_DEPTH then
        misuse.with("the filter is nested deeper than %d levels", MAX_DEPTH)
    end
    if value.__op then value = { value } end
    local names, fields = {}, {}
    for name in pairs(value) do
        if type(name) ~= "number" then names[#names + 1] = name end
    end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do
        fields[#fields + 1] = member(reader, model, name, value[name], depth)
    end
    for _, each in ipairs(value) do
        fields[#fields + 1] = combined(reader, model, each, depth)
    end
    return { kind = "object", fields = fields, by = {} }
end

--- Reads a filter (nil: every row fits); leaves where it looks at what the running
-- function may not read.
-- @treturn table { node = NODE, texts = values by the number of their `src`, key
--   = {text,...} to be concatenated }
function filter.read(running, model, value)
    local reader = { running = running, service = running.service, texts = {},
        key = {}, count = 0 }
    if value ~= nil then reader.node = object(reader, model, value, 1) end
    return reader
end

--- The texts of the parameters of a plan.
function filter.params(params, texts)
    local out = {}
    for i, param in ipairs(params) do out[i] = texts[param.src.arg] end
    return out
end

return filter
