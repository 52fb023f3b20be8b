-- Reads that really run: each case is an operation and what a client gets.
-- Needs LUNETTE_TEST_CONNINFO (spec/support/postgres start DIR).
-- SPDX-License-Identifier: Apache-2.0
local cjson = require("cjson")
local database = require("support.database")
local plans = require("support.plans")
local sets = require("support.sets")
local compile = require("lunette.orm.compile")

local USERS = [[
INSERT INTO test."user"
    (id, "createdAt", "updatedAt", email, name, age, score, active, role,
     nicknames) VALUES
('u1', '2020-01-01', '2020-01-01', 'a@x', 'Ann',  30, 1.5, true,  'ADMIN', '{A,Annie}'),
('u2', '2020-01-02', '2020-01-01', 'b@x', 'Bob',  20, 2.5, false, 'READER', '{}'),
('u3', '2020-01-03', '2020-01-01', 'c@x', NULL,   20, 100.500000000001, true, 'READER', '{}'),
('u4', '2020-01-04', '2020-01-01', 'd@x', 'dan',  NULL, NULL, true, 'EDITOR', '{}'),
('u5', '2020-01-05', '2020-01-01', 'e@x', 'Ann%_\', 30, 100.500000000002, true, 'READER', '{}'),
('u6', '2020-01-06', '2020-01-01', 'f@x', NULL,   40, -1, true, 'READER', '{}');
INSERT INTO test.post (id, title, views, "publishedAt", author, reviewer) VALUES
('p1', 'One',   5, NULL, 'u1', 'u2'),
('p2', 'Two',   5, '2021-01-01', 'u1', NULL),
('p3', 'Three', 9, '2021-01-02', 'u1', 'u1'),
('p4', 'Four',  1, NULL, 'u2', NULL),
('p5', 'Five',  7, NULL, 'u3', 'u4');
INSERT INTO test.tag (id, name, parent) VALUES
('t1', 'root', NULL), ('t2', 'leaf', 't1'), ('t3', 'twig', 't1');
INSERT INTO test._post_tags (a, b) VALUES
('p1', 't1'), ('p1', 't2'), ('p2', 't2'), ('p4', 't3');
INSERT INTO test._tag_watchers VALUES ('t2', 'u1'), ('t2', 'u2');
]]

local SHOP = [[
INSERT INTO shop.partner (id, name, vat_number, credit_limit, parent) VALUES
('00000000-0000-7000-8000-000000000001', 'Acme', 'V1', 10.5000, NULL),
('00000000-0000-7000-8000-000000000002', 'Beta', NULL, NULL,
 '00000000-0000-7000-8000-000000000001');
INSERT INTO shop.loyalty_card (id, code, holder) VALUES
('00000000-0000-7000-8000-00000000000a', 'gold',
 '00000000-0000-7000-8000-000000000001');
]]

describe("a read", function()
    if not database.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end

    local service, shop

    setup(function()
        local reference, with_uuids = sets.reference(), sets.shop()
        service = compile.service(reference, { strict = true })
        shop = compile.service(with_uuids, { strict = true })
        database.create(reference)
        database.create(with_uuids)
        database.run(USERS .. SHOP)
    end)

    local function get(text, variables, on)
        local field, doc = plans.field(on or service, text,
            { variables = variables })
        assert(field, type(doc) == "table" and cjson.encode(doc) or "")
        assert(field.kind == "sql", field.error and field.error.message)
        return database.fetch(field, doc, variables)
    end

    -- The values of `key` of a list of objects, as one word: "u1 u2".
    local function words(list, key)
        local found = {}
        for i, row in ipairs(list) do found[i] = tostring(row[key or "id"]) end
        return table.concat(found, " ")
    end

    local function users(args)
        return words(get("{ users(" .. args .. ") { id } }"))
    end

    local function where(filter)
        return users("where: " .. filter)
    end

    it("lists in the order of ids", function()
        assert.equal("u1 u2 u3 u4 u5 u6", words(get("{ users { id } }")))
    end)

    it("sorts NULL as the greatest value and ties by id ascending", function()
        assert.equal("u1 u5 u2 u4 u3 u6", users("orderBy: name_ASC"))
        assert.equal("u3 u6 u4 u2 u5 u1", users("orderBy: name_DESC"))
        assert.equal("u2 u3 u1 u5 u6 u4", users("orderBy: age_ASC"))
        assert.equal("u4 u6 u1 u5 u2 u3", users("orderBy: age_DESC"))
    end)

    it("takes the first, the last and skips from the right end", function()
        assert.equal("", users("first: 0"))
        assert.equal("u1 u2", users("first: 2"))
        assert.equal("u5 u6", users("last: 2"))
        assert.equal("", users("last: 0"))
        assert.equal("u2 u3", users("first: 2, skip: 1"))
        assert.equal("u4 u5", users("last: 2, skip: 1"))
        assert.equal("u5 u6", users("skip: 4"))
        assert.equal("", users("skip: 40"))
        assert.equal("u1 u2 u3 u4 u5 u6", users("first: 100"))
        assert.equal("u2 u3", users("last: 2, orderBy: age_DESC"))
    end)

    it("starts after and ends before a cursor in any order", function()
        assert.equal("u4 u5 u6", users('after: "u3"'))
        assert.equal("u1 u2", users('before: "u3"'))
        assert.equal("u3 u4", users('after: "u2", before: "u5"'))
        assert.equal("u3", users('after: "u2", before: "u5", first: 1'))
        assert.equal("u4", users('after: "u2", before: "u5", last: 1'))
        assert.equal("u2 u1", words(get(
            '{ users(after: "u3", orderBy: id_DESC) { id } }')))
    end)

    -- The ids beyond each cursor, on either side, all in one operation.
    local function beyond_each(ids, order)
        local fields = {}
        for i, id in ipairs(ids) do
            for _, side in ipairs { "after", "before" } do
                fields[#fields + 1] = ('%s%d: users(%s: "%s", orderBy: %s)'
                    .. " { id }"):format(side, i, side, id, order)
            end
        end
        local plan, doc = plans.compile(service,
            "{" .. table.concat(fields, " ") .. "}")
        return database.fetch_all(plan, doc)
    end

    it("treats every cursor as the list does, NULLs and ties too", function()
        for _, order in ipairs { "id_ASC", "id_DESC", "name_ASC", "name_DESC",
            "age_ASC", "age_DESC", "score_ASC", "score_DESC", "active_ASC",
            "active_DESC", "email_DESC", "role_ASC" } do
            local ids = {}
            for id in users("orderBy: " .. order):gmatch("%S+") do
                ids[#ids + 1] = id
            end
            local found = beyond_each(ids, order)
            for i in ipairs(ids) do
                assert.equal(table.concat(ids, " ", i + 1),
                    words(found["after" .. i]), "after " .. i .. order)
                assert.equal(table.concat(ids, " ", 1, i - 1),
                    words(found["before" .. i]), "before " .. i .. order)
            end
        end
    end)

    it("finds nothing beyond an unknown cursor", function()
        for _, order in ipairs { "id_ASC", "name_ASC", "name_DESC",
            "email_ASC" } do
            for _, side in ipairs { "after", "before" } do
                assert.equal("", users(side .. ': "nobody", orderBy: ' .. order))
            end
        end
    end)

    it("refuses negative counts with their numbers", function()
        for argument, number in pairs { first = 3026, last = 3027,
            skip = 3028 } do
            local _, refused = get("{ users(" .. argument .. ": -1) { id } }")
            assert.equal(number, refused)
        end
    end)

    it("compares scalars, null included", function()
        assert.equal("u1 u5", where("{ age: 30 }"))
        assert.equal("u2 u3 u6", where("{ age_not: 30 }"))
        assert.equal("u4", where("{ age: null }"))
        assert.equal("u1 u2 u3 u5 u6", where("{ age_not: null }"))
        assert.equal("u4", where("{ age_in: null }"))
        assert.equal("u1 u2 u3 u5 u6", where("{ age_not_in: null }"))
        assert.equal("u1 u2 u3 u5", where("{ age_in: [30, 20] }"))
        assert.equal("u6", where("{ age_not_in: [30, 20] }"))
        assert.equal("u1 u5", where("{ age_in: 30 }"))
        assert.equal("", where("{ age_in: [] }"))
        assert.equal("u1 u2 u3 u4 u5 u6", where("{ age_not_in: [] }"))
        assert.equal("u1 u2 u3 u4 u5 u6", where("{ NOT: { age_in: [] } }"))
        assert.equal("", where("{ age_lt: null }"))
        assert.equal("u5", where("{ score_gt: 100.500000000001 }"))
        assert.equal("u1 u5", where("{ age_gte: 30, age_lt: 40 }"))
        assert.equal("u2", where("{ active: false }"))
        assert.equal("u4", where("{ role: EDITOR }"))
        assert.equal("u1 u4", where("{ role_in: [EDITOR, ADMIN] }"))
        assert.equal("u5 u6", where('{ createdAt_gt: "2020-01-04" }'))
        assert.equal("u1 u2", where('{ id_in: ["u1", "u2", "zz"] }'))
        assert.equal("u1", where('{ id_lt: "u2" }'))
    end)

    it("looks into texts without wildcards, case-sensitive", function()
        assert.equal("u1 u5", where('{ name_contains: "nn" }'))
        assert.equal("u5", where('{ name_contains: "%" }'))
        assert.equal("u5", where('{ name_contains: "_" }'))
        assert.equal("u5", where([[{ name_ends_with: "\\" }]]))
        assert.equal("u2 u4", where('{ name_not_contains: "nn" }'))
        assert.equal("u1 u5", where('{ name_starts_with: "A" }'))
        assert.equal("u2 u4", where('{ name_not_starts_with: "A" }'))
        assert.equal("u4", where('{ name_ends_with: "an" }'))
        assert.equal("u1 u2 u5", where('{ name_not_ends_with: "an" }'))
        assert.equal("u1 u2 u4 u5", where('{ name_contains: "" }'))
        assert.equal("u1 u2 u4 u5", where('{ name_ends_with: "" }'))
        assert.equal("", where('{ name_starts_with: "ann" }'))
        assert.equal("u3", where('{ id_ends_with: "3" }'))
    end)

    it("joins conditions with AND, OR and NOT", function()
        assert.equal("u1 u2 u3 u4 u5 u6", where("{ AND: [] }"))
        assert.equal("", where("{ OR: [] }"))
        assert.equal("u1 u2 u3 u4 u5 u6", where("{ NOT: [] }"))
        assert.equal("u1 u2 u3 u4 u5 u6",
            where("{ AND: null, OR: null, NOT: null }"))
        assert.equal("u1 u2 u3 u4 u5 u6", where("{ OR: [{}, { age: 1 }] }"))
        assert.equal("", where("{ NOT: [{}] }"))
        assert.equal("u2 u3",
            where('{ NOT: [{ age: 30 }, { age: 40 }] }'))
        assert.equal("u1 u2 u5",
            where('{ OR: [{ age: 30 }, { name: "Bob" }] }'))
        assert.equal("u1", where('{ AND: { age: 30 }, name: "Ann" }'))
        assert.equal("u1 u5 u6", where("{ NOT: { age: 20 } }"))
    end)

    it("follows to-one relations", function()
        local function posts(filter)
            return words(get("{ posts(where: " .. filter .. ") { id } }"))
        end
        assert.equal("p1 p2 p3", posts('{ author: { name: "Ann" } }'))
        assert.equal("p2 p4", posts("{ reviewer: null }"))
        assert.equal("p1 p3 p5", posts("{ reviewer: {} }"))
        assert.equal("p1 p3 p5", posts("{ NOT: { reviewer: null } }"))
        assert.equal("p1 p2 p3 p4",
            posts('{ NOT: { reviewer: { name: "dan" } } }'))
    end)

    it("follows to-many relations", function()
        assert.equal("u1", where('{ posts_some: { views_gt: 4, title: "Two" } }'))
        assert.equal("", where('{ posts_some: { views: 9, title: "Two" } }'))
        assert.equal("u1", where('{ AND: [{ posts_some: { views: 9 } },'
            .. ' { posts_some: { title: "Two" } }] }'))
        assert.equal("u1 u2 u3", where("{ posts_some: {} }"))
        assert.equal("u4 u5 u6", where("{ posts_none: {} }"))
        assert.equal("u1 u2 u3 u4 u5 u6", where("{ posts_every: {} }"))
        assert.equal("u1 u3 u4 u5 u6", where("{ posts_every: { views_gt: 4 } }"))
        assert.equal("u2 u4 u5 u6", where("{ posts_none: { views_gt: 4 } }"))
        -- p1 has no date: nothing is known of it, so not every post fits
        assert.equal("u4 u5 u6",
            where('{ posts_every: { publishedAt_gt: "2020-01-01" } }'))
        assert.equal("u1", where('{ posts_some: { tags_some:'
            .. ' { parent: { name: "root" }, watchers_some: { id: "u2" } } } }'))
    end)

    it("nests lists with arguments of their own for each parent", function()
        assert.same({
            { name = "Ann", posts = { { title = "Three", tags = {},
                reviewer = { name = "Ann" } } } },
            { name = "Bob", posts = { { title = "Four",
                tags = { { name = "twig" } }, reviewer = cjson.null } } },
        }, get("{ users(first: 2) { name posts(orderBy: views_DESC, first: 1)"
            .. " { title tags { name } reviewer { name } } } }"))
        assert.same({ { posts = { { id = "p2" } } }, { posts = {} } },
            get('{ users(first: 2) { posts(last: 1, before: "p3") { id } } }'))
        assert.same({ { posts = { { id = "p2" } } } },
            get("{ users(first: 1) { posts(skip: 1, first: 1) { id } } }"))
        assert.same({ { posts = { { id = "p2" } } } },
            get("{ users(first: 1) { posts(skip: 1, last: 1) { id } } }"))
    end)

    it("finds the row of the list when a relation leads back to it", function()
        assert.same({
            { name = "Ann", posts = { { title = "Two", author = {
                id = "u1", name = "Ann", __typename = "User",
                posts = { { id = "p3", author = { age = 30 } } } } } } },
            { name = "Bob", posts = {} },
        }, get("{ users(first: 2) { name posts(skip: 1, first: 1) { title"
            .. " author { id name __typename posts(last: 1) { id"
            .. " author { age } } } } } }"))
        assert.same({ { children = { { name = "leaf",
            parent = { name = "root", parent = cjson.null } } } } },
            get('{ tags(where: { name: "root" }) { children(first: 1)'
                .. " { name parent { name parent { name } } } } }"))
        -- the reviewer is another relation to the same model
        assert.same({ { posts = { { reviewer = { name = "Bob" } } } } },
            get("{ users(first: 1) { posts(first: 1) { reviewer { name } } }"
                .. " }"))
    end)

    it("reads relations from the linked id alone", function()
        assert.same({
            { author = { id = "u1", __typename = "User" },
                reviewer = { id = "u2" } },
            { author = { id = "u1", __typename = "User" },
                reviewer = cjson.null },
        }, get("{ posts(first: 2) { author { id __typename }"
            .. " reviewer { id } } }"))
    end)

    it("merges fields, aliases and fragments", function()
        assert.same({ { a = "Ann", name = "Ann", __typename = "User",
            posts = { { id = "p1", title = "One" } } } },
            get("{ users(first: 1) { a: name name ...F __typename"
                .. " posts(first: 1) { id } } }"
                .. " fragment F on Node { ... on User"
                .. " { posts(first: 1) { title } } ... on Post { id } }"))
    end)

    it("finds one by any unique field, or null", function()
        assert.same({ name = "Bob" },
            get('{ user(where: { email: "b@x" }) { name } }'))
        assert.equal(cjson.null,
            get('{ user(where: { id: "nobody" }) { name } }'))
        assert.same({ nicknames = { "A", "Annie" } },
            get('{ user(where: { id: "u1" }) { nicknames } }'))
    end)

    it("finds a node of any model, or null", function()
        local text = '{ node(id: "%s") { __typename id ... on Post'
            .. " { title author { name } tags { name } } } }"
        assert.same({ __typename = "Post", id = "p4", title = "Four",
            author = { name = "Bob" }, tags = { { name = "twig" } } },
            get(text:format("p4")))
        assert.same({ __typename = "Tag", id = "t1" }, get(text:format("t1")))
        assert.equal(cjson.null, get(text:format("zz")))
    end)

    it("answers connections", function()
        assert.same({
            pageInfo = { hasNextPage = true, hasPreviousPage = false,
                startCursor = "u5", endCursor = "u2" },
            edges = { { cursor = "u5", node = { name = "Ann%_\\", posts = {} } },
                { cursor = "u2", node = { name = "Bob",
                    posts = { { title = "Four" } } } } },
            aggregate = { count = 2 },
        }, get('{ usersConnection(first: 2, after: "u1", orderBy: name_ASC) {'
            .. " pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
            .. " edges { cursor node { name posts { title } } }"
            .. " aggregate { count } } }"))
        assert.same({
            pageInfo = { hasNextPage = false, hasPreviousPage = true,
                startCursor = "u4", endCursor = "u5" },
            edges = { { node = { id = "u4" } }, { node = { id = "u5" } } },
        }, get("{ usersConnection(last: 2, skip: 1) {"
            .. " pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
            .. " edges { node { id } } } }"))
        assert.same({ pageInfo = { hasNextPage = false, endCursor = "u6" } },
            get("{ usersConnection(first: 6) { pageInfo"
                .. " { hasNextPage endCursor } } }"))
        assert.same({ pageInfo = { hasNextPage = true,
            endCursor = cjson.null, startCursor = cjson.null }, edges = {} },
            get("{ usersConnection(first: 0) { pageInfo { hasNextPage"
                .. " endCursor startCursor } edges { cursor } } }"))
    end)

    -- The page is an array, or a CTE as soon as a cursor is asked for.
    it("answers a page alike whatever else is asked of it", function()
        local args = { "", 'after: "u1"', "skip: 2", 'where: { name_not: "Bob" }',
            'before: "u5"', 'orderBy: name_DESC, after: "u4"' }
        for first = 0, 7 do
            for _, more in ipairs(args) do
                local text = ("{ usersConnection(first: %d, %s) { pageInfo"
                    .. " { hasNextPage hasPreviousPage %%s } edges { cursor node {"
                    .. " name posts { title author { name } } } } } }")
                    :format(first, more)
                local page = get(text:format("endCursor"))
                page.pageInfo.endCursor = nil
                assert.same(page, get(text:format("")))
            end
        end
    end)

    it("counts what a connection holds", function()
        local function count(args)
            return get("{ usersConnection" .. args
                .. " { aggregate { count } } }").aggregate.count
        end
        assert.equal(6, count(""))
        assert.equal(2, count("(where: { age: 30 })"))
        assert.equal(4, count("(first: 4)"))
        assert.equal(1, count("(first: 4, skip: 5)"))
        assert.equal(3, count('(after: "u3")'))
        assert.equal(2, count('(last: 2, before: "u4")'))
        assert.equal(0, count("(first: 0)"))
    end)

    it("takes its values from variables", function()
        assert.equal("u1 u2", words(get("query ($w: UserWhereInput, $n: Int,"
            .. " $o: UserOrderByInput) { users(where: $w, first: $n,"
            .. " orderBy: $o) { id } }", {
            w = { OR = setmetatable({ { id_in =
                setmetatable({ "u1", "u6" }, host.array_mt) },
                { name = "Bob" } }, host.array_mt) },
            n = 2, o = "name_ASC",
        })))
        assert.equal("u1 u2 u3 u4 u5 u6", words(get("query ($n: Int,"
            .. " $c: String) { users(first: $n, after: $c) { id } }",
            { n = host.null })))
    end)

    it("finds nothing by an id that cannot be one", function()
        local acme = "00000000-0000-7000-8000-000000000001"
        local function partners(args)
            return words(get("{ partners(" .. args .. ") { name } }", nil,
                shop), "name")
        end
        assert.equal("", partners('where: { id: "x" }'))
        assert.equal("Acme Beta", partners('where: { id_not: "x" }'))
        assert.equal("Acme", partners('where: { id_in: ["x", "' .. acme
            .. '"] }'))
        assert.equal("Beta", partners('where: { id_not_in: ["x", "' .. acme
            .. '"] }'))
        assert.equal("Acme", partners('where: { id_ends_with: "01" }'))
        assert.equal("", partners('after: "x"'))
        assert.equal("Beta", partners('after: "' .. acme .. '"'))
        assert.equal(cjson.null,
            get('{ node(id: "x") { id } }', nil, shop))
        assert.equal(cjson.null,
            get('{ partner(where: { id: "x" }) { id } }', nil, shop))
    end)

    it("reads one-to-one relations from both sides", function()
        assert.same({
            { name = "Acme", card = { code = "gold",
                holder = { name = "Acme" } }, children = { { name = "Beta" } } },
            { name = "Beta", card = cjson.null, children = {} },
        }, get("{ partners { name card { code holder { name } }"
            .. " children { name } } }", nil, shop))
        assert.same({ { name = "Acme" } },
            get("{ partners(where: { card: {} }) { name } }", nil, shop))
        assert.same({ { name = "Beta" } },
            get("{ partners(where: { card: null }) { name } }", nil, shop))
    end)
end)
