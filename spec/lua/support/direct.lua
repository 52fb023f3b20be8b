--- The values of a direct write for specs, as core/graphql/direct.c finds them.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.direct
local host = require("support.host")
local values = require("lunette.orm.write.values")

local direct = {}

local Run = {}
Run.__index = Run

--- `params` are the bound texts of the write; `now` Unix milliseconds.
function direct.new(params, user, now)
    return setmetatable({ slots = params, user = user,
        now = values.timestamp(now or host.now()) }, Run)
end

--- Whether the values meet the needs of the statement.
function Run:fits(made)
    for _, need in ipairs(made.needs) do
        local text = self.slots[need.slot + 1]
        if text == nil or text == host.null or (need.id
            and not values.is_id({ id_type = need.id }, text)) then
            return false
        end
    end
    return true
end

local MOMENTS = { datetime = { 1, -1 }, date = { 1, 10 }, time = { 12, 23 } }

function Run:text(source)
    if source.slot then return self.slots[source.slot + 1] or host.null end
    if source.const then return source.const end
    if source.user then return self.user or host.null end
    if source.now then
        return self.now:sub(unpack(MOMENTS[source.now]))
    end
    if source.id then return self.ids[source.id + 1] end
    if source.array then
        return values.array(self:params(source.array))
    end
    return host.null
end

--- The texts of `sources`; `ids` are the kinds of the ids to be made.
function Run:params(sources, ids)
    if ids then
        self.ids = {}
        for i, kind in ipairs(ids) do
            self.ids[i] = kind == "uuid" and host.uuid() or host.id25()
        end
    end
    local list = {}
    for i, source in ipairs(sources) do list[i] = self:text(source) end
    return list
end

--- The items of each of the array sources.
function Run:lists(sources, ids)
    self:params({}, ids)
    local lists = {}
    for i, source in ipairs(sources) do lists[i] = self:params(source.array) end
    return lists
end

--- Lists of texts as parameters.
function direct.arrays(lists)
    local texts = {}
    for i, list in ipairs(lists) do texts[i] = values.array(list) end
    return texts
end

return direct
