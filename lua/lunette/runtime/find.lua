--- What functions of apps read: find, one, records by id, related records.
--
-- Statements are planned once for each shape of a filter and kept; values are
-- always parameters.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.find
local context_module = require("lunette.orm.context")
local fail = require("lunette.orm.write.fail")
local faults = require("lunette.orm.write.faults")
local filter = require("lunette.runtime.filter")
local graph = require("lunette.orm.write.graph")
local misuse = require("lunette.runtime.misuse")
local orm_filter = require("lunette.orm.filter")
local order = require("lunette.orm.order")
local rights = require("lunette.runtime.rights")
local rows = require("lunette.runtime.rows")
local sql = require("lunette.orm.sql")
local values = require("lunette.orm.write.values")

local find = {}

local PLANS_MAX = 2000
local MAX_NUMBER = 2147483647

-- Running -------------------------------------------------------------------

local function over(running, limit, max)
    fail.with({ ext = "BUDGET_EXCEEDED", app = running.app, limit = limit,
        release = running.ctx:release(running.app), max = max,
        message = ("the app '%s' used more than it may: the limit '%s' is"
            .. " exceeded"):format(running.app, limit),
        detail = ("more than %s %s in one request"):format(tostring(max),
            limit) })
end

--- Counts statements and rows for the running function; leaves when it has used
-- more than it may.
function find.spend(running, statements, count)
    local limit, max = running.ctx:spend(statements, count)
    if limit then over(running, limit, max) end
end

-- `how` is "query", or "fetch" for rows that are only passed on.
local function query(running, text, params, how)
    local db = running.ctx.db
    find.spend(running, 1, 0)
    local result, err = db[how or "query"](db, text, params)
    if not result then
        fail.with(faults.reason({ graph = graph.of(running.service),
            assumed = {} }, err))
    end
    find.spend(running, 0, result.n)
    return result
end

-- The rows of a statement as the app gets them.
local function rows_of(running, text, params)
    return query(running, text, params, "fetch")
end

-- Plans ---------------------------------------------------------------------

local function plans_of(service)
    local plans = service.find_plans
    if not plans or plans.count >= PLANS_MAX then
        plans = { count = 0, by_key = {} }
        service.find_plans = plans
    end
    return plans
end

