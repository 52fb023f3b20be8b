-- SPDX-License-Identifier: Apache-2.0
return {
    name = "json",
    version = "1.0.0",
    title = "JSON (RFC 8259), without losing digits",
    capabilities = {},
    options = {
        { "bytes", type = "size", default = "1m", min = "1k", max = "16m",
            doc = "longest text that is read or made" },
        { "depth", type = "int", default = 64, min = 1, max = 100,
            doc = "lists and objects inside each other" },
    },
    functions = {
        { "decode", args = { { "text", "string" }, { "options", "json.decode?" } },
            returns = "any", doc = "The value of a text; an error says what is wrong and where." },
        { "encode", args = { { "value", "any" }, { "options", "json.encode?" } },
            returns = "string", doc = "The text of a value; keys are sorted." },
        { "array", args = { { "list", "table?" } }, returns = "table",
            doc = "Marks a table as a list, also when it is empty: []." },
        { "is_array", args = { { "value", "any" } }, returns = "boolean",
            doc = "Whether a table is a list or marked as one." },
    },
    types = {
        { "json.decode", fields = {
            { "numbers", "string?", doc = '"exact": what Lua would change becomes a decimal; '
                .. '"decimal": all but whole numbers do' },
            { "null", "any?", doc = "what stands for null, by default `null`" },
        } },
        { "json.encode", fields = {
            { "indent", "integer?", doc = "spaces of each level, for people" },
        } },
    },
}
