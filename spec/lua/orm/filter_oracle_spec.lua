-- Random filters, orders, windows and groups: PostgreSQL's answer against a
-- plain one worked out in Lua, with three-valued logic (support/oracle.lua).
--
-- LUNETTE_FILTERS=10000 asks for more, LUNETTE_SEED for others; with either a
-- histogram of what was compared is printed.
-- SPDX-License-Identifier: Apache-2.0
local database = require("support.database")
local oracle = require("support.oracle")
local plans = require("support.plans")
local sets = require("support.sets")
local compile = require("lunette.orm.compile")

local NULL = oracle.NULL
local pick = oracle.pick
local FILTERS = tonumber(os.getenv("LUNETTE_FILTERS")) or 600
local AT_ONCE = 50

-- Orders --------------------------------------------------------------------

local SORTED = { "id", "num", "word", "size", "flag", "role", "day" }

-- A key: {arg for orderByMany, of = function(row) → value, desc}.
local function random_key(model)
    local name, desc = pick(SORTED), math.random(2) == 1
    local direction = { enum = desc and "DESC" or "ASC" }
    if model == "Child" and math.random(3) == 1 then
        return { desc = desc, arg = { object = {
            { "parent", { object = { { name, direction } } } } } },
            of = function(each)
                return each.parent == NULL and NULL or each.parent[name]
            end }
    end
    return { desc = desc, name = name,
        arg = { object = { { name, direction } } },
        of = function(each) return each[name] end }
end

local ID = { desc = false, of = function(each) return each.id end }

local function rank(value)
    if type(value) == "boolean" then return value and 1 or 0 end
    return value
end

-- Whether `a` comes before `b`: NULL is greater than any value.
local function before(keys, a, b)
    for _, key in ipairs(keys) do
        local x, y = key.of(a), key.of(b)
        if x ~= y then
            if x == NULL then return key.desc end
            if y == NULL then return not key.desc end
            if key.desc then return rank(x) > rank(y) end
            return rank(x) < rank(y)
        end
    end
    return false
end

local function sort(rows, keys)
    table.sort(rows, function(a, b) return before(keys, a, b) end)
end

