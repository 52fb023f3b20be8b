--- Text of an expression → syntax tree.
--
-- The grammar is Lua's for expressions, without tables, functions and indexing:
-- literals, names, calls of named functions, the operators below. Length and
-- depth are bounded, since the text may come from anywhere.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.model.expression.parse
local text = require("lunette.util.text")

local MAX_LENGTH = 2000
local MAX_DEPTH = 40

-- operator → { binding power left, right }
local BINARY = {
    ["or"] = { 1, 2 }, ["and"] = { 3, 4 },
    ["=="] = { 5, 6 }, ["~="] = { 5, 6 }, ["<"] = { 5, 6 }, ["<="] = { 5, 6 },
    [">"] = { 5, 6 }, [">="] = { 5, 6 },
    [".."] = { 8, 7 },
    ["+"] = { 9, 10 }, ["-"] = { 9, 10 },
    ["*"] = { 11, 12 }, ["/"] = { 11, 12 }, ["%"] = { 11, 12 },
}
local UNARY = 13
local KEYWORDS = { ["and"] = true, ["or"] = true, ["not"] = true,
    ["nil"] = true, ["true"] = true, ["false"] = true }
local INSTEAD = { ["="] = "==", ["!="] = "~=", ["<>"] = "~=", ["&&"] = "and",
    ["||"] = "or", ["!"] = "not", ["is"] = "== nil", ["IS"] = "== nil",
    ["AND"] = "and", ["OR"] = "or", ["NOT"] = "not", ["NULL"] = "nil",
    ["null"] = "nil" }
local ESCAPES = { n = "\n", t = "\t", ["\\"] = "\\", ['"'] = '"', ["'"] = "'" }

local Parser = {}
Parser.__index = Parser

local function fail(format, ...)
    error({ expression = format:format(...) }, 0)
end

-- Lexer ---------------------------------------------------------------------

