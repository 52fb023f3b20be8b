--- OpenCRUD errors: number, text and `extensions.code` of each.
--
-- Every function gives `{message=, code=, ext=}`: `code` is the number that
-- clients of OpenCRUD look at (nil where it has none). The texts are those of
-- the reference, to the letter; only names and the caller's own input appear
-- in them.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.errors
local errors = {}

local function reason(ext, code, message, ...)
    if select("#", ...) > 0 then message = message:format(...) end
    return { message = message, code = code, ext = ext }
end

--- 3000: arguments that no other number describes.
function errors.arguments(message)
    return reason("BAD_USER_INPUT", 3000, "%s", message)
end

--- 3001
function errors.invalid_id(id)
    return reason("BAD_USER_INPUT", 3001, "The given id '%s' is invalid.", id)
end

--- 3007: an id over 25 characters, a text over its size.
function errors.too_long(field)
    return reason("BAD_USER_INPUT", 3007, "Value for field %s is too long.",
        field)
end

--- 3010
function errors.unique(model, field)
    return reason("CONFLICT", 3010, "A unique constraint would be violated on"
        .. " %s. Details: Field name = %s", model, field)
end

--- 3011
function errors.no_reference(id)
    return reason("CONFLICT", 3011, "You are referencing a node that does not"
        .. " exist. Please check your mutation to make sure you are only"
        .. " creating edges between existing nodes. Id if available: %s",
        id or "")
end

--- 3014
function errors.first_and_last()
    return reason("BAD_USER_INPUT", 3014, "Including a value for both first and"
        .. " last is not supported. See the spec for a discussion of why"
        .. " https://facebook.github.io/relay/graphql/connections.htm"
        .. "#sec-Pagination-algorithm")
end

--- 3019
function errors.read_only(field)
    return reason("BAD_USER_INPUT", 3019, "The field %s is read only.", field)
end

--- 3020
function errors.null(field)
    return reason("VALIDATION_FAILED", 3020, "You are trying to set a required"
        .. " field to null. If you are using GraphQL arguments, make sure that"
        .. " you specify a value for all arguments. Fieldname if known: %s",
        field)
end

local NEGATIVE = { first = 3026, last = 3027, skip = 3028 }

--- 3026, 3027, 3028, for "first", "last" or "skip".
function errors.negative(argument)
    return reason("BAD_USER_INPUT", NEGATIVE[argument],
        "The '%s' argument must be non negative", argument)
end

--- 3032: a create that leaves a required relation empty.
function errors.missing(field, model)
    return reason("VALIDATION_FAILED", 3032, "The field '%s' on type '%s' is"
        .. " required. Performing this mutation would violate that constraint",
        field, model)
end

--- 3033
function errors.to_many_null(field)
    return reason("BAD_USER_INPUT", 3033, "The field '%s' is a toMany relation."
        .. " This cannot be filtered by null.", field)
end

--- 3035
function errors.constraint(message)
    return reason("VALIDATION_FAILED", 3035, "The input value violated one or"
        .. " more constraints: %s", message)
end

--- 3036: an explicit null where the default was meant.
function errors.null_default(field, model)
    return reason("VALIDATION_FAILED", 3036, "The input value null was not"
        .. " valid for field %s of type %s.", field, model)
end

--- 3037
function errors.not_json(field, value)
    return reason("BAD_USER_INPUT", 3037,
        "The value in the field '%s' is not a valid Json: '%s'", field, value)
end

--- 3039: the selector hits no row.
function errors.absent(model, field, value)
    return reason("NOT_FOUND", 3039, "No Node for the model %s with value %s"
        .. " for %s found.", model, tostring(value), field)
end

--- 3040
function errors.no_unique(model)
    return reason("BAD_USER_INPUT", 3040, "You provided an invalid argument for"
        .. " the where selector on %s. Please provide exactly one unique field"
        .. " and value.", model)
end

-- " with the value 'v' for the field 'f'", or nothing
local function known(selector)
    if not selector then return "" end
    return (" with the value '%s' for the field '%s'")
        :format(tostring(selector.value), selector.field)
end

--- 3041. `relation` is `{name=, parent=, child=}` with the names of the models;
-- `parent` and `child` are `{field=, value=}` where the selector of that side
-- is known.
function errors.unconnected(relation, parent, child)
    return reason("NOT_FOUND", 3041, "The relation %s has no node for the model"
        .. " %s%s connected to a %s for the model %s%s%s",
        relation.name, relation.parent, known(parent),
        parent and "node" or "Node", relation.child, known(child),
        parent and child and "" or " on your mutation path.")
end

--- 3042. `relation` as above; the models are named in alphabetical order.
function errors.required(relation)
    local a, b = relation.parent, relation.child
    if b < a then a, b = b, a end
    return reason("CONFLICT", 3042, "The change you are trying to make would"
        .. " violate the required relation '%s' between %s and %s",
        relation.name, a, b)
end

--- 3045
function errors.many_unique(model)
    return reason("BAD_USER_INPUT", 3045, "You provided more than one field for"
        .. " the unique selector on %s. If you want that behavior you can use"
        .. " the many query and combine fields with AND / OR.", model)
end

--- The roles of the caller do not allow it.
function errors.forbidden()
    return reason("FORBIDDEN", nil, "this operation is not allowed")
end

--- In the schema of the reference, not built yet. `what` is a path or name.
function errors.not_implemented(what)
    return reason("NOT_IMPLEMENTED", nil, "'%s' is not built yet", what)
end

--- A value of a variable or argument that its type does not take.
function errors.input(message)
    return reason("BAD_USER_INPUT", nil, "%s", message)
end

--- The document breaks a rule of GraphQL.
function errors.invalid(message)
    return reason("GRAPHQL_VALIDATION_FAILED", nil, "%s", message)
end

--- A limit of the service; `limit` names it.
function errors.limit(limit, max)
    local made = reason("LIMIT_EXCEEDED", nil, "the limit '%s' of %s is"
        .. " exceeded", limit, tostring(max))
    made.limit, made.max = limit, max
    return made
end

--- The row has another version than the client saw.
function errors.stale()
    return { ext = "STALE_VERSION",
        message = "the record has changed since it was read" }
end

return errors
