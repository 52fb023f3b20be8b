-- What PostgreSQL thinks of the generated statements, beside those that a person
-- wrote for the same question (spec/data/golden_sql/NAME.hand.sql): the cost of
-- each is at most 1.2 times that of the other, and both find as many rows.
-- LUNETTE_COSTS=1 prints a table, with the times of one run.
-- SPDX-License-Identifier: Apache-2.0
local cjson = require("cjson")
local database = require("support.database")
local db = require("support.db")
local plans = require("support.plans")
local schema = require("lunette.schema")
local sets = require("support.sets")
local compile = require("lunette.orm.compile")

local FOLDER = "spec/data/golden_sql/"
local MOST = 1.2

local REFERENCE = [[
INSERT INTO test."user" (id, "createdAt", "updatedAt", email, name, age, score,
    active, role, nicknames, meta)
SELECT 'u' || lpad(n::text, 4, '0'), timestamptz '2020-01-01' + n * interval '1h',
    '2021-01-01', 'u' || n || '@example.org', 'User ' || n % 700,
    nullif(n % 60, 0), n % 37, n % 10 > 0,
    (ARRAY['ADMIN', 'EDITOR', 'READER'])[1 + n % 3],
    ARRAY['n' || n % 40, 'n' || n % 70], jsonb_build_object('n', n % 50)
FROM generate_series(1, 3000) AS n;
INSERT INTO test.post (id, title, views, "publishedAt", author, reviewer)
SELECT 'p' || lpad(n::text, 5, '0'), 'Title ' || n, n % 500,
    CASE WHEN n % 4 > 0 THEN timestamptz '2021-01-01' + n * interval '1min' END,
    'u' || lpad((1 + n * 7 % 3000)::text, 4, '0'),
    CASE WHEN n % 3 = 0 THEN 'u' || lpad((1 + n % 3000)::text, 4, '0') END
FROM generate_series(1, 20000) AS n;
INSERT INTO test.tag (id, name, parent)
SELECT 't' || lpad(n::text, 3, '0'), 'Tag ' || n,
    CASE WHEN n > 10 THEN 't' || lpad((1 + n % 10)::text, 3, '0') END
FROM generate_series(1, 300) AS n;
INSERT INTO test._post_tags (a, b)
SELECT DISTINCT 'p' || lpad((1 + n % 20000)::text, 5, '0'),
    't' || lpad((1 + n * 13 % 300)::text, 3, '0')
FROM generate_series(1, 40000) AS n;
]]

local SHOP = [[
INSERT INTO shop.partner (id, name, vat_number, credit_limit, parent)
SELECT lpad(n::text, 32, '0')::uuid, 'Partner ' || n % 1500, 'V' || n,
    n % 1000, CASE WHEN n > 100
        THEN lpad((1 + n % 100)::text, 32, '0')::uuid END
FROM generate_series(1, 5000) AS n;
INSERT INTO shop.loyalty_card (id, code, holder)
SELECT lpad(n::text, 32, '0')::uuid, 'C' || n, lpad(n::text, 32, '0')::uuid
FROM generate_series(1, 1000) AS n;
INSERT INTO shop.product (id, name, list_price, tags)
SELECT lpad(n::text, 32, '0')::uuid, 'Product ' || n, n % 90,
    ARRAY['t' || n % 50, 't' || n % 7]
FROM generate_series(1, 2000) AS n;
INSERT INTO shop.sale_order (id, number, placed_on, created_at, updated_at,
    state, partner)
SELECT lpad(n::text, 32, '0')::uuid, n, date '2024-01-01' + n % 700,
    '2024-01-01', '2024-01-01',
    (ARRAY['DRAFT', 'CONFIRMED', 'DONE'])[1 + n % 3],
    lpad((1 + n * 17 % 5000)::text, 32, '0')::uuid
FROM generate_series(1, 15000) AS n;
INSERT INTO shop.order_line (id, quantity, unit_price, sale_order, product)
SELECT lpad(n::text, 32, '0')::uuid, 1 + n % 20, n % 333 / 4.0,
    lpad((1 + n % 15000)::text, 32, '0')::uuid,
    lpad((1 + n * 31 % 2000)::text, 32, '0')::uuid
FROM generate_series(1, 60000) AS n;
]]

local function read_file(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
end

local function hand_written()
    local names = {}
    local pipe = assert(io.popen("ls " .. FOLDER))
    for line in pipe:lines() do
        names[#names + 1] = line:match("^(.+)%.hand%.sql$")
    end
    pipe:close()
    return names
end

local function with_lists(value)
    if type(value) ~= "table" then return value end
    for key, inner in pairs(value) do value[key] = with_lists(inner) end
    if value[1] ~= nil then setmetatable(value, host.array_mt) end
    return value
end

describe("the cost of", function()
    if not database.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end

    local connection
    local services = {
        reference = compile.service(sets.reference(), { strict = true }),
        shop = compile.service(sets.shop(), { strict = true }),
        wide = compile.service(sets.reference()),
        shop_wide = compile.service(sets.shop()),
    }

    local function drop()
        connection:exec("DROP SCHEMA IF EXISTS lunette CASCADE;"
            .. " DROP SCHEMA IF EXISTS test CASCADE;"
            .. " DROP SCHEMA IF EXISTS shop CASCADE")
    end

    setup(function()
        connection = db.connect()
        connection:exec("SET client_min_messages = error")
        drop()
        assert(schema.apply(connection, sets.reference()))
        assert(schema.apply(connection, sets.shop()))
        connection:exec(REFERENCE)
        connection:exec(SHOP)
        connection:exec("ANALYZE")
    end)
    teardown(function()
        drop()
        connection:close()
    end)

    -- Cost, rows and milliseconds of a statement that takes parameters.
    local function explain(text, values)
        local arguments = #values > 0
            and "(" .. table.concat(values, ", ") .. ")" or ""
        connection:exec("PREPARE q AS " .. text)
        local rows = connection:exec("EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE q"
            .. arguments)
        connection:exec("DEALLOCATE q")
        local explained = cjson.decode(rows[1][1])[1]
        return explained.Plan["Total Cost"], explained.Plan["Actual Rows"],
            explained["Execution Time"]
    end

    for _, name in ipairs(hand_written()) do
        it(name:gsub("_", " "), function()
            local text = read_file(FOLDER .. name .. ".graphql")
            local service = services[text:match("# set: ([%w_]+)")
                or "reference"]
            local variables = text:match("# variables: ([^\n]+)")
            variables = variables and with_lists(cjson.decode(variables))
            local plan, doc = plans.compile(service, text,
                { variables = variables })
            local field = assert(plan, doc).fields[1]
            local values = database.bind(field, doc, variables)
            local own, own_rows, own_ms = explain(field.sql, values)
            local hand, rows, ms =
                explain(read_file(FOLDER .. name .. ".hand.sql"), values)
            if os.getenv("LUNETTE_COSTS") then
                io.stdout:write(("# %-34s %10.1f / %10.1f = %5.2f"
                    .. "   %8.2f / %8.2f ms\n"):format(name, own, hand,
                        own / hand, own_ms, ms))
            end
            assert.equal(rows, own_rows)
            assert.is_true(own <= hand * MOST, ("%.1f, by hand %.1f")
                :format(own, hand))
        end)
    end
end)
