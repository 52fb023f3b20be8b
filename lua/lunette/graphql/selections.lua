--- Merged selections: fragments spread, directives decided, equal response
-- keys made one (GraphQL, "CollectFields").
--
-- The document has been validated before. A merged field is an item
--
--     {key=, name=, def=FIELD of the schema, ast=, lists={selections, ...}}
--
-- where `lists` are the sub-selections of all its occurrences.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.selections
local input = require("lunette.graphql.input")
local types = require("lunette.graphql.types")

local selections = {}

local Selections = {}
Selections.__index = Selections

--- A collector for one operation.
-- @tparam table schema
-- @tparam table operation OP of the AST
-- @tparam table fragments name → FRAG
-- @tparam table variables
function selections.new(schema, operation, fragments, variables)
    return setmetatable({
        schema = schema, operation = operation, fragments = fragments,
        variables = variables or {},
    }, Selections)
end

-- Directives ----------------------------------------------------------------

local function default_of(operation, name)
    for _, variable in ipairs(operation.variables or {}) do
        if variable.name == name then return variable.default end
    end
end

-- The truth of a directive's `if`.
local function truth(self, value)
    if value.kind == "var" then
        local given = self.variables[value.name]
        if given ~= nil then return given == true end
        value = default_of(self.operation, value.name)
    end
    return value ~= nil and value.value == true
end

local function is_kept(self, node)
    for _, directive in ipairs(node.directives or {}) do
        local name, arg = directive.name, directive.args and directive.args[1]
        if name == "skip" and truth(self, arg.value) then return false end
        if name == "include" and not truth(self, arg.value) then
            return false
        end
    end
    return true
end

-- Collecting ----------------------------------------------------------------

local function applies(type, condition)
    if not condition or condition == type.name then return true end
    for _, interface in ipairs(type.interfaces or {}) do
        if (interface.name or interface) == condition then return true end
    end
    return false
end

local collect
local COLLECT = {}

function COLLECT.field(self, out, type, _, node)
    local key = node.alias or node.name
    local item = out[key]
    if not item then
        item = { key = key, name = node.name, ast = node, lists = {},
            def = self.schema:field(type, node.name) }
        out[#out + 1], out[key] = item, item
    end
    if node.selections then item.lists[#item.lists + 1] = node.selections end
end

function COLLECT.spread(self, out, type, seen, node)
    if seen[node.name] then return end
    seen[node.name] = true
    local fragment = self.fragments[node.name]
    if applies(type, fragment.on) then
        collect(self, out, type, seen, fragment.selections)
    end
end

function COLLECT.inline(self, out, type, seen, node)
    if applies(type, node.on) then
        collect(self, out, type, seen, node.selections)
    end
end

function collect(self, out, type, seen, list)
    for _, node in ipairs(list) do
        if is_kept(self, node) then
            COLLECT[node.kind](self, out, type, seen, node)
        end
    end
end

--- The items of `lists` on `type`, in response order.
function Selections:collect(type, lists)
    local out, seen = {}, {}
    for _, list in ipairs(lists) do collect(self, out, type, seen, list) end
    return out
end

--- The items below `item`, on its own type or the object type `type_name`.
function Selections:of(item, type_name)
    if not type_name and item.below then return item.below end
    local type = self.schema:type(type_name or types.bottom(item.def.type))
    local below = self:collect(type, item.lists)
    if not type_name then item.below = below end
    return below
end

-- Arguments -----------------------------------------------------------------

--- The arguments of an item that were given: name → NODE. An input of the
-- wrong shape is raised as a table {input_error=error}.
function Selections:args(item)
    if item.args then return item.args end
    local args, err = input.arguments(self.schema, item.def,
        item.ast.args or {}, self.variables, self.operation.variables)
    if not args then error({ input_error = err }, 0) end
    item.args = args
    return args
end

return selections
