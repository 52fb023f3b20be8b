--- Parts that types are made of.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.make
local make = {}

--- An input field or argument.
function make.field(name, tref, meta, description)
    return { name = name, type = tref, meta = meta or {},
        description = description }
end

local NO_ARGS = {}

--- Gives a field its arguments.
function make.with_args(made, args)
    made.args, made.args_by = args or NO_ARGS, {}
    for _, arg in ipairs(made.args) do made.args_by[arg.name] = arg end
    return made
end

--- A field of an object, without arguments.
function make.output(name, tref, meta, description)
    return make.with_args(make.field(name, tref, meta, description))
end

--- An object type; its name comes later.
function make.object(role, fields)
    return { kind = "OBJECT", role = role, fields = fields }
end

--- An input type; its name comes later.
function make.input(role, fields)
    return { kind = "INPUT_OBJECT", role = role, fields = fields }
end

--- An enum of `{name=, ...}` values.
function make.enum(role, values)
    local by = {}
    for _, value in ipairs(values) do by[value.name] = value end
    return { kind = "ENUM", role = role, values = values, by = by }
end

--- An enum whose values decide how a plan looks, so that they belong to its
-- key in the cache.
function make.choice(role, values)
    local type = make.enum(role, values)
    type.decides = true
    return type
end

--- The arguments of a list of a model, the same for all its lists: the seven of
-- the reference, and what is added to them.
function make.list_args(schema, model)
    local args = schema.list_arguments[model]
    if args then return args end
    local function arg(name, type_name)
        return make.field(name, schema:named(type_name))
    end
    args = {
        arg("where", model.name .. "WhereInput"),
        arg("orderBy", model.name .. "OrderByInput"),
        arg("skip", "Int"), arg("after", "String"), arg("before", "String"),
        arg("first", "Int"), arg("last", "Int"),
    }
    local added = schema:additions(model)
    if added.order then
        args[#args + 1] = make.field("orderByMany",
            schema:list_of(added.order))
    end
    if added.distinct then
        args[#args + 1] = make.field("distinct",
            schema:list_of(added.distinct))
    end
    schema.list_arguments[model] = args
    return args
end

return make
