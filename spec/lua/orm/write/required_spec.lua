-- The rules of relations in nested writes, one by one: P is the side that is
-- updated or created, C the other; M means a list, ! required. Each rule is run
-- with the link kept on either side.
-- SPDX-License-Identifier: Apache-2.0
local writes = require("support.writes")

local VIOLATES = "would violate the required relation 'ChildToParent' between"
    .. " Child and Parent"

-- Models Parent and Child with a one-to-one relation.
local function one_to_one(parent_required, child_required, holder)
    return ([[
        type Parent { id: ID! @id  p: String! @unique  child: Child%s %s }
        type Child { id: ID! @id  c: String! @unique  parent: Parent%s %s }
    ]]):format(parent_required and "!" or "",
        holder == "parent" and "@relation(link: INLINE)" or "",
        child_required and "!" or "",
        holder == "child" and "@relation(link: INLINE)" or "")
end

local function pair(w, p, c)
    w:ok(('mutation { createParent(data: { p: "%s", child: { create: { c: "%s" '
        .. '} } }) { id } }'):format(p, c))
end

local BOTH = [[{ parents { p child { c } } children { c parent { p } } }]]

for _, holder in ipairs({ "parent", "child" }) do
    describe("one-to-one, link kept by the " .. holder,
        writes.with_database(function(w)
        it("P1!-C1!: nested create in an update always violates", function()
            w:models(one_to_one(true, true, holder))
            pair(w, "p1", "c1")
            w:fails(3042, 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' child: { create: { c: "c2" } } }) { p } }', VIOLATES)
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":{"c":"c1"}}],
                "children":[{"c":"c1","parent":{"p":"p1"}}]}]])
        end)

        it("P1!-C1!: connect in an update always violates", function()
            w:models(one_to_one(true, true, holder))
            pair(w, "p1", "c1")
            pair(w, "p2", "c2")
            w:fails(3042, 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' child: { connect: { c: "c2" } } }) { p } }', VIOLATES)
        end)

        it("P1!-C1!: connect in a create always violates", function()
            w:models(one_to_one(true, true, holder))
            pair(w, "p1", "c1")
            w:fails(3042, 'mutation { createParent(data: { p: "p2", child: {'
                .. ' connect: { c: "c1" } } }) { p } }', VIOLATES)
            w:sees("{ parents { p } }", '{"parents":[{"p":"p1"}]}')
        end)

        it("P1!-C1: nested create replaces the child", function()
            w:models(one_to_one(true, false, holder))
            pair(w, "p1", "c1")
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' create: { c: "c2" } } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":{"c":"c2"}}],
                "children":[{"c":"c1","parent":null},
                            {"c":"c2","parent":{"p":"p1"}}]}]])
        end)

        it("P1!-C1: connect of a free child replaces the child", function()
            w:models(one_to_one(true, false, holder))
            pair(w, "p1", "c1")
            w:ok('mutation { createChild(data: { c: "c2" }) { c } }')
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' connect: { c: "c2" } } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":{"c":"c2"}}],
                "children":[{"c":"c1","parent":null},
                            {"c":"c2","parent":{"p":"p1"}}]}]])
        end)

        it("P1!-C1: connect of a child with another parent violates", function()
            w:models(one_to_one(true, false, holder))
            pair(w, "p1", "c1")
            pair(w, "p2", "c2")
            w:fails(3042, 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' child: { connect: { c: "c2" } } }) { p } }', VIOLATES)
            w:fails(3042, 'mutation { createParent(data: { p: "p3", child: {'
                .. ' connect: { c: "c2" } } }) { p } }', VIOLATES)
        end)

        it("P1-C1!: nested create violates where a child is there", function()
            w:models(one_to_one(false, true, holder))
            pair(w, "p1", "c1")
            w:fails(3042, 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' child: { create: { c: "c2" } } }) { p } }', VIOLATES)
            w:ok('mutation { createParent(data: { p: "p2" }) { p } }')
            w:ok('mutation { updateParent(where: { p: "p2" }, data: { child: {'
                .. ' create: { c: "c2" } } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":{"c":"c1"}},
                {"p":"p2","child":{"c":"c2"}}],
                "children":[{"c":"c1","parent":{"p":"p1"}},
                            {"c":"c2","parent":{"p":"p2"}}]}]])
        end)

        it("P1-C1!: connect moves a child to a parent without one", function()
            w:models(one_to_one(false, true, holder))
            pair(w, "p1", "c1")
            w:ok('mutation { createParent(data: { p: "p2" }) { p } }')
            w:ok('mutation { updateParent(where: { p: "p2" }, data: { child: {'
                .. ' connect: { c: "c1" } } }) { p } }')
            w:ok('mutation { createParent(data: { p: "p3", child: { connect: {'
                .. ' c: "c1" } } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":null},
                {"p":"p2","child":null},{"p":"p3","child":{"c":"c1"}}],
                "children":[{"c":"c1","parent":{"p":"p3"}}]}]])
        end)

        it("P1-C1: connect frees both old partners", function()
            w:models(one_to_one(false, false, holder))
            pair(w, "p1", "c1")
            pair(w, "p2", "c2")
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' connect: { c: "c2" } } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":{"c":"c2"}},
                {"p":"p2","child":null}],
                "children":[{"c":"c1","parent":null},
                            {"c":"c2","parent":{"p":"p1"}}]}]])
        end)

        it("P1-C1: connect of the present child changes nothing", function()
            w:models(one_to_one(false, false, holder))
            pair(w, "p1", "c1")
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' connect: { c: "c1" } } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":{"c":"c1"}}],
                "children":[{"c":"c1","parent":{"p":"p1"}}]}]])
        end)

        it("P1-C1: nested create frees the old child", function()
            w:models(one_to_one(false, false, holder))
            pair(w, "p1", "c1")
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' create: { c: "c2" } } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":{"c":"c2"}}],
                "children":[{"c":"c1","parent":null},
                            {"c":"c2","parent":{"p":"p1"}}]}]])
        end)

        it("refuses to disconnect where one side needs the other", function()
            w:models(one_to_one(false, true, holder))
            pair(w, "p1", "c1")
            w:fails(3042, 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' child: { disconnect: true } }) { p } }', VIOLATES)
        end)

        it("disconnects, and tells when nothing is connected", function()
            w:models(one_to_one(false, false, holder))
            pair(w, "p1", "c1")
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' disconnect: true } }) { p } }')
            w:sees(BOTH, [[{"parents":[{"p":"p1","child":null}],
                "children":[{"c":"c1","parent":null}]}]])
            w:fails(3041, 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' child: { disconnect: true } }) { p } }',
                "connected to a node for the model Child on your mutation path.")
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' disconnect: false, delete: false } }) { p } }')
        end)

        it("deletes a child that needs its parent, not one it needs", function()
            w:models(one_to_one(false, true, holder))
            pair(w, "p1", "c1")
            w:fails(3042, 'mutation { deleteParent(where: { p: "p1" }) { p } }',
                VIOLATES)
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' delete: true } }) { p } }')
            w:sees(BOTH, '{"parents":[{"p":"p1","child":null}],"children":[]}')
            w:ok('mutation { deleteParent(where: { p: "p1" }) { p } }')
        end)

        it("updates through the relation, to any depth", function()
            w:models(one_to_one(false, false, holder))
            pair(w, "p1", "c1")
            w:ok('mutation { updateParent(where: { p: "p1" }, data: { child: {'
                .. ' update: { c: "c9" } } }) { p } }')
            w:ok('mutation { updateChild(where: { c: "c9" }, data: { parent: {'
                .. ' update: { p: "p9" } } }) { c } }')
            w:sees(BOTH, [[{"parents":[{"p":"p9","child":{"c":"c9"}}],
                "children":[{"c":"c9","parent":{"p":"p9"}}]}]])
            w:ok('mutation { createParent(data: { p: "p2" }) { p } }')
            w:fails(3041, 'mutation { updateParent(where: { p: "p2" }, data: {'
                .. ' child: { update: { c: "x" } } }) { p } }',
                "The relation ChildToParent has no node for the model Parent"
                .. " connected to a Node for the model Child on your mutation"
                .. " path.")
        end)

        it("upserts the child", function()
            w:models(one_to_one(false, false, holder))
            w:ok('mutation { createParent(data: { p: "p1" }) { p } }')
            local upsert = 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' child: { upsert: { create: { c: "made" }, update: {'
                .. ' c: "changed" } } } }) { child { c } } }'
            w:sees(upsert, '{"updateParent":{"child":{"c":"made"}}}')
            w:sees(upsert, '{"updateParent":{"child":{"c":"changed"}}}')
        end)
    end))
