--- Spelling of names: snake_case, camelCase, plurals.
--
-- Every generator asks this module, so that one name cannot be spelled in two
-- ways.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.util.names
local plural = require("lunette.util.plural")

local names = {}

--- from_date → fromDate. What has no underscore stays: ArtistId, fromDate.
function names.snake_to_camel(name)
    return (name:gsub("(.)_+(%w)", function(left, right)
        return left .. right:upper()
    end))
end

--- OrderLine → order_line, AUser → a_user, GC → gc, HTTPServer → http_server.
function names.camel_to_snake(name)
    local snake = name:gsub("(%u)(%u%l)", "%1_%2"):gsub("([%l%d])(%u)", "%1_%2")
    return (snake:gsub("__+", "_"):lower())
end

--- Order → order; only the first letter, so AUser → aUser and GC → gC.
function names.lower_first(name)
    return name:sub(1, 1):lower() .. name:sub(2)
end

--- order → Order
function names.upper_first(name)
    return name:sub(1, 1):upper() .. name:sub(2)
end

local cache = {}

--- Plural of a model's name: Todo → Todoes, Child → Children, GC → GCs.
-- Always differs from the singular: News → Newses.
function names.plural(name)
    local found = cache[name]
    if not found then
        found = names.upper_first(plural(name))
        cache[name] = found
    end
    return found
end

--- The list field of a model: Todo → todoes, GC → gCs.
function names.list_field(name)
    return names.lower_first(names.plural(name))
end

return names
