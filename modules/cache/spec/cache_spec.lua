-- SPDX-License-Identifier: Apache-2.0
local OPTIONS = '{"bytes": 10000, "ttl": 60000}'

test("keeps copies of values", function()
    local cache = grant("cache", OPTIONS)
    local value = { a = { 1, "x", false } }
    equal(cache.set("k", value), true)
    value.a[1] = 2
    equal(cache.get("k"), { a = { 1, "x", false } })
    cache.get("k").a = nil
    equal(cache.get("k"), { a = { 1, "x", false } })
    equal(cache.set("f", false), true)
    equal(cache.get("f"), false)
    equal(cache.get("other"), nil)
end)

test("keeps decimals and null as what they are", function()
    local cache, decimal = grant("cache", OPTIONS), grant("decimal")
    cache.set("k", { total = decimal.new("1.50"), none = null,
        lines = { decimal.new(2), "x" } })
    local value = cache.get("k")
    equal(decimal.is(value.total), true)
    equal(tostring(value.total + value.lines[1]), "3.50")
    equal(value.none == null, true)
    equal(value.lines[2], "x")
    cache.set("d", decimal.new("0.10"))
    equal(tostring(cache.get("d")), "0.10")
    cache.set("n", null)
    equal(cache.get("n") == null, true)
end)

test("forgets", function()
    local cache = grant("cache", OPTIONS)
    cache.set("a", 1)
    cache.set("b", 2)
    equal(cache.delete("a"), true)
    equal(cache.delete("a"), false)
    equal(cache.get("a"), nil)
    cache.clear()
    equal(cache.get("b"), nil)
    equal(cache.stats().bytes, 0)
end)

test("forgets when the time is over", function()
    local cache = grant("cache", OPTIONS)
    cache.set("a", 1, "1ms")
    cache.set("b", 1, 30)
    local ends = os.clock() + 0.01
    while os.clock() < ends do end
    equal(cache.get("a"), nil)
    equal(cache.get("b"), 1)
end)

test("makes what is not there", function()
    local cache = grant("cache", OPTIONS)
    local made = 0
    local function make()
        made = made + 1
        return { made }
    end
    equal(cache.fetch("k", "5m", make), { 1 })
    equal(cache.fetch("k", "5m", make), { 1 })
    equal(made, 1)
    equal(cache.stats().hits, 1)
    equal(cache.stats().misses, 1)
    equal(cache.fetch("none", nil, function() end), nil)
end)

test("stays within its bytes, the least recently used go first", function()
    local cache = grant("cache", OPTIONS)
    for at = 1, 8 do cache.set("k" .. at, ("x"):rep(1000)) end
    equal(cache.get("k1") ~= nil, true)
    cache.set("k9", ("x"):rep(1000))
    equal(cache.get("k2"), nil)
    equal(cache.get("k1") ~= nil, true)
    equal(cache.stats().bytes <= 10000, true)
    equal(cache.set("large", ("x"):rep(20000)), false)
    cache.set("k9", 1)
    equal(cache.set("k9", ("x"):rep(20000)), false)
    equal(cache.get("k9"), nil)
    for at = 1, 1000 do cache.set("n" .. at, at) end
    equal(cache.stats().bytes <= 10000, true)
    equal(cache.get("n1000"), 1000)
end)

test("keeps only data", function()
    local cache = grant("cache", OPTIONS)
    fails("cache: ", function() cache.set("k", print) end)
    fails("cache: ", function() cache.set("k", setmetatable({}, {})) end)
    fails("cache: the value is nil", function() cache.set("k", nil) end)
    fails("cache: the key must be a string", function() cache.get(1) end)
    fails("cache: the key is longer than 512 bytes", function()
        cache.get(("k"):rep(513))
    end)
    fails("cache: the ttl must be", function() cache.set("k", 1, "soon") end)
    fails("cache: the ttl must be", function() cache.set("k", 1, 0) end)
    fails("cache: fetch needs a function", function() cache.fetch("k") end)
end)
