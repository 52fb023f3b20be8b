-- Spelling: names, plurals, suggestions, decimals.
-- SPDX-License-Identifier: Apache-2.0
local names = require("lunette.util.names")
local text = require("lunette.util.text")
local decimal = require("lunette.util.decimal")

describe("names", function()
    it("turns snake_case into camelCase and keeps the rest", function()
        for snake, camel in pairs({ from_date = "fromDate", name = "name",
            vat_number_2 = "vatNumber2", ArtistId = "ArtistId",
            fromDate = "fromDate", Albums = "Albums", a__b = "aB" }) do
            assert.equal(camel, names.snake_to_camel(snake))
        end
    end)

    it("turns CamelCase into snake_case", function()
        for camel, snake in pairs({ OrderLine = "order_line", AUser = "a_user",
            GC = "gc", HTTPServer = "http_server", Order = "order",
            MediaType2 = "media_type2", Line2Item = "line2_item",
            Blog_Post = "blog_post" }) do
            assert.equal(snake, names.camel_to_snake(camel))
        end
    end)

    it("lowers the first letter only", function()
        assert.equal("aUser", names.lower_first("AUser"))
        assert.equal("gCs", names.list_field("GC"))
    end)

    it("forms plurals as the reference does", function()
        local count = 0
        for line in io.lines("spec/data/plurals.txt") do
            local word, plural = line:match("^(%S+) (%S+)$")
            assert.equal(plural, names.plural(word))
            count = count + 1
        end
        assert.is_true(count > 200)
    end)

    it("gives the plurals that api.md names", function()
        for word, plural in pairs({ Todo = "todoes", Child = "children",
            Category = "categories", Index = "indexes", News = "newses",
            Homework = "homeworks", Scissors = "scissorses" }) do
            assert.equal(plural, names.list_field(word))
        end
    end)
end)

describe("did you mean", function()
    local words = { "base.Partner", "sales.Order", "required", "unique" }

    it("finds the nearest word", function()
        assert.equal("base.Partner", text.nearest("base.Partnr", words))
        assert.equal("required", text.nearest("requird", words))
        assert.equal("unique", text.nearest("Unique", words))
    end)

    it("finds a name that lacks its app", function()
        assert.equal("base.Partner", text.nearest("Partner", words))
    end)

    it("stays silent when nothing is near", function()
        assert.is_nil(text.nearest("zebra", words))
        assert.equal("", text.did_you_mean("zebra", words))
    end)

    it("takes time bounded by the length of a name", function()
        assert.is_nil(text.nearest(("x"):rep(100000), words))
    end)
end)

describe("a decimal", function()
    local function eval(op, a, b, ...)
        return decimal.format(decimal[op](decimal.parse(a),
            b and decimal.parse(b), ...))
    end

    it("adds, multiplies and divides exactly", function()
        assert.equal("0.3", eval("add", "0.1", "0.2"))
        assert.equal("-1.25", eval("add", "1.50", "-2.75"))
        assert.equal("0", eval("subtract", "1.00", "1"))
        assert.equal("12193263113702179522618503273362292333223746380111126352690",
            eval("multiply", "123456789012345678901234567890",
                "98765432109876543210987654321"))
        assert.equal("0.333", eval("divide", "1", "3", 3))
        assert.equal("-1", eval("modulo", "-7", "3"))
    end)

    it("rounds half away from zero", function()
        local function round(value, digits)
            return decimal.format(decimal.round(decimal.parse(value), digits))
        end
        assert.equal("2.35", round("2.345", 2))
        assert.equal("-3", round("-2.5", 0))
        assert.equal("0", round("0.004", 2))
        assert.equal("0.01", round("0.005", 2))
        assert.equal("0", round("0.0004", 0))
    end)

    it("refuses what is no number", function()
        for _, wrong in ipairs({ "", ".", "-", "1e5", "1.2.3", " 1", "nan" }) do
            assert.is_nil(decimal.parse(wrong))
        end
    end)
end)
