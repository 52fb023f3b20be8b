--- Literals and arguments against the types they stand for.
--
-- Of int, float and string literals only the kind is looked at: plans are
-- cached without the texts of literals, so the host reads those when a plan
-- runs. Variables are noted as uses, with the type that is expected there.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.validate.values
local builtin = require("lunette.graphql.builtin")
local report = require("lunette.graphql.validate.report")
local types = require("lunette.graphql.types")

local values = {}

local WRONG = {
    Int = "Int cannot represent non-integer value: %s",
    Float = "Float cannot represent non numeric value: %s",
    String = "String cannot represent a non string value: %s",
    Boolean = "Boolean cannot represent a non boolean value: %s",
    ID = "ID cannot represent a non-string and non-integer value: %s",
}

local check_value

local function report_unexpected(context, tref, value)
    context.report:add(value, 'Expected value of type "%s", found %s.',
        types.text(tref), report.show(value))
end

local function check_scalar(context, type, value, location)
    local scalar = builtin.SCALARS[type.name]
    if not scalar or scalar.literals[value.kind] then return end
    local message = WRONG[type.name]
    if message then
        context.report:add(value, message, report.show(value))
    else
        report_unexpected(context, location, value)
    end
end

local function check_enum(context, type, value)
    if value.kind == "enum" then
        if type.by[value.value] then return end
        context.report:add(value, 'Value "%s" does not exist in "%s" enum.%s',
            value.value, type.name, report.did_you_mean(value.value,
                report.names(type.values), "the enum value"))
        return
    end
    local shown = report.show(value)
    context.report:add(value,
        'Enum "%s" cannot represent non-enum value: %s.%s', type.name, shown,
        report.did_you_mean(shown, report.names(type.values),
            "the enum value"))
end

-- Without a type: only variables and duplicate names are of interest.
local function walk_untyped(context, value)
    if value.kind == "list" then
        for _, item in ipairs(value.items) do
            check_value(context, nil, item)
        end
    elseif value.kind == "object" then
        local seen = {}
        for _, field in ipairs(value.fields) do
            values.check_unique(context, seen, field, "input field")
            check_value(context, nil, field.value)
        end
    end
end

local function check_object(context, type, value, location)
    if value.kind ~= "object" then
        report_unexpected(context, location, value)
        return walk_untyped(context, value)
    end
    local seen = {}
    for _, entry in ipairs(value.fields) do
        local field = type.by[entry.name]
        values.check_unique(context, seen, entry, "input field")
        if not field then
            context.report:add(entry,
                'Field "%s" is not defined by type "%s".%s', entry.name,
                type.name,
                report.did_you_mean(entry.name, report.names(type.fields)))
        end
        check_value(context, field and field.type, entry.value)
    end
    for _, field in ipairs(type.fields) do
        if field.type.kind == "nonnull" and not seen[field.name] then
            context.report:add(value,
                'Field "%s.%s" of required type "%s" was not provided.',
                type.name, field.name, types.text(field.type))
        end
    end
end

local function check_named(context, tref, value, location)
    local type = context.schema:type(tref.name)
    if type.kind == "INPUT_OBJECT" then
        return check_object(context, type, value, location)
    elseif type.kind == "ENUM" then
        check_enum(context, type, value)
    else
        check_scalar(context, type, value, location)
    end
    walk_untyped(context, value)
end

local function use_variable(context, tref, value, has_default)
    local uses = context.definition.uses
    uses[#uses + 1] = { name = value.name, node = value, type = tref,
        has_default = has_default }
end

-- A value that is not a variable, where `tref` is expected. `location`: the
-- type to name in messages.
local function check_literal(context, tref, value, location)
    if tref.kind == "nonnull" then tref = tref.of end
    if tref.kind == "named" then
        return check_named(context, tref, value, location)
    elseif value.kind ~= "list" then
        return check_literal(context, tref.of, value, location)
    end
    for _, item in ipairs(value.items) do
        check_value(context, tref.of, item)
    end
end

-- Checks a value that stands where `tref` is expected (nil: nobody knows).
function check_value(context, tref, value, has_default)
    if value.kind == "var" then
        use_variable(context, tref, value, has_default)
    elseif not tref then
        walk_untyped(context, value)
    elseif value.kind ~= "null" then
        check_literal(context, tref, value, tref)
    elseif tref.kind == "nonnull" then
        context.report:add(value,
            'Expected value of type "%s", found null.', types.text(tref))
    end
end

values.check = check_value

--- Reports the second of two things of one name.
function values.check_unique(context, seen, node, what)
    if seen[node.name] then
        context.report:add(node, 'There can be only one %s named "%s".', what,
            node.name)
    end
    seen[node.name] = true
end

--- Checks the arguments of a field or directive.
-- @tparam table context
-- @tparam ?table def what takes them; nil: nobody knows
-- @tparam table node what has them
-- @tparam string owner such as 'field "Query.users"'
-- @tparam string short such as 'Field "users"'
function values.check_arguments(context, def, node, owner, short)
    local seen = {}
    for _, arg in ipairs(node.args or {}) do
        local known = def and def.args_by[arg.name]
        values.check_unique(context, seen, arg, "argument")
        if def and not known then
            context.report:add(arg, 'Unknown argument "%s" on %s.%s', arg.name,
                owner, report.did_you_mean(arg.name, report.names(def.args)))
        end
        check_value(context, known and known.type, arg.value,
            known and known.default ~= nil)
    end
    for _, arg in ipairs(def and def.args or {}) do
        if arg.type.kind == "nonnull" and not arg.default
            and not seen[arg.name] then
            context.report:add(node, '%s argument "%s" of type "%s" is '
                .. "required, but it was not provided.", short, arg.name,
                types.text(arg.type))
        end
    end
end

return values
