--- The dialect layer: quoting, casts and the types of columns and parameters.
--
-- Everything that differs between databases is decided here. Text that comes
-- from a caller never passes through this module: it travels as a parameter.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.sql
local sql = {}

-- Lua field type → how a parameter of it is coerced (PTYPE)
local PARAMETERS = {
    text = "text", int = "int4", bigint = "int8", float = "float8",
    decimal = "numeric", money = "numeric", bool = "bool",
    datetime = "timestamptz", created = "timestamptz",
    updated = "timestamptz", date = "date", time = "time", json = "jsonb",
    enum = "enum", uuid = "uuid", file = "uuid",
}
local ID_PARAMETERS = { uuid = "uuid", text = "id_text", bigint = "int8" }

-- PTYPE → SQL type of the cast
local CASTS = {
    text = "text", id = "text", id_text = "text", enum = "text", uuid = "uuid",
    int4 = "int4", int8 = "int8", float8 = "float8", numeric = "numeric",
    bool = "bool", timestamptz = "timestamptz", date = "date", time = "time",
    jsonb = "jsonb",
}

-- PTYPE → type of a result column (CTYPE)
local RESULTS = { id_text = "text", enum = "text" }

--- An identifier, quoted.
function sql.quote(name)
    if name:find('"', 1, true) then name = name:gsub('"', '""') end
    return '"' .. name .. '"'
end

--- A table with its schema, quoted. `place` has `schema` and `table`.
function sql.table(place)
    return sql.quote(place.schema) .. "." .. sql.quote(place.table)
end

--- A column of an alias that we made ourselves.
function sql.column(alias, name)
    return alias .. "." .. sql.quote(name)
end

--- The PTYPE of a value that is stored in a scalar field.
function sql.parameter_type(field)
    if field.type == "id" then return ID_PARAMETERS[field.id_type or "uuid"] end
    if field.type == "text" and field.scalar == "ID" then return "id_text" end
    return PARAMETERS[field.type]
end

--- The PTYPE of a value that is only compared with a scalar field: a text id
-- of any length (the limit is a rule for new ids).
function sql.compared_type(field)
    local ptype = sql.parameter_type(field)
    return ptype == "id_text" and "id" or ptype
end

--- The SQL cast of a PTYPE: "::uuid", "::text[]".
function sql.cast(ptype, list)
    return "::" .. CASTS[ptype] .. (list and "[]" or "")
end

--- Type of the result column of a scalar field, and the suffix that its
-- expression needs: an ID is a string in GraphQL, also when it is a bigint.
function sql.result_type(field)
    local ptype = sql.parameter_type(field)
    if field.scalar == "ID" and ptype == "int8" then return "text", "::text" end
    return RESULTS[ptype] or ptype, ""
end

--- The field `id` of a model.
function sql.id_field(model)
    local fields = model.fields
    if fields[1].name == "id" then return fields[1] end
    for i = 2, #fields do
        if fields[i].name == "id" then return fields[i] end
    end
    error(("model '%s' has no id"):format(model.key), 2)
end

--- A text without the difference of upper and lower case, in any language;
-- compared as the database compares texts.
function sql.fold(text)
    return ('lower(%s COLLATE "und-x-icu") COLLATE "default"'):format(text)
end

--- "a AND b", or nil when there is nothing to say.
function sql.all(conditions)
    if #conditions == 0 then return nil end
    if #conditions == 1 then return conditions[1] end
    return table.concat(conditions, " AND ")
end

return sql
