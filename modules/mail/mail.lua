--- Mail: see README.md.
-- SPDX-License-Identifier: Apache-2.0
local native, _, ask = ...

local mail = {}

local MAX_DEPTH, MAX_NODES = 8, 10000

local function wrong(what, ...)
    misuse("mail: " .. what:format(...))
end

-- A copy that can leave the VM; decimals become texts.
local function plain(value, state, depth)
    local kind = type(value)
    if kind == "string" or kind == "number" or kind == "boolean" then
        return value
    elseif value == null then
        return nil
    elseif decimals.text(value) then
        return tostring(value)
    elseif kind == "table" and getmetatable(value) ~= nil then
        wrong("a record cannot be a part of a message; name its fields")
    elseif kind ~= "table" then
        wrong("a %s cannot be a part of a message", kind)
    end
    local out = {}
    if depth > MAX_DEPTH then wrong("the values are nested too deeply") end
    for key, item in pairs(value) do
        state.nodes = state.nodes + 1
        if state.nodes > MAX_NODES then wrong("there are too many values") end
        out[key] = plain(item, state, depth + 1)
    end
    return out
end

local function attachment(at, given)
    if type(given) ~= "table" then wrong("attachment %d is no table", at) end
    if type(given.data) ~= "string" then
        wrong("attachment %d has no data", at)
    end
    return { name = given.name, type = given.type,
        data = native.base64(given.data) }
end

function mail.send(message)
    if type(message) ~= "table" then wrong("a message must be a table") end
    local out, state = {}, { nodes = 0 }
    for key, value in pairs(message) do
        if key ~= "attachments" then out[key] = plain(value, state, 1) end
    end
    if message.attachments ~= nil then
        if type(message.attachments) ~= "table" then
            wrong("'attachments' must be a list")
        end
        out.attachments = {}
        for at, given in ipairs(message.attachments) do
            out.attachments[at] = attachment(at, given)
        end
    end
    local id = ask(out, "enqueue")
    -- In a test nobody is there to be woken: the message goes with its rollback.
    pcall(ask, { wake = true })
    return id
end

return mail
