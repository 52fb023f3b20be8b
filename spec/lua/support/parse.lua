--- A GraphQL parser for specs only: text in, the AST of the compiler out.
--
-- The product's parser is C (core/graphql/parser.h) and hands Lua the same
-- shape; this one lets a spec run without the host. It reports a syntax error
-- by `error()`, with line and column.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.parse
local parse = {}

local ESCAPES = {
    ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n",
    r = "\r", t = "\t",
}

local function utf8_char(code)
    if code < 0x80 then return string.char(code) end
    if code < 0x800 then
        return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64)
    end
    if code < 0x10000 then
        return string.char(0xE0 + math.floor(code / 4096),
            0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
    end
    return string.char(0xF0 + math.floor(code / 262144),
        0x80 + math.floor(code / 4096) % 64,
        0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local function unescape(raw)
    raw = raw:gsub("\\u([dD][89abAB]%x%x)\\u([dD][c-fC-F]%x%x)",
        function(high, low)
            return utf8_char(0x10000 + (tonumber(high, 16) - 0xD800) * 1024
                + tonumber(low, 16) - 0xDC00)
        end)
    return (raw:gsub("\\(.)(%x?%x?%x?%x?)", function(char, hex)
        if char == "u" then return utf8_char(tonumber(hex, 16)) end
        return (ESCAPES[char] or char) .. hex
    end))
end

-- The text of a block string: common indent off, blank first and last lines
-- off (GraphQL 2.9.4).
local function block_value(raw)
    local lines = {}
    for line in (raw:gsub('\\"""', '"""'):gsub("\r\n?", "\n") .. "\n")
        :gmatch("(.-)\n") do
        lines[#lines + 1] = line
    end
    local indent
    for i = 2, #lines do
        local space = #lines[i]:match("^[ \t]*")
        if space < #lines[i] and (not indent or space < indent) then
            indent = space
        end
    end
    for i = 2, #lines do lines[i] = lines[i]:sub((indent or 0) + 1) end
    while lines[1] and not lines[1]:find("[^ \t]") do table.remove(lines, 1) end
    while lines[1] and not lines[#lines]:find("[^ \t]") do
        lines[#lines] = nil
    end
    return table.concat(lines, "\n")
end

local function scan_string(text, at)
    if text:sub(at, at + 2) == '"""' then
        local from = at + 3
        while true do
            local stop = text:find('"""', from, true)
            if not stop then return nil end
            if text:sub(stop - 1, stop - 1) ~= "\\" then
                return block_value(text:sub(at + 3, stop - 1)), stop + 3
            end
            from = stop + 3
        end
    end
    local from = at + 1
    while true do
        local stop = text:find('["\\\n]', from)
        local char = stop and text:sub(stop, stop)
        if not char or char == "\n" then return nil end
        if char == '"' then
            return unescape(text:sub(at + 1, stop - 1)), stop + 1
        end
        from = stop + 2
    end
end

--- All tokens of a text: `{kind=, value=, line=, col=}`, kind one of
-- name int float string punct eof.
function parse.tokens(text)
    local tokens, at, line, line_start = {}, 1, 1, 1
    local function add(kind, value, stop)
        tokens[#tokens + 1] = {
            kind = kind, value = value, line = line, col = at - line_start + 1,
        }
        for break_at in text:sub(at, stop - 1):gmatch("()\n") do
            line, line_start = line + 1, at + break_at
        end
        at = stop
    end
    while true do
        local char = text:sub(at, at)
        if char == "" then break end
        if char == "\n" then
            line, line_start, at = line + 1, at + 1, at + 1
        elseif char:find("[%s,]") then
            at = at + 1
        elseif char == "#" then
            at = text:find("\n", at, true) or #text + 1
        elseif text:sub(at, at + 2) == "\239\187\191" then
            at = at + 3
        elseif char:find("[%a_]") then
            local word = text:match("^[%w_]+", at)
            add("name", word, at + #word)
        elseif char:find("[%d-]") then
            local number = text:match("^-?%d+[%d.eE+-]*", at)
            if not number then
                error(("%d:%d: bad number")
                    :format(line, at - line_start + 1), 0)
            end
            local kind = number:find("[.eE]") and "float" or "int"
            add(kind, number, at + #number)
        elseif char == '"' then
            local value, stop = scan_string(text, at)
            if not value then
                error(("%d:%d: unterminated string")
                    :format(line, at - line_start + 1), 0)
            end
            add("string", value, stop)
        elseif text:sub(at, at + 2) == "..." then
            add("punct", "...", at + 3)
        elseif char:find("[!$&()%[%]{}:=@|]") then
            add("punct", char, at + 1)
        else
            error(("%d:%d: unexpected '%s'")
                :format(line, at - line_start + 1, char), 0)
        end
    end
    add("eof", "", at)
    return tokens
end

local Parser = {}
Parser.__index = Parser

function Parser:peek(value)
    local token = self.tokens[self.at]
    return token.kind ~= "string" and token.value == value
        and token.kind ~= "eof"
end

function Parser:fail(what)
    local token = self.tokens[self.at]
    error(("%d:%d: expected %s, found '%s'")
        :format(token.line, token.col, what, token.value), 0)
end

function Parser:take(value)
    if not self:peek(value) then self:fail("'" .. value .. "'") end
    self.at = self.at + 1
    return self.tokens[self.at - 1]
end

function Parser:try(value)
    if not self:peek(value) then return nil end
    return self:take(value)
end

function Parser:name()
    local token = self.tokens[self.at]
    if token.kind ~= "name" then self:fail("a name") end
    self.at = self.at + 1
    return token.value, token
end

function Parser:many(open, close, item)
    local list = {}
    if not self:try(open) then return list end
    repeat
        list[#list + 1] = item(self)
    until self:try(close)
    return list
end

function Parser:value(const)
    local token = self.tokens[self.at]
    local node = { line = token.line, col = token.col }
    local kind, value = token.kind, token.value
    if kind == "int" or kind == "float" or kind == "string" then
        node.kind, node.value, node.lit = kind, value, self.lits
        self.lits, self.at = self.lits + 1, self.at + 1
    elseif kind == "name" then
        self.at = self.at + 1
        if value == "true" or value == "false" then
            node.kind, node.value = "bool", value == "true"
        elseif value == "null" then
            node.kind = "null"
        else
            node.kind, node.value = "enum", value
        end
    elseif value == "$" and not const then
        self.at = self.at + 1
        node.kind, node.name = "var", (self:name())
    elseif self:try("[") then
        node.kind, node.items = "list", {}
        while not self:try("]") do
            node.items[#node.items + 1] = self:value(const)
        end
    elseif self:try("{") then
        node.kind, node.fields = "object", {}
        while not self:try("}") do
            local name, at = self:name()
            self:take(":")
            node.fields[#node.fields + 1] = {
                name = name, value = self:value(const),
                line = at.line, col = at.col,
            }
        end
    else
        self:fail("a value")
    end
    return node
end

function Parser:type()
    local token = self.tokens[self.at]
    local node
    if self:try("[") then
        node = { kind = "list", of = self:type() }
        self:take("]")
    else
        node = { kind = "named", name = (self:name()) }
    end
    node.line, node.col = token.line, token.col
    if self:try("!") then
        return { kind = "nonnull", of = node, line = token.line,
            col = token.col }
    end
    return node
end

function Parser:arguments(const)
    return self:many("(", ")", function()
        local name, token = self:name()
        self:take(":")
        return {
            name = name, value = self:value(const),
            line = token.line, col = token.col,
        }
    end)
end

function Parser:directives(const)
    local list = {}
    while self:peek("@") do
        local token = self:take("@")
        list[#list + 1] = {
            name = (self:name()), args = self:arguments(const),
            line = token.line, col = token.col,
        }
    end
    return list
end

function Parser:selection()
    local token = self.tokens[self.at]
    local node = { line = token.line, col = token.col }
    if self:try("...") then
        local word = self.tokens[self.at]
        if word.kind == "name" and word.value ~= "on" then
            node.kind, node.name = "spread", (self:name())
            node.directives = self:directives()
            return node
        end
        node.kind = "inline"
        if self:try("on") then node.on = self:name() end
        node.directives = self:directives()
        node.selections = self:selections()
        return node
    end
    node.kind, node.name = "field", (self:name())
    if self:try(":") then node.alias, node.name = node.name, (self:name()) end
    node.args, node.directives = self:arguments(), self:directives()
    if self:peek("{") then node.selections = self:selections() end
    return node
end

function Parser:selections()
    if not self:peek("{") then self:fail("'{'") end
    return self:many("{", "}", self.selection)
end

function Parser:variable()
    local token = self:take("$")
    local node = { name = (self:name()), line = token.line, col = token.col }
    self:take(":")
    node.type = self:type()
    if self:try("=") then node.default = self:value(true) end
    node.directives = self:directives(true)
    return node
end

function Parser:operation()
    local token = self.tokens[self.at]
    local node = { op = "query", line = token.line, col = token.col,
        variables = {}, directives = {} }
    if not self:peek("{") then
        node.op = self:name()
        if self.tokens[self.at].kind == "name" then node.name = self:name() end
        node.variables = self:many("(", ")", self.variable)
        node.directives = self:directives()
    end
    node.selections = self:selections()
    return node
end

function Parser:fragment()
    local token = self:take("fragment")
    if self:peek("on") then self:fail("a fragment name") end
    local node = { name = (self:name()), line = token.line, col = token.col }
    self:take("on")
    node.on = self:name()
    node.directives = self:directives()
    node.selections = self:selections()
    return node
end

--- Parses an executable document; anything else is an error.
function parse.document(text)
    local parser = setmetatable(
        { tokens = parse.tokens(text), at = 1, lits = 0 }, Parser)
    local doc = { operations = {}, fragments = {} }
    repeat
        if parser:peek("fragment") then
            doc.fragments[#doc.fragments + 1] = parser:fragment()
        elseif parser:peek("{") or parser:peek("query")
            or parser:peek("mutation") or parser:peek("subscription") then
            doc.operations[#doc.operations + 1] = parser:operation()
        else
            parser:fail("an operation or a fragment")
        end
    until parser.tokens[parser.at].kind == "eof"
    return doc
end

--- Parses one value, as in an argument.
function parse.value(text)
    local parser = setmetatable(
        { tokens = parse.tokens(text), at = 1, lits = 0 }, Parser)
    return parser:value()
end

--- Parses one type reference: "[User!]!".
function parse.type(text)
    local parser = setmetatable(
        { tokens = parse.tokens(text), at = 1, lits = 0 }, Parser)
    return parser:type()
end

return parse
