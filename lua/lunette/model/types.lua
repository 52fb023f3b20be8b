--- The field types, as data.
--
-- One row a word: PostgreSQL type, GraphQL scalar and the options that the type
-- takes beyond COMMON. The words of apps, their checks, the docs and the
-- editor's completion come from this table.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.types
local lists = require("lunette.util.lists")

local types = {}

--- Options of every scalar field: name → what the value must be.
types.COMMON = {
    required = "boolean", title = "string", help = "string",
    readonly = "boolean", was = "name", graphql = "graphql",
}

local KEYS = { default = "any", unique = "boolean", index = "boolean" }
local FORMULA = lists.merged(KEYS, { stored = "formula" })
local NUMBER = lists.merged(FORMULA, { min = "number", max = "number" })
local EXACT = lists.merged(NUMBER, { digits = "digits" })

--- word → { pg, scalar, options }
types.SCALARS = {
    text = { pg = "text", scalar = "String",
        options = lists.merged(FORMULA, { size = "size" }) },
    int = { pg = "integer", scalar = "Int", options = NUMBER },
    bigint = { pg = "bigint", scalar = "Long", options = NUMBER },
    float = { pg = "double precision", scalar = "Float", options = NUMBER },
    decimal = { pg = "numeric", scalar = "Decimal", options = EXACT,
        digits = { 20, 6 } },
    money = { pg = "numeric", scalar = "Decimal", options = EXACT,
        digits = { 18, 2 } },
    bool = { pg = "boolean", scalar = "Boolean", options = FORMULA },
    date = { pg = "date", scalar = "Date", options = FORMULA },
    time = { pg = "time", scalar = "Time", options = KEYS },
    datetime = { pg = "timestamptz(3)", scalar = "DateTime", options = KEYS },
    json = { pg = "jsonb", scalar = "Json",
        options = KEYS },
    uuid = { pg = "uuid", scalar = "UUID", options = KEYS },
    enum = { pg = "text", options = KEYS },
    created = { pg = "timestamptz(3)", scalar = "DateTime",
        options = { index = "boolean" } },
    updated = { pg = "timestamptz(3)", scalar = "DateTime",
        options = { index = "boolean" } },
}

--- Kinds of primary keys: word behind `id` → PostgreSQL type.
types.IDS = { uuid = "uuid", text = "text", bigint = "bigint" }

--- Options of the primary key and of an `id` field with another name.
types.KEY_OPTIONS = lists.merged(types.COMMON, { scalar = "id_scalar" })
types.ID_OPTIONS = lists.merged(types.COMMON, KEYS)

--- GraphQL types that a primary key may have in place of ID, by its kind.
types.ID_SCALARS = { uuid = "UUID", bigint = "Int" }

--- Text of a field without `size` may be this many characters long.
types.TEXT_SIZE = 100000
types.MAX_TEXT_SIZE = 10000000
--- Text in a unique key or an index should not be longer: a B-tree entry holds
-- 2,704 bytes.
types.KEY_SIZE = 600
types.MAX_DIGITS = 65

--- Options of the relation forms.
local RELATION = {
    by = "name", relation = "relation", title = "string", help = "string",
    readonly = "boolean", was = "name", graphql = "graphql",
    required = "boolean", delete = "delete",
}
types.RELATIONS = {
    ref = lists.merged(RELATION, { unique = "boolean", one_sided = "boolean",
        on_delete = "on_delete", default = "any" }),
    refs = lists.merged(RELATION, { one_sided = "boolean" }),
    many = RELATION,
    single = RELATION,
}

--- What may stand in a list.
types.LISTABLE = lists.set({ "text", "int", "bigint", "float", "decimal",
    "money", "bool", "date", "time", "datetime", "json", "uuid", "enum", "id" })

types.LIST_OPTIONS = lists.merged(types.COMMON,
    { default = "any", index = "boolean" })
-- Options of the type inside list(...).
types.ITEM_OPTIONS = { size = "size", digits = "digits" }

return types
