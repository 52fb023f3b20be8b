--- Short words for specs of writes.
--
--     describe("writes: x", writes.with_database(function(w)
--         it("...", function()
--             w:models [[ type Todo { id: ID! @id  title: String } ]]
--             w:ok('mutation { createTodo(data: {}) { id } }')
--             w:fails(3039, '...', "part of the message")
--             w:sees('{ todoes { title } }', '{"todoes":[{"title":null}]}')
--         end)
--     end))
-- SPDX-License-Identifier: Apache-2.0
-- @module support.writes
local assert = require("luassert")
local cjson = require("cjson")
local db = require("support.db")
local host = require("support.host")
local server = require("support.server")
local sets = require("support.sets")

local writes = {}

local Writes = {}
Writes.__index = Writes

local connection

--- A busted block that is pending where there is no database.
function writes.with_database(block)
    return function()
        if not db.conninfo() then
            pending("needs LUNETTE_TEST_CONNINFO")
            return
        end
        connection = connection or db.connect()
        block(setmetatable({ db = connection }, Writes))
    end
end

--- Makes the tables of a datamodel anew.
function Writes:models(datamodel, options)
    return self:set(sets.from_datamodel(datamodel, options), options)
end

--- Makes the tables of a release set anew.
function Writes:set(set, options)
    self.server = server.new(set, self.db, options)
    self.release = set
    return self
end

local function with_lists(value)
    if type(value) ~= "table" then return value end
    for _, item in pairs(value) do with_lists(item) end
    if #value > 0 then setmetatable(value, host.array_mt) end
    return value
end

--- Runs a document; `options` as server:run, variables may be JSON text.
function Writes:run(text, options)
    options = options or {}
    if type(options.variables) == "string" then
        options.variables = with_lists(cjson.decode(options.variables))
    end
    return self.server:run(text, options)
end

local function told(err)
    local of_db = err.db and err.db.message or ""
    return ("%s %s"):format(tostring(err.message), of_db)
end

--- Runs a document that must succeed; returns its data.
function Writes:ok(text, options)
    local response = self:run(text, options)
    if response.errors then error(told(response.errors[1]), 2) end
    return response.data
end

--- Runs a document that must fail with an OpenCRUD number, or the text of
-- extensions.code, and a part of the message.
function Writes:fails(code, text, part, options)
    local response = self:run(text, options)
    if not response.errors then
        error("it succeeded: " .. cjson.encode(response.data), 2)
    end
    local err = response.errors[1]
    local found = type(code) == "number" and err.code or err.ext
    if found ~= code then
        error(("%s instead of %s: %s"):format(tostring(found), tostring(code),
            told(err)), 2)
    end
    if part and not err.message:find(part, 1, true) then
        error(("'%s' lacks '%s'"):format(err.message, part), 2)
    end
end

--- Runs a query whose data must be the JSON text `want`.
function Writes:sees(text, want)
    assert.same(cjson.decode(want), self:ok(text))
end

--- Statements that `fn` sends, without those of the transaction.
function Writes:statements(fn)
    self.db.log = {}
    fn()
    local log = self.db.log
    self.db.log = nil
    return log
end

--- The value of a SQL expression, as text.
function Writes:value(text)
    return self.db:exec("SELECT " .. text)[1][1]
end

return writes
