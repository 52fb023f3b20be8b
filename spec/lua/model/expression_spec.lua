-- Runs spec/data/expressions.json in Lua and, when LUNETTE_TEST_CONNINFO names
-- a database that psql reaches, in PostgreSQL.
-- SPDX-License-Identifier: Apache-2.0
local cjson = require("cjson")
local decimal = require("lunette.util.decimal")
local expression = require("lunette.model.expression")

local file = assert(io.open("spec/data/expressions.json"))
local data = cjson.decode(file:read("*a"))
file:close()

local PG = { int = "integer", bigint = "bigint", decimal = "numeric",
    float = "double precision", bool = "boolean", text = "text", date = "date",
    datetime = "timestamptz(3)", time = "time", uuid = "uuid", json = "jsonb",
    list = "integer[]" }

local columns = {}
for name, def in pairs(data.columns) do
    columns[name] = { name = name, type = def.type, values = def.values }
end

local function title(case)
    return case.expr .. "  " .. cjson.encode(case.row or {})
end

local function same(wanted, found, kind)
    if wanted == cjson.null or found == nil then
        return wanted == cjson.null and found == nil
    elseif kind == "decimal" then
        return decimal.compare(decimal.parse(wanted), decimal.parse(found)) == 0
    end
    return wanted == found
end

describe("an expression in Lua", function()
    for _, case in ipairs(data.cases) do
        it("gives " .. title(case), function()
            local compiled = assert(expression.compile(case.expr, columns))
            local found, err = expression.evaluate(compiled.tree, case.row or {})
            assert.equal(case.error, err)
            if not case.error then
                assert.is_true(same(case.value, found, compiled.type),
                    "found " .. tostring(found))
            end
        end)
    end
end)

describe("a wrong expression", function()
    for _, case in ipairs(data.refused) do
        it("is refused: " .. case[1], function()
            local compiled, err = expression.compile(case[1], columns)
            assert.is_nil(compiled)
            assert.equal(case[2], err)
        end)
    end

    it("is bounded in length and depth", function()
        local long = ("i + "):rep(600) .. "i"
        assert.equal("longer than 2000 characters",
            select(2, expression.compile(long, columns)))
        local deep = ("("):rep(60) .. "i" .. (")"):rep(60)
        assert.equal("nested deeper than 40 levels",
            select(2, expression.compile(deep, columns)))
        assert.equal("nested deeper than 40 levels",
            select(2, expression.compile(("not "):rep(60) .. "b", columns)))
        local row = ("i + "):rep(60) .. "i"
        assert.equal("more than 40 operators in a row",
            select(2, expression.compile(row, columns)))
    end)
end)

describe("a check", function()
    it("must be true or false", function()
        assert.is_nil((expression.check("i + 1", columns)))
        assert.equal('(("i" > 0)) IS TRUE',
            expression.check("i > 0", columns).sql)
    end)
end)

describe("a stored column", function()
    local nested = {
        i = columns.i,
        half = { name = "half", type = "decimal", pg = "numeric(18,2)",
            digits = { 18, 2 }, stored = function()
                return expression.compile("i / 3", columns).tree
            end },
        loop = { name = "loop", type = "int", stored = function() end },
    }

    it("that uses another is inlined as the other is kept", function()
        local compiled = assert(expression.stored("half * 2", nested, "decimal"))
        assert.equal('((round(div("i" * 1e17, 3) * 1e-17, 16))::numeric(18,2)'
            .. " * 2)", compiled.sql)
        assert.equal("0.66", expression.evaluate(compiled.tree, { i = 1 }))
    end)

    it("cannot use itself", function()
        assert.equal("'loop' uses itself",
            select(2, expression.stored("loop + 1", nested, "int")))
    end)

    it("must fit its field", function()
        assert.equal("it gives decimal, but the field is int; "
            .. "round(...) makes it whole",
            select(2, expression.stored("i / 2", columns, "int")))
        assert.is_table(expression.stored("round(i / 2)", columns, "int"))
    end)
end)

local conninfo = os.getenv("LUNETTE_TEST_CONNINFO")

local function literal(value, kind)
    if value == nil or value == cjson.null then return "NULL::" .. PG[kind] end
    if type(value) == "table" then
        value = kind == "list" and "{}" or cjson.encode(value)
    end
    return ("'%s'::%s"):format(tostring(value):gsub("'", "''"), PG[kind])
end

local function row_source(row)
    local parts = {}
    for name, def in pairs(data.columns) do
        parts[#parts + 1] = literal(row[name], def.type) .. ' AS "' .. name .. '"'
    end
    return "(SELECT " .. table.concat(parts, ", ") .. ") AS r"
end

-- One psql for all cases: each gives one line, its value or its SQLSTATE.
local function script()
    local out = { "SET client_min_messages = error; SET timezone = 'UTC';\n" }
    out[#out + 1] = [[
CREATE FUNCTION pg_temp.try(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
  EXECUTE query INTO answer;
  RETURN coalesce('=' || answer, 'null');
EXCEPTION WHEN OTHERS THEN RETURN 'error ' || SQLSTATE;
END $$;
]]
    for _, case in ipairs(data.cases) do
        local compiled = assert(expression.compile(case.expr, columns))
        local query = ("SELECT (%s)::text FROM %s")
            :format(compiled.sql, row_source(case.row or {}))
        out[#out + 1] = ("SELECT pg_temp.try('%s');\n")
            :format(query:gsub("'", "''"))
    end
    return table.concat(out)
end

local function run_script()
    local name = os.tmpname()
    local input = assert(io.open(name, "w"))
    input:write(script())
    input:close()
    local out = assert(io.popen(("psql -X -q -A -t -v ON_ERROR_STOP=1 "
        .. "'%s' -f %s 2>&1"):format(conninfo, name)))
    local lines = {}
    for line in out:lines() do lines[#lines + 1] = line end
    out:close()
    os.remove(name)
    return lines
end

local STATE = { ["error 22003"] = "out of range",
    ["error 22012"] = "division by zero" }

local function agrees(case, line, kind)
    if case.error then return STATE[line] == case.error end
    if case.value == cjson.null then return line == "null" end
    local found = line:sub(2)
    if kind == "decimal" or kind == "int" or kind == "bigint" then
        local wanted = tostring(case.value)
        return decimal.compare(decimal.parse(wanted), decimal.parse(found)) == 0
    elseif kind == "float" then
        return tonumber(found) == case.value
    end
    return found == tostring(case.value)
end

describe("an expression in PostgreSQL", function()
    if not conninfo then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end
    local lines = run_script()
    for at, case in ipairs(data.cases) do
        it("gives " .. title(case), function()
            local compiled = assert(expression.compile(case.expr, columns))
            assert.is_true(agrees(case, lines[at] or "nothing", compiled.type),
                "found " .. tostring(lines[at]))
        end)
    end
end)
