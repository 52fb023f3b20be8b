-- SPDX-License-Identifier: Apache-2.0
return {
    name = "cache",
    version = "1.0.0",
    title = "Values kept from request to request",
    capabilities = { "memory" },
    options = {
        { "bytes", type = "size", default = "4m", min = "4k", max = "1g",
            doc = "of all values and keys, of one worker" },
        { "ttl", type = "time", default = "1h", min = "1ms", max = "24h",
            doc = "longest that a value is kept" },
    },
    functions = {
        { "get", args = { { "key", "string" } }, returns = "any",
            doc = "The value, or nil when it is not there any more." },
        { "set", args = { { "key", "string" }, { "value", "any" }, { "ttl", "number|string?" } },
            returns = "boolean",
            doc = 'Keeps a copy of a value; ttl in seconds, or "5m". False: it is too large.' },
        { "fetch", args = { { "key", "string" }, { "ttl", "number|string?" },
            { "make", "fun(): any" } }, returns = "any",
            doc = "The value, made and kept when it is not there." },
        { "delete", args = { { "key", "string" } }, returns = "boolean",
            doc = "Forgets a value; whether it was there." },
        { "clear", args = {}, returns = "nil", doc = "Forgets everything." },
        { "stats", args = {}, returns = "cache.stats",
            doc = "What is kept, and how well it helps." },
    },
    types = {
        { "cache.stats", fields = {
            { "bytes", "integer", doc = "of what is kept" },
            { "count", "integer", doc = "values" },
            { "hits", "integer", doc = "times that a value was there" },
            { "misses", "integer", doc = "times that it was not" },
        } },
    },
}
