--- Stand-in for the `host` module of the C program, for specs only.
--
-- It has the pure functions: ids, the clock, sha256 and JSON. Requiring it
-- sets the global `host` unless the real one is there already.
-- SPDX-License-Identifier: Apache-2.0
-- @module support.host
local bit = require("bit")
local cjson = require("cjson")

local host = { null = cjson.null, array_mt = {} }

-- One usual size is enough here; other numbers stay parameters.
function host.page_size(number)
    return tonumber(number) == 25 and 25 or nil
end

-- sha256 (FIPS 180-4) -------------------------------------------------------

local band, bnot, bxor = bit.band, bit.bnot, bit.bxor
local ror, rshift, tobit = bit.ror, bit.rshift, bit.tobit

local function fraction_bits(number, root)
    return tobit(math.floor((number ^ (1 / root) % 1) * 2 ^ 32))
end

local function constants()
    local first, k, n = {}, {}, 2
    while #k < 64 do
        local prime = true
        for divisor = 2, math.floor(math.sqrt(n)) do
            if n % divisor == 0 then prime = false break end
        end
        if prime then
            if #first < 8 then first[#first + 1] = fraction_bits(n, 2) end
            k[#k + 1] = fraction_bits(n, 3)
        end
        n = n + 1
    end
    return first, k
end

local FIRST, K = constants()

local function padded(text)
    local bits = #text * 8
    local zeros = (55 - #text) % 64
    local size = {}
    for at = 8, 1, -1 do
        size[at] = string.char(bits % 256)
        bits = math.floor(bits / 256)
    end
    return text .. "\128" .. ("\0"):rep(zeros) .. table.concat(size)
end

local function schedule(block, at)
    local w = {}
    for i = 0, 15 do
        local a, b, c, d = block:byte(at + i * 4, at + i * 4 + 3)
        w[i] = tobit(a * 2 ^ 24 + b * 2 ^ 16 + c * 2 ^ 8 + d)
    end
    for i = 16, 63 do
        local x, y = w[i - 15], w[i - 2]
        local s0 = bxor(ror(x, 7), ror(x, 18), rshift(x, 3))
        local s1 = bxor(ror(y, 17), ror(y, 19), rshift(y, 10))
        w[i] = tobit(w[i - 16] + s0 + w[i - 7] + s1)
    end
    return w
end

local function compress(state, w)
    local a, b, c, d, e, f, g, h = unpack(state)
    for i = 0, 63 do
        local s1 = bxor(ror(e, 6), ror(e, 11), ror(e, 25))
        local ch = bxor(band(e, f), band(bnot(e), g))
        local t1 = tobit(h + s1 + ch + K[i + 1] + w[i])
        local s0 = bxor(ror(a, 2), ror(a, 13), ror(a, 22))
        local maj = bxor(band(a, b), band(a, c), band(b, c))
        h, g, f, e = g, f, e, tobit(d + t1)
        d, c, b, a = c, b, a, tobit(t1 + tobit(s0 + maj))
    end
    local add = { a, b, c, d, e, f, g, h }
    for i = 1, 8 do state[i] = tobit(state[i] + add[i]) end
end

--- Hex digest of a string.
function host.sha256(text)
    local state, message = { unpack(FIRST) }, padded(text)
    for at = 1, #message, 64 do compress(state, schedule(message, at)) end
    for i = 1, 8 do state[i] = bit.tohex(state[i]) end
    return table.concat(state)
end

-- Ids and time --------------------------------------------------------------

local sequence = 0

--- Milliseconds since 1970; whole seconds are enough for specs.
function host.now()
    return os.time() * 1000
end

--- A UUIDv7, increasing within the process.
function host.uuid()
    sequence = sequence + 1
    local ms = host.now()
    return ("%08x-%04x-7%03x-8%03x-%012x"):format(
        math.floor(ms / 65536), ms % 65536, math.floor(sequence / 4096) % 4096,
        sequence % 4096, math.random(0, 2 ^ 31))
end

--- 25 characters of base 36, increasing within the process.
function host.id25()
    sequence = sequence + 1
    return ("c%012d%012d"):format(host.now() / 1000, sequence)
end

-- JSON ----------------------------------------------------------------------

local function mark_lists(value)
    if type(value) ~= "table" then return value end
    for _, item in pairs(value) do mark_lists(item) end
    if #value > 0 then setmetatable(value, host.array_mt) end
    return value
end

local function encode(value, out)
    if type(value) ~= "table" then
        out[#out + 1] = cjson.encode(value)
        return
    end
    local list = getmetatable(value) == host.array_mt or #value > 0
    local keys, first = {}, true
    out[#out + 1] = list and "[" or "{"
    if list then
        for at, item in ipairs(value) do
            if at > 1 then out[#out + 1] = "," end
            encode(item, out)
        end
    else
        for key in pairs(value) do keys[#keys + 1] = tostring(key) end
        table.sort(keys)
        for _, key in ipairs(keys) do
            out[#out + 1] = (first and "" or ",") .. cjson.encode(key) .. ":"
            encode(value[key], out)
            first = false
        end
    end
    out[#out + 1] = list and "]" or "}"
end

--- Keys are sorted, so that equal values give equal texts.
function host.json_encode(value)
    local out = {}
    encode(value, out)
    return table.concat(out)
end

--- nil, err when the text is not JSON. An empty list is told from an empty
-- object only by the real host.
function host.json_decode(text)
    local ok, value = pcall(cjson.decode, text)
    if not ok then return nil, value end
    return mark_lists(value)
end

-- Files and log -------------------------------------------------------------

--- The Lua files of an app folder as { path, text } in path order.
function host.read_app(dir)
    local files = {}
    local list = assert(io.popen(("find '%s' -name '*.lua' | LC_ALL=C sort")
        :format(dir)))
    for path in list:lines() do
        local file = assert(io.open(path, "rb"))
        files[#files + 1] = { path = path, text = file:read("*a") }
        file:close()
    end
    list:close()
    return files
end

function host.log() end

if rawget(_G, "host") == nil then rawset(_G, "host", host) end

return rawget(_G, "host")
