--- Starting data: apps/<name>/data/*.csv and *.json.
--
-- A file is named after its model ("country.csv", "order_line.csv"; a number in
-- front orders nothing but the eye: "10_country.csv"). Columns are fields; a
-- reference is given by the other record's id ("partner") or by one of its
-- unique fields ("country.code"). A file is loaded once, and again when its
-- content has changed: rows that are there, by `id` or the first unique field
-- of the header, are left alone, so edits of users survive. A file without such
-- a column is loaded once only: its rows could not be told from those before.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.data
local csv = require("lunette.data.csv")
local names = require("lunette.util.names")
local sql = require("lunette.orm.sql")

local data = {}

local BATCH = 2000

local function must(rows, err)
    if rows then return rows end
    error(err, 0)
end

local function fail(file, line, message, ...)
    error({ data = { file = file, line = line,
        message = message:format(...) } }, 0)
end

local function field_of(model, name)
    for _, field in ipairs(model.fields) do
        if field.name == name then return field end
    end
end

-- Which model a file is for.
local function model_of(app, path, models)
    local base = path:match("([^/]+)%.%w+$"):gsub("^%d+[_-]", "")
    for _, model in ipairs(models) do
        if model.app == app and (model.table == base
            or model.key == app .. "." .. base
            or names.camel_to_snake(model.name) == base) then
            return model
        end
    end
end

local function is_array(value)
    return type(value) == "table" and getmetatable(value) == host.array_mt
end

local function parse_json(file)
    local list, problem = host.json_decode(file.text)
    if not list then fail(file.path, nil, "%s", problem) end
    if not is_array(list) then
        fail(file.path, nil, "it must be a list of objects")
    end
    local header, seen, rows = {}, {}, {}
    for i, object in ipairs(list) do
        if type(object) ~= "table" or is_array(object) then
            fail(file.path, nil, "item %d is not an object", i)
        end
        local row = { line = i }
        for name, value in pairs(object) do
            if not seen[name] then
                seen[name] = true
                header[#header + 1] = name
            end
            if value ~= host.null then row[name] = value end
        end
        rows[i] = row
    end
    table.sort(header)
    return header, rows
end

local function parse(file)
    if file.path:find("%.json$") then return parse_json(file) end
    local header, rows = csv.parse(file.text)
    if not header then fail(file.path, nil, "%s", rows) end
    return header, rows
end

-- Columns -------------------------------------------------------------------

local function scalar_column(file, model, name)
    local field = field_of(model, name)
    if not field then
        fail(file.path, 1, "%s has no field '%s'", model.name, name)
    end
    if field.kind == "relation" and field.link.kind ~= "own" then
        fail(file.path, 1, "%s.%s is the other side of a relation; name the"
            .. " records on its own side", model.name, name)
    elseif field.stored then
        fail(file.path, 1, "%s.%s is a stored formula", model.name, name)
    end
    return { name = name, field = field,
        column = field.column or field.link.column }
end

local function lookup_column(file, model, models, name)
    local ref, key = name:match("^([%w_]+)%.([%w_]+)$")
    local field = field_of(model, ref)
    if not field or field.kind ~= "relation" or field.link.kind ~= "own" then
        fail(file.path, 1, "%s has no reference '%s'", model.name, ref)
    end
    local target = models[field.target]
    local unique = field_of(target, key)
    if not unique or not (unique.unique or unique.type == "id") then
        fail(file.path, 1, "%s.%s is not a unique field", target.name, key)
    end
    return { name = name, field = field, column = field.link.column,
        target = target, key = unique }
end

local function columns_of(file, model, models, header)
    local columns, seen = {}, {}
    for i, name in ipairs(header) do
        local column = name:find(".", 1, true)
            and lookup_column(file, model, models, name)
            or scalar_column(file, model, name)
        if seen[column.column] then
            fail(file.path, 1, "'%s' and '%s' are the same column",
                seen[column.column], name)
        end
        seen[column.column], columns[i] = name, column
    end
    return columns
end

-- Values --------------------------------------------------------------------

local function id_type(model)
    for _, field in ipairs(model.fields) do
        if field.type == "id" then return field.id_type or "uuid" end
    end
    return "uuid"
end

local PG_IDS = { uuid = "uuid", text = "text", bigint = "bigint" }
local COERCED_IDS = { uuid = "uuid", text = "id_text", bigint = "int8" }

-- A CSV cell is text; the coercion reads what JSON would say.
local function typed(field, value)
    if type(value) ~= "string" then return value end
    if field.list then return host.json_decode(value) end
    local kind = field.type
    if kind == "bool" then
        if value == "true" then return true end
        if value == "false" then return false end
    elseif kind == "int" or kind == "float" then
        return { number = value }
    end
    return value
end

local function coerce(file, row, column, models, value)
    local field = column.field
    local kind
    local options = { name = column.name }
    if column.target then return tostring(value) end
    if field.kind == "relation" then
        kind = COERCED_IDS[id_type(models[field.target])]
    elseif field.type == "id" then
        kind = COERCED_IDS[field.id_type or "uuid"]
    else
        kind = sql.parameter_type(field)
        options.values, options.list = field.values, field.list
        options.literal = field.type == "json" and type(value) == "string"
        value = typed(field, value)
    end
    local text, problem = host.coerce(kind, value, options)
    if text == nil then
        fail(file.path, row.line, "%s: %s", column.name, problem)
    end
    return text
end

local function quote_item(text)
    return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

local function array_of(items)
    local parts = {}
    for i, item in ipairs(items) do parts[i] = quote_item(tostring(item)) end
    return "{" .. table.concat(parts, ",") .. "}"
end

-- The default that a field has when its cell is empty. A list is never null.
local function default_of(field)
    if field.created or field.updated
        or (field.default and field.default.now) then
        return "now()"
    end
    local value = field.default and field.default.value
    if field.list then return array_of(value or {}) end
    if value == nil or value == host.null then return nil end
    if type(value) == "table" then return host.json_encode(value) end
    return tostring(value)
end

-- Functions of apps do not run here: a required value that only one of them would
-- give must stand in the file.
local function check_computed(file, model, columns, rows)
    local given = {}
    for _, column in ipairs(columns) do given[column.field] = column end
    for _, field in ipairs(model.fields) do
        if field.required and field.default and field.default.lua then
            local column = given[field]
            for _, row in ipairs(rows) do
                if not column or row[column.name] == nil then
                    fail(file.path, row.line, "%s.%s is required, and its"
                        .. " default is a function, which does not run for"
                        .. " starting data: give it a value", model.name,
                        field.name)
                end
            end
        end
    end
end

local function new_id(field)
    if field.id_type == "text" then return host.id25() end
    if (field.id_type or "uuid") == "uuid" then return host.uuid() end
end

-- Inserting -----------------------------------------------------------------

-- Columns that the file does not name but that need a value.
local function missing_columns(model, columns)
    local given, extra = {}, {}
    for _, column in ipairs(columns) do given[column.column] = true end
    for _, field in ipairs(model.fields) do
        if field.kind ~= "relation" and not given[field.column]
            and not field.stored then
            if field.type == "id" and field.id_type ~= "bigint" then
                extra[#extra + 1] = { field = field, column = field.column,
                    id = true }
            elseif default_of(field) then
                extra[#extra + 1] = { field = field, column = field.column,
                    default = default_of(field) }
            end
        end
    end
    return extra
end

local function cast_of(column, models)
    local field = column.field
    if column.target then return "text" end
    if field.kind == "relation" then
        return PG_IDS[id_type(models[field.target])]
    end
    return field.pg
end

-- unnest takes arrays apart one level too far, so a list travels as text.
local function select_of(column, alias)
    local name = alias .. "." .. sql.quote("v" .. column.number)
    if column.target then
        local target, key = column.target, column.key
        return ("(select r.\"id\" from %s r where r.%s::text = %s)"):format(
            sql.table(target), sql.quote(key.column), name)
    end
    return ("%s::%s"):format(name, column.cast)
end

local function statement(model, columns, conflict)
    local targets, selects, arrays, aliases = {}, {}, {}, {}
    for i, column in ipairs(columns) do
        targets[i] = sql.quote(column.column)
        selects[i] = select_of(column, "d")
        arrays[i] = ("$%d::text[]"):format(i)
        aliases[i] = sql.quote("v" .. i)
    end
    return ("insert into %s (%s) select %s from unnest(%s)"
        .. " as d (%s)%s"):format(sql.table(model), table.concat(targets, ", "),
        table.concat(selects, ", "), table.concat(arrays, ", "),
        table.concat(aliases, ", "), conflict)
end

local function conflict_of(columns)
    for _, column in ipairs(columns) do
        local field = column.field
        if not column.id and field.kind ~= "relation"
            and (field.type == "id" or field.unique) then
            return (" on conflict (%s) do nothing"):format(
                sql.quote(column.column))
        end
    end
    return ""
end

local function cell(file, row, column, models, now)
    if column.id then return new_id(column.field) end
    if column.default then
        return column.default == "now()" and now or column.default
    end
    local value = row[column.name]
    if value == nil then
        local default = default_of(column.field)
        if default == "now()" then return now end
        return default
    end
    return coerce(file, row, column, models, value)
end

-- A reference by key that no row has would become NULL in silence.
local function check_lookups(db, file, rows, columns)
    for _, column in ipairs(columns) do
        if column.target then
            local wanted, list = {}, {}
            for _, row in ipairs(rows) do
                local value = row[column.name]
                if value ~= nil and not wanted[value] then
                    wanted[value] = row.line
                    list[#list + 1] = quote_item(tostring(value))
                end
            end
            local found = must(db:query(("select %s::text from %s where"
                .. " %s::text = any($1::text[])"):format(
                sql.quote(column.key.column), sql.table(column.target),
                sql.quote(column.key.column)),
                { "{" .. table.concat(list, ",") .. "}" }))
            for _, row in ipairs(found) do wanted[row[1]] = nil end
            for value, line in pairs(wanted) do
                fail(file.path, line, "%s: no %s has %s '%s'", column.name,
                    column.target.name, column.key.name, tostring(value))
            end
        end
    end
end

local function insert(db, job, models, header, rows)
    local file, model = job.file, job.model
    local columns = columns_of(file, model, models, header)
    check_computed(file, model, columns, rows)
    local conflict = conflict_of(columns)
    if conflict == "" and job.again then return 0 end
    for _, extra in ipairs(missing_columns(model, columns)) do
        columns[#columns + 1] = extra
    end
    for i, column in ipairs(columns) do
        column.number = i
        column.cast = cast_of(column, models)
    end
    check_lookups(db, file, rows, columns)
    local text, now = statement(model, columns, conflict), os.date("!%FT%TZ")
    for first = 1, #rows, BATCH do
        local params = {}
        for i, column in ipairs(columns) do
            local items = {}
            for at = first, math.min(first + BATCH - 1, #rows) do
                local value = cell(file, rows[at], column, models, now)
                items[#items + 1] = value == nil and "NULL" or quote_item(value)
            end
            params[i] = "{" .. table.concat(items, ",") .. "}"
        end
        local ok, err = db:query(text, params)
        if not ok then
            fail(file.path, rows[first].line, "the rows from here on were"
                .. " refused: %s", err.message)
        end
    end
    return #rows
end

-- Order ---------------------------------------------------------------------

-- Files whose models others refer to come first.
local function sorted(jobs)
    local by_model, state, list = {}, {}, {}
    for _, job in ipairs(jobs) do
        by_model[job.model.key] = by_model[job.model.key] or {}
        table.insert(by_model[job.model.key], job)
    end
    local models = {}
    for _, job in ipairs(jobs) do models[job.model.key] = job.model end
    local function visit(key)
        if state[key] then return end
        state[key] = true
        for _, field in ipairs(models[key].fields) do
            if field.kind == "relation" and field.link.kind == "own"
                and by_model[field.target] then
                visit(field.target)
            end
        end
        for _, job in ipairs(by_model[key]) do list[#list + 1] = job end
    end
    for _, job in ipairs(jobs) do visit(job.model.key) end
    return list
end

local function jobs_of(set, files, loaded)
    local jobs = {}
    for _, entry in ipairs(files) do
        local hash = host.sha256(entry.text)
        if loaded[entry.app .. "/" .. entry.path] ~= hash then
            local model = model_of(entry.app, entry.path, set.models)
            if not model then
                fail(entry.path, nil, "no model of the app '%s' is called as"
                    .. " this file", entry.app)
            end
            jobs[#jobs + 1] = { file = entry, model = model, hash = hash,
                again = loaded[entry.app .. "/" .. entry.path] ~= nil }
        end
    end
    return sorted(jobs)
end

local function load(db, set, files)
    local loaded, models = {}, {}
    for _, row in ipairs(must(db:query("select app, file, hash from"
        .. " lunette.data_file"))) do
        loaded[row[1] .. "/" .. row[2]] = row[3]
    end
    for _, model in ipairs(set.models) do models[model.key] = model end
    local jobs = jobs_of(set, files, loaded)
    if #jobs == 0 then return {} end
    local done = {}
    must(db:begin())
    for _, job in ipairs(jobs) do
        local header, rows = parse(job.file)
        local count = insert(db, job, models, header, rows)
        must(db:query("insert into lunette.data_file (app, file, hash, rows)"
            .. " values ($1, $2, $3, $4) on conflict (app, file) do update set"
            .. " hash = excluded.hash, rows = excluded.rows, loaded_at = now()",
            { job.file.app, job.file.path, job.hash, tostring(count) }))
        done[#done + 1] = ("%s: %d rows of %s"):format(job.file.path, count,
            job.model.name)
    end
    must(db:commit())
    return done
end

--- Loads starting data that is new or has changed, all in one transaction.
-- @tparam table db query, begin, commit, rollback; blocking
-- @tparam table set a release set whose schema is applied
-- @tparam {table,...} files { app=, path="apps/base/data/country.csv", text= }
-- @treturn[1] {string,...} a line for each file loaded
-- @treturn[2] nil
-- @treturn[2] {table,...} errors {file, line, message}
function data.load(db, set, files)
    local ok, result = pcall(load, db, set, files)
    if ok then return result end
    db:rollback()
    if type(result) == "table" and result.data then
        return nil, { result.data }
    end
    return nil, { { message = "the starting data could not be loaded: "
        .. (type(result) == "table" and result.message or tostring(result)) } }
end

return data
