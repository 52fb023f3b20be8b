--- Runs plans of reads on a real PostgreSQL, through psql.
--
-- A stand-in for what C does (core/graphql/exec.h): binds the parameters of a
-- plan, runs its statement and writes the result as the shape says. Specs that
-- use it are pending unless LUNETTE_TEST_CONNINFO says where the database is;
-- spec/support/postgres starts one.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.database
local cjson = require("cjson")
local sql = require("lunette.orm.sql")

local database = {}

--- Where the database is; nil when specs have none.
function database.conninfo()
    return os.getenv("LUNETTE_TEST_CONNINFO")
end

--- Runs a script; returns what psql printed, or raises what it complained of.
function database.run(script)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("set client_min_messages = error;\n", script)
    file:close()
    local pipe = assert(io.popen(("psql -X -A -t -q -v ON_ERROR_STOP=1 '%s'"
        .. " -f %s 2>&1; echo \"status $?\""):format(database.conninfo(), path)))
    local text = pipe:read("*a")
    pipe:close()
    os.remove(path)
    local output, status = text:match("^(.-)status (%d+)%s*$")
    if status ~= "0" then error(output, 2) end
    return output
end

-- Tables --------------------------------------------------------------------

local ID_TYPES = { uuid = "uuid", text = "text", bigint = "bigint" }

local function id_type(by_key, key)
    return ID_TYPES[sql.id_field(by_key[key]).id_type or "uuid"]
end

