--- Types of an expression: syntax tree → typed tree.
--
-- Every node of the result has `type`; columns are resolved, literals become
-- values of the type that their place asks for, and everything that would fail
-- at run time for a reason known now is refused.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.expression.typing
local dates = require("lunette.util.dates")
local functions = require("lunette.model.expression.functions")
local lists = require("lunette.util.lists")
local text = require("lunette.util.text")

local MAX_NODES = 1000
local MAX_LEVELS = 40
local INT_MAX, BIGINT_MAX = "2147483647", "9223372036854775807"

-- How numbers widen: the greater wins.
local RANK = { int = 1, bigint = 2, decimal = 3, float = 4 }
local NUMBER_OF_RANK = { "int", "bigint", "decimal", "float" }
local ORDERED = lists.set({ "int", "bigint", "decimal", "float", "text", "date",
    "time", "datetime" })
local COMPARABLE = lists.merged(ORDERED, lists.set({ "bool", "uuid" }))
local SAID = { int = "a whole number", bigint = "a whole number",
    decimal = "a decimal", float = "a float", bool = "true or false",
    text = "text", date = "a date", time = "a time",
    datetime = "a date with time", uuid = "a uuid", json = "json",
    list = "a list", ["nil"] = "nil", file = "a file" }
local VOLATILE = lists.set({ "today", "now", "me", "random", "mine" })

local function fail(format, ...)
    error({ expression = format:format(...) }, 0)
end

local function said(node)
    return SAID[node.type] or node.type
end

-- Values --------------------------------------------------------------------

local function fits(digits, max)
    return #digits < #max or #digits == #max and digits <= max
end

local function number_value(raw)
    if raw:find(".", 1, true) then return { op = "value", type = "decimal",
        value = raw } end
    raw = raw:gsub("^0+(%d)", "%1")
    local kind = fits(raw, INT_MAX) and "int"
        or fits(raw, BIGINT_MAX) and "bigint" or "decimal"
    return { op = "value", type = kind, value = raw }
end

local function check_format(node, kind)
    if not dates.IS[kind](node.value) then
        fail("%s is not %s; write it as '%s'", text.quote(node.value),
            SAID[kind], dates.EXAMPLE[kind])
    end
end

-- A text literal beside a date, an enum column and so on becomes one of those.
local function adapt(node, other)
    if node.op ~= "value" or node.type ~= "text" then return end
    if dates.IS[other.type] then
        check_format(node, other.type)
        node.type = other.type
        if node.type == "uuid" then node.value = node.value:lower() end
    elseif other.values and not lists.find(other.values, node.value) then
        fail("%s is no value of '%s'%s", text.quote(node.value), other.name,
            text.did_you_mean(node.value, other.values))
    end
end

-- Operators -----------------------------------------------------------------

local function is_number(node)
    return RANK[node.type] ~= nil
end

local function widest(args, from)
    local rank = 0
    for at = from or 1, #args do
        rank = math.max(rank, RANK[args[at].type] or 0)
    end
    return NUMBER_OF_RANK[rank]
end

local function need_bool(node, what)
    if node.type ~= "bool" then
        fail("'%s' needs true or false on both sides, not %s", what, said(node))
    end
end

local function date_arithmetic(op, a, b)
    if op == "+" and a.type == "date" and b.type == "int" then return "date" end
    if op == "+" and a.type == "int" and b.type == "date" then return "date" end
    if op == "-" and a.type == "date" and b.type == "int" then return "date" end
    if op == "-" and a.type == "date" and b.type == "date" then return "int" end
end

local function arithmetic(op, a, b)
    local of_dates = date_arithmetic(op, a, b)
    if of_dates then return of_dates end
    if op == "+" and a.type == "text" and b.type == "text" then
        fail("texts are joined by '..', not '+'")
    end
    if not is_number(a) or not is_number(b) then
        local wrong = is_number(a) and b or a
        fail("'%s' cannot take %s%s", op, said(wrong),
            wrong.type == "datetime" and "; dates subtract to days" or "")
    end
    local kind = widest({ a, b })
    if op == "%" and kind == "float" then fail("'%%' cannot take a float") end
    if op == "/" and kind ~= "float" then return "decimal" end
    return kind
end

