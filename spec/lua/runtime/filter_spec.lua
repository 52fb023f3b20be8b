-- SPDX-License-Identifier: Apache-2.0
local apps = require("support.apps")
local compile = require("lunette.orm.compile")
local context_module = require("lunette.orm.context")
local filter = require("lunette.runtime.filter")
local misuse = require("lunette.runtime.misuse")
local orm_filter = require("lunette.orm.filter")

-- The host's own is tried end to end.
local function coerce(ptype, value)
    if type(value) == "table" then value = value.number end
    if ptype == "int4" and not tonumber(value) then
        return nil, "must be a whole number"
    end
    return tostring(value)
end
if not host.coerce then rawset(host, "coerce", coerce) end

local SOURCE = [[app "crm" {}
role "seller" {}
model "Partner" { fields = { name = text {}, leads = many "Lead" { by = "partner" } } }
model "Lead" { fields = { name = text {}, stage = enum { "NEW", "WON" }, n = int {},
  value = decimal {}, tags = list(text) {}, extra = json {}, partner = ref "Partner" {} } }
access "Lead" { seller = "all" }
access "Partner" { seller = "all" }]]

local service = compile.service(apps.set({ crm = SOURCE }), {})
local lead = service.by_key["crm.Lead"]

local function running(roles)
    return { service = service, app = "crm", ctx = { roles = roles } }
end

local function read(value)
    return filter.read(running({ ["crm.seller"] = true }), lead, value)
end

local function key(value) return table.concat(read(value).key, " ") end

local function sql(value)
    local made = read(value)
    local context = context_module.new(service, { roles = { admin = true } },
        service.schema)
    return orm_filter.condition(context, lead, made.node, "t"),
        filter.params(context.params, made.texts)
end

local function problem(value)
    local ok, err = pcall(read, value)
    assert.is_false(ok)
    return misuse.text(err)
end

local function op(name, value) return { __op = name, value = value } end

describe("a filter of an app", function()
    it("has a key that values do not change", function()
        assert.equal(key { name = "a", n = 1 }, key { n = 2, name = "b" })
        assert.equal(key { n = op("gt", 1) }, key { n = op("gt", 7) })
        assert.equal(key { name = { "a", "b" } }, key { name = { "c" } })
    end)

    it("has another key for each other statement", function()
        local keys, filters = {}, { {}, { n = 1 }, { name = "a" }, { n = { 1 } },
            { n = op("gt", 1) }, { n = op("gte", 1) }, { n = op("null") },
            { n = op("ne", op("null")) }, { n = op("ne", 1) },
            { { n = 1 }, { name = "a" } }, { n = 1, name = "a" },
            { { __op = "either", filters = { { n = 1 }, { name = "a" } } } },
            { { __op = "none", filters = { { n = 1 }, { name = "a" } } } },
            { partner = "x" }, { ["partner.name"] = "x" }, { tags = "x" },
            { tags = { "x" } } }
        for i, each in ipairs(filters) do
            local made = key(each)
            assert.is_nil(keys[made], ("%d is as %s"):format(i,
                tostring(keys[made])))
            keys[made] = i
        end
    end)

    it("puts every value into a parameter", function()
        local text, params = sql { name = "x' OR true --", n = { 1, 2 },
            value = op("gte", "1.50") }
        assert.is_nil(text:find("OR true", 1, true))
        assert.same({ '{"1","2"}', "x' OR true --", "1.50" },
            { params[1], params[2], params[3] })
        assert.equal(3, #params)
    end)

    it("looks at a link without its table", function()
        local text = sql { partner = "00000000-0000-7000-8000-000000000001" }
        assert.equal('t."partner" = $1::uuid', text)
    end)

    it("says what is wrong with it", function()
        assert.equal("Lead has no field 'nme'; did you mean 'name'?",
            problem { nme = "x" })
        assert.truthy(problem { n = "x" }:find("^n .*must be a whole number"))
        assert.truthy(problem { stage = op("gt", "NEW") }:find("no meaning"))
        assert.truthy(problem { n = op("contains", "1") }:find("no text"))
        assert.truthy(problem { n = op("either") }:find("beside fields"))
        assert.truthy(problem { op("gt", 1) }:find("behind a field"))
        assert.truthy(problem("text"):find("written { field = value }", 1, true))
        assert.truthy(problem { ["name.x"] = 1 }:find("leads nowhere"))
    end)

    it("is bounded in depth and size", function()
        local deep, wide = {}, {}
        for _ = 1, 30 do deep = { deep } end
        for i = 1, 600 do wide[i] = { n = i } end
        assert.truthy(problem(deep):find("nested deeper"))
        assert.truthy(problem(wide):find("more than 500 conditions"))
    end)

    it("ends where the caller may not read", function()
        local ok, err = pcall(filter.read, running({}), lead,
            { ["partner.name"] = "x" })
        assert.is_false(ok)
        assert.equal("FORBIDDEN", err.reason.ext)
    end)
end)
