--- The database that a release set wants.
--
-- DATABASE = { schemas = {name,...}, tables = { TABLE,... }, by_name = {} }
-- TABLE  = { schema=, name=, app=, model=, columns={COLUMN,...}, by_name={},
--            primary={column,...}, indexes={ {name=,column=,unique=,
--            method="btree"|"gin"},... },
--            checks={ {name=,sql=,message=},... },
--            foreign={ {name=,column=,schema=,table=},... } }
-- COLUMN = { name=, type=, required=, identity=, generated=sql, default=LITERAL,
--            computed = an app gives the default, added_by = the app that added
--            it to another's model, was=, label="Order.note",
--            place={file=,line=} }
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.schema.desired
local constraints = require("lunette.orm.constraints")
local sql = require("lunette.orm.sql")

local desired = {}

local ID_TYPES = { uuid = "uuid", text = "text", bigint = "bigint" }

local function literal(text)
    return "'" .. tostring(text):gsub("'", "''") .. "'"
end

local function id_type(model)
    for _, field in ipairs(model.fields) do
        if field.type == "id" then
            return ID_TYPES[field.id_type or "uuid"]
        end
    end
    return "uuid"
end

local function array_literal(items)
    local parts = {}
    for i, item in ipairs(items) do
        parts[i] = '"' .. tostring(item):gsub('[\\"]', "\\%0") .. '"'
    end
    return literal("{" .. table.concat(parts, ",") .. "}")
end

-- What rows that exist already get in a new column: its default, except that
-- no two of them may have the same in a unique one.
local function fill_of(field)
    if field.unique and not field.required then return nil end
    if field.created or field.updated
        or (field.default and field.default.now) then
        return "now()"
    end
    local value = field.default and field.default.value
    if value ~= nil and value ~= host.null then
        if type(value) == "table" and field.list then
            return array_literal(value)
        elseif type(value) == "table" then
            return literal(host.json_encode(value))
        end
        return literal(value)
    end
    if field.list then return "'{}'" end
end

local function scalar_column(model, field)
    local identity = field.type == "id" and field.id_type == "bigint"
    return {
        name = field.column, type = field.pg, was = field.was,
        required = (field.required or field.type == "id" or field.list
            or field.created or field.updated) and true or false,
        identity = identity or nil,
        generated = field.stored and field.stored.sql,
        default = fill_of(field),
        computed = field.default and field.default.lua,
        added_by = field.added_by,
        label = model.name .. "." .. field.name,
        place = { file = field.file or model.file, line = field.line },
    }
end

local function link_column(model, field, target)
    return {
        name = field.link.column, type = id_type(target), was = field.was,
        required = field.required and true or false,
        computed = field.default and field.default.lua,
        added_by = field.added_by,
        label = model.name .. "." .. field.name,
        place = { file = field.file or model.file, line = field.line },
    }
end

