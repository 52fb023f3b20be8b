--- Changing columns of rows whose ids are known, with the hooks around it.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.change
local defaults = require("lunette.orm.write.defaults")
local hooks = require("lunette.orm.write.hooks")
local lists = require("lunette.util.lists")
local sql = require("lunette.orm.write.sql")

local change = {}

--- ", version = ..." and the times of the last change, after other assignments
-- (column → text).
function change.touched(job, model, params, assigned)
    local parts, times = defaults.touch(model, assigned or {})
    for _, column in ipairs(times) do
        parts[#parts + 1] = sql.quote(column) .. " = "
            .. params.push(job.now, "timestamptz(3)")
    end
    return #parts > 0 and ", " .. table.concat(parts, ", ") or ""
end

--- "a = $1, ..., version = ..." for assignments of a model's columns.
function change.assignments(job, model, texts, params)
    local parts = {}
    for i, column in ipairs(sql.columns(texts)) do
        parts[i] = sql.quote(column) .. " = " .. params.push(texts[column],
            sql.column_type(job, model, column))
    end
    return table.concat(parts, ", ")
        .. change.touched(job, model, params, texts)
end

--- Whether changes of a model's rows have hooks.
function change.is_hooked(job, model)
    return hooks.has(job, model, "before_write")
        or hooks.has(job, model, "after_write")
end

local function copy(texts)
    local made = {}
    for column, text in pairs(texts) do made[column] = text end
    return made
end


local function assign(job, model, ids, texts)
    if next(texts) == nil then return #ids end
    local params = sql.params()
    local parts = change.assignments(job, model, texts, params)
    return sql.query(job, ("UPDATE %s SET %s WHERE \"id\" = ANY(%s)"):format(
        sql.table(model), parts, sql.push_ids(params, model, ids)),
        params.list).n
end

--- Changes rows that are locked already, one batch after another.
-- @tparam {string,...} ids
-- @tparam table texts column → text
-- @tparam ?function between called when the rows of a batch are changed, before
--   after_write
-- @treturn number how many rows were changed
function change.rows(job, model, ids, texts, between)
    local count = 0
    if #ids == 0 then return 0 end
    for _, batch in ipairs(lists.pieces(ids, hooks.BATCH)) do
        local own = copy(texts)
        local changes = hooks.before_write(job, model, batch, own)
        count = count + (assign(job, model, batch, own) or 0)
        if between then between() end
        if changes then
            hooks.tell(job, model, "after_write", batch, changes)
        end
    end
    return count
end

return change
