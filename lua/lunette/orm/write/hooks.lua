--- Functions of apps in the middle of a write: hooks and computed defaults.
--
-- A model's hooks run in the order of the release set: those of its own app
-- first, then those of the apps that extend it. Each gets all rows that a
-- statement is about at once, inside the transaction; what it raises ends the
-- whole write. Texts of PostgreSQL become values of apps and back
-- (lunette.orm.write.convert).
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.hooks
local convert = require("lunette.orm.write.convert")
local fail = require("lunette.orm.write.fail")
local lists = require("lunette.util.lists")
local sql = require("lunette.orm.sql")
local text_of = require("lunette.util.text")

local hooks = {}

--- Rows that one call of a function gets at most.
hooks.BATCH = 1000

-- Functions that may wait for one another: a hook writes, and what it writes
-- has a hook...
local DEEPEST = 6

-- Calling -------------------------------------------------------------------

--- Runs a function of an app inside the write; set by lunette.runtime.
-- @function hooks.invoke
-- @tparam table job
-- @tparam string app
-- @tparam string entry
-- @tparam table message model (key); `values`: rows that are not there yet, as
--   field → value, or `ids` of rows, or `rows` of hooks.rows; `changes`
-- @return what the function leaves behind: for a default the list of values, for
--   before_create the rows, for before_write the changes
hooks.invoke = nil

--- Rows as hooks get them, read before they go; set by lunette.runtime.
-- @function hooks.rows
hooks.rows = nil

local function too_deep(ctx, entry)
    fail.with({ ext = "BUDGET_EXCEEDED", limit = "hooks", max = DEEPEST,
        message = ("hooks are nested deeper than %d: '%s' is called inside"
            .. " '%s'"):format(DEEPEST, entry, ctx.hook or "") })
end

local function invoke(job, each, message)
    local ctx = job.ctx
    local depth, outer = ctx.hooks or 0, ctx.hook
    if depth >= DEEPEST then too_deep(ctx, each.entry) end
    ctx.hooks, ctx.hook = depth + 1, each.entry
    local result = hooks.invoke(job, each.app, each.entry, message)
    ctx.hooks, ctx.hook = depth, outer
    return result
end

local NONE = {}

local function of(job, model, hook)
    local all = job.graph.hooks[model.key]
    return all and all[hook] or NONE
end

--- Whether a model has a hook.
function hooks.has(job, model, hook)
    return of(job, model, hook)[1] ~= nil
end

-- What an app made of values is wrong: its own mistake, told in the log.
local function wrong(each, message, ...)
    fail.with({ ext = "INTERNAL", message = "internal error", app = each.app,
        detail = each.entry .. " " .. message:format(...) })
end

-- Fields --------------------------------------------------------------------

local function link_column(field)
    return field.kind == "relation" and field.link.kind == "own"
        and field.link.column or nil
end

-- The fields that a row itself holds: by name, and by column.
local function shape_of(job, model)
    local shapes = job.graph.row_shapes
    local shape = shapes[model.key]
    if shape then return shape end
    shape = { by_name = {}, by_column = {} }
    for _, field in ipairs(model.fields) do
        local column = field.column or link_column(field)
        if column then
            local kept = { name = field.name, column = column, field = field,
                value = field }
            if field.kind == "relation" then
                local target = job.graph.models[field.target]
                kept.value = sql.id_field(target)
            end
            shape.by_name[field.name], shape.by_column[column] = kept, kept
        end
    end
    shapes[model.key] = shape
    return shape
end

--- The value of a column's text, as apps see it.
local function value_of(kept, text)
    return convert.value(kept.value, text)
end

--- The columns of a row as values of its fields.
function hooks.values(job, model, texts)
    local shape, values = shape_of(job, model), {}
    for column, text in pairs(texts) do
        local kept = shape.by_column[column]
        if kept then values[kept.name] = value_of(kept, text) end
    end
    return values
end

