--- Hooks and computed defaults for specs: functions by their entries, called in
-- this very state instead of the VM of an app.
--
--     hooked.use { ["hook:before_create:Lead"] = function(message) ... end }
--
-- A function gets the message of lunette.orm.write.hooks, with `job`, and its
-- result is what an app would leave behind. Every call is noted in `calls`.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.hooked
local bind = require("support.bind")
local hooks = require("lunette.orm.write.hooks")
local host = require("support.host")
local language = require("lunette.app.language")
local sets = require("support.sets")

local hooked = { calls = {} }

-- What the host does in C.
local function coerce(kind, value, options)
    local param = { type = kind, name = options.name, list = options.list,
        values = options.values, src = { var = "value" } }
    if type(value) == "table" and value.number then
        return value.number
    end
    local ok, texts = pcall(bind.texts, { param },
        { variables = { value = value } })
    if ok then return texts[1] end
    if type(texts) ~= "table" then error(texts, 0) end
    return nil, texts.input
end

local function rows_of(job, model, ids)
    local values = require("lunette.orm.write.values")
    local rows = job.db:query(("SELECT * FROM %q.%q WHERE id::text ="
        .. " ANY($1::text[]) ORDER BY id"):format(model.schema, model.table),
        { values.array(ids) })
    return rows
end

-- What crosses into an app is a copy.
local function copy(value)
    if type(value) ~= "table" then return value end
    local made = {}
    for key, item in pairs(value) do made[key] = copy(item) end
    return made
end

--- Sets the functions, and forgets the calls.
function hooked.use(functions)
    host.coerce = host.coerce or coerce
    hooked.calls = {}
    hooks.rows = rows_of
    function hooks.invoke(job, app, entry, message)
        table.insert(hooked.calls, app .. " " .. entry)
        message = copy(message)
        message.job = job
        local run = functions[entry]
        if not run then error("no function " .. entry, 0) end
        return run(message)
    end
end

-- Every hook of every model of a set.
local function all_hooks(set)
    local found = {}
    for _, model in ipairs(set.models) do
        local hooks_of = {}
        for _, hook in ipairs(language.HOOKS) do
            hooks_of[hook] = { { app = model.app,
                entry = language.entry.hook(model.app, hook, model.key) } }
        end
        found[model.key] = hooks_of
    end
    return found
end

--- Gives every model of a datamodel every hook; they change nothing. Returns the
-- function that ends it.
function hooked.everywhere()
    local from_datamodel = sets.from_datamodel
    hooked.use({})
    function hooks.invoke(_, app, entry, message)
        table.insert(hooked.calls, app .. " " .. entry)
        return copy(message.values or message.changes)
    end
    function sets.from_datamodel(...)
        local set = from_datamodel(...)
        set.hooks = all_hooks(set)
        return set
    end
    return function() sets.from_datamodel = from_datamodel end
end

--- How often an entry was called.
function hooked.count(entry)
    local count = 0
    for _, call in ipairs(hooked.calls) do
        if call:match(" (.*)$") == entry then count = count + 1 end
    end
    return count
end

return hooked
