-- SPDX-License-Identifier: Apache-2.0
return {
    name = "log",
    version = "1.0.0",
    title = "Lines in the log of the server",
    capabilities = { "log" },
    options = {
        { "level", type = "enum", values = { "debug", "info", "warn", "error" },
            default = "info", doc = "lines below it are dropped" },
        { "rate", type = "int", default = 100, min = 1, max = 100000,
            doc = "most lines of a worker within a second; what is more is counted" },
    },
    functions = {
        { "debug", args = { { "message", "string" }, { "fields", "table?" } }, returns = "nil",
            doc = "A line for who develops." },
        { "info", args = { { "message", "string" }, { "fields", "table?" } }, returns = "nil",
            doc = "A line for who operates." },
        { "warn", args = { { "message", "string" }, { "fields", "table?" } }, returns = "nil",
            doc = "Something is not as it should be." },
        { "error", args = { { "message", "string" }, { "fields", "table?" } }, returns = "nil",
            doc = "Something failed." },
        { "enabled", args = { { "level", "string" } }, returns = "boolean",
            doc = "Whether lines of a level are written." },
    },
    types = {},
}
