--- Records: handles of rows of the database.
--
-- A record knows its model and id; its fields are read when they are first asked
-- for, for all records that came with it in one query. `record.partner` is a
-- record, `order.lines` a list of records, read for all at once too. A list of
-- records is a table with the records at 1..n and the methods below.
--
-- What a record knows stands in its member STATE: {model=, id=, group=, row=,
-- values=}. `model` is {key=, name=, fields=, by=} (lunette.runtime.setup), `row`
-- the texts of its fields in the order of the model's (false: null), nil before
-- they are read and false when there is no such row for the caller. A group are
-- the states that came together.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.guest.records
local text = require("lunette.util.text")
local values = require("lunette.guest.values")

local records = {}

local STATE = {}
local READ_AT_ONCE = 1000

--- What stands for no value.
records.NULL = values.NULL

--- `me` while the app is loaded: in defaults and filters of declarations.
records.ME = setmetatable({ __op = "me" }, { __metatable = false })

--- `me` of a caller who is not logged in: has no fields, and in a filter nothing
-- is equal to it.
records.NOBODY = setmetatable({ __op = "nobody" }, { __metatable = false,
    __tostring = function() return "nobody" end,
    __newindex = function() error("nobody is logged in", 2) end,
})

--- A member of a table that may have any metatable.
function records.raw(value, key)
    return rawget(value, key)
end

local function state_of(value)
    return type(value) == "table" and rawget(value, STATE) or nil
end

-- Models --------------------------------------------------------------------