local function random_order(model)
    local keys, args = {}, {}
    if math.random(3) == 1 then
        keys[1] = random_key("Parent")
        args[1] = { "orderBy", { enum = ("%s_%s"):format(keys[1].name,
            keys[1].desc and "DESC" or "ASC") } }
    elseif math.random(4) > 1 then
        local list = {}
        for i = 1, math.random(1, 3) do
            keys[i] = random_key(model)
            list[i] = keys[i].arg
        end
        args[1] = { "orderByMany", { list = list } }
    end
    keys[#keys + 1] = ID
    return keys, args
end

-- Windows -------------------------------------------------------------------

local function slice(list, from, to)
    local out = {}
    for i = math.max(from, 1), math.min(to, #list) do
        out[#out + 1] = list[i]
    end
    return out
end

local function distinct_key(each, names)
    local parts = {}
    for i, name in ipairs(names) do
        local value = each[name]
        if type(value) == "table" then value = value.id end
        parts[i] = tostring(value)
    end
    return table.concat(parts, "|")
end

local function keep_first(rows, names)
    if not names then return rows end
    local out, seen = {}, {}
    for _, each in ipairs(rows) do
        local key = distinct_key(each, names)
        if not seen[key] then
            seen[key] = true
            out[#out + 1] = each
        end
    end
    return out
end

local function random_distinct(model, args)
    if math.random(4) > 1 then return nil end
    local names, list = {}, {}
    for i = 1, math.random(1, 2) do
        names[i] = pick { "num", "flag", "role", model == "Child" and "parent"
            or "word" }
        list[i] = { enum = names[i] }
    end
    args[#args + 1] = { "distinct", { list = list } }
    return names
end

local function random_cursors(rows, args)
    local cursors = {}
    for _, side in ipairs { "after", "before" } do
        if math.random(3) == 1 then
            cursors[side] = pick(rows)
            args[#args + 1] = { side, cursors[side].id }
        end
    end
    return cursors
end

local function random_cut(args)
    local cut = { skip = math.random(3) == 1 and math.random(0, 3) or nil }
    local kind = math.random(3)
    if kind == 1 then cut.first = math.random(0, 5) end
    if kind == 2 then cut.last = math.random(0, 5) end
    for _, name in ipairs { "skip", "first", "last" } do
        if cut[name] then args[#args + 1] = { name, cut[name] } end
    end
    return cut
end

-- The page of a list that is sorted and told apart, and whether the list goes
-- on before and after it.
local function page_of(rows, keys, cursors, cut)
    local within, earlier, later = {}, false, false
    for _, each in ipairs(rows) do
        local behind = cursors.after and not before(keys, cursors.after, each)
        local beyond = cursors.before and not before(keys, each, cursors.before)
        earlier, later = earlier or behind, later or beyond
        if not behind and not beyond then within[#within + 1] = each end
    end
    local skip, count = cut.skip or 0, #within
    local skipped = skip > 0 and count > 0
    local page
    if cut.last then
        page = slice(within, count - skip - cut.last + 1, count - skip)
        return page, (earlier or count - skip > cut.last) and true or false,
            (later or skipped) and true or false
    end
    page = slice(within, skip + 1, cut.first and skip + cut.first or count)
    return page, (earlier or skipped) and true or false,
        (later or cut.first ~= nil and count - skip > cut.first) and true
            or false
end

-- Answers -------------------------------------------------------------------

local function ids(rows, of)
    local out = {}
    for i, each in ipairs(rows) do out[i] = (of and of(each) or each).id end
    return table.concat(out, " ")
end

-- count, sum, min and max as a text.
local function aggregate_of(rows)
    local sum, least, greatest
    for _, each in ipairs(rows) do
        if each.num ~= NULL then sum = (sum or 0) + each.num end
        if each.day ~= NULL then
            least = (not least or each.day < least) and each.day or least
        end
        if each.word ~= NULL then
            greatest = (not greatest or each.word > greatest) and each.word
                or greatest
        end
    end
    return ("%d %s %s '%s'"):format(#rows, tostring(sum), tostring(least),
        tostring(greatest))
end

local AGGREGATE = "{ count sum { num } min { day } max { word } }"

local function text_or_nil(value)
    if value == NULL then return "nil" end
    return tostring(value)
end

local function aggregate_text(found)
    return ("%d %s %s '%s'"):format(found.count, text_or_nil(found.sum.num),
        text_or_nil(found.min.day), text_or_nil(found.max.word))
end

local ROOTS = { Parent = "parents", Child = "children" }

-- Questions: {field, args, selection, expected, read = function(found)} ------

local function matching(data, model, filter)
    local rows = {}
    for _, each in ipairs(data[model]) do
        if filter.test(each) == true then rows[#rows + 1] = each end
    end
    return rows
end

local function list_question(data, model, filter)
    local keys, args = random_order(model)
    local names = random_distinct(model, args)
    local cursors, cut = random_cursors(data[model], args), random_cut(args)
    local rows = matching(data, model, filter)
    sort(rows, keys)
    local page, earlier, later =
        page_of(keep_first(rows, names), keys, cursors, cut)
    if math.random(2) == 1 then
        return { field = ROOTS[model], args = args, selection = "{ id }",
            expected = ids(page), read = ids }
    end
    return {
        field = ROOTS[model] .. "Connection", args = args,
        selection = "{ edges { node { id } } aggregate " .. AGGREGATE
            .. " pageInfo { hasPreviousPage hasNextPage } }",
        expected = ("%s / %s / %s %s"):format(ids(page), aggregate_of(page),
            tostring(earlier), tostring(later)),
        read = function(found)
            return ("%s / %s / %s %s"):format(
                ids(found.edges, function(edge) return edge.node end),
                aggregate_text(found.aggregate),
                tostring(found.pageInfo.hasPreviousPage),
                tostring(found.pageInfo.hasNextPage))
        end,
    }
end

local function nested_question(data, filter)
    local keys, args = random_order("Child")
    local names, cut = random_distinct("Child", args), random_cut(args)
    local parts = {}
    for i, parent in ipairs(data.Parent) do
        local rows = {}
        for _, each in ipairs(parent.children) do
            if filter.test(each) == true then rows[#rows + 1] = each end
        end
        sort(rows, keys)
        local page, earlier, later =
            page_of(keep_first(rows, names), keys, {}, cut)
        parts[i] = ("%s: %s / %s / %s %s"):format(parent.id, ids(page),
            aggregate_of(page), tostring(earlier), tostring(later))
    end
    return {
        field = "parents", inner = "childrenConnection", args = args,
        selection = "{ edges { node { id } } aggregate " .. AGGREGATE
            .. " pageInfo { hasPreviousPage hasNextPage } }",
        expected = table.concat(parts, "\n"),
        read = function(found)
            local out = {}
            for i, parent in ipairs(found) do
                local inner = parent.childrenConnection
                out[i] = ("%s: %s / %s / %s %s"):format(parent.id,
                    ids(inner.edges, function(edge) return edge.node end),
                    aggregate_text(inner.aggregate),
                    tostring(inner.pageInfo.hasPreviousPage),
                    tostring(inner.pageInfo.hasNextPage))
            end
            return table.concat(out, "\n")
        end,
    }
end

local HAVING = {
    function(rows, n) return #rows > n end,
    function(rows, n)
        local sum
        for _, each in ipairs(rows) do
            if each.num ~= NULL then sum = (sum or 0) + each.num end
        end
        return sum ~= nil and sum <= n
    end,
}
local HAVING_KEYS = { "count_gt", "sum_num_lte" }

local function group_question(data, model, filter)
    local name, kind, n = pick { "num", "flag", "role" }, math.random(2),
        math.random(0, 4)
    local groups, list = {}, {}
    for _, each in ipairs(matching(data, model, filter)) do
        local key = tostring(each[name])
        if not groups[key] then
            groups[key] = { key = each[name], rows = {} }
            list[#list + 1] = groups[key]
        end
        table.insert(groups[key].rows, each)
    end
    local kept = {}
    for _, group in ipairs(list) do
        if HAVING[kind](group.rows, n) then kept[#kept + 1] = group end
    end
    local keys = {
        { desc = true, of = function(group) return #group.rows end },
        { desc = false, of = function(group) return group.key end },
    }
    sort(kept, keys)
    local parts = {}
    for i, group in ipairs(kept) do
        parts[i] = text_or_nil(group.key) .. ": " .. aggregate_of(group.rows)
    end
    return {
        field = ROOTS[model] .. "GroupBy",
        args = { { "by", { list = { { enum = name } } } },
            { "having", { object = { { HAVING_KEYS[kind], n } } } },
            { "orderBy", { list = { { enum = "count_DESC" } } } } },
        selection = ("{ key { %s } aggregate %s }"):format(name, AGGREGATE),
        expected = table.concat(parts, "\n"),
        read = function(found)
            local out = {}
            for i, group in ipairs(found) do
                out[i] = text_or_nil(group.key[name]) .. ": "
                    .. aggregate_text(group.aggregate)
            end
            return table.concat(out, "\n")
        end,
    }
end

local function random_question(data, note)
    local model = pick { "Parent", "Child" }
    local kind = math.random(8)
    if kind == 8 then model = "Child" end
    local filter = oracle.filter(model, 3, note)
    local made
    if kind == 7 then
        made = group_question(data, model, filter)
    elseif kind == 8 then
        made = nested_question(data, filter)
    else
        made = list_question(data, model, filter)
    end
    made.where = filter.where
    made.model = model
    return made
end

-- As a field of a document; the filter as a variable when it can be one.
local function field_text(each, i, variables, definitions)
    local parts = {}
    if math.random(2) == 1 and oracle.fits_variable(each.where) then
        parts[1] = ("where: $w%d"):format(i)
        variables["w" .. i] = oracle.variable(each.where)
        definitions[#definitions + 1] =
            ("$w%d: %sWhereInput"):format(i, each.model)
    else
        parts[1] = "where: " .. oracle.literal(each.where)
    end
    for _, arg in ipairs(each.args) do
        parts[#parts + 1] = arg[1] .. ": " .. oracle.literal(arg[2])
    end
    local args = "(" .. table.concat(parts, ", ") .. ")"
    if each.inner then
        return ("q%d: %s { id %s%s %s }"):format(i, each.field, each.inner,
            args, each.selection)
    end
    return ("q%d: %s%s %s"):format(i, each.field, args, each.selection)
end

-- Counts --------------------------------------------------------------------

local function histogram()
    local counts = { total = 0 }
    local function note(made, depth, folded)
        local kind = ("%-12s %-28s %-5s %-7s depth %d"):format(made.type,
            made.op == "" and "=" or made.op, made.null and "null" or "",
            folded and made.type == "String" and "folded" or "", 3 - depth)
        counts[kind] = (counts[kind] or 0) + 1
        counts.total = counts.total + 1
    end
    return counts, note
end

local function print_histogram(counts, filters, seed)
    local lines = {}
    for kind, count in pairs(counts) do
        if kind ~= "total" then
            lines[#lines + 1] = ("%s %6d"):format(kind, count)
        end
    end
    table.sort(lines)
    io.stdout:write(("\n# %d filters of %d comparisons, seed %d\n# %s\n")
        :format(filters, counts.total, seed, table.concat(lines, "\n# ")))
end

-- Rounds --------------------------------------------------------------------

describe("random reads", function()
    if not database.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end

    local function ask(service, data, note, count)
        local questions, fields, variables, definitions = {}, {}, {}, {}
        for i = 1, count do
            questions[i] = random_question(data, note)
            fields[i] = field_text(questions[i], i, variables, definitions)
        end
        local head = #definitions > 0
            and "query (" .. table.concat(definitions, ", ") .. ") " or ""
        local plan, doc = plans.compile(service,
            head .. "{\n" .. table.concat(fields, "\n") .. "\n}",
            { variables = variables })
        if not plan then error(doc[1].message) end
        local found = database.fetch_all(plan, doc, variables)
        for i, each in ipairs(questions) do
            assert.equal(each.expected, each.read(found["q" .. i]), fields[i])
        end
    end

    it("are what a plain reading of their arguments gives", function()
        local seed = tonumber(os.getenv("LUNETTE_SEED")) or 7
        math.randomseed(seed)
        local set = sets.from_datamodel(oracle.MODEL)
        local service = compile.service(set)
        local counts, note = histogram()
        local left, data = FILTERS, nil
        while left > 0 do
            if (FILTERS - left) % (AT_ONCE * 4) == 0 then
                data = oracle.family()
                database.create(set)
                database.run(oracle.inserts(data))
            end
            local count = math.min(AT_ONCE, left)
            ask(service, data, note, count)
            left = left - count
        end
        if os.getenv("LUNETTE_FILTERS") or os.getenv("LUNETTE_SEED") then
            print_histogram(counts, FILTERS, seed)
        end
    end)
end)
