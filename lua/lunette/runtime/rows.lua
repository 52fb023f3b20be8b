--- Rows of a model as apps get them: all columns that the row itself holds.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.runtime.rows
local convert = require("lunette.orm.write.convert")
local sql = require("lunette.orm.sql")

local rows = {}

local AT_A_STRETCH = 100

local function column_of(field)
    if field.kind == "scalar" then return field.column end
    return field.link and field.link.kind == "own" and field.link.column or nil
end

local function decode_json(text)
    return convert.value({ type = "json" }, text)
end

local function decode_list(text)
    local items = convert.items(text)
    for i, item in ipairs(items) do
        if item == host.null then items[i] = convert.null() end
    end
    return items
end

local function decoder_of(field)
    if field.kind ~= "scalar" then return nil end
    if field.list then return decode_list end
    return field.type == "json" and decode_json or nil
end

local cache = setmetatable({}, { __mode = "k" })

--- What a model's rows are made of: `fields` in the order of the row, the id
-- first, `columns` their columns, `decode` position → function for those that
-- are more than a text.
function rows.layout(model)
    local layout = cache[model]
    if layout then return layout end
    layout = { fields = {}, columns = {}, decode = {} }
    cache[model] = layout
    local function add(field)
        local at = #layout.fields + 1
        layout.fields[at], layout.columns[at] = field, column_of(field)
        layout.decode[at] = decoder_of(field)
    end
    add(sql.id_field(model))
    for _, field in ipairs(model.fields) do
        if column_of(field) and field.name ~= "id" then add(field) end
    end
    layout.decodes = next(layout.decode) ~= nil
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

--- Makes the rows of a result ready to leave: null is false, lists and Json are
-- tables. In place; others have their turn meanwhile.
function rows.outward(ctx, model, result)
    local layout, null = rows.layout(model), host.null
    local count, decode = #layout.columns, layout.decode
    for i, row in ipairs(result) do
        for at = 1, count do
            local cell = row[at]
            if cell == null then
                row[at] = false
            elseif decode[at] then
                row[at] = decode[at](cell)
            end
        end
        if i % AT_A_STRETCH == 0 then ctx:pause() end
    end
    return result
end

return rows
