--- What a client sets: the data of creates and updates.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.inputs
local make = require("lunette.graphql.types.make")
local rules = require("lunette.graphql.types.rules")

local build = {}

-- `verb`: "Create" or "Update".
local function scalar_input(schema, model, made, verb)
    local text = made.help or made.title
    if made.list then
        local name = model.name .. verb .. made.graphql .. "Input"
        return make.field(made.graphql, schema:named(name),
            { what = "list", field = made }, text)
    end
    local ref = schema:named(made.scalar)
    if verb == "Create" and rules.is_required(made) then
        ref = schema:nonnull(ref)
    end
    return make.field(made.graphql, ref, { what = "set", field = made }, text)
end

local function add_scalar_inputs(schema, fields, model, verb)
    local pick = verb == "Create" and rules.is_creatable or rules.is_updatable
    for _, made in ipairs(schema:shape(model).scalars) do
        if pick(made) then
            fields[#fields + 1] = scalar_input(schema, model, made, verb)
        end
    end
end

local function add_relation_inputs(schema, fields, model, verb, without)
    for _, made in ipairs(schema:shape(model).relations) do
        if made ~= without and not made.readonly then
            local own = schema:relation(made).names
            local ref = schema:named(verb == "Create" and own.create
                or own.update)
            if verb == "Create" and rules.is_required(made) then
                ref = schema:nonnull(ref)
            end
            fields[#fields + 1] = make.field(made.graphql, ref,
                { what = "nested", field = made }, made.help or made.title)
        end
    end
end

local function data_input(role, verb)
    return function(schema, model, without)
        local fields = {}
        add_scalar_inputs(schema, fields, model, verb)
        add_relation_inputs(schema, fields, model, verb, without)
        local type = make.input(role, fields)
        type.without = without
        return type
    end
end

build.create = data_input("create", "Create")
build.createWithout = data_input("createWithout", "Create")
build.update = data_input("update", "Update")
build.updateData = data_input("updateData", "Update")

local function scalars_input(role)
    return function(schema, model)
        local fields = {}
        add_scalar_inputs(schema, fields, model, "Update")
        return make.input(role, fields)
    end
end

build.updateMany = scalars_input("updateMany")
build.updateManyData = scalars_input("updateManyData")

function build.scalarList(schema, _, made)
    local type = make.input("scalarList", {
        make.field("set", schema:list_of(made.scalar),
            { what = "values", field = made }),
    })
    type.field = made
    return type
end

return build
