--- Random data and filters, and what a plain reading of a filter gives.
--
-- A filter is `{where=, test=}`: `where` is the argument as a list of {key,
-- value}, `test(row)` is true, false or nil (unknown). Nothing here knows SQL;
-- what is compared is the answer of PostgreSQL with that of Lua.
--
-- Values of arguments: Lua scalars, oracle.NULL, `{enum=}`, `{list=}`,
-- `{object=}` (such a list of {key, value}) and `{json=}`. JSON values: scalars,
-- oracle.NULL, `{array=}` and `{members=}`.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.oracle
local cjson = require("cjson")
local host = require("support.host")

local oracle = { NULL = cjson.null }

local NULL = oracle.NULL

oracle.MODEL = [[
type Parent {
  id: ID! @id  num: Int  word: String  size: Float  price: Decimal
  flag: Boolean  role: Role  seen: DateTime  day: Date
  tags: [String]  nums: [Int]  meta: Json
  children: [Child]  likes: [Child] @relation(name: "Likes")
}
type Child {
  id: ID! @id  num: Int  word: String  size: Float  price: Decimal
  flag: Boolean  role: Role  seen: DateTime  day: Date
  tags: [String]  nums: [Int]  meta: Json
  parent: Parent  likedBy: [Parent] @relation(name: "Likes")
}
enum Role { A B C }
]]

local WORDS = { "", "a", "ab", "b", "B", "AB", "B%", "_", "ba", "É", "é" }
local INTS = { 0, 1, 2, 3 }

local function array(...) return { array = { ... } } end
local function members(map) return { members = map } end

local DOCUMENTS = {
    members {}, members { a = 1 }, members { a = "x" }, members { a = NULL },
    members { a = "X", b = array(1, 2) }, members { a = true },
    members { a = members { b = "deep", c = 2.5 } },
    members { a = array("x", members { b = 1 }) },
    array(), array("a", "b"), array(1, members { a = 1 }), "a", 1, true, NULL,
}
local STEPS = { "a", "b", "c", "0", "1", "-1" }

-- Fields: name, GraphQL scalar and values; those with `list` hold lists.
oracle.FIELDS = {
    { name = "num", scalar = "Int", values = INTS },
    { name = "word", scalar = "String", values = WORDS },
    { name = "size", scalar = "Float", values = { -1.5, 0, 0.5, 2, 10000.25 } },
    { name = "price", scalar = "Decimal", values = { 0.1, 0.2, 0.3, 100 } },
    { name = "flag", scalar = "Boolean", values = { true, false } },
    { name = "role", scalar = "Role", values = { "A", "B", "C" }, enum = true },
    { name = "seen", scalar = "DateTime", values = {
        "1969-12-31T23:59:59.999Z", "2020-02-29T00:00:00.000Z",
        "2020-02-29T00:00:00.001Z" } },
    { name = "day", scalar = "Date", values = { "1999-12-31", "2020-02-29",
        "2020-03-01" } },
    { name = "tags", scalar = "String", values = WORDS, list = true },
    { name = "nums", scalar = "Int", values = INTS, list = true },
    { name = "meta", scalar = "Json", values = DOCUMENTS },
}