end

describe("one-to-many relations", writes.with_database(function(w)
    local function one_to_many(required)
        return ([[
            type Parent { id: ID! @id  p: String! @unique  children: [Child] }
            type Child { id: ID! @id  c: String! @unique  parent: Parent%s
                test: String }
        ]]):format(required and "!" or "")
    end

    local function family(p, ...)
        local list = {}
        for i, c in ipairs({ ... }) do list[i] = ('{ c: "%s" }'):format(c) end
        w:ok(('mutation { createParent(data: { p: "%s", children: { create: [%s]'
            .. ' } }) { id } }'):format(p, table.concat(list, ", ")))
    end

    local ALL = "{ parents { p children { c } } }"

    it("C1!: a list cannot be cut or cleared, but children move", function()
        w:models(one_to_many(true))
        family("p1", "c1", "c2")
        family("p2", "c3")
        for _, verb in ipairs({ 'disconnect: [{ c: "c1" }]', "set: []",
            'set: [{ c: "c1" }]' }) do
            w:fails(3042, ('mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' children: { %s } }) { p } }'):format(verb), VIOLATES)
        end
        w:ok('mutation { updateParent(where: { p: "p2" }, data: { children: {'
            .. ' set: [{ c: "c1" }, { c: "c2" }, { c: "c3" }, { c: "c3" }] } })'
            .. ' { p } }')
        w:sees(ALL, [[{"parents":[{"p":"p1","children":[]},
            {"p":"p2","children":[{"c":"c1"},{"c":"c2"},{"c":"c3"}]}]}]])
    end)

    it("C1: set replaces the list and steals", function()
        w:models(one_to_many(false))
        family("p1", "c1", "c2")
        family("p2", "c3")
        w:ok('mutation { updateParent(where: { p: "p2" }, data: { children: {'
            .. ' set: [{ c: "c1" }] } }) { p } }')
        w:sees(ALL, [[{"parents":[{"p":"p1","children":[{"c":"c2"}]},
            {"p":"p2","children":[{"c":"c1"}]}]}]])
        w:ok('mutation { updateParent(where: { p: "p2" }, data: { children: {'
            .. ' set: [] } }) { p } }')
        w:sees("{ children { c parent { p } } }", [[{"children":[
            {"c":"c1","parent":null},{"c":"c2","parent":{"p":"p1"}},
            {"c":"c3","parent":null}]}]])
    end)

    it("a missing child is 3039, an unconnected one 3041", function()
        w:models(one_to_many(false))
        family("p1", "c1")
        family("p2", "c2")
        for verb, item in pairs({
            delete = '{ c: "%s" }', disconnect = '{ c: "%s" }',
            update = '{ where: { c: "%s" }, data: { test: "x" } }',
        }) do
            local text = 'mutation { updateParent(where: { p: "p1" }, data: {'
                .. ' children: { %s: [%s] } }) { p } }'
            w:fails(3039, text:format(verb, item:format("none")),
                "No Node for the model Child with value none for c found.")
            w:fails(3041, text:format(verb, item:format("c2")),
                "The relation ChildToParent has no node for the model Parent")
        end
        w:fails(3041, 'mutation { updateParent(where: { p: "p1" }, data: {'
            .. ' children: { update: [{ where: { c: "c2" }, data: { test: "x" }'
            .. ' }] } }) { p } }', "connected to a Node for the model Child with"
            .. " the value 'c2' for the field 'c' on your mutation path.")
        w:fails(3039, 'mutation { updateParent(where: { p: "p1" }, data: {'
            .. ' children: { connect: [{ c: "none" }] } }) { p } }')
        w:fails(3039, 'mutation { createParent(data: { p: "p3",'
            .. ' children: { connect: [{ c: "c1" }, { c: "none" }] } }) { p } }')
        w:sees(ALL, [[{"parents":[{"p":"p1","children":[{"c":"c1"}]},
            {"p":"p2","children":[{"c":"c2"}]}]}]])
    end)

    it("cuts several or none", function()
        w:models(one_to_many(false))
        family("p1", "c1", "c2")
        family("p2", "c3")
        w:fails(3041, 'mutation { updateParent(where: { p: "p1" }, data: {'
            .. ' children: { disconnect: [{ c: "c1" }, { c: "c3" }] } }) { p } }')
        w:ok('mutation { updateParent(where: { p: "p1" }, data: { children: {'
            .. ' disconnect: [{ c: "c1" }, { c: "c2" }, { c: "c2" }] } }) { p } }')
        w:sees(ALL, [[{"parents":[{"p":"p1","children":[]},
            {"p":"p2","children":[{"c":"c3"}]}]}]])
    end)

    it("P1!-CM: a child is shared, and cannot be cut or deleted", function()
        w:models(one_to_many(true))
        family("p1", "c1")
        w:ok('mutation { createChild(data: { c: "c2", parent: { connect: {'
            .. ' p: "p1" } } }) { c } }')
        w:sees(ALL,
            '{"parents":[{"p":"p1","children":[{"c":"c1"},{"c":"c2"}]}]}')
        w:fails(3042, 'mutation { deleteParent(where: { p: "p1" }) { p } }',
            VIOLATES)
        w:fails(3042, "mutation { deleteManyParents { count } }", VIOLATES)
        w:ok('mutation { updateChild(where: { c: "c2" }, data: { parent: {'
            .. ' create: { p: "p2" } } }) { c } }')
        w:sees(ALL, [[{"parents":[{"p":"p1","children":[{"c":"c1"}]},
            {"p":"p2","children":[{"c":"c2"}]}]}]])
    end)
end))
