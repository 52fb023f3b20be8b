-- Reads beyond the reference that really run: orders, aggregates, groups,
-- filters, connections of relations, cursors and distinct.
-- Needs LUNETTE_TEST_CONNINFO (spec/support/postgres start DIR).
-- SPDX-License-Identifier: Apache-2.0
local cjson = require("cjson")
local database = require("support.database")
local plans = require("support.plans")
local sets = require("support.sets")
local compile = require("lunette.orm.compile")

local NULL = cjson.null

local USERS = [[
INSERT INTO test."user"
    (id, "createdAt", "updatedAt", email, name, age, score, active, role,
     nicknames, meta) VALUES
('u1', '2020-01-01', '2020-01-01', 'a@x', 'Ann',  30, 1.5, true,  'ADMIN',
 '{A,Annie}', '{"city": "Bonn", "size": 3, "vip": true, "tags": ["a", {"b": 1}]}'),
('u2', '2020-01-02', '2020-01-01', 'b@x', 'Bob',  20, 2.5, false, 'READER',
 '{}', '{"city": "köln", "size": "3"}'),
('u3', '2020-01-03', '2020-01-01', 'c@x', NULL,   20, NULL, true, 'READER',
 '{B,A}', NULL),
('u4', '2020-01-04', '2020-01-01', 'd@x', 'ÉMILE', NULL, NULL, true, 'EDITOR',
 '{Annie}', '[1, 2]'),
('u5', '2020-01-05', '2020-01-01', 'e@x', 'ann%_', 30, 4, true, 'READER',
 '{}', '"text"'),
('u6', '2020-01-06', '2020-01-01', 'f@x', NULL,   40, -1, true, 'READER',
 '{}', '{"city": null}');
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

describe("beyond the reference, a read", function()
    if not database.conninfo() then
        pending("needs LUNETTE_TEST_CONNINFO")
        return
    end

    local service

    setup(function()
        local reference = sets.reference()
        service = compile.service(reference)
        database.create(reference)
        database.run(USERS)
    end)

    local function run(text, variables)
        local field, doc = plans.field(service, text,
            { variables = variables })
        assert(field, type(doc) == "table" and cjson.encode(doc) or "")
        return field, doc
    end

    local function get(text, variables)
        local field, doc = run(text, variables)
        assert(field.kind == "sql", field.error and field.error.message)
        return database.fetch(field, doc, variables)
    end

    local function refused(text, variables)
        local field = run(text, variables)
        assert.equal("error", field.kind)
        return field.error
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

    local function posts(args)
        return words(get("{ posts(" .. args .. ") { id } }"))
    end

    local function where(filter)
        return users("where: " .. filter)
    end

    describe("in an order of several keys", function()
        it("sorts by one after the other, NULL as the greatest", function()
            assert.equal("u3 u2 u5 u1 u6 u4",
                users("orderByMany: [{ age: ASC }, { name: DESC }]"))
            assert.equal("u4 u6 u1 u5 u2 u3",
                users("orderByMany: [{ age: DESC }, { name: ASC }]"))
            assert.equal("u1 u2 u3 u4 u5 u6", users("orderByMany: []"))
            assert.equal("u1 u2 u3 u4 u5 u6", users("orderByMany: null"))
            assert.equal("u6 u5 u4 u3 u2 u1", users("orderByMany: { id: DESC }"))
        end)

        it("follows to-one relations, however far", function()
            assert.equal("p1 p2 p3 p4 p5",
                posts("orderByMany: [{ author: { name: ASC } }]"))
            assert.equal("p5 p4 p3 p2 p1", posts(
                "orderByMany: [{ author: { name: DESC } }, { views: DESC },"
                .. " { title: DESC }]"))
            -- without a reviewer there is no name: last
            assert.equal("p3 p1 p5 p2 p4",
                posts("orderByMany: { reviewer: { name: ASC } }"))
            assert.equal("t2 t3 t1", words(get(
                "{ tags(orderByMany: [{ parent: { name: ASC } },"
                .. " { parent: { parent: { name: DESC } } }], last: 3)"
                .. " { id name parent { name } } }")))
        end)

        it("starts and ends at cursors by all keys", function()
            local orders = { "[{ age: ASC }, { name: DESC }]",
                "[{ active: DESC }, { score: ASC }, { age: DESC }]",
                "[{ name: DESC }, { age: ASC }]" }
            for _, order in ipairs(orders) do
                local ids = {}
                for id in users("orderByMany: " .. order):gmatch("%S+") do
                    ids[#ids + 1] = id
                end
                for i, id in ipairs(ids) do
                    assert.equal(table.concat(ids, " ", i + 1),
                        users(('orderByMany: %s, after: "%s"')
                            :format(order, id)))
                    assert.equal(table.concat(ids, " ", 1, i - 1),
                        users(('orderByMany: %s, before: "%s"')
                            :format(order, id)))
                end
            end
            assert.equal("p2 p3 p4", posts('orderByMany: [{ author: { name:'
                .. ' ASC } }, { views: ASC }], after: "p1", before: "p5"'))
            assert.equal("", posts("orderByMany: { reviewer: { name: ASC } },"
                .. ' after: "nobody"'))
        end)

        it("takes the order from variables, whole and in parts", function()
            local many = "query ($o: [PostOrderByManyInput!])"
                .. " { posts(orderByMany: $o) { id } }"
            local function list(...)
                return setmetatable({ ... }, host.array_mt)
            end
            assert.equal("p4 p1 p2 p5 p3", words(get(many,
                { o = list({ views = "ASC" }, { title = "ASC" }) })))
            assert.equal("p5 p4 p1 p2 p3",
                words(get(many, { o = { author = { name = "DESC" } } })))
            assert.equal("p4 p1 p2 p5 p3", words(get(
                "query ($d: SortOrder) { posts(orderByMany: [{ views: $d }])"
                .. " { id } }", { d = "ASC" })))
            local plan = plans.compile(service,
                "query ($o: [PostOrderByManyInput!], $d: SortOrder,"
                .. " $n: Int) { posts(orderByMany: $o, first: $n) { id }"
                .. " b: posts(orderByMany: { id: $d }) { id } }",
                { variables = { d = "ASC" } })
            assert.same({ "o", "d", "#n" }, plan.value_vars)
        end)

        it("names exactly one field in each object", function()
            for _, order in ipairs { "[{}]", "[{ id: ASC, name: ASC }]",
                "[{ id: null }]" } do
                assert.equal(3000, refused("{ users(orderByMany: " .. order
                    .. ") { id } }").code)
            end
            assert.equal(3000, refused("{ posts(orderByMany: [{ author: {} }])"
                .. " { id } }").code)
            assert.equal(3000, refused("{ users(orderBy: id_ASC, orderByMany:"
                .. " [{ id: ASC }]) { id } }").code)
            assert.equal("LIMIT_EXCEEDED", refused("{ users(orderByMany: ["
                .. ("{ age: ASC }"):rep(11) .. "]) { id } }").ext)
        end)
    end)

    describe("of distinct rows", function()
        it("keeps the first of each in the order asked for", function()
            assert.equal("u1 u2 u4 u6", users("distinct: [age]"))
            assert.equal("u6 u5 u4 u3",
                users("distinct: [age], orderBy: id_DESC"))
            assert.equal("u1 u2 u4 u5 u6", users("distinct: [role, age]"))
            assert.equal("p1 p4 p5", posts("distinct: author"))
            assert.equal("u1 u2 u3 u4 u5 u6", users("distinct: []"))
            assert.equal("u6 u4", users("distinct: [age], orderBy: age_ASC,"
                .. " last: 2"))
            assert.equal("u2 u4", users("distinct: [age], first: 2, skip: 1"))
        end)

        it("pages and counts what is kept", function()
            assert.equal("u4 u6", users('distinct: [age], after: "u2"'))
            assert.same({ aggregate = { count = 4, sum = { age = 90 } } },
                get("{ usersConnection(distinct: [age])"
                    .. " { aggregate { count sum { age } } } }"))
            assert.same({ { posts = { { id = "p1" }, { id = "p3" } } } },
                get("{ users(first: 1) { posts(distinct: [views]) { id } } }"))
        end)
    end)

    describe("of aggregates", function()
        it("sums, averages and finds extremes in one pass", function()
            assert.same({ aggregate = {
                count = 6, sum = { age = 140, score = 7 },
                avg = { age = 28, score = 1.75 },
                min = { age = 20, email = "a@x" },
                max = { age = 40, createdAt = "2020-01-06T00:00:00+00:00",
                    name = "ÉMILE" },
            } }, get("{ usersConnection { aggregate { count sum { age score }"
                .. " avg { age score } min { age email }"
                .. " max { age createdAt name } } } }"))
            assert.same({ aggregate = { a = { age = 30 }, b = { age = 30 },
                __typename = "AggregateUser" } },
                get("{ usersConnection(where: { age: 30 }) { aggregate"
                    .. " { a: min { age } b: max { age } __typename } } }"))
        end)

        it("looks at the page, and has null for an empty one", function()
            assert.same({ aggregate = { sum = { age = 50 } } },
                get("{ usersConnection(first: 2) { aggregate"
                    .. " { sum { age } } } }"))
            assert.same({ edges = { { cursor = "u6" } },
                aggregate = { sum = { age = 40 } } },
                get("{ usersConnection(last: 1) { edges { cursor }"
                    .. " aggregate { sum { age } } } }"))
            assert.same({ aggregate = { count = 0, sum = { age = NULL },
                max = { name = NULL } } },
                get('{ usersConnection(where: { name: "nobody" })'
                    .. " { aggregate { count sum { age } max { name } } } }"))
            assert.same({ aggregate = { sum = { __typename =
                "UserAggregateSum" } } }, get("{ usersConnection"
                .. " { aggregate { sum { __typename } } } }"))
        end)
    end)

    describe("of groups", function()
        local function groups(args, selection)
            local parts = {}
            for i, group in ipairs(get("{ usersGroupBy(" .. args .. ") "
                .. (selection or "{ key { age } aggregate { count } }")
                .. " }")) do
                parts[i] = tostring(group.key.age) .. "=" .. group.aggregate.count
            end
            return table.concat(parts, " ")
        end

        it("gathers rows with equal keys, NULL among them", function()
            assert.equal("20=2 30=2 40=1 " .. tostring(NULL) .. "=1",
                groups("by: [age]"))
            assert.same({
                { key = { role = "EDITOR", active = true } },
                { key = { role = "ADMIN", active = true } },
            }, get("{ usersGroupBy(by: [role, active], first: 2,"
                .. " where: { role_not: READER }, orderBy: [key_role_DESC])"
                .. " { key { role active } } }"))
        end)

        it("keeps those that `having` allows", function()
            assert.equal("20=2 30=2", groups("by: age, having: { count_gt: 1 }"))
            assert.equal("20=2", groups(
                "by: age, having: { count: 2, sum_score_lt: 5 }"))
            assert.equal("30=2 40=1", groups("by: age, having: { OR: ["
                .. '{ max_score_gte: 4 }, { NOT: { min_createdAt_lt:'
                .. ' "2020-01-06" } }] }'))
            assert.equal(tostring(NULL) .. "=1",
                groups("by: age, having: { sum_score: null }"))
            assert.equal("20=2 30=2 40=1 " .. tostring(NULL) .. "=1",
                groups("by: age, having: { AND: [], NOT: [] }"))
            assert.equal("20=2", groups("by: age, having: { avg_score_gt: 2,"
                .. " avg_score_lt: 2.6 }"))
        end)

        it("sorts by aggregates and keys, and pages", function()
            assert.equal("30=2 20=2 " .. tostring(NULL) .. "=1 40=1",
                groups("by: age, orderBy: [count_DESC, sum_score_DESC]"))
            assert.equal("40=1 20=2", groups("by: age, first: 2, orderBy:"
                .. " [sum_score_ASC]"))
            assert.equal("30=2 40=1", groups("by: age, skip: 1, first: 2"))
            local _, number = get("{ usersGroupBy(by: [age], first: -1)"
                .. " { key { age } } }")
            assert.equal(3026, number)
        end)

        it("follows relations that are keys", function()
            assert.same({
                { key = { author = { name = "Ann", posts = { { id = "p1" } } },
                    __typename = "PostGroupByKey" },
                    aggregate = { count = 3, max = { views = 9 } } },
                { key = { author = { name = "Bob", posts = { { id = "p4" } } },
                    __typename = "PostGroupByKey" },
                    aggregate = { count = 1, max = { views = 1 } } },
                { key = { author = { name = NULL, posts = { { id = "p5" } } },
                    __typename = "PostGroupByKey" },
                    aggregate = { count = 1, max = { views = 7 } } },
            }, get("{ postsGroupBy(by: [author], orderBy: [count_DESC])"
                .. " { key { __typename author { name posts(first: 1) { id } }"
                .. " } aggregate { count max { views } } } }"))
            assert.same({ { key = { reviewer = { id = "u1" } } },
                { key = { reviewer = { id = "u2" } } },
                { key = { reviewer = { id = "u4" } } },
                { key = { reviewer = NULL } } },
                get("{ postsGroupBy(by: [reviewer])"
                    .. " { key { reviewer { id } } } }"))
        end)

        it("takes everything from variables", function()
            local text = "query ($by: [UserGroupByField!]!,"
                .. " $o: [UserGroupByOrderInput!], $h: UserGroupByHavingInput)"
                .. " { usersGroupBy(by: $by, orderBy: $o, having: $h)"
                .. " { key { role } aggregate { count } } }"
            local variables = { by = setmetatable({ "role" }, host.array_mt),
                o = "key_role_DESC", h = { count_gte = 1 } }
            assert.equal("READER=4 EDITOR=1 ADMIN=1", (function()
                local parts = {}
                for i, group in ipairs(get(text, variables)) do
                    parts[i] = group.key.role .. "=" .. group.aggregate.count
                end
                return table.concat(parts, " ")
            end)())
            local plan = plans.compile(service, text,
                { variables = variables })
            assert.same({ "by", "o" }, plan.value_vars)
        end)

        it("refuses keys that it does not group by", function()
            assert.equal(3000,
                refused("{ usersGroupBy(by: []) { key { age } } }").code)
            assert.matches("'name'",
                refused("{ usersGroupBy(by: [age]) { key { name } } }").message)
            assert.matches("'name'", refused("{ usersGroupBy(by: [age],"
                .. " orderBy: [key_name_ASC]) { key { age } } }").message)
        end)
    end)

    describe("with a filter", function()
        it("looks into lists", function()
            assert.equal("u1 u3", where('{ nicknames_contains: "A" }'))
            assert.equal("u1",
                where('{ nicknames_contains_every: ["Annie", "A"] }'))
            assert.equal("u1 u3 u4",
                where('{ nicknames_contains_some: ["A", "Annie"] }'))
            assert.equal("u1 u2 u3 u4 u5 u6",
                where("{ nicknames_contains_every: [] }"))
            assert.equal("", where("{ nicknames_contains_some: [] }"))
            assert.equal("u2 u5 u6", where("{ nicknames_is_empty: true }"))
            assert.equal("u1 u3 u4", where("{ nicknames_is_empty: false }"))
            assert.equal("", where("{ nicknames_contains: null }"))
            assert.equal("u2 u4 u5 u6",
                where('{ NOT: { nicknames_contains: "A" } }'))
            assert.equal("u1 u3", words(get("query ($w: UserWhereInput)"
                .. " { users(where: $w) { id } }", { w = {
                    nicknames_contains_some = setmetatable({ "A" },
                        host.array_mt), nicknames_is_empty = false } })))
        end)

        it("compares Json as a whole and asks what it contains", function()
            assert.equal("u4", where('{ meta: "[1, 2]" }'))
            assert.equal("u1 u2 u5 u6", where('{ meta_not: "[1,2]" }'))
            assert.equal("u3", where("{ meta: null }"))
            assert.equal("u1 u2 u4 u5 u6", where("{ meta_not: null }"))
            assert.equal("u1", where([[{ meta_contains: "{\"size\": 3}" }]]))
            assert.equal("u1", where(
                [[{ meta_contains: "{\"tags\": [{\"b\": 1}]}" }]]))
            assert.equal("u4", where('{ meta_contains: "[2]" }'))
            assert.equal("u1 u2 u6", where('{ meta_has_key: "city" }'))
            assert.equal("u1", words(get("query ($m: Json) { users(where:"
                .. " { meta_contains: $m }) { id } }",
                { m = { vip = true } })))
        end)

        it("follows paths of Json", function()
            local function at(path, rest)
                return where(("{ meta_path: { path: %s, %s } }")
                    :format(path, rest))
            end
            assert.equal("u1", at('["city"]', 'text: "Bonn"'))
            assert.equal("u2", at('"city"', 'text_not: "Bonn"'))
            assert.equal("u1 u2", at('["city"]', 'text_contains: "n"'))
            assert.equal("u3 u4 u5 u6", at('["city"]', "text: null"))
            assert.equal("u1", at('["size"]', "number_gte: 3"))
            assert.equal("u2", at('["size"]', 'text: "3"'))
            assert.equal("u1", at('["vip"]', "bool: true"))
            assert.equal("u1 u2 u6", at('["city"]', "exists: true"))
            assert.equal("u3 u4 u5", at('["city"]', "exists: false"))
            assert.equal("u1", at('["tags", "1", "b"]', "number: 1.0"))
            assert.equal("u1", at('["tags", "-1"]', [[equals: "{\"b\": 1}"]]))
            assert.equal("u1", at('["tags"]', [[contains: "[\"a\"]"]]))
            assert.equal("u6", at('["city"]', 'equals: "null"'))
            assert.equal("u5", at("[]", 'text_starts_with: "te"'))
            assert.equal("u1 u2 u3 u4 u5 u6", at('["x"]', ""))
            assert.equal("", at('["x"]', "text_lt: null"))
            assert.equal("u1", words(get("query ($p: JsonPathInput) { users("
                .. "where: { meta_path: $p }) { id } }", { p = {
                    path = setmetatable({ "city" }, host.array_mt),
                    text_in = setmetatable({ "Bonn", "Ulm" }, host.array_mt),
                } })))
        end)

        it("takes upper and lower case for the same on demand", function()
            assert.equal("u1 u5",
                where('{ mode: insensitive, name_starts_with: "ANN" }'))
            assert.equal("u1", where('{ mode: insensitive, name: "aNN" }'))
            assert.equal("u4", where('{ mode: insensitive, name: "émile" }'))
            assert.equal("u1 u2",
                where('{ mode: insensitive, name_in: ["ANN", "bob"] }'))
            assert.equal("u4 u5",
                where('{ mode: insensitive, name_not_in: ["ANN", "bob"] }'))
            assert.equal("u2 u4",
                where('{ mode: insensitive, name_not_contains: "ANN" }'))
            assert.equal("u1", where('{ mode: insensitive, name_lt: "ANN%" }'))
            assert.equal("u2",
                where('{ mode: insensitive, name_ends_with: "OB" }'))
            assert.equal("u2", where([[{ mode: insensitive, meta_path:
                { path: ["city"], text: "KÖLN" } }]]))
        end)

        it("passes the mode on to what stands inside", function()
            assert.equal("u1 u2 u5", where('{ mode: insensitive, OR: ['
                .. '{ name_contains: "ANN" }, { name: "BOB" }] }'))
            assert.equal("u2", where('{ mode: insensitive, OR: ['
                .. '{ mode: default, name_contains: "ANN" },'
                .. ' { name: "BOB" }] }'))
            assert.equal("u1", where('{ mode: insensitive, posts_some:'
                .. ' { title: "TWO" } }'))
            assert.equal("", where('{ posts_some: { title: "TWO" },'
                .. " AND: [{ mode: insensitive }] }"))
            assert.equal("u1", words(get("query ($m: QueryMode) { users("
                .. 'where: { mode: $m, name: "ANN" }) { id } }',
                { m = "insensitive" })))
            assert.equal("", words(get("query ($w: UserWhereInput) { users("
                .. "where: $w) { id } }", { w = { mode = "default",
                    name = "ANN" } })))
        end)
    end)

    describe("of the connection of a relation", function()
        it("pages and counts for each parent", function()
            assert.same({
                { id = "u1", postsConnection = {
                    aggregate = { count = 2, sum = { views = 14 } },
                    pageInfo = { hasNextPage = true, hasPreviousPage = false,
                        startCursor = "p3", endCursor = "p1" },
                    edges = { { node = { title = "Three", tags = {} } },
                        { node = { title = "One", tags = {
                            { name = "root" }, { name = "leaf" } } } } } } },
                { id = "u2", postsConnection = {
                    aggregate = { count = 1, sum = { views = 1 } },
                    pageInfo = { hasNextPage = false, hasPreviousPage = false,
                        startCursor = "p4", endCursor = "p4" },
                    edges = { { node = { title = "Four", tags = {
                        { name = "twig" } } } } } } },
            }, get("{ users(first: 2) { id postsConnection(first: 2,"
                .. " orderBy: views_DESC) { aggregate { count sum { views } }"
                .. " pageInfo { hasNextPage hasPreviousPage startCursor"
                .. " endCursor } edges { node { title tags { name } } } } } }"))
        end)

        -- The page is an array, or a CTE as soon as a cursor is asked for.
        it("answers a page alike whatever else is asked of it", function()
            for first = 0, 3 do
                local text = ("{ users(orderBy: id_DESC) { id postsConnection("
                    .. "first: %d, skip: 1) { pageInfo { hasNextPage"
                    .. " hasPreviousPage %%s } edges { node { title tags { name"
                    .. " } } } } } }"):format(first)
                local paged = get(text:format("endCursor"))
                for _, user in ipairs(paged) do
                    user.postsConnection.pageInfo.endCursor = nil
                end
                assert.same(paged, get(text:format("")))
            end
        end)

        it("counts alone, filtered, through a join table too", function()
            assert.same({
                { postsConnection = { aggregate = { count = 1 } },
                    all = { aggregate = { count = 3 },
                        __typename = "PostConnection" } },
            }, get("{ users(first: 1) { postsConnection(where:"
                .. " { views_gt: 5 }) { aggregate { count } }"
                .. " all: postsConnection { __typename aggregate { count } }"
                .. " } }"))
            assert.same({ { name = "leaf", postsConnection = {
                edges = { { cursor = "p1" }, { cursor = "p2" } },
                aggregate = { max = { title = "Two" } } } } },
                get('{ tags(where: { name: "leaf" }) { name postsConnection'
                    .. " { edges { cursor } aggregate { max { title } } } } }"))
        end)

        it("stands inside of itself", function()
            assert.same({ edges = { { node = { children = {},
                childrenConnection = { edges = { { node = { name = "leaf",
                    parent = { childrenConnection = {
                        aggregate = { count = 2 },
                        pageInfo = { hasNextPage = false } } } } } },
                    pageInfo = { hasNextPage = true } } } } } },
                get('{ tagsConnection(first: 1) { edges { node {'
                    .. ' children(where: { name: "x" }) { id }'
                    .. " childrenConnection(first: 1) { pageInfo"
                    .. " { hasNextPage } edges { node { name parent"
                    .. " { childrenConnection(first: 2) { pageInfo"
                    .. " { hasNextPage } aggregate { count } } } } } } } } } }"))
        end)
    end)

    describe("about its page", function()
        local function info(args)
            local found = get("{ usersConnection(" .. args .. ") { pageInfo"
                .. " { hasPreviousPage hasNextPage } edges { cursor } } }")
            return ("%s %s %s"):format(tostring(found.pageInfo.hasPreviousPage),
                words(found.edges, "cursor"),
                tostring(found.pageInfo.hasNextPage))
        end

        it("knows whether the list goes on, both ways", function()
            assert.equal("false u1 u2 true", info("first: 2"))
            assert.equal("true u5 u6 false", info("last: 2"))
            assert.equal("true u3 u4 true", info('first: 2, after: "u2"'))
            assert.equal("true u3 u4 true", info('last: 2, before: "u5"'))
            assert.equal("true u5 u6 false", info('first: 2, after: "u4"'))
            assert.equal("false u1 u2 true", info('last: 2, before: "u3"'))
            assert.equal("true u3 u4 true", info("first: 2, skip: 2"))
            assert.equal("true u3 u4 true", info("last: 2, skip: 2"))
            assert.equal("true u3 u4 true", info('after: "u2", before: "u5"'))
            assert.equal("false u1 u2 u3 u4 u5 u6 false", info("skip: 0"))
            assert.equal("true u2 u3 u4 u5 u6 false", info("skip: 1"))
        end)

        it("looks at the rows that the filter keeps", function()
            assert.equal("false u5 false",
                info('where: { age: 30, name_not: "Ann" }, after: "u3"'))
            assert.equal("true u5 false",
                info('where: { age: 30 }, after: "u3"'))
            assert.equal("true u5 false",
                info('where: { age: 30 }, after: "u1"'))
            assert.equal("false u1 true",
                info('where: { age: 30 }, before: "u5"'))
        end)

        it("has nothing around a cursor that nobody knows", function()
            assert.equal("false  false", info('first: 2, after: "x"'))
            assert.equal("false  false", info('last: 2, before: "x"'))
        end)

        it("is as the reference has it in strict mode", function()
            local strict = compile.service(sets.reference(), { strict = true })
            local text = '{ usersConnection(first: 1, after: "u1") { pageInfo'
                .. " { hasPreviousPage hasNextPage } } }"
            local field, doc = plans.field(strict, text)
            assert.same({ pageInfo = { hasPreviousPage = false,
                hasNextPage = true } }, database.fetch(field, doc))
        end)
    end)

    it("gives a type to what nobody selects", function()
        assert.same({ __typename = "UserConnection" },
            get('{ usersConnection(first: 2, skip: 1, after: "u1")'
                .. " { __typename } }"))
        assert.same({ pageInfo = { hasPreviousPage = false } },
            get("{ usersConnection(first: 2) { pageInfo"
                .. " { hasPreviousPage } } }"))
        assert.same({ { postsConnection = { __typename = "PostConnection" } } },
            get("{ users(first: 1) { postsConnection(first: 1)"
                .. " { __typename } } }"))
        local _, number = get("{ usersConnection(first: -1) { __typename } }")
        assert.equal(3026, number)
    end)
end)

describe("what a caller may not read", function()
    local set = sets.reference()
    sets.find(set, "User").access.read = { "hr" }
    local service = compile.service(set)

    local function code(text)
        local field = assert(plans.field(service, text))
        return field.error and field.error.ext
    end

    it("is not reached by an order, a group, a filter or a connection",
        function()
            for _, text in ipairs {
                "{ posts(orderByMany: [{ author: { name: ASC } }]) { id } }",
                "{ posts(orderByMany: [{ author: { id: ASC } }]) { id } }",
                "{ tags { postsConnection(orderByMany: { author: { id: ASC }"
                    .. " }) { aggregate { count } } } }",
                "{ tags { watchersConnection { aggregate { count } } } }",
                "{ postsGroupBy(by: [author]) { key { author { id } } } }",
                '{ posts(where: { author: { mode: insensitive,'
                    .. ' name_contains: "a" } }) { id } }',
                '{ posts(where: { author: { nicknames_contains: "a" } })'
                    .. " { id } }",
                '{ postsGroupBy(by: [views], where: { author: { meta_has_key:'
                    .. ' "a" } }) { key { views } } }',
                "{ usersGroupBy(by: [age]) { key { age } } }",
                "{ usersConnection { aggregate { max { score } } } }",
            } do
                assert.equal("FORBIDDEN", code(text), text)
            end
            assert.is_nil(code("{ posts(distinct: [author]) { id } }"))
        end)
end)
