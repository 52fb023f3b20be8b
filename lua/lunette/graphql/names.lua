--- OpenCRUD names: every root field and type of a model is spelled here.
--
-- Schema, planners, gateway, admin and contract tests ask this module, so that
-- one model cannot be spelled in two ways.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.names
local found, words = pcall(require, "lunette.util.names")
if not found then words = { plural = function(w) return w .. "s" end } end

local names = {}

--- First letter lowered, nothing else: "AUser" → "aUser", "GC" → "gC".
function names.lower_first(word)
    return word:sub(1, 1):lower() .. word:sub(2)
end

--- First letter raised, nothing else: "createdBy" → "CreatedBy".
function names.upper_first(word)
    return word:sub(1, 1):upper() .. word:sub(2)
end

--- Plural of a model name; never equal to the name: "News" → "Newses".
function names.plural(model)
    local plural = words.plural(model)
    if plural == model then
        plural = model .. (model:sub(-1) == "s" and "es" or "s")
    end
    return names.upper_first(plural)
end

--- Root field names of one model.
-- @tparam string model GraphQL type name: "SalesOrder"
-- @treturn table one many connection create update upsert delete updateMany
-- deleteMany subscription → name
function names.roots(model)
    local plural = names.plural(model)
    return {
        one = names.lower_first(model),
        many = names.lower_first(plural),
        connection = names.lower_first(plural) .. "Connection",
        create = "create" .. model,
        update = "update" .. model,
        upsert = "upsert" .. model,
        delete = "delete" .. model,
        updateMany = "updateMany" .. plural,
        deleteMany = "deleteMany" .. plural,
        subscription = names.lower_first(model),
    }
end

--- Names of the inputs of one relation.
-- @tparam string target GraphQL name of the model at the other end
-- @tparam ?string opposite GraphQL name of the opposite field; nil: one-sided
-- @tparam string arity "Many", "One" or "OneRequired"
-- @treturn table
function names.relation(target, opposite, arity)
    local without = opposite and "Without" .. names.upper_first(opposite) or ""
    local nested = opposite and without or "Nested"
    local create_arity = arity == "Many" and "Many" or "One"
    return {
        create = target .. "Create" .. create_arity .. without .. "Input",
        create_item = target .. "Create" .. without .. "Input",
        update = target .. "Update" .. arity .. without .. "Input",
        update_data = target .. "Update" .. without .. "DataInput",
        update_item = target .. "UpdateWithWhereUnique" .. nested .. "Input",
        upsert = target .. "Upsert" .. nested .. "Input",
        upsert_item = target .. "UpsertWithWhereUnique" .. nested .. "Input",
        update_many = target .. "UpdateManyWithWhereNestedInput",
        update_many_data = target .. "UpdateManyDataInput",
    }
end

return names
