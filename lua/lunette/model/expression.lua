--- The expression language of `check` and `stored = sql "..."`.
--
-- An expression is parsed once at load into a typed tree of plain data. From
-- the tree come the SQL of constraints and generated columns, and its value in
-- the host and in the browser; spec/data/expressions.json says what each must
-- give.
-- The language is described in docs/language.md.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.expression
local evaluate = require("lunette.model.expression.evaluate")
local parse = require("lunette.model.expression.parse")
local typing = require("lunette.model.expression.typing")
local write_sql = require("lunette.model.expression.sql")

local expression = { evaluate = evaluate }

-- What a stored column of a type may be computed from.
local ASSIGNABLE = {
    int = { int = true, bigint = true },
    bigint = { int = true, bigint = true },
    decimal = { int = true, bigint = true, decimal = true },
    float = { int = true, bigint = true, decimal = true, float = true },
    text = { text = true }, bool = { bool = true }, date = { date = true },
}

--- Compiles an expression.
-- @tparam string source
-- @tparam table columns see lunette.model.expression.typing
-- @tparam[opt] boolean inline replace stored columns by their formula
-- @treturn[1] table { sql, tree, type }
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function expression.compile(source, columns, inline)
    local syntax, err = parse(source)
    if not syntax then return nil, err end
    local tree
    tree, err = typing(syntax, columns, inline)
    if not tree then return nil, err end
    return { sql = write_sql(tree), tree = tree, type = tree.type }
end

--- Compiles a rule: its type is bool and its SQL true or false, never null.
function expression.check(source, columns)
    local compiled, err = expression.compile(source, columns)
    if not compiled then return nil, err end
    if compiled.type ~= "bool" then
        return nil, "it gives a value; a check must be true or false"
    end
    compiled.sql = "(" .. compiled.sql .. ") IS TRUE"
    return compiled
end

--- Compiles the formula of a stored column of the given type.
function expression.stored(source, columns, kind)
    if not ASSIGNABLE[kind] then
        return nil, ("a %s field cannot be stored from a formula"):format(kind)
    end
    local compiled, err = expression.compile(source, columns, true)
    if not compiled then return nil, err end
    if not ASSIGNABLE[kind][compiled.type] then
        local hint = compiled.type == "decimal" and ASSIGNABLE[kind].bigint
            and "; round(...) makes it whole" or ""
        return nil, ("it gives %s, but the field is %s%s")
            :format(compiled.type, kind, hint)
    end
    return compiled
end

return expression
