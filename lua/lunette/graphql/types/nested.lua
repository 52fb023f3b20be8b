--- What a client sets through a relation: create, connect and their like.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.nested
local make = require("lunette.graphql.types.make")

local build = {}

-- Collects the verbs of one relation input. A one-sided relation shares its
-- inputs with all others that lead to the same model: `field` is nil there,
-- and the relation is the one of the surrounding "nested" field.
local function verb_list(schema, relation)
    local fields = {}
    local made = relation.opposite and relation.field or nil
    local function add(verb, type_name, many)
        local ref = many and schema:list_of(type_name)
            or schema:named(type_name)
        fields[#fields + 1] = make.field(verb, ref,
            { what = "verb", verb = verb, field = made })
    end
    return fields, add
end

function build.nestedCreate(schema, model, relation)
    local fields, add = verb_list(schema, relation)
    local many = relation.field.many
    if schema:has_create(model, relation.opposite) then
        add("create", relation.names.create_item, many)
    end
    if schema:has_unique(model) then
        add("connect", model.name .. "WhereUniqueInput", many)
    end
    return make.input("nestedCreate", fields)
end

local function nested_update_many(schema, model, relation)
    local fields, add = verb_list(schema, relation)
    local unique, own = model.name .. "WhereUniqueInput", relation.names
    if schema:has_create(model, relation.opposite) then
        add("create", own.create_item, true)
    end
    add("delete", unique, true)
    add("connect", unique, true)
    add("set", unique, true)
    add("disconnect", unique, true)
    if schema:has_update(model, relation.opposite) then
        add("update", own.update_item, true)
        if schema:has_create(model, relation.opposite) then
            add("upsert", own.upsert_item, true)
        end
    end
    add("deleteMany", model.name .. "ScalarWhereInput", true)
    if schema:has_update_many(model) then
        add("updateMany", own.update_many, true)
    end
    return make.input("nestedUpdate", fields)
end

local function nested_update_one(schema, model, relation)
    local fields, add = verb_list(schema, relation)
    local own = relation.names
    local has_create = schema:has_create(model, relation.opposite)
    if has_create then add("create", own.create_item) end
    if schema:has_update(model, relation.opposite) then
        add("update", own.update_data)
        if has_create then add("upsert", own.upsert) end
    end
    if not relation.field.required then
        add("delete", "Boolean")
        add("disconnect", "Boolean")
    end
    add("connect", model.name .. "WhereUniqueInput")
    return make.input("nestedUpdate", fields)
end

function build.nestedUpdate(schema, model, relation)
    local make_type = relation.field.many and nested_update_many
        or nested_update_one
    return make_type(schema, model, relation)
end

-- An input of required parts: rows of { name, type name }.
local function parts(schema, role, rows)
    local fields = {}
    for i, row in ipairs(rows) do
        fields[i] = make.field(row[1], schema:required(row[2]),
            { what = row[1] })
    end
    return make.input(role, fields)
end

function build.updateWithWhere(schema, model, relation)
    return parts(schema, "updateWithWhere", {
        { "where", model.name .. "WhereUniqueInput" },
        { "data", relation.names.update_data },
    })
end

function build.upsertWithWhere(schema, model, relation)
    return parts(schema, "upsertWithWhere", {
        { "where", model.name .. "WhereUniqueInput" },
        { "update", relation.names.update_data },
        { "create", relation.names.create_item },
    })
end

function build.upsertNested(schema, _, relation)
    return parts(schema, "upsertNested", {
        { "update", relation.names.update_data },
        { "create", relation.names.create_item },
    })
end

function build.updateManyWithWhere(schema, model)
    return parts(schema, "updateManyWithWhere", {
        { "where", model.name .. "ScalarWhereInput" },
        { "data", model.name .. "UpdateManyDataInput" },
    })
end

return build
