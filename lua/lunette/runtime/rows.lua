--- Rows of a model as apps get them: the texts of all columns that the row itself
-- holds. What they mean as values, lunette.guest.values knows.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.rows
local sql = require("lunette.orm.sql")

local rows = {}

local AT_A_STRETCH = 100

local function column_of(field)
    if field.kind == "scalar" then return field.column end
    return field.link and field.link.kind == "own" and field.link.column or nil
end

local cache = setmetatable({}, { __mode = "k" })

--- What a model's rows are made of: `fields` in the order of the row, the id
-- first, and `columns`, their columns.
function rows.layout(model)
    local layout = cache[model]
    if layout then return layout end
    layout = { fields = {}, columns = {} }
    cache[model] = layout
    local function add(field)
        local at = #layout.fields + 1
        layout.fields[at], layout.columns[at] = field, column_of(field)
    end
    add(sql.id_field(model))
    for _, field in ipairs(model.fields) do
        if column_of(field) and field.name ~= "id" then add(field) end
    end
    return layout
end

--- The select list for rows under `alias`.
function rows.list(model, alias)
    local parts = {}
    for i, column in ipairs(rows.layout(model).columns) do
        parts[i] = sql.column(alias, column)
    end
    return table.concat(parts, ", ")
end

--- Makes the rows of a result ready to leave: null is false, as db:fetch has it.
-- In place; others have their turn meanwhile.
function rows.outward(ctx, model, result)
    local count, null = #rows.layout(model).columns, host.null
    for i, row in ipairs(result) do
        for at = 1, count do
            if row[at] == null then row[at] = false end
        end
        if i % AT_A_STRETCH == 0 then ctx:pause() end
    end
    return result
end

return rows
