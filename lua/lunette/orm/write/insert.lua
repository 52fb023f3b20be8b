--- The rows of a create become INSERT statements.
--
-- Rows are sorted into levels by the links between them, and each model of a
-- level is one statement.
-- ROW = { model=, texts={column → text}, refs={column → ROW}, id= }
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.insert
local defaults = require("lunette.orm.write.defaults")
local hooks = require("lunette.orm.write.hooks")
local sql = require("lunette.orm.write.sql")
local values = require("lunette.orm.write.values")

local insert = {}

-- Levels --------------------------------------------------------------------

local function level_of(row)
    if row.level == 0 then error("rows of a create refer to each other") end
    if row.level then return row.level end
    row.level = 0
    local level = 1
    for _, other in pairs(row.refs) do
        level = math.max(level, level_of(other) + 1)
    end
    row.level = level
    return level
end

-- Lists of rows that one INSERT takes, in the order in which they may go. The
-- row `alone` (may be nil) gets one of its own.
local function statements(job, all, alone)
    local groups, order = {}, {}
    for i, row in ipairs(all) do
        local key = ("%d %s %s %s"):format(level_of(row), row.model.key,
            tostring(row.id ~= nil), tostring(row == alone))
        local group = groups[key]
        if not group then
            group = { level = row.level, first = i, rows = {},
                model = row.model, place = job.graph.order[row.model.key] }
            groups[key] = group
            order[#order + 1] = group
        end
        group.rows[#group.rows + 1] = row
    end
    table.sort(order, function(a, b)
        if a.level ~= b.level then return a.level < b.level end
        if a.place ~= b.place then return a.place < b.place end
        return a.first < b.first
    end)
    return order
end

-- Inserting -----------------------------------------------------------------

local function complete(job, row)
    for column, other in pairs(row.refs) do row.texts[column] = other.id end
    defaults.fill(job, row.model, row.texts)
end

local function all_columns(rows)
    local union = {}
    for _, row in ipairs(rows) do
        for column in pairs(row.texts) do union[column] = true end
    end
    return sql.columns(union)
end

local function names(columns)
    local quoted = {}
    for i, column in ipairs(columns) do quoted[i] = sql.quote(column) end
    return table.concat(quoted, ", ")
end

local function one_row(job, model, row, columns, params)
    local places = {}
    for i, column in ipairs(columns) do
        places[i] = params.push(row.texts[column],
            sql.column_type(job, model, column))
    end
    if #columns == 0 then return "DEFAULT VALUES" end
    return ("(%s) VALUES (%s)"):format(names(columns),
        table.concat(places, ", "))
end

local function many_rows(job, model, rows, columns, params)
    local arrays, casts, aliases = {}, {}, {}
    local array = job.rehearsal and job.rehearsal.array or values.array
    for i, column in ipairs(columns) do
        local texts = {}
        for j, row in ipairs(rows) do
            local text = row.texts[column]
            texts[j] = text == nil and host.null or text
        end
        arrays[i] = params.push(array(texts), "text[]")
        aliases[i] = "c" .. i
        casts[i] = ("u.c%d::%s"):format(i,
            sql.column_type(job, model, column))
    end
    local merged = job.rehearsal and job.rehearsal.merged or ""
    return ("(%s) SELECT %s FROM unnest(%s) WITH ORDINALITY AS u(%s, n)%s"
        .. " ORDER BY u.n"):format(names(columns), table.concat(casts, ", "),
        table.concat(arrays, ", "), table.concat(aliases, ", "), merged)
end

-- Rows without an id and without any value: one statement each.
local function insert_empty(job, model, rows)
    for _, row in ipairs(rows) do
        row.id = sql.query(job, ("INSERT INTO %s DEFAULT VALUES RETURNING"
            .. " \"id\""):format(sql.table(model)))[1][1]
    end
end

local function statement(job, model, rows, columns, params)
    local alone = #rows == 1 and not (job.rehearsal and job.rehearsal.merged)
    local source = alone and one_row(job, model, rows[1], columns, params)
        or many_rows(job, model, rows, columns, params)
    return ("INSERT INTO %s %s"):format(sql.table(model), source)
end

--- The statements of a create in their order: lists of {model=, rows=}, whose
-- rows are complete.
function insert.groups(job, all)
    local groups = statements(job, all)
    for _, group in ipairs(groups) do
        for _, row in ipairs(group.rows) do complete(job, row) end
    end
    return groups
end

--- The INSERT of one of these groups; nil where it has no column.
function insert.statement(job, group, params)
    local columns = all_columns(group.rows)
    if #columns == 0 then return nil end
    return statement(job, group.model, group.rows, columns, params)
end

--- Inserts the only row of a create and answers with it, in one statement.
function insert.answered(job, row)
    local params, rows = sql.params(), { row }
    complete(job, row)
    return sql.answer(job, statement(job, row.model, rows, all_columns(rows),
        params), params.list)
end

-- Inserts complete rows of one model. With `lenient` a row that exists already
-- is left out; returns how many rows came in.
local function insert_rows(job, model, rows, lenient)
    local columns = all_columns(rows)
    if #columns == 0 and #rows > 1 then
        insert_empty(job, model, rows)
        return #rows
    end
    local params = sql.params()
    local made = sql.query(job, ("%s%s RETURNING \"id\"")
        :format(statement(job, model, rows, columns, params),
            lenient and " ON CONFLICT DO NOTHING" or ""), params.list)
    for i, row in ipairs(rows) do
        row.id = row.id or made[i] and made[i][1]
    end
    return #made
end

local function complete_all(job, group)
    for _, row in ipairs(group.rows) do complete(job, row) end
    if job.graph:is_hooked(group.model) then
        hooks.before_create(job, group.model, group.rows)
    end
end

--- Inserts rows in an order in which none refers to a later one; returns the
-- groups in which they went, {model=, rows=}. When `lenient_row` (may be nil)
-- conflicts with a row that exists, the rest is left out and false returned.
function insert.all(job, all, lenient_row)
    local groups = statements(job, all, lenient_row)
    for _, group in ipairs(groups) do
        complete_all(job, group)
        local lenient = lenient_row ~= nil and group.rows[1] == lenient_row
        local count = insert_rows(job, group.model, group.rows, lenient)
        if lenient and count == 0 then return false end
    end
    return groups
end

return insert
