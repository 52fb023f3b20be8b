-- SPDX-License-Identifier: Apache-2.0
return {
    name = "csv",
    version = "1.0.0",
    title = "Comma-separated values (RFC 4180)",
    capabilities = {},
    options = {
        { "bytes", type = "size", default = "8m", min = "1k", max = "256m",
            doc = "longest text that is read or made" },
        { "fields", type = "int", default = 1000, min = 1, max = 100000,
            doc = "most fields of a row" },
    },
    functions = {
        { "parse", args = { { "text", "string" }, { "options", "csv.options?" } },
            returns = "table[]", doc = "All rows of a text." },
        { "rows", args = { { "text", "string" }, { "options", "csv.options?" } },
            returns = "fun(): table?, integer?",
            doc = "The rows one by one, for a `for` loop: the row and its line." },
        { "format", args = { { "rows", "table[]" }, { "options", "csv.options?" } },
            returns = "string", doc = "The text of rows; `header` names the fields of records." },
    },
    types = {
        { "csv.options", fields = {
            { "header", "boolean|string[]?", doc = "true: the first line names the fields, "
                .. "rows are records; a list: the names" },
            { "separator", "string?", doc = "one character between fields, by default ','" },
            { "trim", "boolean?", doc = "parse: without spaces around fields that are not quoted" },
            { "spreadsheet", "boolean?", doc = "format: texts that a spreadsheet would take "
                .. "for a formula get a ' before them" },
        } },
    },
}
