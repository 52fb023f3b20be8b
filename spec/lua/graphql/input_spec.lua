-- Arguments and variables as one typed tree.
-- SPDX-License-Identifier: Apache-2.0
local host = require("support.host")
local input = require("lunette.graphql.input")
local parse = require("support.parse")
local sets = require("support.sets")
local types = require("lunette.graphql.types")

local schema = types.new(sets.reference(), { strict = true })
local null = host.null

local function list(...)
    return setmetatable({ ... }, host.array_mt)
end

-- The node of the first argument of the first field of a document.
local function first(text, variables)
    local operation = parse.document(text).operations[1]
    local ast = operation.selections[1]
    local field = schema:field(schema:root(operation.op), ast.name)
    local arg = ast.args[1]
    return input.node(schema, field.args_by[arg.name].type, arg.value,
        variables or {}, operation.variables)
end

local function message(text, variables)
    local node, err = first(text, variables)
    assert.is_nil(node)
    assert.equal("BAD_USER_INPUT", err.ext)
    return err.message
end

describe("literals", function()
    it("refer to their place in the document, not to their text", function()
        local node = first('{ users(where: { email: "a", age_gt: 3 }) { id } }')
        assert.equal("object", node.kind)
        assert.equal("UserWhereInput", node.type.name)
        assert.equal("email", node.fields[1].name)
        assert.equal("age_gt", node.fields[2].name)
        assert.equal("gt", node.fields[2].meta.op)
        assert.same({ kind = "scalar", scalar = "String", src = { lit = 0 } },
            node.by.email)
        assert.same({ lit = 1 }, node.by.age_gt.src)
    end)

    it("of one item stand for a list of it", function()
        local node = first('{ users(where: { NOT: { id_in: "x" } }) { id } }')
        assert.equal("list", node.by.NOT.kind)
        assert.equal(1, #node.by.NOT.items)
        local ids = node.by.NOT.items[1].by.id_in
        assert.equal("list", ids.kind)
        assert.same({ lit = 0 }, ids.items[1].src)
    end)

    it("of null, booleans and enums keep their value", function()
        local node = first("{ users(where: { name: null, active: true,"
            .. " role_in: [ADMIN] }) { id } }")
        assert.equal("null", node.by.name.kind)
        assert.is_true(node.by.active.value)
        local role = node.by.role_in.items[1]
        assert.same({ const = "ADMIN" }, role.src)
        assert.same({ "ADMIN", "EDITOR", "READER" }, role.enum_values)
    end)

    it("of an order say by which field", function()
        local node = first("{ users(orderBy: email_DESC) { id } }")
        assert.equal("enum", node.kind)
        assert.equal("email_DESC", node.value)
        assert.equal("email", node.order.field.name)
        assert.is_true(node.order.desc)
    end)
end)

describe("variables", function()
    local WHERE = "query($w: UserWhereInput) { users(where: $w) { id } }"

    it("become the same tree, with paths", function()
        local node = first(WHERE, { w = { AND = list({ email = "a" },
            { id_in = list("x", "y") }) } })
        local items = node.by.AND.items
        assert.equal(2, #items)
        assert.same({ var = "w", path = { "AND", 0, "email" } },
            items[1].by.email.src)
        assert.equal("scalars", items[2].by.id_in.kind)
        assert.same({ var = "w", path = { "AND", 1, "id_in" } },
            items[2].by.id_in.src)
    end)

    it("inside a literal stand where they are", function()
        local node = first("query($e: String) { users(where: { email: $e })"
            .. " { id } }", { e = "a" })
        assert.same({ kind = "scalar", scalar = "String", src = { var = "e" } },
            node.by.email)
    end)

    it("that were not sent leave their field out", function()
        local text = "query($e: String) { users(where: { email: $e, age: 1 })"
            .. " { id } }"
        local node = first(text, {})
        assert.is_nil(node.by.email)
        assert.equal(1, #node.fields)
        assert.equal("absent",
            first("query($n: Int) { users(first: $n) { id } }", {}).kind)
    end)

    it("that were not sent are null in a list", function()
        local err = message("query($e: ID) { users(where: { id_in: [$e] })"
            .. " { id } }", {})
        assert.equal("variable '$e' of type ID! is required", err)
    end)

    it("have defaults", function()
        local node = first("query($n: Int = 3) { users(first: $n) { id } }", {})
        assert.same({ lit = 0 }, node.src)
        local sent = first("query($n: Int = 3) { users(first: $n) { id } }",
            { n = 5 })
        assert.same({ var = "n" }, sent.src)
        local nulled = first("query($n: Int = 3) { users(first: $n) { id } }",
            { n = null })
        assert.equal("null", nulled.kind)
    end)

    it("keep the order of the type, so that plans are the same", function()
        local node = first(WHERE, { w = { name = "b", email = "a", id = "1" } })
        local names = {}
        for i, field in ipairs(node.fields) do names[i] = field.name end
        assert.same({ "id", "email", "name" }, names)
    end)

    it("of one object stand for a list of it", function()
        local node = first(WHERE, { w = { OR = { email = "a" } } })
        assert.equal("list", node.by.OR.kind)
        assert.same({ var = "w", path = { "OR", "email" } },
            node.by.OR.items[1].by.email.src)
    end)

    it("of one scalar stand for a list of it", function()
        local node = first(WHERE, { w = { id_in = "x" } })
        assert.equal("scalars", node.by.id_in.kind)
    end)

    it("of a boolean are read when the plan runs", function()
        local node = first(WHERE, { w = { active = true } })
        assert.same({ kind = "bool", src = { var = "w", path = { "active" } } },
            node.by.active)
    end)

    it("of an order are looked at", function()
        local text = "query($o: UserOrderByInput) { users(orderBy: $o) { id } }"
        assert.equal("age", first(text, { o = "age_ASC" }).order.field.name)
        assert.equal("variable '$o': 'age_UP' is not a value of"
            .. " UserOrderByInput", message(text, { o = "age_UP" }))
        local operation = parse.document(text).operations[1]
        assert.same({ "o" }, input.order_variables(schema, operation))
    end)

    it("of Json may be anything", function()
        local text = "mutation($d: UserUpdateInput!) { updateUser(data: $d,"
            .. ' where: {id: "1"}) { id } }'
        for _, value in ipairs({ { a = 1 }, list(1, 2) }) do
            local node = first(text, { d = { meta = value } })
            assert.equal("Json", node.by.meta.scalar)
        end
    end)
end)

describe("an input of the wrong shape", function()
    local CREATE = "mutation($data: PostCreateInput!) {"
        .. " createPost(data: $data) { id } }"

    it("names the path, the field and its type", function()
        local err = message(CREATE,
            { data = { title = "t", author = { create = {} } } })
        assert.equal("variable '$data' at 'author.create': field 'email' of"
            .. " type String! is required", err)
    end)

    it("names an unknown field and a near one", function()
        local err = message(CREATE, { data = { titel = "t" } })
        assert.equal("variable '$data': 'titel' is not a field of"
            .. " PostCreateInput; did you mean 'title'?", err)
    end)

    it("is null where a value must be", function()
        assert.equal("variable '$data' at 'title': expected String!, found"
            .. " null", message(CREATE, { data = { title = null } }))
        assert.equal("variable '$data': expected PostCreateInput!, found null",
            message(CREATE, { data = null }))
    end)

    it("is a scalar or a list where an object must be", function()
        assert.equal("variable '$data': expected PostCreateInput, found a list",
            message(CREATE, { data = list() }))
        assert.equal("variable '$data' at 'author': expected"
            .. " UserCreateOneWithoutPostsInput, found a string",
            message(CREATE, { data = { title = "t", author = "x" } }))
    end)

    it("is an object where a scalar must be", function()
        assert.equal("variable '$data' at 'title': expected String, found an"
            .. " object", message(CREATE, { data = { title = {} } }))
    end)

    it("is missing altogether", function()
        assert.equal("variable '$data' of type PostCreateInput! is required",
            message(CREATE, {}))
    end)

    it("survives odd names in its message", function()
        local err = message(CREATE, { data = { ["%s%d\n"] = 1 } })
        assert.truthy(err:find("is not a field of PostCreateInput", 1, true))
    end)
end)

describe("all variables of an operation", function()
    it("are checked, used or not", function()
        local operation = parse.document([[
            query($a: UserWhereUniqueInput!, $b: PostWhereInput, $c: Int) {
                users(first: $c) { id } }]]).operations[1]
        local found = input.check(schema, operation, { b = { x = 1 } })
        assert.equal(2, #found)
        assert.truthy(found[1].message:find("$a", 1, true))
        assert.truthy(found[2].message:find("$b", 1, true))
        assert.same({}, input.check(schema, operation, { a = { id = "1" } }))
    end)
end)

describe("the arguments of a field", function()
    it("are nodes by name, without the absent", function()
        local operation = parse.document("query($n: Int) { users(first: $n,"
            .. " skip: 2) { id } }").operations[1]
        local ast = operation.selections[1]
        local nodes = input.arguments(schema, schema:root("query").by.users,
            ast.args, {}, operation.variables)
        assert.is_nil(nodes.first)
        assert.same({ lit = 0 }, nodes.skip.src)
    end)
end)
