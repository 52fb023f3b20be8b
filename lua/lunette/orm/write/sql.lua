--- Statements of a write: building them, running them and what they mean when
-- they fail.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.orm.write.sql
local base = require("lunette.orm.sql")
local fail = require("lunette.orm.write.fail")
local faults = require("lunette.orm.write.faults")
local graph = require("lunette.orm.write.graph")
local values = require("lunette.orm.write.values")

local sql = { quote = base.quote, table = base.table }

--- Runs a statement and returns its rows (arrays of text); leaves the write
-- with a reason when it fails.
function sql.query(job, text, params)
    local rows, err = job.db:query(text, params or {})
    if rows then return rows end
    fail.with(faults.reason(job, err))
end

--- Runs a statement that writes one row and answers with it at once. Only
-- where the selection has nothing but columns of the row (`job.plain`): a
-- statement does not see what it writes in other tables.
function sql.answer(job, text, params)
    local plain = job.plain
    if job.rehearsal then return job.rehearsal.answer(text, params) end
    local answer, err = job.ctx:select(("WITH w AS (%s RETURNING *) SELECT %s"
        .. " FROM w AS %s"):format(text, plain.list, plain.alias), params,
        plain.result)
    if answer then return answer end
    fail.with(faults.reason(job, err))
end

--- Whether an answer has no row.
function sql.is_empty(answer)
    return answer.json == "null"
end

--- A list of parameters under way: `push` returns "$n::type".
-- `first` are parameters that stand before, whose text is final.
function sql.params(first)
    local self = { list = {} }
    for i, value in ipairs(first or {}) do self.list[i] = value end
    function self.push(text, pg)
        self.list[#self.list + 1] = text
        return "$" .. #self.list .. "::" .. pg
    end
    return self
end

--- Ids of the rows of a result, from its first column.
function sql.ids(rows)
    local ids = {}
    for i, row in ipairs(rows) do ids[i] = row[1] end
    return ids
end

--- A parameter that holds ids of `model`, as an array.
function sql.push_ids(params, model, ids)
    return params.push(values.array(ids), graph.id_type(model) .. "[]")
end

--- PostgreSQL type of the column that `column` of a model holds.
function sql.column_type(job, model, column)
    for _, field in ipairs(model.fields) do
        if field.column == column then return field.pg end
        if field.link and field.link.kind == "own"
            and field.link.column == column then
            return graph.id_type(job.graph.models[field.target])
        end
    end
    error(("model '%s' has no column '%s'"):format(model.key, column), 2)
end

--- The columns of a map column → text, sorted, so that equal writes have
-- equal statements.
function sql.columns(texts)
    local columns = {}
    for column in pairs(texts) do columns[#columns + 1] = column end
    table.sort(columns)
    return columns
end

return sql