local function read_string(source, at)
    local mark, out, start = source:sub(at, at), {}, at
    at = at + 1
    while true do
        local char = source:sub(at, at)
        if char == "" or char == "\n" then
            fail("unfinished text %s", text.quote(source:sub(start)))
        elseif char == mark then
            return table.concat(out), at + 1
        elseif char == "\\" then
            local next_char = source:sub(at + 1, at + 1)
            char = ESCAPES[next_char]
                or fail("unknown escape %s", text.quote("\\" .. next_char))
            at = at + 1
        elseif char:find("%c") then
            fail("control character in a text")
        end
        out[#out + 1] = char
        at = at + 1
    end
end

local function read_number(source, at)
    local number = source:match("^%d+%.?%d*", at)
    local stop = at + #number
    if number:sub(-1) == "." then -- `1..'a'` joins, `1.` is no number
        number, stop = number:sub(1, -2), stop - 1
    end
    if source:find("^[%a_]", stop) then
        fail("malformed number %s",
            text.quote(source:match("^[%w_.]+", at)))
    end
    return number, stop
end

local function read_symbol(source, at)
    for _, length in ipairs({ 2, 1 }) do
        local symbol = source:sub(at, at + length - 1)
        if #symbol == length and (BINARY[symbol] or INSTEAD[symbol]) then
            return symbol, at + length
        end
    end
    local symbol = source:sub(at, at)
    if not symbol:find("[(),]") then
        local character = source:match("^[\194-\244][\128-\191]*", at)
        fail("unexpected %s", text.quote(character or symbol))
    end
    return symbol, at + 1
end

local function read_token(source, at)
    if source:find("^[%a_]", at) then
        local word = source:match("^[%w_]+", at)
        local kind = KEYWORDS[word] and "symbol" or "name"
        return { kind = kind, value = word }, at + #word
    elseif source:find("^%d", at) then
        local number, stop = read_number(source, at)
        return { kind = "number", value = number }, stop
    elseif source:find("^[\"']", at) then
        local value, stop = read_string(source, at)
        return { kind = "text", value = value }, stop
    end
    local symbol, stop = read_symbol(source, at)
    return { kind = "symbol", value = symbol }, stop
end

local function tokens_of(source)
    local tokens, at = {}, source:find("%S")
    while at do
        local token, stop = read_token(source, at)
        tokens[#tokens + 1] = token
        at = source:find("%S", stop)
    end
    tokens[#tokens + 1] = { kind = "end", value = "the end" }
    return tokens
end

-- Parser --------------------------------------------------------------------

function Parser:peek()
    return self.tokens[self.at]
end

function Parser:take()
    local token = self.tokens[self.at]
    self.at = self.at + 1
    return token
end

function Parser:is(symbol)
    local token = self:peek()
    return token.kind == "symbol" and token.value == symbol
end

local function unexpected(token)
    local instead = token.kind ~= "text" and INSTEAD[token.value]
    if instead then
        fail("unexpected %s; here it is written %s", text.quote(token.value),
            text.quote(instead))
    elseif token.kind == "end" then
        fail("something is missing at the end")
    end
    fail("unexpected %s", text.quote(token.value))
end

function Parser:expect(symbol)
    if not self:is(symbol) then
        local token = self:peek()
        if token.kind == "end" then
            fail("%s is missing at the end", text.quote(symbol))
        end
        unexpected(token)
    end
    return self:take()
end

function Parser:arguments()
    local args = {}
    self:expect("(")
    if not self:is(")") then
        repeat
            args[#args + 1] = self:expression(0)
        until not self:is(",") or not self:take()
    end
    self:expect(")")
    return args
end

function Parser:primary()
    local token = self:take()
    if token.kind == "number" or token.kind == "text" then
        return { op = "literal", kind = token.kind, value = token.value }
    elseif token.kind == "name" then
        if self:is("(") then
            return { op = "call", name = token.value, args = self:arguments() }
        end
        if token.value:lower() == "null" then unexpected(token) end
        return { op = "name", name = token.value }
    elseif token.value == "true" or token.value == "false" then
        return { op = "literal", kind = "bool", value = token.value == "true" }
    elseif token.value == "nil" then
        return { op = "literal", kind = "nil" }
    elseif token.value == "(" then
        local inner = self:expression(0)
        self:expect(")")
        return inner
    elseif token.value == "not" then
        return { op = "not", args = { self:expression(UNARY) } }
    elseif token.value == "-" then
        return { op = "neg", args = { self:expression(UNARY) } }
    end
    unexpected(token)
end

function Parser:expression(power)
    self.depth = self.depth + 1
    if self.depth > MAX_DEPTH then
        fail("nested deeper than %d levels", MAX_DEPTH)
    end
    local left = self:primary()
    while true do
        local token = self:peek()
        local binding = token.kind == "symbol" and BINARY[token.value]
        if not binding or binding[1] < power then break end
        self:take()
        local right = self:expression(binding[2])
        left = { op = token.value, args = { left, right } }
        left.level = math.max(left.args[1].level or 1,
            left.args[2].level or 1) + 1
        if left.level > MAX_DEPTH then
            fail("more than %d operators in a row", MAX_DEPTH)
        end
    end
    self.depth = self.depth - 1
    return left
end

--- Parses an expression.
-- @tparam string source
-- @treturn[1] table syntax tree: nodes { op, args } and leaves
-- @treturn[2] nil
-- @treturn[2] string what is wrong
local function parse(source)
    if #source > MAX_LENGTH then
        return nil, ("longer than %d characters"):format(MAX_LENGTH)
    end
    local ok, result = pcall(function()
        local parser = setmetatable(
            { tokens = tokens_of(source), at = 1, depth = 0 }, Parser)
        local tree = parser:expression(0)
        local rest = parser:peek()
        if rest.kind ~= "end" then unexpected(rest) end
        return tree
    end)
    if ok then return result end
    if type(result) == "table" and result.expression then
        return nil, result.expression
    end
    error(result, 0)
end

return parse
