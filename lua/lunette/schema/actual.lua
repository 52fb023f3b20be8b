--- The database as it is, read from the catalog.
--
-- The same form as lunette.schema.desired, with what a comparison needs: the
-- mark of a check or generated column is the hash that was kept as its comment,
-- because the catalog gives expressions back in words of its own.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.schema.actual
local actual = {}

local COLUMNS = [[
select n.nspname, c.relname, a.attname,
       format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
       a.attidentity, col_description(c.oid, a.attnum),
       a.atthasdef and a.attgenerated = '',
       obj_description(c.oid, 'pg_class')
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
     and not a.attisdropped
where n.nspname = any($1::text[]) and c.relkind = 'r'
order by n.nspname, c.relname, a.attnum]]

local INDEXES = [[
select n.nspname, c.relname, i.relname, x.indisunique, x.indisvalid, m.amname
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_am m on m.oid = i.relam
join pg_class c on c.oid = x.indrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1::text[])]]

local CONSTRAINTS = [[
select n.nspname, c.relname, k.conname, k.contype,
       obj_description(k.oid, 'pg_constraint'), k.convalidated
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any($1::text[]) and k.contype in ('c', 'f', 'p')]]

local function is_true(text) return text == "t" end

local function text_or_nil(value)
    if value == host.null then return nil end
    return value
end

local function query(db, text, schemas)
    local parts = {}
    for i, name in ipairs(schemas) do parts[i] = '"' .. name .. '"' end
    local rows, err = db:query(text, { "{" .. table.concat(parts, ",") .. "}" })
    if not rows then error(err, 0) end
    return rows
end

local function place_of(database, schema, name)
    local id = schema .. "." .. name
    local place = database.by_name[id]
    if not place then
        place = { schema = schema, name = name, columns = {}, by_name = {},
            indexes = {}, constraints = {} }
        database.by_name[id] = place
        database.tables[#database.tables + 1] = place
    end
    return place
end

--- Reads the tables of `schemas`. Raises a database error.
function actual.read(db, schemas)
    local database = { tables = {}, by_name = {} }
    for _, row in ipairs(query(db, COLUMNS, schemas)) do
        local place = place_of(database, row[1], row[2])
        place.mark = text_or_nil(row[10])
        local column = { name = row[3], type = row[4],
            required = is_true(row[5]), generated = row[6] ~= "",
            identity = row[7] ~= "", mark = text_or_nil(row[8]),
            has_default = is_true(row[9]) }
        place.columns[#place.columns + 1] = column
        place.by_name[column.name] = column
    end
    for _, row in ipairs(query(db, INDEXES, schemas)) do
        place_of(database, row[1], row[2]).indexes[row[3]] =
            { unique = is_true(row[4]), valid = is_true(row[5]),
                method = row[6] }
    end
    for _, row in ipairs(query(db, CONSTRAINTS, schemas)) do
        place_of(database, row[1], row[2]).constraints[row[3]] =
            { kind = row[4], mark = text_or_nil(row[5]),
                valid = is_true(row[6]) }
    end
    return database
end

--- Names of the schemas that exist among `schemas`.
function actual.schemas(db, schemas)
    local found = {}
    local text = "select nspname from pg_namespace where nspname = any($1::text[])"
    for _, row in ipairs(query(db, text, schemas)) do found[row[1]] = true end
    return found
end

return actual
