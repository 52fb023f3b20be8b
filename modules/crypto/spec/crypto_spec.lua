-- SPDX-License-Identifier: Apache-2.0
local OPTIONS = '{"hashes": ["sha256", "sha512", "sha1", "md4"], "bytes": 1000}'
local crypto = grant("crypto", OPTIONS)

-- FIPS 180-4, RFC 4231, RFC 4648.
test("hashes", function()
    equal(crypto.hash("sha256", "abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    equal(crypto.hash("sha1", ""), "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    equal(crypto.hash("sha512", "abc"):sub(1, 32),
        "ddaf35a193617abacc417349ae204131")
    equal(#crypto.hash("sha256", "abc", "raw"), 32)
    equal(crypto.hash("sha256", "", "base64"),
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
end)

test("hashes with a key", function()
    equal(crypto.hmac("sha256", ("\11"):rep(20), "Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    equal(crypto.hmac("sha256", "Jefe", "what do ya want for nothing?"),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    equal(crypto.hmac("sha256", "", ""),
        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
end)

test("uses only the hashes that were granted", function()
    fails("crypto: the hash 'md5' is not granted; granted are sha256",
        function() crypto.hash("md5", "") end)
    fails("crypto: the hash 'sha384' is not granted", function()
        crypto.hmac("sha384", "", "")
    end)
    fails("crypto: there is no hash 'md4'", function()
        crypto.hash("md4", "")
    end)
end)

test("bounds what it works on", function()
    fails("crypto: the text is longer than 1000 bytes", function()
        crypto.hash("sha256", ("x"):rep(1001))
    end)
    fails("crypto: the text must be a string", function()
        crypto.hash("sha256", 5)
    end)
    fails('the form must be "hex"', function()
        crypto.hash("sha256", "", "octal")
    end)
    fails("from 1 to 4096", function() crypto.random(4097) end)
    fails("from 1 to 4096", function() crypto.random(1.5) end)
end)

test("gives random bytes", function()
    equal(#crypto.random(16), 16)
    equal(#crypto.random(16, "hex"), 32)
    equal(crypto.random(16) == crypto.random(16), false)
    equal(#crypto.token(), 43)
    equal(crypto.token():find("[^%w_-]"), nil)
    for _ = 1, 20 do
        equal(crypto.uuid():find("^%x+%-%x+%-4%x%x%x%-[89ab]%x%x%x%-%x+$"), 1)
        equal(#crypto.uuid(), 36)
    end
end)

test("compares secrets", function()
    equal(crypto.equal("secret", "secret"), true)
    equal(crypto.equal("secret", "secreT"), false)
    equal(crypto.equal("", "x"), false)
end)

test("encodes and decodes", function()
    for text, coded in pairs({ [""] = "", f = "Zg==", fo = "Zm8=",
        foo = "Zm9v", foobar = "Zm9vYmFy", ["\255\254"] = "//4=" }) do
        equal(crypto.encode("base64", text), coded)
        equal(crypto.decode("base64", coded), text)
        local url = crypto.encode("base64url", text)
        equal(url:find("[^%w_-]"), nil)
        equal(crypto.decode("base64url", url), text)
        equal(crypto.decode("hex", crypto.encode("hex", text)), text)
    end
    equal(crypto.decode("hex", "0aFF"), "\10\255")
end)

test("decodes nothing but what is of the form", function()
    for _, text in ipairs({ "Zg=", "Zg", "Zh==", "Z===", "Zm9v\n", "====",
        "Zm=v", "Zm 9v" }) do
        equal(crypto.decode("base64", text), nil)
    end
    equal(crypto.decode("base64url", "Zg=="), nil)
    equal(crypto.decode("base64url", "Zh"), nil)
    equal(crypto.decode("hex", "abc"), nil)
    equal(crypto.decode("hex", "zz"), nil)
end)
