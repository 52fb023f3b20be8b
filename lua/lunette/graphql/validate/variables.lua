--- Variables of operations: defined, used, and used where they fit.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.validate.variables
local types = require("lunette.graphql.types")
local values = require("lunette.graphql.validate.values")

local variables = {}

local function is_input(type)
    return type.kind == "INPUT_OBJECT" or type.kind == "ENUM"
        or type.kind == "SCALAR"
end

--- Checks the definitions of one operation. Their types are made references
-- of the schema where the schema knows them.
function variables.check_definitions(context, operation)
    local seen = {}
    for _, def in ipairs(operation.variables) do
        if seen[def.name] then
            context.report:add(def,
                'There can be only one variable named "$%s".', def.name)
        end
        seen[def.name] = true
        local name = types.bottom(def.type)
        local type = context:known_type(name, def.type)
        if type and not is_input(type) then
            context.report:add(def,
                'Variable "$%s" cannot be non-input type "%s".', def.name,
                types.text(def.type))
            type = nil
        end
        context:check_directives(def, "VARIABLE_DEFINITION")
        if def.default then
            values.check(context, type and def.type, def.default)
        end
    end
end

-- Whether a value of type `given` fits where `wanted` stands. References may
-- be of the AST or of the schema.
local function fits(given, wanted)
    if wanted.kind == "nonnull" then
        return given.kind == "nonnull" and fits(given.of, wanted.of)
    end
    if given.kind == "nonnull" then return fits(given.of, wanted) end
    if wanted.kind == "list" or given.kind == "list" then
        return wanted.kind == given.kind and fits(given.of, wanted.of)
    end
    return given.name == wanted.name
end

local function is_allowed(def, use)
    local wanted = use.type
    if wanted.kind == "nonnull" and def.type.kind ~= "nonnull" then
        local has_value = def.default and def.default.kind ~= "null"
        if not has_value and not use.has_default then return false end
        wanted = wanted.of
    end
    return fits(def.type, wanted)
end

local function check_use(context, operation, defined, use)
    local def = defined[use.name]
    if not def then
        local by = operation.name
            and (' by operation "%s"'):format(operation.name) or ""
        context.report:add(use.node, 'Variable "$%s" is not defined%s.',
            use.name, by)
    elseif use.type and context.schema:type(types.bottom(def.type))
        and not is_allowed(def, use) then
        context.report:add(use.node,
            'Variable "$%s" of type "%s" used in position expecting type "%s".',
            use.name, types.text(def.type), types.text(use.type))
    end
end

--- Checks the uses of an operation's variables.
-- @tparam table context
-- @tparam table operation
-- @tparam {table,...} definitions the operation and the fragments it reaches,
-- as walked
function variables.check_uses(context, operation, definitions)
    local defined, used = {}, {}
    for _, def in ipairs(operation.variables) do
        defined[def.name] = defined[def.name] or def
    end
    for _, definition in ipairs(definitions) do
        for _, use in ipairs(definition.uses) do
            used[use.name] = true
            check_use(context, operation, defined, use)
        end
    end
    for _, def in ipairs(operation.variables) do
        if not used[def.name] then
            local where = operation.name
                and (' in operation "%s"'):format(operation.name) or ""
            context.report:add(def, 'Variable "$%s" is never used%s.', def.name,
                where)
        end
    end
end

return variables
