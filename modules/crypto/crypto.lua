--- Hashes, random bytes and encodings: see README.md.
-- SPDX-License-Identifier: Apache-2.0
local native, limits = ...

local crypto = {}

local allowed = {}
for _, name in ipairs(limits.hashes) do allowed[name] = true end

local function wrong(what, ...)
    misuse("crypto: " .. what:format(...))
end

local function check_text(text, what)
    if type(text) ~= "string" then
        misuse(("crypto: the %s must be a string"):format(what))
    elseif #text > limits.bytes then
        misuse(("crypto: the %s is longer than %d bytes"):format(what,
            limits.bytes))
    end
end

local function to_url(text)
    return (native.to_base64(text):gsub("[+/=]",
        { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

local ENCODE = { hex = native.to_hex, base64 = native.to_base64,
    base64url = to_url, raw = function(text) return text end }

local function encoder(form)
    local encode = ENCODE[form or "hex"]
    if not encode then
        misuse('crypto: the form must be "hex", "base64", "base64url" or "raw"')
    end
    return encode
end

local function check_hash(name)
    if not allowed[name] then
        misuse(("crypto: the hash '%s' is not granted; granted are %s"):format(
            tostring(name), table.concat(limits.hashes, ", ")))
    end
end

function crypto.hash(name, text, form)
    check_hash(name)
    check_text(text, "text")
    local encode = encoder(form)
    local digest = native.hash(name, text)
    if not digest then wrong("there is no hash '%s'", name) end
    return encode(digest)
end

function crypto.hmac(name, key, text, form)
    check_hash(name)
    check_text(key, "key")
    check_text(text, "text")
    local encode = encoder(form)
    local digest = native.hmac(name, key, text)
    if not digest then wrong("there is no hash '%s'", name) end
    return encode(digest)
end

local function check_count(count)
    if type(count) ~= "number" or count < 1 or count > 4096
        or count % 1 ~= 0 then
        misuse("crypto: the number of bytes must be from 1 to 4096")
    end
end

function crypto.random(count, form)
    check_count(count)
    return encoder(form or "raw")(native.random(count))
end

function crypto.token(count)
    count = count or 32
    check_count(count)
    return to_url(native.random(count))
end

function crypto.uuid()
    local hex = native.to_hex(native.random(16))
    local variant = ("89ab"):sub(tonumber(hex:sub(17, 17), 16) % 4 + 1):sub(1, 1)
    return ("%s-%s-4%s-%s%s-%s"):format(hex:sub(1, 8), hex:sub(9, 12),
        hex:sub(14, 16), variant, hex:sub(18, 20), hex:sub(21))
end

function crypto.equal(a, b)
    check_text(a, "first text")
    check_text(b, "second text")
    return native.equal(a, b)
end

function crypto.encode(form, text)
    check_text(text, "text")
    if type(form) ~= "string" then form = "" end
    return encoder(form)(text)
end

local function from_base64(text)
    if text:find("[^%w+/=]") or text:find("=[^=]") or text:find("===") then
        return nil
    end
    local bytes = native.from_base64(text)
    -- Bits that no byte uses must be zero, or two texts mean the same.
    return bytes and native.to_base64(bytes) == text and bytes or nil
end

local DECODE = { hex = native.from_hex, base64 = from_base64,
    raw = function(text) return text end }

function DECODE.base64url(text)
    if text:find("[^%w_-]") then return nil end
    return from_base64(text:gsub("[-_]", { ["-"] = "+", ["_"] = "/" })
        .. ("="):rep(-#text % 4))
end

function crypto.decode(form, text)
    check_text(text, "text")
    local decode = DECODE[form]
    if not decode then
        wrong('the form must be "hex", "base64", "base64url" or "raw"')
    end
    return decode(text)
end

return crypto
