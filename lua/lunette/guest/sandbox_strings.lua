--- The string library of apps.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.sandbox_strings
local native = native
local error, select, tostring, type, unpack =
    error, select, tostring, type, unpack
local string = string
local metafield = native.metafield

local strings = {}

local NAMED = { number = true, boolean = true, ["nil"] = true, cdata = true }

--- As tostring, without addresses.
function strings.tostring(value)
    local kind = type(value)
    if kind == "string" then return value end
    if NAMED[kind] then return tostring(value) end
    local make = kind == "table" and metafield(value, "__tostring")
    if not make then return kind end
    local text = make(value)
    if type(text) ~= "string" then
        error("'__tostring' must return a string", 2)
    end
    return text
end

local function format(template, ...)
    local args = { ... }
    for at = 1, select("#", ...) do
        if type(args[at]) ~= "number" then
            args[at] = strings.tostring(args[at])
        end
    end
    return string.format(template, unpack(args, 1, select("#", ...)))
end

strings.library = {
    byte = string.byte, char = string.char, find = string.find,
    format = format, gmatch = string.gmatch, gsub = string.gsub,
    len = string.len, lower = string.lower, match = string.match,
    rep = string.rep, reverse = string.reverse, sub = string.sub,
    upper = string.upper,
}

return strings