local function columns(by_key, model)
    local list = {}
    for _, field in ipairs(model.fields) do
        if field.kind == "scalar" then
            local tail = field.name == "id" and " PRIMARY KEY" or ""
            if field.list then tail = " NOT NULL DEFAULT '{}'" end
            list[#list + 1] = sql.quote(field.column) .. " " .. field.pg .. tail
        elseif field.link.kind == "own" then
            list[#list + 1] = sql.quote(field.link.column) .. " "
                .. id_type(by_key, field.target)
        end
    end
    return table.concat(list, ", ")
end

local function join_table(by_key, model, field)
    local link = field.link
    return ("CREATE TABLE IF NOT EXISTS %s (%s %s, %s %s, PRIMARY KEY (%s, %s));")
        :format(sql.table(link), sql.quote(link.near),
            id_type(by_key, model.key), sql.quote(link.far),
            id_type(by_key, field.target), sql.quote(link.near),
            sql.quote(link.far))
end

--- Makes the tables of a release set anew, without constraints.
function database.create(set)
    local by_key, schemas, script = {}, {}, {}
    for _, model in ipairs(set.models) do
        by_key[model.key], schemas[model.schema] = model, true
    end
    for schema in pairs(schemas) do
        script[#script + 1] = ("DROP SCHEMA IF EXISTS %s CASCADE;"
            .. " CREATE SCHEMA %s;"):format(sql.quote(schema), sql.quote(schema))
    end
    for _, model in ipairs(set.models) do
        script[#script + 1] = ("CREATE TABLE %s (%s, version bigint NOT NULL"
            .. " DEFAULT 1);"):format(sql.table(model), columns(by_key, model))
        for _, field in ipairs(model.fields) do
            if field.kind == "relation" and field.link.kind == "join" then
                script[#script + 1] = join_table(by_key, model, field)
            end
        end
    end
    return database.run(table.concat(script, "\n"))
end

-- Parameters ----------------------------------------------------------------

local function collect_literals(node, found)
    if type(node) ~= "table" then return found end
    if node.lit then found[node.lit] = node.value end
    for _, inner in pairs(node) do collect_literals(inner, found) end
    return found
end

local function resolve(src, literals, variables)
    if src.lit then return literals[src.lit] end
    if src.const then return src.const end
    if src.list then
        local items = {}
        for i, item in ipairs(src.list) do
            items[i] = resolve(item, literals, variables)
        end
        return items
    end
    local value = variables[src.var]
    for _, step in ipairs(src.path or {}) do
        value = value[type(step) == "number" and step + 1 or step]
    end
    return value
end

local VALID = {
    uuid = "^%x+%-%x+%-%x+%-%x+%-%x+$", int8 = "^%-?%d+$",
}

local function text_of(param, value)
    if type(value) == "table" then return host.json_encode(value) end
    local text = tostring(value)
    if param.invalid == "null" and not text:match(VALID[param.type]) then
        return nil
    end
    return text
end

local function array_of(param, values)
    local items = {}
    for _, value in ipairs(type(values) == "table" and values or { values }) do
        local text = text_of(param, value)
        if text then
            items[#items + 1] = '"' .. text:gsub('["\\]', "\\%0") .. '"'
        end
    end
    return "{" .. table.concat(items, ",") .. "}"
end

--- The parameters of a field as SQL literals. Negative counts are refused, as
-- C refuses them: nil and the OpenCRUD number.
function database.bind(field, doc, variables)
    local literals, list = collect_literals(doc, {}), {}
    for i, param in ipairs(field.params) do
        local value = resolve(param.src, literals, variables or {})
        local text
        if value ~= nil and value ~= host.null then
            text = param.list and array_of(param, value)
                or text_of(param, value)
        end
        if text and param.min and tonumber(text) < param.min then
            return nil, param.error
        end
        list[i] = text and "'" .. text:gsub("'", "''") .. "'" or "NULL"
    end
    return list
end

-- Results -------------------------------------------------------------------

local object

local function member(field, at)
    if field.json then return cjson.decode("[" .. field.json .. "]")[1] end
    if field.object then
        if field.present and at(field.present) == cjson.null then
            return cjson.null
        end
        return object(field.object, at)
    end
    local value = at(field.col)
    if field.record then
        return value == cjson.null and value
            or object(field.record, function(col)
                return value["f" .. (col + 1)]
            end)
    end
    if field.type == "numeric" and value ~= cjson.null then
        return tostring(value)
    end
    if field.records then
        local list = setmetatable({}, cjson.array_mt)
        for i, record in ipairs(value) do
            list[i] = object(field.records, function(col)
                return record["f" .. (col + 1)]
            end)
        end
        return list
    end
    return value
end

function object(shape, at)
    local out = {}
    for _, field in ipairs(shape.fields) do out[field.key] = member(field, at) end
    return out
end

local function widest(shape)
    local most = shape.present or 0
    for _, field in ipairs(shape.fields) do
        most = math.max(most, field.col or 0, field.present or 0)
        if field.object then most = math.max(most, widest(field.object)) end
    end
    return most
end

local function aliases(result)
    local most, names = 0, {}
    local shapes = result.kind == "variants" and result.of or { result.of }
    for _, shape in ipairs(shapes) do most = math.max(most, widest(shape)) end
    for col = 0, most do names[col + 1] = "c" .. col end
    return table.concat(names, ", ")
end

local function shape_of(result, at)
    if result.kind ~= "variants" then return result.of end
    for _, shape in ipairs(result.of) do
        if at(shape.present) ~= cjson.null then return shape end
    end
end

-- The script that prints the rows of a field as one line; nil and a number
-- when a parameter is refused.
local function script_of(field, doc, variables)
    local values, refused = database.bind(field, doc, variables)
    if not values then return nil, refused end
    local arguments = #values > 0 and "(" .. table.concat(values, ", ") .. ")"
        or ""
    return ("PREPARE q AS SELECT coalesce(jsonb_agg(x), '[]') FROM (%s)"
        .. " AS x(%s);\nEXECUTE q%s;\nDEALLOCATE q;\n")
        :format(field.sql, aliases(field.result), arguments)
end

local function value_of(field, line)
    local list = {}
    for i, row in ipairs(cjson.decode(line)) do
        local function at(col) return row["c" .. col] end
        local shape = shape_of(field.result, at)
        list[i] = shape and object(shape, at) or cjson.null
    end
    if field.result.kind == "rows" then return list end
    return list[1] == nil and cjson.null or list[1]
end

--- Runs a field of kind "sql" and returns its value as the client gets it; nil
-- and a number when a parameter is refused.
function database.fetch(field, doc, variables)
    local script, refused = script_of(field, doc, variables)
    if not script then return nil, refused end
    return value_of(field, database.run(script))
end

--- Runs all fields of a plan; returns response key → value.
function database.fetch_all(plan, doc, variables)
    local scripts, values, at = {}, {}, 0
    for i, field in ipairs(plan.fields) do
        scripts[i] = assert(script_of(field, doc, variables))
    end
    for line in database.run(table.concat(scripts)):gmatch("[^\n]+") do
        at = at + 1
        values[plan.fields[at].key] = value_of(plan.fields[at], line)
    end
    return values
end

return database
