--- Prints a schema as sorted SDL.
--
-- Equal, byte for byte and descriptions aside, to what graphql-js makes of it
-- by `printSchema(lexicographicSortSchema(schema))`, so that two schemas can
-- be compared as texts.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.sdl
local builtin = require("lunette.graphql.builtin")
local types = require("lunette.graphql.types")

local sdl = {}

-- The digits at `at` as a number, and the place after them; a leading zero
-- stands alone, as in graphql-js.
local function read_number(text, at)
    local digits = text:match("^0", at) or text:match("^%d+", at)
    return tonumber(digits), at + #digits
end

--- Whether `a` comes before `b`: by bytes, but runs of digits as numbers.
function sdl.before(a, b)
    local i, j = 1, 1
    while i <= #a and j <= #b do
        local x, y = a:byte(i), b:byte(j)
        if x >= 48 and x <= 57 and y >= 48 and y <= 57 then
            x, i = read_number(a, i)
            y, j = read_number(b, j)
        else
            i, j = i + 1, j + 1
        end
        if x ~= y then return x < y end
    end
    return #a - i < #b - j
end

local function by_name(a, b)
    return sdl.before(a.name, b.name)
end

local function sorted(list)
    local copy = {}
    for i, item in ipairs(list) do copy[i] = item end
    table.sort(copy, by_name)
    return copy
end

local function add_description(out, text, indent)
    if not out.descriptions or not text then return end
    text = text:gsub('"""', '\\"""'):gsub("\n", "\n" .. indent)
    out[#out + 1] = ('%s"""%s"""\n'):format(indent, text)
end

local function arguments(field)
    if not field.args or #field.args == 0 then return "" end
    local parts = {}
    for i, arg in ipairs(sorted(field.args)) do
        local default = arg.default and " = " .. arg.default or ""
        parts[i] = arg.name .. ": " .. types.text(arg.type) .. default
    end
    return "(" .. table.concat(parts, ", ") .. ")"
end

local function add_fields(out, type)
    for _, field in ipairs(sorted(type.fields)) do
        add_description(out, field.description, "  ")
        out[#out + 1] = ("  %s%s: %s\n"):format(field.name, arguments(field),
            types.text(field.type))
    end
end

local KEYWORDS = { OBJECT = "type", INTERFACE = "interface",
    INPUT_OBJECT = "input", ENUM = "enum" }

local function add_type(out, type)
    add_description(out, type.description, "")
    if type.kind == "SCALAR" then
        out[#out + 1] = "scalar " .. type.name .. "\n"
        return
    end
    local head = KEYWORDS[type.kind] .. " " .. type.name
    if type.interfaces and #type.interfaces > 0 then
        head = head .. " implements " .. table.concat(type.interfaces, " & ")
    end
    out[#out + 1] = head
    if type.values then
        out[#out + 1] = " {\n"
        for _, value in ipairs(sorted(type.values)) do
            add_description(out, value.description, "  ")
            out[#out + 1] = "  " .. value.name .. "\n"
        end
        out[#out + 1] = "}\n"
    elseif #type.fields > 0 then
        out[#out + 1] = " {\n"
        add_fields(out, type)
        out[#out + 1] = "}\n"
    else
        out[#out + 1] = "\n"
    end
end

local function add_directive(out, made)
    add_description(out, made.description, "")
    out[#out + 1] = ("directive @%s%s on %s\n"):format(made.name,
        arguments(made), table.concat(made.locations, " | "))
end

-- Those that every schema has are not printed.
local function add_directives(out, schema)
    local specified = builtin.directives({ strict = true })
    for _, made in ipairs(sorted(builtin.directives(schema))) do
        if not specified[made.name] then
            if #out > 0 then out[#out + 1] = "\n" end
            add_directive(out, made)
        end
    end
end

local function is_printed(name)
    local scalar = builtin.SCALARS[name]
    return not (scalar and scalar.specified)
end

--- The schema as text.
-- @tparam table schema made by lunette.graphql.types
-- @tparam ?table opts `descriptions`: print them too
function sdl.print(schema, opts)
    local out = { descriptions = opts and opts.descriptions }
    add_directives(out, schema)
    local all = {}
    for i, name in ipairs(schema:names()) do all[i] = name end
    table.sort(all, sdl.before)
    for _, name in ipairs(all) do
        if is_printed(name) then
            if #out > 0 then out[#out + 1] = "\n" end
            add_type(out, schema:type(name))
        end
    end
    return table.concat(out)
end

return sdl