local function order_list(asked)
    if type(asked) == "table" then return asked end
    local list = {}
    if type(asked) ~= "string" then
        misuse.with('order is written "-revenue, name"')
    end
    for part in asked:gmatch("[^,%s]+") do list[#list + 1] = part end
    return list
end

-- "-partner.name" as the NODE of an orderByMany object.
local function order_node(running, model, text)
    if type(text) ~= "string" then
        misuse.with('order is written "-revenue, name"')
    end
    local sign, path = text:match("^([-+]?)([%w_.]+)$")
    if not path then misuse.with("cannot order by '%s'", text) end
    local desc = sign == "-"
    for word, other in pairs { asc = false, desc = true } do
        if path:sub(-#word - 1) == "." .. word then
            path, desc = path:sub(1, -#word - 2), other
        end
    end
    local fields = {}
    for name in path:gmatch("[^.]+") do
        local field = filter.field(model, name)
        fields[#fields + 1] = field
        if field.kind == "relation" then
            if field.many then misuse.with("cannot order by %s: they are many",
                name) end
            model = running.service.by_key[field.target]
            rights.need(running, model, "read")
        end
    end
    local last = fields[#fields]
    if last.kind == "relation" then
        fields[#fields + 1] = filter.field(model, "id")
    elseif last.list or last.type == "json" then
        misuse.with("cannot order by %s", text)
    end
    local node = { kind = "enum", order = { desc = desc } }
    for i = #fields, 1, -1 do
        node = { kind = "object",
            fields = { { meta = { field = fields[i] }, node = node } } }
    end
    return node, (desc and "-" or "+") .. path
end

-- NODE of the order and its part of the key.
local function read_order(running, model, asked)
    if asked == nil then return nil, "" end
    local items, keys = {}, {}
    for i, part in ipairs(order_list(asked)) do
        items[i], keys[i] = order_node(running, model, part)
    end
    if #items == 0 then return nil, "" end
    return { kind = "list", items = items }, table.concat(keys, ",")
end

-- `options` as of find.find, but for its values.
local function plan(running, model, read, order_by, options)
    local service = running.service
    local context = context_module.new(service,
        { roles = rights.roles(running) }, service.schema)
    local alias = context:alias()
    local condition = orm_filter.condition(context, model, read.node, alias)
    local keys, joins = order.keys(context, model, alias, nil, order_by)
    local limit = context:param { type = "int4", src = { arg = "limit" } }
    local text = ("SELECT %s FROM %s AS %s%s%s%s LIMIT %s"):format(
        rows.list(model, alias), sql.table(model), alias, joins,
        condition and " WHERE " .. condition or "",
        order.sql(keys, "inner"), limit)
    if options.offset then
        text = text .. " OFFSET " .. context:param { type = "int4",
            src = { arg = "offset" } }
    end
    if options.lock then text = text .. " FOR NO KEY UPDATE OF " .. alias end
    return { sql = context:statement(text), params = context.params }
end

local function forbidden(running, err)
    if err.ext ~= "FORBIDDEN" then misuse.with("%s", err.message) end
    fail.with({ ext = "FORBIDDEN", app = running.app,
        message = "a filter or order reads a model that is not allowed" })
end

local function planned(running, model, read, options)
    local order_by, order_key =
        read_order(running, model, options.order)
    local key = table.concat({ running.as_app and "*" or running.roles_key,
        model.key, order_key, options.offset and "offset" or "",
        options.lock and "lock" or "", table.concat(read.key, " ") }, "|")
    local plans = plans_of(running.service)
    local found = plans.by_key[key]
    if found then return found end
    local made, err = context_module.attempt(plan, running, model, read,
        order_by, options)
    if not made then forbidden(running, err) end
    plans.count = plans.count + 1
    plans.by_key[key] = made
    return made
end

-- Operations ----------------------------------------------------------------

local OPTIONS = { order = true, limit = true, offset = true, lock = true }

local function whole(options, name)
    local value = options[name]
    if value == nil then return nil end
    if type(value) ~= "number" or value % 1 ~= 0 or value < 0
        or value > MAX_NUMBER then
        misuse.with("%s must be a whole number from 0", name)
    end
    return value
end

local function check_options(options)
    for name in pairs(options) do
        if not OPTIONS[name] then
            misuse.with("find has no option '%s'; it has order, limit, offset,"
                .. " lock",
                tostring(name))
        end
    end
end

--- { model =, filter =, options = { order =, limit =, offset =, lock = } } → rows
function find.find(running, asked)
    local model = rights.model(running, asked.model, "read")
    local options = asked.options or {}
    check_options(options)
    if options.lock and running.ctx.reads then
        misuse.with("find: 'lock' has a meaning in mutations only")
    end
    local read = filter.read(running, model, asked.filter)
    local limit, left = whole(options, "limit"), running.ctx:rows_left()
    -- one more than it may read, to see that there are more
    local most = math.min(limit or MAX_NUMBER, left + 1)
    read.texts.limit = ("%.0f"):format(most)
    read.texts.offset = ("%.0f"):format(whole(options, "offset") or 0)
    local made = planned(running, model, read, options)
    return rows_of(running, made.sql,
        filter.params(made.params, read.texts))
end

local function id_array(model, ids)
    local field, texts = sql.id_field(model), {}
    for _, id in ipairs(type(ids) == "table" and ids or {}) do
        local text = type(id) == "number" and ("%.0f"):format(id) or id
        if type(text) == "string" and values.is_id(field, text) then
            texts[#texts + 1] = text
        end
    end
    return values.array(texts), field.pg
end
find.id_array = id_array

local function by_ids(model)
    return ('SELECT %s FROM %s AS t WHERE t."id" = ANY($1::%s[])'):format(
        rows.list(model, "t"), sql.table(model), sql.id_field(model).pg)
end

-- Whether a hook asks for the records that it was given: it may read them, also
-- when the caller may write them only.
local function was_given(running, asked)
    local given = running.given
    if not given or given.model ~= asked.model then return false end
    if not given.has then
        given.has = {}
        for _, id in ipairs(given.ids) do given.has[id] = true end
    end
    for _, id in ipairs(asked.ids) do
        if not given.has[id] then return false end
    end
    return true
end

--- { model =, ids = } → rows
function find.read(running, asked)
    local model = was_given(running, asked)
        and running.service.by_key[asked.model]
        or rights.model(running, asked.model, "read")
    return rows_of(running, by_ids(model),
        { (id_array(model, asked.ids)) })
end

--- The rows with these ids, whoever asks.
function find.all(ctx, model, ids)
    local result, err = ctx.db:query(by_ids(model), { (id_array(model, ids)) })
    if result then return rows.outward(ctx, model, result) end
    fail.with(faults.reason({ graph = graph.of(ctx.service), assumed = {} },
        err))
end

-- FROM, the column of the parent, and the alias of the rows.
local function related_source(model, target, field)
    local link = field.link
    if link.kind == "foreign" then
        return sql.table(target) .. " AS t", "t." .. sql.quote(link.column)
    elseif link.kind == "join" then
        return ('%s AS j JOIN %s AS t ON t."id" = j.%s'):format(sql.table(link),
            sql.table(target), sql.quote(link.far)), "j." .. sql.quote(link.near)
    end
    return ('%s AS p JOIN %s AS t ON t."id" = p.%s'):format(sql.table(model),
        sql.table(target), sql.quote(link.column)), 'p."id"'
end

--- { model =, field =, ids = } → { rows =, parents = { id, ... } }
function find.related(running, asked)
    local model = rights.model(running, asked.model, "read")
    local field = filter.field(model, asked.field)
    if field.kind ~= "relation" then
        misuse.with("%s.%s is no relation", model.name, field.name)
    end
    local target = rights.model(running, field.target, "read")
    local ids, pg = id_array(model, asked.ids)
    local from, parent = related_source(model, target, field)
    local context = context_module.new(running.service,
        { roles = rights.roles(running) }, running.service.schema)
    local keys = order.keys(context, target, "t")
    local result = query(running, ("SELECT %s, %s FROM %s WHERE %s ="
        .. " ANY($1::%s[])%s LIMIT $2::int4"):format(parent,
        rows.list(target, "t"), from, parent, pg, order.sql(keys, "inner")),
        { ids, ("%.0f"):format(math.min(MAX_NUMBER,
            running.ctx:rows_left() + 1)) })
    local parents, out = {}, {}
    for i, row in ipairs(result) do
        parents[i] = row[1]
        table.remove(row, 1)
        out[i] = row
    end
    return { rows = rows.outward(running.ctx, target, out), parents = parents }
end

return find
