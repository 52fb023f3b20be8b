--- The database follows the models, and loses nothing.
-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local db = require("support.db")
local schema = require("lunette.schema")

local HEAD = 'app "shop" { version = "1.0.0" }\n'

describe("the schema of a release set", function()
    if not db.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end
    local connection

    local function fresh()
        connection:exec("drop schema if exists shop cascade")
        connection:exec("drop schema if exists lunette cascade")
    end

    before_each(function()
        connection = db.connect()
        connection:exec("set client_min_messages = warning")
        fresh()
    end)
    after_each(function()
        fresh()
        connection:close()
    end)

    -- The count that gsub adds is no option.
    local function apply(models, options)
        return schema.apply(connection, apps.set { shop = HEAD .. models },
            type(options) == "table" and options or nil)
    end

    local function must_apply(models, options)
        local ok, steps = apply(models, options)
        if not ok then error(steps[1].message, 2) end
        return steps
    end

    local function value(text)
        return connection:exec(text)[1][1]
    end

    local function refused(models, pattern)
        local before = value("select count(*) from lunette.migration")
        local ok, refusals, plan = apply(models)
        assert.is_nil(ok)
        assert.matches(pattern, refusals[1].message)
        assert.equal(before, value("select count(*) from lunette.migration"))
        return refusals[1], plan
    end

    local ITEM = [[
        model "Item" { fields = {
            sku  = text { required = true, unique = true, size = 10 },
            qty  = int { default = 1, required = true, min = 0 },
            note = text {},
            kind = enum { "A", "B" },
            twice = int { stored = sql "qty * 2" },
        }, check = { "qty < 1000", "too many" } }
        access "Item" { admin = "all" }
    ]]
    local INSERT = "insert into shop.item (id, sku, qty) values"
        .. " (gen_random_uuid(), 'a', 3)"

    it("is made once and then left alone", function()
        assert.is_true(#must_apply(ITEM) > 5)
        assert.equal(0, #must_apply(ITEM))
        connection:exec("delete from lunette.state where key = 'schema'")
        assert.same({}, must_apply(ITEM))
    end)

    it("records each step", function()
        local steps = must_apply(ITEM)
        assert.equal(tostring(#steps),
            value("select count(*) from lunette.migration"))
    end)

    it("enforces sizes, bounds, enums, uniqueness and rules", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        local bad = {
            ["item_sku_check"] = "(gen_random_uuid(), '12345678901', 1, null)",
            ["item_qty_check"] = "(gen_random_uuid(), 'b', -1, null)",
            ["item_kind_check"] = "(gen_random_uuid(), 'b', 1, 'C')",
            ["item_sku_key"] = "(gen_random_uuid(), 'a', 1, null)",
            ["^check_%x+$"] = "(gen_random_uuid(), 'b', 1000, null)",
        }
        for constraint, row in pairs(bad) do
            local ok, err = connection:query(
                "insert into shop.item (id, sku, qty, kind) values " .. row)
            assert.is_nil(ok)
            assert.matches(constraint, err.constraint)
        end
        assert.equal("6", value("select twice from shop.item"))
    end)

    it("keeps the names of long columns apart, and finds them again", function()
        local long = ("long"):rep(14)
        local model = "L" .. long:sub(2)
        must_apply(([[model "%s" { fields = {
            %s_a = text { unique = true, size = 9 },
            %s_b = text { unique = true, size = 9 } } }]]):format(model, long,
            long))
        local names = connection:exec("select conname from pg_constraint c join"
            .. " pg_class t on t.oid = c.conrelid where t.relname like 'long%'"
            .. " union select indexname from pg_indexes where tablename like"
            .. " 'long%'")
        assert.equal(5, #names)
        local constraints = require("lunette.orm.constraints")
        local name = constraints.unique(long, long .. "_a")
        assert.equal(63, #name)
        assert.is_truthy(name:find("_key$"))
        assert.equal("1", value(("select count(*) from pg_indexes where"
            .. " indexname = '%s'"):format(name)))
    end)

    it("adds a field, with its default for rows that exist", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        must_apply(ITEM:gsub("note = text {},",
            "note = text {}, color = text { required = true, default = \"it's\" },"
            .. " size = int { default = 3 }, code = int { default = 1, unique = true },"))
        assert.equal("it's", value("select color from shop.item"))
        assert.equal("3", value("select size from shop.item"))
        assert.equal("0", value("select count(code) from shop.item"))
    end)

    it("refuses a required field without a default over rows", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        local refusal = refused(ITEM:gsub("note = text {},",
            "note = text {}, color = text { required = true },"),
            "Item.color is required, but Item has rows already")
        assert.matches("add column if not exists \"color\"", refusal.sql)
    end)

    it("refuses to drop a column with values, and says the plan", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        connection:exec("update shop.item set note = 'keep me'")
        local without = ITEM:gsub("note = text {},", "")
        local refusal = refused(without, "would lose its values")
        assert.matches("drop column if exists \"note\"", refusal.sql)
        must_apply(without, { accept = { ["shop.item.note"] = true } })
        assert.equal("0", value("select count(*) from information_schema.columns"
            .. " where table_schema = 'shop' and column_name = 'note'"))
    end)

    it("drops a column that holds nothing", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        must_apply(ITEM:gsub("note = text {},", ""))
    end)

    it("renames by `was` and keeps the values", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        must_apply((ITEM:gsub("sku  = text {", 'code = text { was = "sku",')))
        assert.equal("a", value("select code from shop.item"))
        local ok, err = connection:query("insert into shop.item (id, code, qty)"
            .. " values (gen_random_uuid(), 'a', 1)")
        assert.is_nil(ok)
        assert.equal("item_code_key", err.constraint)
        connection:exec("delete from lunette.state where key = 'schema'")
        assert.same({}, must_apply((ITEM:gsub("sku  = text {",
            'code = text { was = "sku",'))))
    end)

    it("widens a type and refuses to narrow it", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        local wide = ITEM:gsub("qty  = int", "qty  = bigint")
            :gsub("twice = int", "twice = bigint")
        must_apply(wide)
        assert.equal("3", value("select qty from shop.item"))
        refused(ITEM, "Item.qty cannot change from bigint to integer")
    end)

    it("changes a rule, and refuses one that rows break", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        must_apply((ITEM:gsub("qty < 1000", "qty < 500")))
        refused((ITEM:gsub("qty < 1000", "qty < 2")), "some rows break this rule")
        assert.equal("1", value("select count(*) from pg_constraint where"
            .. " conrelid = 'shop.item'::regclass and"
            .. " pg_get_constraintdef(oid) like '%500%'"))
    end)

    it("refuses uniqueness that rows break", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        connection:exec((INSERT:gsub("'a'", "'b'")))
        refused((ITEM:gsub("default = 1, required = true, min = 0",
            "default = 1, required = true, min = 0, unique = true")),
            "cannot become unique")
    end)

    it("changes a stored formula", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        must_apply((ITEM:gsub("qty %* 2", "qty * 3")))
        assert.equal("9", value("select twice from shop.item"))
    end)

    it("lets go of `required` and takes it back", function()
        must_apply(ITEM)
        local loose = ITEM:gsub("default = 1, required = true", "default = 1")
            :gsub("qty < 1000", "qty == nil or qty < 1000")
        must_apply(loose)
        connection:exec((INSERT:gsub("3", "null")))
        must_apply((ITEM:gsub("qty < 1000", "qty == nil or qty < 1000")))
        assert.equal("1", value("select qty from shop.item"))
    end)

    local PAIR = ITEM .. [[
        model "Box" { fields = {
            item = ref "Item" { one_sided = true, required = true },
            tags = refs "Label" { by = "boxes" },
        } }
        model "Label" { fields = { boxes = refs "Box" { by = "tags" } } }
        access "Box" { admin = "all" }
        access "Label" { admin = "all" }
    ]]

    it("indexes what lists and Json contain", function()
        local item = [[
            model "Item" { fields = {
                tags = list(text { size = 20 }) { index = true },
                meta = json { index = true },
                word = text { index = true, size = 20 },
            } }
            access "Item" { admin = "all" }
        ]]
        local function method(name)
            return value("select m.amname from pg_class c join pg_am m"
                .. " on m.oid = c.relam where c.relname = '" .. name .. "'")
        end
        must_apply(item)
        assert.equal("gin", method("item_tags_idx"))
        assert.equal("gin", method("item_meta_idx"))
        assert.equal("btree", method("item_word_idx"))
        -- one that was made before these were told apart
        connection:exec("delete from lunette.state where key = 'schema';"
            .. " drop index shop.item_tags_idx;"
            .. " create index item_tags_idx on shop.item (tags)")
        must_apply(item)
        assert.equal("gin", method("item_tags_idx"))
        assert.equal(0, #must_apply(item))
    end)

    it("makes references and join tables", function()
        must_apply(PAIR)
        local ok, err = connection:query("insert into shop.box (id, item)"
            .. " values (gen_random_uuid(), gen_random_uuid())")
        assert.is_nil(ok)
        assert.equal("23503", err.code)
        assert.equal("box_item_fkey", err.constraint)
        connection:exec("delete from lunette.state where key = 'schema'")
        assert.same({}, must_apply(PAIR))
    end)

    it("drops the table of a model that went when it is empty only", function()
        must_apply(PAIR)
        connection:exec("insert into shop.label (id) values (gen_random_uuid())")
        refused(ITEM, "the model of table shop.label is gone")
        connection:exec("delete from shop.label")
        must_apply(ITEM)
        assert.equal("0", value("select count(*) from pg_tables"
            .. " where schemaname = 'shop' and tablename <> 'item'"))
    end)

    it("changes nothing when one of many steps fails", function()
        must_apply(ITEM)
        connection:exec(INSERT)
        refused((ITEM:gsub("note = text {},", "note = text {}, extra = text {},")
            :gsub("qty < 1000", "qty < 2")), "some rows break this rule")
        assert.equal("0", value("select count(*) from information_schema.columns"
            .. " where table_schema = 'shop' and column_name = 'extra'"))
    end)

    it("waits for the lease of another load", function()
        must_apply(ITEM)
        connection:exec("insert into lunette.lease values ('schema', 'other', 1,"
            .. " now() + interval '300 ms')")
        must_apply((ITEM:gsub("note = text {},", "note = text {}, more = int {},")))
        assert.equal("0", value("select count(*) from lunette.lease"))
    end)

    it("takes the lease of its own node again, whose loader was killed", function()
        must_apply(ITEM)
        connection:exec("insert into lunette.lease values ('schema', 'here', 1,"
            .. " now() + interval '1 hour')")
        must_apply((ITEM:gsub("note = text {},", "note = text {}, more = int {},")),
            { owner = "here" })
    end)

    it("keeps a type name for the app that released it first", function()
        must_apply(ITEM)
        local set = apps.set { rival = 'app "rival" { version = "1.0.0" }\n'
            .. 'model "Item" { fields = { a = int {} } }\n'
            .. 'access "Item" { admin = "all" }' }
        local ok, refusals = schema.apply(connection, set)
        assert.is_nil(ok)
        assert.matches("belongs to the app 'shop'", refusals[1].message)
        assert.equal("apps/rival/app.lua", refusals[1].file)
    end)

    -- Going back ------------------------------------------------------------

    local function all() return true end
    local BARE = 'model "Item" { fields = { sku = text { required = true } } }'
    local FULL = [[model "Item" { fields = { sku = text { required = true },
        qty = int { required = true, default = 1, min = 0 },
        code = text { unique = true }, maker = ref "Maker" {} },
        check = { { "qty < 100", "too many" } } }
        model "Maker" { fields = { name = text {} } }]]

    local function set_of(models) return apps.set { shop = HEAD .. models } end

    it("keeps what an older set does not know, and lets it write", function()
        must_apply(BARE)
        must_apply(FULL)
        connection:exec("insert into shop.item (id, sku, qty, code) values"
            .. " (gen_random_uuid(), 'a', 5, 'x')")
        assert.is_false(schema.fits(connection, set_of(BARE)))
        must_apply(BARE, { keep = all, back = true })
        assert.is_true(schema.fits(connection, set_of(BARE)))
        connection:exec("insert into shop.item (id, sku) values"
            .. " (gen_random_uuid(), 'b')")
        assert.equal("5", value("select qty from shop.item where sku = 'a'"))
        assert.equal("1", value("select count(*) from information_schema.tables"
            .. " where table_schema = 'shop' and table_name = 'maker'"))
    end)

    it("fits an older set as it is when columns were only added", function()
        must_apply(BARE)
        must_apply([[model "Item" { fields = { sku = text { required = true },
            note = text { unique = true, size = 9 },
            qty = int { required = true, default = 1 } } }]])
        assert.is_true(schema.fits(connection, set_of(BARE)))
    end)

    it("does not bring back what an older set has lost", function()
        must_apply([[model "Item" { fields = { sku = text {}, note = text {} } }]])
        must_apply([[model "Item" { fields = { sku = text {},
            remark = text { was = "note" } } }]])
        local ok, refusals = apply([[model "Item" { fields = { sku = text {},
            note = text {} } }]], { keep = all, back = true })
        assert.is_nil(ok)
        assert.matches("column shop.item.note is not in the database any more",
            refusals[1].message)
    end)

    it("asks before it does more than add, for exactly that", function()
        must_apply([[model "Item" { fields = { sku = text {}, note = text {},
            qty = int {} } }]])
        connection:exec("insert into shop.item (id, note) values"
            .. " (gen_random_uuid(), 'x')")
        local less = [[model "Item" { fields = { sku = text {}, more = int {} } }]]
        local function try(confirm)
            local ok, _, _, asked = apply(less, { ask = true, confirm = confirm })
            return ok, asked
        end
        local ok, asked = try()
        assert.is_nil(ok)
        assert.same({ "shop.item.note" }, asked.losses)
        assert.equal(2, #asked.steps) -- qty is empty, but goes as well
        assert.is_nil((try("other")))
        connection:exec("update shop.item set qty = 1")
        assert.is_nil((try(asked.digest))) -- it is another loss now
        local _, now = try()
        assert.is_true((try(now.digest)))
        assert.equal("0", value("select count(*) from information_schema.columns"
            .. " where table_schema = 'shop' and column_name in ('note', 'qty')"))
    end)
end)
