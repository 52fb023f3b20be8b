--- Values of plans for specs: where a PARAM's value comes from, and its text.
--
-- The product does this in C (core/graphql/scalar.h); this stand-in takes what
-- the specs send and refuses the plainest mistakes.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.bind
local host = require("support.host")

local bind = {}

local function walk(node, out)
    if type(node) ~= "table" then return end
    if node.lit and node.kind then out[node.lit] = node end
    for _, inner in pairs(node) do walk(inner, out) end
end

--- Literal tokens of a document: number → AST node.
function bind.literals(doc)
    local out = {}
    walk(doc, out)
    return out
end

local function of_variable(src, variables)
    local value = variables[src.var]
    for _, key in ipairs(src.path or {}) do
        if type(value) ~= "table" then return nil end
        if type(key) == "number" then key = key + 1 end
        value = value[key]
    end
    return value
end

local function of_literal(node)
    if node.kind == "string" then return node.value end
    return tonumber(node.value)
end

--- The value of a SRC; nil when there is none.
function bind.value(src, scope)
    if src.lit then return of_literal(scope.literals[src.lit]) end
    if src.var then return of_variable(src, scope.variables) end
    if src.const then return src.const end
    if src.ctx then return scope.user end
    if src.list then
        local list = setmetatable({}, host.array_mt)
        for i, item in ipairs(src.list) do
            local value = bind.value(item, scope)
            list[i] = value == nil and host.null or value
        end
        return list
    end
    local value = bind.value(src.src, scope)
    if value == nil then return bind.value(src.default, scope) end
    return value
end

local function refuse(param, what)
    error({ input = ("%s: %s"):format(param.name or "value", what) }, 0)
end

local function is_literal(src)
    return src.lit ~= nil or src.list ~= nil
        and (src.list[1] == nil or is_literal(src.list[1]))
end

local function number(value, param)
    if type(value) ~= "number" then refuse(param, "not a number") end
    return ("%.17g"):format(value)
end

local function exact(value)
    if type(value) == "number" then return ("%.15g"):format(value) end
    return tostring(value)
end

local COERCE = {}

function COERCE.text(value, param)
    if type(value) ~= "string" then refuse(param, "not a string") end
    return value
end

function COERCE.id(value, param)
    if type(value) == "number" then return ("%d"):format(value) end
    return COERCE.text(value, param)
end

function COERCE.id_text(value, param)
    local text = COERCE.id(value, param)
    if #text > 25 then
        error({ input = ("Value for field %s is too long.")
            :format(param.name), code = 3007 }, 0)
    end
    return text
end

function COERCE.uuid(value, param)
    if not tostring(value):find("^%x+%-%x+%-%x+%-%x+%-%x+$") then
        refuse(param, "not a uuid")
    end
    return value
end

function COERCE.bool(value, param)
    if type(value) ~= "boolean" then refuse(param, "not a boolean") end
    return tostring(value)
end

function COERCE.timestamptz(value)
    local year = value:match("^%d%d%d%d$")
    if year then return year .. "-01-01T00:00:00.000Z" end
    if not value:find("[Z+]") then return value .. "Z" end
    return value
end

function COERCE.jsonb(value, param)
    if is_literal(param.src) then
        if type(value) ~= "string" or not host.json_decode(value) then
            refuse(param, "not JSON")
        end
        return value
    end
    if type(value) ~= "table" then refuse(param, "not JSON") end
    return #value == 0 and next(value) == nil and "[]" or host.json_encode(value)
end

function COERCE.enum(value, param)
    for _, allowed in ipairs(param.values) do
        if allowed == value then return value end
    end
    refuse(param, "not a value of the enum")
end

COERCE.int4, COERCE.float8 = number, number
COERCE.int8, COERCE.numeric = exact, exact
COERCE.date, COERCE.time = tostring, tostring

local function array(values, param)
    if type(values) ~= "table" then values = { values } end
    local parts = {}
    for i, value in ipairs(values) do
        local text = COERCE[param.type](value, param)
        parts[i] = '"' .. text:gsub('[\\"]', "\\%0") .. '"'
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

local function text_of(param, scope)
    local value = bind.value(param.src, scope)
    if value == nil or value == host.null then return host.null end
    if param.src.const then return param.src.const end
    if param.list then return array(value, param) end
    return COERCE[param.type](value, param)
end

--- Texts of PARAMs in order; raises {input=message} on a bad value.
function bind.texts(params, scope)
    local texts = {}
    for i, param in ipairs(params) do
        local ok, text = pcall(text_of, param, scope)
        if not ok and not param.invalid then error(text, 0) end
        texts[i] = ok and text or host.null
    end
    return texts
end

return bind