local function comparison(op, a, b)
    adapt(a, b)
    adapt(b, a)
    local equality = op == "==" or op == "~="
    if a.type ~= b.type and not (is_number(a) and is_number(b)) then
        fail("cannot compare %s with %s by '%s'", said(a), said(b), op)
    end
    if not (equality and COMPARABLE or ORDERED)[a.type] then
        fail("'%s' cannot compare %s", op, said(a))
    end
    return "bool"
end

local function join(a, b)
    for _, node in ipairs({ a, b }) do
        if not (node.type == "text" or node.type == "int"
            or node.type == "bigint") then
            fail("'..' joins texts and whole numbers, not %s", said(node))
        end
    end
    return "text"
end

local function logical(op, a, b)
    need_bool(a, op)
    need_bool(b, op)
    return "bool"
end

local BINARY = { ["and"] = logical, ["or"] = logical,
    ["+"] = arithmetic, ["-"] = arithmetic, ["*"] = arithmetic,
    ["/"] = arithmetic, ["%"] = arithmetic,
    ["=="] = comparison, ["~="] = comparison, ["<"] = comparison,
    ["<="] = comparison, [">"] = comparison, [">="] = comparison }

-- Checker -------------------------------------------------------------------

local Checker = {}
Checker.__index = Checker

function Checker:count(nodes)
    self.nodes = self.nodes + nodes
    if self.nodes > MAX_NODES then
        fail("more than %d parts, stored columns included", MAX_NODES)
    end
end

local function size_of(node)
    local size = 1
    for _, arg in ipairs(node.args or {}) do size = size + size_of(arg) end
    return size
end

-- PostgreSQL 15 has no generated column that uses another: its formula is put
-- in its place, converted to the type it would be kept as.
function Checker:inlined(column)
    local tree, is_wrong = column.stored()
    if not tree then
        fail(is_wrong and "the formula of %s is wrong" or "%s uses itself",
            text.quote(column.name))
    end
    self:count(size_of(tree))
    return { op = "cast", type = column.type, pg = column.pg,
        scale = column.type == "decimal" and column.digits[2] or nil,
        args = { tree } }
end

function Checker:name(node)
    local column = self.columns[node.name]
    if not column then
        if VOLATILE[node.name] then
            fail("'%s' is not the same for every reader of a row",
                node.name)
        end
        fail("unknown column %s%s", text.quote(node.name),
            text.did_you_mean(node.name, lists.keys(self.columns)))
    elseif column.refused then
        fail("%s is %s and cannot be used here", text.quote(node.name),
            column.refused)
    elseif column.stored and self.inline then
        return self:inlined(column)
    end
    return { op = "column", name = column.column or column.name,
        type = column.type, values = column.values }
end

local function literal(node)
    if node.kind == "number" then return number_value(node.value) end
    if node.kind == "nil" then
        fail("nil can only be compared, by '==' or '~='")
    end
    return { op = "value", type = node.kind, value = node.value }
end

local function is_nil(node)
    return node.op == "literal" and node.kind == "nil"
end

function Checker:nil_test(node)
    local a, b = node.args[1], node.args[2]
    if is_nil(a) then a = b end
    if is_nil(a) then fail("nil is compared with nil") end
    if node.op ~= "==" and node.op ~= "~=" then
        fail("nil cannot be compared by '%s'", node.op)
    end
    return { op = node.op == "==" and "is_nil" or "not_nil", type = "bool",
        args = { self:node(a, true) } }
end

function Checker:binary(node)
    if BINARY[node.op] == comparison
        and (is_nil(node.args[1]) or is_nil(node.args[2])) then
        return self:nil_test(node)
    end
    local a, b = self:node(node.args[1]), self:node(node.args[2])
    local kind = node.op == ".." and join(a, b)
        or BINARY[node.op](node.op, a, b)
    return { op = node.op, type = kind, args = { a, b } }
end

function Checker:unary(node)
    local arg = self:node(node.args[1])
    if node.op == "not" then
        if arg.type ~= "bool" then
            fail("'not' needs true or false, not %s", said(arg))
        end
        return { op = "not", type = "bool", args = { arg } }
    end
    if not is_number(arg) then fail("'-' cannot take %s", said(arg)) end
    return { op = "neg", type = arg.type, args = { arg } }
end