local function field_named(job, model, name, each)
    local kept = shape_of(job, model).by_name[name]
    if kept then return kept end
    local known = {}
    for other in pairs(shape_of(job, model).by_name) do
        known[#known + 1] = other
    end
    wrong(each, "sets %s.%s, which is no field of the row itself%s", model.name,
        tostring(name), text_of.did_you_mean(tostring(name), known))
end

-- A list is never null.
local function empty_of(kept)
    return kept.field.list and "{}" or host.null
end

-- The text of a value that an app gives to a field of a row.
local function text_for(model, kept, value, each)
    if kept.field.kind == "relation" and type(value) == "table"
        and not convert.is_null(value) then
        value = value.id
    end
    local text, problem = convert.text(kept.value, value)
    if text == nil then
        wrong(each, "gives %s.%s a value that %s", model.name, kept.name,
            problem)
    end
    return text == host.null and empty_of(kept) or text
end

local function is_same(before, after)
    return type(after) ~= "table" and before == after
end

-- Puts what an app changed into `texts`; `before` are the values it got. What it
-- took out becomes empty with `clears`, else it is not told any more.
local function take(job, model, texts, before, after, each, clears)
    if type(after) ~= "table" then
        wrong(each, "leaves no table of values")
    end
    for name, value in pairs(after) do
        if not is_same(before[name], value) then
            local kept = field_named(job, model, name, each)
            if kept.field.stored or kept.field.type == "id" then
                wrong(each, "sets %s.%s, which cannot be set", model.name, name)
            end
            texts[kept.column] = text_for(model, kept, value, each)
        end
    end
    for name in pairs(before) do
        local kept = after[name] == nil
            and field_named(job, model, name, each)
        if kept and kept.field.type ~= "id" then
            texts[kept.column] = clears and empty_of(kept) or nil
        end
    end
end

-- Creating ------------------------------------------------------------------

local function default_fields(job, model)
    local cache = job.graph.computed
    local list = cache[model.key]
    if list then return list end
    list = {}
    for _, field in ipairs(model.fields) do
        if field.default and field.default.lua then list[#list + 1] = field end
    end
    cache[model.key] = list
    return list
end

local function all_values(job, model, rows)
    local list = {}
    for i, row in ipairs(rows) do
        list[i] = hooks.values(job, model, row.texts)
    end
    return list
end

-- Rows to which nobody gave a value of the field.
local function without(rows, column)
    local list = {}
    for _, row in ipairs(rows) do
        if row.texts[column] == nil then list[#list + 1] = row end
    end
    return list
end

local function fill_default(job, model, rows, field)
    local column = field.column or link_column(field)
    local waiting = without(rows, column)
    if #waiting == 0 then return end
    local default = field.default
    local results = invoke(job, default, { model = model.key,
        values = all_values(job, model, waiting) })
    local kept = shape_of(job, model).by_column[column]
    if type(results) ~= "table" then results = {} end
    for i, row in ipairs(waiting) do
        row.texts[column] = text_for(model, kept, results[i], default)
    end
end

local function run_before_create(job, model, rows, each)
    local before = all_values(job, model, rows)
    local after = invoke(job, each, { model = model.key, values = before })
    if type(after) ~= "table" or #after ~= #rows then
        wrong(each, "leaves another number of records than it got")
    end
    for i, row in ipairs(rows) do
        take(job, model, row.texts, before[i], after[i], each, true)
    end
end

--- Completes new rows of one model, whose constant defaults are filled: computed
-- defaults, then before_create.
-- @tparam {table,...} rows ROW of lunette.orm.write.insert
function hooks.before_create(job, model, rows)
    for _, batch in ipairs(lists.pieces(rows, hooks.BATCH)) do
        for _, field in ipairs(default_fields(job, model)) do
            fill_default(job, model, batch, field)
        end
        for _, each in ipairs(of(job, model, "before_create")) do
            run_before_create(job, model, batch, each)
        end
    end
end

-- After, and deleting -------------------------------------------------------

--- Runs a hook that changes nothing by itself.
-- @tparam string hook "after_create", "after_write", "before_delete"
-- @tparam {string,...} ids
-- @tparam ?table changes
function hooks.tell(job, model, hook, ids, changes)
    for _, batch in ipairs(lists.pieces(ids, hooks.BATCH)) do
        for _, each in ipairs(of(job, model, hook)) do
            invoke(job, each, { model = model.key, ids = batch,
                changes = changes })
        end
    end
end

--- after_delete; `rows` are those of hooks.rows before they went.
function hooks.after_delete(job, model, rows)
    for _, batch in ipairs(lists.pieces(rows, hooks.BATCH)) do
        for _, each in ipairs(of(job, model, "after_delete")) do
            invoke(job, each, { model = model.key, rows = batch })
        end
    end
end

-- Changing ------------------------------------------------------------------

-- Changes as apps see them: a field that is emptied is convert.null().
local function changes_of(job, model, texts)
    local changes = hooks.values(job, model, texts)
    for column, text in pairs(texts) do
        local kept = shape_of(job, model).by_column[column]
        if kept and text == host.null then
            changes[kept.name] = convert.null()
        end
    end
    return changes
end

--- Runs before_write; what it changes is put into `texts` (column → text).
-- @treturn ?table the changes, for after_write; nil when no hook wants them
function hooks.before_write(job, model, ids, texts)
    if not hooks.has(job, model, "before_write")
        and not hooks.has(job, model, "after_write") then
        return nil
    end
    for _, each in ipairs(of(job, model, "before_write")) do
        local before = changes_of(job, model, texts)
        local after = invoke(job, each, { model = model.key, ids = ids,
            changes = before })
        take(job, model, texts, before, after, each)
    end
    return changes_of(job, model, texts)
end

return hooks
