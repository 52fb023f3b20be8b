-- Random filters, orders and windows: PostgreSQL's answer against a plain one
-- worked out in Lua, with three-valued logic. LUNETTE_SEED and LUNETTE_ROUNDS
-- ask for others and more.
local cjson = require("cjson")
local database = require("support.database")
local plans = require("support.plans")
local sets = require("support.sets")
local compile = require("lunette.orm.compile")

local MODEL = [[
type Parent { id: ID! @id  num: Int  word: String  children: [Child] }
type Child { id: ID! @id  num: Int  word: String  parent: Parent }
]]
local NULL = cjson.null
local WORDS = { "", "a", "ab", "b", "B%", "_", "ba" }

-- Data ----------------------------------------------------------------------

local function pick(list) return list[math.random(#list)] end

local function row(id)
    return {
        id = id, num = math.random(4) > 1 and math.random(0, 3) or NULL,
        word = math.random(4) > 1 and pick(WORDS) or NULL,
    }
end

local function family()
    local parents, children = {}, {}
    for i = 1, 12 do
        parents[i] = row(("p%02d"):format(i))
        parents[i].children = {}
    end
    for i = 1, 20 do
        local child = row(("c%02d"):format(i))
        child.parent = math.random(5) > 1 and parents[math.random(8)] or NULL
        if child.parent ~= NULL then table.insert(child.parent.children, child) end
        children[i] = child
    end
    return { Parent = parents, Child = children }
end

local function literal(value)
    if value == NULL then return "NULL" end
    if type(value) == "table" then value = value.id end
    return "'" .. tostring(value) .. "'"
end

local function inserts(data)
    local script = {}
    for _, each in ipairs(data.Parent) do
        script[#script + 1] = ("INSERT INTO test.parent (id, num, word) VALUES"
            .. " (%s, %s, %s);"):format(literal(each.id), literal(each.num),
            literal(each.word))
    end
    for _, each in ipairs(data.Child) do
        script[#script + 1] = ("INSERT INTO test.child (id, num, word, parent)"
            .. " VALUES (%s, %s, %s, %s);"):format(literal(each.id),
            literal(each.num), literal(each.word), literal(each.parent))
    end
    return table.concat(script, "\n")
end

-- Filters: {text=, test=function(row) → true, false or nil (unknown)} --------

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

local COMPARE = {
    [""] = function(a, b) return a == b end,
    _not = function(a, b) return a ~= b end,
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

local function on_value(field, compare, value)
    return function(each)
        if each[field] == NULL then return nil end
        return compare(each[field], value)
    end
end

local function sorted_pick(map)
    local keys = {}
    for key in pairs(map) do keys[#keys + 1] = key end
    table.sort(keys)
    local key = pick(keys)
    return key, map[key]
end

local function quoted(value)
    return type(value) == "string" and '"' .. value .. '"' or tostring(value)
end

local function null_filter(field)
    local is_null = math.random(2) == 1
    local suffix = pick(is_null and { "", "_in" } or { "_not", "_not_in" })
    return { text = field .. suffix .. ": null", test = function(each)
        return (each[field] == NULL) == is_null
    end }
end

local function list_filter(field, value)
    local values, texts = {}, {}
    for i = 1, math.random(0, 3) do
        values[i] = value()
        texts[i] = quoted(values[i])
    end
    local negated = math.random(2) == 1
    return {
        text = ("%s%s: [%s]"):format(field, negated and "_not_in" or "_in",
            table.concat(texts, ", ")),
        test = function(each)
            if #values == 0 then return negated end
            if each[field] == NULL then return nil end
            for _, one in ipairs(values) do
                if one == each[field] then return not negated end
            end
            return negated
        end,
    }
end

local function scalar_filter()
    local field = pick { "num", "word" }
    local function value()
        return field == "num" and math.random(0, 3) or pick(WORDS)
    end
    local kind = math.random(5)
    if kind == 1 then return null_filter(field) end
    if kind == 2 then return list_filter(field, value) end
    local operand = value()
    local suffix, compare = sorted_pick(COMPARE)
    if field == "word" and kind == 3 then
        suffix, compare = sorted_pick(TEXT)
        if math.random(2) == 1 then
            local positive = compare
            suffix = "_not" .. suffix
            compare = function(a, b) return not positive(a, b) end
        end
    end
    return { text = ("%s%s: %s"):format(field, suffix, quoted(operand)),
        test = on_value(field, compare, operand) }
end

local object_filter

local function to_one_filter(depth)
    if math.random(4) == 1 then
        return { text = "parent: null",
            test = function(each) return each.parent == NULL end }
    end
    local inner = object_filter("Parent", depth - 1)
    return { text = "parent: " .. inner.text, test = function(each)
        return each.parent ~= NULL and inner.test(each.parent) == true
    end }
end

local function to_many_filter(depth)
    local inner = object_filter("Child", depth - 1)
    local op = pick { "some", "every", "none" }
    return { text = ("children_%s: %s"):format(op, inner.text),
        test = function(each)
            local hits = 0
            for _, child in ipairs(each.children) do
                if inner.test(child) == true then hits = hits + 1 end
            end
            if op == "some" then return hits > 0 end
            if op == "none" then return hits == 0 end
            return hits == #each.children
        end }
end

local function bool_filter(model, depth)
    local op, parts, tests = pick { "AND", "OR", "NOT" }, {}, {}
    for i = 1, math.random(0, 3) do
        local inner = object_filter(model, depth - 1)
        parts[i], tests[i] = inner.text, inner.test
    end
    local test = op == "AND" and all(tests) or any(tests)
    return {
        text = ("%s: [%s]"):format(op, table.concat(parts, ", ")),
        test = op ~= "NOT" and test or function(each)
            return negate(test(each))
        end,
    }
end

function object_filter(model, depth)
    local parts, tests, seen = {}, {}, {}
    for _ = 1, math.random(0, 2) do
        local kind = depth > 0 and math.random(4) or 1
        local made = kind <= 2 and scalar_filter()
            or kind == 3 and bool_filter(model, depth)
            or model == "Child" and to_one_filter(depth)
            or to_many_filter(depth)
        local name = made.text:match("^[%w_]+")
        if not seen[name] then
            seen[name] = true
            parts[#parts + 1], tests[#tests + 1] = made.text, made.test
        end
    end
    return { text = "{ " .. table.concat(parts, ", ") .. " }",
        test = all(tests) }
end

-- Windows -------------------------------------------------------------------

local function sort(rows, field, desc)
    table.sort(rows, function(a, b)
        local x, y = a[field], b[field]
        if x ~= y then
            if x == NULL then return desc end
            if y == NULL then return not desc end
            if desc then return x > y end
            return x < y
        end
        return a.id < b.id
    end)
end

local function slice(list, from, to)
    local out = {}
    for i = math.max(from, 1), math.min(to, #list) do out[#out + 1] = list[i] end
    return out
end

-- What lies beyond a cursor row, which itself need not be in the list.
local function beyond(rows, cursor, after, field, desc)
    local kept = {}
    for _, each in ipairs(rows) do
        local pair = { each, cursor }
        sort(pair, field, desc)
        if each ~= cursor and (pair[1] == cursor) == after then
            kept[#kept + 1] = each
        end
    end
    return kept
end

local function window(model, data)
    local field, desc = pick { "id", "num", "word" }, math.random(2) == 1
    local args = { ("orderBy: %s_%s"):format(field, desc and "DESC" or "ASC") }
    local steps = {}
    for _, side in ipairs { "after", "before" } do
        if math.random(3) == 1 then
            local cursor = pick(data[model])
            args[#args + 1] = ('%s: "%s"'):format(side, cursor.id)
            steps[#steps + 1] = function(rows)
                return beyond(rows, cursor, side == "after", field, desc)
            end
        end
    end
    local skip = math.random(3) == 1 and math.random(0, 3) or 0
    if skip > 0 then args[#args + 1] = "skip: " .. skip end
    local kind, n = math.random(3), math.random(0, 5)
    if kind == 1 then args[#args + 1] = "first: " .. n end
    if kind == 2 then args[#args + 1] = "last: " .. n end
    return table.concat(args, ", "), function(rows)
        sort(rows, field, desc)
        for _, step in ipairs(steps) do rows = step(rows) end
        if kind == 1 then return slice(rows, skip + 1, skip + n) end
        if kind == 2 then
            return slice(rows, #rows - skip - n + 1, #rows - skip)
        end
        return slice(rows, skip + 1, #rows)
    end
end

-- Rounds --------------------------------------------------------------------

local ROOTS = { Parent = "parents", Child = "children" }

local function question(data)
    local model = pick { "Parent", "Child" }
    local filter, args, cut = object_filter(model, 3), window(model, data)
    local rows = {}
    for _, each in ipairs(data[model]) do
        if filter.test(each) == true then rows[#rows + 1] = each end
    end
    local ids = {}
    for i, each in ipairs(cut(rows)) do ids[i] = each.id end
    return {
        text = ("%s(where: %s, %s) { id }"):format(ROOTS[model], filter.text,
            args),
        expected = table.concat(ids, " "),
    }
end

describe("random lists", function()
    if not database.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end

    it("are what a plain reading of the filter gives", function()
        math.randomseed(tonumber(os.getenv("LUNETTE_SEED")) or 7)
        local set = sets.from_datamodel(MODEL)
        local service = compile.service(set, { strict = true })
        for _ = 1, tonumber(os.getenv("LUNETTE_ROUNDS")) or 5 do
            local data = family()
            database.create(set)
            database.run(inserts(data))
            local questions, texts = {}, {}
            for i = 1, 60 do
                questions[i] = question(data)
                texts[i] = ("q%d: %s"):format(i, questions[i].text)
            end
            local plan, doc = plans.compile(service,
                "{" .. table.concat(texts, "\n") .. "}")
            local found = database.fetch_all(assert(plan, doc), doc)
            for i, each in ipairs(questions) do
                local ids = {}
                for j, item in ipairs(found["q" .. i]) do ids[j] = item.id end
                assert.equal(each.expected, table.concat(ids, " "), each.text)
            end
        end
    end)
end)
