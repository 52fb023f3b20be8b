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
    return made.required and made.default == nil and not made.list
        and not made.many and made.type ~= "id"
end

--- Whether `pick` says yes to an item of a list.
function rules.contains(list, pick)
    for _, item in ipairs(list) do
        if pick(item) then return true end
    end
    return false
end

return rules
