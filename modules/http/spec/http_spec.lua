-- What http asks of its C part; servers are in spec/e2e/module_http.test.mjs.
-- SPDX-License-Identifier: Apache-2.0
local asked
local answer = { status = 200, url = "https://a.example/", body = "",
    headers = {} }
local http = grant("http", '{"hosts":["a.example"]}', function(operation)
    asked = operation.data
    equal({ operation.op, operation.module }, { "module", "http" })
    local copy = {}
    for key, value in pairs(answer) do copy[key] = value end
    copy.headers = {}
    for key, value in pairs(answer.headers) do copy.headers[key] = value end
    return copy
end)

local function header(name)
    for _, pair in ipairs(asked.headers) do
        if pair[1] == name then return pair[2] end
    end
end

test("names a function for each method", function()
    for _, method in ipairs { "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH",
        "DELETE" } do
        http[method:lower()]("https://a.example/")
        equal(asked.method, method)
    end
    http.request("GET", "https://a.example/")
    equal(asked, { method = "GET", url = "https://a.example/", headers = {} })
end)

test("adds a query to the URL", function()
    for url, wanted in pairs {
        ["https://a/"] = "https://a/?b=2&c=x%20y",
        ["https://a/?d=1"] = "https://a/?d=1&b=2&c=x%20y",
        ["https://a/?"] = "https://a/?b=2&c=x%20y",
        ["https://a/#f"] = "https://a/?b=2&c=x%20y#f",
    } do
        http.get(url, { query = { c = "x y", b = 2 } })
        equal(asked.url, wanted)
    end
    http.get("https://a/", { query = { none = null } })
    equal(asked.url, "https://a/")
    http.get("https://a/", { query = {} })
    equal(asked.url, "https://a/")
    http.get("https://a/", { query = { q = "ä&=\r\n", t = true,
        l = { 1, 2 ^ 53 - 1, 1.5 } } })
    equal(asked.url,
        "https://a/?l=1&l=9007199254740991&l=1.5&q=%C3%A4%26%3D%0D%0A&t=true")
end)

test("makes bodies, and says what they are", function()
    http.post("https://a/", { json = { list = { 1, "x" }, none = null } })
    equal(asked.body, '{"list":[1,"x"],"none":null}')
    equal(header("Content-Type"), "application/json")
    http.post("https://a/", { json = false })
    equal(asked.body, "false")
    http.post("https://a/", { form = { a = "1 2", b = { "x", "y" } } })
    equal(asked.body, "a=1%202&b=x&b=y")
    equal(header("Content-Type"), "application/x-www-form-urlencoded")
    http.post("https://a/", { body = "x", headers = { ["content-type"] = "a/b" } })
    equal(asked.body, "x")
    equal(header("Content-Type"), nil)
    equal(header("content-type"), "a/b")
end)

test("takes times as seconds or as texts", function()
    for given, seconds in pairs { [2] = 2, [0.5] = 0.5, ["200ms"] = 0.2,
        ["3s"] = 3, ["1m"] = 60 } do
        http.get("https://a/", { timeout = given })
        equal(asked.timeout, seconds)
    end
end)

test("reads answers", function()
    answer = { status = 404, url = "u", body = '{"a":[1,null,12345678901234567890]}',
        headers = { ["content-type"] = "application/json", ["x-a"] = "b" } }
    local r = http.get("https://a/")
    equal({ r.status, r.ok, r.url }, { 404, false, "u" })
    equal({ r.headers["Content-Type"], r.headers["X-A"], r.headers.none },
        { "application/json", "b" })
    equal(r:json().a[1], 1)
    equal(r:json().a[2], null)
    equal(tostring(r:json().a[3]), "12345678901234567890")
    answer = { status = 200, url = "u", body = "<html>", headers = {} }
    r = http.get("https://a/")
    equal(r.ok, true)
    fails("http: the answer is no JSON", function() r:json() end)
end)

test("refuses mistakes", function()
    local function get(options)
        return function() http.get("https://a/", options) end
    end
    fails("http: the options must be a table", get("x"))
    fails("http: unknown option 'header'", get { header = {} })
    fails("http: option 'retries' must be a number", get { retries = "1" })
    fails("http: option 'timeout' must be seconds", get { timeout = "1 day" })
    fails("http: only one of 'json', 'form' and 'body'",
        get { json = 1, form = {} })
    fails("http: query needs names", get { query = { "a" } })
    fails("http: header 'A' cannot be a function",
        get { headers = { A = print } })
    fails("http: query 'q' cannot be a table", get { query = { q = { {} } } })
    fails("json: a function cannot be written", get { json = print })
    fails("http: the URL must be a string", function() http.get() end)
    fails("http: the method must be a string", function()
        http.request(nil, "https://a/")
    end)
end)
