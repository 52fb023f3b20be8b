--- Which fields a client may or must set.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.types.rules
local rules = {}

local function is_given_by_server(made)
    return made.created or made.updated or made.stored or made.readonly
end

--- Whether a create may set the field. An id that counts is given by the
-- database.
function rules.is_creatable(made)
    if made.type == "id" then
        return made.scalar == "ID" or made.scalar == "UUID"
    end
    return not is_given_by_server(made)
end

--- Whether an update may set the field.
function rules.is_updatable(made)
    return made.type ~= "id" and not is_given_by_server(made)
end

--- Whether a create must set the field.
function rules.is_required(made)
    if made.type == "id" then return made.given or false end
    return made.required and made.default == nil and not made.list
        and not made.many
end

-- GraphQL scalar of a field → that of its aggregate. A sum must not overflow,
-- an average of whole numbers is not whole.
local SUMS = { Int = "Long", Long = "Decimal", Float = "Float",
    Decimal = "Decimal" }
local AVERAGES = { Int = "Float", Long = "Float", Float = "Float",
    Decimal = "Decimal" }
local RANGES = { Int = "Int", Long = "Long", Float = "Float",
    Decimal = "Decimal", DateTime = "DateTime", Date = "Date", Time = "Time",
    String = "String" }

rules.AGGREGATES = { "sum", "avg", "min", "max" }
local SCALARS = { sum = SUMS, avg = AVERAGES, min = RANGES, max = RANGES }

--- The GraphQL scalar of an aggregate ("sum", "avg", "min", "max") over a
-- field; nil when the field has no such aggregate.
function rules.aggregate(fn, made)
    if made.list or made.kind == "relation" then return nil end
    return SCALARS[fn][made.scalar]
end

--- Whether rows can be sorted by the field.
function rules.is_sortable(made)
    return made.kind == "scalar" and not made.list and made.type ~= "file"
end

--- Whether rows can be told apart by the field: what is compared as a whole,
-- and relations whose key stands in the row.
function rules.is_groupable(made)
    if made.kind == "relation" then return made.link.kind == "own" end
    return rules.is_sortable(made) and made.type ~= "json"
end

--- Whether `pick` says yes to an item of a list.
function rules.contains(list, pick)
    for _, item in ipairs(list) do
        if pick(item) then return true end
    end
    return false
end

return rules
