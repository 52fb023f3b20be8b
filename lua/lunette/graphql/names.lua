--- OpenCRUD names: every root field and type of a model is spelled here.
--
-- Schema, planners, gateway, admin and contract tests ask this module, so that
-- one model cannot be spelled in two ways.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.names
local words = require("lunette.util.names")

local names = {}

--- Root field names of one model.
-- @tparam string model GraphQL type name: "SalesOrder"
-- @treturn table one many connection create update upsert delete updateMany
-- deleteMany subscription → name
function names.roots(model)
    local plural = words.plural(model)
    return {
        one = words.lower_first(model),
        many = words.lower_first(plural),
        connection = words.lower_first(plural) .. "Connection",
        create = "create" .. model,
        update = "update" .. model,
        upsert = "upsert" .. model,
        delete = "delete" .. model,
        updateMany = "updateMany" .. plural,
        deleteMany = "deleteMany" .. plural,
        subscription = words.lower_first(model),
    }
end

--- Names of what is added to the reference for one model. A name that the
-- reference gives to something else is not added (types/registry.lua).
-- @tparam string model GraphQL type name
-- @treturn table
function names.additions(model)
    return {
        groupBy = words.lower_first(words.plural(model)) .. "GroupBy",
        order = model .. "OrderByManyInput",
        distinct = model .. "DistinctField",
        sum = model .. "AggregateSum", avg = model .. "AggregateAvg",
        min = model .. "AggregateMin", max = model .. "AggregateMax",
        group = model .. "GroupBy", group_key = model .. "GroupByKey",
        group_field = model .. "GroupByField",
        group_order = model .. "GroupByOrderInput",
        having = model .. "GroupByHavingInput",
    }
end

--- Names of the types that are added once; the first that is free is taken.
names.SORT_ORDER = { "SortOrder", "LunetteSortOrder" }
names.QUERY_MODE = { "QueryMode", "LunetteQueryMode" }
names.JSON_PATH = { "JsonPathInput", "LunetteJsonPathInput" }

--- Names of the inputs of one relation.
-- @tparam string target GraphQL name of the model at the other end
-- @tparam ?string opposite GraphQL name of the opposite field; nil: one-sided
-- @tparam string arity "Many", "One" or "OneRequired"
-- @treturn table
function names.relation(target, opposite, arity)
    local without = opposite and "Without" .. words.upper_first(opposite) or ""
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