local function model_of(self, name, word)
    if type(name) ~= "string" then
        error(('%s%s("Model", ...) takes the name of a model'):format(
            host.where(), word), 0)
    end
    local key = name:find(".", 1, true) and name or self.app .. "." .. name
    local model = self.models[key]
    if model then return model end
    local known = {}
    for other, entry in pairs(self.models) do
        known[#known + 1] = entry.app == self.app and entry.name or other
    end
    error(("%s%s: the app has no model %s%s"):format(host.where(), word,
        text.quote(name), text.did_you_mean(name, known)), 0)
end

local function unknown_field(model, name)
    local known = {}
    for _, field in ipairs(model.fields) do known[#known + 1] = field.name end
    return ("%s has no field %s%s"):format(model.name,
        text.quote(tostring(name)), text.did_you_mean(tostring(name), known))
end

local function field_of(model, name)
    local field = model.by[name]
    if field then return field end
    error(host.where() .. unknown_field(model, name), 0)
end

-- Asking --------------------------------------------------------------------

local function ask(self, operation)
    operation.as_app = (self.current().as_app or 0) > 0 or nil
    return self.ask(operation)
end

-- What is written or compared: plain data.
local function outward(value)
    local kind = type(value)
    if kind == "function" or kind == "userdata" or kind == "thread"
        or kind == "cdata" then
        return values.crossing(value)
            or error(("a %s is no value"):format(kind), 0)
    elseif kind ~= "table" then
        return value
    end
    local crossing = records.crossing(value)
    if crossing ~= nil then return crossing end
    local out = {}
    for key, member in pairs(value) do out[key] = outward(member) end
    return out
end

-- Raises misuse at the line of the app.
local function outward_at(value)
    local ok, result = pcall(outward, value)
    if ok then return result end
    error(host.where() .. tostring(result), 0)
end

--- A value as plain data; raises at the line of the app what is none.
records.outward = outward_at

--- The model of a record; nil for any other value.
function records.model_of(value)
    local state = state_of(value)
    return state and state.model
end

--- What a record is outside; nil for any other table.
function records.crossing(value)
    local state = rawget(value, STATE)
    if state then return { __record = state.model.key, id = state.id } end
end

--- Names and texts, for the log.
function records.texts(fields)
    local out = {}
    for name, value in pairs(fields) do
        local state = state_of(value)
        out[tostring(name)] = state and state.id or tostring(value)
    end
    return out
end

-- Making records ------------------------------------------------------------

local function new_group(model) return { model = model, states = {} } end

local function add(self, group, id, row)
    local model = group.model
    local state = { self = self, model = model, id = id, row = row,
        group = group }
    group.states[#group.states + 1] = state
    local record = setmetatable({ [STATE] = state }, self.metas[model.key])
    state.record = record
    return record
end

local function new_list(self, model, list)
    return setmetatable(list or {}, self.list_metas[model.key])
end

-- A list of records from the rows of an answer; the id stands first.
local function from_rows(self, model, rows)
    local group, list = new_group(model), {}
    for i, row in ipairs(rows) do list[i] = add(self, group, row[1], row) end
    return new_list(self, model, list)
end

--- Records that the host names in a message: by their rows, or by their ids.
function records.known(self, key, rows, ids)
    local model = self.models[key]
    if rows then return from_rows(self, model, rows) end
    local group, list = new_group(model), {}
    for i, id in ipairs(ids) do list[i] = add(self, group, id, nil) end
    return new_list(self, model, list)
end

--- The record of the caller.
function records.me(self, message)
    local model = self.models["base.User"]
    if not message.me then return records.NOBODY end
    if not model then return message.me end
    local current = self.current()
    if not current.me then
        current.me = add(self, new_group(model), message.me, nil)
    end
    return current.me
end

-- Reading -------------------------------------------------------------------

-- Reads the rows that are missing in the group of `state`, it first.
local function load(state)
    local self, group = state.self, state.group
    local waiting, ids = { state }, { state.id }
    for _, other in ipairs(group.states) do
        if #ids >= READ_AT_ONCE then break end
        if other ~= state and other.row == nil then
            waiting[#waiting + 1], ids[#ids + 1] = other, other.id
        end
    end
    local rows = ask(self, { op = "read", model = group.model.key, ids = ids })
    local found = {}
    for _, row in ipairs(rows) do found[row[1]] = row end
    for _, each in ipairs(waiting) do
        each.row = found[each.id] or false
        each.values = nil
    end
end

local function row_of(state)
    if state.row == nil then load(state) end
    if not state.row then
        error(("%s%s %s is not there, or not for this caller"):format(
            host.where(), state.model.name, tostring(state.id)), 0)
    end
    return state.row
end

local function scalar(state, field)
    if field.name == "id" then return state.id end
    local known = state.values
    local row = row_of(state)
    if not known then
        known = {}
        state.values = known
    end
    local value = known[field.name]
    if value == nil then
        value = values.cell(field, row[field.at])
        known[field.name] = value
    end
    return value
end

-- The records that the column `field` of a whole group leads to: id → record.
local function targets(state, field)
    local group = state.group
    group.related = group.related or {}
    local found = group.related[field.name]
    if found then return found end
    found = {}
    group.related[field.name] = found
    local model = state.self.models[field.target]
    local into = new_group(model)
    for _, other in ipairs(group.states) do
        local id = other.row and other.row[field.at]
        if id and not found[id] then
            found[id] = add(state.self, into, id, nil)
        end
    end
    return found
end

local function reachable(state, field)
    if not state.self.models[field.target] then
        error(("%s%s.%s leads to '%s', which the app may not read"):format(
            host.where(), state.model.name, field.name, field.target), 0)
    end
end

-- A link that the row itself holds.
local function to_one(state, field)
    local row = row_of(state)
    local id = row[field.at]
    if not id then return nil end
    reachable(state, field)
    local found = targets(state, field)
    if not found[id] then
        found[id] = add(state.self, new_group(state.self.models[field.target]),
            id, nil)
    end
    return found[id]
end

-- Lists of the related rows of a whole group: state → list.
local function gather(state, field)
    reachable(state, field)
    local self, group = state.self, state.group
    local ids, waiting = {}, {}
    for _, other in ipairs(group.states) do
        if #ids >= READ_AT_ONCE then break end
        if not (other.lists and other.lists[field.name]) then
            ids[#ids + 1], waiting[#waiting + 1] = other.id, other
        end
    end
    local answer = ask(self, { op = "related", model = state.model.key,
        field = field.name, ids = ids })
    local model, by_parent = self.models[field.target], {}
    local into = new_group(model)
    for i, row in ipairs(answer.rows) do
        local parent = answer.parents[i]
        by_parent[parent] = by_parent[parent] or {}
        table.insert(by_parent[parent], add(self, into, row[1], row))
    end
    for _, other in ipairs(waiting) do
        other.lists = other.lists or {}
        other.lists[field.name] = new_list(self, model, by_parent[other.id])
    end
end

local function to_many(state, field)
    if not (state.lists and state.lists[field.name]) then
        gather(state, field)
    end
    local list = state.lists[field.name]
    if field.many then return list end
    return list[1]
end

-- Changing ------------------------------------------------------------------

local function forget(state)
    state.row, state.values, state.lists = nil, nil, nil
    state.group.related = nil
end

-- The ids of records of one model; the state of the first, nil without any.
local function ids_of(list, word)
    local first, ids = nil, {}
    for i, record in ipairs(list) do
        local state = state_of(record)
        first = first or state
        if not state or state.model ~= first.model then
            error(("%s%s: all must be records of one model"):format(
                host.where(), word), 0)
        end
        ids[i] = state.id
    end
    return first, ids
end

local function set(list, changes)
    if type(changes) ~= "table" then
        error(host.where() .. "set { field = value } takes a table", 0)
    end
    local first, ids = ids_of(list, "set")
    if not first then return end
    for name in pairs(changes) do field_of(first.model, name) end
    ask(first.self, { op = "set", model = first.model.key, ids = ids,
        values = outward_at(changes) })
    for _, record in ipairs(list) do forget(state_of(record)) end
end

local function delete(list)
    local first, ids = ids_of(list, "delete")
    if not first then return end
    ask(first.self, { op = "delete", model = first.model.key, ids = ids })
    for _, record in ipairs(list) do
        local state = state_of(record)
        forget(state)
        state.row = false
    end
end

-- Metatables ----------------------------------------------------------------

local METHODS = {
    set = function(record, changes) set({ record }, changes) end,
    delete = function(record) delete({ record }) end,
}

local LIST_METHODS = {
    set = set,
    delete = delete,
    each = function(list)
        local i = 0
        return function()
            i = i + 1
            if list[i] ~= nil then return i, list[i] end
        end
    end,
    map = function(list, fn)
        local out = {}
        for i, record in ipairs(list) do
            if type(fn) == "string" then
                out[i] = record[fn]
            else
                out[i] = fn(record)
            end
        end
        return out
    end,
    where = function(list, keep)
        local out = {}
        for _, record in ipairs(list) do
            if keep(record) then out[#out + 1] = record end
        end
        return setmetatable(out, getmetatable(list))
    end,
    count = function(list) return #list end,
}

-- What a list of rows to be has.
local DRAFT_METHODS = { each = LIST_METHODS.each, map = LIST_METHODS.map,
    count = LIST_METHODS.count }

local function read(record, name)
    local state = rawget(record, STATE)
    local field = state.model.by[name]
    if not field then
        if METHODS[name] then return METHODS[name] end
        error(host.where() .. unknown_field(state.model, name), 0)
    end
    if field.kind == "scalar" then return scalar(state, field) end
    if field.at then return to_one(state, field) end
    return to_many(state, field)
end

local function write(record, name, value)
    if value == nil then value = records.NULL end
    set({ record }, { [name] = value })
end

local function same(a, b)
    local x, y = state_of(a), state_of(b)
    return x ~= nil and y ~= nil and x.model == y.model and x.id == y.id
end

local function meta_of(model)
    return {
        __metatable = false, __index = read, __newindex = write, __eq = same,
        __tostring = function(record)
            return model.name .. "(" .. tostring(rawget(record, STATE).id)
                .. ")"
        end,
    }
end

local function not_of_a_list(model, name)
    error(("%sa list of %s has no '%s'; take its records one by one: for _,"
        .. " record in each(list) do"):format(host.where(), model.name,
        tostring(name)), 0)
end

local function list_meta_of(model, methods)
    return {
        __index = function(_, name)
            local method = methods[name]
            if method or type(name) == "number" then return method end
            not_of_a_list(model, name)
        end,
        __newindex = function(list, name, value)
            if type(name) ~= "number" then not_of_a_list(model, name) end
            rawset(list, name, value)
        end,
    }
end

--- Prepares the models of a guest.
function records.open(self)
    self.models, self.metas, self.list_metas = self.setup.models or {}, {}, {}
    for key, model in pairs(self.models) do
        model.key, model.by = key, {}
        for at, field in ipairs(model.fields) do
            model.by[field.name] = field
            if field.stored_at then field.at = at end
        end
        self.metas[key] = meta_of(model)
        self.list_metas[key] = list_meta_of(model, LIST_METHODS)
    end
end

-- Words ---------------------------------------------------------------------

local function filter_of(filter)
    if filter == nil then return nil end
    if state_of(filter) or type(filter) == "string"
        or type(filter) == "number" then
        return { id = outward(filter) }
    elseif type(filter) ~= "table" then
        error(host.where() .. "a filter is written { field = value }", 0)
    end
    return outward_at(filter)
end

local function found(self, model, filter, options)
    local rows = ask(self, { op = "find", model = model.key,
        filter = filter_of(filter), options = options })
    return from_rows(self, model, rows)
end

local function options_of(options)
    if options == nil then return {} end
    if type(options) == "table" then return outward_at(options) end
    error(host.where() .. "options are { order =, limit =, offset =, lock = }",
        0)
end

--- find("Lead", { state = "new" }, { order = "-revenue", limit = 5 })
function records.find(self, name, filter, options)
    return found(self, model_of(self, name, "find"), filter,
        options_of(options))
end

--- The first record that fits, or nil.
function records.one(self, name, filter, options)
    options = options_of(options)
    options.limit = 1
    return found(self, model_of(self, name, "one"), filter, options)[1]
end

--- A new record, or of a list several at once.
function records.create(self, name, given)
    local model = model_of(self, name, "create")
    if type(given) ~= "table" then
        error(host.where() .. 'create("Model", { field = value })', 0)
    end
    local many = #given > 0
    local list = many and given or { given }
    for _, each in ipairs(list) do
        if type(each) ~= "table" then
            error(("%screate: each of a list must be { field = value }, not a"
                .. " %s"):format(host.where(), type(each)), 0)
        end
        for field in pairs(each) do field_of(model, field) end
    end
    local ids = ask(self, { op = "create", model = model.key,
        values = outward_at(list) })
    local group, made = new_group(model), {}
    for i, id in ipairs(ids) do made[i] = add(self, group, id, nil) end
    if many then return new_list(self, model, made) end
    return made[1]
end

-- A ref of a row to be is a record, read together with those of the others.
local function draft_value(self, field, value, groups)
    if not field then return value end
    if type(value) == "table" and value.__op == "null" then
        return records.NULL
    elseif field.kind == "scalar" then
        return values.inward(field, value)
    end
    local target = self.models[field.target]
    if not target then return value end
    groups[field] = groups[field] or new_group(target)
    return add(self, groups[field], value, nil)
end

local function draft_meta_of(model)
    return {
        __metatable = false,
        __index = function(_, name)
            if not model.by[name] then
                error(host.where() .. unknown_field(model, name), 0)
            end
        end,
        __newindex = function(draft, name, value)
            field_of(model, name)
            rawset(draft, name, value)
        end,
    }
end

--- The arguments of a call: ids become records, texts exact numbers. `kinds` is
-- what lunette.orm.call says of those that need it.
function records.arguments(self, args, kinds)
    for name, kind in pairs(kinds) do
        local value, target = args[name], self.models[kind.target]
        if value == nil then
            args[name] = nil
        elseif not kind.target then
            args[name] = values.inward(kind, value)
        elseif target and kind.list then
            args[name] = records.known(self, kind.target, nil, value)
        elseif target then
            args[name] = add(self, new_group(target), value, nil)
        end
    end
    return args
end

--- Values of rows to be, as the app sees them: field → value.
function records.drafts(self, key, list)
    local model = self.models[key]
    local drafts, groups, meta = {}, {}, draft_meta_of(model)
    for i, given in ipairs(list) do
        local draft = {}
        for name, value in pairs(given) do
            draft[name] = draft_value(self, model.by[name], value, groups)
        end
        drafts[i] = setmetatable(draft, meta)
    end
    return setmetatable(drafts, list_meta_of(model, DRAFT_METHODS))
end

return records
