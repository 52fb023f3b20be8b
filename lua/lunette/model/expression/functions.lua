--- The functions of the expression language, as data.
--
-- args: a type or class for each argument; `more` says that the last may be
-- repeated. `result` is a type or a function of the argument types. `sql` is a
-- template ($1, $2 the arguments, $* all of them) of immutable SQL.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.expression.functions

local function same(args)
    return args[1].type
end

local function whole(args)
    return args[1].type == "decimal" and "bigint" or args[1].type
end

return {
    abs = { args = { "number" }, result = same, sql = "abs($1)" },
    ceil = { args = { "exact" }, result = whole, sql = "ceil($1)::bigint" },
    coalesce = { args = { "any", "any" }, more = true, result = "common",
        sql = "coalesce($*)" },
    contains = { args = { "text", "text" }, result = "bool",
        sql = "(strpos($1, $2) > 0)" },
    day = { args = { "date" }, result = "int",
        sql = "extract(day from $1)::integer" },
    ends_with = { args = { "text", "text" }, result = "bool",
        sql = "(right($1, char_length($2)) = $2)" },
    floor = { args = { "exact" }, result = whole, sql = "floor($1)::bigint" },
    length = { args = { "text" }, result = "int", sql = "char_length($1)" },
    lower = { args = { "text" }, result = "text",
        sql = 'lower($1 COLLATE "C")' },
    max = { args = { "ordered", "ordered" }, more = true, result = "common",
        sql = "greatest($*)" },
    min = { args = { "ordered", "ordered" }, more = true, result = "common",
        sql = "least($*)" },
    month = { args = { "date" }, result = "int",
        sql = "extract(month from $1)::integer" },
    round = { args = { "exact", "digits" }, optional = 1,
        result = function(args) return args[2] and "decimal" or whole(args) end,
        sql = "round($1)::bigint", sql_all = "round($1, $2)" },
    starts_with = { args = { "text", "text" }, result = "bool",
        sql = "(left($1, char_length($2)) = $2)" },
    trim = { args = { "text" }, result = "text", sql = "btrim($1, ' ')" },
    upper = { args = { "text" }, result = "text",
        sql = 'upper($1 COLLATE "C")' },
    when = { args = { "bool", "any", "any" }, result = "common", from = 2,
        sql = "(CASE WHEN $1 THEN $2 ELSE $3 END)" },
    year = { args = { "date" }, result = "int",
        sql = "extract(year from $1)::integer" },
}
