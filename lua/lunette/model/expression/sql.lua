--- Typed tree of an expression → SQL text.
--
-- Only immutable functions are used, so that the text can stand in a CHECK and
-- in a generated column. Quotients of exact numbers are rounded to 16 decimals:
-- PostgreSQL's own choice of digits depends on the values.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.expression.sql
local functions = require("lunette.model.expression.functions")

local OPERATORS = { ["and"] = "AND", ["or"] = "OR", ["=="] = "=", ["~="] = "<>",
    [".."] = "||" }
local LITERALS = { date = "DATE ", time = "TIME ", datetime = "TIMESTAMPTZ " }
local ORDER = { ["<"] = true, ["<="] = true, [">"] = true, [">="] = true }

local write

local function quoted(value)
    return "'" .. value:gsub("'", "''") .. "'"
end

local function value(node)
    if node.type == "bool" then return node.value and "TRUE" or "FALSE" end
    if node.type == "text" then return quoted(node.value) .. "::text" end
    if node.type == "uuid" then return quoted(node.value) .. "::uuid" end
    if LITERALS[node.type] then
        return LITERALS[node.type] .. quoted(node.value)
    end
    return node.value
end

local function identifier(name)
    return '"' .. name:gsub('"', '""') .. '"'
end

-- Cut behind 17 decimals, then rounded to 16: exact for every dividend.
local function quotient(node)
    local a, b = write(node.args[1]), write(node.args[2])
    if node.type == "float" then return ("(%s / %s)"):format(a, b) end
    return ("round(div(%s * 1e17, %s) * 1e-17, 16)"):format(a, b)
end

local function joined(node)
    local parts = {}
    for at, arg in ipairs(node.args) do
        parts[at] = write(arg)
        if arg.type ~= "text" then parts[at] = parts[at] .. "::text" end
    end
    return "(" .. table.concat(parts, " || ") .. ")"
end

local function infix(node)
    local a, b = write(node.args[1]), write(node.args[2])
    if ORDER[node.op] and node.args[1].type == "text" then
        a = a .. ' COLLATE "C"'
    end
    return ("(%s %s %s)"):format(a, OPERATORS[node.op] or node.op, b)
end

local function call(node)
    local def, args = functions[node.name], {}
    for at, arg in ipairs(node.args) do args[at] = write(arg) end
    local template = def.sql_all and #args == #def.args and def.sql_all
        or def.sql
    if (node.name == "min" or node.name == "max")
        and node.type == "text" then
        args[1] = args[1] .. ' COLLATE "C"'
    end
    args["*"] = table.concat(args, ", ")
    return (template:gsub("%$([%d*])", function(key)
        return args[tonumber(key) or key]
    end))
end

local WRITERS = {
    column = function(node) return identifier(node.name) end,
    value = value,
    call = call,
    ["/"] = quotient,
    [".."] = joined,
    cast = function(node)
        return ("(%s)::%s"):format(write(node.args[1]), node.pg)
    end,
    is_nil = function(node)
        return ("(%s IS NULL)"):format(write(node.args[1]))
    end,
    not_nil = function(node)
        return ("(%s IS NOT NULL)"):format(write(node.args[1]))
    end,
    ["not"] = function(node)
        return ("(NOT %s)"):format(write(node.args[1]))
    end,
    neg = function(node) return ("(- %s)"):format(write(node.args[1])) end,
}

write = function(node)
    return (WRITERS[node.op] or infix)(node)
end

return write
