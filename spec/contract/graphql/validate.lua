-- Validates documents for differential.mjs: one JSON string a line on stdin,
-- one JSON list of messages a line on stdout. The schema is the reference's.
-- SPDX-License-Identifier: Apache-2.0
local root = arg[1]
package.path = root .. "/lua/?.lua;" .. root .. "/spec/lua/?.lua;"
    .. package.path
local cjson = require("cjson")
require("support.host")
local parse = require("support.parse")
local sets = require("support.sets")
local types = require("lunette.graphql.types")
local validate = require("lunette.graphql.validate")

local schema = types.new(sets.reference(), { strict = true })

local function messages_of(text)
    local ok, doc = pcall(parse.document, text)
    if not ok then return { "Syntax Error: " .. tostring(doc) } end
    local messages = {}
    for i, err in ipairs((validate.document(schema, doc))) do
        messages[i] = err.message
    end
    return messages
end

for line in io.lines() do
    local messages = messages_of(cjson.decode(line))
    io.write(#messages == 0 and "[]" or cjson.encode(messages), "\n")
end