local function pick(list) return list[math.random(#list)] end
oracle.pick = pick

-- JSON ----------------------------------------------------------------------

local function json_text(value)
    if type(value) ~= "table" then return cjson.encode(value) end
    local parts = {}
    for i, item in ipairs(value.array or {}) do parts[i] = json_text(item) end
    if value.array then return "[" .. table.concat(parts, ",") .. "]" end
    for key, item in pairs(value.members) do
        parts[#parts + 1] = cjson.encode(key) .. ":" .. json_text(item)
    end
    table.sort(parts)
    return "{" .. table.concat(parts, ",") .. "}"
end

local function same_json(a, b) return json_text(a) == json_text(b) end

local function is_scalar(value)
    return type(value) ~= "table" or value == NULL
end

-- Whether `a` contains `b`, as jsonb has it.
local function contains(a, b)
    if is_scalar(b) or is_scalar(a) then return same_json(a, b) end
    if b.members and a.members then
        for key, item in pairs(b.members) do
            local own = a.members[key]
            if own == nil or not contains(own, item) then return false end
        end
        return true
    elseif b.array and a.array then
        for _, item in ipairs(b.array) do
            local found = false
            for _, own in ipairs(a.array) do
                found = found or contains(own, item)
            end
            if not found then return false end
        end
        return true
    end
    return false
end

-- An array contains a scalar too, but only at the top.
local function contains_at_top(a, b)
    if is_scalar(b) and not is_scalar(a) and a.array then
        return contains(a, array(b))
    end
    return contains(a, b)
end

-- What stands at a path; nil: nothing.
local function walk(value, path)
    for _, step in ipairs(path) do
        if is_scalar(value) then return nil end
        if value.members then
            value = value.members[step]
        else
            local at = tonumber(step)
            if at and at < 0 then at = at + #value.array end
            value = at and value.array[at + 1]
        end
        if value == nil then return nil end
    end
    return value
end

-- Data ----------------------------------------------------------------------

local function value_of(field)
    if field.list then
        local items = {}
        for i = 1, math.random(0, 3) do items[i] = pick(field.values) end
        return items
    end
    if math.random(4) == 1 and field.scalar ~= "Json" then return NULL end
    return pick(field.values)
end

local function row(id)
    local made = { id = id }
    for _, field in ipairs(oracle.FIELDS) do
        made[field.name] = value_of(field)
    end
    -- a field without a value, and not one that holds JSON's null
    made.null_meta = math.random(4) == 1
    return made
end

--- Twelve parents, twenty children, and who likes whom.
function oracle.family()
    local parents, children = {}, {}
    for i = 1, 12 do
        parents[i] = row(("p%02d"):format(i))
        parents[i].children, parents[i].likes = {}, {}
    end
    for i = 1, 20 do
        local child = row(("c%02d"):format(i))
        child.parent = math.random(5) > 1 and parents[math.random(8)] or NULL
        if child.parent ~= NULL then
            table.insert(child.parent.children, child)
        end
        child.likedBy = {}
        for _, parent in ipairs(parents) do
            if math.random(8) == 1 then
                table.insert(parent.likes, child)
                table.insert(child.likedBy, parent)
            end
        end
        children[i] = child
    end
    return { Parent = parents, Child = children }
end

local function quoted(text) return "'" .. text:gsub("'", "''") .. "'" end

local function sql_value(field, each)
    local value = each[field.name]
    if field.list then
        local items = {}
        for i, item in ipairs(value) do items[i] = '"' .. item .. '"' end
        return quoted("{" .. table.concat(items, ",") .. "}")
    elseif field.scalar == "Json" then
        return each.null_meta and "NULL" or quoted(json_text(value))
    end
    return value == NULL and "NULL" or quoted(tostring(value))
end

--- INSERT statements for a family.
function oracle.inserts(data)
    local script = {}
    for _, model in ipairs { "Parent", "Child" } do
        for _, each in ipairs(data[model]) do
            local names, values = { "id" }, { quoted(each.id) }
            for i, field in ipairs(oracle.FIELDS) do
                names[i + 1] = '"' .. field.name .. '"'
                values[i + 1] = sql_value(field, each)
            end
            if model == "Child" then
                names[#names + 1] = "parent"
                values[#values + 1] = each.parent == NULL and "NULL"
                    or quoted(each.parent.id)
            end
            script[#script + 1] = ("INSERT INTO test.%s (%s) VALUES (%s);")
                :format(model:lower(), table.concat(names, ", "),
                    table.concat(values, ", "))
        end
    end
    for _, parent in ipairs(data.Parent) do
        for _, child in ipairs(parent.likes) do
            script[#script + 1] = ("INSERT INTO test._likes (a, b) VALUES"
                .. " ('%s', '%s');"):format(child.id, parent.id)
        end
    end
    return table.concat(script, "\n")
end

-- Arguments -----------------------------------------------------------------

--- An argument's value as a literal of a document.
function oracle.literal(value)
    if value == NULL then return "null" end
    if type(value) == "string" then return '"' .. value .. '"' end
    if type(value) ~= "table" then return tostring(value) end
    if value.enum then return value.enum end
    if value.json ~= nil then
        return '"' .. json_text(value.json):gsub('["\\]', "\\%0") .. '"'
    end
    local parts = {}
    for i, item in ipairs(value.list or {}) do
        parts[i] = oracle.literal(item)
    end
    if value.list then return "[" .. table.concat(parts, ", ") .. "]" end
    for i, pair in ipairs(value.object) do
        parts[i] = pair[1] .. ": " .. oracle.literal(pair[2])
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
end

local function json_value(value)
    if is_scalar(value) then return value end
    local out = {}
    for i, item in ipairs(value.array or {}) do out[i] = json_value(item) end
    if value.array then return setmetatable(out, host.array_mt) end
    for key, item in pairs(value.members) do out[key] = json_value(item) end
    return out
end

--- An argument's value as that of a variable.
function oracle.variable(value)
    if type(value) ~= "table" then return value end
    if value == NULL then return NULL end
    if value.enum then return value.enum end
    if value.json ~= nil then return json_value(value.json) end
    local out = {}
    for i, item in ipairs(value.list or {}) do
        out[i] = oracle.variable(item)
    end
    if value.list then return setmetatable(out, host.array_mt) end
    for _, pair in ipairs(value.object) do
        out[pair[1]] = oracle.variable(pair[2])
    end
    return out
end

--- Whether a variable can hold it: a Json variable is an object or a list.
function oracle.fits_variable(value)
    if type(value) ~= "table" or value == NULL or value.enum then
        return true
    end
    if value.json ~= nil then return not is_scalar(value.json) end
    for _, item in ipairs(value.list or {}) do
        if not oracle.fits_variable(item) then return false end
    end
    for _, pair in ipairs(value.object or {}) do
        if not oracle.fits_variable(pair[2]) then return false end
    end
    return true
end

-- Truth ---------------------------------------------------------------------

local function negate(truth)
    if truth == nil then return nil end
    return not truth
end

local function all(tests)
    return function(each)
        local unknown = false
        for _, test in ipairs(tests) do
            local truth = test(each)
            if truth == false then return false end
            unknown = unknown or truth == nil
        end
        if unknown then return nil end
        return true
    end
end

local function any(tests)
    local negated = {}
    for i, test in ipairs(tests) do
        negated[i] = function(each) return negate(test(each)) end
    end
    local none = all(negated)
    return function(each) return negate(none(each)) end
end

local function unknown() return nil end

-- Scalars -------------------------------------------------------------------

local EQUAL = {
    [""] = function(a, b) return a == b end,
    _not = function(a, b) return a ~= b end,
}
local ORDERED = {
    _lt = function(a, b) return a < b end,
    _lte = function(a, b) return a <= b end,
    _gt = function(a, b) return a > b end,
    _gte = function(a, b) return a >= b end,
}
local TEXT = {
    _contains = function(a, b) return a:find(b, 1, true) ~= nil end,
    _starts_with = function(a, b) return a:sub(1, #b) == b end,
    _ends_with = function(a, b) return b == "" or a:sub(-#b) == b end,
}
for _, suffix in ipairs { "_contains", "_starts_with", "_ends_with" } do
    local positive = TEXT[suffix]
    TEXT["_not" .. suffix] = function(a, b) return not positive(a, b) end
end

local function fold(value)
    return type(value) == "string" and (value:lower():gsub("É", "é")) or value
end

local HAS_ORDER = { Int = true, Float = true, Decimal = true, String = true,
    DateTime = true, Date = true, ID = true }
local HAS_TEXT = { String = true, ID = true }

local function operators(scalar)
    local found = {}
    local function add(suffix, kind, compare)
        found[#found + 1] = { suffix = suffix, kind = kind, compare = compare }
    end
    for _, suffix in ipairs { "", "_not" } do
        add(suffix, "one", EQUAL[suffix])
    end
    if scalar ~= "Boolean" then add("_in", "list") add("_not_in", "list") end
    for _, suffix in ipairs(HAS_ORDER[scalar]
        and { "_lt", "_lte", "_gt", "_gte" } or {}) do
        add(suffix, "one", ORDERED[suffix])
    end
    for _, suffix in ipairs(HAS_TEXT[scalar] and { "_contains",
        "_starts_with", "_ends_with", "_not_contains", "_not_starts_with",
        "_not_ends_with" } or {}) do
        add(suffix, "one", TEXT[suffix])
    end
    return found
end

local function argument(spec, value)
    if spec.enum then return { enum = value } end
    return value
end

-- An operator and null: IS NULL, IS NOT NULL or unknown.
local function null_test(suffix, get)
    local is_null = suffix == "" or suffix == "_in"
    if not is_null and suffix ~= "_not" and suffix ~= "_not_in" then
        return unknown
    end
    return function(each) return (get(each) == NULL) == is_null end
end

local function one_test(operator, get, value, folded)
    if folded then value = fold(value) end
    return function(each)
        local own = get(each)
        if own == NULL then return nil end
        return operator.compare(folded and fold(own) or own, value)
    end
end

local function list_test(negated, get, values, folded)
    return function(each)
        local own = get(each)
        if #values == 0 then return negated end
        if own == NULL then return nil end
        for _, value in ipairs(values) do
            if value == own or folded and fold(value) == fold(own) then
                return not negated
            end
        end
        return negated
    end
end

-- A comparison of what `get` finds: {key=, value=, test=, op=, null=}.
local function comparison(spec, get, folded)
    local operator = pick(operators(spec.scalar))
    local out = { key = spec.name .. operator.suffix, op = operator.suffix }
    folded = folded and spec.scalar == "String"
    if math.random(8) == 1 then
        out.value, out.null = NULL, true
        out.test = null_test(operator.suffix, get)
    elseif operator.kind == "list" then
        local values, list = {}, {}
        for i = 1, math.random(0, 3) do
            values[i] = pick(spec.values)
            list[i] = argument(spec, values[i])
        end
        out.value = { list = list }
        out.test =
            list_test(operator.suffix == "_not_in", get, values, folded)
    else
        local value = pick(spec.values)
        out.value = argument(spec, value)
        out.test = one_test(operator, get, value, folded)
    end
    return out
end

-- Lists and Json ------------------------------------------------------------

local function has(list, wanted)
    for _, item in ipairs(list) do
        if item == wanted then return true end
    end
    return false
end

local function list_comparison(field)
    local op = pick { "_contains", "_contains_every", "_contains_some",
        "_is_empty" }
    local out = { key = field.name .. op, op = op }
    if math.random(8) == 1 then
        out.value, out.null, out.test = NULL, true, unknown
        return out
    elseif op == "_is_empty" then
        out.value = math.random(2) == 1
        out.test = function(each)
            return (#each[field.name] == 0) == out.value
        end
        return out
    end
    local wanted = {}
    for i = 1, op == "_contains" and 1 or math.random(0, 2) do
        wanted[i] = pick(field.values)
    end
    out.value = op == "_contains" and wanted[1] or { list = wanted }
    out.test = function(each)
        local hits = 0
        for _, item in ipairs(wanted) do
            if has(each[field.name], item) then hits = hits + 1 end
        end
        if op == "_contains_some" then return hits > 0 end
        return hits == #wanted
    end
    return out
end

local AT_PATH = {
    { name = "text", scalar = "String", values = { "x", "X", "deep", "a" },
        type = "string" },
    { name = "number", scalar = "Float", values = { 1, 2, 2.5 },
        type = "number" },
    { name = "bool", scalar = "Boolean", values = { true, false },
        type = "boolean" },
}

-- One entry of a JsonPathInput, and its test of what stands there (nil:
-- nothing).
local function path_entry(folded)
    local kind = math.random(5)
    if kind == 1 then
        local wanted = math.random(2) == 1
        return { key = "exists", op = "exists", value = wanted,
            test = function(place) return (place ~= nil) == wanted end }
    elseif kind == 2 then
        local op, wanted = pick { "equals", "contains" }, pick(DOCUMENTS)
        local compare = op == "equals" and same_json or contains_at_top
        return { key = op, op = op, value = { json = wanted },
            test = function(place)
                if place == nil then return nil end
                return compare(place, wanted)
            end }
    end
    local spec = pick(AT_PATH)
    local made = comparison(spec, function(place)
        if type(place) == spec.type then return place end
        return NULL
    end, folded)
    made.op = spec.name .. made.op
    return made
end

local function json_path(field, folded)
    local path, steps = {}, {}
    for i = 1, math.random(1, 2) do
        path[i] = pick(STEPS)
        steps[i] = path[i]
    end
    local entry = path_entry(folded)
    return {
        key = field.name .. "_path", op = "_path." .. entry.op,
        null = entry.null, value = { object = {
            { "path", { list = steps } }, { entry.key, entry.value } } },
        test = function(each)
            local place
            if not each.null_meta then
                place = walk(each[field.name], path)
            end
            return entry.test(place)
        end,
    }
end

local JSON = {}

function JSON.compare(op, positive)
    return function(field)
        local wanted = pick(DOCUMENTS)
        return { key = field.name .. op, op = op, value = { json = wanted },
            test = function(each)
                if each.null_meta then return nil end
                return positive(each[field.name], wanted)
            end }
    end
end

JSON.eq = JSON.compare("", same_json)
JSON.unequal = JSON.compare("_not", function(a, b)
    return not same_json(a, b)
end)
JSON.contains = JSON.compare("_contains", contains_at_top)

function JSON.has_key(field)
    local key = pick { "a", "b", "x" }
    return { key = field.name .. "_has_key", op = "_has_key", value = key,
        test = function(each)
            local own = each[field.name]
            if each.null_meta then return nil end
            if is_scalar(own) then return own == key end
            if own.members then return own.members[key] ~= nil end
            return has(own.array, key)
        end }
end

function JSON.null(field)
    local op = pick { "", "_not", "_contains", "_has_key" }
    return { key = field.name .. op, op = op, value = NULL, null = true,
        test = null_test(op, function(each)
            return each.null_meta and NULL or true
        end) }
end

local function json_comparison(field, folded)
    if math.random(2) == 1 then return json_path(field, folded) end
    return JSON[pick { "eq", "unequal", "contains", "has_key", "null" }](field)
end

-- Objects -------------------------------------------------------------------

local IDS = { name = "id", scalar = "ID", values = { "p01", "c03", "c1", "x" } }

local function scalar_filter(folded)
    local field = math.random(12) == 1 and IDS or pick(oracle.FIELDS)
    local made
    if field.list then
        made = list_comparison(field)
    elseif field.scalar == "Json" then
        made = json_comparison(field, folded)
    else
        made = comparison(field, function(each) return each[field.name] end,
            folded)
    end
    made.type = field.list and "[" .. field.scalar .. "]" or field.scalar
    return made
end

local object_filter

local function to_one_filter(depth, folded, note)
    if math.random(4) == 1 then
        return { key = "parent", value = NULL, op = "is", type = "relation",
            null = true, test = function(each) return each.parent == NULL end }
    end
    local inner = object_filter("Parent", depth - 1, folded, note)
    return { key = "parent", value = inner.where, op = "is", type = "relation",
        test = function(each)
            return each.parent ~= NULL and inner.test(each.parent) == true
        end }
end

local LISTS = {
    Parent = { { "children", "Child" }, { "likes", "Child" } },
    Child = { { "likedBy", "Parent" } },
}

local function to_many_filter(model, depth, folded, note)
    local list = pick(LISTS[model])
    local inner = object_filter(list[2], depth - 1, folded, note)
    local op = pick { "_some", "_every", "_none" }
    return { key = list[1] .. op, value = inner.where, op = op,
        type = "relation", test = function(each)
            local hits = 0
            for _, other in ipairs(each[list[1]]) do
                if inner.test(other) == true then hits = hits + 1 end
            end
            if op == "_some" then return hits > 0 end
            if op == "_none" then return hits == 0 end
            return hits == #each[list[1]]
        end }
end

local function bool_filter(model, depth, folded, note)
    local op, list, tests = pick { "AND", "OR", "NOT" }, {}, {}
    for i = 1, math.random(0, 3) do
        local inner = object_filter(model, depth - 1, folded, note)
        list[i], tests[i] = inner.where, inner.test
    end
    local test = op == "AND" and all(tests) or any(tests)
    return { key = op, value = { list = list }, op = op, type = "logic",
        test = op ~= "NOT" and test
            or function(each) return negate(test(each)) end }
end

local function entry(model, depth, folded, note)
    local kind = depth > 0 and math.random(8) or 1
    if kind <= 5 then return scalar_filter(folded) end
    if kind == 6 then return bool_filter(model, depth, folded, note) end
    if kind == 7 and model == "Child" then
        return to_one_filter(depth, folded, note)
    end
    return to_many_filter(model, depth, folded, note)
end

-- The mode that an object gets, if any.
local function mode(pairs_of, folded)
    if math.random(5) > 1 then return folded end
    local chosen = pick { "insensitive", "default", "null" }
    if chosen == "null" then
        pairs_of[1] = { "mode", NULL }
        return folded
    end
    pairs_of[1] = { "mode", { enum = chosen } }
    return chosen == "insensitive"
end

function object_filter(model, depth, folded, note, least)
    local entries, tests, seen = {}, {}, {}
    folded = mode(entries, folded)
    for _ = 1, math.random(least or 0, 2) do
        local made = entry(model, depth, folded, note)
        if not seen[made.key] then
            seen[made.key] = true
            entries[#entries + 1] = { made.key, made.value }
            tests[#tests + 1] = made.test
            note(made, depth, folded)
        end
    end
    return { where = { object = entries }, test = all(tests) }
end

--- A filter of rows of `model`, at most `depth` objects inside each other.
-- `note(made, depth, folded)` hears of every comparison {op=, type=, null=}.
function oracle.filter(model, depth, note)
    return object_filter(model, depth, false, note, 1)
end

return oracle
