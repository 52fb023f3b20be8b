--- Fields of one response key must be one field.
--
-- Instead of comparing fields in pairs, the fields of a selection are grouped
-- by response key and each is compared with the first of its group; then the
-- merged sub-selections of a group are looked at as one. So the work grows
-- with the fields after spreading fragments, and that is bounded.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.graphql.validate.overlap
local report = require("lunette.graphql.validate.report")
local types = require("lunette.graphql.types")

local overlap = {}

-- Fields looked at in one document, after spreading fragments.
local MOST_FIELDS = 100000

local TooMany = {}

-- Collecting ----------------------------------------------------------------

local function is_composite(type)
    return type and (type.kind == "OBJECT" or type.kind == "INTERFACE")
end

local function add_field(work, groups, parent, node)
    local context = work.context
    context.merged = (context.merged or 0) + 1
    if context.merged > MOST_FIELDS then error(TooMany, 0) end
    local key = node.alias or node.name
    local group = groups[key]
    if not group then
        group = { key = key }
        groups[#groups + 1], groups[key] = group, group
    end
    group[#group + 1] = {
        node = node, parent = parent,
        def = is_composite(parent) and work.schema:field(parent, node.name)
            or nil,
    }
end

local function collect(work, groups, parent, list, spread)
    for _, node in ipairs(list) do
        if node.kind == "field" then
            add_field(work, groups, parent, node)
        elseif node.kind == "inline" then
            local type = node.on and work.schema:type(node.on) or parent
            collect(work, groups, type, node.selections, spread)
        else
            local fragment = work.fragments[node.name]
            if fragment and not spread[node.name] then
                spread[node.name] = true
                collect(work, groups, work.schema:type(fragment.on),
                    fragment.selections, spread)
            end
        end
    end
end

-- The sub-selections of many fields as one list of groups.
local function below(work, fields)
    local groups, spread = {}, {}
    for _, field in ipairs(fields) do
        if field.node.selections then
            local type = field.def
                and work.schema:type(types.bottom(field.def.type))
            collect(work, groups, type, field.node.selections, spread)
        end
    end
    return groups
end

-- Conflicts -----------------------------------------------------------------

-- `path`: the response keys from the outermost selection in which two fields
-- meet.
local function conflict(work, path, node, reason, ...)
    reason = reason:format(...)
    for i = #path, 2, -1 do
        reason = ('subfields "%s" conflict because %s'):format(path[i], reason)
    end
    work.report:add(node, 'Fields "%s" conflict because %s. Use different '
        .. "aliases on the fields to fetch both if this was intentional.",
        path[1], reason)
    work.failed = true
end

local function same_shape(schema, a, b)
    while a.kind ~= "named" or b.kind ~= "named" do
        if a.kind ~= b.kind then return false end
        a, b = a.of, b.of
    end
    if a.name == b.name then return true end
    return is_composite(schema:type(a.name))
        and is_composite(schema:type(b.name))
end

local check_shapes

local function check_shape(work, group, path)
    local first
    for _, field in ipairs(group) do
        if field.def and not first then
            first = field
        elseif field.def
            and not same_shape(work.schema, first.def.type, field.def.type) then
            return conflict(work, path, field.node,
                'they return conflicting types "%s" and "%s"',
                types.text(first.def.type), types.text(field.def.type))
        end
    end
    check_shapes(work, below(work, group), #group > 1 and path or {})
end

-- Whatever objects come back, one key has one shape.
function check_shapes(work, groups, path)
    for _, group in ipairs(groups) do
        path[#path + 1] = group.key
        check_shape(work, group, path)
        path[#path] = nil
        if work.failed then return end
    end
end

-- An object is of one type only, so fields on two different object types never
-- meet; those on an interface meet all.
local function partitions(group)
    local concrete, abstract, order = {}, {}, {}
    for _, field in ipairs(group) do
        local parent = field.parent
        if parent and parent.kind == "OBJECT" then
            if not concrete[parent.name] then
                concrete[parent.name] = {}
                order[#order + 1] = concrete[parent.name]
            end
            table.insert(concrete[parent.name], field)
        else
            abstract[#abstract + 1] = field
        end
    end
    if #order == 0 then return { abstract } end
    for _, part in ipairs(order) do
        for _, field in ipairs(abstract) do part[#part + 1] = field end
    end
    return order
end

local function has_literal(value)
    if value.lit then return true end
    for _, item in ipairs(value.items or {}) do
        if has_literal(item) then return true end
    end
    for _, field in ipairs(value.fields or {}) do
        if has_literal(field.value) then return true end
    end
    return false
end

local function arguments_text(work, node)
    local known = work.texts[node]
    if known then return known end
    local parts = {}
    for i, arg in ipairs(node.args or {}) do
        parts[i] = arg.name .. ":" .. report.print(arg.value)
        if has_literal(arg.value) then work.literals[node] = true end
    end
    table.sort(parts)
    known = table.concat(parts, ",")
    work.texts[node] = known
    return known
end

local check_parents

local function check_part(work, part, path)
    local first = part[1]
    for i = 2, #part do
        local node = part[i].node
        if node.name ~= first.node.name then
            return conflict(work, path, node,
                '"%s" and "%s" are different fields', first.node.name,
                node.name)
        elseif node ~= first.node then
            if arguments_text(work, first.node)
                ~= arguments_text(work, node) then
                return conflict(work, path, node,
                    "they have differing arguments")
            end
            work.compared = work.compared or work.literals[node] or false
        end
    end
    check_parents(work, below(work, part), #part > 1 and path or {})
end

-- What comes from one object under one key is one field.
function check_parents(work, groups, path)
    for _, group in ipairs(groups) do
        path[#path + 1] = group.key
        for _, part in ipairs(partitions(group)) do
            check_part(work, part, path)
            if work.failed then return end
        end
        path[#path] = nil
    end
end

local function check(work, root, operation)
    local groups = {}
    collect(work, groups, root, operation.selections, {})
    check_parents(work, groups, {})
    if not work.failed then check_shapes(work, groups, {}) end
end

--- Reports fields of an operation that cannot be merged; the first of them.
-- @treturn boolean whether texts of literals were compared, which the key of
-- a cached plan does not hold
function overlap.check(context, operation)
    if context.too_many_fields then return false end
    local work = {
        context = context, schema = context.schema,
        fragments = context.fragments, report = context.report,
        texts = {}, literals = {},
    }
    local ok, err = pcall(check, work, context.schema:root(operation.op),
        operation)
    if not ok and err ~= TooMany then error(err, 0) end
    if err == TooMany then
        context.too_many_fields = true
        context.report:add(operation,
            "The document has too many fields to be checked for conflicts.")
    end
    return work.compared or false
end

return overlap
