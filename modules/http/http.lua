--- Requests to other servers: see README.md.
-- SPDX-License-Identifier: Apache-2.0
local _, _, ask, needs = ...
local json = needs.json

local http = {}

local METHODS = { "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE" }
local OPTIONS = { query = "table", headers = "table", json = "any",
    form = "table", body = "string", timeout = "any", retries = "number",
    redirects = "number" }
local UNITS = { ms = 0.001, s = 1, m = 60 }

local function wrong(what, ...)
    misuse("http: " .. what:format(...))
end

local function escape(text)
    return (text:gsub("[^%w%-%._~]", function(c)
        return ("%%%02X"):format(c:byte())
    end))
end

local function plain(value, what)
    local kind = type(value)
    if kind == "number" and value % 1 == 0 and value > -2 ^ 53
        and value < 2 ^ 53 then
        return ("%d"):format(value)
    elseif kind == "string" or kind == "number" or kind == "boolean"
        or decimals.text(value) then
        return tostring(value)
    end
    wrong("%s cannot be a %s", what, kind)
end

local function sorted_names(values, what)
    local names = {}
    for name in pairs(values) do
        if type(name) ~= "string" then wrong("%s needs names", what) end
        names[#names + 1] = name
    end
    table.sort(names)
    return names
end

-- Calls add(name, text) for each value; a list gives its name several.
local function each_pair(values, what, add)
    for _, name in ipairs(sorted_names(values, what)) do
        local value = values[name]
        if value == null then
            value = {}
        elseif type(value) ~= "table" then
            value = { value }
        end
        for _, one in ipairs(value) do
            add(name, plain(one, ("%s '%s'"):format(what, name:sub(1, 60))))
        end
    end
end

-- { a = 1, b = { 2, 3 } } → "a=1&b=2&b=3"
local function form_text(values, what)
    local parts = {}
    each_pair(values, what, function(name, text)
        parts[#parts + 1] = escape(name) .. "=" .. escape(text)
    end)
    return table.concat(parts, "&")
end

local function with_query(url, query)
    local added = form_text(query or {}, "query")
    if added == "" then return url end
    local base, fragment = url:match("^([^#]*)(.*)$")
    local joint = not base:find("?", 1, true) and "?"
        or base:find("[?&]$") and "" or "&"
    return base .. joint .. added .. fragment
end

local function header_list(headers)
    local list, has = {}, {}
    each_pair(headers or {}, "header", function(name, text)
        list[#list + 1] = { name, text }
        has[name:lower()] = true
    end)
    return list, has
end

-- The body, and what it is when the app does not say so itself.
local function body_of(options)
    local given = (options.json ~= nil and 1 or 0) + (options.form and 1 or 0)
        + (options.body and 1 or 0)
    if given > 1 then
        wrong("only one of 'json', 'form' and 'body' may be given")
    elseif options.json ~= nil then
        return json.encode(options.json), "application/json"
    elseif options.form then
        return form_text(options.form, "form"),
            "application/x-www-form-urlencoded"
    end
    return options.body, options.body and "application/octet-stream"
end

local function seconds(value)
    if type(value) ~= "string" then return value end
    local digits, unit = value:match("^(%d+)%s*(%a+)$")
    if not UNITS[unit] then
        wrong("option 'timeout' must be seconds, or a time like \"200ms\"")
    end
    return tonumber(digits) * UNITS[unit]
end

local function check_options(options)
    if options == nil then return {} end
    if type(options) ~= "table" then wrong("the options must be a table") end
    for name, value in pairs(options) do
        local kind = OPTIONS[name]
        if not kind then
            wrong("unknown option '%s'", tostring(name):sub(1, 60))
        elseif kind ~= "any" and type(value) ~= kind then
            wrong("option '%s' must be a %s", name, kind)
        end
    end
    return options
end

-- Answers -------------------------------------------------------------------

local Response = {}

function Response:json()
    local ok, value = pcall(json.decode, self.body)
    if ok then return value end
    wrong("the answer is no JSON: %s", (tostring(value):gsub("^.-json: ", "")))
end

local by_any_case = { __metatable = false, __index = function(headers, name)
    return type(name) == "string" and rawget(headers, name:lower()) or nil
end }

local response_mt = { __metatable = false, __index = Response }

local function response(answer)
    answer.ok = answer.status >= 200 and answer.status <= 299
    setmetatable(answer.headers, by_any_case)
    return setmetatable(answer, response_mt)
end

-- Functions -----------------------------------------------------------------

function http.request(method, url, options)
    if type(method) ~= "string" then wrong("the method must be a string") end
    if type(url) ~= "string" then wrong("the URL must be a string") end
    options = check_options(options)
    local headers, has = header_list(options.headers)
    local body, kind = body_of(options)
    if kind and not has["content-type"] then
        headers[#headers + 1] = { "Content-Type", kind }
    end
    return response(ask { method = method, url = with_query(url, options.query),
        headers = headers, body = body, timeout = seconds(options.timeout),
        retries = options.retries, redirects = options.redirects })
end

for _, method in ipairs(METHODS) do
    http[method:lower()] = function(url, options)
        return http.request(method, url, options)
    end
end

return http