local function bounds(field)
    local column, parts = sql.quote(field.column), {}
    if field.values and not field.list then
        local values = {}
        for i, value in ipairs(field.values) do values[i] = literal(value) end
        parts[1] = ("%s in (%s)"):format(column, table.concat(values, ", "))
    end
    if field.min then
        parts[#parts + 1] = ("%s >= %s"):format(column, tostring(field.min))
    end
    if field.max then
        parts[#parts + 1] = ("%s <= %s"):format(column, tostring(field.max))
    end
    if field.size and not field.list then
        parts[#parts + 1] = ("char_length(%s) <= %d"):format(column, field.size)
    end
    if field.values and field.list then
        local values = {}
        for i, value in ipairs(field.values) do values[i] = literal(value) end
        parts[#parts + 1] = ("%s <@ array[%s]::text[]"):format(column,
            table.concat(values, ", "))
    end
    return #parts > 0 and table.concat(parts, " and ") or nil
end

local function new_table(schema, name, model)
    return { schema = schema, name = name, app = model.app, model = model,
        columns = {}, by_name = {}, indexes = {}, checks = {}, foreign = {} }
end

local function add_column(place, column)
    place.columns[#place.columns + 1] = column
    place.by_name[column.name] = column
end

local function add_index(place, column, unique, method)
    local name = unique and constraints.unique or constraints.index
    place.indexes[#place.indexes + 1] = { name = name(place.name, column),
        column = column, unique = unique and true or false,
        method = method or "btree" }
end

local function add_foreign(place, column, target)
    place.foreign[#place.foreign + 1] = {
        name = constraints.foreign(place.name, column), column = column,
        schema = target.schema, table = target.table,
    }
end

local function add_scalar(place, model, field)
    add_column(place, scalar_column(model, field))
    if field.type == "id" then return end
    local rule = bounds(field)
    if rule then
        place.checks[#place.checks + 1] = {
            name = constraints.check(place.name, field.column), sql = rule,
            label = model.name .. "." .. field.name,
        }
    end
    if field.unique then
        add_index(place, field.column, true)
    elseif field.index then
        -- what is asked of lists and Json is what they contain
        local inside = field.list or field.type == "json"
        add_index(place, field.column, false, inside and "gin" or nil)
    end
end

local function add_link(place, model, field, target)
    local column = field.link.column
    add_column(place, link_column(model, field, target))
    local single = field.unique
        or (field.inverse_many == false and field.inverse ~= nil)
    if single then
        add_index(place, column, true)
    elseif field.index ~= false then
        add_index(place, column, false)
    end
    add_foreign(place, column, target)
end

local function model_table(model, models)
    local place = new_table(model.schema, model.table, model)
    for _, field in ipairs(model.fields) do
        if field.kind == "relation" then
            if field.link.kind == "own" then
                add_link(place, model, field, models[field.target])
            end
        elseif field.column ~= "version" then
            add_scalar(place, model, field)
        end
    end
    add_column(place, { name = "version", type = "bigint", required = true,
        default = "1", keep_default = true, label = model.name .. ".version",
        place = { file = model.file, line = model.line } })
    place.primary = { "id" }
    for i, check in ipairs(model.checks or {}) do
        place.checks[#place.checks + 1] = {
            name = check.name or constraints.rule(model.table, i), sql = check.sql,
            label = model.name .. ": " .. (check.message or check.sql),
        }
    end
    return place
end

-- A join table belongs to the side that comes first; both sides name the same.
local function join_table(model, field, target)
    local link = field.link
    local place = new_table(link.schema, link.table, model)
    place.added_by = field.added_by
    add_column(place, { name = link.near, type = id_type(model),
        required = true, label = model.name .. "." .. field.name,
        place = { file = model.file, line = field.line } })
    add_column(place, { name = link.far, type = id_type(target),
        required = true, label = model.name .. "." .. field.name,
        place = { file = model.file, line = field.line } })
    place.primary = { link.near, link.far }
    add_index(place, link.far, false)
    add_foreign(place, link.near, model)
    add_foreign(place, link.far, target)
    return place
end

local function key(schema, name)
    return schema .. "." .. name
end

--- The database for a release set.
function desired.of(set)
    local database = { schemas = {}, tables = {}, by_name = {} }
    local models, seen = {}, {}
    for _, model in ipairs(set.models) do models[model.key] = model end
    local function add(place)
        local name = key(place.schema, place.name)
        if database.by_name[name] then return end
        database.by_name[name] = place
        database.tables[#database.tables + 1] = place
        if not seen[place.schema] then
            seen[place.schema] = true
            database.schemas[#database.schemas + 1] = place.schema
        end
    end
    for _, model in ipairs(set.models) do add(model_table(model, models)) end
    for _, model in ipairs(set.models) do
        for _, field in ipairs(model.fields) do
            if field.kind == "relation" and field.link.kind == "join" then
                add(join_table(model, field, models[field.target]))
            end
        end
    end
    return database
end

return desired
