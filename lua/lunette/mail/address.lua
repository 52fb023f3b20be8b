--- Addresses of mail: "a@example.com", "Ann Lee <a@example.com>".
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.mail.address
local address = {}

local MAX_ADDRESS, MAX_LOCAL, MAX_NAME = 254, 64, 200
local ATOM = "[%w!#$%%&'*+/=?^_`{|}~-]"

local function is_local(text)
    if #text > MAX_LOCAL or text:find("..", 1, true) then return false end
    return text:find("^" .. ATOM) and text:find(ATOM .. "$")
        and not text:find("[^%w!#$%%&'*+/=?^_`{|}~.-]")
end

local function is_domain(text)
    if not text:find("%.") and text ~= "localhost" then return false end
    for label in (text .. "."):gmatch("([^.]*)%.") do
        if #label > 63 or not label:find("^%w[%w-]*$")
            or label:find("-$") then
            return false
        end
    end
    return true
end

local function split(text)
    local name, plain = text:match("^%s*(.-)%s*<([^<>]*)>%s*$")
    if not name then return "", text:match("^%s*(.-)%s*$") end
    local quoted = name:match('^"(.*)"$')
    if quoted then name = quoted:gsub("\\(.)", "%1") end
    return name, plain
end

--- Reads one address.
-- @tparam string text
-- @treturn[1] table { name = "" or the shown name, address, domain (in lower
--   case) }
-- @treturn[2] nil
-- @treturn[2] string what is wrong
function address.parse(text)
    if type(text) ~= "string" then return nil, "is not a text" end
    if text:find("%c") then return nil, "holds a control character" end
    local name, plain = split(text)
    if name:find('[<>]') or #name > MAX_NAME then
        return nil, 'is not written "Name <a@example.com>"'
    end
    if plain:find("[,;]") then
        return nil, "is more than one address; write a list"
    end
    local box, domain = plain:match("^([^@]*)@([^@]*)$")
    if not box or #plain > MAX_ADDRESS or not is_local(box) then
        return nil, "is not an address"
    elseif domain:find("[\128-\255]") then
        return nil, "has a domain outside of ASCII; write its xn-- form"
    elseif not is_domain(domain) then
        return nil, "is not an address"
    end
    return { name = name, address = plain, domain = domain:lower() }
end

--- Whether a domain is one of a list: "example.com", "*.example.com", "*".
function address.is_in(domain, list)
    for _, entry in ipairs(list or {}) do
        entry = entry:lower()
        local tail = entry:match("^%*(%..+)$")
        if entry == "*" or entry == domain
            or tail and #domain > #tail and domain:sub(-#tail) == tail then
            return true
        end
    end
    return false
end

return address