local CLASS = {
    number = { is_number, "a number" },
    exact = { function(node)
        return is_number(node) and node.type ~= "float"
    end, "a whole number or a decimal" },
    ordered = { function(node) return ORDERED[node.type] end,
        "something with an order" },
    any = { function(node) return COMPARABLE[node.type] end, "a simple value" },
    digits = { function(node)
        return node.op == "value" and node.type == "int"
            and tonumber(node.value) <= 20
    end, "a number of digits from 0 to 20" },
}

local function check_argument(name, node, wanted, at)
    local class = CLASS[wanted]
    if class and class[1](node) or node.type == wanted then return end
    local hint = wanted == "date" and node.type == "datetime"
        and "; the day of a moment depends on the time zone" or ""
    fail("argument %d of '%s' is %s, but must be %s%s", at, name, said(node),
        class and class[2] or SAID[wanted], hint)
end

-- The type that all arguments from the given one on share.
local function common_type(name, args, from)
    local typed
    for at = from, #args do
        if args[at].op ~= "value" or args[at].type ~= "text" then
            typed = typed or args[at]
        end
    end
    for at = from, #args do
        if typed then adapt(args[at], typed) end
    end
    local first = args[from]
    for at = from + 1, #args do
        if args[at].type ~= first.type
            and not (is_number(first) and is_number(args[at])) then
            fail("'%s' mixes %s and %s", name, said(first), said(args[at]))
        end
    end
    return is_number(first) and widest(args, from) or first.type
end

local function check_count(name, def, count)
    local least = #def.args - (def.optional or 0)
    if count < least or count > #def.args and not def.more then
        local wanted = least == #def.args and tostring(least)
            or ("%d or %d"):format(least, #def.args)
        fail("'%s' takes %s%s argument%s, not %d", name,
            def.more and "at least " or "", wanted,
            wanted == "1" and "" or "s", count)
    end
end

function Checker:call(node)
    local def = functions[node.name]
    if not def then
        if VOLATILE[node.name] then
            fail("'%s' changes without the row being written", node.name)
        end
        fail("unknown function %s%s", text.quote(node.name),
            text.did_you_mean(node.name, lists.keys(functions)))
    end
    check_count(node.name, def, #node.args)
    local args = {}
    for at, arg in ipairs(node.args) do
        args[at] = self:node(arg)
        check_argument(node.name, args[at], def.args[at] or def.args[#def.args],
            at)
    end
    local kind = def.result
    if kind == "common" then
        kind = common_type(node.name, args, def.from or 1)
    elseif type(kind) == "function" then
        kind = kind(args)
    end
    return { op = "call", name = node.name, type = kind, args = args }
end

--- Typed node of a syntax node. `opaque` allows columns whose values can only
-- be tested for nil.
function Checker:node(node, opaque)
    self:count(1)
    local out
    if node.op == "name" then
        out = self:name(node)
        if not opaque and (out.type == "json" or out.type == "list"
            or out.type == "file") then
            fail("%s is %s: it can only be compared with nil",
                text.quote(node.name), said(out))
        end
    elseif node.op == "literal" then
        out = literal(node)
    elseif node.op == "call" then
        out = self:call(node)
    elseif node.op == "not" or node.op == "neg" then
        out = self:unary(node)
    else
        out = self:binary(node)
    end
    return out
end

-- The list of values served the checks only.
local function finish(node, level)
    if level > MAX_LEVELS then
        fail("nested deeper than %d levels, stored columns included",
            MAX_LEVELS)
    end
    node.values = nil
    for _, arg in ipairs(node.args or {}) do finish(arg, level + 1) end
    return node
end

--- Types a syntax tree.
-- @tparam table tree from lunette.model.expression.parse
-- @tparam table columns name → { name, type, values, pg, digits,
--   stored = function that returns the typed tree, or nil (in a circle) or
--   nil, true (its formula is wrong),
--   refused = why the column cannot be used }
-- @tparam boolean inline whether stored columns are replaced by their formula
-- @treturn[1] table typed tree
-- @treturn[2] nil
-- @treturn[2] string what is wrong
local function typing(tree, columns, inline)
    local checker = setmetatable(
        { columns = columns, inline = inline, nodes = 0 }, Checker)
    local ok, result = pcall(function()
        return finish(checker:node(tree), 1)
    end)
    if ok then return result end
    if type(result) == "table" and result.expression then
        return nil, result.expression
    end
    error(result, 0)
end

return typing
