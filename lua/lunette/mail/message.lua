--- From what an app wants to send to a message, within what policy grants.
-- SPDX-License-Identifier: Apache-2.0
-- @module lunette.mail.message
local address = require("lunette.mail.address")
local template = require("lunette.mail.template")

local message = {}

local MAX_SUBJECT, MAX_FILE_NAME, MAX_ATTACHMENTS = 500, 200, 20
local KEYS = { to = true, cc = true, bcc = true, from = true, reply_to = true,
    subject = true, text = true, html = true, template = true, values = true,
    attachments = true }

local function wrong(what, ...)
    error({ problem = "mail: " .. what:format(...) }, 0)
end

local function grant(job, what, ...)
    error({ problem = ("policy must grant app '%s': modules.mail."):format(
        job.app) .. what:format(...) }, 0)
end

-- In a message: short, on one line.
local function shown(text)
    return (tostring(text):sub(1, 80):gsub("%c", "?"))
end

-- Addresses -----------------------------------------------------------------

local function parse(what, text)
    local parsed, problem = address.parse(text)
    if not parsed then wrong("'%s' in '%s' %s", shown(text), what, problem) end
    return parsed
end

local function each(value)
    if value == nil then return {} end
    return type(value) == "table" and value or { value }
end

local function recipients(job, what, value, all)
    local list = {}
    for _, text in ipairs(each(value)) do
        local parsed = parse(what, text)
        if not address.is_in(parsed.domain, job.options.domains) then
            grant(job, "domains must include '%s'", parsed.domain)
        end
        list[#list + 1] = { name = parsed.name, address = parsed.address }
        if not all[parsed.address] then
            all[parsed.address] = true
            all[#all + 1] = parsed.address
        end
    end
    return list
end

-- Policy names whole addresses and domains that mail may come from; the first
-- address is that of mails which name none.
local function sender(job, asked)
    local allowed = job.options.from or {}
    if asked.from == nil then
        for _, entry in ipairs(allowed) do
            local parsed = entry:find("@", 1, true) and address.parse(entry)
            if parsed then return parsed end
        end
        wrong("'from' is needed: policy names no address")
    end
    local parsed = parse("from", asked.from)
    for _, entry in ipairs(allowed) do
        local one = entry:find("@", 1, true) and address.parse(entry)
        if one and one.address:lower() == parsed.address:lower() then
            return parsed
        end
    end
    if not address.is_in(parsed.domain, allowed) then
        grant(job, "from must include '%s'", parsed.address)
    end
    return parsed
end

-- Texts ---------------------------------------------------------------------

local function fill(job, name, html)
    local text = job.templates[name]
    if not text then return nil end
    local filled, problem = template.fill("mail/" .. name, text,
        job.values, html)
    if not filled then wrong("%s", problem) end
    return filled
end

local function check_text(what, value)
    if value ~= nil and type(value) ~= "string" then
        wrong("'%s' must be a text", what)
    elseif value and value:find("%z") then
        wrong("'%s' holds a zero byte", what)
    end
    return value
end

-- A text template may begin with "Subject: ..." and an empty line.
local function cut_subject(text)
    local subject, rest = text:match("^Subject:[ \t]*([^\r\n]*)\r?\n\r?\n(.*)$")
    return subject, rest or text
end

local function from_template(job, asked, out)
    local name = asked.template
    if type(name) ~= "string" or not name:find("^[%w_-]+$") then
        wrong("'template' must be the name of a file below mail/")
    end
    local text, html = fill(job, name .. ".txt"), fill(job, name .. ".html", true)
    if not text and not html then
        wrong("the app has no mail/%s.txt and no mail/%s.html", name, name)
    end
    local subject
    if text then subject, text = cut_subject(text) end
    out.subject = asked.subject or subject
    out.text, out.html = out.text or text, out.html or html
    if asked.subject and #asked.subject <= MAX_SUBJECT then
        local filled, problem = template.fill("subject", asked.subject,
            job.values)
        if not filled then wrong("%s", problem) end
        out.subject = filled
    end
end

local function texts(job, asked, out)
    out.text = check_text("text", asked.text)
    out.html = check_text("html", asked.html)
    out.subject = check_text("subject", asked.subject)
    if asked.values ~= nil and type(asked.values) ~= "table" then
        wrong("'values' must be a table")
    end
    job.values = asked.values or {}
    if asked.template ~= nil then from_template(job, asked, out) end
    if not out.text and not out.html then
        wrong("'text', 'html' or 'template' is needed")
    elseif not out.subject or out.subject == "" then
        wrong("'subject' is needed")
    elseif out.subject:find("%c") then
        wrong("the subject holds a line end or another control character")
    elseif #out.subject > MAX_SUBJECT then
        wrong("the subject is longer than %d bytes", MAX_SUBJECT)
    end
end

-- Attachments ---------------------------------------------------------------

local function attachment(at, given)
    if type(given) ~= "table" then wrong("attachment %d is no table", at) end
    local name, kind = given.name, given.type or "application/octet-stream"
    if type(name) ~= "string" or name == "" or #name > MAX_FILE_NAME
        or name:find("[%c/\\]") then
        wrong("attachment %d has no usable name", at)
    elseif type(kind) ~= "string"
        or not kind:find("^[%w][%w!#$&^_.+-]*/[%w][%w!#$&^_.+-]*$") then
        wrong("attachment '%s': the type must be written like 'text/csv'",
            shown(name))
    elseif type(given.data) ~= "string" or #given.data % 4 ~= 0 then
        wrong("attachment '%s' has no data", shown(name))
    end
    return { name = name, type = kind, data = given.data }
end

local function attachments(asked)
    local list = {}
    for at, given in ipairs(each(asked.attachments)) do
        if at > MAX_ATTACHMENTS then
            wrong("there are more than %d attachments", MAX_ATTACHMENTS)
        end
        list[at] = attachment(at, given)
    end
    return list
end

-- All of it -----------------------------------------------------------------

local function size_of(out)
    local bytes = #(out.text or "") + #(out.html or "") + #out.subject
    for _, one in ipairs(out.attachments) do bytes = bytes + #one.data end
    return bytes
end

local function check_keys(asked)
    if type(asked) ~= "table" then wrong("a message must be a table") end
    for key in pairs(asked) do
        if not KEYS[key] then wrong("unknown field '%s'", shown(key)) end
    end
end

local function build(job, asked)
    check_keys(asked)
    local all, out = {}, {}
    local from = sender(job, asked)
    out.from = { name = from.name, address = from.address }
    out.to = recipients(job, "to", asked.to, all)
    out.cc = recipients(job, "cc", asked.cc, all)
    recipients(job, "bcc", asked.bcc, all)
    local most = job.options.recipients or 50
    if #all == 0 then
        wrong("'to' is needed")
    elseif #all > most then
        wrong("there are %d recipients, and policy allows %d", #all, most)
    end
    if asked.reply_to ~= nil then
        local reply = parse("reply_to", asked.reply_to)
        out.reply_to = { name = reply.name, address = reply.address }
    end
    texts(job, asked, out)
    out.attachments = attachments(asked)
    if size_of(out) > (job.options.size or 10 * 1024 * 1024) then
        wrong("the message is larger than policy allows")
    end
    local list = {}
    for at, one in ipairs(all) do list[at] = one end
    return { message = out, recipients = list }
end

--- Makes a message.
-- @tparam table job { app, options (of the grant), templates (name → text) }
-- @tparam table asked what the app gave to mail.send; data of attachments in
--   base64
-- @treturn[1] table { message = { from, to, cc, reply_to, subject, text, html,
--   attachments }, recipients = { address, ... } }
-- @treturn[2] nil
-- @treturn[2] string what is wrong, or what policy must grant
function message.build(job, asked)
    job.templates = job.templates or {}
    local ok, result = pcall(build, job, asked)
    if ok then return result end
    if type(result) == "table" and result.problem then
        return nil, result.problem
    end
    error(result, 0)
end

return message
