--- Writes as one statement that the host runs without this VM.
--
-- The executor is run once while the write is planned, with symbols in the place
-- of the values that a request will bring: a rehearsal. Where all it does is to
-- insert rows, or to change or delete one, what it would send becomes
--
--     { sql=, params={SOURCE}, result=RESULT, ids={"uuid"|"text"}, needs={NEED},
--       merged=nil | { sql=, params={SOURCE}, keys={ {tag=, source=SOURCE} } } }
--     SOURCE = {slot=N} (of the write's params) | {const=} | {null=true}
--       | {user=true} | {now="datetime|date|time"} | {id=N} | {array={SOURCE}}
--     NEED = {slot=N, id=nil|"uuid"|"bigint"|"text"}: the value must be there and
--       be such an id
--
-- Whenever the statement fails, gives no row or a need is not met, the host runs
-- the write as ever, which also knows what to tell the client. `merged` takes
-- waiting writes of the plan together; every row of it ends with the number of
-- its write, counted from 1. Two writes that have a key in common do not go
-- together: they may touch one row.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.direct
local create = require("lunette.orm.write.create")
local insert = require("lunette.orm.write.insert")
local sql = require("lunette.orm.write.sql")
local base = require("lunette.orm.sql")
local update = require("lunette.orm.write.update")
local delete = require("lunette.orm.write.delete")

local direct = {}

-- These writes do not wait long for others, behind whom the rest would wait too:
-- whoever finds a row locked runs alone, and then in a transaction.
local LOCK_WAIT = "(SELECT set_config('lock_timeout', '50', true) AS s)"

-- Symbols -------------------------------------------------------------------

local NOW = {
    now = "datetime",
    sub = function(_, from)
        return { now = from == 1 and "date" or "time" }
    end,
}

local function source_of(text)
    if text == host.null or text == nil then return { null = true } end
    if type(text) ~= "table" then return { const = tostring(text) } end
    if not text.array then return text end
    local items = {}
    for i, item in ipairs(text.array) do items[i] = source_of(item) end
    return { array = items }
end

local function sources_of(texts)
    local list = {}
    for i, text in ipairs(texts) do list[i] = source_of(text) end
    return list
end

local function new_rehearsal()
    local self = { needs = {}, ids = {} }
    function self.need(text, id)
        if type(text) == "table" then
            self.needs[#self.needs + 1] = { slot = text.slot, id = id }
        end
    end
    function self.id(kind)
        if kind ~= "uuid" and kind ~= "text" then return nil end
        self.ids[#self.ids + 1] = kind
        return { id = #self.ids - 1 }
    end
    function self.array(texts)
        return { array = texts }
    end
    function self.answer(text, params)
        self.statement = { text = text, params = params }
        return {}
    end
    return self
end

local function refuse()
    error("this write needs more than one statement", 0)
end

local function new_job(planned)
    local slots = {}
    for i = 1, #planned.params do slots[i] = { slot = i - 1 } end
    return {
        db = { query = refuse }, ctx = { select = refuse }, nested = refuse,
        params = slots, user = { user = true }, now = NOW, assumed = {},
        graph = planned.graph, plain = planned.selection.plain,
        rehearsal = new_rehearsal(),
    }
end

-- Keys ----------------------------------------------------------------------

local function is_unique(field)
    return field.unique or field.type == "id"
end

local function add_key(keys, model, column, text)
    if text == nil or text == host.null then return true end
    if type(text) ~= "table" then return false end
    if not text.id then
        keys[#keys + 1] = { tag = model.key .. "." .. column,
            source = source_of(text) }
    end
    return true
end

-- Keys of the unique columns among `texts`; false when all requests have the
-- same value in one.
local function add_keys(keys, model, texts)
    for _, field in ipairs(model.fields) do
        local column = field.column or field.link and field.link.column
        if column and is_unique(field) and texts[column] ~= nil
            and not add_key(keys, model, column, texts[column]) then
            return false
        end
    end
    return true
end

-- One changed row -----------------------------------------------------------

local function single_change(plain, made, word)
    local head, condition = made.text:match("^(.*) WHERE (t%..*)$")
    return ("WITH w AS (%s %s %s AS c WHERE c.s IS NOT NULL AND %s"
        .. " RETURNING t.*) SELECT %s FROM w AS %s"):format(head, word,
        LOCK_WAIT, condition, plain.list, plain.alias)
end

local function items_of(params)
    local list = {}
    for i, text in ipairs(params) do
        list[i] = { array = { source_of(text) } }
    end
    return list
end

local function places(count)
    local arrays, names = {}, {}
    for i = 1, count do
        arrays[i] = ("$%d::text[]"):format(i)
        names[i] = "p" .. i
    end
    return table.concat(arrays, ", "), table.concat(names, ", ")
end

-- "UPDATE x t SET ... WHERE t.y = $1::z" for many values at once.
local function merged_change(plain, made, word)
    local head, condition = made.text:match("^(.*) WHERE (t%..*)$")
    local arrays, names = places(#made.params)
    local function by_member(text)
        return (text:gsub("%$(%d+)::", "m.p%1::"))
    end
    return ("WITH w AS (%s %s %s AS c, unnest(%s) WITH ORDINALITY AS m(%s, n)"
        .. " WHERE c.s IS NOT NULL AND %s RETURNING t.*, m.n AS lunette_n)"
        .. " SELECT %s, lunette_n::int4 FROM w AS %s"):format(by_member(head),
        word, LOCK_WAIT, arrays, names, by_member(condition), plain.list,
        plain.alias)
end

local function changed(job, planned, word)
    local made, plain, keys = job.rehearsal.statement, job.plain, {}
    if not made then return nil end
    local model, where = planned.model, planned.where
    local texts = planned.data and update.texts(job, planned.data) or {}
    local mergeable = where.value.slot and add_key(keys, model,
        where.field.column, { slot = where.value.slot - 1 })
        and add_keys(keys, model, texts)
    return {
        sql = single_change(plain, made, word), params = sources_of(made.params),
        merged = mergeable and {
            sql = merged_change(plain, made, word),
            params = items_of(made.params), keys = keys,
        } or nil,
    }
end

-- Created rows --------------------------------------------------------------

-- WITH i1 AS (INSERT ...), w AS (INSERT ... RETURNING *) and whether w has more
-- than the first row. nil when a statement would have no column.
local function inserts(job, groups, first, params)
    local parts, last, several = {}, nil, false
    for i, group in ipairs(groups) do
        local text = insert.statement(job, group, params)
        if not text then return nil end
        if group.rows[1] == first then
            several = #group.rows > 1
            last = ("w AS (%s RETURNING *)"):format(text)
        else
            parts[#parts + 1] = ("i%d AS (%s)"):format(i, text)
        end
    end
    parts[#parts + 1] = last
    return last and "WITH " .. table.concat(parts, ", "), several
end

local function id_type(model)
    return base.id_field(model).pg
end

local function created_sql(job, groups, first)
    local params, plain = sql.params(), job.plain
    local with, several = inserts(job, groups, first, params)
    if not with then return nil end
    local text = ("%s SELECT %s FROM w AS %s"):format(with, plain.list,
        plain.alias)
    if several then
        text = ("%s WHERE %s.\"id\" = %s"):format(text, plain.alias,
            params.push(first.id, id_type(first.model)))
    end
    return text, sources_of(params.list)
end

-- The same for many requests: every parameter is an array, and those of all
-- requests come one after another.
local function merged_create(job, groups, first, keys)
    local params, plain = sql.params(), job.plain
    job.rehearsal.merged = ", c WHERE c.s IS NOT NULL"
    local with = inserts(job, groups, first, params)
    job.rehearsal.merged = nil
    local ids = params.push(job.rehearsal.array({ first.id }), "text[]")
    return {
        sql = ("WITH c AS MATERIALIZED %s, %s SELECT %s, k.n::int4 FROM w AS %s"
            .. " JOIN unnest(%s) WITH ORDINALITY AS k(id, n) ON %s.\"id\" ="
            .. " k.id::%s"):format(LOCK_WAIT, with:sub(6), plain.list,
            plain.alias, ids, plain.alias, id_type(first.model)),
        params = sources_of(params.list), keys = keys,
    }
end

local function all_keys(rows)
    local keys = {}
    for _, row in ipairs(rows) do
        if not row.id or not add_keys(keys, row.model, row.texts) then
            return nil
        end
    end
    return keys
end

local function created(job, planned)
    local rows, all = create.rows(job, planned.data)
    if not all then return nil end
    for _, row in ipairs(rows) do
        if not row.id and #rows > 1 then return nil end
    end
    local groups = insert.groups(job, rows)
    local text, params = created_sql(job, groups, rows[1])
    if not text then return nil end
    local keys = all_keys(rows)
    return { sql = text, params = params,
        merged = keys and merged_create(job, groups, rows[1], keys) }
end

local REHEARSALS = {
    create = created,
    update = function(job, planned)
        if #planned.data.sets == 0 then return nil end
        update.selected(job, planned.where, planned.data)
        return changed(job, planned, "FROM")
    end,
    delete = function(job, planned)
        if not planned.graph:is_alone(planned.model) then return nil end
        delete.alone(job, planned.where)
        return changed(job, planned, "USING")
    end,
}

--- The one statement of a planned write, or nil.
function direct.of(planned)
    local rehearse = REHEARSALS[planned.what]
    if not rehearse or not planned.selection.plain then return nil end
    local job = new_job(planned)
    local ok, made = pcall(rehearse, job, planned)
    if not ok or not made then return nil end
    made.ids, made.needs = job.rehearsal.ids, job.rehearsal.needs
    made.result = planned.selection.plain.result
    return made
end

return direct
